//! The protocol of Bazel and others, at the wire.

use super::{called, home};
use crate::harness::keyring::Keyring;
use crate::harness::sandbox::{Ended, Sandbox, end};

fn get(sandbox: &Sandbox, input: &str) -> Ended {
    end(
        sandbox
            .command(called(sandbox, "credential-helper"))
            .arg("get"),
        input,
    )
}

fn assert_said(ended: &Ended, status: i32, stdout: &str) {
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (status, stdout),
        "{ended:?}"
    );
}

#[test]
fn answers() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    let set = ["set", "foo", "alice", "--url", "https://h.example/simple/"];
    assert_eq!(sandbox.helper_fed(&set, "s3cret\n").status, 0);
    let header = "{\"headers\":{\"Authorization\":[\"Basic YWxpY2U6czNjcmV0\"]}}\n";
    // Members yet to come are passed over, and so is a query.
    let found = get(
        &sandbox,
        r#"{"uri":"https://h.example/packages/a.whl?x=1","other":[1]}"#,
    );
    assert_said(&found, 0, header);
    assert_eq!(found.stderr, "");
    for uri in ["https://other.example/", "https://h.example:8443/simple/"] {
        let missing = get(&sandbox, &format!("{{\"uri\":\"{uri}\"}}"));
        assert_said(&missing, 0, "{\"headers\":{}}\n");
        assert_eq!(missing.stderr, "");
    }
    // Kept back by a rule: no credential, and a word to people.
    let plain = get(&sandbox, r#"{"uri":"http://h.example/simple/"}"#);
    assert_said(&plain, 0, "{\"headers\":{}}\n");
    assert!(plain.stderr.contains("in the clear"), "{plain:?}");
    // What is not supported is an error, by the specification.
    for input in [r#"{"uri":"grpcs://h.example/a"}"#, "{}", "hunter2", ""] {
        let wrong = get(&sandbox, input);
        assert_said(&wrong, 2, "");
        assert!(!wrong.stderr.contains("hunter2"), "{wrong:?}");
    }
    assert_eq!(sandbox.helper(&["agent", "lock"]).status, 0);
    let locked = get(&sandbox, r#"{"uri":"https://h.example/"}"#);
    assert_said(&locked, 3, "");
    assert!(
        locked.stderr.starts_with("helper: the agent is locked\n"),
        "{locked:?}"
    );
}

#[test]
fn commands() {
    let sandbox = Sandbox::new();
    let program = called(&sandbox, "credential-helper");
    for arguments in [&[][..], &["put"], &["get-later"]] {
        let wrong = end(sandbox.command(&program).args(arguments), "{}");
        assert_said(&wrong, 2, "");
        assert_eq!(wrong.stderr.lines().count(), 1, "{wrong:?}");
    }
    // By its name as a word, too.
    let named = sandbox.helper_fed(&["bridge", "credential-helper", "get"], "{}");
    assert_said(&named, 2, "");
}
