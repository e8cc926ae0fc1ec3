//! Many clients at once: no answer is wrong, and none goes to somebody else. And what one client
//! waits for a cached answer.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Client, call, read};
use super::{AUTH, Row, percentile, sandbox, shown, status};
use crate::harness::sandbox::{Sandbox, room_for_descriptors};

/// Connections that are open all the time.
const CONNECTIONS: usize = 1000;
/// Who uses them.
const THREADS: usize = 8;
/// Calls of one of these that wait for their answer.
const WAITING: usize = 8;
const NAMES: usize = 100;

/// Each name has a secret and a username of its own.
fn with_names() -> Sandbox {
    let sandbox = sandbox();
    let mut text = String::new();
    for name in 0..NAMES {
        writeln!(
            text,
            "[http-basic.n{name}]\nusername = \"user-{name}\"\npassword = \"sentinel-{name}\"\n"
        )
        .unwrap();
    }
    sandbox.write(AUTH, &text);
    sandbox
}

/// A call and the one answer that is right.
struct Expected {
    call: Vec<u8>,
    reply: Vec<u8>,
}

fn expected(sandbox: &Sandbox) -> Vec<Expected> {
    let mut client = Client::new(sandbox);
    let expect = |name: usize| {
        let call = call("Get", &sandbox.question(&format!("n{name}")));
        client.send(&call);
        let reply = client.receive().to_vec();
        let credential = &read(&reply)["parameters"]["credential"];
        let text = |key: &str| credential[key].as_str().unwrap().to_owned();
        assert_eq!(text("name"), format!("n{name}"));
        assert_eq!(text("username"), format!("user-{name}"));
        assert_eq!(text("password"), format!("sentinel-{name}"));
        Expected { call, reply }
    };
    (0..NAMES).map(expect).collect()
}

#[test]
fn concurrent_clients() {
    let row = Row {
        name: "concurrent clients: 1,000 connections, 64 calls under way, each reply compared",
        target: "no wrong and no crossed answer; p99 ≤ 2 ms; memory ≤ 25 MB",
        rounds: [20_000, 1_000_000, 1_000_000],
    };
    row.run(|run| {
        room_for_descriptors(4096);
        let sandbox = with_names();
        let agent = sandbox.run_agent(&[]);
        let pid = rustix::process::Pid::from_child(&agent.child);
        let expected = expected(&sandbox);
        let waits = Mutex::new(Vec::new());
        let start = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (sandbox, expected, waits) = (&sandbox, &expected, &waits);
                scope.spawn(move || {
                    let mut clients: Vec<Client> = (0..CONNECTIONS / THREADS)
                        .map(|_| Client::new(sandbox))
                        .collect();
                    let mut own = Vec::new();
                    let (mut place, mut over) = (0, false);
                    while !over {
                        let mut sent = Vec::new();
                        while sent.len() < WAITING && !over {
                            let Some(round) = run.next() else {
                                over = true;
                                break;
                            };
                            let name = (round as usize * 31 + thread) % NAMES;
                            clients[place].send(&expected[name].call);
                            sent.push((place, name, Instant::now()));
                            place = (place + 1) % clients.len();
                        }
                        for (place, name, at) in sent {
                            let reply = clients[place].receive();
                            own.push(at.elapsed());
                            assert!(reply == expected[name].reply, "n{name}: {}", read(reply));
                        }
                    }
                    waits.lock().unwrap().append(&mut own);
                });
            }
        });
        let took = start.elapsed();
        let mut waits = waits.into_inner().unwrap();
        waits.sort_unstable();
        let memory = status(pid, "VmRSS:");
        run.figure(format!(
            "{:.0} replies a second; p50 {}, p99 {}, slowest {}",
            f64::from(run.rounds) / took.as_secs_f64(),
            shown(percentile(&waits, 50)),
            shown(percentile(&waits, 99)),
            shown(waits[waits.len() - 1]),
        ));
        run.figure(format!("{} MB", memory.div_ceil(1024)));
        assert_eq!(waits.len(), run.rounds as usize);
        assert!(memory <= 40 * 1024, "{memory} KiB");
        let mut status = Client::new(&sandbox);
        status.send(&call("Status", &json!({})));
        assert_eq!(read(status.receive())["parameters"]["locked"], false);
    });
}

#[test]
fn latency() {
    let row = Row {
        name: "latency of a cached answer, and of `helper get foo`",
        target: "cached: p50 ≤ 50 µs, p99 ≤ 500 µs; command: p50 ≤ 3 ms",
        rounds: [2000, 100_000, 100_000],
    };
    row.run(|run| {
        let sandbox = sandbox();
        let _agent = sandbox.run_agent(&[]);
        let mut client = Client::new(&sandbox);
        let question = call("Get", &sandbox.question("foo"));
        let mut measure = |count: u32| {
            let time = |_| {
                let start = Instant::now();
                client.send(&question);
                client.receive();
                start.elapsed()
            };
            let mut times: Vec<Duration> = (0..count).map(time).collect();
            times.sort_unstable();
            times
        };
        measure(1000);
        let times = measure(run.rounds);
        let mut commands: Vec<Duration> = (0..run.rounds / 100)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
                start.elapsed()
            })
            .collect();
        commands.sort_unstable();
        run.figure(format!(
            "cached: p50 {}, p99 {}; command: p50 {}, p99 {}",
            shown(percentile(&times, 50)),
            shown(percentile(&times, 99)),
            shown(percentile(&commands, 50)),
            shown(percentile(&commands, 99)),
        ));
    });
}
