//! Bridges: front ends that speak another tool's protocol.
//!
//! Text in, question; credential, text out: a bridge reads, writes and asks nothing itself, but
//! through [`Outside`], so that both programs run it in their own way and a test can stand in for
//! both. A new bridge is one new file, its `mod` line and its line in [`ALL`].

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use credential_helper_protocol::{
    Changed, Credential, Delete, Failure, Listing, Question, Report, Secret, Set, render,
};
use zeroize::Zeroizing;

mod answer;
mod cargo;
mod docker;
mod engflow;
mod git;
mod keyring;
mod origin;
mod time;

/// Every bridge. A name stands before those that it is the end of.
pub const ALL: &[Bridge] = &[
    keyring::BRIDGE,
    git::BRIDGE,
    docker::BRIDGE,
    cargo::BRIDGE,
    engflow::BRIDGE,
];

/// A front end that speaks another tool's protocol.
#[derive(Clone, Copy)]
pub struct Bridge {
    /// The program's name, by which it is chosen.
    pub name: &'static str,
    /// Whether the tool and the bridge take turns: then one program does it from the first word to
    /// the last.
    pub turns: bool,
    /// Whether another program of this name is run where there can be no agent.
    pub next: bool,
    /// Whether what the project in the working folder declares counts. A tool that installs no
    /// packages of Python goes where a clone says without anybody's consent: what that clone calls
    /// by a repository's name would get the repository's secret by first use (design 4.1).
    pub project: bool,
    /// What one line of help says.
    pub about: &'static str,
    run: fn(&[OsString], &mut dyn Outside) -> Result<Said, Trouble>,
}

impl Bridge {
    /// The bridge of this name.
    pub fn named(name: &OsStr) -> Option<Self> {
        ALL.iter().copied().find(|bridge| name == bridge.name)
    }

    /// The bridge that a program was started as: by the last part of its path, without `.exe`.
    pub fn called(program: &OsStr) -> Option<Self> {
        Self::named(Path::new(program).file_stem()?)
    }

    /// Does what the arguments (without the program's name) and standard input say.
    ///
    /// # Errors
    /// [`Trouble`]; whatever the tool's own protocol can say is no error but said.
    pub fn run(self, arguments: &[OsString], outside: &mut dyn Outside) -> Result<Said, Trouble> {
        (self.run)(arguments, outside)
    }

    /// An exit status of ours as the tool knows it: who may be given another program of that name
    /// knows its statuses only.
    pub fn status(self, ours: u8) -> u8 {
        if self.next && ours > 2 { 1 } else { ours }
    }
}

/// The bridge that a command line is for, and its own arguments: the program is called by the
/// bridge's name, or as `helper bridge NAME`.
pub fn chosen(arguments: &[OsString]) -> Option<(Bridge, &[OsString])> {
    let (called, rest) = arguments.split_first()?;
    if let Some(bridge) = Bridge::called(called) {
        return Some((bridge, rest));
    }
    match rest {
        [word, name, rest @ ..] if word == "bridge" => Some((Bridge::named(name)?, rest)),
        _ => None,
    }
}

/// What a bridge does outside itself. Who asks (folders, variables, the process that started the
/// bridge) is filled into questions by whoever runs it.
pub trait Outside {
    /// All of standard input, at most 64 KiB of UTF-8 text.
    ///
    /// # Errors
    /// Where it cannot be read, or holds something else.
    fn input(&mut self) -> Result<Secret, Trouble>;
    /// Writes at once, and reads one line, without its end; `None` at the end of the input.
    ///
    /// # Errors
    /// As [`Outside::input`]; only for bridges that take turns.
    fn turn(&mut self, text: &[u8]) -> Result<Option<Secret>, Trouble>;
    /// A secret: typed without echo after `label` where standard input is a terminal, otherwise all
    /// of standard input without one line end.
    ///
    /// # Errors
    /// Where there is none, or it holds what no secret can hold.
    fn secret(&mut self, label: &str) -> Result<Secret, Trouble>;
    /// The credential of a repository.
    ///
    /// # Errors
    /// [`Trouble::Failed`] with the agent's own error.
    fn get(&mut self, question: Question) -> Result<Credential, Trouble>;
    /// Stores a credential.
    ///
    /// # Errors
    /// As [`Outside::get`].
    fn set(&mut self, set: Set) -> Result<Changed, Trouble>;
    /// Removes one.
    ///
    /// # Errors
    /// As [`Outside::get`].
    fn delete(&mut self, delete: Delete) -> Result<Changed, Trouble>;
    /// What is stored or set, without secrets.
    ///
    /// # Errors
    /// As [`Outside::get`].
    fn list(&mut self) -> Result<Listing, Trouble>;
    /// Tells what a server said about a credential.
    ///
    /// # Errors
    /// As [`Outside::get`].
    fn report(&mut self, report: Report) -> Result<(), Trouble>;
    /// Where the helper's own files are.
    ///
    /// # Errors
    /// Where no folder for them is known.
    fn places(&mut self) -> Result<Places, Trouble>;
}

/// Where the helper's own files are.
#[derive(Clone, Debug)]
pub struct Places {
    /// Its settings.
    pub settings: PathBuf,
    /// Whether this file is there.
    pub settings_exist: bool,
    /// The folder of what it keeps itself.
    pub state: PathBuf,
}

/// Why a bridge has nothing to say.
pub enum Trouble {
    /// The agent's error, or one of what was read.
    Failed(Failure),
    /// There can be no agent, or none with these settings.
    NoAgent(Failure),
    /// Another program has to do this: nothing was asked, written or stored yet.
    Elsewhere,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What a bridge says, and how it ends.
#[derive(Default)]
pub struct Said {
    /// Standard output: may hold a secret.
    pub out: Zeroizing<Vec<u8>>,
    /// Standard error.
    pub err: String,
    /// The exit status.
    pub status: u8,
}

impl Said {
    /// Nothing, with this exit status.
    fn nothing(status: u8) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// This on standard output, and all is well.
    fn out(out: Zeroizing<Vec<u8>>) -> Self {
        Self {
            out,
            ..Self::default()
        }
    }

    /// An error for people, with this exit status.
    fn failed(failure: &Failure, status: u8) -> Self {
        Self {
            err: render::failure_text(failure),
            status,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    #[test]
    fn chosen_by_the_program_or_by_name() {
        let found = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let (bridge, rest) = super::chosen(&arguments)?;
            Some((bridge.name, rest.len()))
        };
        let expected = Some(("credential-helper", 2));
        assert_eq!(found("/usr/lib/x/credential-helper get foo"), expected);
        assert_eq!(found("credential-helper.exe get foo"), expected);
        assert_eq!(found("helper bridge credential-helper get foo"), expected);
        let git = Some(("git-credential-helper", 1));
        assert_eq!(found("/usr/bin/git-credential-helper get"), git);
        for line in [
            "helper get foo",
            "helper bridge",
            "helper bridge foo get",
            "helper",
            "helper get bridge",
            "helper --json bridge credential-helper",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
