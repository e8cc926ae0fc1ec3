//! Why an index gave no upload token, in words, and what to set there.

use credential_helper_protocol::{ErrorCode, Failure, Secret};
use serde_json::Value;

use super::claims::Claims;
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::http::Answer;
use crate::publish::answers::words;
use crate::publish::index::is_public;

/// How much of a server's words is shown.
const SHOWN: usize = 300;
/// How much of a token is known again.
const PART: usize = 16;

/// What each of PyPI's codes means (`warehouse/oidc/views.py`). Other indexes have their own.
const CODES: [(&str, &str); 6] = [
    ("invalid-payload", "it did not understand the request"),
    ("invalid-token", "it does not accept the identity token"),
    ("not-enabled", "trusted publishing is switched off there"),
    (
        "invalid-publisher",
        "no trusted publisher there fits this job",
    ),
    (
        "invalid-pending-publisher",
        "the publisher there cannot become this project",
    ),
    (
        "invalid-reuse-token",
        "the identity token was exchanged before, and is good for once",
    ),
];

/// The refusal of a token that was sent for a project.
pub(super) fn refusal(
    upload: &RepositoryUrl,
    project: &str,
    answer: &Answer,
    sent: &Secret,
) -> Failure {
    let claims = Claims::read(sent);
    let said = first(answer);
    let code = said.as_ref().and_then(|(code, _)| code.as_deref());
    let known = CODES.iter().find(|(own, _)| Some(*own) == code);
    let why = known.map_or("it refused the identity token", |(_, why)| why);
    let own_words = match &said {
        Some((_, words)) if !words.is_empty() => words.clone(),
        _ => words(answer),
    };
    let mut told = vec![format!("status {}", answer.status)];
    told.extend(code.map(shown));
    // What repeats the token is not shown, also where it is cut off.
    if !own_words.is_empty() && !repeats(&answer.content, sent) {
        told.push(own_words);
    }
    let origin = upload.origin();
    let message = format!(
        "{origin} gave no token for uploads: {why} ({})",
        told.join(": ")
    );
    let hint = hint(code.unwrap_or_default(), upload, project, &claims);
    let code = match answer.status {
        408 | 425 | 429 | 500.. => ErrorCode::Unavailable,
        _ => ErrorCode::Rejected,
    };
    Failure::new(code, message).hint(hint)
}

/// Whether an answer has the beginning of a part of the token in it.
fn repeats(content: &[u8], sent: &Secret) -> bool {
    let content = String::from_utf8_lossy(content);
    let mut parts = sent.expose().split('.');
    parts.any(|part| {
        let beginning = part.get(..PART).unwrap_or(part);
        !beginning.is_empty() && content.contains(beginning)
    })
}

/// The first error's code, and what all of them say.
fn first(answer: &Answer) -> Option<(Option<String>, String)> {
    let value: Value = serde_json::from_slice(&answer.content).ok()?;
    let errors = value.get("errors")?.as_array()?;
    let text = |error: &Value, key: &str| error.get(key)?.as_str().map(str::to_owned);
    let all: Vec<String> = errors
        .iter()
        .filter_map(|error| text(error, "description"))
        .collect();
    let line: Vec<&str> = all
        .iter()
        .flat_map(|text| text.split_whitespace())
        .collect();
    let short: String = line.join(" ").chars().take(SHOWN).collect();
    Some((text(errors.first()?, "code"), shown(&short)))
}

fn hint(code: &str, upload: &RepositoryUrl, project: &str, claims: &Claims) -> String {
    let host = match upload.origin().host() {
        "upload.pypi.org" => "pypi.org",
        host => host,
    };
    let place = if is_public(upload) {
        format!("https://{host}/manage/project/{project}/settings/publishing/")
    } else {
        format!("{host}, in the settings of {project}")
    };
    let what = match code {
        "invalid-publisher" | "invalid-pending-publisher" => {
            let mut parts = Vec::new();
            let mut part = |label: &str, value: Option<String>| {
                parts.extend(value.map(|value| format!("{label} {value}")));
            };
            part("repository", claims.get("repository"));
            part("project", claims.get("project_path"));
            part("workflow", claims.workflow());
            let environment = claims.get("environment");
            part(
                "environment",
                Some(environment.unwrap_or_else(|| "(none)".to_owned())),
            );
            format!(
                "add or correct a publisher at {place}: {}",
                parts.join(", ")
            )
        }
        "invalid-token" => format!(
            "the clock of the job, the issuer and the audience have to be right, and {host} has to know the issuer"
        ),
        "not-enabled" => "use a token of the index, or try it later".to_owned(),
        "invalid-reuse-token" => {
            "start the job again: some systems give one identity token a job".to_owned()
        }
        _ => format!("look at the publishers at {place}"),
    };
    let told = claims.told();
    if told.is_empty() {
        what
    } else {
        format!("{what}; the identity token says, unverified: {told}")
    }
}
