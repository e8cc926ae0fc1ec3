use std::path::PathBuf;

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{
    Changed, Context, Credential, ErrorCode, Explanation, Failure, Place, Question, Secret, Set,
    Step,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::places::Places;
use super::{Import, Moved, Progress, Store};

/// A keyring in memory, and what can go wrong with it.
struct Memory {
    /// Name or service, username, secret.
    entries: Vec<(String, String, Secret)>,
    /// URLs and hosts of known repositories, and their names.
    known: Vec<(&'static str, &'static str)>,
    calls: Vec<String>,
    /// The call that fails, by its number.
    fails: Option<usize>,
    /// What is stored is not what was given.
    garbles: bool,
    no_keyring: bool,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            known: vec![("https://corp.example/", "corp")],
            calls: Vec::new(),
            fails: None,
            garbles: false,
            no_keyring: false,
        }
    }
}

impl Memory {
    fn called(&mut self, call: &str) -> Result<(), Failure> {
        self.calls.push(call.to_owned());
        if self.fails == Some(self.calls.len()) {
            return Err(Failure::new(ErrorCode::Locked, "the keyring is locked"));
        }
        Ok(())
    }

    fn stored(&self) -> Vec<(&str, &str, &str)> {
        self.entries
            .iter()
            .map(|(place, name, secret)| (place.as_str(), name.as_str(), secret.expose()))
            .collect()
    }
}

impl Store for Memory {
    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        self.called("explain")?;
        let place = question
            .url
            .as_deref()
            .or(question.service.as_deref())
            .unwrap_or_default();
        let known = self
            .known
            .iter()
            .find(|(start, _)| place.starts_with(start));
        let answer = if self.no_keyring {
            "skipped"
        } else {
            "not-found"
        };
        Ok(Explanation {
            name: question
                .name
                .clone()
                .or(known.map(|(_, name)| (*name).to_owned())),
            result: "not-found".to_owned(),
            steps: vec![Step {
                provider: "secret-service".to_owned(),
                answer: answer.to_owned(),
                ..Step::default()
            }],
            ..Explanation::default()
        })
    }

    fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        self.called("get")?;
        let place = question
            .name
            .as_deref()
            .or(question.service.as_deref())
            .unwrap_or_default();
        let fits = |entry: &&(String, String, Secret)| {
            entry.0 == place
                && question
                    .username
                    .as_ref()
                    .is_none_or(|name| *name == entry.1)
        };
        let Some((_, name, secret)) = self.entries.iter().find(fits) else {
            return Err(Failure::new(ErrorCode::NotFound, "nothing"));
        };
        Ok(Credential {
            username: Some(name.clone()),
            password: Some(secret.clone()),
            provider: "secret-service".to_owned(),
            location: "login".to_owned(),
            ..Credential::default()
        })
    }

    fn set(&mut self, set: &Set) -> Result<Changed, Failure> {
        self.called("set")?;
        let place = set.service.clone().unwrap_or_else(|| set.name.clone());
        let secret = if self.garbles {
            Secret::from("other")
        } else {
            set.secret.clone().unwrap()
        };
        self.entries
            .push((place, set.username.clone().unwrap_or_default(), secret));
        Ok(Changed {
            stored: vec![Place {
                provider: "secret-service".to_owned(),
                location: "login".to_owned(),
            }],
            ..Changed::default()
        })
    }
}

struct Home(TempDir);

impl Home {
    fn with(name: &str, text: &str) -> (Self, PathBuf) {
        let home = Self(tempfile::tempdir().unwrap());
        let path = home.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        (home, path)
    }

    fn import(&self, path: &PathBuf, store: &mut Memory, apply: bool) -> Vec<Moved> {
        let around = Surroundings::given([("HOME", self.0.path())], Platform::Xdg, 7, "host");
        let places = Places::named(std::slice::from_ref(path), None, &around).unwrap();
        let context = Context::default();
        let (moved, skipped) = Import {
            store,
            context,
            apply,
        }
        .run(&places);
        assert_eq!(skipped, []);
        moved
    }
}

/// Files with `SECRET` where it stands, what is left of them, and what is stored.
const FILES: [(&str, &str, &str, (&str, &str)); 12] = [
    (
        ".pypirc",
        "# mine\n[own]\nrepository = https://h.example/legacy/\nusername = alice\npassword = SECRET\n; end\n",
        "# mine\n[own]\nrepository = https://h.example/legacy/\nusername = alice\n; end\n",
        ("own", "alice"),
    ),
    (
        "elsewhere/.pypirc",
        "[own]\r\nrepository = https://h.example/legacy/\r\nusername = alice\r\npassword = SECRET\r\n",
        "[own]\r\nrepository = https://h.example/legacy/\r\nusername = alice\r\n",
        ("https://h.example/legacy/", "alice"),
    ),
    (
        ".netrc",
        "# mine\nmachine h.example\n  login alice # why\n  password \"SECRET\"\nmachine other login bob account x\n",
        "# mine\n# why\nmachine other login bob account x\n",
        ("h.example", "alice"),
    ),
    (
        "pip.conf",
        "[global]\n# mine\nindex-url = https://alice:URL@h.example/simple/\ntimeout = 5\n",
        "[global]\n# mine\nindex-url = https://alice@h.example/simple/\ntimeout = 5\n",
        ("https://h.example/simple/", "alice"),
    ),
    (
        ".local/share/uv/credentials/credentials.toml",
        "# mine\n[[credential]]\nservice = \"https://corp.example/\"\nusername = \"alice\"\nscheme = \"basic\"\npassword = \"SECRET\"\n\n# next\n[[credential]]\nservice = \"https://i.example/\"\nusername = \"bob\"\n",
        "# mine\n# next\n[[credential]]\nservice = \"https://i.example/\"\nusername = \"bob\"\n",
        ("corp", "alice"),
    ),
    (
        "uv.toml",
        "[[index]]\nname = \"a\" # mine\nurl = \"https://alice:URL@h.example/simple\"\n",
        "[[index]]\nname = \"a\" # mine\nurl = \"https://alice@h.example/simple\"\n",
        ("https://h.example/simple", "alice"),
    ),
    (
        ".config/pypoetry/config.toml",
        "[http-basic.foo] # mine\nusername = \"alice\"\npassword = \"SECRET\" # why\n[http-basic.bar]\nusername = \"x\"\n",
        "[http-basic.foo] # mine\nusername = \"alice\"\n# why\n[http-basic.bar]\nusername = \"x\"\n",
        ("foo", "alice"),
    ),
    (
        "poetry.toml",
        "http-basic = { foo = { username = \"alice\", password = \"SECRET\" } }\n[pypi-token]\nfoo = \"${T}\"\n",
        "http-basic = { foo = { username = \"alice\" } }\n[pypi-token]\nfoo = \"${T}\"\n",
        ("foo", "alice"),
    ),
    (
        ".config/pypoetry/auth.toml",
        "[pypi-token]\npypi = \"SECRET\"\n",
        "[pypi-token]\n",
        ("pypi", "__token__"),
    ),
    (
        ".config/pdm/config.toml",
        "[pypi]\nx = 1\n[pypi.foo]\nurl = \"https://h.example/simple\"\nusername = \"alice\"\npassword = \"SECRET\"\n",
        "[pypi]\nx = 1\n[pypi.foo]\nurl = \"https://h.example/simple\"\nusername = \"alice\"\n",
        ("https://h.example/simple", "alice"),
    ),
    (
        ".config/hatch/config.toml",
        "[publish.index]\nuser = \"alice\"\nauth = \"SECRET\"\n",
        "[publish.index]\nuser = \"alice\"\n",
        ("https://upload.pypi.org/legacy/", "alice"),
    ),
    (
        "requirements.txt",
        "# mine\n--extra-index-url https://alice:URL@h.example/simple/\nx==1 # why\n",
        "# mine\n--extra-index-url https://alice@h.example/simple/\nx==1 # why\n",
        ("https://h.example/simple/", "alice"),
    ),
];

fn filled(text: &str, secret: &str) -> String {
    let encoded = secret.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        } else {
            text.extend(["%", &format!("{byte:02X}")]);
        }
        text
    });
    text.replace("SECRET", secret).replace("URL", &encoded)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn files_stay_but_for_the_secret(secret in "[A-Za-z0-9][A-Za-z0-9!%&()*+,./:;=?@^_|~-]{5,30}[A-Za-z0-9]") {
        for (name, text, left, (place, username)) in FILES {
            let text = filled(text, &secret);
            let (home, path) = Home::with(name, &text);
            let mut store = Memory::default();
            let would = home.import(&path, &mut store, false);
            prop_assert_eq!(would.len(), 1, "{}: {:?}", name, would);
            prop_assert_eq!(would[0].result, Progress::WouldMove, "{}: {:?}", name, would);
            prop_assert_eq!(std::fs::read_to_string(&path).unwrap(), text.clone());
            prop_assert!(store.entries.is_empty());
            let shown = format!("{}{:?}", serde_json::to_string(&would).unwrap(), would[0].preview);
            prop_assert!(!shown.contains(&secret[..6]), "{}: {}", name, shown);
            let moved = home.import(&path, &mut store, true);
            prop_assert_eq!(moved[0].result, Progress::Moved, "{}: {:?}", name, moved);
            prop_assert_eq!(std::fs::read_to_string(&path).unwrap(), left, "{}", name);
            prop_assert_eq!(store.stored(), [(place, username, secret.as_str())]);
            // A second run finds nothing.
            prop_assert!(home.import(&path, &mut store, true).is_empty());
        }
    }
}

#[test]
fn what_fails_at_any_step_leaves_the_file() {
    for (name, text, left, _) in FILES {
        let text = filled(text, "hunter2secret");
        let mut done = Memory::default();
        let (home, path) = Home::with(name, &text);
        home.import(&path, &mut done, true);
        for at in 1..=done.calls.len() {
            let (home, path) = Home::with(name, &text);
            let mut store = Memory {
                fails: Some(at),
                ..Memory::default()
            };
            let moved = home.import(&path, &mut store, true);
            assert_eq!(moved[0].result, Progress::Failed, "{name} {at}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{name} {at}");
            // What was stored before the failure does not stand in the way.
            store.fails = None;
            assert_eq!(
                home.import(&path, &mut store, true)[0].result,
                Progress::Moved,
                "{name} {at}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), left);
        }
        let (home, path) = Home::with(name, &text);
        let mut store = Memory {
            garbles: true,
            ..Memory::default()
        };
        let moved = home.import(&path, &mut store, true);
        assert_eq!(moved[0].result, Progress::Failed, "{name}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn another_secret_is_never_replaced() {
    for (name, text, _, (place, username)) in FILES {
        let text = filled(text, "hunter2secret");
        let (home, path) = Home::with(name, &text);
        let mut store = Memory::default();
        let entry = (place.to_owned(), username.to_owned(), Secret::from("other"));
        store.entries.push(entry);
        let moved = home.import(&path, &mut store, true);
        assert_eq!(moved[0].result, Progress::Left, "{name}: {moved:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!(store.stored(), [(place, username, "other")]);
    }
}

#[test]
fn known_repositories_are_stored_by_their_name_unless_they_have_another_account() {
    let text = "[global]\nindex-url = https://alice:hunter2@h.example/simple/\n";
    let known = vec![("https://h.example/", "corp"), ("h.example", "corp")];
    let (home, path) = Home::with("pip.conf", text);
    let mut store = Memory {
        known: known.clone(),
        ..Memory::default()
    };
    assert_eq!(
        home.import(&path, &mut store, true)[0].name.as_deref(),
        Some("corp")
    );
    assert_eq!(store.stored(), [("corp", "alice", "hunter2")]);
    let (home, path) = Home::with("pip.conf", text);
    let mut store = Memory {
        known,
        ..Memory::default()
    };
    store
        .entries
        .push(("corp".to_owned(), "bob".to_owned(), Secret::from("his")));
    let moved = home.import(&path, &mut store, true);
    assert_eq!(
        moved[0].service.as_deref(),
        Some("https://h.example/simple/"),
        "{moved:?}"
    );
    assert_eq!(store.stored()[0], ("corp", "bob", "his"));
}

#[test]
fn what_is_for_all_below_a_url_needs_a_name() {
    let text = "[[credential]]\nservice = \"https://h.example/\"\nusername = \"a\"\npassword = \"hunter2\"\n";
    let (home, path) = Home::with("credentials/credentials.toml", text);
    let moved = home.import(&path, &mut Memory::default(), true);
    assert_eq!(moved[0].result, Progress::Left);
    assert!(
        moved[0]
            .fix
            .as_ref()
            .unwrap()
            .contains("helper trust NAME URL")
    );
}

#[test]
fn without_a_keyring_no_name_is_stored_in_another_file() {
    let (home, path) = Home::with(
        "auth.toml",
        "[http-basic.foo]\nusername = \"a\"\npassword = \"hunter2\"\n",
    );
    let mut store = Memory {
        no_keyring: true,
        ..Memory::default()
    };
    let moved = home.import(&path, &mut store, true);
    assert_eq!(moved[0].result, Progress::Failed);
    assert!(!store.calls.contains(&"set".to_owned()));
}

#[test]
fn a_netrc_that_nobody_named_keeps_hosts_that_are_no_repositories() {
    let text = "machine h.example login a password hunter2\nmachine other.example login b password hunter3\n";
    let (home, path) = Home::with(".netrc", text);
    let around = Surroundings::given([("HOME", home.0.path())], Platform::Xdg, 7, "host");
    let places = Places::of_user(&around, None);
    let mut store = Memory {
        known: vec![("h.example", "corp")],
        ..Memory::default()
    };
    let context = Context::default();
    let (moved, _) = Import {
        store: &mut store,
        context,
        apply: true,
    }
    .run(&places);
    let own: Vec<Progress> = moved
        .iter()
        .filter(|one| one.path == path)
        .map(|one| one.result)
        .collect();
    assert_eq!(own, [Progress::Moved, Progress::Left]);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "machine other.example login b password hunter3\n"
    );
}

#[test]
fn the_same_secret_twice_goes_twice() {
    let line = "https://a:hunter2@h.example/simple/";
    let text = format!("--index-url {line}\n--extra-index-url {line}\n");
    let (home, path) = Home::with("requirements.txt", &text);
    let mut store = Memory::default();
    let moved = home.import(&path, &mut store, true);
    assert!(
        moved.iter().all(|one| one.result == Progress::Moved),
        "{moved:?}"
    );
    assert!(!std::fs::read_to_string(&path).unwrap().contains("hunter2"));
    assert_eq!(store.entries.len(), 1);
}

#[test]
fn a_secret_that_also_stands_in_a_comment_goes_out_of_its_entry() {
    let entry = "index-url = https://u:s3cr3tword@h.example/simple/\n";
    let (home, path) = Home::with("pip.conf", &format!("[global]\n# {entry}{entry}"));
    let mut store = Memory::default();
    let moved = home.import(&path, &mut store, true);
    let results: Vec<_> = moved.iter().map(|one| one.result).collect();
    assert_eq!(results, [Progress::ByHand, Progress::Moved]);
    let left = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        left,
        format!("[global]\n# {entry}index-url = https://u@h.example/simple/\n")
    );
}
