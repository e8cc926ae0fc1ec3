//! Where Python keyring keeps an entry in the Credential Manager of Windows
//! (`keyring/backends/Windows.py`): under the service alone; a second account of the same service
//! takes that place, and the first moves to `ACCOUNT@SERVICE`.

use std::collections::HashMap;
use std::sync::Arc;

use credential_helper_protocol::Secret;
use keyring_core::{CredentialStore, Entry, Error};
use windows_native_keyring_store::Store;

use super::{Trouble, listed, read, remove};

/// Where that is, for people.
pub(super) const LOCATION: &str = "Windows Credential Manager";

fn compound(service: &str, username: &str) -> String {
    format!("{username}@{service}")
}

/// The entry with this very target: the crate's own default is another one, which Python does not
/// know.
fn at(target: &str, username: &str) -> Result<Entry, Trouble> {
    let modifiers = HashMap::from([("target", target)]);
    Ok(Entry::new_with_modifiers(target, username, &modifiers)?)
}

/// The account of an entry; `None` where there is no entry.
fn account(entry: &Entry) -> Result<Option<String>, Trouble> {
    match entry.get_attributes() {
        Ok(mut attributes) => Ok(attributes.remove("username")),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write(target: &str, username: &str, secret: &Secret) -> Result<(), Trouble> {
    let entry = at(target, username)?;
    entry.set_password(secret.expose())?;
    // Python refuses an entry of another account, or of none.
    Ok(entry.update_attributes(&HashMap::from([("username", username)]))?)
}

/// The account and its secret.
pub(super) fn find(
    service: &str,
    username: Option<&str>,
) -> Result<Option<(String, Secret)>, Trouble> {
    let wanted = username.unwrap_or_default();
    let plain = at(service, wanted)?;
    if let Some(account) = account(&plain)?
        && username.is_none_or(|wanted| wanted == account)
        && let Some(secret) = read(&plain)?
    {
        return Ok(Some((account, secret)));
    }
    let Some(username) = username else {
        return Ok(None);
    };
    let secret = read(&at(&compound(service, username), username)?)?;
    Ok(secret.map(|secret| (username.to_owned(), secret)))
}

/// Stores a secret; another account in its place moves first.
pub(super) fn store(service: &str, username: &str, secret: &Secret) -> Result<(), Trouble> {
    let plain = at(service, username)?;
    if let Some(other) = account(&plain)?.filter(|other| other != username)
        && let Some(moved) = read(&plain)?
    {
        write(&compound(service, &other), &other, &moved)?;
        // Never, not even for a moment, the new secret under the old account.
        remove(&plain)?;
    }
    write(service, username, secret)
}

/// Removes one account, or all; how many there were.
pub(super) fn erase(service: &str, username: Option<&str>) -> Result<usize, Trouble> {
    let mut count = 0;
    let plain = at(service, "")?;
    let there = account(&plain)?;
    if there.is_some() && (username.is_none() || there.as_deref() == username) {
        count += usize::from(remove(&plain)?);
    }
    let others = match username {
        Some(username) => vec![compound(service, username)],
        None => targets()?
            .into_iter()
            .map(|(target, _)| target)
            .filter(|target| target.ends_with(&compound(service, "")))
            .collect(),
    };
    for target in others {
        count += usize::from(remove(&at(&target, "")?)?);
    }
    Ok(count)
}

/// Every entry of a package repository.
pub(super) fn list() -> Result<Vec<crate::provider::Entry>, Trouble> {
    let entries = targets()?.into_iter().filter_map(|(target, username)| {
        let moved = target.strip_prefix(&compound("", &username));
        listed(moved.unwrap_or(&target).to_owned(), username)
    });
    Ok(entries.collect())
}

/// Every target with its account.
///
/// The crate splits targets at a divider into user and service, and shows nothing else. At an
/// empty divider the "user" is the whole target.
fn targets() -> Result<Vec<(String, String)>, Trouble> {
    let whole = HashMap::from([("divider", "")]);
    let store: Arc<CredentialStore> = Store::new_with_configuration(&whole)?;
    let mut targets = Vec::new();
    for entry in Entry::search_in_store(&store, &HashMap::new())? {
        if let Some((_, target)) = entry.get_specifiers()
            && let Some(username) = account(&at(&target, "")?)?
        {
            targets.push((target, username));
        }
    }
    Ok(targets)
}
