//! A socket in another user's folder, as it is mounted into a container: it is told nothing of this
//! process, whose own variables are looked up first.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::harness::keyring::NOBODY;
use crate::harness::rights::can_be_another;
use crate::harness::sandbox::Sandbox;

/// Stands in everything that must not be sent.
const SENTINEL: &str = "S3NTINEL";
/// A home with an agent "outside" that writes down what it is sent.
struct Container {
    sandbox: Sandbox,
    socket: PathBuf,
    sent: Receiver<Value>,
}

impl Container {
    /// None where this user cannot make another one's folder.
    fn new() -> Option<Self> {
        if !can_be_another() {
            eprintln!("left out: this user cannot make a folder of another one");
            return None;
        }
        let mut sandbox = Sandbox::new();
        let folder = sandbox.path("mounted");
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        let socket = folder.join("agent.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        sandbox.set("CREDENTIAL_HELPER_SOCKET", socket.to_str().unwrap());
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/S3NTINEL");
        sandbox.set("POETRY_CONFIG_DIR", "/S3NTINEL");
        sandbox.set("POETRY_HTTP_BASIC_FOO_USERNAME", SENTINEL);
        sandbox.set("POETRY_HTTP_BASIC_FOO_PASSWORD", SENTINEL);
        sandbox.set("UV_INDEX_HALF_USERNAME", "half");
        let (sender, sent) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                for call in calls(&stream) {
                    let reply = reply(&call);
                    let _ = sender.send(call);
                    let _ = (&stream).write_all(format!("{reply}\0").as_bytes());
                }
            }
        });
        Some(Self {
            sandbox,
            socket,
            sent,
        })
    }

    /// What was sent since the last look. The reply came after it was written down.
    fn sent(&self) -> Vec<Value> {
        let sent: Vec<Value> = self.sent.try_iter().collect();
        for call in &sent {
            let text = call.to_string();
            let root = self.sandbox.root().to_str().unwrap();
            assert!(!text.contains(SENTINEL) && !text.contains(root), "{text}");
        }
        sent
    }
}

fn calls(mut stream: &UnixStream) -> impl Iterator<Item = Value> {
    std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        let mut one = [0];
        loop {
            match stream.read(&mut one) {
                Ok(1) if one[0] != 0 => bytes.push(one[0]),
                Ok(1) => return serde_json::from_slice(&bytes).ok(),
                _ => return None,
            }
        }
    })
}

/// Has a credential for everything but `nothing`.
fn reply(call: &Value) -> Value {
    let question = &call["parameters"]["question"];
    let method = call["method"].as_str().unwrap().rsplit('.').next();
    let username = question["username"].as_str().unwrap_or("alice");
    match method {
        Some("Get") if question["name"] == "nothing" => json!({
            "error": "io.credentialhelper.Agent1.NotFound",
            "parameters": {"message": "no credential for \"nothing\""},
        }),
        Some("Get") => json!({"parameters": {"credential": {
            "name": question["name"], "username": username, "password": "from outside",
            "scheme": "basic", "provider": "auth.toml", "location": "outside", "warnings": [],
        }}}),
        Some("Explain") => json!({"parameters": {
            "name": question["name"], "result": "found", "provider": "auth.toml",
            "username": "alice", "has_secret": true,
            "origin": {"wanted": null, "bound": [], "result": "allowed"},
            "steps": [
                {"provider": "environment", "key": "FOO", "answer": "not-found", "ms": 0},
                {"provider": "auth.toml", "key": "FOO", "answer": "found", "ms": 0},
            ],
            "warnings": [],
        }}),
        _ => json!({
            "error": "io.credentialhelper.Agent1.Policy",
            "parameters": {"message": "only Get and Status are answered here"},
        }),
    }
}

#[test]
fn own_variables_come_first_and_are_not_sent() {
    let Some(container) = Container::new() else {
        return;
    };
    let run = |arguments: &[&str]| container.sandbox.helper(arguments);
    let own = run(&["get", "foo"]);
    assert_eq!(
        own.stdout, "username=S3NTINEL\npassword=S3NTINEL\n",
        "{own:?}"
    );
    assert_eq!(container.sent(), Vec::<Value>::new());

    // Nothing of ours is about it: that is asked outside, without a word about this process.
    for arguments in [
        &["get", "bar"][..],
        &["get", "bar", "-v"],
        &["get", "https://h.example/simple/"],
        &[
            "get",
            "bar",
            "--directory",
            container.sandbox.root().to_str().unwrap(),
        ],
    ] {
        let outside = run(arguments);
        let answer = "username=alice\npassword=from outside\n";
        assert_eq!(outside.stdout, answer, "{arguments:?} {outside:?}");
        let sent = container.sent();
        assert_eq!(sent.len(), 1);
        let context = sent[0]["parameters"]["question"]["context"]
            .as_object()
            .unwrap();
        let told = |name: &&String| !matches!(name.as_str(), "version" | "timeout_ms" | "prompt");
        let told: Vec<&String> = context.keys().filter(told).collect();
        assert!(
            told.iter().all(|name| is_empty(&context[*name])),
            "{told:?}"
        );
    }

    // A username alone asks outside for that account's secret; where there is none, it stands alone.
    let half = run(&["get", "half"]);
    assert_eq!(half.stdout, "username=half\npassword=from outside\n");
    assert_eq!(
        container.sent()[0]["parameters"]["question"]["username"],
        "half"
    );
    let nothing = run(&["get", "nothing"]);
    assert_eq!((nothing.status, nothing.stdout.as_str()), (1, ""));
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

#[test]
fn explain_tells_both_searches() {
    let Some(container) = Container::new() else {
        return;
    };
    let explain = |name: &str| -> Value {
        let ended = container.sandbox.helper(&["explain", name, "--json"]);
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(container.sent().len(), 1);
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let steps = |explanation: &Value| -> Vec<String> {
        let steps = explanation["steps"].as_array().unwrap();
        let words = steps.iter().map(|step| {
            let word = |field: &str| step[field].as_str().unwrap_or("-").to_owned();
            [word("provider"), word("answer"), word("shadowed_by")].join(" ")
        });
        words.collect()
    };
    let own = explain("foo");
    assert_eq!(own["provider"], "environment");
    assert!(steps(&own).contains(&"environment found -".to_owned()));
    assert!(steps(&own).contains(&"auth.toml found environment".to_owned()));
    let outside = explain("half");
    assert_eq!(outside["provider"], "auth.toml");
    assert!(steps(&outside).contains(&"environment username-only -".to_owned()));
    assert!(steps(&outside).contains(&"auth.toml found -".to_owned()));
}

#[test]
fn no_other_command_tells_more_and_no_agent_is_started_there() {
    let Some(container) = Container::new() else {
        return;
    };
    for arguments in [
        &["list"][..],
        &["trust", "--list"],
        &["config", "--list"],
        &["delete", "foo"],
        &["config", "repositories.foo", "https://h.example/simple/"],
    ] {
        let ended = container.sandbox.helper(arguments);
        assert_eq!(ended.status, 4, "{arguments:?} {ended:?}");
        assert_eq!(container.sent().len(), 1, "{arguments:?}");
    }
    std::fs::remove_file(&container.socket).unwrap();
    for (arguments, status) in [
        (&["agent", "start"][..], 3),
        (&["agent", "run"], 4),
        (&["get", "bar"], 3),
    ] {
        let ended = container.sandbox.helper(arguments);
        assert_eq!(ended.status, status, "{arguments:?} {ended:?}");
    }
    let folder = container.socket.parent().unwrap();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}
