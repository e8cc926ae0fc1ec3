//! Python's `keyring` command, where the settings name it (`keyring-command`).
//!
//! For backends that only Python has (cloud providers, encrypted files). One call takes
//! 0.4 to 1.1 s, most of it Python's start, so it is asked only where the user wants it. That a
//! backend of Python's asks the user by itself cannot be prevented from here.

use std::time::Duration;

use credential_helper_protocol::ProviderState;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::child::{self, CommandSpec, Output, Run, Trouble};
use super::value::{self, without_line_end};
use super::{Call, Later, Provider};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, Why};

/// What Python writes when the backend failed. The command ends with status 1 both then and where
/// nothing is stored, and some backends always write something to standard error.
const TRACEBACK: &[u8] = b"Traceback (most recent call last)";
/// The exception of a keyring that is locked (`keyring/errors.py`).
const LOCKED: &[u8] = b"KeyringLocked";
/// Texts that are no ASCII survive whatever locale the agent has.
const ENCODING: (&str, &str) = ("PYTHONIOENCODING", "utf-8");

/// The command.
pub struct KeyringCommand {
    command: CommandSpec,
    recursing: bool,
}

/// What `--mode creds --output json` prints.
#[derive(Deserialize)]
struct Creds {
    username: Option<Zeroizing<String>>,
    password: Option<Zeroizing<String>>,
}

impl KeyringCommand {
    /// A provider for this command; `get` and the rest are added to it.
    pub fn new(command: CommandSpec) -> Self {
        Self {
            command,
            recursing: child::recursing(),
        }
    }

    async fn ask(
        &self,
        service: &str,
        username: Option<&str>,
        time: Duration,
    ) -> Result<Option<Halves>, Trouble> {
        // `--` only where it is needed: stand-ins for the command may not know it.
        let dashed = service.starts_with('-') || username.is_some_and(|u| u.starts_with('-'));
        let mut arguments = Vec::new();
        if username.is_none() {
            arguments.extend(["--mode", "creds", "--output", "json"]);
        }
        arguments.push("get");
        arguments.extend(dashed.then_some("--"));
        arguments.push(service);
        arguments.extend(username);
        let how = Run {
            arguments: &arguments,
            variables: &[ENCODING],
            complaints: true,
            ..Run::default()
        };
        let output = child::run(&self.command, how, time).await?;
        if !output.status.success() {
            return self.without(&output);
        }
        let text = std::str::from_utf8(&output.printed)
            .map_err(|_| self.broken("printed what is not UTF-8"))?;
        let wrong = |wrong: String| self.broken(&format!("printed what {wrong}"));
        if text.is_empty() {
            return Err(self.broken("printed nothing"));
        }
        let (username, secret) = if let Some(username) = username {
            let secret = value::secret(without_line_end(text)).map_err(wrong)?;
            (Some(username.to_owned()), secret)
        } else {
            let creds: Creds = serde_json::from_str(text)
                .map_err(|_| self.broken("printed what is no credential in JSON"))?;
            let Some(password) = creds.password else {
                return Ok(None);
            };
            let username = creds.username.map(|text| value::username(&text));
            let secret = value::secret(&password).map_err(wrong)?;
            (username.transpose().map_err(wrong)?, secret)
        };
        Ok(Some(Halves {
            username,
            secret: Some(secret),
            location: self.command.program(),
            ..Halves::default()
        }))
    }

    /// What it means that the command ended without an answer.
    fn without(&self, output: &Output) -> Result<Option<Halves>, Trouble> {
        let says = |words: &[u8]| {
            let complaints = &output.complaints;
            complaints.windows(words.len()).any(|part| part == words)
        };
        if output.status.code() != Some(1) || !output.printed.is_empty() {
            return Err(self.command.ended_badly(output.status));
        }
        if says(TRACEBACK) {
            return Err(if says(LOCKED) {
                self.command
                    .trouble(Why::Locked, "found the keyring locked")
            } else {
                let words = "failed; run it by hand to see why";
                self.command.trouble(Why::Unavailable, words)
            });
        }
        Ok(None)
    }

    fn broken(&self, words: &str) -> Trouble {
        self.command.trouble(Why::Malformed, words)
    }
}

impl Provider for KeyringCommand {
    fn id(&self) -> ProviderId {
        ProviderId::KEYRING_COMMAND
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            let Key::Service { service, username } = key else {
                return Answer::NotFound;
            };
            if self.recursing {
                return Answer::Skipped("asked from within a command of ours".to_owned());
            }
            let time = self.command.timeout.min(call.time);
            match self.ask(service, username.as_deref(), time).await {
                Err(trouble) => trouble.into(),
                Ok(None) => Answer::NotFound,
                Ok(Some(halves)) => Answer::Found(halves),
            }
        })
    }

    fn state<'a>(&'a self, call: &'a Call) -> Later<'a, ProviderState> {
        Box::pin(async move {
            let program = self.command.command.first();
            let there = match program {
                Some(program) => call.files.exists(program.as_ref()).await,
                None => false,
            };
            ProviderState {
                name: self.id().word().to_owned(),
                state: if there { "ready" } else { "unavailable" }.to_owned(),
                detail: (!there).then(|| format!("there is no {}", self.command.program())),
            }
        })
    }
}

#[cfg(unix)]
#[cfg(test)]
#[path = "keyring_command_tests.rs"]
mod tests;
