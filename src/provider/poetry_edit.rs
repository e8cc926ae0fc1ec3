//! What is written into Poetry's own files (`auth.toml`, `config.toml`, a project's
//! `poetry.toml`), in exactly the shape that Poetry 2.5 writes (`console/commands/config.py`,
//! `utils/password_manager.py`), so that both tools see one truth.
//!
//! Names with dots are written as Poetry since 2.4 does (`[http-basic."my.repo"]`); what older
//! releases wrote for them (`[http-basic.my.repo]`) goes out whenever the name is written or
//! removed, since it would answer again later.

use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure, Secret};
use toml_edit::{DocumentMut, Value};

use super::poetry_key::PoetryKey;
use crate::domain::credential::TOKEN_USERNAME;
use crate::domain::name::RepositoryName;
use crate::domain::text::has_control;
use crate::edit::document::{get, remove, remove_values, set};
use crate::edit::{Mode, edit};

const HTTP_BASIC: &str = "http-basic";
const PYPI_TOKEN: &str = "pypi-token";

/// What storing did to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Whether the file was written; false if it said the same already.
    pub written: bool,
    /// Whether an older plain-text secret of the name was in the file, and now is not.
    pub plain_text_removed: bool,
}

/// What was removed from a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// An entry of `[http-basic]`.
    pub http_basic: bool,
    /// An entry of `[pypi-token]`.
    pub token: bool,
}

impl Removed {
    /// Whether anything was removed.
    pub fn any(self) -> bool {
        self.http_basic || self.token
    }
}

/// Stores an account in `auth.toml`: the username alone where the keyring has the secret (an older
/// plain-text one goes out), or both as plain text.
///
/// # Errors
/// Those of [`edit`]; `usage` for control characters.
pub async fn store_http_basic(
    auth: &Path,
    name: &RepositoryName,
    username: &str,
    secret: Option<&Secret>,
) -> Result<Stored, Failure> {
    let (name, username, secret) = (name.clone(), username.to_owned(), secret.cloned());
    let change =
        move |doc: &mut DocumentMut| set_http_basic(doc, &name, &username, secret.as_ref());
    let (plain_text_removed, written) = edit(auth, Mode::Private, change).await?;
    Ok(Stored {
        written,
        plain_text_removed,
    })
}

/// Stores an API token in `auth.toml` as plain text.
///
/// # Errors
/// Those of [`edit`]; `usage` for control characters.
pub async fn store_token(
    auth: &Path,
    name: &RepositoryName,
    token: &Secret,
) -> Result<Stored, Failure> {
    let (name, token) = (name.clone(), token.clone());
    let change = move |doc: &mut DocumentMut| set_token(doc, &name, &token);
    let ((), written) = edit(auth, Mode::Private, change).await?;
    Ok(Stored {
        written,
        plain_text_removed: false,
    })
}

/// Takes older plain-text secrets of a name out of a file, in both spellings, and leaves the
/// username: the keyring (or `auth.toml`) now has the secret, and what stays would hide it, an
/// empty one too.
///
/// # Errors
/// Those of [`edit`].
pub async fn drop_password(file: &Path, name: &RepositoryName) -> Result<bool, Failure> {
    let name = name.clone();
    let change = move |doc: &mut DocumentMut| Ok(unset_password(doc, &name));
    Ok(edit(file, Mode::Private, change).await?.0)
}

/// Takes an older plain-text token of a name out of a file: Poetry reads it before the keyring's,
/// so that it would hide the new one.
///
/// # Errors
/// Those of [`edit`].
pub async fn drop_token(file: &Path, name: &RepositoryName) -> Result<bool, Failure> {
    let name = name.clone();
    let change = move |doc: &mut DocumentMut| Ok(unset_token(doc, name.as_str()));
    Ok(edit(file, Mode::Private, change).await?.0)
}

/// Removes what a file has for a name, in every spelling (`pypi` in any case is one name): of one
/// account, or of all, the token too.
///
/// # Errors
/// Those of [`edit`].
pub async fn remove_credentials(
    file: &Path,
    name: &RepositoryName,
    username: Option<&str>,
) -> Result<Removed, Failure> {
    let (names, username) = (name.stored_spellings(), username.map(str::to_owned));
    let change = move |doc: &mut DocumentMut| {
        let mut removed = Removed::default();
        for name in &names {
            removed.http_basic |= unset_http_basic(doc, name, username.as_deref());
            if username
                .as_deref()
                .is_none_or(|user| user == TOKEN_USERNAME)
            {
                removed.token |= unset_token(doc, name);
            }
        }
        Ok(removed)
    };
    Ok(edit(file, Mode::Private, change).await?.0)
}

/// Writes a setting that is no credential; true if the file changed. The file is the one that
/// [`PoetryKey::file`] names, or the project's `poetry.toml` for a key that allows it.
///
/// # Errors
/// Those of [`edit`]; `usage` for a value that the key cannot have, and for keys of credentials.
pub async fn set_setting(file: &Path, key: &PoetryKey, value: &str) -> Result<bool, Failure> {
    let value = key.value(value)?;
    let key = key.clone();
    let change = move |doc: &mut DocumentMut| put_setting(doc, &key, value.clone());
    Ok(edit(file, mode_of(file), change).await?.1)
}

/// Removes a setting that is no credential; false if the file does not have it.
///
/// # Errors
/// Those of [`edit`]; `usage` for keys of credentials.
pub async fn unset_setting(file: &Path, key: &PoetryKey) -> Result<bool, Failure> {
    key.setting()?;
    let key = key.clone();
    let change = move |doc: &mut DocumentMut| Ok(unset(doc, &key));
    Ok(edit(file, mode_of(file), change).await?.0)
}

/// A project's file is for everybody who works on it; it never gets a credential from us.
fn mode_of(file: &Path) -> Mode {
    if file.file_name().is_some_and(|name| name == "poetry.toml") {
        Mode::Shared
    } else {
        Mode::Private
    }
}

/// The path of the older spelling of a dotted name.
fn nested<'a>(section: &'a str, name: &'a str) -> Option<Vec<&'a str>> {
    name.contains('.')
        .then(|| std::iter::once(section).chain(name.split('.')).collect())
}

fn no_control(texts: &[&str]) -> Result<(), Failure> {
    if texts.iter().any(|text| has_control(text)) {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the value holds a control character",
        ));
    }
    Ok(())
}

/// Sets `[http-basic.NAME]`; true if an older plain-text secret went out.
pub fn set_http_basic(
    doc: &mut DocumentMut,
    name: &RepositoryName,
    username: &str,
    secret: Option<&Secret>,
) -> Result<bool, Failure> {
    no_control(&[username, secret.map_or("", Secret::expose)])?;
    let path = |leaf| [HTTP_BASIC, name.as_str(), leaf];
    set(doc, &path("username"), username.into())?;
    let mut dropped = false;
    match secret {
        Some(secret) => set(doc, &path("password"), secret.expose().into())?,
        None => dropped = remove(doc, &path("password")),
    }
    if let Some(old) = nested(HTTP_BASIC, name.as_str()) {
        let with_password: Vec<&str> = old.iter().copied().chain(["password"]).collect();
        dropped |= secret.is_none() && get(doc, &with_password).is_some();
        remove_values(doc, &old);
    }
    Ok(dropped)
}

/// Sets `NAME` in `[pypi-token]`.
pub fn set_token(
    doc: &mut DocumentMut,
    name: &RepositoryName,
    token: &Secret,
) -> Result<(), Failure> {
    no_control(&[token.expose()])?;
    if let Some(old) = nested(PYPI_TOKEN, name.as_str()) {
        remove(doc, &old);
    }
    set(doc, &[PYPI_TOKEN, name.as_str()], token.expose().into())
}

/// Removes the entry of `[http-basic]`, in both spellings: always, or only where it is of this
/// account (an entry without a username is of the empty one).
pub fn unset_http_basic(doc: &mut DocumentMut, name: &str, username: Option<&str>) -> bool {
    let paths = std::iter::once(vec![HTTP_BASIC, name]).chain(nested(HTTP_BASIC, name));
    let mut removed = false;
    for path in paths {
        let of_account = username.is_none_or(|wanted| {
            let leaf: Vec<&str> = path.iter().copied().chain(["username"]).collect();
            get(doc, &leaf).map_or("", |item| item.as_str().unwrap_or_default()) == wanted
        });
        removed |= of_account && remove_values(doc, &path);
    }
    removed
}

/// Removes the token, in both spellings.
pub fn unset_token(doc: &mut DocumentMut, name: &str) -> bool {
    let old = nested(PYPI_TOKEN, name).is_some_and(|path| remove(doc, &path));
    remove(doc, &[PYPI_TOKEN, name]) || old
}

/// Removes the password and leaves the username, in both spellings.
pub fn unset_password(doc: &mut DocumentMut, name: &RepositoryName) -> bool {
    let name = name.as_str();
    let old = nested(HTTP_BASIC, name).is_some_and(|mut path| {
        path.push("password");
        remove(doc, &path)
    });
    remove(doc, &[HTTP_BASIC, name, "password"]) || old
}

/// Sets the setting of a key.
pub fn put_setting(doc: &mut DocumentMut, key: &PoetryKey, value: Value) -> Result<(), Failure> {
    let (section, name, leaf) = key.setting()?;
    let Some(name) = name else {
        return set(doc, &[section, leaf], value);
    };
    if let Some(mut old) = nested(section, name) {
        old.push(leaf);
        remove(doc, &old);
    }
    set(doc, &[section, name, leaf], value)
}

/// Removes the setting of a key: `repositories.NAME` whole, any other its one value.
pub fn unset(doc: &mut DocumentMut, key: &PoetryKey) -> bool {
    let Ok((section, name, leaf)) = key.setting() else {
        return false;
    };
    let Some(name) = name else {
        return remove(doc, &[section, leaf]);
    };
    let whole = matches!(key, PoetryKey::Repository(_));
    let paths = std::iter::once(vec![section, name]).chain(nested(section, name));
    let mut removed = false;
    for mut path in paths {
        removed |= if whole {
            remove_values(doc, &path)
        } else {
            path.push(leaf);
            remove(doc, &path)
        };
    }
    removed
}

#[cfg(test)]
#[path = "poetry_edit_tests.rs"]
mod tests;
