//! The agent is killed, or told to go, while clients ask it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{BUSY, Row, Slowest, moment, sandbox};
use crate::harness::sandbox::{AtEnd, PATIENCE, gone};

#[test]
fn killed_under_load() {
    let row = Row {
        name: "kill -9 of the agent at any moment, under load",
        target: "clients go on within 200 ms or have an error with a text; nothing left blocks; no hang",
        rounds: [20, 200, 1000],
    };
    row.run(|run| {
        let sandbox = sandbox();
        let (over, asked, refused) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
        let slowest = Slowest::default();
        std::thread::scope(|scope| {
            let end = AtEnd(|| over.store(true, Ordering::Relaxed));
            let clients: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        while !over.load(Ordering::Relaxed) {
                            let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
                            asked.fetch_add(1, Ordering::Relaxed);
                            if ended.status == 0 {
                                assert_eq!(ended.stdout, "s3cret\n", "{ended:?}");
                            } else {
                                // Never "not found".
                                refused.fetch_add(1, Ordering::Relaxed);
                                assert_eq!(ended.status, 3, "{ended:?}");
                                assert!(ended.stderr.starts_with("helper: "), "{ended:?}");
                            }
                        }
                    })
                })
                .collect();
            while let Some(round) = run.next() {
                // Somebody has to be there to be killed.
                let before = sandbox.helper_patiently(&["get", "foo"], "");
                assert_eq!(before.status, 0, "{before:?}");
                let Some(agent) = sandbox.agent() else {
                    continue;
                };
                gone(agent, moment(round));
                let _ = kill_process(agent, Signal::KILL);
                assert!(gone(agent, PATIENCE));
                let start = Instant::now();
                while sandbox.helper(&["get", "foo"]).status != 0 {
                    assert!(start.elapsed() < PATIENCE);
                }
                slowest.note(start.elapsed());
                if clients
                    .iter()
                    .any(std::thread::ScopedJoinHandle::is_finished)
                {
                    break;
                }
            }
            drop(end);
        });
        run.figure(format!(
            "{} commands meanwhile, {} of them with an error; slowest answer after a kill {}",
            asked.into_inner(),
            refused.into_inner(),
            slowest.shown()
        ));
    });
}

#[test]
fn told_to_go() {
    let row = Row {
        name: "SIGTERM, SIGINT, SIGHUP at any moment, at rest and under load",
        target: "socket removed, exit 0, gone within 1 s",
        rounds: [6, 200, 1000],
    };
    row.run(|run| {
        let slowest = Slowest::default();
        run.shared(2, |run| {
            while let Some(round) = run.next() {
                let signal = [Signal::TERM, Signal::INT, Signal::HUP][round as usize % 3];
                slowest.note(one(signal, round));
            }
        });
        run.figure(format!("slowest {}", slowest.shown()));
    });
}

fn one(signal: Signal, round: u32) -> Duration {
    let sandbox = sandbox();
    let mut agent = sandbox.run_agent(&[]);
    let over = AtomicBool::new(false);
    let clients = if round.is_multiple_of(2) { 0 } else { 8 };
    let took = std::thread::scope(|scope| {
        let end = AtEnd(|| over.store(true, Ordering::Relaxed));
        let mut begun = Vec::new();
        for client in 0..clients {
            let (sender, receiver) = std::sync::mpsc::channel();
            begun.push(receiver);
            let (sandbox, over) = (&sandbox, &over);
            scope.spawn(move || {
                let mut connection = sandbox.connect();
                let mut question = sandbox.question("foo");
                question["question"]["username"] = json!(format!("u{client}"));
                while !over.load(Ordering::Relaxed) {
                    let method = if client % 2 == 0 { "Get" } else { "Explain" };
                    connection.try_send(method, &question);
                    if connection.receive().is_none() {
                        return;
                    }
                    let _ = sender.send(());
                }
            });
        }
        for receiver in begun {
            receiver.recv_timeout(PATIENCE).unwrap();
        }
        let pid = Pid::from_child(&agent.child);
        gone(pid, moment(round));
        let start = Instant::now();
        agent.signal(signal);
        let in_time = gone(pid, BUSY);
        let took = start.elapsed();
        drop(end);
        assert!(in_time, "{signal:?}, round {round}");
        assert!(!sandbox.socket().exists(), "{signal:?}, round {round}");
        took
    });
    assert_eq!(agent.wait().status, 0);
    took
}
