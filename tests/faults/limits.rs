//! An agent at its limits: no descriptor, no memory, no thread left. It stays, and serves again.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use super::strace::{can_trace, strace};
use super::{AUTH, Row, assert_not_asked, auth, password, sandbox, status};
use crate::harness::sandbox::{Connection, PATIENCE, Sandbox, helperd, readable};

/// It is asked until it answers as before: the shortage passes, the agent does not.
fn assert_serves(sandbox: &Sandbox, agent: Pid) {
    let start = Instant::now();
    loop {
        let mut connection = sandbox.connect();
        connection.try_send("Get", &sandbox.question("foo"));
        let reply = connection.receive();
        if reply.as_ref().and_then(password) == Some("s3cret") {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{reply:?}");
    }
    assert_eq!(sandbox.agent(), Some(agent), "it is another one");
}

#[test]
fn descriptors() {
    let row = Row {
        name: "RLIMIT_NOFILE 32, 60 connections",
        target: "no exit; \"could not ask\", never \"not found\"; serves again",
        rounds: [2, 200, 200],
    };
    row.run(|run| {
        run.shared(2, |run| {
            while run.next().is_some() {
                let sandbox = sandbox();
                let mut command = sandbox.command("prlimit");
                command.arg("--nofile=32:32").arg(helperd());
                command.args(["agent", "run"]);
                let agent = sandbox.run_agent_by(command);
                let pid = Pid::from_child(&agent.child);
                let mut first = sandbox.connect();
                assert_eq!(
                    password(&first.call("Get", &sandbox.question("foo"))),
                    Some("s3cret")
                );
                let mut connections: Vec<Connection> = (0..60).map(|_| sandbox.connect()).collect();
                for connection in &mut connections {
                    connection.send("Status", &Value::Object(serde_json::Map::new()));
                }
                // As many as there is room for are answered; then no file can be opened.
                for connection in &connections[..5] {
                    assert!(readable(&connection.0, PATIENCE));
                }
                let until = Instant::now() + PATIENCE;
                let mut changes = 0;
                let reply = loop {
                    changes += 1;
                    let secret = format!("changed-{changes}");
                    sandbox.write(AUTH, &auth(&secret));
                    let reply = first.call("Get", &sandbox.question("foo"));
                    // It has not yet come to the last of them.
                    if password(&reply) != Some(&secret) || Instant::now() > until {
                        break reply;
                    }
                };
                assert_not_asked(&reply);
                let answered = connections
                    .iter()
                    .filter(|connection| readable(&connection.0, Duration::ZERO))
                    .count();
                assert!((5..32).contains(&answered), "{answered}");
                sandbox.write(AUTH, &auth("s3cret"));
                drop(connections);
                assert_serves(&sandbox, pid);
            }
        });
    });
}

#[test]
fn memory() {
    let row = Row {
        name: "RLIMIT_AS 2 MiB above what is in use, 100 messages of 63 KiB under way",
        target: "no exit; serves again",
        rounds: [2, 200, 200],
    };
    row.run(|run| {
        run.shared(2, |run| {
            while run.next().is_some() {
                let sandbox = sandbox();
                let agent = sandbox.run_agent(&[]);
                let pid = Pid::from_child(&agent.child);
                let mut first = sandbox.connect();
                assert_eq!(
                    password(&first.call("Get", &sandbox.question("foo"))),
                    Some("s3cret")
                );
                let limit = Some((status(pid, "VmSize:") + 2048) * 1024);
                let limit = Rlimit {
                    current: limit,
                    maximum: limit,
                };
                prlimit(Some(pid), Resource::As, limit).unwrap();
                let half = vec![b'x'; 63 * 1024];
                let mut connections: Vec<Connection> =
                    (0..100).map(|_| sandbox.connect()).collect();
                for connection in &mut connections {
                    let _ = std::io::Write::write_all(&mut connection.0, &half);
                }
                assert_eq!(
                    password(&first.call("Get", &sandbox.question("foo"))),
                    Some("s3cret")
                );
                drop(connections);
                assert_serves(&sandbox, pid);
            }
        });
    });
}

#[test]
fn threads() {
    let row = Row {
        name: "no thread can be started (clone fails with EAGAIN)",
        target: "no exit; \"could not ask\", never \"not found\"; serves again",
        rounds: [1, 200, 200],
    };
    if !can_trace() {
        return;
    }
    row.run(|run| {
        run.shared(4, |run| {
            while run.next().is_some() {
                let sandbox = sandbox();
                // The first two threads that are wanted.
                let injection = "clone3,clone:error=EAGAIN:when=1..2";
                let mut command = strace(&sandbox, injection);
                command.arg(helperd()).args(["agent", "run"]);
                let _agent = sandbox.run_agent_by(command);
                let pid = sandbox.agent().unwrap();
                let reply = sandbox.connect().call("Get", &sandbox.question("foo"));
                assert_not_asked(&reply);
                assert_serves(&sandbox, pid);
            }
        });
    });
}
