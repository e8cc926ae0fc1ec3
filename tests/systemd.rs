//! The units of `packaging/systemd`, and the agent behind a socket of systemd's.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::harness::sandbox::{HELPERD, PATIENCE, Sandbox, end, gone};

/// The command, where it is installed.
fn installed(command: &str) -> bool {
    let there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(command).is_file());
    if !there {
        eprintln!("left out: there is no {command} here");
    }
    there
}

fn unit(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

#[test]
fn the_units_are_right() {
    if !installed("systemd-analyze") {
        return;
    }
    let sandbox = Sandbox::new();
    let socket = sandbox.write(
        "units/credential-helper.socket",
        &unit("credential-helper.socket"),
    );
    let text = unit("credential-helper.service");
    let by_cargo = "%h/.cargo/bin/helperd";
    assert!(text.contains(by_cargo));
    let service = sandbox.write(
        "units/credential-helper.service",
        &text.replace(by_cargo, HELPERD),
    );
    let mut command = sandbox.command("systemd-analyze");
    command
        .args(["--user", "--man=no", "verify"])
        .args([&socket, &service]);
    let verified = end(&mut command, "");
    assert_eq!((verified.status, verified.stderr.as_str()), (0, ""));
}

#[test]
fn an_agent_that_systemd_starts_for_its_socket() {
    if !installed("systemd-socket-activate") {
        return;
    }
    let sandbox = Sandbox::new().without_keyring();
    let folder = sandbox.socket().parent().unwrap().to_owned();
    std::fs::create_dir(&folder).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&folder, private).unwrap();
    let mut command = sandbox.command("systemd-socket-activate");
    command.arg("-l").arg(sandbox.socket());
    command.args([
        "-E",
        "HOME",
        "-E",
        "XDG_RUNTIME_DIR",
        HELPERD,
        "agent",
        "run",
    ]);
    let mut manager = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(manager.stderr.take().unwrap()).lines();
    let listening = said.find(|line| line.as_ref().unwrap().starts_with("Listening on"));
    assert!(listening.is_some());

    // The first connection starts it; it is the process that listened.
    let status = sandbox.helper(&["agent", "status", "--json"]);
    assert_eq!(status.status, 0, "{status:?}");
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["started_by"], "activation");
    assert_eq!(status["idle_exit_s"], Value::Null);
    assert_eq!(status["pid"], manager.id());
    let variables = [
        ("UV_INDEX_FOO_USERNAME", "alice"),
        ("UV_INDEX_FOO_PASSWORD", "s3cret"),
    ];
    let got = sandbox.helper_with(&variables, &["get", "foo"]);
    assert_eq!(got.stdout, "username=alice\npassword=s3cret\n");

    // The socket is the manager's: it stays, for the next start.
    assert_eq!(sandbox.helper(&["agent", "stop"]).status, 0);
    assert!(gone(rustix::process::Pid::from_child(&manager), PATIENCE));
    assert_eq!(manager.wait().unwrap().code(), Some(0));
    assert!(sandbox.socket().exists());
}
