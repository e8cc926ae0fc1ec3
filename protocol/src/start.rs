//! Starting an agent: by one of many clients at once, from the program beside this one, with an
//! environment that holds none of the caller's credentials.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::code::{ErrorCode, Failure};
use crate::place::{ConnectError, Place};
use crate::program::program;
use crate::surroundings::{CONFIG_DIR, NO_AGENT, SOCKET, Surroundings};
use crate::text::{shown, shown_path};
use crate::{limits, variable};

/// Held by the client that starts an agent.
const LOCK: &str = "start.lock";
/// The longest line that a starting agent says.
const LINE: u64 = 4096;

/// Who starts the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// A client that needs it: its variables belong to its request, not to the agent.
    Client,
    /// A person or a job: the agent keeps their variables as its own.
    Hand,
}

/// A connection to the agent of this place; where there is none, to one that is started.
pub fn connect_or_start(around: &Surroundings, place: &mut Place) -> Result<UnixStream, Failure> {
    match place.connect(limits::REQUEST_TIME) {
        Ok(stream) => Ok(stream),
        Err(ConnectError::NoAgent) => start(around, place, &program()?, Starter::Client),
        Err(error) => Err(error.into()),
    }
}

/// Starts `program` as the agent of this place, or connects to the one that another client has
/// started meanwhile.
pub fn start(
    around: &Surroundings,
    place: &mut Place,
    program: &Path,
    starter: Starter,
) -> Result<UnixStream, Failure> {
    let until = Instant::now() + limits::START_TIME;
    let lock = lock(place, until)?;
    let stream = match place.connect(limits::START_TIME) {
        Err(ConnectError::NoAgent) => {
            spawn(around, place, program, starter, until)?;
            place.connect(limits::START_TIME)
        }
        other => other,
    };
    drop(lock);
    stream.map_err(Failure::from)
}

/// The lock under which one client starts the agent and the others wait for it.
fn lock(place: &mut Place, until: Instant) -> Result<File, Failure> {
    let path = shown_path(&place.socket);
    let failed = |code, reason: &str| {
        Failure::new(
            code,
            format!("could not start an agent at {path}: {reason}"),
        )
        .hint("try again, or use --no-agent")
    };
    let folder = place.make_folder()?;
    let file = rustix::fs::openat(
        folder,
        LOCK,
        OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW,
        Mode::RUSR | Mode::WUSR,
    )
    .map(File::from)
    .map_err(|error| failed(ErrorCode::Unavailable, &format!("{LOCK}: {error}")))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => {
            return Err(failed(ErrorCode::Unavailable, &format!("{LOCK}: {error}")));
        }
    }
    // Waiting for a lock has no time limit of its own: a thread waits, and is left behind if it
    // waits too long. If the lock comes to it then, it is given back at once.
    let slot = Arc::new((Mutex::new(None), Condvar::new()));
    let theirs = Arc::clone(&slot);
    std::thread::Builder::new()
        .spawn(move || {
            let result = file.lock().map(|()| file);
            *theirs.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            theirs.1.notify_one();
        })
        .map_err(|error| failed(ErrorCode::Unavailable, &error.to_string()))?;
    let left = until.saturating_duration_since(Instant::now());
    let waiting = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut waited, _) = slot
        .1
        .wait_timeout_while(waiting, left, |result| result.is_none())
        .unwrap_or_else(PoisonError::into_inner);
    match waited.take() {
        Some(Ok(file)) => Ok(file),
        Some(Err(error)) => Err(failed(ErrorCode::Unavailable, &format!("{LOCK}: {error}"))),
        None => Err(failed(
            ErrorCode::TimedOut,
            "another client is starting one and does not finish",
        )),
    }
}

/// Runs the agent and waits until it says that it listens.
fn spawn(
    around: &Surroundings,
    place: &Place,
    program: &Path,
    starter: Starter,
    until: Instant,
) -> Result<(), Failure> {
    let failed = |code, reason: &str| {
        Failure::new(
            code,
            format!(
                "could not start the agent {}: {}",
                shown_path(program),
                shown(reason)
            ),
        )
        .hint("`helper agent run` shows more; --no-agent works without one")
    };
    let mut command = Command::new(program);
    command
        .args(["agent", "run", "--detached"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env(SOCKET, &place.socket);
    match starter {
        Starter::Hand => {
            command.arg("--by-hand").env_remove(NO_AGENT);
        }
        Starter::Client => {
            for name in removed(around) {
                command.env_remove(name);
            }
        }
    }
    // A relative folder would mean another one in `/`.
    if around.set(CONFIG_DIR).is_some()
        && let Some(folder) = around.settings_folder(std::env::current_dir().ok().as_deref())
    {
        command.env(CONFIG_DIR, folder);
    }
    let mut child = command
        .spawn()
        .map_err(|error| failed(ErrorCode::Unavailable, &error.to_string()))?;
    let mut said = child
        .stdout
        .take()
        .ok_or_else(|| failed(ErrorCode::Internal, "its output is not connected"))?;
    let line = read_line(&mut said, until).map_err(|error| {
        let reason = match error {
            Errno::TIMEDOUT => "it was not ready in time".to_owned(),
            other => other.to_string(),
        };
        failed(ErrorCode::TimedOut, &reason)
    })?;
    match line.as_str() {
        "ready" => Ok(()),
        // Not every end is told apart from a start: what it said is what there is to tell.
        "" => Err(failed(ErrorCode::Unavailable, "it ended without a word")),
        other => Err(failed(
            ErrorCode::Unavailable,
            other.strip_prefix("error: ").unwrap_or(other),
        )),
    }
}

/// What the agent does not inherit: the variables that belong to requests, and the switch that
/// holds for this client alone.
fn removed(around: &Surroundings) -> Vec<OsString> {
    let mut names: Vec<OsString> = around
        .variables(|name| {
            name.to_str()
                .is_some_and(|name| variable::repository_part(name).is_some())
        })
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.extend([variable::KEYRING_ENABLED, NO_AGENT].map(OsString::from));
    names
}

/// The first line, without its end; empty if the other side closes before.
fn read_line(from: &mut ChildStdout, until: Instant) -> Result<String, Errno> {
    let mut line = Vec::new();
    let mut buffer = [0_u8; 512];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
        match rustix::event::poll(&mut [PollFd::new(&*from, PollFlags::IN)], Some(&time)) {
            Ok(0) if left.is_zero() => return Err(Errno::TIMEDOUT),
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        let count = match from.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            other => other.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?,
        };
        line.extend_from_slice(&buffer[..count]);
        let end = line.iter().position(|byte| *byte == b'\n');
        if count == 0 || end.is_some() || line.len() as u64 > LINE {
            line.truncate(end.unwrap_or(line.len()));
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
    }
}

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
