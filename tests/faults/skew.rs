//! Neighbours of another version: an agent answers both older and newer clients, and a client
//! understands what it knows of a newer agent's answer. There is one version of the interface so
//! far; what the specification promises its neighbours is held here.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Pid;
use serde_json::{Value, json};

use super::{Row, error, password, sandbox};
use crate::harness::sandbox::{AtEnd, Ended, PATIENCE, Sandbox, gone};

const INTERFACE: &str = "io.credentialhelper.Agent1";

#[test]
fn version_skew() {
    let row = Row {
        name: "version skew: older and newer clients, older and newer agents (one version of the interface exists)",
        target: "what both know works; what one does not know is refused by its name",
        rounds: [1, 200, 200],
    };
    row.run(|run| {
        while run.next().is_some() {
            client_of("0.0.0", false);
            client_of(env!("CARGO_PKG_VERSION"), false);
            for newer in newer() {
                client_of(&newer, true);
            }
            client_of("nonsense", false);
            newer_agent();
            older_agent();
        }
    });
}

/// The next version after ours in each of its three places.
fn newer() -> [String; 3] {
    let part = |text: &str| text.parse::<u32>().unwrap();
    let [major, minor, patch] = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ]
    .map(part);
    [
        format!("{major}.{minor}.{}", patch + 1),
        format!("{major}.{}.0", minor + 1),
        format!("{}.0.0", major + 1),
    ]
}

/// An agent asked by a client of this version, in its own words and in words of the next one.
fn client_of(version: &str, newer: bool) {
    let sandbox = sandbox();
    let agent = sandbox.run_agent(&[]);
    let mut connection = sandbox.connect();
    let mut question = sandbox.question("foo");
    question["question"]["context"]["version"] = json!(version);
    // Optional fields may be added at every depth.
    question["question"]["wish"] = json!({ "deep": [1, null] });
    question["question"]["context"]["wish"] = json!("x");
    question["wish"] = json!(true);
    let reply = connection.call("Get", &question);
    assert_eq!(password(&reply), Some("s3cret"), "{version}: {reply}");
    let reply = connection.call("Wish", &json!({}));
    assert_eq!(reply["error"], "org.varlink.service.MethodNotFound");
    assert_eq!(reply["parameters"]["method"], "Wish");
    let next = "{\"method\":\"io.credentialhelper.Agent2.Get\",\"parameters\":{}}\0";
    connection.send_raw(next.as_bytes());
    let reply = connection.receive().unwrap();
    assert_eq!(reply["error"], "org.varlink.service.InterfaceNotFound");
    let info = "{\"method\":\"org.varlink.service.GetInfo\"}\0";
    connection.send_raw(info.as_bytes());
    let reply = connection.receive().unwrap();
    let interfaces = reply["parameters"]["interfaces"].as_array().unwrap();
    assert!(interfaces.contains(&json!(INTERFACE)), "{reply}");
    let reply = connection.call("Status", &json!({}));
    assert_eq!(reply["parameters"]["protocol"], INTERFACE);
    drop(connection);
    let pid = Pid::from_child(&agent.child);
    if newer {
        let gone = gone(pid, PATIENCE);
        assert!(gone, "it makes room for the newer build {version}");
    } else {
        let again = sandbox.connect().call("Status", &json!({}));
        assert_eq!(error(&again), "", "{version}");
    }
}

/// A client asks an agent that answers each call as we say.
fn client_asks(reply: impl Fn(&str) -> Value + Sync) -> Ended {
    let sandbox = Sandbox::new();
    sandbox.private_folder("run/credential-helper");
    let listener = UnixListener::bind(sandbox.socket()).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = AtEnd(|| {
            over.store(true, Ordering::SeqCst);
            let _ = UnixStream::connect(sandbox.socket());
        });
        scope.spawn(|| {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                answer(stream.unwrap(), &reply);
            }
        });
        sandbox.helper(&["get", "foo", "--format", "password"])
    })
}

fn answer(mut stream: UnixStream, reply: impl Fn(&str) -> Value) {
    let (mut bytes, mut space) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut space) {
        bytes.extend_from_slice(&space[..count]);
        if bytes.last() != Some(&0) {
            continue;
        }
        let call: Value = serde_json::from_slice(&bytes[..bytes.len() - 1]).unwrap();
        bytes.clear();
        let text = reply(call["method"].as_str().unwrap()).to_string();
        let _ = stream.write_all(format!("{text}\0").as_bytes());
    }
}

fn newer_agent() {
    let ended = client_asks(|_| {
        json!({ "parameters": { "wish": 1, "credential": {
            "name": "foo", "url": null, "username": "alice", "password": "s3cret",
            "scheme": "basic", "provider": "p", "location": "l", "origin": null,
            "operation": null, "expires": null, "warnings": [], "wish": { "deep": [] },
        } } })
    });
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "s3cret\n"),
        "{ended:?}"
    );
    // An error that the list of this version does not have is no miss.
    let ended = client_asks(|_| json!({ "error": format!("{INTERFACE}.Wish"), "parameters": {} }));
    assert_eq!((ended.status, ended.stdout.as_str()), (3, ""), "{ended:?}");
    assert!(ended.stderr.starts_with("helper: "), "{ended:?}");
}

fn older_agent() {
    let ended = client_asks(
        |method| json!({ "error": "org.varlink.service.MethodNotFound", "parameters": { "method": method } }),
    );
    assert_eq!((ended.status, ended.stdout.as_str()), (3, ""), "{ended:?}");
    assert!(ended.stderr.starts_with("helper: "), "{ended:?}");
}
