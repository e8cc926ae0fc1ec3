//! The agent as its clients meet it: started by many at once, stopped in every way, asked by
//! friends and strangers.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::sandbox::{
    COULD_NOT, Connection, Foreground, HELPERD, PATIENCE, Sandbox, end, gone, helper,
    room_for_descriptors, wait,
};

/// How long an agent may take to end: a second, and what a busy machine adds.
const END: Duration = Duration::from_secs(30);

pub const AUTH: &str = "home/.config/pypoetry/auth.toml";

pub fn auth(password: &str) -> String {
    format!("[http-basic.foo]\nusername = \"alice\"\npassword = \"{password}\"\n")
}

pub fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().without_keyring();
    sandbox.write(AUTH, &auth("s3cret"));
    sandbox
}

/// So many ask for `foo` at once: each is answered, and all by one agent. How long that took.
pub fn storm(sandbox: &Sandbox, clients: u32) -> Duration {
    let start = Instant::now();
    let clients: Vec<Child> = (0..clients)
        .map(|client| {
            // Each from a folder of its own: the same question at the same time is answered once.
            let folder = sandbox.path(&format!("project/{client}"));
            std::fs::create_dir_all(&folder).unwrap();
            let mut command = sandbox.command(helper());
            command.current_dir(folder);
            command.args(["get", "foo", "--format", "password"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let asked = clients.len() as u64;
    for mut client in clients {
        let mut ended = wait(&mut client, PATIENCE);
        // On a busy machine an agent may take longer than a client waits for it: it comes again.
        if ended.status == COULD_NOT {
            ended = sandbox.helper_patiently(&["get", "foo", "--format", "password"], "");
        }
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(ended.stdout, "s3cret\n", "{ended:?}");
    }
    let took = start.elapsed();
    let status = sandbox.connect().call("Status", &json!({}));
    let count = |key: &str| status["parameters"]["cache"][key].as_u64().unwrap();
    let answers = count("hits") + count("misses");
    // More where somebody has come again; fewer where another agent has answered, too.
    assert!(answers >= asked, "{status}");
    took
}

pub fn password(reply: &Value) -> Option<&str> {
    reply.pointer("/parameters/credential/password")?.as_str()
}

pub fn error(reply: &Value) -> &str {
    reply["error"].as_str().unwrap_or_default()
}

#[test]
fn a_killed_agent_leaves_nothing_that_blocks_the_next() {
    let sandbox = sandbox();
    let mut before = None;
    for _ in 0..10 {
        let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (0, "s3cret\n"),
            "{ended:?}"
        );
        let agent = sandbox.agent().unwrap();
        assert_ne!(before.replace(agent), Some(agent));
        kill_process(agent, Signal::KILL).unwrap();
        assert!(gone(agent, PATIENCE));
        assert!(
            sandbox.socket().exists(),
            "nobody removes the socket of a killed agent"
        );
    }
}

#[test]
fn a_stopped_agent_takes_its_socket_with_it() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let agent = sandbox.agent().unwrap();
    assert_eq!(sandbox.helper(&["agent", "stop"]).status, 0);
    assert!(!sandbox.socket().exists());
    assert!(gone(agent, END));
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    assert_ne!(sandbox.agent(), Some(agent));
}

#[test]
fn a_second_agent_is_refused() {
    let sandbox = sandbox();
    let mut first = sandbox.run_agent(&[]);
    let second = end(sandbox.command(HELPERD).args(["agent", "run"]), "");
    assert_eq!(second.status, 3, "{second:?}");
    assert!(
        second.stderr.contains("an agent is running already"),
        "{second:?}"
    );
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    first.signal(Signal::TERM);
    assert_eq!(first.wait().status, 0);
}

#[test]
fn the_service_manager_may_hold_the_socket() {
    let sandbox = sandbox();
    let program = "systemd-socket-activate";
    let mut command = sandbox.command(program);
    let folder = sandbox.path("run/credential-helper");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["HOME", "XDG_RUNTIME_DIR"] {
        command.arg(format!("--setenv={name}"));
    }
    command
        .arg("-l")
        .arg(sandbox.socket())
        .arg(HELPERD)
        .args(["agent", "run"]);
    let Ok(mut child) = command.stderr(Stdio::piped()).spawn() else {
        eprintln!("{program} is not installed: this is not tested");
        return;
    };
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("Listening"), "{line}");
    let mut agent = Foreground { child };
    let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "s3cret\n"),
        "{ended:?}"
    );
    let status = sandbox.connect().call("Status", &json!({}));
    assert_eq!(status["parameters"]["started_by"], "activation", "{status}");
    assert_eq!(status["parameters"]["idle_exit_s"], Value::Null);
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait().status, 0);
}

#[test]
fn an_idle_agent_leaves() {
    let sandbox = sandbox();
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        "idle-exit = \"1s\"\n",
    );
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    // On a busy machine it may have left by now.
    if let Some(agent) = sandbox.agent() {
        assert!(gone(agent, PATIENCE));
    }
    let socket = sandbox.socket();
    assert!(!socket.exists());
    assert!(socket.parent().unwrap().exists(), "there was one");
}

#[test]
fn an_agent_leaves_when_a_newer_client_comes_but_not_while_it_is_locked() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["agent", "lock"]).status, 0);
    let agent = sandbox.agent().unwrap();
    let mut question = sandbox.question("foo");
    question["question"]["context"]["version"] = json!("99.0.0");
    let mut connection = sandbox.connect();
    let unlock = json!({ "context": question["question"]["context"] });
    assert!(error(&connection.call("Get", &question)).ends_with(".Locked"));
    assert_eq!(
        connection.call("Status", &json!({}))["parameters"]["locked"],
        true
    );
    let reply = connection.call("Unlock", &unlock);
    assert_eq!(error(&reply), "", "{reply}");
    assert_eq!(password(&connection.call("Get", &question)), Some("s3cret"));
    drop(connection);
    assert!(gone(agent, PATIENCE));
}

#[test]
fn a_refused_secret_is_held_back_on_its_connection_only() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let question = sandbox.question("foo");
    let report = json!({ "question": question["question"], "outcome": "unauthorized" });
    let (mut one, mut other) = (sandbox.connect(), sandbox.connect());
    assert_eq!(password(&one.call("Get", &question)), Some("s3cret"));
    assert_eq!(error(&one.call("Report", &report)), "");
    let refused = one.call("Get", &question);
    assert!(error(&refused).ends_with(".Rejected"), "{refused}");
    assert!(!refused.to_string().contains("s3cret"));
    assert_eq!(password(&other.call("Get", &question)), Some("s3cret"));
    sandbox.write(AUTH, &auth("changed"));
    assert_eq!(password(&one.call("Get", &question)), Some("changed"));
    assert_eq!(password(&other.call("Get", &question)), Some("changed"));
}

#[test]
fn a_thousand_connections() {
    room_for_descriptors(4096);
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let question = sandbox.question("foo");
    let mut connections: Vec<Connection> = (0..1000).map(|_| sandbox.connect()).collect();
    for connection in &mut connections {
        connection.send("Get", &question);
    }
    for connection in &mut connections {
        assert_eq!(password(&connection.receive().unwrap()), Some("s3cret"));
    }
    let status = connections[0].call("Status", &json!({}));
    assert_eq!(status["parameters"]["connections"], 1000);
    drop(connections);
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
}
