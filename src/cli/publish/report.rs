//! What is printed at the end.

use credential_helper_protocol::Failure;
use serde::Serialize;

use super::progress;
use crate::agent::clock;
use crate::cli::Session;
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::publish::distribution::Distribution;
use crate::publish::outcome::{Ended, Outcome};

#[derive(Serialize)]
struct Answer<'a> {
    repository: Option<&'a str>,
    url: Option<&'a str>,
    /// Whose identity the upload was made by.
    trusted_publishing: Option<&'a str>,
    expires: Option<String>,
    files: &'a [Outcome],
}

/// How a run ended.
pub(super) struct Run<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) url: &'a RepositoryUrl,
    /// Whose identity was exchanged, and when the token that came of it ends.
    pub(super) trusted: Option<(&'static str, Option<u64>)>,
    pub(super) outcomes: &'a [Outcome],
    /// The status of a run that a signal ended.
    pub(super) interrupted: Option<u8>,
}

/// Tells how it ended; the exit status.
pub(super) fn told(session: &mut Session<'_>, run: &Run<'_>) -> Result<u8, Failure> {
    let outcomes = run.outcomes;
    let failure = outcomes.iter().find_map(|outcome| outcome.failure.as_ref());
    let status = match (run.interrupted, failure) {
        (Some(status), _) => status,
        (None, Some(failure)) => failure.code.exit_status(),
        (None, None) => 0,
    };
    if session.out.is_json() {
        session.out.object(&Answer {
            repository: run.name,
            url: Some(run.url.as_str()),
            trusted_publishing: run.trusted.map(|(word, _)| word),
            expires: run.trusted.and_then(|(_, end)| end).map(clock::rfc3339),
            files: outcomes,
        })?;
        return Ok(status);
    }
    for outcome in outcomes {
        if outcome.result == Ended::NotSent {
            let line = progress::line(outcome, session.out.colours());
            session.out.text(&line)?;
        }
    }
    if let Some(failure) = failure {
        session.out.failure(failure);
    }
    Ok(status)
}

/// The report of `--check`, and of files that must not be sent; the exit status.
pub(super) fn checked(
    session: &mut Session<'_>,
    repository: &str,
    url: Option<&RepositoryUrl>,
    strict: bool,
    ready: &[Distribution],
    bad: Vec<(String, String)>,
) -> Result<u8, Failure> {
    let status = u8::from(!bad.is_empty());
    let mut outcomes: Vec<Outcome> = bad
        .into_iter()
        .map(|(filename, why)| {
            let sha256 = ready.iter().find(|one| one.filename == filename);
            Outcome {
                sha256: sha256.map(|one| one.digests.sha256.clone()),
                filename,
                result: Ended::Failed,
                status: None,
                message: Some(why),
                failure: None,
            }
        })
        .collect();
    let sound = ready
        .iter()
        .filter(|one| outcomes.iter().all(|bad| bad.filename != one.filename));
    let sound: Vec<Outcome> = sound.map(|one| Outcome::new(one, Ended::NotSent)).collect();
    outcomes.extend(sound);
    if session.out.is_json() {
        session.out.object(&Answer {
            repository: (!repository.contains("://")).then_some(repository),
            url: url.map(RepositoryUrl::as_str),
            trusted_publishing: None,
            expires: None,
            files: &outcomes,
        })?;
        return Ok(status);
    }
    for outcome in &outcomes {
        let word = if outcome.result == Ended::Failed {
            "bad"
        } else {
            "good"
        };
        let why = outcome
            .message
            .as_deref()
            .map_or(String::new(), |why| format!(": {}", shown(why)));
        let text = format!("{word:<5} {}{why}", shown(&outcome.filename));
        session.out.text(&text)?;
    }
    for one in ready {
        for finding in one
            .findings
            .iter()
            .filter(|finding| !(strict && finding.refused))
        {
            let who = if finding.refused {
                " (PyPI refuses that)"
            } else {
                ""
            };
            session
                .out
                .warning(&format!("{}: {}{who}", one.filename, finding.message));
        }
    }
    if status > 0 {
        session.out.note("nothing was sent");
    }
    Ok(status)
}
