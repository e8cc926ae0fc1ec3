//! Tokens on their way out: limited to what they are asked for, and what is worth saying of them.

use std::time::Duration;

use credential_helper_protocol::{Credential, Failure, Operation, Question};

use super::clock;
use crate::domain::credential::{Answer as Said, Halves, Key, ProviderId, TOKEN_USERNAME};
use crate::domain::name::RepositoryName;
use crate::domain::service::POETRY;
use crate::domain::token::{Index, Token};
use crate::domain::upload::{self, Asked, Given};
use crate::domain::url::RepositoryUrl;
use crate::provider::{Call, Entry, Provider};

/// Tokens that `list` looks into, of one provider: a project may list thousands.
const LOOKS: usize = 64;

/// An answer as it goes out.
pub(super) struct Answer {
    /// The credential.
    pub(super) credential: Credential,
    /// How long it may be kept; unset where the token in it says nothing about that.
    pub(super) keep: Option<Duration>,
}

/// Puts the token that may go out in place of the one that is stored.
///
/// # Errors
/// Where none may.
pub(super) fn answer(mut credential: Credential, question: &Question) -> Result<Answer, Failure> {
    let Some(stored) = &credential.password else {
        return Ok(Answer {
            credential,
            keep: None,
        });
    };
    let token = Token::read(stored);
    let now = clock::wall();
    let for_upload = credential.operation == Some(Operation::Upload);
    let url = credential.url.as_deref().map(RepositoryUrl::parse);
    let url = url.and_then(Result::ok).map(|(url, _)| url);
    let project = question
        .upload
        .as_ref()
        .filter(|upload| for_upload && upload.attenuate != Some(false))
        .and_then(|upload| upload.project.as_deref());
    let given = upload::given(
        &token,
        &Asked {
            subject: subject(&credential),
            host: host(credential.name.as_deref(), url.as_ref()),
            project,
            now,
        },
    )?;
    let warnings = upload::warnings(&token, subject(&credential), for_upload, now);
    credential.warnings.extend(warnings);
    let ends = token.expires.filter(|_| token.index().is_some());
    let (ends, keep) = match given {
        Given::Whole => {
            let left = ends.map(|end| Duration::from_secs(end.saturating_sub(now)));
            (ends, left)
        }
        Given::Child { secret, expires } => {
            credential.password = Some(secret);
            // Each question gets one of its own.
            (Some(expires), Some(Duration::ZERO))
        }
    };
    if let Some(ends) = ends {
        credential.expires = Some(earlier(credential.expires, clock::rfc3339(ends)));
    }
    Ok(Answer { credential, keep })
}

/// Looks into the tokens among what a provider lists: when each ends, and what should be said of it.
/// What cannot be read in time stays as it was listed.
pub(super) async fn look_into(
    provider: &dyn Provider,
    list: Vec<Entry>,
    call: &Call,
) -> Vec<(Entry, Vec<String>)> {
    let mut told: Vec<(Entry, Vec<String>)> =
        list.into_iter().map(|entry| (entry, Vec::new())).collect();
    let look = async {
        let mut looks = 0;
        for (entry, warnings) in &mut told {
            let Some(key) = key(provider.id(), entry) else {
                continue;
            };
            looks += 1;
            if looks > LOOKS {
                return;
            }
            let Said::Found(Halves {
                secret: Some(secret),
                ..
            }) = provider.find(&key, call).await
            else {
                continue;
            };
            let token = Token::read(&secret);
            let now = clock::wall();
            let subject = entry.name.as_deref().or(entry.url.as_deref());
            let subject = subject.unwrap_or(&entry.location);
            let url = entry.url.as_deref().map(RepositoryUrl::parse);
            let url = url.and_then(Result::ok).map(|(url, _)| url);
            let asked = Asked {
                subject,
                host: host(entry.name.as_deref(), url.as_ref()),
                project: None,
                now,
            };
            *warnings = upload::warnings(&token, subject, true, now);
            // It would not be given.
            warnings.extend(upload::given(&token, &asked).err().map(|no| no.message));
            entry.expires = entry.expires.or(token.expires);
        }
    };
    // What is told so far is kept.
    let _ = tokio::time::timeout(call.time, look).await;
    told
}

/// Under which key a listed token is read; `None` for what is no token, and for places that would
/// mint one, ask the user, or start a program for each.
fn key(id: ProviderId, entry: &Entry) -> Option<Key> {
    let has_token = entry.is_token || entry.username.as_deref() == Some(TOKEN_USERNAME);
    if !has_token || !entry.has_secret || entry.locked {
        return None;
    }
    if matches!(
        id,
        ProviderId::SECRET_SERVICE | ProviderId::CREDENTIAL_MANAGER
    ) {
        let named = entry.name.as_deref().map(|name| format!("{POETRY}{name}"));
        return Some(Key::Service {
            service: named.or_else(|| entry.url.clone())?,
            username: entry.username.clone(),
        });
    }
    let name = entry.name.as_deref()?;
    let names = if id.is_variables() {
        RepositoryName::parse(name).ok()?.variable_spellings()
    } else if id.is_named_file() {
        vec![name.to_owned()]
    } else {
        return None;
    };
    Some(if entry.is_token {
        Key::Token(names)
    } else {
        Key::HttpBasic(names)
    })
}

/// Where it goes. If only a name is known, it may be one of those that belong to an index.
fn host<'a>(name: Option<&str>, url: Option<&'a RepositoryUrl>) -> Option<&'a str> {
    match url {
        Some(url) => Some(url.origin().host()),
        None => name.and_then(Index::of_name).map(Index::host),
    }
}

/// Whose token it is, for messages.
fn subject(credential: &Credential) -> &str {
    let name = credential.name.as_deref().or(credential.url.as_deref());
    name.unwrap_or(&credential.location)
}

/// Times of this form, all in UTC, are in the order of their texts.
fn earlier(known: Option<String>, other: String) -> String {
    match known {
        Some(known) => known.min(other),
        None => other,
    }
}
