//! Many clients want a token that has expired: it is minted once.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;

use super::{Row, SETTINGS, error, password, sandbox};
use crate::harness::sandbox::{Connection, PATIENCE, fifo, readable, writer};

const CLIENTS: usize = 200;
/// A token of this life is given for half of it.
const LIFE: Duration = Duration::from_secs(10);

#[test]
fn one_refresh() {
    let row = Row {
        name: "200 clients on an expired token",
        target: "exactly 1 run of the command, all have the new token",
        rounds: [2, 200, 200],
    };
    row.run(|run| {
        // Its threads mostly wait for tokens to expire.
        run.shared(10, |run| {
            let sandbox = sandbox();
            let (pipe, log) = (sandbox.path("pipe"), sandbox.path("log"));
            fifo(&pipe);
            let script = format!("echo run >> '{}'; exec cat '{}'", log.display(), pipe.display());
            let text = format!(
                "[repositories.minted]\ncommand = [\"/bin/sh\", \"-c\", \"{script}\"]\nttl = \"{}s\"\n",
                LIFE.as_secs()
            );
            sandbox.write(SETTINGS, &text);
            let _agent = sandbox.run_agent(&[]);
            let mut question = sandbox.question("minted");
            let time = u64::try_from(PATIENCE.as_millis()).unwrap();
            question["question"]["context"]["timeout_ms"] = json!(time);
            let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| sandbox.connect()).collect();
            let mut other = sandbox.connect();
            let mut runs = 0;
            while let Some(round) = run.next() {
                for client in &mut clients {
                    client.send("Get", &question);
                }
                // An agent that answers this has read what was sent before: all of them wait for one run,
                // however long their answers take then.
                for _ in 0..3 {
                    assert_eq!(error(&other.call("Status", &json!({}))), "");
                }
                let token = format!("token-{round}");
                writer(&pipe).write_all(token.as_bytes()).unwrap();
                runs += 1;
                for client in &mut clients {
                    let reply = client.receive().unwrap();
                    assert_eq!(password(&reply), Some(token.as_str()), "{reply}");
                }
                let log = std::fs::read_to_string(&log).unwrap();
                assert_eq!(log.lines().count(), runs, "round {round}");
                // What is waited for is the clock.
                assert!(!readable(&clients[0].0, LIFE / 2 + Duration::from_millis(100)));
            }
        });
        run.figure(format!("{} answers", run.rounds as usize * CLIENTS));
    });
}
