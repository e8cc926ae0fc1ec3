//! Whether the system has a keyring to store in, and what is stored there.

use credential_helper_protocol::{ErrorCode, Failure};

use crate::domain::credential::Key;

/// The service and the account of an entry that is to be stored; `doing` begins the error.
///
/// # Errors
/// `usage`, where the key leaves one of them open.
pub(super) fn entry<'a>(key: &'a Key, doing: &str) -> Result<(&'a str, &'a str), Failure> {
    match key {
        Key::Service {
            service,
            username: Some(username),
        } => Ok((service, username)),
        _ => Err(Failure::new(
            ErrorCode::Usage,
            format!("{doing}: an entry needs a service and a username"),
        )),
    }
}

/// Whether there is a keyring to store in. Only [`Presence::Absent`] lets a secret be written in
/// plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is one, open or locked.
    Present,
    /// There is none, and why that is certain.
    Absent(String),
    /// That could not be told.
    Unknown(String),
}
