//! Held against Poetry itself (`tests/poetry/sources.py`): the same projects, the same sources.

#![expect(clippy::format_collect, reason = "a table of a test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use toml_edit::DocumentMut;

use super::change::{Place, Wish};
use super::{Form, Kind, Priority, poetry};
use crate::domain::toml_text::Document;

const PYTHON: &str = "CREDENTIAL_HELPER_TEST_PYTHON";
const SCRIPT: &str = include_str!("../../../tests/poetry/sources.py");
const HEAD: &str = "[tool.poetry]\npackage-mode = false\n\n";

/// The answers of Poetry; `None` where the variable names no Python.
fn ask(home: &Path, requests: &[Value]) -> Option<Vec<Value>> {
    let Some(python) = std::env::var_os(PYTHON) else {
        eprintln!("{PYTHON} is not set: Poetry's sources are not compared");
        return None;
    };
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .env("HOME", home)
        .env("POETRY_CONFIG_DIR", home.join("config"))
        .env("POETRY_CACHE_DIR", home.join("cache"))
        .env("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        .env_remove("POETRY_PYPI_MIRROR_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text: String = requests.iter().map(|one| format!("{one}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = BufReader::new(child.stdout.take().unwrap());
    let answers: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(answers.len(), requests.len());
    Some(answers)
}

/// A source of numbers that are the same in every run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        // xorshift64*: good enough to choose test cases.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        &of[usize::try_from(value).unwrap() % of.len()]
    }
}

const NAMES: [&str; 8] = [
    "foo", "Foo", "bar", "my-repo", "my_repo", "pypi", "PyPI", "baz",
];
const URLS: [&str; 6] = [
    "https://a.example/simple/",
    "https://a.example/simple",
    "https://b.example/links.html",
    "https://b.example/links.htm",
    "http://c.example:8080/x/y/",
    "",
];

fn entry(dice: &mut Dice) -> String {
    let name = *dice.pick(&NAMES);
    let url = if name.eq_ignore_ascii_case("pypi") && *dice.pick(&[true, true, false]) {
        ""
    } else if *dice.pick(&[true, false, false, false]) {
        *dice.pick(&URLS)
    } else {
        *dice.pick(&URLS[..5])
    };
    let rest = *dice.pick(&[
        "",
        "",
        "priority = \"primary\"",
        "priority = \"supplemental\"",
        "priority = \"supplemental\"",
        "priority = \"explicit\"",
        "priority = \"explicit\"",
        "links = true",
        "priority = \"Primary\"",
        "priority = \"default\"",
        "secondary = true",
        "default = false",
        "other = 1",
    ]);
    let url = if url.is_empty() {
        String::new()
    } else {
        format!("url = \"{url}\"\n")
    };
    format!("[[tool.poetry.source]]\nname = \"{name}\"\n{url}{rest}\n\n")
}

/// Our own answer in the form of Poetry's, and whether there was something to warn of.
fn ours(text: &str) -> Result<(Value, bool), String> {
    let document = Document::parse(Path::new("p"), text).unwrap_or_else(|f| panic!("{}", f.detail));
    let declared = poetry::declared(&document, Path::new("/"), "p").map_err(|f| f.detail)?;
    let (sources, warnings) = declared.ordered().map_err(|failure| failure.message)?;
    let told: Vec<Value> = sources
        .iter()
        .map(|source| {
            json!({
                "name": source.name,
                "url": source.url.as_str().trim_end_matches('/'),
                "priority": source.priority.word(),
                "page": source.kind == Kind::Flat,
            })
        })
        .collect();
    Ok((json!(told), !warnings.is_empty()))
}

/// What is decided otherwise: words that Poetry 2.0 took out, and keys that it does not know, are a
/// warning and not an error. Where we warn Poetry refuses, and nowhere else it reads differently.
#[test]
fn generated_projects_have_the_same_sources() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(0x5EED);
    let mut texts = vec![HEAD.to_owned()];
    while texts.len() < 800 {
        let count = *dice.pick(&[1, 1, 2, 2, 3, 4]);
        let entries: String = (0..count).map(|_| entry(&mut dice)).collect();
        texts.push(format!("{HEAD}{entries}"));
    }
    let requests: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let folder = dir.path().join(at.to_string());
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("pyproject.toml"), text).unwrap();
            json!({ "read": folder })
        })
        .collect();
    let Some(answers) = ask(dir.path(), &requests) else {
        return;
    };
    let (mut same, mut refused, mut lenient) = (0, 0, 0);
    for (text, theirs) in texts.iter().zip(&answers) {
        match (ours(text), theirs.get("sources")) {
            (Ok((_, true)), None) => lenient += 1,
            (Ok((sources, false)), Some(theirs)) => {
                assert_eq!(&sources, theirs, "{text}");
                same += 1;
            }
            (Err(_), None) => refused += 1,
            (ours, _) => panic!("{text}\nours: {ours:?}\nPoetry's: {theirs}"),
        }
    }
    assert!(
        same > 200 && refused > 200 && lenient > 50,
        "{same} {refused} {lenient}"
    );
}

/// What is decided otherwise: a name that is there is not replaced.
#[test]
fn sources_are_added_and_removed_as_poetry_does() {
    let dir = tempfile::tempdir().unwrap();
    let starts = [
        HEAD.to_owned(),
        format!(
            "{HEAD}[[tool.poetry.source]]\nname = \"foo\" # kept\nurl = \"https://foo.example/\"\n\n[tool.black]\nx = 1\n"
        ),
        format!(
            "{HEAD}[[tool.poetry.source]]\nname = \"My_Repo\"\nurl = \"https://r.example/\"\npriority = \"explicit\"\n\n[[tool.poetry.source]]\nname = \"PyPI\"\n"
        ),
    ];
    let adds = [
        ("bar", "https://bar.example/simple/", "primary"),
        ("bar", "https://bar.example/links.html", "supplemental"),
        ("Bar.Baz", "https://bar.example/", "explicit"),
        ("pypi", "", "supplemental"),
        ("pypi", "", "explicit"),
        ("pypi", "https://mirror.example/", "primary"),
        ("bar", "", "primary"),
        ("foo", "https://foo.example/new/", "primary"),
    ];
    let gone = ["foo", "FOO", "my_repo", "pypi", "none"];
    let place = |folder: &Path| Place {
        file: folder.join("pyproject.toml"),
        form: Form::Poetry,
    };
    let mut requests = Vec::new();
    let mut cases = Vec::new();
    for (at, start) in starts.iter().enumerate() {
        let added = adds
            .iter()
            .map(|(name, url, priority)| (*name, Some((*url, *priority))));
        let removed = gone.iter().map(|name| (*name, None));
        for (number, (name, add)) in added.chain(removed).enumerate() {
            let [own, theirs] = ["own", "theirs"].map(|who| {
                let folder = dir.path().join(format!("{at}-{number}-{who}"));
                std::fs::create_dir(&folder).unwrap();
                std::fs::write(folder.join("pyproject.toml"), start).unwrap();
                folder
            });
            let mut document: DocumentMut = start.parse().unwrap();
            let done = match add {
                Some((url, priority)) => {
                    let priority = match priority {
                        "explicit" => Priority::Explicit,
                        "supplemental" => Priority::Supplemental,
                        _ => Priority::Primary,
                    };
                    let url = (!url.is_empty()).then_some(url);
                    Wish::new(name, url, Some(priority))
                        .and_then(|wish| place(&own).add(&mut document, &wish))
                        .map_err(|failure| failure.message)
                }
                None => place(&own)
                    .remove(&mut document, name)
                    .map(|_| ())
                    .ok_or_else(|| "there is none".to_owned()),
            };
            if done.is_ok() {
                std::fs::write(own.join("pyproject.toml"), document.to_string()).unwrap();
            }
            let mut arguments = vec!["-C", theirs.to_str().unwrap(), "source"];
            match add {
                Some(("", priority)) => arguments.extend(["add", name, "--priority", priority]),
                Some((url, priority)) => {
                    arguments.extend(["add", name, url, "--priority", priority]);
                }
                None => arguments.extend(["remove", name]),
            }
            requests.push(json!({ "run": arguments }));
            requests.push(json!({ "read": own }));
            requests.push(json!({ "read": theirs }));
            cases.push((start, name, add, done));
        }
    }
    let Some(answers) = ask(dir.path(), &requests) else {
        return;
    };
    let mut replaced = 0;
    for ((start, name, add, done), answers) in cases.iter().zip(answers.chunks(3)) {
        let [ran, own, theirs] = answers else {
            panic!("three answers a case");
        };
        let told = format!("{start}\n{name} {add:?}\n{done:?}\n{ran}");
        if done.as_ref().is_err_and(|why| why.contains("already")) {
            // Or refuses it for another reason.
            replaced += i32::from(ran["status"] == 0);
            continue;
        }
        assert_eq!(done.is_ok(), ran["status"] == 0, "{told}");
        assert_eq!(own, theirs, "{told}");
    }
    // `foo` with another URL, and PyPI as supplemental; that all sources are explicit is refused.
    assert_eq!(replaced, 2);
}
