//! Many clients find no agent, all at once.

use rustix::process::{Signal, kill_process};

use super::{Row, Slowest, sandbox};
use crate::agent::storm;
use crate::harness::sandbox::{PATIENCE, gone};

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
            slowest.note(storm(&sandbox, 64));
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
