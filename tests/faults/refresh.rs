//! Many clients want a token that has expired: it is minted once.

use std::io::Write as _;
use std::time::Duration;

use super::{Row, SETTINGS, password, sandbox};
use crate::harness::sandbox::{Connection, fifo, readable, writer};

const CLIENTS: usize = 200;
/// A token of this life is given for half of it.
const LIFE: Duration = Duration::from_secs(6);

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
            let question = sandbox.question("minted");
            let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| sandbox.connect()).collect();
            let mut runs = 0;
            while let Some(round) = run.next() {
                for client in &mut clients {
                    client.send("Get", &question);
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
