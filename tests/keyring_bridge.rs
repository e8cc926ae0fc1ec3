//! `keyring`, the bridge: with a real keyring that Python reads too, and where there is no agent.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::keyring::Keyring;
use crate::harness::programs;
use crate::harness::sandbox::{Ended, HELPER, Sandbox, end};

const URL: &str = "https://pypi.example.org/simple/";
const GET: &str = "import sys, keyring; print(keyring.get_password(*sys.argv[1:]))";
const SET: &str = "import sys, keyring; keyring.set_password(*sys.argv[1:])";

fn home(keyring: &Keyring) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    sandbox
}

fn run(sandbox: &Sandbox, arguments: &[&str], input: &str) -> Ended {
    let mut command = sandbox.command_as("keyring", HELPER);
    end(command.args(arguments), input)
}

fn assert_ended(ended: &Ended, status: i32, out: &str) {
    assert_eq!(
        (ended.status, ended.stdout.as_str(), ended.stderr.as_str()),
        (status, out, "")
    );
}

#[test]
fn python_reads_what_it_stores() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    for (service, secret) in [
        (URL, "s3cret"),
        ("pypi.example.org", " b\u{f6}b "),
        ("my own service", "x"),
        ("poetry-repository-foo", "p"),
    ] {
        assert_ended(&run(&sandbox, &["get", service, "alice"], ""), 1, "");
        let set = run(&sandbox, &["set", service, "alice"], &format!("{secret}\n"));
        assert_ended(&set, 0, "");
        let line = format!("{secret}\n");
        assert_ended(&run(&sandbox, &["get", service, "alice"], ""), 0, &line);
        assert_ended(&run(&sandbox, &["get", service, "bob"], ""), 1, "");
        if let Some(found) = keyring.python(GET, &[service, "alice"]) {
            assert_eq!(String::from_utf8_lossy(&found.stdout), line, "{service}");
        }
        assert_ended(&run(&sandbox, &["del", service, "alice"], ""), 0, "");
        assert_ended(&run(&sandbox, &["get", service, "alice"], ""), 1, "");
        if let Some(found) = keyring.python(GET, &[service, "alice"]) {
            assert_eq!(
                String::from_utf8_lossy(&found.stdout),
                "None\n",
                "{service}"
            );
        }
        let again = run(&sandbox, &["del", service, "alice"], "");
        assert_eq!((again.status, again.stdout.as_str()), (1, ""));
        assert!(
            again.stderr.starts_with("helper: nothing is stored for "),
            "{again:?}"
        );
    }
}

#[test]
fn it_reads_what_python_stores() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    for service in [URL, "pypi.example.org:8443", "my own service"] {
        let Some(stored) = keyring.python(SET, &[service, "alice", "theirs"]) else {
            return;
        };
        assert!(stored.status.success(), "{stored:?}");
        assert_ended(
            &run(&sandbox, &["get", service, "alice"], ""),
            0,
            "theirs\n",
        );
        let object = "{\"username\": \"alice\", \"password\": \"theirs\"}\n";
        let creds = ["--mode=creds", "--output=json", "get", service];
        assert_ended(&run(&sandbox, &creds, ""), 0, object);
        assert_ended(&run(&sandbox, &["get", service, "bob"], ""), 1, "");
    }
    // The second account of a service.
    assert!(keyring.python(SET, &[URL, "bob", "other"]).is_some());
    assert_ended(&run(&sandbox, &["get", URL, "bob"], ""), 0, "other\n");
    assert_ended(&run(&sandbox, &["get", URL, "alice"], ""), 0, "theirs\n");
}

#[test]
fn a_locked_keyring_is_said_to_be_locked() {
    let mut keyring = Keyring::start();
    let sandbox = home(&keyring);
    assert_ended(&run(&sandbox, &["set", URL, "alice"], "s3cret\n"), 0, "");
    keyring.kill();
    keyring.restart_locked();
    for arguments in [
        &["get", URL, "alice"][..],
        &["--mode=creds", "--output=json", "get", URL],
        &["set", URL, "alice"],
        &["del", URL, "alice"],
    ] {
        let ended = run(&sandbox, arguments, "other\n");
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{ended:?}");
        assert!(
            ended.stderr.starts_with("helper: ") && ended.stderr.contains("helper agent unlock"),
            "{ended:?}"
        );
        assert_eq!(ended.stderr.lines().count(), 2, "{ended:?}");
    }
}

/// Writes a program that says that it was asked, and how.
fn next(sandbox: &Sandbox, folder: &str) {
    let script = "#!/bin/sh\necho \"next: $* ($CREDENTIAL_HELPER_RECURSION) $(cat)\"\nexit 7\n";
    sandbox.program(&format!("{folder}/keyring"), script);
}

/// `helper` as `keyring` without a `helperd` beside it.
fn lonely(sandbox: &Sandbox) -> String {
    let folder = sandbox.path("lonely");
    std::fs::create_dir(&folder).unwrap();
    programs::copy(HELPER, &folder.join("helper"));
    symlink("helper", folder.join("keyring")).unwrap();
    folder.to_str().unwrap().to_owned()
}

fn ask_lonely(sandbox: &Sandbox, path: &[&str], arguments: &[&str], input: &str) -> Ended {
    let mut command = sandbox.command(Path::new(path[0]).join("keyring"));
    command.env("PATH", std::env::join_paths(path).unwrap());
    end(command.args(arguments), input)
}

#[test]
fn without_an_agent_the_next_keyring_is_asked() {
    let sandbox = Sandbox::new().without_keyring();
    let lonely = lonely(&sandbox);
    // Ours under other folders: a link to another installation, and a copy under the tool's name.
    let copied = sandbox.path("copied");
    std::fs::create_dir(&copied).unwrap();
    programs::copy(HELPER, &copied.join("keyring"));
    let copied = copied.to_str().unwrap();
    drop(sandbox.command_as("keyring", HELPER));
    let linked = sandbox.path("bin/helper");
    let linked = linked.to_str().unwrap();
    next(&sandbox, "next");
    let next = sandbox.path("next");
    let path = [
        lonely.as_str(),
        copied,
        linked,
        next.to_str().unwrap(),
        "/usr/bin",
        "/bin",
    ];
    for arguments in [
        &["get", URL, "alice"][..],
        &["--mode=creds", "--output=json", "get", URL],
        &["set", URL, "alice"],
        &["del", URL, "alice"],
    ] {
        let ended = ask_lonely(&sandbox, &path, arguments, "pw");
        let said = format!("next: {} (1) pw\n", arguments.join(" "));
        assert_eq!((ended.status, ended.stdout), (7, said), "{arguments:?}");
    }
    // A mistake in the arguments is ours to tell.
    assert_eq!(ask_lonely(&sandbox, &path, &["get"], "").status, 2);
    // None: one line, and a miss for the tool.
    for arguments in [&["get", URL, "alice"][..], &["set", URL, "alice"]] {
        let ended = ask_lonely(&sandbox, &[&lonely, copied, linked], arguments, "pw");
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{ended:?}");
        assert!(
            ended
                .stderr
                .starts_with("helper: could not find the program helperd: "),
            "{ended:?}"
        );
    }
}

#[test]
fn an_agent_that_runs_answers_before_the_next_keyring() {
    let sandbox = Sandbox::new().without_keyring();
    sandbox.write(
        "home/.config/pypoetry/auth.toml",
        "[http-basic.foo]\nusername = \"alice\"\npassword = \"s3cret\"\n",
    );
    let lonely = lonely(&sandbox);
    next(&sandbox, "next");
    let next = sandbox.path("next");
    let path = [lonely.as_str(), next.to_str().unwrap(), "/usr/bin", "/bin"];
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let known = ask_lonely(
        &sandbox,
        &path,
        &["get", "poetry-repository-foo", "alice"],
        "",
    );
    assert_ended(&known, 0, "s3cret\n");
    let unknown = ask_lonely(
        &sandbox,
        &path,
        &["get", "poetry-repository-bar", "alice"],
        "",
    );
    assert_ended(&unknown, 1, "");
}

#[test]
fn other_settings_are_obeyed_without_the_agent() {
    let sandbox = Sandbox::new().without_keyring();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 1);
    sandbox.write("secret", "s3cret\n");
    let file = sandbox.path("secret");
    let settings = format!(
        "[repositories.foo]\nurl = \"{URL}\"\nusername = \"alice\"\nfile = \"{}\"\n",
        file.display()
    );
    sandbox.write("other/config.toml", &settings);
    next(&sandbox, "next");
    let mut command = sandbox.command_as("keyring", HELPER);
    command
        .env("CREDENTIAL_HELPER_CONFIG_DIR", sandbox.path("other"))
        .env("PATH", sandbox.path("next"))
        .args(["get", URL, "alice"]);
    assert_ended(&end(&mut command, ""), 0, "s3cret\n");
}
