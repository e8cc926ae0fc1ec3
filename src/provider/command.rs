//! Commands that the settings name for a repository: `command = ["/usr/bin/mint", "foo"]`.
//!
//! Two protocols: `plain`, where what is printed is the secret, and `credential-helper`, the `get`
//! of the credential-helper specification that Bazel, its tools and uv speak. What was minted is
//! kept until shortly before it ends; of two who ask at once, one runs the command for both.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use credential_helper_protocol::{Failure, Scheme};
use serde::Deserialize;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::child::{self, CommandSpec, Output, Run, Trouble};
use super::value::{self, without_line_end};
use super::{Call, Entry, Later, Provider};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, Why};
use crate::domain::name::same_stored_name;

/// How a command is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandProtocol {
    /// What it prints is the secret.
    #[default]
    Plain,
    /// `get` of the credential-helper specification.
    CredentialHelper,
}

/// What the settings say of one repository.
pub struct CommandEntry {
    /// The repository.
    pub name: String,
    /// The command.
    pub command: CommandSpec,
    /// How it is spoken to.
    pub protocol: CommandProtocol,
    /// How long what it prints holds.
    pub ttl: Option<Duration>,
    /// The repository's URL: what a credential helper is asked for.
    pub url: Option<String>,
    /// The account of what it prints.
    pub username: Option<String>,
}

/// The commands that the settings name.
pub struct CommandProvider {
    entries: Vec<(CommandEntry, RefCell<Slot>)>,
    recursing: bool,
}

/// What is known of one command.
#[derive(Default)]
struct Slot {
    kept: Option<Kept>,
    flight: Option<Rc<OnceCell<Minted>>>,
}

struct Kept {
    halves: Halves,
    until: Duration,
}

/// An answer, and how long it holds.
struct Minted {
    answer: Answer,
    life: Option<Duration>,
}

impl CommandProvider {
    /// A provider for these commands.
    pub fn new(entries: Vec<CommandEntry>) -> Self {
        let slot = |entry| (entry, RefCell::default());
        Self {
            entries: entries.into_iter().map(slot).collect(),
            recursing: child::recursing(),
        }
    }

    fn entry(&self, name: &str) -> Option<&(CommandEntry, RefCell<Slot>)> {
        self.entries
            .iter()
            .find(|(entry, _)| same_stored_name(&entry.name, name))
    }
}

async fn ask(entry: &CommandEntry, slot: &RefCell<Slot>, call: &Call) -> Answer {
    let flight = {
        let mut slot = slot.borrow_mut();
        slot.kept.take_if(|kept| kept.until <= clock());
        if let Some(kept) = &slot.kept {
            return Answer::Found(kept.halves.clone());
        }
        slot.flight.get_or_insert_default().clone()
    };
    // Whoever is first runs it; if that one gives up, the run ends and the next begins a new one.
    let time = entry.command.timeout.min(call.time);
    let minted = flight.get_or_init(|| mint(entry));
    let Ok(minted) = tokio::time::timeout(time, minted).await else {
        return entry.command.too_slow(time).into();
    };
    let mut slot = slot.borrow_mut();
    // Unless somebody had it forgotten meanwhile.
    if let Some(own) = slot.flight.take_if(|other| Rc::ptr_eq(other, &flight))
        && let (Answer::Found(halves), Some(life)) = (&minted.answer, minted.life)
    {
        drop(own);
        slot.kept = Some(Kept {
            halves: halves.clone(),
            until: clock() + kept_for(life),
        });
    }
    minted.answer.clone()
}

/// How long something that holds for `life` is given: a tenth of its life less, at least 30 s, but
/// of a short life half.
fn kept_for(life: Duration) -> Duration {
    let margin = (life / 10).max(Duration::from_secs(30).min(life / 2));
    life.saturating_sub(margin)
}

/// A clock that goes on while the machine sleeps and that nobody sets.
#[cfg(unix)]
fn clock() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(target_os = "linux")]
    let id = ClockId::Boottime;
    // On macOS this one counts the time asleep too.
    #[cfg(not(target_os = "linux"))]
    let id = ClockId::Monotonic;
    Duration::try_from(clock_gettime(id)).unwrap_or_default()
}

#[cfg(not(unix))]
fn clock() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

async fn mint(entry: &CommandEntry) -> Minted {
    let found = match entry.protocol {
        CommandProtocol::Plain => plain(entry).await.map(Some),
        CommandProtocol::CredentialHelper => credential_helper(entry).await,
    };
    let halves = match found {
        Err(trouble) => return Minted::without_life(trouble.into()),
        Ok(None) => return Minted::without_life(Answer::NotFound),
        Ok(Some(halves)) => halves,
    };
    let now = value::now();
    let own = halves.expires.map(|end| end.saturating_sub(now));
    if own == Some(0) {
        let words = "gave a credential that has expired already";
        return Minted::without_life(entry.command.trouble(Why::Unavailable, words).into());
    }
    let life = [own.map(Duration::from_secs), entry.ttl]
        .into_iter()
        .flatten()
        .min();
    Minted {
        answer: Answer::Found(Halves {
            expires: life.map(|life| now.saturating_add(life.as_secs())),
            location: entry.command.program(),
            ..halves
        }),
        life,
    }
}

impl Minted {
    fn without_life(answer: Answer) -> Self {
        Self { answer, life: None }
    }
}

/// Runs the command; only status 0 is an answer.
async fn run(entry: &CommandEntry, how: Run<'_>) -> Result<Output, Trouble> {
    let output = child::run(&entry.command, how, entry.command.timeout).await?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(entry.command.ended_badly(output.status))
    }
}

async fn plain(entry: &CommandEntry) -> Result<Halves, Trouble> {
    let output = run(entry, Run::default()).await?;
    let broken = |words: &str| entry.command.trouble(Why::Malformed, words);
    let text =
        std::str::from_utf8(&output.printed).map_err(|_| broken("printed what is not UTF-8"))?;
    let text = without_line_end(text);
    if text.is_empty() {
        return Err(broken("printed nothing"));
    }
    let secret = value::secret(text).map_err(|wrong| broken(&format!("printed what {wrong}")))?;
    Ok(Halves {
        username: entry.username.clone(),
        secret: Some(secret),
        ..Halves::default()
    })
}

/// The answer of a credential helper; members that we do not know are let be.
#[derive(Deserialize)]
struct Headers {
    #[serde(default)]
    headers: BTreeMap<String, Vec<Zeroizing<String>>>,
    expires: Option<String>,
}

async fn credential_helper(entry: &CommandEntry) -> Result<Option<Halves>, Trouble> {
    let broken = |words: &str| entry.command.trouble(Why::Malformed, words);
    let Some(url) = &entry.url else {
        return Err(Trouble {
            why: Why::Malformed,
            detail: format!(
                "cannot ask {}: repositories.{} has no url in the settings",
                entry.command.program(),
                crate::domain::text::shown(&entry.name)
            ),
        });
    };
    let question = serde_json::json!({ "uri": url }).to_string();
    let how = Run {
        arguments: &["get"],
        input: Some(question.as_bytes()),
        ..Run::default()
    };
    let output = run(entry, how).await?;
    let answer: Headers = serde_json::from_slice(&output.printed)
        .map_err(|_| broken("printed what is no answer of a credential helper"))?;
    let expires = match &answer.expires {
        None => None,
        Some(text) => {
            let end = value::moment(text);
            Some(end.ok_or_else(|| broken("printed an `expires` that is no RFC 3339 time"))?)
        }
    };
    let mut values = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .flat_map(|(_, values)| values);
    let Some(header) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(broken("printed more than one Authorization header"));
    }
    let (username, text, scheme) = authorization(header).ok_or_else(|| {
        broken("printed an Authorization header that is neither Basic nor Bearer")
    })?;
    let wrong = |wrong: String| broken(&format!("printed an Authorization header that {wrong}"));
    let username = username.map(|username| value::username(&username));
    Ok(Some(Halves {
        username: username.transpose().map_err(wrong)?,
        secret: Some(value::secret(&text).map_err(wrong)?),
        scheme,
        expires,
        ..Halves::default()
    }))
}

type Authorization = (Option<Zeroizing<String>>, Zeroizing<String>, Scheme);

/// Reads the value of the header (RFC 7617, RFC 6750): the scheme's case does not matter.
fn authorization(header: &str) -> Option<Authorization> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    if rest.is_empty() {
        return None;
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some((None, Zeroizing::new(rest.to_owned()), Scheme::Bearer));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let base64 = GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    let bytes = Zeroizing::new(base64.decode(rest).ok()?);
    let (username, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let owned = |text: &str| Zeroizing::new(text.to_owned());
    Some((Some(owned(username)), owned(secret), Scheme::Basic))
}

impl Provider for CommandProvider {
    fn id(&self) -> ProviderId {
        ProviderId::COMMAND
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            let Key::Repository(name) = key else {
                return Answer::NotFound;
            };
            match self.entry(name) {
                None => Answer::NotFound,
                Some(_) if self.recursing => {
                    Answer::Skipped("asked from within a command of ours".to_owned())
                }
                Some((entry, slot)) => ask(entry, slot, call).await,
            }
        })
    }

    /// Runs nothing: what a command would say is not known.
    fn list<'a>(&'a self, _call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            let entry = |(entry, slot): &(CommandEntry, RefCell<Slot>)| {
                let slot = slot.borrow();
                let kept = slot.kept.as_ref().filter(|kept| kept.until > clock());
                Entry {
                    name: Some(entry.name.clone()),
                    username: kept
                        .and_then(|kept| kept.halves.username.clone())
                        .or_else(|| entry.username.clone()),
                    has_secret: true,
                    location: entry.command.program(),
                    expires: kept.and_then(|kept| kept.halves.expires),
                    ..Entry::default()
                }
            };
            Ok(self.entries.iter().map(entry).collect())
        })
    }

    fn renew(&self, key: &Key) {
        if let Key::Repository(name) = key
            && let Some((_, slot)) = self.entry(name)
        {
            *slot.borrow_mut() = Slot::default();
        }
    }

    fn forget(&self) {
        for (_, slot) in &self.entries {
            *slot.borrow_mut() = Slot::default();
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
