//! The built programs with a real keyring on a private bus.

use std::time::Instant;

use crate::harness::keyring::{Keyring, PASSWORD};
use crate::harness::sandbox::{Ended, PATIENCE, Sandbox};

const AUTH: &str = "home/.config/pypoetry/auth.toml";

fn home(keyring: &Keyring) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    sandbox
}

fn assert_answer(ended: &Ended, expected: &str) {
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, expected),
        "{ended:?}"
    );
}

#[test]
fn what_is_set_is_in_the_keyring_and_nowhere_else() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    let stored = sandbox.helper_fed(&["set", "foo", "alice", "--json"], "s3cret\n");
    assert_eq!(stored.status, 0, "{stored:?}");
    assert!(stored.stdout.contains("\"secret-service\""), "{stored:?}");
    let text = sandbox.read(AUTH);
    assert!(text.contains("alice") && !text.contains("s3cret"), "{text}");
    for how in [["get", "foo"].as_slice(), &["--no-agent", "get", "foo"]] {
        assert_answer(&sandbox.helper(how), "username=alice\npassword=s3cret\n");
    }
    let attributes = [
        "lookup",
        "service",
        "poetry-repository-foo",
        "username",
        "alice",
    ];
    if let Some(found) = keyring.secret_tool(&attributes, "") {
        assert_eq!(found.stdout, b"s3cret");
    }
    let deleted = sandbox.helper(&["delete", "foo"]);
    assert_eq!(deleted.status, 0, "{deleted:?}");
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 1);
    if let Some(found) = keyring.secret_tool(&attributes, "") {
        assert_eq!(found.stdout, b"");
    }
}

/// PyPI's token of a test, made with `pymacaroons`.
const TOKEN: &str = "pypi-AgEIcHlwaS5vcmcCJDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQAABiCRMiUBcqZcqml_SWQJhIb0Wzo4vW6fJp3EHAdjgpmeYA";

#[test]
fn a_token_in_the_keyring_is_looked_into() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    let stored = sandbox.helper_fed(&["set", "pypi", "--token"], TOKEN);
    assert_eq!(stored.status, 0, "{stored:?}");
    for how in [["list"].as_slice(), &["--no-agent", "list"]] {
        let listed = sandbox.helper(how);
        let warning = "helper: warning: the token of pypi is good for every project of its account";
        assert!(listed.stderr.contains(warning), "{listed:?}");
        assert!(!format!("{listed:?}").contains(TOKEN), "{listed:?}");
    }
}

#[test]
fn what_another_program_stores_is_found() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    sandbox.write(AUTH, "[http-basic.foo]\nusername = \"alice\"\n");
    let before = sandbox.helper(&["get", "foo"]);
    assert_answer(&before, "username=alice\n");
    let attributes = [
        "store",
        "--label=x",
        "service",
        "poetry-repository-foo",
        "username",
        "alice",
    ];
    if keyring.secret_tool(&attributes, "s3cret").is_none() {
        return;
    }
    // The service tells of a new item, at the latest when the answer is a second old.
    let start = Instant::now();
    loop {
        let ended = sandbox.helper(&["get", "foo"]);
        if ended.stdout == "username=alice\npassword=s3cret\n" {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{ended:?}");
    }
}

#[test]
fn a_locked_keyring_is_told_at_once_and_opened_with_its_password() {
    let mut keyring = Keyring::start();
    let sandbox = home(&keyring);
    let stored = sandbox.helper_fed(&["set", "foo", "alice"], "s3cret\n");
    assert_eq!(stored.status, 0, "{stored:?}");
    keyring.kill();
    keyring.restart_locked();
    for how in [["get", "foo"].as_slice(), &["--no-agent", "get", "foo"]] {
        // Who had waited for somebody to open it would be told that it was too late.
        let ended = sandbox.helper(how);
        assert_eq!(ended.status, 3, "{ended:?}");
        assert!(ended.stderr.contains("locked"), "{ended:?}");
    }
    let before = sandbox.read(AUTH);
    let refused = sandbox.helper_fed(&["set", "foo", "alice"], "other\n");
    assert_eq!(refused.status, 3, "{refused:?}");
    assert_eq!(sandbox.read(AUTH), before);
    let deleted = sandbox.helper(&["delete", "foo"]);
    assert_eq!(deleted.status, 3, "{deleted:?}");
    let wrong = sandbox.helper_fed(&["agent", "unlock", "--password-stdin"], "wrong\n");
    assert_eq!(wrong.status, 3, "{wrong:?}");
    assert!(!wrong.stderr.contains("wrong\n"), "{wrong:?}");
    let password = format!("{PASSWORD}\n");
    let opened = sandbox.helper_fed(&["agent", "unlock", "--password-stdin"], &password);
    assert_eq!(opened.status, 0, "{opened:?}");
    assert_answer(
        &sandbox.helper(&["get", "foo"]),
        "username=alice\npassword=s3cret\n",
    );
}

#[test]
fn a_keyring_that_hangs_is_left_alone_after_two_requests() {
    let mut keyring = Keyring::start();
    let sandbox = home(&keyring);
    let stored = sandbox.helper_fed(&["set", "foo", "alice"], "s3cret\n");
    assert_eq!(stored.status, 0, "{stored:?}");
    keyring.stop();
    for _ in 0..2 {
        let ended = sandbox.helper_once(&["get", "foo"], "");
        assert_eq!(ended.status, 3, "{ended:?}");
        assert!(
            ended.stderr.contains("did not answer within 2 s"),
            "{ended:?}"
        );
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let ended = sandbox.helper_once(&["get", "foo"], "");
        assert_eq!(ended.status, 3, "{ended:?}");
        if ended.stderr.contains("not asked: it timed out before") {
            break;
        }
        // A machine that stood still for so long has it asked again, and left alone for longer.
        assert!(Instant::now() < until, "{ended:?}");
    }
    let status = sandbox.helper(&["agent", "status"]);
    assert!(
        status.stdout.contains("secret-service  open "),
        "{status:?}"
    );
    // Another one that takes its place is asked at once.
    keyring.kill();
    keyring.restart();
    assert_answer(
        &sandbox.helper(&["get", "foo"]),
        "username=alice\npassword=s3cret\n",
    );
}

#[test]
fn a_keyring_that_hangs_is_given_up() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    let stored = sandbox.helper_fed(&["set", "foo", "alice"], "s3cret\n");
    assert_eq!(stored.status, 0, "{stored:?}");
    keyring.stop();
    for how in [["get", "foo"].as_slice(), &["--no-agent", "get", "foo"]] {
        let ended = sandbox.helper_once(how, "");
        assert_eq!(ended.status, 3, "{ended:?}");
    }
    let other = [("POETRY_HTTP_BASIC_BAR_PASSWORD", "p")];
    assert_answer(
        &sandbox.helper_with(&other, &["get", "bar"]),
        "password=p\n",
    );
    let text = sandbox.read(AUTH);
    let refused = sandbox.helper_once(&["set", "foo", "alice"], "other\n");
    assert_eq!(refused.status, 3, "{refused:?}");
    assert_eq!(sandbox.read(AUTH), text);
    keyring.resume();
}
