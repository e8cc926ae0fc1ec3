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
use crate::harness::sandbox::{HELPER, PATIENCE, Sandbox, wait};

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
