use std::cell::RefCell;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use zeroize::Zeroizing;

use super::{Bytes, Ending, Handler, Reply, Server, Then, Traffic};
use crate::agent::clock::Clock;
use crate::agent::peer::Peer;

/// Echoes; `slow...` waits to be let go, `stop` and `close` end things, `big` is a long answer.
#[derive(Default)]
struct Echo {
    events: RefCell<Vec<String>>,
    happened: Notify,
    go: Notify,
}

struct Noted<'a>(&'a Echo);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

impl Echo {
    fn note(&self, event: &str) {
        self.events.borrow_mut().push(event.to_owned());
        self.happened.notify_waiters();
    }

    async fn until(&self, event: &str) {
        while !self.events.borrow().iter().any(|e| e == event) {
            self.happened.notified().await;
        }
    }
}

fn bytes(text: &[u8]) -> Bytes {
    let mut bytes = text.to_vec();
    bytes.push(0);
    Rc::new(Zeroizing::new(bytes))
}

impl Handler for Echo {
    fn quick(&self, message: &[u8], _peer: &Peer) -> Option<Bytes> {
        message.starts_with(b"q").then(|| bytes(message))
    }

    fn handle<'a>(
        &'a self,
        message: &'a [u8],
        peer: &'a Peer,
    ) -> Pin<Box<dyn Future<Output = Reply> + 'a>> {
        Box::pin(async move {
            assert_eq!(peer.pid, std::process::id());
            let then = match message {
                b"close" => Then::Close,
                b"stop" => Then::Stop,
                _ => Then::Continue,
            };
            if message.starts_with(b"slow") {
                let noted = Noted(self);
                self.note("waiting");
                self.go.notified().await;
                drop(noted);
            }
            if message == b"big" {
                return Reply {
                    bytes: Some(bytes(&vec![b'x'; limits::REPLY_MESSAGE])),
                    then,
                };
            }
            let bytes = (message != b"oneway").then(|| bytes(message));
            Reply { bytes, then }
        })
    }

    fn connected(&self, _peer: &Peer) {
        self.note("connected");
    }

    fn disconnected(&self, _peer: &Peer) {
        self.note("disconnected");
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    path: PathBuf,
    echo: Rc<Echo>,
    traffic: Rc<Traffic>,
    end: Rc<Notify>,
    server: tokio::task::JoinHandle<Ending>,
}

impl Bench {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let echo = Rc::new(Echo::default());
        let traffic = Rc::new(Traffic::new(Clock::Real));
        let end = Rc::new(Notify::new());
        let server = Rc::new(Server::new(echo.clone(), traffic.clone()));
        let (wait, gone) = (end.clone(), path.clone());
        let server = spawn_local(async move {
            let shutdown = async {
                wait.notified().await;
                Ending::Signal
            };
            let closing = |_| std::fs::remove_file(gone).unwrap();
            server.serve(listener, shutdown, closing).await
        });
        Self {
            _folder: folder,
            path,
            echo,
            traffic,
            end,
            server,
        }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.path).await.unwrap()
    }
}

async fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(0) => return Some(message),
            Ok(byte) => message.push(byte),
            Err(_) => return None,
        }
    }
}

async fn ask(stream: &mut UnixStream, text: &str) -> Option<Vec<u8>> {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.write_all(b"\0").await.unwrap();
    receive(stream).await
}

fn local(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let guarded = async { tokio::time::timeout(Duration::from_secs(30), work).await };
    LocalSet::new()
        .block_on(&runtime, guarded)
        .expect("nothing waits for ever");
}

/// With time that passes only while everybody waits.
fn local_paused(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        tokio::time::pause();
        work.await;
    });
}

#[test]
fn pipelined_messages_are_answered_in_order() {
    local(async {
        let bench = Bench::start();
        let mut peer = bench.connect().await;
        peer.write_all(b"q1\0two\0q3\0oneway\0fo").await.unwrap();
        for wanted in [&b"q1"[..], b"two", b"q3"] {
            assert_eq!(receive(&mut peer).await.unwrap(), wanted);
        }
        peer.write_all(b"ur\0").await.unwrap();
        assert_eq!(receive(&mut peer).await.unwrap(), b"four");
        assert_eq!(bench.traffic.open(), 1);
        assert_eq!(bench.traffic.busy(), 0);
    });
}

#[test]
fn messages_up_to_the_limit_and_long_replies() {
    local(async {
        let bench = Bench::start();
        let mut peer = bench.connect().await;
        let long = "y".repeat(limits::REQUEST_MESSAGE);
        assert_eq!(ask(&mut peer, &long).await.unwrap(), long.as_bytes());
        let big = ask(&mut peer, "big").await.unwrap();
        assert_eq!(big.len(), limits::REPLY_MESSAGE);
        // One byte more, and the connection ends without an answer.
        let _ = peer.write_all(long.as_bytes()).await;
        let _ = peer.write_all(b"yy").await;
        assert_eq!(receive(&mut peer).await, None);
        bench.echo.until("disconnected").await;
    });
}

#[test]
fn a_half_closed_peer_gets_its_answer() {
    local(async {
        let bench = Bench::start();
        let mut peer = bench.connect().await;
        peer.write_all(b"slow\0q\0").await.unwrap();
        peer.shutdown().await.unwrap();
        bench.echo.until("waiting").await;
        bench.echo.go.notify_one();
        assert_eq!(receive(&mut peer).await.unwrap(), b"slow");
        assert_eq!(receive(&mut peer).await.unwrap(), b"q");
        assert_eq!(receive(&mut peer).await, None);
    });
}

#[test]
fn a_peer_that_goes_away_ends_its_own_wait_only() {
    local(async {
        let bench = Bench::start();
        let mut stays = bench.connect().await;
        let mut goes = bench.connect().await;
        goes.write_all(b"slow one\0more that was sent ahead")
            .await
            .unwrap();
        bench.echo.until("waiting").await;
        drop(goes);
        bench.echo.until("dropped").await;
        bench.echo.until("disconnected").await;
        assert_eq!(ask(&mut stays, "still here").await.unwrap(), b"still here");
    });
}

#[test]
fn a_begun_message_has_to_end_and_silence_may_last() {
    local_paused(async {
        let bench = Bench::start();
        let mut silent = bench.connect().await;
        let mut stalled = bench.connect().await;
        stalled.write_all(b"q").await.unwrap();
        let start = tokio::time::Instant::now();
        assert_eq!(receive(&mut stalled).await, None);
        assert!(start.elapsed() >= limits::MESSAGE_TIME);
        assert!(start.elapsed() < limits::MESSAGE_TIME * 2);
        assert_eq!(ask(&mut silent, "q").await.unwrap(), b"q");
    });
}

#[test]
fn a_trickle_does_not_lengthen_the_time_of_a_message() {
    local_paused(async {
        let bench = Bench::start();
        let mut peer = bench.connect().await;
        let start = tokio::time::Instant::now();
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        while peer.write_all(b"q").await.is_ok() {
            tick.tick().await;
        }
        assert!(start.elapsed() <= limits::MESSAGE_TIME + Duration::from_secs(2));
    });
}

#[test]
fn a_peer_that_does_not_read_is_left() {
    local_paused(async {
        let bench = Bench::start();
        let mut peer = bench.connect().await;
        peer.write_all(b"big\0").await.unwrap();
        bench.echo.until("disconnected").await;
    });
}

#[test]
fn close_and_stop() {
    local(async {
        let bench = Bench::start();
        let mut peer = bench.connect().await;
        assert_eq!(ask(&mut peer, "close").await.unwrap(), b"close");
        assert_eq!(receive(&mut peer).await, None);
        let mut peer = bench.connect().await;
        assert_eq!(ask(&mut peer, "stop").await.unwrap(), b"stop");
        assert!(!bench.path.exists(), "gone before the answer");
        assert_eq!(bench.server.await.unwrap(), Ending::Asked);
    });
}

#[test]
fn the_end_waits_for_begun_work_and_not_for_ever() {
    local(async {
        let bench = Bench::start();
        let mut rests = bench.connect().await;
        assert_eq!(ask(&mut rests, "q").await.unwrap(), b"q");
        let mut works = bench.connect().await;
        works.write_all(b"slow\0").await.unwrap();
        bench.echo.until("waiting").await;
        // Connected, and not yet accepted when the end is decided.
        let mut late = std::os::unix::net::UnixStream::connect(&bench.path).unwrap();
        std::io::Write::write_all(&mut late, b"q late\0").unwrap();
        bench.end.notify_one();
        assert_eq!(receive(&mut rests).await, None);
        bench.echo.go.notify_one();
        assert_eq!(receive(&mut works).await.unwrap(), b"slow");
        late.set_nonblocking(true).unwrap();
        let mut late = UnixStream::from_std(late).unwrap();
        assert_eq!(receive(&mut late).await.unwrap(), b"q late");
        assert_eq!(bench.server.await.unwrap(), Ending::Signal);
    });
    local_paused(async {
        let bench = Bench::start();
        let mut peer = bench.connect().await;
        peer.write_all(b"slow\0").await.unwrap();
        bench.echo.until("waiting").await;
        let start = tokio::time::Instant::now();
        bench.end.notify_one();
        assert_eq!(bench.server.await.unwrap(), Ending::Signal);
        assert!(start.elapsed() < Duration::from_secs(1));
        assert_eq!(receive(&mut peer).await, None);
    });
}

#[test]
fn another_user_is_told_nothing() {
    // Only root can become another user, and not the root of every container.
    let mut other = std::process::Command::new("true");
    std::os::unix::process::CommandExt::uid(&mut other, 65534);
    if !rustix::process::geteuid().is_root() || other.status().is_err() {
        return;
    }
    local(async {
        let bench = Bench::start();
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(bench.path.parent().unwrap(), open.clone()).unwrap();
        std::fs::set_permissions(&bench.path, open).unwrap();
        // This test program itself may lie where the other user cannot reach it.
        let script = "import socket,sys\n\
            s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1])\n\
            try:\n s.sendall(b'q\\0');n=len(s.recv(100))\n\
            except OSError: n=0\n\
            print(n)";
        let run = |uid: u32| {
            let mut command = tokio::process::Command::new("python3");
            command.args(["-c", script]).arg(&bench.path).uid(uid);
            command.current_dir("/");
            async move { command.output().await.unwrap() }
        };
        let other = run(65534).await;
        assert_eq!(String::from_utf8_lossy(&other.stdout).trim(), "0");
        assert!(bench.echo.events.borrow().is_empty());
        let own = run(0).await;
        assert_eq!(String::from_utf8_lossy(&own.stdout).trim(), "2");
    });
}

#[test]
fn connections_beyond_the_limit_wait_their_turn() {
    local(async {
        let bench = Bench::start();
        for _ in 0..limits::CONNECTIONS {
            bench.traffic.opened();
        }
        let mut peer = bench.connect().await;
        peer.write_all(b"q\0").await.unwrap();
        tokio::task::yield_now().await;
        assert!(bench.echo.events.borrow().is_empty());
        bench.traffic.closed();
        assert_eq!(receive(&mut peer).await.unwrap(), b"q");
    });
}

#[test]
fn a_restricted_socket_and_a_connection_of_our_own() {
    local(async {
        let echo = Rc::new(Echo::default());
        let traffic = Rc::new(Traffic::new(Clock::Real));
        let server = Rc::new(Server::new(echo, traffic).admitting(65534));
        assert!(server.admitted.contains(&65534));
        let (near, mut far) = UnixStream::pair().unwrap();
        let peer = Peer::new(0, std::process::id(), 1);
        let task = spawn_local(async move { server.attend(near, peer).await });
        assert_eq!(ask(&mut far, "here").await.unwrap(), b"here");
        drop(far);
        task.await.unwrap().unwrap();
    });
}
