//! What Poetry's files say beside credentials: keyring, certificates, and `config --list`.
//!
//! A project's `poetry.toml` neither switches the keyring nor touches TLS: in Poetry it does both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use credential_helper_protocol::{ErrorCode, Failure, variable};
use serde_json::Value;

use super::Call;
use super::files::FileFailure;
use super::poetry::{PoetryFile, entries_of, named, repositories};
use crate::domain::credential::ProviderId;
use crate::domain::name::RepositoryName;
use crate::domain::text::shown;
use crate::domain::toml_text::Item;
use crate::domain::url::RepositoryUrl;

/// The certificates of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificates {
    /// `certificates.NAME.cert`.
    pub cert: Option<CertValue>,
    /// `certificates.NAME.client-cert`: a PEM file with certificate and key.
    pub client_cert: Option<PathBuf>,
}

/// The value of `certificates.NAME.cert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertValue {
    /// The certificates of the authorities that are trusted.
    Path(PathBuf),
    /// Whether the server's certificate is checked at all.
    Verify(bool),
}

/// Whether Poetry's keyring is switched on: by the variable, else by `auth.toml`, else by
/// `config.toml`, else it is. A project's `poetry.toml` has the first word where the user has
/// `trusted` the project, and else none: a clone must not decide where secrets are kept.
///
/// # Errors
/// Where a file cannot be read or understood.
pub async fn keyring_enabled(
    call: &Call,
    variable: Option<&str>,
    trusted: bool,
) -> Result<bool, FileFailure> {
    if let Some(text) = variable {
        // Anything but these two is false (`boolean_normalizer` of `config.py`).
        return Ok(text == "1" || text.eq_ignore_ascii_case("true"));
    }
    let project = trusted.then_some(ProviderId::POETRY_TOML);
    for id in project
        .into_iter()
        .chain([ProviderId::AUTH_TOML, ProviderId::CONFIG_TOML])
    {
        if let Some((_, document)) = PoetryFile(id).open(call).await?
            && let Some(item) = document.at(&["keyring", "enabled"])?
        {
            return item.boolean();
        }
    }
    Ok(true)
}

/// The certificates of a repository, from the user's own files, each value on its own. A project's
/// `poetry.toml` is not asked: a clone must not lower TLS.
///
/// # Errors
/// Where a file cannot be read or understood.
pub async fn certificates(call: &Call, name: &RepositoryName) -> Result<Certificates, FileFailure> {
    let mut all = Certificates::default();
    for id in [ProviderId::AUTH_TOML, ProviderId::CONFIG_TOML] {
        let Some((_, document)) = PoetryFile(id).open(call).await? else {
            continue;
        };
        for spelling in name.stored_spellings() {
            for entry in entries_of(&document, "certificates", &spelling)? {
                if let (None, Some(item)) = (&all.cert, entry.get("cert")?) {
                    all.cert = Some(cert(&item)?);
                }
                if let (None, Some(item)) = (&all.client_cert, entry.get("client-cert")?) {
                    all.client_cert = Some(PathBuf::from(item.text()?));
                }
            }
        }
    }
    Ok(all)
}

fn cert(item: &Item<'_>) -> Result<CertValue, FileFailure> {
    if item.is_boolean() {
        return item.boolean().map(CertValue::Verify);
    }
    if item.is_text() {
        return item.text().map(|text| CertValue::Path(text.into()));
    }
    Err(item.must_be("a path in quotes, true or false"))
}

/// Poetry's settings that this program knows, merged, by their full keys: `repositories.NAME.url`,
/// `certificates.NAME.cert`, `certificates.NAME.client-cert`, `keyring.enabled`. Never a secret:
/// URLs are without userinfo, and null where they cannot be read.
///
/// `keyring` is the client's `POETRY_KEYRING_ENABLED`.
///
/// # Errors
/// Where a file cannot be read or understood.
pub async fn settings(
    call: &Call,
    keyring: Option<&str>,
) -> Result<BTreeMap<String, Value>, FileFailure> {
    let mut merged = BTreeMap::new();
    for id in [
        ProviderId::CONFIG_TOML,
        ProviderId::AUTH_TOML,
        ProviderId::POETRY_TOML,
    ] {
        let Some((_, document)) = PoetryFile(id).open(call).await? else {
            continue;
        };
        for (name, item) in named(&document, "repositories", &["url"])? {
            if let Some(url) = item.get("url")? {
                merged.insert(url_key(&name), shown_url(url.text()?));
            }
        }
        for (name, item) in named(&document, "certificates", &["cert", "client-cert"])? {
            if let Some(item) = item.get("cert")? {
                let value = match cert(&item)? {
                    CertValue::Verify(value) => Value::Bool(value),
                    CertValue::Path(path) => Value::String(path.to_string_lossy().into_owned()),
                };
                merged.insert(format!("certificates.{name}.cert"), value);
            }
            if let Some(item) = item.get("client-cert")? {
                let value = Value::String(item.text()?.to_owned());
                merged.insert(format!("certificates.{name}.client-cert"), value);
            }
        }
    }
    // Failures of files have ended this above; a variable that is no URL is shown as null.
    for declared in repositories(call).await.0 {
        if variable::repository_part(&declared.location).is_some() {
            let key = url_key(declared.name.as_str());
            merged.insert(key, Value::String(declared.url.to_string()));
        }
    }
    let enabled = keyring_enabled(call, keyring, false).await?;
    merged.insert("keyring.enabled".to_owned(), Value::Bool(enabled));
    Ok(merged)
}

fn url_key(name: &str) -> String {
    format!("repositories.{name}.url")
}

fn shown_url(text: &str) -> Value {
    match RepositoryUrl::parse(text) {
        Ok((url, _)) => Value::String(url.to_string()),
        Err(_) => Value::Null,
    }
}

/// What `config KEY` without a value reads: the settings of that key, or below it.
///
/// # Errors
/// `usage` for secrets, which are never shown, and for keys that are not known; `not-found` where
/// nothing is set; otherwise as [`settings`].
pub async fn setting(
    call: &Call,
    key: &str,
    keyring: Option<&str>,
) -> Result<BTreeMap<String, Value>, Failure> {
    let (section, rest) = match key.split_once('.') {
        Some((section, rest)) => (section, Some(rest)),
        None => (key, None),
    };
    let section = match section {
        "http-basic" | "pypi-token" => {
            let message = format!("{} holds a secret and is not shown", shown(key));
            return Err(Failure::new(ErrorCode::Usage, message)
                .hint("give a value to set it, or use `helper get NAME`"));
        }
        "repo" | "repos" | "repositories" => "repositories",
        "certificates" | "keyring" => section,
        _ => {
            let message = format!("{} is not a setting of Poetry that is known", shown(key));
            return Err(Failure::new(ErrorCode::Usage, message)
                .hint("see `helper config --list`, or `poetry config` for its other settings"));
        }
    };
    // `NAME` alone means all of its settings, a section all of its names.
    let wanted = rest.map_or_else(|| section.to_owned(), |rest| format!("{section}.{rest}"));
    let mut all = settings(call, keyring).await?;
    all.retain(|key, _| {
        rest.is_none_or(|_| {
            let below = key.strip_prefix(&wanted);
            below.is_some_and(|end| matches!(end, "" | ".url" | ".cert" | ".client-cert"))
        }) && key.split('.').next() == Some(section)
    });
    if all.is_empty() && rest.is_some() {
        let message = format!("there is no setting {}", shown(&wanted));
        return Err(Failure::new(ErrorCode::NotFound, message));
    }
    Ok(all)
}

#[cfg(test)]
#[path = "poetry_settings_tests.rs"]
mod tests;
