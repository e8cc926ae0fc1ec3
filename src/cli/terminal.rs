//! Asking at the terminal of this process.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};

use credential_helper_protocol::{ErrorCode, Failure, limits};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use crate::domain::text::shown;

/// Why nothing was typed.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// Ctrl-C, or Ctrl-\.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal went away.
    Closed,
    /// More than a secret can have.
    TooLong,
    /// The terminal failed.
    Failed(ErrorKind),
}

/// Asks for a line at the terminal, without echo.
pub(super) fn ask(label: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |code, why: &str| Failure::new(code, format!("asking for the {label} {why}"));
    let mut tty = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|error| {
            failed(
                ErrorCode::Unavailable,
                &format!("failed: there is no terminal ({})", error.kind()),
            )
            .hint("give it on standard input")
        })?;
    line(&mut tty, label).map_err(|ended| match ended {
        Ended::Interrupted => {
            // The terminal is as it was again; now Ctrl-C does what it always does, for this
            // process and for the shell that looks at how it ended.
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::INT,
            );
            failed(ErrorCode::Unavailable, "was interrupted")
        }
        Ended::Closed => failed(ErrorCode::Usage, "ended without an answer"),
        Ended::TooLong => failed(
            ErrorCode::Usage,
            &format!("failed: it is longer than {} bytes", limits::SECRET),
        ),
        Ended::Failed(kind) => failed(ErrorCode::Unavailable, &format!("failed ({kind})")),
    })
}

/// Shows the label and reads a line.
fn line(tty: &mut File, label: &str) -> Result<Zeroizing<Vec<u8>>, Ended> {
    let quiet = Quiet::new(tty).map_err(|error| Ended::Failed(error.kind()))?;
    let mut tty = &*tty;
    let mut answer = tty
        .write_all(format!("{}: ", shown(label)).as_bytes())
        .map_err(|error| Ended::Failed(error.kind()))
        .and_then(|()| typed(tty));
    drop(quiet);
    if tty.write_all(b"\n").is_err() && answer.is_ok() {
        answer = Err(Ended::Closed);
    }
    answer
}

/// The bytes up to the end of the line. Erasing is ours to do: the kernel's line editing keeps a
/// buffer that is never wiped, holds 4,096 bytes at most, and does not come without its signals.
fn typed(mut tty: impl Read) -> Result<Zeroizing<Vec<u8>>, Ended> {
    let mut line = Zeroizing::new(Vec::with_capacity(limits::SECRET + 1));
    let mut chunk = Zeroizing::new([0_u8; 256]);
    loop {
        let count = match tty.read(&mut *chunk) {
            Ok(0) => return Err(Ended::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Ended::Failed(error.kind())),
        };
        for byte in &chunk[..count] {
            match byte {
                3 | 28 => return Err(Ended::Interrupted),
                4 if line.is_empty() => return Err(Ended::Closed),
                b'\n' | b'\r' | 4 => return Ok(line),
                // Backspace: one character, however many bytes it has.
                8 | 127 => while line.pop().is_some_and(|last| last & 0xc0 == 0x80) {},
                // Ctrl-U and Ctrl-W: an unseen line has no words.
                21 | 23 => line.clear(),
                _ if line.len() > limits::SECRET => return Err(Ended::TooLong),
                other => line.push(*other),
            }
        }
    }
}

/// A terminal without echo, line editing and signals, until dropped.
struct Quiet {
    tty: File,
    before: Termios,
}

impl Quiet {
    fn new(tty: &File) -> std::io::Result<Self> {
        let tty = tty.try_clone()?;
        let before = tcgetattr(&tty)?;
        let mut quiet = before.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&tty, OptionalActions::Flush, &quiet)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
