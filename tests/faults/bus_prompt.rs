//! A keyring that asks a person, who is away, says no, or is not to be asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{AUTH, BUSY, Row, Slowest, error};
use crate::harness::keyring::Bus;
use crate::harness::sandbox::{Sandbox, gone};
use crate::secret_service::run as block_on;
use crate::secret_service_prompt::{User, serve, state};

/// One way in which a prompt ends badly.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Locked,
    Dismissed,
    NeverAnswered,
    ClientLeaves,
    AgentEnds,
}

const KINDS: [Kind; 5] = [
    Kind::Locked,
    Kind::Dismissed,
    Kind::NeverAnswered,
    Kind::ClientLeaves,
    Kind::AgentEnds,
];

#[test]
fn prompts() {
    let row = Row {
        name: "prompt dismissed, never answered, its client gone, the agent told to end; locked without a prompt",
        target: "told within the deadline, the window closed; exit ≤ 2 s",
        rounds: [5, 200, 200],
    };
    row.run(|run| {
        let (answer, exit) = (Slowest::default(), Slowest::default());
        run.shared(3, |run| {
            while let Some(round) = run.next() {
                exit.note(one(KINDS[round as usize % KINDS.len()], &answer));
            }
        });
        run.figure(format!(
            "slowest answer {}, exit {}",
            answer.shown(),
            exit.shown()
        ));
    });
}

fn question(sandbox: &Sandbox, prompt: bool, time: Duration) -> Value {
    let mut question = sandbox.question("foo");
    let time = u64::try_from(time.as_millis()).unwrap();
    question["question"]["context"]["timeout_ms"] = json!(time);
    question["question"]["context"]["prompt"] = json!(prompt);
    question
}

/// One round; how long the end of the agent takes.
fn one(kind: Kind, answer: &Slowest) -> Duration {
    block_on(async {
        let (bus, state) = (Bus::start(), state());
        let user = match kind {
            Kind::Dismissed => User::Dismisses,
            _ => User::IsAway,
        };
        let _service = serve(&bus, &state, user).await;
        let mut sandbox = Sandbox::new();
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", &bus.address());
        sandbox.write(AUTH, "[http-basic.foo]\nusername = \"alice\"\n");
        let agent = sandbox.run_agent(&[]);
        let sandbox = Arc::new(sandbox);
        let ask = |prompt: bool, time: u64| {
            let sandbox = sandbox.clone();
            // The service answers from this thread.
            spawn_blocking(move || {
                let asked = question(&sandbox, prompt, Duration::from_millis(time));
                let start = Instant::now();
                let reply = sandbox.connect().call("Get", &asked);
                (reply, start.elapsed())
            })
        };
        match kind {
            Kind::Locked => {
                let (reply, took) = ask(false, 30_000).await.unwrap();
                answer.note(took);
                assert_eq!(error(&reply), "Locked", "{kind:?}: {reply}");
                assert_eq!(state.shown.load(Ordering::SeqCst), 0);
            }
            Kind::Dismissed => {
                let (reply, took) = ask(true, 30_000).await.unwrap();
                answer.note(took);
                assert_eq!(error(&reply), "Locked", "{kind:?}: {reply}");
                assert_eq!(state.shown.load(Ordering::SeqCst), 1);
            }
            Kind::NeverAnswered => {
                let (reply, took) = ask(true, 500).await.unwrap();
                answer.note(took);
                assert_eq!(error(&reply), "TimedOut", "{kind:?}: {reply}");
            }
            Kind::ClientLeaves | Kind::AgentEnds => {
                let asked = question(&sandbox, true, Duration::from_secs(30));
                let mut connection = sandbox.connect();
                connection.send("Get", &asked);
                state.was_shown.notified().await;
                if kind == Kind::ClientLeaves {
                    drop(connection);
                    // The window is in nobody's way.
                    let (reply, took) = ask(false, 30_000).await.unwrap();
                    answer.note(took);
                    assert_eq!(error(&reply), "Locked", "{kind:?}: {reply}");
                }
            }
        }
        let ended = spawn_blocking(move || {
            let start = Instant::now();
            agent.signal(Signal::TERM);
            let ended = gone(Pid::from_child(&agent.child), BUSY);
            ended.then(|| start.elapsed())
        });
        ended
            .await
            .unwrap()
            .unwrap_or_else(|| panic!("{kind:?}: it does not end"))
    })
}
