//! An outside for the tests of bridges.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use credential_helper_protocol::{
    Changed, Credential, Delete, ErrorCode, Failure, Listing, Operation, Question, Report, Secret,
    Set,
};

use super::{Bridge, Outside, Places, Trouble};

/// Gives what it was given, and writes down the calls in order.
pub(super) struct Fake {
    /// What stands on standard input; what is typed.
    pub(super) input: String,
    /// The other side's lines, for bridges that take turns.
    pub(super) lines: VecDeque<String>,
    /// What was written in turns.
    pub(super) written: String,
    /// The answer to `get`.
    pub(super) credential: Result<Credential, Failure>,
    /// The answer to `set`, `delete` and `report`.
    pub(super) changed: Result<Changed, Failure>,
    /// The answer to `list`.
    pub(super) listing: Listing,
    /// There can be no agent.
    pub(super) no_agent: bool,
    /// One line for each call: its name, then each field that is set.
    pub(super) calls: Vec<String>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            input: String::new(),
            lines: VecDeque::new(),
            written: String::new(),
            credential: Err(Failure::new(ErrorCode::NotFound, "nothing is stored")),
            changed: Ok(Changed::default()),
            listing: Listing::default(),
            no_agent: false,
            calls: Vec::new(),
        }
    }
}

impl Fake {
    /// With this on standard input.
    pub(super) fn with_input(input: &str) -> Self {
        Self {
            input: input.to_owned(),
            ..Self::default()
        }
    }

    fn call(&mut self, line: String) -> Result<(), Trouble> {
        self.calls.push(line);
        if self.no_agent {
            let failure = Failure::new(ErrorCode::Unavailable, "no agent can be had");
            return Err(Trouble::NoAgent(failure));
        }
        Ok(())
    }

    fn changed(&self) -> Result<Changed, Trouble> {
        self.changed.clone().map_err(Trouble::Failed)
    }
}

fn line(word: &str, fields: &[(&str, Option<&str>)]) -> String {
    let mut line = word.to_owned();
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = write!(line, " {name}={value}");
        }
    }
    line
}

fn question(word: &str, question: &Question, more: &[(&str, Option<&str>)]) -> String {
    let upload = question.upload.as_ref();
    let mut fields = vec![
        ("name", question.name.as_deref()),
        ("url", question.url.as_deref()),
        ("service", question.service.as_deref()),
        ("username", question.username.as_deref()),
        ("operation", question.operation.map(Operation::word)),
        (
            "project",
            upload.and_then(|upload| upload.project.as_deref()),
        ),
    ];
    fields.extend_from_slice(more);
    line(word, &fields)
}

impl Outside for Fake {
    fn input(&mut self) -> Result<Secret, Trouble> {
        Ok(Secret::from(self.input.as_str()))
    }

    fn turn(&mut self, text: &[u8]) -> Result<Option<Secret>, Trouble> {
        self.written.push_str(&String::from_utf8_lossy(text));
        Ok(self.lines.pop_front().map(Secret::new))
    }

    fn secret(&mut self, label: &str) -> Result<Secret, Trouble> {
        self.calls.push(format!("secret {label}"));
        Ok(Secret::from(
            self.input.strip_suffix('\n').unwrap_or(&self.input),
        ))
    }

    fn get(&mut self, asked: Question) -> Result<Credential, Trouble> {
        self.call(question("get", &asked, &[]))?;
        self.credential.clone().map_err(Trouble::Failed)
    }

    fn set(&mut self, set: Set) -> Result<Changed, Trouble> {
        let name = Some(set.name.as_str()).filter(|name| !name.is_empty());
        let secret = set.secret.as_ref().map(Secret::expose);
        self.call(line(
            "set",
            &[
                ("name", name),
                ("service", set.service.as_deref()),
                ("username", set.username.as_deref()),
                ("secret", secret),
                ("url", set.url.as_deref()),
            ],
        ))?;
        self.changed()
    }

    fn delete(&mut self, delete: Delete) -> Result<Changed, Trouble> {
        let name = Some(delete.name.as_str()).filter(|name| !name.is_empty());
        let service = delete.service.as_deref();
        let username = delete.username.as_deref();
        self.call(line(
            "delete",
            &[("name", name), ("service", service), ("username", username)],
        ))?;
        self.changed()
    }

    fn list(&mut self) -> Result<Listing, Trouble> {
        self.call("list".to_owned())?;
        Ok(self.listing.clone())
    }

    fn report(&mut self, report: Report) -> Result<(), Trouble> {
        let more = [("outcome", Some(report.outcome.as_str()))];
        self.call(question("report", &report.question, &more))?;
        self.changed().map(|_| ())
    }

    fn places(&mut self) -> Result<Places, Trouble> {
        Ok(Places {
            settings: "/settings/config.toml".into(),
            settings_exist: false,
            state: "/state".into(),
        })
    }
}

/// What a bridge said, as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) status: u8,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs a bridge that has something to say.
pub(super) fn said(bridge: &str, arguments: &[&str], outside: &mut Fake) -> Ran {
    let bridge = Bridge::called(OsStr::new(bridge)).unwrap();
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    match bridge.run(&arguments, outside) {
        Ok(said) => Ran {
            status: said.status,
            out: String::from_utf8(said.out.to_vec()).unwrap(),
            err: said.err,
        },
        Err(Trouble::Failed(failure)) => panic!("{}", failure.message),
        Err(Trouble::NoAgent(_)) => panic!("no agent"),
        Err(Trouble::Elsewhere) => panic!("elsewhere"),
    }
}
