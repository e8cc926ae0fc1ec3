//! A netrc file, where the user switched it on (`netrc = "~/.netrc"`).
//!
//! Its words are [`crate::domain::netrc`]'s. Different from Python on purpose, after requests CVE-2024-47081 and curl
//! CVE-2024-11053: the host is that of the one parsed URL, the `default` entry is no answer, nor is
//! an entry without login and password.
//!
//! A netrc names hosts without a port, and the tools that read it take an entry for every port of
//! the host; so do we, but an entry that is written `host:port` goes first.

use std::path::{Path, PathBuf};

use credential_helper_protocol::Failure;

use super::files::{FILE_TIME, FileFailure};
use super::{Call, Entry, Later, Provider, value};
use crate::domain::credential::{Answer, Halves, Key, Kind, ProviderId, Why};
use crate::domain::netrc::{Machine, parse};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::edit::thread::off_thread;

/// Its name.
const ID: ProviderId = ProviderId::new("netrc", Kind::ByUrl);

/// A netrc file.
pub struct Netrc {
    path: PathBuf,
}

impl Netrc {
    /// The file at this absolute path.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    async fn machines(&self, call: &Call) -> Result<Vec<Machine>, FileFailure> {
        let Some(text) = call.files.read(&self.path).await? else {
            return Ok(Vec::new());
        };
        parse(&text).map_err(|(line, wrong)| self.malformed(line, wrong))
    }

    fn malformed(&self, line: usize, wrong: &str) -> FileFailure {
        let place = shown(&self.path.to_string_lossy());
        FileFailure {
            why: Why::Malformed,
            detail: format!("{place} line {line}: {wrong}"),
        }
    }

    async fn ask(
        &self,
        url: &RepositoryUrl,
        username: Option<&str>,
        call: &Call,
    ) -> Result<Answer, FileFailure> {
        let machines = self.machines(call).await?;
        let of_host = |with_port: bool| -> Vec<&Machine> {
            machines
                .iter()
                .filter(|machine| machine.is_for(url.origin(), with_port))
                .filter(|machine| machine.says_anything())
                .filter(|machine| username.is_none_or(|wanted| machine.account() == Some(wanted)))
                .collect()
        };
        let mut found = of_host(true);
        if found.is_empty() {
            found = of_host(false);
        }
        // Of several entries Python keeps the last.
        let Some(machine) = found.last() else {
            return Ok(Answer::NotFound);
        };
        let wrong = |what: &str, wrong: &str| {
            self.malformed(machine.line, &format!("the {what} of this machine {wrong}"))
        };
        let account = machine.account().map(value::username).transpose();
        let secret = machine.password.as_ref().map(|text| value::secret(text));
        let mut notes = self.notes().await;
        if found.len() > 1 {
            notes.push(format!(
                "{} has {} entries for {}: the last one is given, as Python does",
                shown(&self.path.to_string_lossy()),
                found.len(),
                url.origin().host(),
            ));
        }
        Ok(Answer::Found(Halves {
            username: account.map_err(|text| wrong("login", &text))?,
            secret: secret
                .transpose()
                .map_err(|text| wrong("password", &text))?,
            location: self.path.to_string_lossy().into_owned(),
            notes,
            ..Halves::default()
        }))
    }

    /// Python refuses a default netrc that others may read, curl and requests read any: the user
    /// named this one, so it is read, and what is wrong with it is said.
    async fn notes(&self) -> Vec<String> {
        let path = self.path.clone();
        let work = off_thread(move || exposure(&path));
        let found = tokio::time::timeout(FILE_TIME, work).await;
        found
            .ok()
            .and_then(Result::ok)
            .flatten()
            .into_iter()
            .collect()
    }
}

#[cfg(unix)]
fn exposure(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).ok()?;
    let place = shown(&path.to_string_lossy());
    if meta.uid() != rustix::process::geteuid().as_raw() {
        Some(format!("{place} belongs to another user"))
    } else if meta.mode() & 0o077 != 0 {
        Some(format!(
            "{place} is open to other users: run `chmod 600` on it"
        ))
    } else {
        None
    }
}

#[cfg(not(unix))]
fn exposure(_path: &Path) -> Option<String> {
    None
}

impl Provider for Netrc {
    fn id(&self) -> ProviderId {
        ID
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            let Key::Url { url, username } = key else {
                return Answer::NotFound;
            };
            let asked = self.ask(url, username.as_deref(), call).await;
            asked.unwrap_or_else(|failure| Answer::Failed(failure.why, failure.detail))
        })
    }

    fn list<'a>(&'a self, call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            let machines = self.machines(call).await;
            let machines = machines.map_err(|f| Failure::new(f.why.code(), f.detail))?;
            let list = machines.iter().filter(|machine| machine.says_anything());
            Ok(list
                .filter_map(|machine| {
                    Some(Entry {
                        url: Some(machine.name.as_ref()?.to_string()),
                        username: machine.account().map(str::to_owned),
                        has_secret: machine.password.is_some(),
                        location: self.path.to_string_lossy().into_owned(),
                        ..Entry::default()
                    })
                })
                .collect())
        })
    }
}

#[cfg(test)]
#[path = "netrc_tests.rs"]
mod tests;
