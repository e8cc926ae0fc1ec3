//! A question at the door: parsed, held against the limits.

use std::path::Path;

use credential_helper_protocol::{Context, ErrorCode, Failure, Question, limits};

use crate::domain::name::RepositoryName;
use crate::domain::text::has_control;
use crate::domain::url::{RepositoryUrl, Userinfo};

/// A question after the door: parsed, with the userinfo taken out of its URL.
pub(super) struct Parsed {
    /// The name.
    pub(super) name: Option<RepositoryName>,
    /// The URL.
    pub(super) url: Option<RepositoryUrl>,
    /// What stood in it.
    pub(super) userinfo: Option<Userinfo>,
    /// The account.
    pub(super) username: Option<String>,
}

/// Reads a question.
///
/// # Errors
/// `usage` for a broken name or URL, control characters, or a question about nothing.
pub(super) fn parse(question: &Question) -> Result<Parsed, Failure> {
    let name = question
        .name
        .as_deref()
        .map(RepositoryName::parse)
        .transpose()?;
    let parsed = question
        .url
        .as_deref()
        .map(RepositoryUrl::parse)
        .transpose()?;
    if name.is_none() && parsed.is_none() {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the question names no repository and no URL",
        ));
    }
    if let Some(username) = &question.username {
        check_username(username)?;
    }
    let (url, userinfo) = parsed.map_or((None, None), |(url, userinfo)| (Some(url), userinfo));
    let username = question
        .username
        .clone()
        .filter(|username| !username.is_empty());
    // An account in the URL is the account that is asked for.
    let username = username.or_else(|| {
        let userinfo = userinfo
            .as_ref()
            .filter(|userinfo| userinfo.password.is_none())?;
        Some(userinfo.username.clone()).filter(|username| !username.is_empty())
    });
    Ok(Parsed {
        name,
        url,
        userinfo,
        username,
    })
}

/// Reads the surroundings of a question.
///
/// # Errors
/// `usage` for a folder that is not absolute: taken for none, it would leave the project out, and
/// with it the check of the origin; for control characters anywhere.
pub(super) fn check_context(context: &Context) -> Result<(), Failure> {
    let folders = [
        ("folder", &context.folder),
        ("poetry", &context.poetry),
        ("uv", &context.uv),
        ("uv_store", &context.uv_store),
        ("settings", &context.settings),
        ("state", &context.state),
    ];
    let texts = [
        ("bus", &context.bus),
        ("keyring_enabled", &context.keyring_enabled),
        ("version", &context.version),
    ];
    let wrong = |field: &str, why: &str| {
        Failure::new(
            ErrorCode::Usage,
            format!("the field `{field}` of the context {why}"),
        )
    };
    for (field, text) in folders.iter().chain(&texts) {
        if text.as_deref().is_some_and(has_control) {
            return Err(wrong(field, "holds a control character"));
        }
    }
    for (field, folder) in folders {
        if folder
            .as_deref()
            .is_some_and(|folder| !Path::new(folder).is_absolute())
        {
            return Err(wrong(field, "is not an absolute path"));
        }
    }
    if context.variables.keys().any(|name| has_control(name)) {
        return Err(wrong("variables", "holds a control character"));
    }
    Ok(())
}

/// # Errors
/// `usage` for control characters and over-long accounts.
pub(super) fn check_username(username: &str) -> Result<(), Failure> {
    if has_control(username) {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the username holds a control character",
        ));
    }
    if username.len() > limits::USERNAME {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the username is longer than 1024 bytes",
        ));
    }
    Ok(())
}
