//! A steady load for a long time.

use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::json;

use super::client::{Client, call, read};
use super::{Row, descriptors, error, password, sandbox, status};
use crate::harness::sandbox::readable;

/// Calls a second, in so many bundles.
const RATE: u32 = 500;
const BUNDLE: u32 = 10;
/// How much memory an agent may gain, in KiB.
const GROWTH: u64 = 1024;

#[test]
fn soak() {
    let row = Row {
        name: "soak: 500 requests a second, locked and unlocked every minute",
        target: "every answer right; memory grows by ≤ 1 MB; descriptors constant",
        rounds: [5, 1800, 24 * 3600],
    };
    row.run(|run| {
        // A round is a second.
        let every = if run.hours.is_some() { 60 } else { 1 };
        let sandbox = sandbox();
        let agent = sandbox.run_agent(&[]);
        let pid = Pid::from_child(&agent.child);
        let mut clients: Vec<Client> = (0..BUNDLE).map(|_| Client::new(&sandbox)).collect();
        let mut other = sandbox.connect();
        let silent = sandbox.connect();
        let get = sandbox.question("foo");
        let (question, context) = (call("Get", &get), json!({ "context": sandbox.context() }));
        let state = || (status(pid, "VmRSS:"), descriptors(pid));
        let (mut first, mut requests, mut late) = (None, 0, 0);
        let start = Instant::now();
        while let Some(second) = run.next() {
            if second % every == 0 {
                assert_eq!(error(&other.call("Lock", &json!({}))), "");
                assert_eq!(error(&other.call("Get", &get)), "Locked");
                assert_eq!(error(&other.call("Unlock", &context)), "");
                assert_eq!(password(&other.call("Get", &get)), Some("s3cret"));
            }
            for bundle in 0..RATE / BUNDLE {
                for client in &mut clients {
                    client.send(&question);
                }
                for client in &mut clients {
                    let reply = read(client.receive());
                    assert_eq!(password(&reply), Some("s3cret"), "{reply}");
                }
                requests += BUNDLE;
                // The clock of the load, and proof that nobody is told anything unasked.
                let bundles = second * (RATE / BUNDLE) + bundle + 1;
                let due = start + Duration::from_secs(1) * bundles / (RATE / BUNDLE);
                let left = due.saturating_duration_since(Instant::now());
                late += u32::from(left.is_zero());
                assert!(!readable(&silent.0, left));
            }
            // Once everything has been used.
            if second + 1 == run.rounds.min(2 * every).max(2) {
                first = Some(state());
            }
        }
        let ((memory, open), (after, still)) = (first.unwrap(), state());
        run.figure(format!(
            "{requests} requests in {:.0} s; {late} bundles of {BUNDLE} were late",
            start.elapsed().as_secs_f64()
        ));
        run.figure(format!("memory {memory} KiB, at the end {after} KiB"));
        if let (Some(open), Some(still)) = (open, still) {
            run.figure(format!("descriptors {open}, at the end {still}"));
        }
        assert!(after <= memory + GROWTH, "{memory} KiB, then {after} KiB");
        assert_eq!(open, still);
    });
}
