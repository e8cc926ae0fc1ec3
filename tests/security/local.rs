//! Rows of the table: the socket, its folder and its lock; who may talk to whom.

use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::not_here;
use super::other_user::{Ordinary, as_user};
use crate::agent::{sandbox, storm};
use crate::harness::keyring::NOBODY;
use crate::harness::programs;
use crate::harness::rights::{can_be_another, looks_into_closed};
use crate::harness::sandbox::{AtEnd, HELPER, end};

/// L1: both sides check the other's uid by peer credentials before the first byte; whoever is not the agent's own user gets
/// none, root included.
/// Also: `agent::server::tests::another_user_is_told_nothing`
#[test]
fn l1_other_users_are_told_nothing() {
    if !can_be_another() {
        return not_here("this user cannot be somebody else");
    }
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let open = std::fs::Permissions::from_mode(0o755);
    for folder in ["", "run", "run/credential-helper"] {
        std::fs::set_permissions(sandbox.path(folder), open.clone()).unwrap();
    }
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(sandbox.socket(), all).unwrap();
    let program = sandbox.path("helper");
    programs::copy(HELPER, &program);
    for user in ["0", "65534"] {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={user}"))
            .args(["--clear-groups", "--"])
            .arg(&program)
            .args(["get", "foo"])
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("CREDENTIAL_HELPER_SOCKET", sandbox.socket())
            .current_dir("/");
        let ended = end(&mut command, "");
        assert!(!ended.stdout.contains("s3cret"), "{ended:?}");
        // A folder that others may enter is not used even by its owner.
        assert_eq!(ended.status, 3, "{user}: {ended:?}");
    }
    // And the agent itself, asked without our own client's care.
    for (user, answered) in [(0, true), (65534, false)] {
        let reply = as_user(user, || {
            let mut connection = sandbox.connect();
            connection.try_send("Get", &sandbox.question("foo"));
            connection.receive()
        });
        assert_eq!(reply.is_some(), answered, "{user}: {reply:?}");
    }
}

/// Root is another user as well.
#[test]
fn l1_root_gets_nothing_from_the_agent_of_somebody() {
    if !can_be_another() {
        return not_here("this user is not root, or cannot be somebody else");
    }
    let Some(ordinary) = Ordinary::new("s3cret") else {
        return;
    };
    let own = ordinary.helper(&["get", "foo", "--format", "password"]);
    assert_eq!(own.stdout, "s3cret\n", "{own:?}");
    let mut connection = ordinary.sandbox.connect();
    connection.try_send("Get", &ordinary.sandbox.question("foo"));
    assert_eq!(connection.receive(), None);
}

/// L2: never a name in /tmp; the client sends nothing to a socket whose folder or server is not its own.
/// Also: `place::tests::an_open_folder_and_a_link_are_passed_over_with_the_reason`
#[test]
fn l2_who_waits_at_our_places_hears_nothing() {
    if !can_be_another() {
        return not_here("this user cannot be somebody else");
    }
    // The victim is root; nobody waits where its socket would be.
    for place in [
        "run/credential-helper",
        "home/.local/state/credential-helper",
    ] {
        let sandbox = sandbox();
        let mut folder = sandbox.path(place);
        if place.starts_with("home") {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
            folder.push(format!("run-{}", host.trim()));
        }
        std::fs::create_dir_all(&folder).unwrap();
        for folder in folder
            .ancestors()
            .take_while(|one| one.starts_with(sandbox.root()))
        {
            let open = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(folder, open).unwrap();
        }
        std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        let socket = folder.join("agent.sock");
        let listener = as_user(NOBODY, || UnixListener::bind(&socket).unwrap());
        for named in [false, true] {
            let socket = socket.to_str().unwrap();
            let variables = [
                ("POETRY_HTTP_BASIC_FOO_PASSWORD", "s3cret"),
                ("CREDENTIAL_HELPER_SOCKET", if named { socket } else { "" }),
            ];
            let ended = sandbox.helper_with(&variables, &["get", "foo"]);
            assert!([0, 3].contains(&ended.status), "{place}: {ended:?}");
            listener.set_nonblocking(true).unwrap();
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_nonblocking(false).unwrap();
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).unwrap();
                assert_eq!(bytes, b"", "{place}");
            }
        }
    }
}

/// And `doctor` names it.
#[test]
fn l2_a_socket_folder_that_others_may_enter_is_passed_over_and_named() {
    let sandbox = sandbox();
    let open = sandbox.path("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let socket = open.join("agent.sock");
    let variable = [("CREDENTIAL_HELPER_SOCKET", socket.to_str().unwrap())];
    let ended = sandbox.helper_with(&variable, &["get", "foo", "--format", "password"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "s3cret\n"),
        "{ended:?}"
    );
    assert!(!socket.exists());
    assert!(sandbox.socket().exists());
    let doctor = sandbox.helper_with(&variable, &["doctor"]);
    assert!(doctor.stdout.contains(open.to_str().unwrap()), "{doctor:?}");
}

/// L3: folders, locks and stores are opened without following links, and checked by descriptor.
/// Also: `agent::socket::tests::links_and_open_folders_are_refused`
#[test]
fn l3_a_folder_that_turns_into_a_link_leads_nowhere() {
    let sandbox = sandbox();
    let elsewhere = sandbox.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = sandbox.path("run/credential-helper");
    let (real, link) = (sandbox.path("run/real"), sandbox.path("run/link"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&elsewhere, &link).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = AtEnd(|| over.store(true, Ordering::Relaxed));
        let swaps = scope.spawn(|| {
            let mut swaps = 0;
            while !over.load(Ordering::Relaxed) || swaps < 10_000 {
                // Each is there for a moment, or none.
                let _ = std::fs::rename(&folder, &real);
                let _ = std::fs::rename(&link, &folder);
                let _ = std::fs::rename(&folder, &link);
                let _ = std::fs::rename(&real, &folder);
                swaps += 1;
            }
        });
        for _ in 0..20 {
            let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
            assert!(
                (ended.status == 0 && ended.stdout == "s3cret\n")
                    || (ended.status == 3 && ended.stdout.is_empty()),
                "{ended:?}"
            );
            sandbox.helper(&["agent", "stop"]);
        }
        drop(end);
        swaps.join().unwrap();
    });
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    let mode = std::fs::metadata(&elsewhere).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    // Who was started in one of those moments ends, as its socket is not where it should be.
    sandbox.helper(&["agent", "stop"]);
}

/// L4: the lock is held for life and taken before the socket is replaced: 64 clients at once end up with one agent and 64
/// answers.
/// Also: `agent::socket::tests::a_socket_that_is_no_longer_ours_is_noticed_and_left`
#[test]
fn l4_many_clients_at_once_end_up_with_one_agent() {
    for _ in 0..20 {
        storm(&sandbox(), 64);
    }
}

/// L16: a program that runs as you cannot be kept out; the design grants nothing to single programs, and says so. What the screen
/// lock promises is that a locked agent answers nobody.
#[test]
fn l16_the_threat_model_says_what_cannot_be_stopped() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    assert!(text.contains("**Programs that run as you.** They can ask the agent"));
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["agent", "lock"]).status, 0);
    let ended = sandbox.helper(&["get", "foo"]);
    assert_eq!((ended.status, &*ended.stdout), (3, ""), "{ended:?}");
}

/// L17: no rule of ours depends on which program a process is: what a request says of its process gives it nothing, and who was
/// refused is known by pid and start.
/// Also: `agent::askers::tests::the_same_question_of_the_same_process_comes_again`,
/// `agent::question::tests::what_a_client_may_not_say_of_itself`
#[test]
fn l17_what_a_process_says_of_itself_gives_it_nothing() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let mut connection = sandbox.connect();
    let mut answers = Vec::new();
    for said in [
        json!({}),
        json!({ "pid": 1, "exe": "/usr/bin/pip", "program": "pip" }),
        json!({ "uid": 0, "peer": { "uid": 0, "pid": 1 } }),
    ] {
        for (name, status) in [("foo", true), ("other", false)] {
            let mut question = sandbox.question(name);
            for (key, value) in said.as_object().unwrap() {
                question["question"][key] = value.clone();
                question["question"]["context"][key] = value.clone();
            }
            let reply = connection.call("Get", &question);
            assert_eq!(reply["error"].is_null(), status, "{reply}");
            answers.push(reply);
        }
    }
    assert_eq!(answers[0], answers[2]);
    assert_eq!(answers[0], answers[4]);
}

/// L18: the agent listens on no address of the network.
#[test]
fn l18_no_listener_on_the_network() {
    let sandbox = sandbox();
    let agent = sandbox.run_agent(&[]);
    let opened = sandbox.helper(&["agent", "socket", "--path", "box.sock", "--names", "foo"]);
    assert!([0, 4].contains(&opened.status), "{opened:?}");
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let folder = format!("/proc/{}/fd", agent.child.id());
    let Ok(descriptors) = std::fs::read_dir(folder) else {
        assert!(!looks_into_closed());
        return not_here("nobody here sees the descriptors of the agent, root or not");
    };
    let open: Vec<String> = descriptors
        .map(|one| std::fs::read_link(one.unwrap().path()).unwrap_or_default())
        .map(|to| to.display().to_string())
        .collect();
    assert!(open.iter().any(|to| to.starts_with("socket:")), "{open:?}");
    for kind in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let Ok(table) = std::fs::read_to_string(format!("/proc/net/{kind}")) else {
            continue;
        };
        for line in table.lines().skip(1) {
            let inode = line.split_whitespace().nth(9).unwrap();
            let socket = format!("socket:[{inode}]");
            assert!(!open.contains(&socket), "{kind}: {line}");
        }
    }
}
