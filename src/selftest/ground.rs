//! The folder in which the self-test runs, with a home and a runtime folder of its own, and the
//! programs of this installation in it.

use std::cell::RefCell;
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use credential_helper_protocol::program::program;
use credential_helper_protocol::{ErrorCode, Failure, MemoryState};
use serde::Deserialize;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::here::{ACCOUNT, internal};
use crate::domain::text::shown;

/// The longest path of a folder that leaves room for a socket's name (`unix(7)`).
const LONGEST: usize = 70;

/// The folder, and what is known of it.
pub(super) struct Ground {
    folder: PathBuf,
    helper: PathBuf,
    pub(super) helperd: PathBuf,
    pub(super) time: Duration,
    /// The made-up secret: random, and of letters and digits alone.
    pub(super) secret: String,
    /// What the programs said, but for the answers that were asked for.
    said: RefCell<String>,
}

/// How a program ended.
pub(super) struct Ended {
    pub(super) status: Option<i32>,
    pub(super) stdout: String,
    pub(super) took: Duration,
}

impl Ended {
    pub(super) fn how(&self) -> String {
        self.status.map_or_else(
            || "a signal ended it".to_owned(),
            |status| format!("exit status {status}"),
        )
    }
}

impl Ground {
    /// Makes the folder, and what the agent finds in it.
    pub(super) fn new(time: Duration) -> Result<Self, Failure> {
        let helperd = program()?;
        let random = [0_u8, 1].map(|part| format!("{:016x}", RandomState::new().hash_one(part)));
        let [name, _] = &random;
        let mut base = std::env::temp_dir();
        if base.as_os_str().len() > LONGEST {
            base = PathBuf::from("/tmp");
        }
        let folder = base.join(format!("credential-helper-selftest-{name}"));
        // Fails where somebody has made it already; only what is ours is removed in the end.
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| internal("prepare", &error))?;
        let ground = Self {
            folder,
            helper: door(&helperd),
            helperd,
            time,
            secret: format!("selftest{}", random.concat()),
            said: RefCell::default(),
        };
        ground.fill().map_err(|error| internal("prepare", &error))?;
        Ok(ground)
    }

    fn fill(&self) -> std::io::Result<()> {
        let secret = &self.secret;
        let waiting = self.fifo();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &waiting,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )?;
        let waiting = toml_edit::Value::from(waiting.to_string_lossy().into_owned());
        let auth =
            format!("[http-basic.{ACCOUNT}]\nusername = \"{ACCOUNT}\"\npassword = \"{secret}\"\n");
        let settings = format!(
            "[repositories.{ACCOUNT}]\nurl = \"https://{ACCOUNT}.invalid/simple/\"\n\n\
             [repositories.stuck]\nurl = \"https://stuck.invalid/simple/\"\ntimeout = 600.0\n\
             command = [\"/bin/sh\", \"-c\", 'read line < \"$0\"', {waiting}]\n"
        );
        for folder in ["run", "project", "home", "squat"] {
            self.make(folder)?;
        }
        self.write("home/.config/pypoetry/auth.toml", &auth)?;
        // The agent here has no keyring to find: it never gets near the user's.
        let off = "[keyring]\nenabled = false\n";
        self.write("home/.config/pypoetry/config.toml", off)?;
        self.write("home/.config/credential-helper/config.toml", &settings)
    }

    fn make(&self, below: &str) -> std::io::Result<()> {
        let path = self.folder.join(below);
        DirBuilder::new().mode(0o700).recursive(true).create(path)
    }

    fn write(&self, below: &str, text: &str) -> std::io::Result<()> {
        let path = Path::new(below);
        if let Some(parent) = path.parent().and_then(Path::to_str) {
            self.make(parent)?;
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600);
        file.open(self.folder.join(path))?
            .write_all(text.as_bytes())
    }

    /// A path below the folder.
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.folder.join(below)
    }

    /// The folder of the agent's socket.
    pub(super) fn socket_folder(&self) -> PathBuf {
        self.path("run/credential-helper")
    }

    /// What the command of the repository `stuck` waits for.
    pub(super) fn fifo(&self) -> PathBuf {
        self.path("fifo")
    }

    /// The agent's log.
    pub(super) fn agent_log(&self) -> PathBuf {
        self.path("agent.log")
    }

    /// What was said so far.
    pub(super) fn said(&self) -> String {
        self.said.borrow().clone()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .current_dir(self.path("project"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// `helper` with these arguments and variables, to its end. What it says is kept, and what it
    /// prints unless that is the secret that was asked for.
    pub(super) async fn helper(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Ended, String> {
        let begun = Instant::now();
        let mut command = self.command(&self.helper);
        let command = command.args(arguments).envs(variables.iter().copied());
        let output = match timeout(self.time, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => {
                let program = shown(&self.helper.to_string_lossy());
                return Err(format!("{program} could not be run: {}", error.kind()));
            }
            Err(_) => {
                let time = self.time.as_secs_f64();
                let words = arguments.join(" ");
                return Err(format!("`helper {words}` did not end within {time} s"));
            }
        };
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut said = self.said.borrow_mut();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        if arguments.first() != Some(&"get") {
            said.push_str(&stdout);
        }
        Ok(Ended {
            status: output.status.code(),
            stdout,
            took: begun.elapsed(),
        })
    }

    /// What the agent says of its memory.
    pub(super) async fn memory_state(&self) -> Option<MemoryState> {
        #[derive(Deserialize)]
        struct Status {
            memory: MemoryState,
        }
        let ended = self.helper(&["agent", "status", "--json"], &[]).await;
        let status: Status = serde_json::from_str(&ended.ok()?.stdout).ok()?;
        Some(status.memory)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What a user types: the fast door, where it is installed.
fn door(helperd: &Path) -> PathBuf {
    let folder = helperd.parent().unwrap_or(helperd);
    let beside = folder.join("helper");
    let apart = folder.join("../../bin/helper");
    [beside, apart]
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| helperd.to_owned())
}

/// The agent in that folder.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) pid: u32,
}

impl Running {
    /// Starts it, with its log at the highest level in a file; returns when it listens.
    pub(super) async fn start(ground: &Ground) -> Result<Self, Failure> {
        let failed = |why: String| {
            Failure::new(
                ErrorCode::Unavailable,
                format!("cannot start an agent for the self-test: {why}"),
            )
            .hint("see what `helper agent run -vv` says")
        };
        let io = |error: std::io::Error| failed(error.kind().to_string());
        let notify = ground.path("notify");
        let ready = UnixDatagram::bind(&notify).map_err(io)?;
        let log = File::create(ground.agent_log()).map_err(io)?;
        let mut command = ground.command(&ground.helperd);
        let mut child = command
            .args(["agent", "run"])
            .env("NOTIFY_SOCKET", &notify)
            .env("CREDENTIAL_HELPER_LOG", "debug")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(io)?;
        let pid = child.id().ok_or_else(|| failed("it ended".to_owned()))?;
        let mut message = [0; 256];
        let listens = async {
            tokio::select! {
                said = ready.recv(&mut message) => said.map(|_| ()).map_err(io),
                _ = child.wait() => Err(failed("it ended at once".to_owned())),
            }
        };
        match timeout(ground.time, listens).await {
            Ok(result) => result?,
            Err(_) => return Err(failed("it did not become ready".to_owned())),
        }
        Ok(Self { child, pid })
    }
}
