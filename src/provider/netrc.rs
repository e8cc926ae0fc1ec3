//! A netrc file, where the user switched it on (`netrc = "~/.netrc"`).
//!
//! Read as Python's `netrc` module reads it (quotes, backslashes, comments, macros), because pip,
//! Poetry and twine do. Different on purpose, after requests CVE-2024-47081 and curl
//! CVE-2024-11053: the host is that of the one parsed URL, the `default` entry is no answer, nor is
//! an entry without login and password.
//!
//! A netrc names hosts without a port, and the tools that read it take an entry for every port of
//! the host; so do we, but an entry that is written `host:port` goes first.

use std::path::{Path, PathBuf};

use credential_helper_protocol::Failure;
use zeroize::Zeroizing;

use super::files::{FILE_TIME, FileFailure};
use super::{Call, Entry, Later, Provider, value};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, Why};
use crate::domain::text::shown;
use crate::domain::url::{Origin, RepositoryUrl};

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
        let work = tokio::task::spawn_blocking(move || exposure(&path));
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
        ProviderId::Netrc
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

/// One entry.
#[derive(Default)]
struct Machine {
    /// Unset for the `default` entry.
    name: Option<Zeroizing<String>>,
    login: Option<Zeroizing<String>>,
    account: Option<Zeroizing<String>>,
    password: Option<Zeroizing<String>>,
    line: usize,
}

impl Machine {
    fn is_for(&self, origin: &Origin, with_port: bool) -> bool {
        let Some(name) = &self.name else {
            return false;
        };
        let host = if with_port {
            origin.host_port()
        } else {
            origin.host().to_owned()
        };
        // An IPv6 address stands in brackets in a URL and without them in most netrc files.
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let name = name.strip_suffix('.').unwrap_or(name);
        name.eq_ignore_ascii_case(&host) || bare.is_some_and(|bare| name.eq_ignore_ascii_case(bare))
    }

    /// The login, or where that is missing the account, as requests has it (`get_netrc_auth`).
    fn account(&self) -> Option<&str> {
        [&self.login, &self.account]
            .into_iter()
            .flatten()
            .map(|text| text.as_str())
            .find(|text| !text.is_empty())
    }

    fn says_anything(&self) -> bool {
        self.account().is_some() || self.password.as_ref().is_some_and(|text| !text.is_empty())
    }
}

type Wrong = (usize, &'static str);

fn parse(text: &str) -> Result<Vec<Machine>, Wrong> {
    let mut lexer = Lexer {
        rest: text,
        line: 1,
    };
    let mut machines: Vec<Machine> = Vec::new();
    while let Some(word) = lexer.word()? {
        let line = word.line;
        if !word.quoted && word.text.starts_with('#') {
            lexer.skip_line();
            continue;
        }
        match word.text.as_str() {
            "machine" => {
                let name = Some(lexer.value("machine without a name")?);
                machines.push(Machine {
                    name,
                    line,
                    ..Machine::default()
                });
            }
            "default" => machines.push(Machine::default()),
            "macdef" => {
                lexer.value("macdef without a name")?;
                lexer.skip_macro();
            }
            keyword @ ("login" | "user" | "account" | "password") => {
                let Some(machine) = machines.last_mut() else {
                    return Err((line, "login or password before the first machine"));
                };
                let field = match keyword {
                    "account" => &mut machine.account,
                    "password" => &mut machine.password,
                    _ => &mut machine.login,
                };
                *field = Some(lexer.value("login, account or password without a value")?);
            }
            // The word itself may be half of a password.
            _ => {
                return Err((
                    line,
                    "a word that is no keyword of netrc; quote values with spaces",
                ));
            }
        }
    }
    Ok(machines)
}

struct Word {
    text: Zeroizing<String>,
    quoted: bool,
    line: usize,
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl Lexer<'_> {
    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn word(&mut self) -> Result<Option<Word>, Wrong> {
        let space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        while self.rest.starts_with(space) {
            self.take();
        }
        let (line, quoted) = (self.line, self.rest.starts_with('"'));
        if self.rest.is_empty() {
            return Ok(None);
        }
        if quoted {
            self.take();
        }
        // Room for all of it: a buffer that grows leaves copies behind.
        let room = if quoted {
            self.quoted_length()
        } else {
            self.rest.find(space).unwrap_or(self.rest.len())
        };
        let mut text = Zeroizing::new(String::with_capacity(room));
        let ends = |c: char| if quoted { c == '"' } else { space(c) };
        while !self.rest.is_empty() && !self.rest.starts_with(ends) {
            match self.take() {
                Some('\\') => text.extend(self.take()),
                other => text.extend(other),
            }
        }
        if quoted && self.take().is_none() {
            return Err((line, "a quote that is not closed"));
        }
        Ok(Some(Word { text, quoted, line }))
    }

    /// The bytes up to the closing quote.
    fn quoted_length(&self) -> usize {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return at,
                _ => {}
            }
        }
        self.rest.len()
    }

    fn value(&mut self, missing: &'static str) -> Result<Zeroizing<String>, Wrong> {
        let line = self.line;
        self.word()?.map(|word| word.text).ok_or((line, missing))
    }

    fn skip_line(&mut self) {
        while !matches!(self.take(), None | Some('\n')) {}
    }

    /// A macro ends at an empty line.
    fn skip_macro(&mut self) {
        self.skip_line();
        while !self.rest.is_empty() {
            let empty = self.rest.starts_with('\n') || self.rest.starts_with("\r\n");
            self.skip_line();
            if empty {
                break;
            }
        }
    }
}

#[cfg(test)]
#[path = "netrc_tests.rs"]
mod tests;
