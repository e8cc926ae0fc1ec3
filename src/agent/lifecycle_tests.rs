//! Whole lives of the agent, each in a process of its own: this test program again.

use std::fs;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use zeroize::Zeroizing;

use super::{Config, Control, Ending, StartFailure, StartedBy, run};
use crate::agent::clock::Clock;
use crate::agent::peer::Peer;
use crate::agent::server::{Bytes, Handler, Reply, Then};

const CHILD: &str = "CREDENTIAL_HELPER_TEST_AGENT";

/// Answers with its pid and obeys a few words.
struct Words(Rc<Control>);

impl Handler for Words {
    fn quick(&self, _message: &[u8], _peer: &Peer) -> Option<Bytes> {
        None
    }

    fn handle<'a>(
        &'a self,
        message: &'a [u8],
        _peer: &'a Peer,
    ) -> Pin<Box<dyn Future<Output = Reply> + 'a>> {
        let then = match message {
            b"stop" => Then::Stop,
            b"leave" => {
                self.0.leave_when_idle();
                Then::Continue
            }
            b"hold" => {
                self.0.hold(super::Hold::Locked, true);
                Then::Continue
            }
            b"release" => {
                self.0.hold(super::Hold::Locked, false);
                Then::Continue
            }
            _ => Then::Continue,
        };
        let text = format!("{} {}\0", std::process::id(), self.0.started_by.word());
        let bytes = Some(Rc::new(Zeroizing::new(text.into_bytes())));
        Box::pin(async move { Reply { bytes, then } })
    }
}

#[test]
fn agent_process() {
    let Some(socket) = std::env::var_os(CHILD) else {
        return;
    };
    let milliseconds = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(Duration::from_millis(text.parse().unwrap()))
    };
    let config = Config {
        socket: PathBuf::from(socket),
        started_by: StartedBy::Client,
        idle_exit: milliseconds("IDLE"),
        detached: std::env::var_os("DETACHED").is_some(),
        check_every: milliseconds("CHECK").unwrap_or(super::CHECK_EVERY),
        clock: Clock::Real,
    };
    let result = run(&config, |control| Ok(Rc::new(Words(control.clone()))));
    // The harness holds standard output back until the end; a file does not.
    if let Some(path) = std::env::var_os("RESULT") {
        let word = match result {
            Ok(Ending::Asked) => "asked",
            Ok(Ending::Signal) => "signal",
            Ok(Ending::Idle) => "idle",
            Ok(Ending::Replaced) => "replaced",
            Err(StartFailure::AlreadyRunning) => "running",
            Err(StartFailure::Failed(_)) => "failed",
        };
        fs::write(path, word).unwrap();
    }
}

struct Agent {
    child: Child,
    result: PathBuf,
}

/// Starts detached, which is what says when it is ready.
fn start(folder: &Path, socket: &Path, settings: &[(&str, &str)]) -> (Agent, String) {
    let number = fs::read_dir(folder).unwrap().count();
    let result = folder.join(format!("result-{number}-{:?}", std::thread::current().id()));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "agent::lifecycle::tests::agent_process"])
        .args(["--nocapture", "--test-threads=1", "-q"])
        .env(CHILD, socket)
        .env("DETACHED", "1")
        .env("RESULT", &result)
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    // To its end, which comes when the agent lets go of the pipe. The harness prints lines of its
    // own before, and where the start fails also after.
    let mut said = String::new();
    for line in out.lines().map_while(Result::ok) {
        if line == "ready" || line.starts_with("error: ") {
            said = line;
        }
    }
    (Agent { child, result }, said)
}

impl Agent {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn result(mut self) -> String {
        self.child.wait().unwrap();
        fs::read_to_string(&self.result).unwrap()
    }
}

fn say(socket: &Path, word: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.write_all(format!("{word}\0").as_bytes()).ok()?;
    let mut reply = Vec::new();
    BufReader::new(&mut stream).read_until(0, &mut reply).ok()?;
    (reply.pop() == Some(0)).then(|| String::from_utf8(reply).unwrap())
}

#[test]
fn signals_end_it_cleanly_and_soon() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("run/agent.sock");
        let (agent, said) = start(folder.path(), &socket, &[]);
        assert_eq!(said, "ready");
        let pid = agent.child.id();
        assert_eq!(say(&socket, "hello").unwrap(), format!("{pid} client"));
        let mut kept = UnixStream::connect(&socket).unwrap();
        let begin = Instant::now();
        agent.signal(signal);
        assert_eq!(agent.result(), "signal");
        // In a second, and what a busy machine adds.
        assert!(begin.elapsed() < Duration::from_mins(1));
        assert!(!socket.exists());
        assert_eq!(kept.read(&mut [0]).unwrap_or(0), 0);
    }
}

#[test]
fn stop_is_answered_when_the_socket_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/agent.sock");
    let (first, _) = start(folder.path(), &socket, &[]);
    say(&socket, "stop").unwrap();
    // At once, while the first may still be ending.
    let (second, said) = start(folder.path(), &socket, &[]);
    assert_eq!(said, "ready");
    let pid = second.child.id();
    assert_eq!(say(&socket, "hello").unwrap(), format!("{pid} client"));
    assert_eq!(first.result(), "asked");
    second.signal(Signal::TERM);
    assert_eq!(second.result(), "signal");
}

#[test]
fn twelve_starts_end_with_one_agent_and_twelve_answers() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/agent.sock");
    let mut agents: Vec<(Agent, String)> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..12)
            .map(|_| {
                scope.spawn(|| {
                    let (agent, said) = start(folder.path(), &socket, &[]);
                    assert_eq!(said, "ready");
                    (agent, say(&socket, "hello").unwrap())
                })
            })
            .collect();
        starts.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let answer = agents[0].1.clone();
    assert!(agents.iter().all(|(_, heard)| *heard == answer));
    let winner = agents
        .iter()
        .position(|(agent, _)| answer == format!("{} client", agent.child.id()))
        .unwrap();
    let (winner, _) = agents.swap_remove(winner);
    for (loser, _) in agents {
        assert_eq!(loser.result(), "running");
    }
    winner.signal(Signal::TERM);
    assert_eq!(winner.result(), "signal");
}

#[test]
fn idleness_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/agent.sock");
    let (agent, said) = start(folder.path(), &socket, &[("IDLE", "200")]);
    assert_eq!(said, "ready");
    assert_eq!(agent.result(), "idle");
    assert!(!socket.exists());
}

#[test]
fn it_leaves_when_idle_unless_it_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/agent.sock");
    let (agent, _) = start(folder.path(), &socket, &[("CHECK", "20")]);
    say(&socket, "hold").unwrap();
    say(&socket, "leave").unwrap();
    // Some rounds of looking, each of which would have ended it.
    for _ in 0..50 {
        assert!(say(&socket, "hello").is_some());
    }
    say(&socket, "release").unwrap();
    assert_eq!(agent.result(), "idle");
}

#[test]
fn an_agent_without_its_socket_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/agent.sock");
    let (agent, _) = start(folder.path(), &socket, &[("CHECK", "20")]);
    fs::remove_dir_all(socket.parent().unwrap()).unwrap();
    assert_eq!(agent.result(), "replaced");
}

#[test]
fn a_start_that_fails_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/agent.sock");
    fs::create_dir_all(&socket).unwrap();
    fs::set_permissions(socket.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let (agent, said) = start(folder.path(), &socket, &[]);
    assert!(said.starts_with("error: cannot listen on "), "{said}");
    assert!(said.ends_with("it is no socket"), "{said}");
    assert_eq!(agent.result(), "failed");
}

#[test]
fn a_detached_agent_keeps_nothing_of_its_client() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("run/agent.sock");
    let (agent, _) = start(folder.path(), &socket, &[]);
    let process = PathBuf::from(format!("/proc/{}", agent.child.id()));
    if cfg!(target_os = "linux") {
        assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
        for number in ["0", "1", "2"] {
            let target = fs::read_link(process.join("fd").join(number)).unwrap();
            assert_eq!(target, Path::new("/dev/null"));
        }
        let stat = fs::read_to_string(process.join("stat")).unwrap();
        let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3);
        assert_eq!(session.unwrap(), agent.child.id().to_string());
    }
    agent.signal(Signal::TERM);
    assert_eq!(agent.result(), "signal");
}

/// As systemd does it: the socket is descriptor 3, `LISTEN_PID` is the process itself.
#[test]
fn a_socket_that_was_handed_over_is_left_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("given.sock");
    let result = folder.path().join("result");
    let script = "import os,socket,sys\n\
        s=socket.socket(socket.AF_UNIX);s.bind(sys.argv[1]);s.listen()\n\
        n=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);n.bind(sys.argv[1]+'.notify');n.settimeout(20)\n\
        if os.fork()==0:\n \
        os.dup2(s.fileno(),3);os.set_inheritable(3,True)\n \
        os.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS='1',\
        NOTIFY_SOCKET=sys.argv[1]+'.notify')\n \
        os.execv(sys.argv[2],sys.argv[2:])\n\
        print(n.recv(100).decode().strip(),flush=True);os.wait()";
    let mut parent = Command::new("python3")
        .args(["-c", script])
        .arg(&socket)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "agent::lifecycle::tests::agent_process"])
        .args(["--nocapture", "--test-threads=1", "-q"])
        .env(CHILD, "/nonexistent/agent.sock")
        .env("RESULT", &result)
        .env("IDLE", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(parent.stdout.take().unwrap());
    let mut lines = out.lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "READY=1"));
    let answer = say(&socket, "hello").unwrap();
    assert!(answer.ends_with(" activation"), "{answer}");
    say(&socket, "stop").unwrap();
    parent.wait().unwrap();
    assert_eq!(fs::read_to_string(result).unwrap(), "asked");
    assert!(socket.exists());
}
