//! A command of the user's settings, run for a request.
//!
//! The program is named by an absolute path, gets an environment that is built here and not the
//! client's (sccache CVE-2023-1521, GCM CVE-2020-26233, Poetry CVE-2022-26184), runs in `/`, in a
//! session of its own without a terminal, with none of our descriptors, and is ended with all that
//! it started when its time is over or nobody waits for it any more.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use credential_helper_protocol::limits;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::domain::credential::{Answer, Why};
use crate::domain::text::shown;
use crate::edit::thread::off_thread;

pub use credential_helper_protocol::surroundings::RECURSION;
/// The time of a command, where the settings name none.
pub const COMMAND_TIME: Duration = Duration::from_secs(20);
/// What a command may print: a secret of [`limits::SECRET`] grows in JSON with `\u` escapes
/// (threefold) and in base64.
pub const OUTPUT: usize = 4 * limits::SECRET;
/// How long the output is read on after the program has ended: what it wrote is there already, and
/// a process that it left behind may hold the other end for ever.
const LINGER: Duration = Duration::from_millis(200);
/// The system's default PATH: the client's, or that of the shell that started us, is not asked.
#[cfg(not(windows))]
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command as the settings have it.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// The program, by an absolute path, and its arguments.
    pub command: Vec<String>,
    /// Variables that it gets.
    pub env: BTreeMap<String, String>,
    /// Variables of the agent's own environment that it gets.
    pub pass_env: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// How it is run this time.
#[derive(Clone, Copy, Default)]
pub struct Run<'a> {
    /// Arguments after those of the settings.
    pub arguments: &'a [&'a str],
    /// Variables of our own, stronger than those of the settings.
    pub variables: &'a [(&'a str, &'a str)],
    /// What it reads; nothing without it.
    pub input: Option<&'a [u8]>,
    /// Whether what it writes to standard error is kept. It may hold secrets: it is looked at,
    /// never shown.
    pub complaints: bool,
}

/// What it did.
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub printed: Zeroizing<Vec<u8>>,
    /// The beginning of what it wrote to standard error, where that is kept.
    pub complaints: Zeroizing<Vec<u8>>,
}

/// Why it could not be run to its end, in our own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The kind.
    pub why: Why,
    /// `cannot run PROGRAM: ...`
    pub detail: String,
}

impl From<Trouble> for Answer {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble.why, trouble.detail)
    }
}

impl CommandSpec {
    /// The program, as it may be shown.
    pub fn program(&self) -> String {
        shown(self.command.first().map_or("", String::as_str))
    }

    /// A failure of this command.
    pub fn trouble(&self, why: Why, words: &str) -> Trouble {
        Trouble {
            why,
            detail: format!("{} {words}", self.program()),
        }
    }

    /// The failure of a command that did not answer in its time.
    pub fn too_slow(&self, time: Duration) -> Trouble {
        let words = format!("did not answer within {} s", super::value::seconds(time));
        self.trouble(Why::TimedOut, &words)
    }

    /// The failure of a command that ended badly.
    pub fn ended_badly(&self, status: ExitStatus) -> Trouble {
        let words = match status.code() {
            Some(code) => format!("ended with status {code}"),
            None => "was ended by a signal".to_owned(),
        };
        self.trouble(Why::Unavailable, &words)
    }
}

/// Whether we were started by something that one of our kind runs.
pub fn recursing() -> bool {
    std::env::var_os(RECURSION).is_some()
}

/// Runs the command for at most this time.
///
/// # Errors
/// Where it cannot be started, does not end in time, or prints more than [`OUTPUT`].
pub async fn run(spec: &CommandSpec, run: Run<'_>, time: Duration) -> Result<Output, Trouble> {
    let command = prepare(spec, run)?;
    tokio::time::timeout(time, to_end(spec, command, run.input))
        .await
        .unwrap_or_else(|_| Err(spec.too_slow(time)))
}

/// The command with the whole of its surroundings.
fn prepare(spec: &CommandSpec, run: Run<'_>) -> Result<Command, Trouble> {
    let fail = |words: &str| Trouble {
        why: Why::Malformed,
        detail: format!("cannot run {}: {words}", spec.program()),
    };
    let Some((program, arguments)) = spec.command.split_first() else {
        return Err(fail("the settings name no program"));
    };
    if !Path::new(program).is_absolute() {
        return Err(fail("the settings must name it by an absolute path"));
    }
    let piped = |wanted: bool| {
        if wanted {
            Stdio::piped()
        } else {
            Stdio::null()
        }
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(run.arguments)
        .env_clear()
        .envs(environment(spec, run.variables, std::env::vars_os()))
        .current_dir(if cfg!(windows) { "C:\\" } else { "/" })
        .stdin(piped(run.input.is_some()))
        .stdout(Stdio::piped())
        .stderr(piped(run.complaints))
        .kill_on_drop(true);
    #[cfg(unix)]
    detach(&mut command);
    Ok(command)
}

/// The environment: what names the user and the session, from the agent's own; then what the
/// settings say; then ours.
fn environment(
    spec: &CommandSpec,
    ours: &[(&str, &str)],
    own: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    let mut all = BTreeMap::new();
    #[cfg(not(windows))]
    all.insert("PATH".into(), PATH.into());
    for (name, value) in own {
        let text = name.to_string_lossy();
        if of_the_user(&text) || spec.pass_env.iter().any(|wanted| *wanted == text) {
            all.insert(name, value);
        }
    }
    let set = spec.env.iter().map(|(name, value)| (&**name, &**value));
    all.extend(
        set.chain(ours.iter().copied())
            .chain([(RECURSION, "1")])
            .map(|(name, value)| (name.into(), value.into())),
    );
    all
}

#[cfg(not(windows))]
fn of_the_user(name: &str) -> bool {
    matches!(
        name,
        "HOME" | "USER" | "LOGNAME" | "LANG" | "DBUS_SESSION_BUS_ADDRESS"
    ) || name.starts_with("XDG_")
}

/// Programs of Windows find their own system and the user's folders by these.
#[cfg(windows)]
fn of_the_user(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "SYSTEMROOT",
        "SYSTEMDRIVE",
        "COMSPEC",
        "PATHEXT",
        "PATH",
        "TEMP",
        "TMP",
        "USERNAME",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "PROGRAMDATA",
    ];
    NAMES.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

/// Gives the child a session of its own and none of our descriptors but the first three. They are
/// marked, not closed: the standard library still needs one of them to tell that `exec` failed.
#[cfg(unix)]
#[expect(unsafe_code, reason = "only here can the child be changed before exec")]
fn detach(command: &mut Command) {
    // Asked here and not in the child, where little may be called.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .and_then(|most| i32::try_from(most).ok())
        .unwrap_or(4096)
        .min(65_536);
    let change = move || {
        rustix::process::setsid()?;
        #[cfg(target_os = "linux")]
        {
            // SAFETY: a plain system call with numbers; it touches no memory of ours.
            let marked = unsafe {
                libc::syscall(
                    libc::SYS_close_range,
                    3 as libc::c_uint,
                    libc::c_uint::MAX,
                    libc::CLOSE_RANGE_CLOEXEC,
                )
            };
            if marked == 0 {
                return Ok(());
            }
        }
        for descriptor in 3..most {
            // SAFETY: as above; a number that is no descriptor is answered with an error.
            unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only: it allocates nothing and
    // takes no lock.
    unsafe { command.pre_exec(change) };
}

/// A child that is ended, with its session, when nobody waits for it any more.
struct Running(Option<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else {
            return;
        };
        #[cfg(unix)]
        // The number is there until the child has been waited for, so it is still its own.
        if let Some(group) = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.start_kill();
        // Outside of a runtime tokio itself waits for it later (`kill_on_drop`).
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = child.wait().await;
            });
        }
    }
}

async fn to_end(
    spec: &CommandSpec,
    mut command: Command,
    input: Option<&[u8]>,
) -> Result<Output, Trouble> {
    let cannot = |error: &io::Error| Trouble {
        why: Why::Unavailable,
        detail: format!("cannot run {}: {}", spec.program(), error.kind()),
    };
    // A program on a network share that does not answer must not stop the agent's only thread.
    let started = off_thread(move || command.spawn().map(|c| Running(Some(c))));
    let mut running = match started.await {
        Ok(Ok(running)) => running,
        Ok(Err(error)) => return Err(cannot(&error)),
        Err(_) => return Err(cannot(&io::ErrorKind::Other.into())),
    };
    let Some(child) = running.0.as_mut() else {
        return Err(cannot(&io::ErrorKind::Other.into()));
    };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut printed = Zeroizing::new(Vec::with_capacity(OUTPUT + 1));
    let mut complaints = Zeroizing::new(Vec::new());
    let ended = {
        let write = async {
            if let (Some(mut pipe), Some(input)) = (stdin, input) {
                // A helper may answer without reading: that is no failure.
                let _ = pipe.write_all(input).await;
            }
            Ok(())
        };
        let read = async {
            read_up_to(stdout, &mut printed, OUTPUT + 1).await?;
            if printed.len() > OUTPUT {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            Ok(())
        };
        let listen = async {
            if stderr.is_some() {
                complaints.reserve_exact(OUTPUT);
            }
            read_up_to(stderr, &mut complaints, OUTPUT).await
        };
        let all = async { tokio::try_join!(write, read, listen).map(|_| ()) };
        tokio::pin!(all);
        tokio::select! {
            biased;
            done = &mut all => match done {
                Ok(()) => child.wait().await,
                Err(error) => Err(error),
            },
            status = child.wait() => {
                match tokio::time::timeout(LINGER, all).await {
                    Ok(Err(error)) => Err(error),
                    Ok(Ok(())) | Err(_) => status,
                }
            }
        }
    };
    match ended {
        Ok(status) => Ok(Output {
            status,
            printed,
            complaints,
        }),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(spec.trouble(Why::Malformed, "printed too much for a secret"))
        }
        Err(error) => Err(spec.trouble(
            Why::Unavailable,
            &format!("could not be read: {}", error.kind()),
        )),
    }
}

/// Reads to the end, or `most` bytes; a child that goes on writing then meets a closed pipe. The
/// buffer has room for all of it: one that grows leaves copies behind.
async fn read_up_to(
    from: Option<impl AsyncRead + Unpin>,
    into: &mut Vec<u8>,
    most: usize,
) -> io::Result<()> {
    let Some(mut from) = from else {
        return Ok(());
    };
    while into.len() < most {
        let room = most - into.len();
        if (&mut from).take(room as u64).read_buf(into).await? == 0 {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
#[path = "child_tests.rs"]
mod tests;
