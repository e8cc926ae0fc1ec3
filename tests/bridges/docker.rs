//! Docker's protocol, beside docker's own helper for the Secret Service.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{called, home};
use crate::harness::keyring::{Keyring, find};
use crate::harness::sandbox::{Ended, Sandbox, end};

const NAME: &str = "docker-credential-helper";
const MISSING: &str = "credentials not found in native keychain\n";

fn run(sandbox: &Sandbox, program: &Path, action: &str, input: &str) -> Ended {
    end(sandbox.command(program).arg(action), input)
}

fn ours(sandbox: &Sandbox) -> PathBuf {
    called(sandbox, NAME)
}

fn stored(server: &str, username: &str, secret: &str) -> String {
    format!("{{\"ServerURL\":\"{server}\",\"Username\":\"{username}\",\"Secret\":\"{secret}\"}}\n")
}

/// Objects by what they mean (Go writes `<` as an escape), other texts as they are.
fn meant(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[test]
fn as_dockers_own_helper() {
    let Some(peer) = find("docker-credential-secretservice") else {
        eprintln!("docker-credential-secretservice is not installed: it is not compared");
        return;
    };
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    let own = ours(&sandbox);
    let hub = "https://index.docker.io/v1/";
    for (action, input) in [
        ("get", "h.example:5000".to_owned()),
        ("erase", "h.example:5000".to_owned()),
        ("list", "unused".to_owned()),
        ("store", stored("h.example:5000", "alice", "s")),
        ("store", stored("h.example:5000", "alice", "s")),
        ("get", "h.example:5000".to_owned()),
        ("get", " h.example:5000\n".to_owned()),
        ("get", "h.example:5001".to_owned()),
        ("get", "h.example".to_owned()),
        ("list", "unused".to_owned()),
        ("store", stored("h.example:5000", "alice", "t")),
        ("get", "h.example:5000".to_owned()),
        ("list", "unused".to_owned()),
        ("store", stored(hub, "<token>", "refresh")),
        ("get", hub.to_owned()),
        ("list", "unused".to_owned()),
        ("erase", "h.example:5000".to_owned()),
        ("get", "h.example:5000".to_owned()),
        ("list", "unused".to_owned()),
        ("store", stored("", "alice", "s")),
        ("store", stored("h", "", "s")),
        ("get", String::new()),
        ("erase", String::new()),
    ] {
        let mine = run(&sandbox, &own, action, &input);
        let other = run(&sandbox, &peer, action, &input);
        assert_eq!(
            (mine.status, meant(&mine.stdout), mine.stderr.as_str()),
            (other.status, meant(&other.stdout), ""),
            "{action} {input}"
        );
    }
    // Only the status: the other quotes what it read.
    let wrong = run(&sandbox, &own, "store", "hunter2");
    let other = run(&sandbox, &peer, "store", "hunter2");
    assert_eq!(wrong.status, other.status);
    assert!(!wrong.stdout.contains("hunter2"), "{wrong:?}");
}

/// Docker's own helper keeps both, and gives either.
#[test]
fn the_last_account_takes_the_place_of_the_one_before() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    let own = ours(&sandbox);
    for (username, secret) in [("alice", "s"), ("bob", "t"), ("alice", "u")] {
        let object = stored("h.example:5000", username, secret);
        let kept = run(&sandbox, &own, "store", &object);
        assert_eq!((kept.status, kept.stdout.as_str()), (0, ""));
        let got = run(&sandbox, &own, "get", "h.example:5000");
        assert_eq!((got.status, got.stdout), (0, object));
    }
    assert_eq!(run(&sandbox, &own, "erase", "h.example:5000").status, 0);
    let missing = run(&sandbox, &own, "get", "h.example:5000");
    assert_eq!((missing.status, missing.stdout.as_str()), (1, MISSING));
}

#[test]
fn what_is_not_dockers_answers_and_stays() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    let own = ours(&sandbox);
    let set = ["set", "foo", "alice", "--url", "https://h.example/simple/"];
    assert_eq!(sandbox.helper_fed(&set, "s3cret\n").status, 0);
    let got = run(&sandbox, &own, "get", "h.example");
    assert_eq!(
        (got.status, got.stdout),
        (0, stored("h.example", "alice", "s3cret"))
    );
    let erased = run(&sandbox, &own, "erase", "h.example");
    assert_eq!(erased.status, 1, "{erased:?}");
    assert!(erased.stdout.contains("`helper delete foo`"), "{erased:?}");
    assert_eq!(run(&sandbox, &own, "list", "").stdout, "{}\n");
    // Docker stores what it got: no second place.
    let again = run(
        &sandbox,
        &own,
        "store",
        &stored("h.example", "alice", "s3cret"),
    );
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(run(&sandbox, &own, "list", "").stdout, "{}\n");
    assert_eq!(sandbox.helper(&["agent", "lock"]).status, 0);
    let locked = run(&sandbox, &own, "get", "h.example");
    assert_eq!((locked.status, locked.stderr.as_str()), (1, ""));
    assert!(locked.stdout.contains("the agent is locked"), "{locked:?}");
}

#[test]
fn without_an_agent() {
    let mut sandbox = Sandbox::new().without_keyring();
    sandbox.set("CREDENTIAL_HELPER_NO_AGENT", "1");
    let missing = run(&sandbox, &ours(&sandbox), "get", "h.example");
    assert_eq!((missing.status, missing.stdout.as_str()), (1, MISSING));
    let refused = run(
        &sandbox,
        &ours(&sandbox),
        "store",
        &stored("h.example", "a", "hunter2"),
    );
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(!refused.stdout.contains("hunter2"), "{refused:?}");
}
