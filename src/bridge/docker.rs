//! Docker's credential helper: `docker-credential-helper get|store|erase|list|version`.
//!
//! Source: docker-credential-helpers (`credentials/credentials.go`, `error.go`) and what
//! `docker-credential-secretservice` does. Errors stand on standard output: docker knows three of
//! them by their text and shows the others.

use std::collections::BTreeMap;
use std::ffi::OsString;

use credential_helper_protocol::text::{has_control, shown};
use credential_helper_protocol::{
    Credential, Delete, ErrorCode, Failure, Question, Scheme, Secret, Set, render,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::answer::{Answer, ask, is_made};
use super::{Bridge, Outside, Said, Trouble, origin};

/// One line of the table of bridges.
pub(super) const BRIDGE: Bridge = Bridge {
    name: "docker-credential-helper",
    turns: false,
    next: false,
    project: false,
    about: "the credential helper of docker, podman and others",
    run,
};

/// What docker knows by its text.
const NOT_FOUND: &str = "credentials not found in native keychain";
const NO_SERVER: &str = "no credentials server URL";
const NO_USERNAME: &str = "no credentials username";

/// Accounts that one server may have had here; docker knows one.
const ACCOUNTS: usize = 8;

/// A credential as docker writes and reads it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Stored {
    #[serde(rename = "ServerURL")]
    server: String,
    username: String,
    #[serde(with = "credential_helper_protocol::secret::on_wire")]
    secret: Option<Secret>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Given<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

fn run(arguments: &[OsString], outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let words: Vec<_> = arguments.iter().map(|word| word.to_str()).collect();
    let done = match words[..] {
        [Some("get")] => get(outside),
        [Some("store")] => store(outside),
        [Some("erase")] => erase(outside),
        [Some("list")] => list(outside),
        [Some("version")] => Ok(Said::out(Zeroizing::new(
            format!(
                "{} (credential-helper) {}\n",
                BRIDGE.name,
                env!("CARGO_PKG_VERSION")
            )
            .into_bytes(),
        ))),
        _ => Ok(says(
            "usage: docker-credential-helper <store|get|erase|list|version>",
        )),
    };
    match done {
        Err(Trouble::Failed(failure)) => Ok(says(&text(&failure))),
        other => other,
    }
}

/// An error as docker wants it.
fn says(text: &str) -> Said {
    Said {
        out: Zeroizing::new(format!("{text}\n").into_bytes()),
        status: 1,
        ..Said::default()
    }
}

/// One line: docker shows it in the midst of its own.
fn text(failure: &Failure) -> String {
    let message = shown(&failure.message);
    match &failure.hint {
        Some(hint) => format!("{message}; {}", shown(hint)),
        None => message,
    }
}

fn wrong(reason: &str) -> Failure {
    Failure::new(
        ErrorCode::Usage,
        format!("could not answer docker's credential helper protocol: {reason}"),
    )
}

/// What a server is called: a URL, or `host[:port]`.
fn question(server: &str, username: Option<&str>) -> Question {
    Question {
        service: Some(server.to_owned()),
        username: username.map(str::to_owned),
        ..Question::default()
    }
}

/// The server that stands alone on standard input; the inner error is docker's own text.
fn server(input: &str) -> Result<Result<&str, Said>, Failure> {
    let server = input.trim();
    if server.is_empty() {
        return Ok(Err(says(NO_SERVER)));
    }
    check(server)?;
    Ok(Ok(server))
}

fn check(text: &str) -> Result<(), Failure> {
    if has_control(text) {
        return Err(wrong("what was read holds a control character"));
    }
    Ok(())
}

/// Whether this is a credential of the server. One without an origin is an entry that somebody
/// stored under exactly this text.
fn fits(server: &str, credential: &Credential) -> bool {
    let (scheme, place) = match server.split_once("://") {
        Some((scheme, place)) => (Some(scheme), place),
        None => (None, server),
    };
    let authority = place.split(['/', '?', '#']).next().unwrap_or_default();
    match credential.origin.as_deref() {
        Some(origin) => origin::is_at(origin, scheme, authority),
        // A host may be called as another tool calls a repository: that one's secret is not for it.
        None => credential.name.is_none(),
    }
}

fn get(outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let input = outside.input()?;
    let server = match server(input.expose())? {
        Ok(server) => server,
        Err(said) => return Ok(said),
    };
    let credential = match ask(outside, question(server, None))? {
        Answer::Found(credential) => credential,
        Answer::Miss(err) => {
            return Ok(Said {
                err,
                ..says(NOT_FOUND)
            });
        }
        Answer::Failed(failure) => return Err(failure.into()),
    };
    if !fits(server, &credential) {
        return Err(Failure::new(
            ErrorCode::Policy,
            format!(
                "the credential from {} is not one of {}",
                shown(&credential.provider),
                shown(server)
            ),
        )
        .into());
    }
    // Docker has no place for a bearer token: its `<token>` is traded in for one first.
    let (Some(username), Some(secret), Scheme::Basic) = (
        credential.username.as_deref(),
        credential.password.as_ref(),
        credential.scheme,
    ) else {
        return Ok(says(NOT_FOUND));
    };
    let secret = secret.expose();
    check(username)?;
    check(secret)?;
    // Escapes make JSON up to six times as long.
    let room = 128 + 6 * (server.len() + username.len() + secret.len());
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    let given = Given {
        server,
        username,
        secret,
    };
    serde_json::to_writer(&mut *out, &given).map_err(|_| {
        Failure::new(
            ErrorCode::Internal,
            "could not write the credential as JSON",
        )
    })?;
    out.push(b'\n');
    Ok(Said::out(out))
}

/// Docker stores at each login, also what it got here a moment before.
fn store(outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let input = outside.input()?;
    // The parser's own words would quote what it read.
    let stored: Stored = serde_json::from_str(input.expose())
        .map_err(|_| wrong("standard input is no object with \"ServerURL\""))?;
    if stored.server.is_empty() {
        return Ok(says(NO_SERVER));
    }
    if stored.username.is_empty() {
        return Ok(says(NO_USERNAME));
    }
    check(&stored.server)?;
    check(&stored.username)?;
    let secret = stored.secret.unwrap_or_default();
    let known = match ask(outside, question(&stored.server, None))? {
        Answer::Found(credential) if fits(&stored.server, &credential) => Some(credential),
        _ => None,
    };
    let before = known
        .as_ref()
        .and_then(|credential| credential.username.clone());
    if let Some(credential) = &known
        && before.as_ref() == Some(&stored.username)
        && (is_made(credential)
            || credential
                .password
                .as_ref()
                .is_some_and(|own| own.same(&secret)))
    {
        return Ok(Said::nothing(0));
    }
    outside.set(Set {
        service: Some(stored.server.clone()),
        username: Some(stored.username.clone()),
        secret: Some(secret),
        ..Set::default()
    })?;
    // Docker knows one account of a server: the one before would be found beside it.
    if let Some(before) = before.filter(|before| *before != stored.username) {
        remove(outside, &stored.server, &before)?;
    }
    Ok(Said::nothing(0))
}

/// Removes an account that is stored under the server itself; whether there was one.
fn remove(outside: &mut dyn Outside, server: &str, username: &str) -> Result<bool, Trouble> {
    let removed = outside.delete(Delete {
        service: Some(server.to_owned()),
        username: Some(username.to_owned()),
        ..Delete::default()
    });
    match removed {
        Ok(_) => Ok(true),
        Err(Trouble::Failed(failure)) if failure.code == ErrorCode::NotFound => Ok(false),
        Err(other) => Err(other),
    }
}

/// What is stored under the server goes; what answers for it from elsewhere is not docker's, and
/// named. Nothing to erase is no error, as with docker's own helpers.
fn erase(outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let input = outside.input()?;
    let server = match server(input.expose())? {
        Ok(server) => server,
        Err(said) => return Ok(said),
    };
    for _ in 0..ACCOUNTS {
        let credential = match ask(outside, question(server, None))? {
            Answer::Found(credential) if fits(server, &credential) => credential,
            Answer::Found(_) | Answer::Miss(_) => return Ok(Said::nothing(0)),
            Answer::Failed(failure) => return Err(failure.into()),
        };
        let username = credential.username.clone().unwrap_or_default();
        if !remove(outside, server, &username)? {
            let kept = Failure::new(
                ErrorCode::Policy,
                format!(
                    "the credential for {} was not stored by docker and stays: {}, {}",
                    shown(server),
                    shown(&credential.provider),
                    shown(&credential.location)
                ),
            );
            let kept = match &credential.name {
                Some(name) => kept.hint(format!("`helper delete {name}` removes it")),
                None => kept,
            };
            return Err(kept.into());
        }
    }
    Ok(Said::nothing(0))
}

/// Whether docker can have stored something under this: a host, or the URL of a registry's
/// interface.
fn is_registry(place: &str) -> bool {
    match place.split_once("://") {
        None => origin::is_authority(place),
        Some((_, rest)) => rest
            .split_once('/')
            .is_some_and(|(_, path)| ["v1/", "v2/"].iter().any(|api| path.starts_with(api))),
    }
}

/// What is stored under a registry itself. Everything else is left out: docker's older builder
/// sends to its daemon, wherever that is, what is listed here.
fn list(outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let listing = outside.list()?;
    let mut accounts = BTreeMap::new();
    for listed in &listing.credentials {
        let (None, Some(server), Some(username)) = (&listed.name, &listed.url, &listed.username)
        else {
            continue;
        };
        if is_registry(server) && !has_control(server) && !has_control(username) {
            accounts
                .entry(server.as_str())
                .or_insert_with(|| username.as_str());
        }
    }
    let mut out = serde_json::to_vec(&accounts)
        .map_err(|_| Failure::new(ErrorCode::Internal, "could not write the list as JSON"))?;
    out.push(b'\n');
    let skipped = listing.skipped.iter();
    let skipped = skipped.map(|one| format!("{}: {}", one.provider, one.reason));
    Ok(Said {
        err: render::warnings(&skipped.collect::<Vec<_>>()),
        ..Said::out(Zeroizing::new(out))
    })
}

#[cfg(test)]
#[path = "docker_tests.rs"]
mod tests;
