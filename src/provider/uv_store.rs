//! uv's own store, `credentials.toml` (`uv auth login`; uv `crates/uv-auth/src/store.rs`).
//!
//! uv takes an exclusive lock on `credentials.toml.lock`, for reading too, and holds it while
//! `uv auth login` waits for a person to type: waiting for that lock would make each of our answers
//! wait for that person, so it is not taken. New uv replaces the file, which needs no lock. Older
//! uv empties it and then writes it in one call: an empty file is read again a moment later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use credential_helper_protocol::{Failure, Scheme};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::files::{FileFailure, Text};
use super::{Call, Entry, Later, Provider, value};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, Why};
use crate::domain::text::{line_at, shown};
use crate::domain::url::{RepositoryUrl, Scope};

/// How often, and after what time, a file is read again that an older uv has just emptied.
const EMPTY_READS: usize = 3;
const EMPTY_PAUSE: Duration = Duration::from_millis(10);

/// The first line of a store that an agent of ours keeps: what stands in it came from us.
pub const MANAGED: &str =
    "# Kept by credential-helper's agent (helper setup uv --store), and removed by it.";

/// uv's store in the client's folder.
pub struct UvStore;

/// One `[[credential]]`; what it holds is borrowed from the file's text.
struct Credential<'a> {
    service: RepositoryUrl,
    scope: Scope,
    username: Option<&'a str>,
    secret: Option<&'a str>,
    scheme: Scheme,
    expires: Option<u64>,
    line: usize,
}

impl Credential<'_> {
    /// uv passes over a token that has ended.
    fn ended(&self) -> bool {
        self.expires.is_some_and(|end| end <= value::now())
    }
}

/// A fault in the file: the line, and what is wrong there in our own words.
type Wrong = (usize, String);

fn file(call: &Call) -> Option<PathBuf> {
    let folder = call.folders.uv_store.as_ref()?;
    Some(folder.join("credentials.toml"))
}

async fn read(path: &Path, call: &Call) -> Result<Option<Text>, FileFailure> {
    let text = written(async || call.files.read(path).await).await?;
    Ok(text.filter(|text| !text.starts_with(MANAGED)))
}

/// What is read, once more where that is an empty text.
async fn written(
    read: impl AsyncFn() -> Result<Option<Text>, FileFailure>,
) -> Result<Option<Text>, FileFailure> {
    let mut text = read().await?;
    for _ in 1..EMPTY_READS {
        if text.as_ref().is_none_or(|text| !text.is_empty()) {
            break;
        }
        tokio::time::sleep(EMPTY_PAUSE).await;
        text = read().await?;
    }
    Ok(text)
}

fn failure(path: &Path, (line, wrong): Wrong) -> FileFailure {
    FileFailure {
        why: Why::Malformed,
        detail: format!("{} line {line}: {wrong}", shown(&path.to_string_lossy())),
    }
}

/// The document; the parser's own words quote the text, so only the line is taken from them.
fn document(text: &str) -> Result<Spanned<DeTable<'_>>, Wrong> {
    DeTable::parse(text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| line_at(text.as_bytes(), span.start));
        (line, "it is not valid TOML".to_owned())
    })
}

fn credentials<'a>(table: &'a DeTable<'_>, text: &str) -> Result<Vec<Credential<'a>>, Wrong> {
    let Some(list) = table.get("credential") else {
        return Ok(Vec::new());
    };
    let at = line_at(text.as_bytes(), list.span().start);
    let Some(list) = list.get_ref().as_array() else {
        return Err((at, "credential must be a list of tables".to_owned()));
    };
    let mut out: Vec<Credential<'a>> = Vec::new();
    for entry in list {
        let credential = credential(entry, text)?;
        // The same service and account twice: uv keeps the last.
        out.retain(|other| {
            (&other.scope, other.username) != (&credential.scope, credential.username)
        });
        out.push(credential);
    }
    Ok(out)
}

fn credential<'a>(entry: &'a Spanned<DeValue<'_>>, text: &str) -> Result<Credential<'a>, Wrong> {
    let line = line_at(text.as_bytes(), entry.span().start);
    let wrong = |words: &str| Err((line, words.to_owned()));
    let Some(table) = entry.get_ref().as_table() else {
        return wrong("credential must be a list of tables");
    };
    let field = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(value) => value.get_ref().as_str().map(Some).ok_or_else(|| {
            let line = line_at(text.as_bytes(), value.span().start);
            (line, format!("credential.{key} must be a string in quotes"))
        }),
    };
    let Some(service) = field("service")? else {
        return wrong("credential.service is missing");
    };
    // uv reads a service without a scheme as https.
    let parsed = if service.contains("://") {
        RepositoryUrl::parse(service)
    } else {
        RepositoryUrl::parse(&format!("https://{service}"))
    };
    let Ok((service, _)) = parsed else {
        return wrong("credential.service is no http or https URL");
    };
    let (password, token) = (field("password")?, field("token")?);
    let username = field("username")?.filter(|username| !username.is_empty());
    let expires = match field("expires-at")? {
        None => None,
        Some(text) => match value::moment(text) {
            None => return wrong("credential.expires-at is no time"),
            some => some,
        },
    };
    // The same combinations as uv allows.
    let (scheme, secret) = match field("scheme")?.unwrap_or("basic") {
        "basic" if username.is_none() => {
            return wrong("credential.username is missing; scheme \"basic\" needs it");
        }
        "basic" if token.is_some() => {
            return wrong("credential.token is only for scheme \"bearer\"");
        }
        "basic" => (Scheme::Basic, password),
        "bearer" if username.is_some() || password.is_some() => {
            return wrong("credential.username and password are only for scheme \"basic\"");
        }
        "bearer" if token.is_none() => {
            return wrong("credential.token is missing; scheme \"bearer\" needs it");
        }
        "bearer" => (Scheme::Bearer, token),
        _ => return wrong("credential.scheme must be \"basic\" or \"bearer\""),
    };
    let scope = Scope {
        origin: service.origin().clone(),
        segments: service.segments(),
    };
    Ok(Credential {
        service,
        scope,
        username,
        secret,
        scheme,
        expires,
        line,
    })
}

/// The entry of the longest service that the URL lies under.
fn best<'a, 'b>(
    all: &'b [Credential<'a>],
    url: &RepositoryUrl,
    username: Option<&str>,
) -> Result<Option<&'b Credential<'a>>, Wrong> {
    let fits: Vec<&Credential<'_>> = all
        .iter()
        .filter(|credential| credential.scope.covers(url) && !credential.ended())
        .filter(|credential| username.is_none() || credential.username == username)
        .collect();
    let Some(longest) = fits.iter().map(|c| c.scope.segments.len()).max() else {
        return Ok(None);
    };
    let mut fits = fits
        .into_iter()
        .filter(|credential| credential.scope.segments.len() == longest);
    match (fits.next(), fits.next()) {
        (Some(one), Some(other)) => {
            let name = |credential: &Credential<'_>| match credential.username {
                Some(username) => format!("{} of {}", credential.service, shown(username)),
                None => format!("{} (bearer)", credential.service),
            };
            let words = format!(
                "{} and {} (line {}) both hold for this URL: name the account",
                name(one),
                name(other),
                other.line
            );
            Err((one.line, words))
        }
        (one, _) => Ok(one),
    }
}

async fn ask(
    url: &RepositoryUrl,
    username: Option<&str>,
    call: &Call,
) -> Result<Answer, FileFailure> {
    let Some(path) = file(call) else {
        return Ok(Answer::NotFound);
    };
    let Some(text) = read(&path, call).await? else {
        return Ok(Answer::NotFound);
    };
    find_in(&text, url, username)
        .map(|found| match found {
            None => Answer::NotFound,
            Some(halves) => Answer::Found(Halves {
                location: path.to_string_lossy().into_owned(),
                ..halves
            }),
        })
        .map_err(|wrong| failure(&path, wrong))
}

fn find_in(
    text: &str,
    url: &RepositoryUrl,
    username: Option<&str>,
) -> Result<Option<Halves>, Wrong> {
    let document = document(text)?;
    let all = credentials(document.get_ref(), text)?;
    let Some(credential) = best(&all, url, username)? else {
        return Ok(None);
    };
    let wrong = |key: &str| {
        let line = credential.line;
        let key = key.to_owned();
        move |wrong: String| (line, format!("credential.{key} {wrong}"))
    };
    let key = match credential.scheme {
        Scheme::Basic => "password",
        Scheme::Bearer => "token",
    };
    let account = credential.username.map(value::username).transpose();
    let secret = credential.secret.map(value::secret).transpose();
    Ok(Some(Halves {
        username: account.map_err(wrong("username"))?,
        secret: secret.map_err(wrong(key))?,
        scheme: credential.scheme,
        expires: credential.expires,
        ..Halves::default()
    }))
}

impl Provider for UvStore {
    fn id(&self) -> ProviderId {
        ProviderId::UV_STORE
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            let Key::Url { url, username } = key else {
                return Answer::NotFound;
            };
            let asked = ask(url, username.as_deref(), call).await;
            asked.unwrap_or_else(|failure| Answer::Failed(failure.why, failure.detail))
        })
    }

    fn list<'a>(&'a self, call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            let told = |f: FileFailure| Failure::new(f.why.code(), f.detail);
            let Some(path) = file(call) else {
                return Ok(Vec::new());
            };
            let Some(text) = read(&path, call).await.map_err(told)? else {
                return Ok(Vec::new());
            };
            let broken = |wrong| told(failure(&path, wrong));
            let document = document(&text).map_err(broken)?;
            let all = credentials(document.get_ref(), &text).map_err(broken)?;
            Ok(all
                .iter()
                .map(|credential| Entry {
                    url: Some(credential.service.to_string()),
                    username: credential.username.map(str::to_owned),
                    has_secret: credential.secret.is_some(),
                    is_token: credential.username
                        == Some(crate::domain::credential::TOKEN_USERNAME)
                        || credential.scheme == Scheme::Bearer,
                    location: path.to_string_lossy().into_owned(),
                    expires: credential.expires,
                    ..Entry::default()
                })
                .collect())
        })
    }
}

#[cfg(test)]
#[path = "uv_store_tests.rs"]
mod tests;
