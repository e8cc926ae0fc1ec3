use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};

use credential_helper_protocol::{ErrorCode, Failure};
use pep508_rs::MarkerTree;
use serde_json::json;
use url::Url;

use super::ask::{Ask, said};
use super::{Answer, Finding, Report, Said, Skipped, Subject, Tool, judge};
use crate::index::locked::{Locked, LockedFile, Origin};
use crate::index::project::{File, Project};
use crate::index::source::address::Address;
use crate::index::source::{Form, PYPI, Priority, Source};
use crate::package::filename::Filename;
use crate::package::{PackageName, Version, VersionSpecifiers};

const INNER: &str = "https://inner.example.org/simple/";

fn name(text: &str) -> PackageName {
    PackageName::from_str(text).unwrap()
}

fn source(name: &str, url: &str, priority: Priority) -> Arc<Source> {
    let address = Address::parse(url, None).unwrap();
    let mut source = address.index(Form::Uv, "pyproject.toml".to_owned());
    source.name = (!name.is_empty()).then(|| name.to_owned());
    source.priority = priority;
    Arc::new(source)
}

/// A project with one file a version, as `VERSION=DIGEST`; `!` before it is a yanked one.
fn project(files: &[&str]) -> Arc<Project> {
    let files = files.iter().map(|text| {
        let (text, yanked) = match text.strip_prefix('!') {
            Some(rest) => (rest, Some("broken".to_owned())),
            None => (*text, None),
        };
        let (version, digest) = text.split_once('=').unwrap();
        let filename = format!("acme-{version}.tar.gz");
        File {
            url: Url::parse(&format!("https://files.example.org/{filename}")).unwrap(),
            name: Filename::Sdist(Version::from_str(version).unwrap()),
            filename,
            hashes: BTreeMap::from([("sha256".to_owned(), digest.to_owned())]),
            size: None,
            requires_python: None,
            yanked,
            uploaded: None,
            metadata: None,
            provenance: None,
        }
    });
    Arc::new(Project::new(name("acme"), files.collect()))
}

fn served(source: &Arc<Source>, files: &[&str]) -> Said {
    Said {
        source: Arc::clone(source),
        answer: Answer::Served(project(files)),
    }
}

fn absent(source: &Arc<Source>) -> Said {
    Said {
        source: Arc::clone(source),
        answer: Answer::Absent,
    }
}

fn subject() -> Subject {
    Subject {
        name: name("acme"),
        range: Some(VersionSpecifiers::from_str(">=1,<3").unwrap()),
        pin: None,
        locked: Vec::new(),
        direct: true,
        path: PathBuf::from("pyproject.toml"),
        line: 7,
    }
}

fn locked(index: &str, files: &[(&str, &str)]) -> Locked {
    let file = |(filename, digest): &(&str, &str)| LockedFile {
        filename: (*filename).to_owned(),
        hashes: BTreeMap::from([("sha256".to_owned(), (*digest).to_owned())]),
    };
    Locked {
        name: name("acme"),
        version: Some(Version::from_str("1.0").unwrap()),
        origin: Origin::Index {
            url: Url::parse(index).unwrap(),
            source: None,
        },
        files: files.iter().map(file).collect(),
        marker: MarkerTree::TRUE,
        line: 3,
    }
}

fn told(findings: &[Finding]) -> Vec<String> {
    let pick = |pick: &Option<super::Pick>| {
        pick.as_ref().map_or("-".to_owned(), |pick| {
            format!("{} {}", pick.source, pick.version)
        })
    };
    findings
        .iter()
        .map(|one| {
            format!(
                "{} {} | {} | {} | {}",
                one.severity.word(),
                one.kind.id(),
                pick(&one.picks.pip),
                pick(&one.picks.poetry),
                pick(&one.picks.uv)
            )
        })
        .collect()
}

#[test]
fn what_each_tool_would_take() {
    let inner = source("inner", INNER, Priority::Primary);
    let pypi = source("pypi", PYPI, Priority::Default);
    let behind = source("behind", PYPI, Priority::Supplemental);
    let apart = source("apart", PYPI, Priority::Explicit);
    for (all, tool, expected) in [
        (
            vec![
                served(&inner, &["1.0=a"]),
                served(&pypi, &["2.0=b", "9.0=c"]),
            ],
            Tool::Uv,
            vec!["warning confusion | pypi 2.0 | pypi 2.0 | inner 1.0"],
        ),
        (
            vec![served(&inner, &["1.0=a"]), served(&pypi, &["2.0=b"])],
            Tool::Poetry,
            vec!["error confusion | pypi 2.0 | pypi 2.0 | inner 1.0"],
        ),
        // Nothing higher today, but somebody can put it there tomorrow.
        (
            vec![served(&inner, &["2.0=a"]), served(&pypi, &["1.0=b"])],
            Tool::Pip,
            vec!["error confusion | inner 2.0 | inner 2.0 | inner 2.0"],
        ),
        (
            vec![served(&inner, &["1.0=a"]), served(&behind, &["2.0=b"])],
            Tool::Poetry,
            vec!["error confusion | behind 2.0 | inner 1.0 | inner 1.0"],
        ),
        (
            vec![served(&inner, &["1.0=a"]), served(&apart, &["2.0=b"])],
            Tool::Uv,
            vec!["warning confusion | apart 2.0 | inner 1.0 | inner 1.0"],
        ),
        // A public index before the private one.
        (
            vec![served(&pypi, &["1.0=a"]), served(&inner, &["1.1=b"])],
            Tool::Pip,
            vec!["error confusion | inner 1.1 | inner 1.1 | inner 1.1"],
        ),
        // Yanked and pre-releases are not taken, and 9.0 is not allowed.
        (
            vec![
                served(&inner, &["1.0=a"]),
                served(&pypi, &["!2.0=b", "2.1a1=d", "9.0=c"]),
            ],
            Tool::Uv,
            vec!["warning confusion | inner 1.0 | inner 1.0 | inner 1.0"],
        ),
        // A mirror has the same files.
        (
            vec![
                served(&inner, &["1.0=a"]),
                served(&pypi, &["1.0=a", "2.0=b"]),
            ],
            Tool::Uv,
            vec![],
        ),
        (
            vec![served(&inner, &["1.0=a"]), served(&pypi, &["1.0=b"])],
            Tool::Uv,
            vec![
                "warning confusion | inner 1.0 | inner 1.0 | inner 1.0",
                "error other-bytes | inner 1.0 | inner 1.0 | inner 1.0",
            ],
        ),
        (
            vec![served(&inner, &["1.0=a"]), absent(&pypi)],
            Tool::Uv,
            vec!["warning unclaimed | inner 1.0 | inner 1.0 | inner 1.0"],
        ),
        (
            vec![absent(&inner), served(&pypi, &["1.0=a"])],
            Tool::Uv,
            vec![],
        ),
        (vec![absent(&inner), absent(&pypi)], Tool::Uv, vec![]),
    ] {
        assert_eq!(told(&judge(&subject(), &all, tool)), expected, "{all:?}");
    }
}

#[test]
fn a_pin_ends_it() {
    let inner = source("inner", INNER, Priority::Explicit);
    let pypi = source("pypi", PYPI, Priority::Default);
    let all = [served(&inner, &["1.0=a"]), served(&pypi, &["2.0=b"])];
    let pinned = Subject {
        pin: Some("Inner".to_owned()),
        ..subject()
    };
    assert!(judge(&pinned, &all, Tool::Uv).is_empty());
    let open = judge(&subject(), &all, Tool::Uv);
    assert_eq!(
        told(&open),
        ["error confusion | pypi 2.0 | pypi 2.0 | pypi 2.0"]
    );
    assert_eq!(
        open[0].fix,
        "[tool.uv.sources]\nacme = { index = \"inner\" }"
    );
    assert_eq!(
        open[0].message,
        "acme comes from pypi; inner has another project of this name"
    );
}

#[test]
fn lock_files_are_held_against_the_sources() {
    let inner = source("inner", INNER, Priority::Primary);
    let pypi = source("pypi", PYPI, Priority::Default);
    for (lock, all, expected) in [
        (
            locked(INNER.trim_end_matches('/'), &[("acme-1.0.tar.gz", "a")]),
            vec![served(&inner, &["1.0=a"]), absent(&pypi)],
            vec!["warning unclaimed"],
        ),
        (
            locked(INNER, &[("acme-1.0.tar.gz", "b")]),
            vec![served(&inner, &["1.0=a"])],
            vec!["error locked-bytes"],
        ),
        (
            locked(INNER, &[("", "b"), ("", "a")]),
            vec![served(&inner, &["1.0=a"])],
            vec![],
        ),
        (
            locked(INNER, &[("", "b")]),
            vec![served(&inner, &["1.0=a"])],
            vec!["error locked-bytes"],
        ),
        (
            locked(INNER, &[]),
            vec![absent(&inner), served(&pypi, &["1.0=a"])],
            vec!["error locked-elsewhere"],
        ),
        (
            locked("https://old.example.org/simple", &[]),
            vec![served(&inner, &["1.0=a"])],
            vec!["error locked-elsewhere"],
        ),
        (
            locked(PYPI, &[]),
            vec![served(&inner, &["1.0=a"]), served(&pypi, &["1.0=a"])],
            vec!["warning locked-elsewhere"],
        ),
        // It moved, and is what it was.
        (
            locked(
                "https://old.example.org/simple",
                &[("acme-1.0.tar.gz", "a")],
            ),
            vec![served(&inner, &["1.0=a"])],
            vec![],
        ),
    ] {
        let one = Subject {
            locked: vec![lock],
            ..subject()
        };
        let found = judge(&one, &all, Tool::Uv);
        let short: Vec<String> = told(&found)
            .iter()
            .map(|line| line.split(" | ").next().unwrap().to_owned())
            .collect();
        assert_eq!(short, expected, "{one:?}");
    }
}

#[test]
fn namespaces_that_somebody_else_holds() {
    let pypi = source("pypi", PYPI, Priority::Default);
    for (namespaces, count) in [
        (vec![("acme", false)], 1),
        (vec![("acme", true)], 0),
        (vec![("acme", true), ("a", false)], 0),
        (vec![], 0),
    ] {
        let mut project = Arc::unwrap_or_clone(project(&["1.0=a"]));
        project.namespaces = namespaces
            .iter()
            .map(|(name, held)| ((*name).to_owned(), *held))
            .collect();
        let all = [Said {
            source: Arc::clone(&pypi),
            answer: Answer::Served(Arc::new(project)),
        }];
        assert_eq!(
            judge(&subject(), &all, Tool::Uv).len(),
            count,
            "{namespaces:?}"
        );
    }
}

#[test]
fn fixes_in_the_words_of_each_tool() {
    let inner = source("inner", INNER, Priority::Primary);
    let nameless = source("", INNER, Priority::Primary);
    let pypi = source("pypi", PYPI, Priority::Default);
    let mut with_lock = subject();
    with_lock.locked = vec![locked(INNER, &[("acme-1.0.tar.gz", "a")])];
    let indirect = Subject {
        direct: false,
        ..subject()
    };
    for (one, private, tool, expected) in [
        (
            subject(),
            &inner,
            Tool::Poetry,
            "[tool.poetry.dependencies]\nacme = { version = \">=1, <3\", source = \"inner\" }",
        ),
        (
            subject(),
            &nameless,
            Tool::Uv,
            "[[tool.uv.index]]\nname = \"example\"\nurl = \"https://inner.example.org/simple/\"\n\n\
             [tool.uv.sources]\nacme = { index = \"example\" }",
        ),
        (
            indirect,
            &inner,
            Tool::Uv,
            "[project]\ndependencies = [..., \"acme\"]\n\n[tool.uv.sources]\nacme = { index = \"inner\" }",
        ),
        (
            with_lock,
            &inner,
            Tool::Pip,
            "--require-hashes\nacme==1.0 --hash=sha256:a\n(pip cannot tie a name to an index, only to digests)",
        ),
        (
            subject(),
            &inner,
            Tool::Pip,
            "--index-url https://inner.example.org/simple/\n(pip cannot tie a name to an index: \
             give it this one alone, and let it serve the rest)",
        ),
    ] {
        let all = [served(private, &["1.0=a"]), served(&pypi, &["2.0=b"])];
        let found = judge(&one, &all, tool);
        assert_eq!(found[0].fix, expected);
    }
}

/// Answers from a table, and keeps who was asked.
struct Table {
    has: Vec<&'static str>,
    fails: Vec<&'static str>,
    asked: Mutex<Vec<String>>,
}

impl Ask for Table {
    async fn ask(&self, source: &Arc<Source>, _: &PackageName) -> Answer {
        self.asked.lock().unwrap().push(source.label().to_owned());
        if self.fails.contains(&source.label()) {
            Answer::Failed(Failure::new(ErrorCode::Unavailable, "503"))
        } else if self.has.contains(&source.label()) {
            Answer::Served(project(&["1.0=a"]))
        } else {
            Answer::Absent
        }
    }
}

#[tokio::test]
async fn a_private_name_is_not_told_to_a_public_index() {
    let pypi = source("pypi", PYPI, Priority::Default);
    let test = source("test", "https://test.pypi.org/simple", Priority::Explicit);
    let inner = source("inner", INNER, Priority::Primary);
    let other = source("other", "https://other.example.org/", Priority::Primary);
    let all = [pypi, inner, test, other];
    let everywhere = ["inner", "other", "pypi", "test"];
    let private = ["inner", "other"];
    for (has, fails, lock, ask_public, expected) in [
        (vec!["inner"], vec![], None, false, &private[..]),
        (vec!["inner"], vec![], None, true, &everywhere),
        (vec!["pypi"], vec![], None, false, &everywhere),
        // Who cannot say may have it.
        (vec![], vec!["other"], None, false, &private),
        (
            vec!["inner"],
            vec![],
            Some(PYPI),
            false,
            &["inner", "other", "pypi"],
        ),
        (vec!["inner"], vec![], Some(INNER), false, &private),
    ] {
        let table = Table {
            has,
            fails,
            asked: Mutex::default(),
        };
        let one = Subject {
            locked: lock.map(|index| locked(index, &[])).into_iter().collect(),
            ..subject()
        };
        let answers = said(&table, &all, &one, ask_public).await;
        let order: Vec<&str> = answers.iter().map(|one| one.source.label()).collect();
        assert_eq!(order, ["pypi", "inner", "test", "other"]);
        let mut asked = table.asked.into_inner().unwrap();
        asked.sort();
        assert_eq!(asked, expected, "{answers:?}");
        let kept = answers
            .iter()
            .filter(|one| matches!(one.answer, Answer::Kept))
            .count();
        assert_eq!(kept, all.len() - expected.len());
    }
}

#[test]
fn reports_have_their_forms() {
    let inner = source("inner", INNER, Priority::Primary);
    let pypi = source("pypi", PYPI, Priority::Default);
    let all = [served(&inner, &["1.0=a"]), served(&pypi, &["2.0=b"])];
    let report = Report {
        findings: judge(&subject(), &all, Tool::Uv),
        skipped: vec![Skipped {
            project: "b".to_owned(),
            source: "inner".to_owned(),
            reason: "503".to_owned(),
        }],
    };
    let object = serde_json::to_value(&report).unwrap();
    let finding = &object["findings"][0];
    assert_eq!(finding["rule"], "confusion");
    assert_eq!(finding["also_in"], json!(["pypi"]));
    assert_eq!(
        finding["pip"],
        json!({ "source": "pypi", "version": "2.0" })
    );
    assert_eq!(finding["line"], 7);
    let sarif = report.sarif(None);
    let run = &sarif["runs"][0];
    assert_eq!(run["results"][0]["ruleId"], "confusion");
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "confusion");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(
        run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"],
        "inner was not asked about b: 503"
    );
}
