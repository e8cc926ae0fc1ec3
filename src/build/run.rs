//! One run of a front end: its lines as they come, and the last one where it fails.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, SyncSender};
use std::time::{Duration, Instant};

use credential_helper_protocol::{ErrorCode, Failure};

use crate::domain::text::shown;

/// The longest line that is passed on whole.
const LINE: u64 = 64 * 1024;
/// How many lines may wait to be told.
const WAITING: usize = 64;
/// How long what a program wrote is still read after its end, where others hold its pipes.
const REST: Duration = Duration::from_secs(3);

/// A program in this environment and no other.
pub(super) fn command(program: &Path, environment: &[(OsString, OsString)]) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// A run.
pub(super) struct Run<'a> {
    /// For errors: `cannot build FOLDER`.
    pub(super) doing: String,
    pub(super) program: &'a Path,
    pub(super) environment: &'a [(OsString, OsString)],
    pub(super) folder: &'a Path,
}

impl Run<'_> {
    /// Runs it to its end; its standard output and error are told line by line, in their order.
    pub(super) fn to_the_end(
        &self,
        words: &[OsString],
        say: &mut dyn FnMut(&str),
    ) -> Result<(), Failure> {
        let failed = |error: io::Error| self.failed(&error);
        let (lines, to) = io::pipe().map_err(failed)?;
        let mut command = self.command(words);
        command.stdout(to.try_clone().map_err(failed)?).stderr(to);
        let child = command.spawn().map_err(failed)?;
        // It holds the other end of the lines, which would never end.
        drop(command);
        let mut last = String::new();
        let reader = move |to: &SyncSender<Event>| send_lines(lines, to);
        let status = watched(child, vec![Box::new(reader)], |event| {
            if let Event::Line(line) = event {
                say(&line);
                keep(&mut last, &line);
            }
        });
        if status.map_err(failed)?.success() {
            return Ok(());
        }
        Err(self.ended(&last))
    }

    /// Runs it to its end; its standard output comes back, its standard error only where it fails.
    pub(super) fn output(&self, words: &[OsString]) -> Result<Vec<u8>, Failure> {
        let failed = |error: io::Error| self.failed(&error);
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let mut readers: Vec<Reader> = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(Box::new(move |to| send_bytes(out, to)));
        }
        if let Some(err) = child.stderr.take() {
            readers.push(Box::new(move |to| send_lines(err, to)));
        }
        let (mut bytes, mut last) = (Vec::new(), String::new());
        let status = watched(child, readers, |event| match event {
            Event::Bytes(more) => bytes.extend(more),
            Event::Line(line) => keep(&mut last, &line),
            Event::Ended(_) => {}
        });
        if status.map_err(failed)?.success() {
            return Ok(bytes);
        }
        Err(self.ended(&last))
    }

    fn command(&self, words: &[OsString]) -> Command {
        let mut command = command(self.program, self.environment);
        command
            .args(words)
            .current_dir(self.folder)
            .stdin(Stdio::null());
        command
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let program = self.program.to_string_lossy();
        let message = format!("{}: {}: {}", self.doing, shown(&program), error.kind());
        Failure::new(ErrorCode::Unavailable, message)
    }

    fn ended(&self, last: &str) -> Failure {
        let words = if last.is_empty() { "" } else { ": " };
        let message = format!("{}: it failed{words}{last}", self.doing);
        Failure::new(ErrorCode::Malformed, message)
            .hint("build it by hand (`python -m build`) to see all of what is wrong")
    }
}

/// What is heard of a run.
enum Event {
    Line(String),
    Bytes(Vec<u8>),
    Ended(io::Result<ExitStatus>),
}

/// Passes on what comes from one end of a pipe, until it ends or nobody listens any more.
type Reader = Box<dyn FnOnce(&SyncSender<Event>) + Send>;

/// Waits for a program. What it leaves running may hold its pipes for hours (a compiler's cache, a
/// server of a build tool), so that they are read to their end for a moment only once it has ended.
fn watched(
    mut child: Child,
    readers: Vec<Reader>,
    mut take: impl FnMut(Event),
) -> io::Result<ExitStatus> {
    let (to, events) = mpsc::sync_channel(WAITING);
    let thread = || std::thread::Builder::new().name("build".to_owned());
    for reader in readers {
        let to = to.clone();
        thread().spawn(move || reader(&to))?;
    }
    thread().spawn(move || {
        let ended = child.wait();
        // Nobody listens: then it does not matter.
        let _ = to.send(Event::Ended(ended));
    })?;
    let mut status = None;
    let mut until = None::<Instant>;
    loop {
        let event = match until {
            None => events.recv().ok(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                events.recv_timeout(left).ok()
            }
        };
        match event {
            Some(Event::Ended(ended)) => {
                status = Some(ended);
                until = Some(Instant::now() + REST);
            }
            Some(event) => take(event),
            None => break,
        }
    }
    status.unwrap_or_else(|| Err(io::ErrorKind::Other.into()))
}

/// The last line that says something.
fn keep(last: &mut String, line: &str) {
    if !line.trim().is_empty() {
        line.trim().clone_into(last);
    }
}

/// Sends each line, escaped.
fn send_lines(from: impl io::Read, to: &SyncSender<Event>) {
    let mut lines = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        match lines.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        if to.send(Event::Line(shown(line.trim_end()))).is_err() {
            return;
        }
    }
}

fn send_bytes(mut from: impl io::Read, to: &SyncSender<Event>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(read) => {
                if to.send(Event::Bytes(buffer[..read].to_vec())).is_err() {
                    return;
                }
            }
        }
    }
}
