//! Which token goes out for an upload: the smallest that does the job, and none to an index that did
//! not make it.

use credential_helper_protocol::{ErrorCode, Failure, Secret};

use super::name::normalize;
use super::text::shown;
use super::token::{Index, Kind, Token};

/// How long a child is good: as long as the tokens that PyPI itself mints for one upload
/// (`warehouse/oidc/views.py`).
pub const CHILD_LIFE: u64 = 15 * 60;
/// From how long before its end on a token is warned about.
const SOON: u64 = 7 * DAY;
const DAY: u64 = 24 * 60 * 60;

/// What a token is asked for.
pub struct Asked<'a> {
    /// Whose token it is, for messages: a repository's name or a URL.
    pub subject: &'a str,
    /// The host that it would be sent to, where one is known.
    pub host: Option<&'a str>,
    /// The project that is uploaded, where the token is to be limited to it.
    pub project: Option<&'a str>,
    /// Seconds since 1970.
    pub now: u64,
}

/// What goes out.
pub enum Given {
    /// What is stored.
    Whole,
    /// A child of it.
    Child {
        /// The token.
        secret: Secret,
        /// When it ends, in seconds since 1970.
        expires: u64,
    },
}

/// Decides what goes out of a secret.
///
/// # Errors
/// `policy` for a token of another index, for one that is not good for the project, and for one of
/// PyPI's that cannot be limited; `usage` for what is no project's name.
pub fn given(token: &Token, asked: &Asked<'_>) -> Result<Given, Failure> {
    let target = asked.host.and_then(Index::of_host);
    if let Some(target) = target
        && let Some(host) = &token.host
        && token.kind == Kind::Pypi
        && token.index() != Some(target)
    {
        return Err(other_index(asked.subject, host, target, token.index()));
    }
    let Some(project) = asked.project else {
        return Ok(Given::Whole);
    };
    if token.is_broken() && target.is_some() {
        return Err(cannot_limit(asked.subject));
    }
    // Other indexes may read tokens of this form in their own way.
    if token.index().is_none() {
        return Ok(Given::Whole);
    }
    let name = project_name(project)?;
    if !token.allows(&name) {
        return Err(other_project(asked.subject, token, &name));
    }
    let until = asked.now.saturating_add(CHILD_LIFE);
    let expires = token.expires.map_or(until, |end| end.min(until));
    let secret = token
        .child(&name, expires)
        .ok_or_else(|| cannot_limit(asked.subject))?;
    Ok(Given::Child { secret, expires })
}

/// What a person should know of a token; `for_upload`: also how far it goes.
pub fn warnings(token: &Token, subject: &str, for_upload: bool, now: u64) -> Vec<String> {
    let subject = shown(subject);
    let mut lines = Vec::new();
    match token.expires {
        Some(end) if end <= now => lines.push(format!("the token of {subject} has expired")),
        // Other tokens are made anew all the time.
        Some(end) if token.kind == Kind::Pypi && end - now <= SOON => {
            let left = in_words(end - now);
            lines.push(format!("the token of {subject} expires in {left}"));
        }
        _ if token.begins > now => {
            lines.push(format!("the token of {subject} is not good yet"));
        }
        _ => {}
    }
    if for_upload && token.user_wide == Some(true) {
        lines.push(format!(
            "the token of {subject} is good for every project of its account: a token for one \
             project is safer"
        ));
    }
    lines
}

/// A time that is left, rounded down.
fn in_words(seconds: u64) -> String {
    let (number, unit) = match seconds {
        DAY.. => (seconds / DAY, "day"),
        3600.. => (seconds / 3600, "hour"),
        _ => (seconds / 60, "minute"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// The normalised name (PEP 503) of a project.
fn project_name(project: &str) -> Result<String, Failure> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if edge(project.chars().next()) && edge(project.chars().last()) && project.chars().all(inner) {
        return Ok(normalize(project));
    }
    Err(Failure::new(
        ErrorCode::Usage,
        "the project of an upload has a name that no project can have",
    )
    .hint(
        "a name has letters, digits, `.`, `-` and `_`, and begins and ends with one of the first",
    ))
}

fn other_index(subject: &str, host: &str, target: Index, own: Option<Index>) -> Failure {
    let subject = shown(subject);
    let wanted = target.host();
    let failure = Failure::new(
        ErrorCode::Policy,
        format!("the token of {subject} is made for {host}, but {wanted} was asked for"),
    );
    let right = target.name();
    failure.hint(match own {
        Some(own) => format!(
            "store it with `helper set {} --token`, and a token of {wanted} with `helper set {right} --token`",
            own.name()
        ),
        None => format!("store a token of {wanted} with `helper set {right} --token`"),
    })
}

fn other_project(subject: &str, token: &Token, name: &str) -> Failure {
    let projects: Vec<&str> = token.projects().collect();
    let list = match projects.as_slice() {
        [] => "no project".to_owned(),
        few if few.len() <= 5 => few.join(", "),
        many => format!("{} and {} more", many[..4].join(", "), many.len() - 4),
    };
    let subject = shown(subject);
    Failure::new(
        ErrorCode::Policy,
        format!("the token of {subject} is good for {list}, but {name} is uploaded"),
    )
    .hint(format!(
        "make a token for {name} and store it with `helper set NAME --token`"
    ))
}

fn cannot_limit(subject: &str) -> Failure {
    let subject = shown(subject);
    Failure::new(
        ErrorCode::Policy,
        format!("the token of {subject} cannot be limited to one project: it cannot be read"),
    )
    .hint("store it anew with `helper set NAME --token`: a part of it may be missing")
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
