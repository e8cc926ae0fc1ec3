//! Where Python keyring keeps an entry in the keychain of macOS: a generic password with the
//! service and the account, in the user's keychain.

use std::collections::HashMap;

use credential_helper_protocol::Secret;
use keyring_core::Entry;

use super::{Trouble, listed, read, remove};

/// Where that is, for people.
pub(super) const LOCATION: &str = "login keychain";

fn of_service(service: &str) -> Result<Vec<Entry>, Trouble> {
    Ok(Entry::search(&HashMap::from([("service", service)]))?)
}

/// The account and its secret.
pub(super) fn find(
    service: &str,
    username: Option<&str>,
) -> Result<Option<(String, Secret)>, Trouble> {
    if let Some(username) = username {
        let secret = read(&Entry::new(service, username)?)?;
        return Ok(secret.map(|secret| (username.to_owned(), secret)));
    }
    for entry in of_service(service)? {
        if let Some((_, username)) = entry.get_specifiers()
            && let Some(secret) = read(&entry)?
        {
            return Ok(Some((username, secret)));
        }
    }
    Ok(None)
}

/// Stores a secret.
pub(super) fn store(service: &str, username: &str, secret: &Secret) -> Result<(), Trouble> {
    Ok(Entry::new(service, username)?.set_password(secret.expose())?)
}

/// Removes one account, or all; how many there were.
pub(super) fn erase(service: &str, username: Option<&str>) -> Result<usize, Trouble> {
    if let Some(username) = username {
        return Ok(usize::from(remove(&Entry::new(service, username)?)?));
    }
    let mut count = 0;
    for entry in of_service(service)? {
        count += usize::from(remove(&entry)?);
    }
    Ok(count)
}

/// Every entry of a package repository.
pub(super) fn list() -> Result<Vec<crate::provider::Entry>, Trouble> {
    let entries = Entry::search(&HashMap::new())?;
    let parts = entries.iter().filter_map(Entry::get_specifiers);
    Ok(parts
        .filter_map(|(service, username)| listed(service, username))
        .collect())
}
