//! One run of a front end: its lines as they come, and the last one where it fails.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use credential_helper_protocol::{ErrorCode, Failure};

use crate::domain::text::shown;

/// The longest line that is passed on whole.
const LINE: u64 = 64 * 1024;

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
        let (lines, to) = io::pipe().map_err(|error| self.failed(&error))?;
        let mut command = self.command(words);
        command
            .stdout(to.try_clone().map_err(|error| self.failed(&error))?)
            .stderr(to);
        let mut child = command.spawn().map_err(|error| self.failed(&error))?;
        // It holds the other end of the lines, which would never end.
        drop(command);
        let last = tell(lines, say);
        let status = child.wait().map_err(|error| self.failed(&error))?;
        if status.success() {
            return Ok(());
        }
        Err(self.ended(&last))
    }

    /// Runs it to its end; its standard output comes back, its standard error only where it fails.
    pub(super) fn output(&self, words: &[OsString]) -> Result<Vec<u8>, Failure> {
        let output = self.command(words).output();
        let output = output.map_err(|error| self.failed(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(self.ended(&tell(&*output.stderr, &mut |_| {})))
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

/// Tells each line, escaped; the last one that says something comes back.
fn tell(from: impl io::Read, say: &mut dyn FnMut(&str)) -> String {
    let mut lines = BufReader::new(from);
    let mut last = String::new();
    loop {
        let mut line = Vec::new();
        match lines.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return last,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        let line = shown(line.trim_end());
        say(&line);
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut last);
        }
    }
}
