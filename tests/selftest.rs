//! `helper selftest` as a user runs it: what it finds, that it sees a broken installation, touches
//! nothing of the user's and leaves nothing behind.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::keyring::{Keyring, NOBODY};
use crate::harness::sandbox::{Ended, HELPER, HELPERD, Sandbox, end, is_root};
use crate::harness::{programs, rights};
use crate::secret_service::run;

/// A home in which something is stored, with a folder for what is temporary.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new().without_keyring();
    sandbox.write(
        "home/.config/pypoetry/auth.toml",
        "[http-basic.selftest]\nusername = \"mine\"\npassword = \"mine\"\n",
    );
    std::fs::create_dir(sandbox.path("tmp")).unwrap();
    let temporary = sandbox.path("tmp").to_str().unwrap().to_owned();
    sandbox.set("TMPDIR", &temporary);
    sandbox
}

/// Each check's result and what was seen.
fn checks(ended: &Ended) -> BTreeMap<String, (String, String)> {
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .map(|check| {
            (
                text(&check["id"]),
                (text(&check["result"]), text(&check["seen"])),
            )
        })
        .collect()
}

/// Every file below a folder and what it holds.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.extend(files(&path));
            found.insert(name, Vec::new());
        } else {
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

fn expect(found: &BTreeMap<String, (String, String)>, id: &str, result: &str, seen: &str) {
    let check = &found[id];
    assert!(
        check.0 == result && check.1.contains(seen),
        "{id}: {check:?}"
    );
}

/// What holds for everybody.
fn expect_all(found: &BTreeMap<String, (String, String)>) {
    expect(found, "agent", "ok", "answered");
    expect(found, "socket", "ok", "folder 0700");
    expect(
        found,
        "squatting",
        "ok",
        "a folder that is open to others, a folder that is a link",
    );
    expect(found, "deadline", "ok", "given up");
    expect(found, "log", "ok", "without the secret");
    expect(found, "files", "ok", "without the secret");
    expect(found, "core", "ok", "an abort left nothing");
    assert_ne!(found["swap"].0, "failed");
    assert_eq!(found.len(), 11);
}

/// Whether an ordinary user has others to act as is the system's business.
fn expect_ordinary(found: &BTreeMap<String, (String, String)>) {
    match found["other-user"].0.as_str() {
        "ok" => expect(
            found,
            "other-user",
            "ok",
            "a user of a user namespace is refused",
        ),
        _ => expect(found, "other-user", "not-here", "sudo"),
    }
}

#[test]
fn every_rule_holds_here_and_nothing_of_the_users_is_touched() {
    let sandbox = sandbox();
    let before = files(sandbox.root());
    let ended = sandbox.helper(&["selftest", "--json"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let found = checks(&ended);
    expect_all(&found);
    if rights::can_be_another() {
        expect(
            &found,
            "other-user",
            "ok",
            "refused by the modes of the socket and",
        );
        expect(&found, "squatting", "ok", "a server of another user");
    } else if is_root() {
        // The root of a container or of a user namespace has fewer rights.
        expect(&found, "other-user", "not-here", "this root may not");
    }
    if is_root() {
        assert_ne!(found["memory"].0, "failed");
    } else {
        expect_ordinary(&found);
        expect(&found, "memory", "ok", "are refused");
        expect(&found, "squatting", "ok", "only as root");
    }
    expect(&found, "keyring", "not-here", "no D-Bus session bus");
    assert!(
        !sandbox.socket().exists(),
        "an agent of the user's was started"
    );
    assert_eq!(files(sandbox.root()), before);
}

#[test]
fn root_tries_it_out_as_an_ordinary_user() {
    if !rights::can_be_another() {
        eprintln!("not here: this user cannot be somebody else");
        return;
    }
    let sandbox = sandbox();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(sandbox.root(), open).unwrap();
    for folder in ["run", "tmp", "project", "home"] {
        std::os::unix::fs::chown(sandbox.path(folder), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut readable = Command::new("setpriv");
    readable.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "test",
        "-x",
    ]);
    if !readable
        .arg(HELPERD)
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("an ordinary user may not run {HELPERD}: this is not tested");
        return;
    }
    let mut command = sandbox.command(HELPER);
    command.uid(NOBODY).gid(NOBODY).args(["selftest", "--json"]);
    let ended = end(&mut command, "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let found = checks(&ended);
    expect_all(&found);
    expect_ordinary(&found);
    expect(&found, "memory", "ok", "a shell of yours can be read");
    assert!(files(&sandbox.path("tmp")).is_empty());
}

#[test]
fn an_installation_that_leaks_is_seen() {
    let sandbox = sandbox();
    let folder = sandbox.path("installed");
    std::fs::create_dir(&folder).unwrap();
    let helperd = folder.join("helperd");
    programs::place(HELPERD, &helperd);
    // What it is given in a variable it says and keeps.
    sandbox.program(
        "installed/helper",
        &format!(
            "#!/bin/sh\n\
             echo \"$POETRY_HTTP_BASIC_PROBE_PASSWORD\" >&2\n\
             echo \"$POETRY_HTTP_BASIC_PROBE_PASSWORD\" >\"$HOME/kept\"\n\
             exec {} \"$@\"\n",
            helperd.display()
        ),
    );
    let ended = end(sandbox.command(&helperd).args(["selftest", "--json"]), "");
    assert_eq!(ended.status, 1, "{ended:?}");
    let found = checks(&ended);
    expect(&found, "log", "failed", "in what a client said");
    expect(&found, "files", "failed", "kept");
    let failed = found.values().filter(|check| check.0 == "failed").count();
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["failed"], failed);
    assert!(files(&sandbox.path("tmp")).is_empty());
}

#[test]
fn without_a_folder_to_write_to_nothing_is_tried() {
    let sandbox = sandbox();
    let nowhere = [("TMPDIR", "/proc/nowhere")];
    let ended = sandbox.helper_with(&nowhere, &["selftest"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (3, ""), "{ended:?}");
    assert!(ended.stderr.contains("set TMPDIR"), "{ended:?}");
}

#[test]
fn the_keyring_is_only_written_to_on_request_and_left_as_it_was() {
    let mut keyring = Keyring::start();
    let mut sandbox = sandbox();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    let items = |keyring: &Keyring| {
        run(async {
            let client = keyring.client().await;
            client
                .search(&[("service", "credential-helper-selftest")])
                .await
                .len()
        })
    };
    assert_eq!(items(&keyring), 0);
    let look = |sandbox: &Sandbox, more: &[&str]| {
        let ended = sandbox.helper(&[&["selftest", "--json"], more].concat());
        assert_eq!(ended.status, 0, "{ended:?}");
        checks(&ended)["keyring"].clone()
    };
    let (result, seen) = look(&sandbox, &[]);
    assert!(
        result == "ok" && seen.starts_with("open"),
        "{result}: {seen}"
    );
    let (result, seen) = look(&sandbox, &["--keyring"]);
    assert!(
        result == "ok" && seen.contains("read and removed"),
        "{result}: {seen}"
    );
    assert_eq!(items(&keyring), 0);
    keyring.kill();
    keyring.restart_locked();
    for more in [&[][..], &["--keyring"]] {
        let (result, seen) = look(&sandbox, more);
        assert!(
            result == "ok" && seen.starts_with("locked"),
            "{result}: {seen}"
        );
    }
}
