//! Many clients find no agent, all at once.

use std::process::{Child, Stdio};
use std::time::Instant;

use rustix::process::{Signal, kill_process};
use serde_json::json;

use super::{Row, Slowest, sandbox};
use crate::harness::sandbox::{PATIENCE, gone, helper, wait};

const CLIENTS: usize = 64;

#[test]
fn cold_start_storm() {
    let row = Row {
        name: "cold start: 64 clients at once and no agent",
        target: "one agent, every client answered, slowest ≤ 500 ms",
        rounds: [8, 200, 200],
    };
    row.run(|run| {
        let sandbox = sandbox();
        let slowest = Slowest::default();
        while let Some(round) = run.next() {
            let start = Instant::now();
            let clients: Vec<Child> = (0..CLIENTS)
                .map(|_| {
                    let mut command = sandbox.command(helper());
                    command.args(["get", "foo", "--format", "password"]);
                    command.stdout(Stdio::piped()).stderr(Stdio::piped());
                    command.spawn().unwrap()
                })
                .collect();
            for mut client in clients {
                let ended = wait(&mut client, PATIENCE);
                assert_eq!(ended.status, 0, "round {round}: {ended:?}");
                assert_eq!(ended.stdout, "s3cret\n", "round {round}: {ended:?}");
            }
            slowest.note(start.elapsed());
            // One agent has answered all of them.
            let status = sandbox.connect().call("Status", &json!({}));
            let count = |key: &str| status["parameters"]["cache"][key].as_u64().unwrap();
            assert_eq!(
                count("hits") + count("misses"),
                CLIENTS as u64,
                "round {round}: {status}"
            );
            // A socket is left behind in every second round.
            let agent = sandbox.agent().unwrap();
            let signal = if round % 2 == 0 {
                Signal::KILL
            } else {
                Signal::TERM
            };
            kill_process(agent, signal).unwrap();
            assert!(gone(agent, PATIENCE));
        }
        run.figure(format!("slowest {}", slowest.shown()));
    });
}
