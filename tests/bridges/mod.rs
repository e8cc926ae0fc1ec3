//! Bridges with the tools they are for, or at the wire where a tool is not here.

mod bazel;
mod cargo;
mod docker;
mod git;
mod server;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use crate::harness::keyring::Keyring;
use crate::harness::sandbox::{HELPER, PATIENCE, Sandbox, end, wait};

/// A home with a keyring.
fn home(keyring: &Keyring) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    sandbox
}

/// `helper` under a bridge's name.
fn called(sandbox: &Sandbox, name: &str) -> PathBuf {
    let program = sandbox.path(&format!("bin/{name}"));
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    if !program.exists() {
        std::os::unix::fs::symlink(HELPER, &program).unwrap();
    }
    program
}

/// A clone names its own server as the index of a repository of ours, and `git fetch`, `docker pull`
/// or cargo goes there: nobody has said that it is a place for packages of Python.
#[test]
fn what_a_project_calls_a_repository_is_nothing_to_other_tools() {
    let sandbox = Sandbox::new().without_keyring();
    let stored = sandbox.helper_fed(&["set", "corp", "alice"], "corp-secret");
    assert_eq!(stored.status, 0, "{stored:?}");
    sandbox.write(
        "project/pyproject.toml",
        "[[tool.poetry.source]]\nname = \"corp\"\nurl = \"https://evil.example/simple/\"\n",
    );
    let variables = [
        ("POETRY_HTTP_BASIC_CORP_USERNAME", "alice"),
        ("POETRY_HTTP_BASIC_CORP_PASSWORD", "corp-secret"),
    ];
    let cargo = r#"{"v":1,"kind":"get","operation":"read","registry":{"index-url":"sparse+https://evil.example/simple/"}}"#;
    for (name, word, input) in [
        (
            "git-credential-helper",
            "get",
            "protocol=https\nhost=evil.example\n\n",
        ),
        (
            "git-credential-helper",
            "get",
            "protocol=https\nhost=evil.example\npath=simple/x.git\n\n",
        ),
        ("docker-credential-helper", "get", "evil.example"),
        (
            "docker-credential-helper",
            "get",
            "https://evil.example/simple/",
        ),
        ("cargo-credential-helper", "--cargo-plugin", cargo),
    ] {
        for variables in [&[][..], &variables] {
            for no_agent in ["", "1"] {
                let mut command = sandbox.command(called(&sandbox, name));
                command.envs(variables.iter().copied());
                command.env("CREDENTIAL_HELPER_NO_AGENT", no_agent);
                let ended = end(command.arg(word), &format!("{input}\n"));
                let said = format!("{}{}", ended.stdout, ended.stderr);
                assert!(!said.contains("corp-secret"), "{name} {input}: {ended:?}");
                assert!(!said.contains("YWxpY2U6"), "{name} {input}: {ended:?}");
            }
        }
    }
    let trust = sandbox.helper(&["trust", "--list", "--json"]);
    assert!(!trust.stdout.contains("evil"), "{trust:?}");
}

#[test]
fn any_bytes_may_come() {
    let sandbox = Sandbox::new().without_keyring();
    let secret = "unguessable-7f3a";
    let long = format!(
        "protocol=https\nhost=h\npassword={secret}{}",
        "x".repeat(80_000)
    );
    let inputs: [&[u8]; 5] = [
        b"\xff\xfeunguessable-7f3a",
        b"{\"uri\":\"https://h/\xc3\",\"v\":1,\"token\":\"unguessable-7f3a\"}\n",
        b"host=h\nprotocol=https\n\0unguessable-7f3a=\n",
        b"\n\r\n\x1b[2Junguessable-7f3a",
        long.as_bytes(),
    ];
    for (name, words) in [
        ("git-credential-helper", &["get", "store", "erase"][..]),
        (
            "docker-credential-helper",
            &["get", "store", "erase", "list"],
        ),
        ("cargo-credential-helper", &["--cargo-plugin"]),
        ("credential-helper", &["get"]),
    ] {
        let program = called(&sandbox, name);
        for word in words {
            for input in inputs {
                let mut child = sandbox
                    .command(&program)
                    .arg(word)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                // Who has read enough may be gone already.
                let _ = child.stdin.take().unwrap().write_all(input);
                let ended = wait(&mut child, PATIENCE);
                assert!((0..=5).contains(&ended.status), "{name} {word}: {ended:?}");
                for text in [&ended.stdout, &ended.stderr] {
                    assert!(!text.contains(secret), "{name} {word}: {ended:?}");
                    let strange = |c: char| c.is_control() && c != '\n';
                    assert!(!text.contains(strange), "{name} {word}: {ended:?}");
                }
            }
        }
    }
}
