//! Files in which tools keep secrets as plain text: netrc, `.pypirc`, and all that `helper import` empties.

use std::cell::RefCell;
use std::path::PathBuf;

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{
    Changed, Context, Credential, ErrorCode, Explanation, Failure, Place, Question, Secret, Set,
    Step, render,
};
use zeroize::Zeroizing;

use crate::ci;
use crate::ci::repository::{Places as RepositoryPlaces, Repository};
use crate::domain::netrc::{self, Machine};
use crate::domain::url::RepositoryUrl;
use crate::publish::pypirc;
use crate::scan;
use crate::scan::import::{Import, Progress, Store};
use crate::scan::places::Places;

/// A netrc: what is read, written and read again says the same, and so behind our own entries.
pub fn netrc(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let machines = match netrc::parse(text) {
        Ok(machines) => machines,
        Err((line, _)) => {
            assert!(line >= 1 && line <= text.matches('\n').count() + 1);
            return;
        }
    };
    let mut written = Zeroizing::new(Vec::new());
    for machine in &machines {
        write(machine, &mut written);
    }
    let again = read(&written);
    assert_same(&again, &machines.iter().collect::<Vec<_>>());
    let place = RepositoryUrl::parse("https://zz.example:8443/simple/").expect("a URL");
    for machine in &machines {
        let Some(name) = &machine.name else {
            assert!(
                !machine.is_for(place.0.origin(), false),
                "the default entry answers"
            );
            continue;
        };
        let host = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        assert_eq!(
            machine.is_for(place.0.origin(), false),
            host == "zz.example"
        );
        assert_eq!(
            machine.is_for(place.0.origin(), true),
            host == "zz.example:8443"
        );
    }
    let repository = Repository {
        name: "foo".to_owned(),
        read: Some(Credential {
            username: Some("us er".to_owned()),
            password: Some(Secret::from("s3cret \"\\#")),
            origin: Some("https://zz.example:8443".to_owned()),
            ..Credential::default()
        }),
        upload: None,
        places: RepositoryPlaces::default(),
    };
    let given = ci::netrc::text(&[repository], Some(text));
    assert!(given.warnings.is_empty());
    let mut given = read(&given.text);
    let own = given.remove(0);
    assert_eq!(
        own.name.as_ref().map(|name| name.as_str()),
        Some("zz.example")
    );
    assert_eq!(own.account(), Some("us er"));
    assert_eq!(
        own.password.as_ref().map(|text| text.as_str()),
        Some("s3cret \"\\#")
    );
    let other = |machine: &&Machine| {
        let bare = |name: &str| {
            let name = name.strip_prefix('[').unwrap_or(name);
            let name = name.strip_suffix(']').unwrap_or(name);
            name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
        };
        machine
            .name
            .as_ref()
            .is_none_or(|name| bare(name) != "zz.example")
    };
    let (named, default): (Vec<&Machine>, Vec<&Machine>) = machines
        .iter()
        .filter(other)
        .partition(|machine| machine.name.is_some());
    assert_same(&given, &[named, default].concat());
}

fn write(machine: &Machine, out: &mut Zeroizing<Vec<u8>>) {
    match &machine.name {
        Some(name) => {
            out.extend_from_slice(b"machine ");
            render::netrc_value(name, out);
        }
        None => out.extend_from_slice(b"default"),
    }
    for (word, value) in [
        (" login ", &machine.login),
        (" account ", &machine.account),
        (" password ", &machine.password),
    ] {
        if let Some(value) = value {
            out.extend_from_slice(word.as_bytes());
            render::netrc_value(value, out);
        }
    }
    out.push(b'\n');
}

fn read(text: &[u8]) -> Vec<Machine> {
    let text = std::str::from_utf8(text).expect("text");
    match netrc::parse(text) {
        Ok(machines) => machines,
        Err((line, wrong)) => panic!("our own netrc, line {line}: {wrong}"),
    }
}

fn assert_same(one: &[Machine], other: &[&Machine]) {
    assert_eq!(one.len(), other.len(), "entries come or go");
    for (one, other) in one.iter().zip(other) {
        let same = one.name == other.name
            && one.login == other.login
            && one.account == other.account
            && one.password == other.password;
        assert!(same, "an entry changes");
    }
}

/// `.pypirc`, read for its URLs and accounts.
pub fn pypirc(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for name in ["pypi", "foo", ""] {
        let found = pypirc::section(text, name);
        assert!(found.is_none() || text.contains(&format!("[{name}]")));
    }
    if text.contains("[own]") {
        return;
    }
    let more = format!("{text}\n[own]\nrepository: https://h.example/\nUsername = us er\n");
    let own = pypirc::section(&more, "own").expect("a section that is there");
    assert_eq!(own.repository.as_deref(), Some("https://h.example/"));
    assert_eq!(own.username.as_deref(), Some("us er"));
    for name in ["pypi", "foo"] {
        assert_eq!(pypirc::section(&more, name), pypirc::section(text, name));
    }
}

/// The files of all tools, by the first byte.
const FILES: [&str; 20] = [
    ".netrc",
    ".pypirc",
    "pip.conf",
    "uv.toml",
    "auth.toml",
    "pdm.toml",
    "hatch/config.toml",
    "pyproject.toml",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
    "pylock.toml",
    "Pipfile",
    ".gitlab-ci.yml",
    ".github/workflows/w.yml",
    "Jenkinsfile",
    "Dockerfile",
    ".env",
    "credentials/credentials.toml",
    "other",
];

struct Stage {
    folder: tempfile::TempDir,
    around: Surroundings,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(memory()).expect("a folder");
        for file in FILES {
            if let Some(above) = folder.path().join(file).parent() {
                std::fs::create_dir_all(above).expect("a folder");
            }
        }
        let none: [(&str, &str); 0] = [];
        let around = Surroundings::given(none, Platform::Xdg, 1000, "here");
        Self { folder, around }
    }
}

/// Where files are kept in memory, if anywhere.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    }
}

/// Keeps what it is given and gives it back.
#[derive(Default)]
struct Keeps(Vec<Set>);

impl Store for Keeps {
    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        Ok(Explanation {
            name: question.name.clone(),
            url: question.url.clone(),
            result: "not-found".to_owned(),
            steps: vec![Step {
                provider: "secret-service".to_owned(),
                answer: "not-found".to_owned(),
                ..Step::default()
            }],
            ..Explanation::default()
        })
    }

    fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        let place = question
            .name
            .as_ref()
            .or(question.service.as_ref())
            .or(question.url.as_ref());
        let found = self.0.iter().rev().find(|set| {
            let own = Some(&set.name).filter(|name| !name.is_empty());
            let own = own.or(set.service.as_ref()).or(set.url.as_ref());
            own == place && (question.username.is_none() || set.username == question.username)
        });
        let set = found.ok_or_else(|| Failure::new(ErrorCode::NotFound, "nothing is stored"))?;
        Ok(Credential {
            username: set.username.clone(),
            password: set.secret.clone(),
            provider: "secret-service".to_owned(),
            ..Credential::default()
        })
    }

    fn set(&mut self, set: &Set) -> Result<Changed, Failure> {
        self.0.push(set.clone());
        Ok(Changed {
            stored: vec![Place {
                provider: "secret-service".to_owned(),
                location: "login".to_owned(),
            }],
            ..Changed::default()
        })
    }
}

/// A tool's file, searched, and emptied by an import.
pub fn files(data: &[u8]) {
    thread_local! {
        static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
    }
    let Some((first, text)) = data.split_first() else {
        return;
    };
    STAGE.with_borrow_mut(|stage| {
        let stage = stage.get_or_insert_with(Stage::new);
        let file = FILES[usize::from(*first) % FILES.len()];
        emptied(stage, &stage.folder.path().join(file), text);
    });
}

fn emptied(stage: &Stage, path: &std::path::Path, text: &[u8]) {
    std::fs::write(path, text).expect("room");
    let places = || Places::named(&[path.to_owned()], None, &stage.around).expect("a file");
    let before = scan::scan(&places());
    let told = serde_json::to_string(&before).expect("JSON");
    let mut store = Keeps::default();
    let run = |store: &mut Keeps, apply: bool| {
        let mut import = Import {
            store,
            context: Context::default(),
            apply,
        };
        import.run(&places())
    };
    let (would, _) = run(&mut store, false);
    assert_eq!(
        std::fs::read(path).expect("the file"),
        text,
        "looking changed a file"
    );
    let (moved, _) = run(&mut store, true);
    let now = std::fs::read(path).expect("the file");
    let count = |result: Progress| moved.iter().filter(|one| one.result == result).count();
    let gone = count(Progress::Moved);
    if gone == 0 {
        assert_eq!(now, text, "a file was changed though nothing was moved");
    }
    assert!(would.len() >= gone);
    if std::str::from_utf8(text).is_err() {
        assert!(before.findings.is_empty());
        return;
    }
    let now = String::from_utf8(now).expect("the text stays text");
    let after = scan::scan(&places());
    assert!(
        after.skipped.len() <= before.skipped.len(),
        "a file that can no longer be read"
    );
    assert!(
        after.findings.len() <= before.findings.len() - gone.min(before.findings.len()),
        "an import leaves what it moved"
    );
    for set in &store.0 {
        let secret = set.secret.as_ref().map_or("", Secret::expose);
        let original = String::from_utf8_lossy(text);
        // Short ones, and those that stand in it elsewhere, are there by chance.
        if secret.len() > 7 && original.matches(secret).count() == 1 {
            assert!(!told.contains(secret), "a report holds a secret");
            if gone == store.0.len() {
                assert!(!now.contains(secret), "a moved secret is still there");
            }
        }
    }
}
