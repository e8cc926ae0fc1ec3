use std::path::Path;
use std::time::{Duration, SystemTime};

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{
    Asked, BindingList, BindingRecord, Context, Credential, Explanation, Failure, Listed, Listing,
    OriginCheck, Question, Secret, Status, VERSION,
};
use tempfile::TempDir;

use super::{Check, Options, Outcome, Source, run};
use crate::domain::text::shell_word;

/// An agent that has one credential for every name but `unbound`.
#[derive(Default)]
struct Fake {
    got: Vec<String>,
}

impl Source for Fake {
    fn status(&mut self) -> Result<Option<Status>, Failure> {
        Ok(Some(Status {
            version: VERSION.into(),
            ..Status::default()
        }))
    }

    fn list(&mut self, _: &Asked) -> Result<Listing, Failure> {
        let one = |name: &str| Listed {
            name: Some(name.into()),
            provider: "auth.toml".into(),
            ..Listed::default()
        };
        Ok(Listing {
            credentials: vec![one("foo"), one("unbound")],
            skipped: Vec::new(),
        })
    }

    fn bindings(&mut self, _: &Asked) -> Result<BindingList, Failure> {
        let bindings = vec![BindingRecord {
            name: "foo".into(),
            origin: "https://elsewhere.example".into(),
            by: "first-use".into(),
            ..BindingRecord::default()
        }];
        Ok(BindingList {
            bindings,
            project: None,
        })
    }

    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        let unbound = question.name.as_deref() == Some("unbound");
        Ok(Explanation {
            result: "found".into(),
            has_secret: true,
            provider: Some("auth.toml".into()),
            origin: OriginCheck {
                result: if unbound { "unbound" } else { "allowed" }.into(),
                ..OriginCheck::default()
            },
            warnings: vec!["2 entries for foo".into()],
            ..Explanation::default()
        })
    }

    fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        self.got.push(question.name.clone().unwrap_or_default());
        Ok(Credential {
            username: Some("user".into()),
            password: Some(Secret::from("sentinel")),
            provider: "auth.toml".into(),
            ..Credential::default()
        })
    }
}

#[cfg_attr(
    not(feature = "net"),
    expect(dead_code, reason = "for homes of tests with requests")
)]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A home with these files, and nothing else of this machine.
fn options(home: &TempDir, offline: bool) -> Options {
    let at = |name: &str| home.path().join(name);
    let text = |name: &str| Some(at(name).to_string_lossy().into_owned());
    let uid = Surroundings::of_process().uid;
    let variables = [("HOME", at("")), ("PATH", at("bin"))];
    Options {
        around: Surroundings::given(variables, Platform::HERE, uid, "host"),
        context: Context {
            folder: text("project"),
            poetry: text("poetry"),
            settings: text("settings"),
            state: text("state"),
            uv: text("uv"),
            uv_store: text("store"),
            ..Context::default()
        },
        executable: None,
        now: SystemTime::now(),
        offline,
        proxies: false,
        time: Duration::from_secs(30),
    }
}

fn of<'a>(checks: &'a [Check], id: &str, subject: &str) -> Vec<&'a Check> {
    let about = |check: &&Check| check.id == id && check.subject.as_deref() == Some(subject);
    checks.iter().filter(about).collect()
}

#[test]
fn words_for_a_shell() {
    for (word, wanted) in [
        ("foo", "foo"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("$(x)", "'$(x)'"),
    ] {
        assert_eq!(shell_word(word), wanted);
    }
}

#[test]
fn an_empty_home_has_no_problem_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let mut fake = Fake::default();
    let checks = run(&options(&home, true), &mut fake).unwrap();
    let found = checks.iter().filter(|check| {
        check.result == Outcome::Problem && !matches!(check.id, "bus" | "keyring" | "socket")
    });
    assert_eq!(found.count(), 0, "{checks:?}");
    assert!(checks.iter().any(|check| check.id == "clock"));
    assert_eq!(of(&checks, "binding", "unbound").len(), 1);
}

#[cfg(feature = "net")]
#[test]
fn a_whole_examination() {
    use crate::http::test_server::{Server, reply};

    let server = Server::start(None, |head| {
        Some(
            if head.contains("authorization: basic dxnlcjpzzw50aw5lba==") {
                reply("200 OK", "")
            } else {
                reply("401 Unauthorized", "")
            },
        )
    });
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    write(
        &at("poetry/config.toml"),
        &format!(
            "[repositories.bar]\nurl = \"{}\"\n[certificates.bar]\ncert = false\n\
             [repositories.broken]\nurl = \"{}\"\n[certificates.broken]\ncert = \"gone.pem\"\n",
            server.url("/bar/simple/"),
            server.url("/broken/simple/"),
        ),
    );
    write(
        &at("poetry/auth.toml"),
        "[http-basic.foo]\nusername = \"user\"\npassword = \"sentinel\"\n",
    );
    write(&at("settings/config.toml"), "unknown-key = 1\n");
    write(&at("state/trust.toml"), "= sentinel");
    write(
        &at("project/pyproject.toml"),
        &format!(
            "[[tool.poetry.source]]\nname = \"unbound\"\nurl = \"{}\"\n\
             [[tool.poetry.source]]\nname = \"foo\"\nurl = \"{}\"\n",
            server.url("/unbound/simple/"),
            server.url("/foo/simple/"),
        ),
    );
    let mut fake = Fake::default();
    let checks = run(&options(&home, false), &mut fake).unwrap();
    let result = |id: &str, subject: &str| {
        let found = of(&checks, id, subject);
        assert_eq!(found.len(), 1, "{id} {subject}: {checks:?}");
        found[0].result
    };
    assert_eq!(result("repository", "bar"), Outcome::Ok);
    assert_eq!(result("repository", "foo"), Outcome::Ok);
    assert_eq!(result("repository", "unbound"), Outcome::Skipped);
    assert_eq!(result("repository", "broken"), Outcome::Problem);
    assert_eq!(result("binding", "foo"), Outcome::Problem);
    assert_eq!(result("binding", "unbound"), Outcome::Warning);
    assert_eq!(result("lookup", "bar"), Outcome::Warning);
    assert_eq!(
        result("file", &at("state/trust.toml").to_string_lossy()),
        Outcome::Problem
    );
    assert!(checks.iter().any(|check| check.id == "settings"));
    // A name that nothing binds was neither asked for nor sent.
    assert_eq!(fake.got, ["bar", "broken", "foo"]);
    assert!(
        server
            .heads()
            .iter()
            .all(|head| !head.contains("/unbound/"))
    );
    assert!(!format!("{checks:?}").contains("sentinel"));

    let mut fake = Fake::default();
    let checks = run(&options(&home, true), &mut fake).unwrap();
    assert!(fake.got.is_empty());
    assert_eq!(of(&checks, "repository", "bar")[0].result, Outcome::Skipped);
}

#[cfg(feature = "net")]
#[test]
fn four_requests_at_a_time() {
    use std::sync::{Arc, Condvar, Mutex};

    use crate::http::test_server::{Server, reply};

    #[derive(Default)]
    struct Seen {
        arrived: usize,
        inside: usize,
        most: usize,
    }
    // Each request waits for the four of its turn: with fewer at once it would time out.
    let seen = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
    let shared = seen.clone();
    let server = Server::start(None, move |_| {
        let (seen, changed) = &*shared;
        let mut guard = seen.lock().unwrap();
        let turn = guard.arrived / 4 * 4 + 4;
        guard.arrived += 1;
        guard.inside += 1;
        guard.most = guard.most.max(guard.inside);
        changed.notify_all();
        let mut guard = changed
            .wait_while(guard, |seen| seen.arrived < turn)
            .unwrap();
        guard.inside -= 1;
        Some(reply("200 OK", ""))
    });
    let home = tempfile::tempdir().unwrap();
    let entries: Vec<String> = (0..8)
        .map(|n| {
            let url = server.url(&format!("/{n}/"));
            format!("[repositories.r{n}]\nurl = \"{url}\"")
        })
        .collect();
    let text = entries.join("\n");
    write(&home.path().join("poetry/config.toml"), &text);
    let checks = run(&options(&home, false), &mut Fake::default()).unwrap();
    let answered = checks
        .iter()
        .filter(|check| check.id == "repository" && check.result == Outcome::Ok);
    assert_eq!(answered.count(), 8);
    assert_eq!(seen.0.lock().unwrap().most, 4);
}
