//! A question at the door: parsed, held against the limits.

use std::collections::BTreeMap;
use std::path::Path;

use credential_helper_protocol::{Context, ErrorCode, Failure, Question, Variable, limits};

use crate::domain::name::RepositoryName;
use crate::domain::text::{has_control, shown};
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

/// # Errors
/// `usage` for variables with control characters, and for too much of them.
pub(super) fn check_variables(variables: &BTreeMap<String, Variable>) -> Result<(), Failure> {
    let size: usize = variables
        .iter()
        .map(|(name, value)| name.len() + value.0.expose().len())
        .sum();
    if size > limits::VARIABLES {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the variables are longer than 48 KiB",
        ));
    }
    let broken =
        |(name, value): &(&String, &Variable)| has_control(name) || has_control(value.0.expose());
    match variables.iter().find(broken) {
        None => Ok(()),
        Some((name, _)) => Err(Failure::new(
            ErrorCode::Usage,
            format!("the variable {} holds a control character", shown(name)),
        )
        .hint("often it is a line break at its end: set it without")),
    }
}

/// # Errors
/// `usage` for folders that mean another one in every process.
pub(super) fn check_folders(context: &Context) -> Result<(), Failure> {
    let folders = [
        &context.folder,
        &context.poetry,
        &context.uv,
        &context.uv_store,
        &context.settings,
        &context.state,
    ];
    match folders
        .into_iter()
        .flatten()
        .find(|folder| has_control(folder) || !Path::new(folder).is_absolute())
    {
        None => Ok(()),
        Some(folder) => Err(Failure::new(
            ErrorCode::Usage,
            format!(
                "the folder {} of the request is no absolute path",
                shown(folder)
            ),
        )),
    }
}
