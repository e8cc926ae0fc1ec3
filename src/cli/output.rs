//! The only printer: standard output is data, standard error is for people.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::rc::Rc;

use credential_helper_protocol::{ErrorCode, Failure, ProviderAnswer};
use serde::Serialize;
use zeroize::Zeroizing;

use super::args::Color;
use super::table::Style;
use crate::domain::log::{Level, Log};
use crate::domain::text::shown;

/// Where a command prints.
pub(crate) struct Output {
    stdout: Box<dyn Write>,
    stderr: Rc<RefCell<Box<dyn Write>>>,
    json: bool,
    /// Whether standard output and error are terminals that want colours.
    terminals: [bool; 2],
    colour: [bool; 2],
}

/// An error as `--json` prints it.
#[derive(Serialize)]
struct ErrorObject<'a> {
    error: &'static str,
    message: &'a str,
    hint: Option<&'a str>,
    providers: &'a [ProviderAnswer],
}

impl Output {
    /// This process's own standard output and error.
    ///
    /// Both are duplicates of the descriptors, so that every write is one of the system and nothing
    /// stays behind in a buffer of the standard library.
    pub(crate) fn standard(no_color: bool) -> io::Result<Self> {
        #[cfg(unix)]
        let (stdout, stderr) = {
            use std::os::fd::AsFd;
            (
                io::stdout().as_fd().try_clone_to_owned()?,
                io::stderr().as_fd().try_clone_to_owned()?,
            )
        };
        #[cfg(windows)]
        let (stdout, stderr) = {
            use std::os::windows::io::AsHandle;
            (
                io::stdout().as_handle().try_clone_to_owned()?,
                io::stderr().as_handle().try_clone_to_owned()?,
            )
        };
        let terminals = [
            !no_color && io::stdout().is_terminal(),
            !no_color && io::stderr().is_terminal(),
        ];
        Ok(Self::into(
            Box::new(std::fs::File::from(stdout)),
            Box::new(std::fs::File::from(stderr)),
            terminals,
        ))
    }

    /// Prints into these two, of which some are `terminals`.
    pub(crate) fn into(
        stdout: Box<dyn Write>,
        stderr: Box<dyn Write>,
        terminals: [bool; 2],
    ) -> Self {
        Self {
            stdout,
            stderr: Rc::new(RefCell::new(stderr)),
            json: false,
            terminals,
            colour: terminals,
        }
    }

    /// Takes over what the command line says about output.
    pub(crate) fn configure(&mut self, color: Color, json: bool) {
        self.json = json;
        self.colour = match color {
            Color::Always => [true; 2],
            Color::Never => [false; 2],
            Color::Auto => self.terminals,
        };
    }

    /// Whether what is printed stays in a file.
    #[expect(clippy::unused_self, reason = "it is the descriptor of this process")]
    pub(crate) fn goes_to_a_file(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd;
            let meta = io::stdout().as_fd().try_clone_to_owned();
            let meta = meta.and_then(|fd| std::fs::File::from(fd).metadata());
            meta.is_ok_and(|meta| meta.is_file())
        }
        #[cfg(not(unix))]
        {
            false
        }
    }

    /// Whether answers are JSON objects.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints errors as objects too, where the command's own format is JSON.
    pub(crate) fn errors_as_json(&mut self) {
        self.json = true;
    }

    /// The help where a command is missing: it is not what was asked for.
    pub(crate) fn help(&mut self, text: &str) {
        self.people(&text_of_lines(text));
    }

    /// Whether standard output has colours.
    pub(crate) fn colours(&self) -> bool {
        self.colour[0]
    }

    /// Whether somebody sees standard error as it is written.
    #[cfg(feature = "net")]
    pub(crate) fn is_watched(&self) -> bool {
        self.terminals[1]
    }

    /// Data that may be a secret: from its wiped buffer to the descriptor.
    pub(crate) fn secret(&mut self, bytes: &Zeroizing<Vec<u8>>) -> Result<(), Failure> {
        self.data(bytes)
    }

    /// Data that is text, made safe to show by the caller.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.data(text_of_lines(text).as_bytes())
    }

    /// An answer as one JSON object on one line. Never for what holds a secret.
    pub(crate) fn object(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let line = json_line(object)?;
        self.data(line.as_bytes())
    }

    /// A line for people.
    pub(crate) fn note(&mut self, line: &str) {
        self.people(&format!("{}\n", shown(line)));
    }

    /// A line that a person should act on.
    pub(crate) fn warning(&mut self, line: &str) {
        let label = Style::Warning.paint("warning:", self.colour[1]);
        self.people(&format!("helper: {label} {}\n", shown(line)));
    }

    /// A log whose lines up to this level stand among the lines for people.
    pub(crate) fn log(&self, level: Level) -> Log {
        let stderr = self.stderr.clone();
        Log::new(level, move |level, line| {
            write_people(&stderr, &format!("helper: {}: {line}\n", level.word()));
        })
    }

    /// Why the command failed.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if self.json {
            let object = ErrorObject {
                error: failure.code.word(),
                message: &failure.message,
                hint: failure.hint.as_deref(),
                providers: &failure.providers,
            };
            if let Ok(line) = json_line(&object) {
                self.people(&line);
            }
            return;
        }
        let label = Style::Problem.paint("helper:", self.colour[1]);
        let mut text = format!("{label} {}\n", shown(&failure.message));
        if let Some(hint) = &failure.hint {
            let label = Style::Strong.paint("hint:", self.colour[1]);
            text.extend([&label, " ", &shown(hint), "\n"]);
        }
        self.people(&text);
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self
            .stdout
            .write_all(bytes)
            .and_then(|()| self.stdout.flush())
        {
            Ok(()) => Ok(()),
            // Who reads has seen enough (`helper list | head -1`).
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new(
                ErrorCode::Unavailable,
                format!("writing to standard output failed ({})", error.kind()),
            )),
        }
    }

    /// Lines for people that are safe to show.
    pub(crate) fn people(&mut self, text: &str) {
        write_people(&self.stderr, text);
    }
}

fn write_people(stderr: &RefCell<Box<dyn Write>>, text: &str) {
    // There is no place left to complain to.
    let _ = stderr.borrow_mut().write_all(text.as_bytes());
}

/// The text with an end to its last line.
fn text_of_lines(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_empty() || text.ends_with('\n') {
        text.into()
    } else {
        format!("{text}\n").into()
    }
}

/// The object on one line, with what a terminal would act on escaped: serde leaves DEL, C1 and
/// bidirectional marks as they are. Such characters can only stand inside a string.
fn json_line(object: &impl Serialize) -> Result<String, Failure> {
    let plain = serde_json::to_string(object)
        .map_err(|_| Failure::new(ErrorCode::Internal, "writing the answer as JSON failed"))?;
    let mut line = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        if !c.is_ascii_graphic() && shown(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() {
            line.extend(
                c.encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            );
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
