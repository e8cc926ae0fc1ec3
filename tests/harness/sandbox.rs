//! A home of its own for the built programs: folders, variables, socket, and the end of its agent.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getpid, getrlimit, kill_process, pidfd_open,
    setrlimit,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::programs;

/// What typing `helper` runs.
pub const HELPER: &str = env!("CARGO_BIN_EXE_helper");
/// The agent and everything else.
pub const HELPERD: &str = env!("CARGO_BIN_EXE_helperd");
/// Folder of other builds of the two programs, for the tests of faults.
const BINARIES: &str = "CREDENTIAL_HELPER_TEST_BINARIES";
/// Longer than anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The exit status of "could not be asked, or not in time".
pub const COULD_NOT: i32 = 3;
/// What is said where nobody has waited any longer: for an agent to start (`START_TIME`, 3 s), or for a
/// keyring (2 s), which is left alone for a while when that comes twice.
const LATE: [&str; 5] = [
    "it was not ready in time",
    "another client is starting one and does not finish",
    "the keyring did not answer within",
    "not asked: it timed out before",
    SLOW_FILE,
];
/// What is said of a file that the system did not give within its second.
const SLOW_FILE: &str = "no answer within 1 s";
/// So much does a pipe hold at least (`pipe(7)`; 64 KiB unless the user has many).
const PIPE: usize = 4096;
/// How long the output of a killed program is waited for.
const KILLED: Duration = Duration::from_secs(5);

/// A folder in which everything is kept that programs say, at the highest level, for `tests/logged`.
const LOGS: &str = "CREDENTIAL_HELPER_TEST_LOGS";
/// Set: commands do without an agent, and so log themselves what an agent that has no terminal would
/// log nowhere.
const LOGS_ALONE: &str = "CREDENTIAL_HELPER_TEST_LOGS_ALONE";

/// A home without anything of the user's.
pub struct Sandbox {
    root: TempDir,
    variables: Vec<(String, String)>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; 128 and the signal where one ended it.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Sandbox {
    /// Makes one, without a session bus.
    pub fn new() -> Self {
        let sandbox = Self {
            root: TempDir::new().unwrap(),
            variables: Vec::new(),
        };
        for folder in ["home", "run", "project"] {
            std::fs::create_dir(sandbox.path(folder)).unwrap();
        }
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(sandbox.path("run"), private).unwrap();
        sandbox
    }

    /// Gives every program of this sandbox a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Switches the keyring off, so that "not found" can be told.
    pub fn without_keyring(self) -> Self {
        let config = "[keyring]\nenabled = false\n";
        self.write("home/.config/pypoetry/config.toml", config);
        self
    }

    /// The folder of everything.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// A path below it.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// The agent's socket.
    pub fn socket(&self) -> PathBuf {
        self.path("run/credential-helper/agent.sock")
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes a program, and the folders above it.
    pub fn program(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        programs::write(&path, text);
        path
    }

    /// Makes a folder that is closed to others.
    pub fn private_folder(&self, below: &str) {
        let path = self.path(below);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// What a file holds.
    pub fn read(&self, below: &str) -> String {
        let path = self.path(below);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A command in this home, standing in `project`.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path("project"))
            .stdin(Stdio::null());
        // As much as can be said, and, if asked, all of it by the command itself.
        if std::env::var_os(LOGS).is_some() {
            command.env("CREDENTIAL_HELPER_LOG", "debug");
            if let Some(value) = std::env::var_os(LOGS_ALONE) {
                command.env("CREDENTIAL_HELPER_NO_AGENT", value);
            }
        }
        command
    }

    /// A program under a bridge's name, as a link that stands in a folder of its own.
    pub fn command_as(&self, name: &str, program: &str) -> Command {
        let folder = Path::new("bin").join(Path::new(program).file_name().unwrap());
        let link = self.root.path().join(folder).join(name);
        if !link.exists() {
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(program, &link).unwrap();
        }
        self.command(link)
    }

    /// `helper` with these arguments.
    pub fn helper(&self, arguments: &[&str]) -> Ended {
        end(self.command(helper()).args(arguments), "")
    }

    /// The same, asked again where it could not be answered: a client waits 3 s for a lock, 5 s for an
    /// answer, and a busy machine may need more. What is wrong for good is a failure.
    pub fn helper_patiently(&self, arguments: &[&str], input: &str) -> Ended {
        let until = Instant::now() + PATIENCE;
        loop {
            let ended = self.helper_fed(arguments, input);
            if ended.status != COULD_NOT || Instant::now() > until {
                return ended;
            }
        }
    }

    /// The same, once: where it is to be too late.
    pub fn helper_once(&self, arguments: &[&str], input: &str) -> Ended {
        end_once(self.command(helper()).args(arguments), input)
    }

    /// `helper` with these arguments and this standard input.
    pub fn helper_fed(&self, arguments: &[&str], input: &str) -> Ended {
        end(self.command(helper()).args(arguments), input)
    }

    /// `helper` with these arguments and variables.
    pub fn helper_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = self.command(helper());
        end(command.envs(variables.iter().copied()).args(arguments), "")
    }

    /// The running agent's process.
    pub fn agent(&self) -> Option<Pid> {
        let stream = UnixStream::connect(self.socket()).ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
        Some(peer.pid)
    }

    /// A connection to the agent.
    pub fn connect(&self) -> Connection {
        Connection::to(&self.socket())
    }

    /// The context that a client in this home sends.
    pub fn context(&self) -> Value {
        let path = |below: &str| self.path(below).to_str().unwrap().to_owned();
        json!({
            "folder": path("project"),
            "poetry": path("home/.config/pypoetry"),
            "uv": path("home/.config/uv"),
            "uv_store": path("home/.local/share/uv/credentials"),
            "settings": path("home/.config/credential-helper"),
            "state": path("home/.local/state/credential-helper"),
        })
    }

    /// A question about a name, in this home.
    pub fn question(&self, name: &str) -> Value {
        json!({ "question": { "name": name, "context": self.context() } })
    }

    /// Starts an agent in the foreground and returns when it listens.
    pub fn run_agent(&self, variables: &[(&str, &str)]) -> Foreground {
        let mut command = self.command(helperd());
        command.args(["agent", "run"]);
        command.envs(variables.iter().copied());
        self.run_agent_by(command)
    }

    /// Starts an agent in the foreground by a command that ends up as one.
    pub fn run_agent_by(&self, command: Command) -> Foreground {
        Foreground::start(command, &self.root.path().join("notify"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A test may be the agent itself.
        if let Some(pid) = self.agent().filter(|pid| *pid != getpid()) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// An agent in the foreground.
pub struct Foreground {
    /// Its process.
    pub child: Child,
}

impl Foreground {
    /// Starts it with a `NOTIFY_SOCKET` and waits until it says that it is ready.
    pub fn start(mut command: Command, notify: &Path) -> Self {
        let _ = std::fs::remove_file(notify);
        let socket = std::os::unix::net::UnixDatagram::bind(notify).unwrap();
        // The agent may be another user's.
        std::fs::set_permissions(notify, std::fs::Permissions::from_mode(0o666)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = command
            .env("NOTIFY_SOCKET", notify)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut bytes = [0; 256];
        let count = loop {
            match socket.recv(&mut bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other.unwrap(),
            }
        };
        let said = String::from_utf8_lossy(&bytes[..count]).into_owned();
        assert!(said.contains("READY=1"), "{said}");
        Self { child }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Ended {
        wait(&mut self.child, PATIENCE)
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(mut stderr) = self.child.stderr.take() {
            // What it has started may live on and hold the pipe: only what is there is read.
            let _ = rustix::io::ioctl_fionbio(&stderr, true);
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            keep(&String::from_utf8_lossy(&said));
        }
    }
}

/// A connection that speaks Varlink.
pub struct Connection(pub UnixStream);

impl Connection {
    /// To this socket.
    pub fn to(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// Sends a call of our interface.
    pub fn send(&mut self, method: &str, parameters: &Value) {
        let method = format!("io.credentialhelper.Agent1.{method}");
        let call = json!({ "method": method, "parameters": parameters });
        self.send_raw(format!("{call}\0").as_bytes());
    }

    /// Sends a call to an agent that may be gone.
    pub fn try_send(&mut self, method: &str, parameters: &Value) {
        let method = format!("io.credentialhelper.Agent1.{method}");
        let call = json!({ "method": method, "parameters": parameters });
        let _ = self.0.write_all(format!("{call}\0").as_bytes());
    }

    /// Sends bytes.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next reply; `None` where the agent has closed.
    pub fn receive(&mut self) -> Option<Value> {
        let mut bytes = Vec::new();
        let mut one = [0];
        loop {
            match self.0.read(&mut one) {
                Ok(0) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => panic!("no reply: {error}"),
                Ok(_) if one[0] == 0 => return Some(serde_json::from_slice(&bytes).unwrap()),
                Ok(_) => bytes.push(one[0]),
            }
        }
    }

    /// A call and its reply; once more where a busy machine was too slow with a file.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            self.send(method, parameters);
            let reply = self.receive().expect("a reply");
            let message = reply["parameters"]["message"].as_str();
            let late = message.is_some_and(|message| message.ends_with(SLOW_FILE));
            if !late || Instant::now() > until {
                return reply;
            }
        }
    }

    /// The same, once more where it was too late: what the keyring of a busy machine needs.
    pub fn call_patiently(&mut self, method: &str, parameters: &Value) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let reply = self.call(method, parameters);
            let error = reply["error"].as_str().unwrap_or_default();
            if !error.ends_with(".TimedOut") || Instant::now() > until {
                return reply;
            }
        }
    }
}

/// `helper`, of the build that is tested.
pub fn helper() -> PathBuf {
    built("helper", HELPER)
}

/// `helperd`, of the build that is tested.
pub fn helperd() -> PathBuf {
    built("helperd", HELPERD)
}

fn built(name: &str, own: &str) -> PathBuf {
    std::env::var_os(BINARIES).map_or_else(|| own.into(), |folder| Path::new(&folder).join(name))
}

/// As many descriptors for this process as the system lets it have, up to this number.
pub fn room_for_descriptors(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let raised = Rlimit {
        current: Some(current),
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// Runs a command to its end; once more where a busy machine was too slow with its agent or with its
/// keyring, which was then not asked for anything.
pub fn end(command: &mut Command, input: &str) -> Ended {
    let until = Instant::now() + PATIENCE;
    loop {
        let ended = end_once(command, input);
        let late = LATE.iter().any(|late| ended.stderr.contains(late));
        if !late || Instant::now() > until {
            return ended;
        }
    }
}

/// The same, once: where it is to be too late.
pub fn end_once(command: &mut Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    feed(child.stdin.take().unwrap(), input.as_bytes());
    wait(&mut child, PATIENCE)
}

/// Gives a child its input, of which it need not read anything: more than a pipe holds, by a thread.
pub fn feed(mut stdin: ChildStdin, input: &[u8]) {
    // Who does not read its input may be gone already.
    if input.len() <= PIPE {
        let _ = stdin.write_all(input);
        return;
    }
    let input = input.to_vec();
    std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
}

/// Waits for a child and what it says; ends it where that takes too long.
pub fn wait(child: &mut Child, patience: Duration) -> Ended {
    let (status, stdout, stderr, told) = finish(child, patience);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let ended = Ended {
        status: status.code().unwrap_or_else(|| {
            use std::os::unix::process::ExitStatusExt as _;
            128 + status.signal().unwrap_or(0)
        }),
        stdout: text(stdout),
        stderr: text(stderr),
    };
    keep(&ended.stderr);
    assert!(told.is_ok(), "{}: {ended:?}", told.unwrap_err());
    ended
}

/// What a child says in bytes, where it is one of the system's.
pub fn output(child: &mut Child) -> Output {
    let (status, stdout, stderr, told) = finish(child, PATIENCE);
    let output = Output {
        status,
        stdout,
        stderr,
    };
    assert!(told.is_ok(), "{}: {output:?}", told.unwrap_err());
    output
}

type Finished = (ExitStatus, Vec<u8>, Vec<u8>, Result<(), &'static str>);

/// The end of a child and of its output, and what came too late.
fn finish(child: &mut Child, patience: Duration) -> Finished {
    let stdout = child.stdout.take().map(Gathering::begin);
    let stderr = child.stderr.take().map(Gathering::begin);
    let in_time = gone(Pid::from_child(child), patience);
    if !in_time {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    // Something that it has started may hold its output for ever.
    let patience = if in_time { PATIENCE } else { KILLED };
    let text = |gathering: Option<Gathering>| {
        gathering.map_or((Vec::new(), true), |gathering| gathering.end(patience))
    };
    let ((stdout, whole), (stderr, also)) = (text(stdout), text(stderr));
    let told = match (in_time, whole && also) {
        (false, _) => Err("it did not end"),
        (true, false) => Err("something that it has started holds its output"),
        (true, true) => Ok(()),
    };
    (status, stdout, stderr, told)
}

/// Keeps what a program said, in a file of the test's.
fn keep(said: &str) {
    let Some(folder) = std::env::var_os(LOGS).filter(|_| !said.is_empty()) else {
        return;
    };
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a thread").replace("::", ".");
    let file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(Path::new(&folder).join(name));
    let _ = file.unwrap().write_all(said.as_bytes());
}

/// What somebody says, read by a thread that nobody has to wait for.
struct Gathering {
    said: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Gathering {
    fn begin(mut from: impl std::io::Read + Send + 'static) -> Self {
        let (sender, end) = channel();
        let said = Arc::<Mutex<Vec<u8>>>::default();
        let into = said.clone();
        std::thread::spawn(move || {
            let mut space = [0; 4096];
            loop {
                match from.read(&mut space) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                    Ok(count) => into.lock().unwrap().extend_from_slice(&space[..count]),
                }
            }
            let _ = sender.send(());
        });
        Self { said, end }
    }

    /// What was said, and whether that is all.
    fn end(self, patience: Duration) -> (Vec<u8>, bool) {
        let whole = self.end.recv_timeout(patience).is_ok();
        (std::mem::take(&mut *self.said.lock().unwrap()), whole)
    }
}

/// Does something at its end, also where the test has failed by then: what other threads of a scope wait
/// for, so that they do not keep the failure from being told.
pub struct AtEnd<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Whether a process ends within this time.
pub fn gone(pid: Pid, within: Duration) -> bool {
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
        return true;
    };
    readable(&process, within)
}

/// Whether there is something to read, or an end, within this time.
pub fn readable(descriptor: &impl std::os::fd::AsFd, within: Duration) -> bool {
    let until = Instant::now() + within;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        match poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            other => return other.unwrap() > 0,
        }
    }
}

/// Makes a FIFO.
pub fn fifo(path: &Path) {
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

/// Opens a FIFO for writing as soon as somebody reads it: the event that a test waits for.
pub fn writer(path: &Path) -> std::fs::File {
    let path = path.to_owned();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let file = rustix::fs::open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
        let _ = sender.send(file);
    });
    let file = receiver.recv_timeout(PATIENCE).expect("a reader").unwrap();
    assert!(file.as_fd().try_clone_to_owned().is_ok());
    std::fs::File::from(file)
}

/// Whether this is root; what it may do here, `harness::rights` tells.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a text fits a pattern in which `*` stands for anything.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else {
                return false;
            };
            rest = &rest[at + str::len(before)..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}
