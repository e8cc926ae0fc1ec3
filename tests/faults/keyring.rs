//! A real keyring on a real bus, on its bad days: dead, gone, replaced, silent, emptied.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use zbus::fdo::MonitoringProxy;
use zbus::message::Type;

use super::{AUTH, BUSY, Row, Run, Slowest, assert_not_asked, error, moment, password};
use crate::harness::keyring::{Client, Keyring, LOGIN};
use crate::harness::sandbox::{Connection, PATIENCE, Sandbox, gone, readable};
use crate::secret_service::run as block_on;

/// What a request without a person may take.
const DEADLINE: Duration = Duration::from_secs(1);

/// A patient question that is the second to be too late takes 2 s, and opens the breaker for 5.
const OPEN: Duration = Duration::from_secs(7);

/// A home whose accounts have their secrets in the keyring.
fn home(bus: Option<&str>, rounds: u32) -> Sandbox {
    let mut sandbox = Sandbox::new();
    if let Some(bus) = bus {
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", bus);
    }
    let account = |round| format!("[http-basic.n{round}]\nusername = \"alice\"\n");
    let text: String = (0..rounds).map(account).collect();
    sandbox.write(AUTH, &text);
    sandbox
}

fn attributes(service: &str) -> [(&str, &str); 2] {
    [("service", service), ("username", "alice")]
}

/// A secret for the account of this round.
fn store(keyring: &Keyring, collection: &str, round: u32) {
    block_on(async { store_in(&keyring.client().await, collection, round).await });
}

async fn store_in(client: &Client, collection: &str, round: u32) {
    let service = format!("poetry-repository-n{round}");
    let secret = format!("secret-{round}");
    client
        .item(collection, &attributes(&service), secret.as_bytes())
        .await;
}

fn question(sandbox: &Sandbox, round: u32) -> Value {
    let mut question = sandbox.question(&format!("n{round}"));
    let deadline = u64::try_from(DEADLINE.as_millis()).unwrap();
    question["question"]["context"]["timeout_ms"] = json!(deadline);
    question
}

fn assert_found(reply: &Value, round: u32) {
    let secret = format!("secret-{round}");
    assert_eq!(password(reply), Some(secret.as_str()), "{reply}");
}

/// The answer of a keyring that is back. On a busy machine it may be too late more than once.
fn until_found(connection: &mut Connection, asked: &Value, round: u32) -> Duration {
    let start = Instant::now();
    // Without haste: it has 2 s each time.
    let mut asked = asked.clone();
    asked["question"]["context"]["timeout_ms"] = Value::Null;
    let asked = &asked;
    let mut reply = connection.call("Get", asked);
    while error(&reply) == "TimedOut" && start.elapsed() < PATIENCE * 2 {
        // A breaker that has opened is waited for.
        assert!(!readable(&connection.0, Duration::from_millis(50)));
        reply = connection.call("Get", asked);
    }
    assert_found(&reply, round);
    start.elapsed()
}

/// Asks a keyring that does not answer, and comes back in the middle of that.
fn under_way(
    sandbox: &Sandbox,
    keyring: &Keyring,
    connection: &mut Connection,
    asked: &Value,
    round: u32,
) {
    assert!(sandbox.socket().exists());
    keyring.stop();
    let start = Instant::now();
    connection.send("Get", asked);
    // Where the machine stands still for so long, it may be told already that it takes too long.
    let answered = readable(&connection.0, moment(round));
    assert!(
        !answered || start.elapsed() >= DEADLINE,
        "an answer from nowhere"
    );
}

/// Ends what is asked in the middle of the call: that has to be told, in time.
fn ended(connection: &mut Connection, slowest: &Slowest, end: impl FnOnce()) {
    let start = Instant::now();
    end();
    let reply = connection.receive().unwrap();
    assert!(slowest.note(start.elapsed()) < DEADLINE + BUSY, "{reply}");
    assert_not_asked(&reply);
}

/// The figures of what was ended and came back.
fn tell(run: &Run, slowest: &Slowest, back: &Slowest) {
    run.figure(format!(
        "slowest answer {}; of the next one {}",
        slowest.shown(),
        back.shown()
    ));
}

#[test]
fn the_keyring_dies_during_a_call() {
    let row = Row {
        name: "Secret Service killed in the middle of a call",
        target: "told as unavailable within 1 s; asked again as soon as it is back",
        rounds: [8, 200, 200],
    };
    row.run(|run| {
        let (slowest, back) = (Slowest::default(), Slowest::default());
        run.shared(2, |run| {
            let mut keyring = Keyring::start();
            let sandbox = home(Some(&keyring.address()), run.rounds);
            let _agent = sandbox.run_agent(&[]);
            let mut connection = sandbox.connect();
            while let Some(round) = run.next() {
                store(&keyring, LOGIN, round);
                let asked = question(&sandbox, round);
                under_way(&sandbox, &keyring, &mut connection, &asked, round);
                ended(&mut connection, &slowest, || keyring.kill());
                keyring.restart();
                back.note(until_found(&mut connection, &asked, round));
            }
        });
        tell(run, &slowest, &back);
    });
}

#[test]
fn the_bus_goes_during_a_call() {
    let row = Row {
        name: "the session bus killed in the middle of a call; another one appears",
        target: "told as unavailable within 1 s; the next bus is used",
        rounds: [6, 200, 200],
    };
    row.run(|run| {
        let (slowest, back) = (Slowest::default(), Slowest::default());
        run.shared(2, |run| {
            let sandbox = home(None, run.rounds);
            let _agent = sandbox.run_agent(&[]);
            let mut connection = sandbox.connect();
            while let Some(round) = run.next() {
                let mut keyring = Keyring::start();
                store(&keyring, LOGIN, round);
                let mut asked = question(&sandbox, round);
                asked["question"]["context"]["bus"] = json!(keyring.address());
                under_way(&sandbox, &keyring, &mut connection, &asked, round);
                ended(&mut connection, &slowest, || keyring.bus().kill());
                // Another bus at another address, in the same state as the first.
                let next = Keyring::start();
                store(&next, LOGIN, round);
                asked["question"]["context"]["bus"] = json!(next.address());
                back.note(until_found(&mut connection, &asked, round));
            }
        });
        tell(run, &slowest, &back);
    });
}

#[test]
fn the_owner_is_replaced() {
    let row = Row {
        name: "another process owns the Secret Service: between two calls, and during one",
        target: "asked at once, with a session of its own",
        rounds: [8, 200, 200],
    };
    row.run(|run| {
        let slowest = Slowest::default();
        run.shared(2, |run| {
            let mut keyring = Keyring::start();
            let sandbox = home(Some(&keyring.address()), run.rounds);
            let _agent = sandbox.run_agent(&[]);
            let mut connection = sandbox.connect();
            while let Some(round) = run.next() {
                store(&keyring, LOGIN, round);
                let asked = question(&sandbox, round);
                let during = round % 2 == 0;
                if during {
                    under_way(&sandbox, &keyring, &mut connection, &asked, round);
                }
                keyring.kill();
                keyring.restart();
                if during {
                    let reply = connection.receive().unwrap();
                    if error(&reply).is_empty() {
                        assert_found(&reply, round);
                    } else {
                        assert_not_asked(&reply);
                    }
                }
                slowest.note(until_found(&mut connection, &asked, round));
            }
        });
        run.figure(format!("slowest answer of the new one {}", slowest.shown()));
    });
}

#[test]
fn the_keyring_is_silent() {
    let row = Row {
        name: "Secret Service stopped (SIGSTOP)",
        target: "told within the deadline (1 s; 2 s where none is given), at once after two of them; exit ≤ 2 s with a call stuck",
        rounds: [4, 200, 200],
    };
    row.run(|run| {
        let [answer, in_a_hurry, open, exit] = [(); 4].map(|()| Slowest::default());
        run.shared(6, |run| {
            let keyring = Keyring::start();
            let sandbox = home(Some(&keyring.address()), run.rounds);
            while let Some(round) = run.next() {
                store(&keyring, LOGIN, round);
                let mut agent = sandbox.run_agent(&[]);
                let mut connection = sandbox.connect();
                let asked = question(&sandbox, round);
                under_way(&sandbox, &keyring, &mut connection, &asked, round);
                let start = Instant::now();
                agent.signal(Signal::TERM);
                assert!(gone(Pid::from_child(&agent.child), BUSY));
                exit.note(start.elapsed());
                assert_eq!(agent.wait().status, 0);

                let _agent = sandbox.run_agent(&[]);
                let mut connection = sandbox.connect();
                // What a client in a hurry does not get says nothing of the keyring.
                let patient = sandbox.question(&format!("n{round}"));
                let asked = [(&asked, 1), (&patient, 2), (&patient, 2), (&patient, 0)];
                let mut start = Instant::now();
                for (asked, limit) in asked {
                    let before = std::mem::replace(&mut start, Instant::now());
                    let reply = connection.call("Get", asked);
                    assert_not_asked(&reply);
                    let took = start.elapsed();
                    [&open, &in_a_hurry, &answer][limit].note(took);
                    let limit = Duration::from_secs(limit as u64);
                    assert!(took < limit + BUSY, "{took:?}: {reply}");
                    let at_once = reply.to_string().contains("not asked: it timed out before");
                    // Unless the machine stood still until the breaker was closed again.
                    let closed = before.elapsed() >= OPEN && limit.is_zero();
                    assert!(at_once == limit.is_zero() || closed, "{reply}");
                }
                keyring.resume();
            }
        });
        run.figure(format!(
            "slowest answer {} and {}, with the breaker open {}, exit {}",
            in_a_hurry.shown(),
            answer.shown(),
            open.shown(),
            exit.shown()
        ));
    });
}

#[test]
fn the_collection_is_deleted() {
    let row = Row {
        name: "the collection is locked, and deleted, while it is asked",
        target: "locked is told as locked; what is gone is not given for more than 1 s",
        rounds: [8, 200, 200],
    };
    row.run(|run| {
        let slowest = Slowest::default();
        run.shared(2, |run| {
            let keyring = Keyring::start();
            let sandbox = home(Some(&keyring.address()), run.rounds);
            let _agent = sandbox.run_agent(&[]);
            let mut connection = sandbox.connect();
            while let Some(round) = run.next() {
                let asked = question(&sandbox, round);
                block_on(async {
                    let client = keyring.client().await;
                    let label = format!("other{round}");
                    let other = client.collection(&label).await;
                    store_in(&client, &other, round).await;
                    if round % 2 == 0 {
                        client.lock(&other).await;
                        let reply = connection.call("Get", &asked);
                        assert!(["Locked", "TimedOut"].contains(&error(&reply)), "{reply}");
                        client.unlock(&other).await;
                    }
                    until_found(&mut connection, &asked, round);
                    connection.send("Get", &asked);
                    client.delete_collection(&other).await;
                });
                let start = Instant::now();
                let mut reply = connection.receive().unwrap();
                while password(&reply).is_some() {
                    assert!(start.elapsed() < DEADLINE + BUSY, "{reply}");
                    reply = connection.call("Get", &asked);
                }
                slowest.note(start.elapsed());
            }
        });
        run.figure(format!("given for {} at most", slowest.shown()));
    });
}

#[test]
fn one_session_and_one_call_at_a_time() {
    const CLIENTS: u32 = 64;
    let row = Row {
        name: "64 look-ups at once in the Secret Service",
        target: "1 session, ≤ 1 call under way, the keyring survives (gnome-keyring 42 to 50 abort otherwise)",
        rounds: [2, 200, 200],
    };
    row.run(|run| {
        let (mut calls, mut late) = (0, 0);
        let keyring = Keyring::start();
        let sandbox = home(Some(&keyring.address()), CLIENTS);
        for name in 0..CLIENTS {
            store(&keyring, LOGIN, name);
        }
        let address = keyring.address();
        while run.next().is_some() {
            let _agent = sandbox.run_agent(&[]);
            let (seen, too_late) = block_on(async {
                let bus = zbus::connection::Builder::address(address.as_str()).unwrap();
                let monitor = bus.build().await.unwrap();
                let mut messages = zbus::MessageStream::from(&monitor);
                let proxy = MonitoringProxy::new(&monitor).await.unwrap();
                proxy.become_monitor(&[], 0).await.unwrap();
                let too_late = ask_all(&sandbox, CLIENTS);
                // What the monitor sees last.
                let marker = keyring.client().await;
                marker.default_collection().await;
                let (mut seen, last) = (Seen::default(), marker.name());
                loop {
                    let message = tokio::time::timeout(PATIENCE, messages.next()).await;
                    let message = message.unwrap().unwrap().unwrap();
                    if message
                        .header()
                        .sender()
                        .is_some_and(|name| name.as_str() == last)
                    {
                        break (seen, too_late);
                    }
                    seen.take(&message);
                }
            });
            // A call that is given up takes its session with it.
            if too_late == 0 {
                assert_eq!((seen.sessions, seen.most), (1, 1));
            }
            late += too_late;
            calls += seen.calls;
        }
        let all = run.rounds * CLIENTS;
        run.figure(format!(
            "{calls} calls seen on the bus; {late} of {all} look-ups told as too late"
        ));
    });
}

/// All of them, each on its own connection, at the same time. They wait for each other, and none
/// for longer than 2 s: comes back how many were told so.
fn ask_all(sandbox: &Sandbox, clients: u32) -> usize {
    let mut connections: Vec<Connection> = (0..clients).map(|_| sandbox.connect()).collect();
    for (name, connection) in (0..).zip(&mut connections) {
        let mut asked = sandbox.question(&format!("n{name}"));
        asked["question"]["context"]["timeout_ms"] = json!(30_000);
        connection.send("Get", &asked);
    }
    let mut late = 0;
    for (name, connection) in (0..).zip(&mut connections) {
        let reply = connection.receive().unwrap();
        if error(&reply) == "TimedOut" {
            late += 1;
        } else {
            assert_found(&reply, name);
        }
    }
    late
}

/// What went over the bus to the keyring.
#[derive(Default)]
struct Seen {
    sessions: u32,
    calls: u32,
    under_way: Vec<(String, u32)>,
    most: usize,
}

impl Seen {
    fn take(&mut self, message: &zbus::Message) {
        let header = message.header();
        let to = header.path().map_or("", |path| path.as_str());
        if message.message_type() == Type::MethodCall && to.starts_with("/org/freedesktop/secrets")
        {
            let member = header.member().map_or("", |member| member.as_str());
            self.sessions += u32::from(member == "OpenSession");
            self.calls += 1;
            let sender = header.sender().unwrap().to_string();
            self.under_way
                .push((sender, header.primary().serial_num().get()));
            self.most = self.most.max(self.under_way.len());
        } else if let (Some(serial), Some(to)) = (header.reply_serial(), header.destination()) {
            let answered = (to.to_string(), serial.get());
            self.under_way.retain(|call| *call != answered);
        }
    }
}
