//! The keychain of macOS and the Credential Manager of Windows, through the `keyring` crates.
//!
//! Their calls block, and may wait for a window: each runs on a thread of its own and is given up
//! when its time is over. What is stored where follows Python keyring 25.7
//! (`keyring/backends/macOS`, `keyring/backends/Windows.py`), so that both find the same.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, ProviderState, Secret, limits};
use keyring_core::Error;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroize as _;

use super::presence::{Presence, entry};
use super::{Call, Entry, Later, Provider};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, TOKEN_USERNAME, Why};
use crate::domain::service::POETRY;
use crate::domain::text::has_control;

#[cfg(target_os = "macos")]
#[path = "keyring_macos.rs"]
mod places;
#[cfg(windows)]
#[path = "keyring_windows.rs"]
mod places;

/// The provider.
#[derive(Default)]
pub struct SystemKeyring;

impl SystemKeyring {
    /// The provider.
    pub fn new() -> Self {
        Self
    }

    /// The platforms that it is for always have one.
    pub async fn presence(&self, _call: &Call) -> Presence {
        Presence::Present
    }

    /// Counts changes that the platform tells of: it tells of none.
    pub fn subscribe(&self) -> Rc<Cell<u64>> {
        Rc::default()
    }

    /// Counts services that went away: the platform's stays.
    pub fn owners(&self) -> Rc<Cell<u64>> {
        Rc::default()
    }

    /// The platform opens it with the user's session, and asks by windows of its own.
    ///
    /// # Errors
    /// `unavailable` where a password is given: there is no way to hand it over.
    pub async fn unlock(&self, _call: &Call, password: Option<&Secret>) -> Result<(), Failure> {
        if password.is_some() {
            let name = ProviderId::SYSTEM_KEYRING;
            return Err(Failure::new(
                ErrorCode::Unavailable,
                format!("the {name} takes no password from this program"),
            )
            .hint("it is opened with your session"));
        }
        Ok(())
    }
}

/// Why it could not be asked. The texts of the platform are not passed on.
enum Trouble {
    Locked,
    TimedOut(Duration),
    Malformed,
    TooLong,
    Unavailable,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::NoStorageAccess(_) => Self::Locked,
            Error::BadEncoding(mut bytes) | Error::BadDataFormat(mut bytes, _) => {
                bytes.zeroize();
                Self::Malformed
            }
            Error::TooLong(..) => Self::TooLong,
            _ => Self::Unavailable,
        }
    }
}

impl Trouble {
    fn why(&self) -> Why {
        match self {
            Self::Locked => Why::Locked,
            Self::TimedOut(_) => Why::TimedOut,
            Self::Malformed => Why::Malformed,
            Self::TooLong | Self::Unavailable => Why::Unavailable,
        }
    }

    fn detail(&self) -> String {
        let name = ProviderId::SYSTEM_KEYRING;
        match self {
            Self::Locked => format!("the {name} is locked, or this program may not read it"),
            Self::TimedOut(time) => {
                format!(
                    "the {name} did not answer within {} s",
                    super::value::seconds(*time)
                )
            }
            Self::Malformed => {
                format!("the {name}'s entry is too long, or no text without control characters")
            }
            Self::TooLong => format!("the {name} takes no value of this length"),
            Self::Unavailable => format!("the {name} could not be asked"),
        }
    }

    fn failure(&self, doing: &str) -> Failure {
        let code = match self {
            Self::TooLong => ErrorCode::Usage,
            _ => self.why().code(),
        };
        let failure = Failure::new(code, format!("{doing}: {}", self.detail()));
        match self {
            Self::Locked => failure.hint("unlock it, and allow this program when it asks"),
            Self::TimedOut(_) => failure.hint("look for a window that waits for an answer"),
            Self::TooLong => failure.hint("keep this secret in a file: `file` in config.toml"),
            Self::Malformed | Self::Unavailable => failure.hint("run `helper doctor`"),
        }
    }
}

/// Does one thing on a thread of its own.
async fn within<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let work = move || {
        if keyring::Entry::store_status().is_err() {
            return Err(Trouble::Unavailable);
        }
        work()
    };
    match timeout(time, spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Trouble::Unavailable),
        Err(_) => Err(Trouble::TimedOut(time)),
    }
}

/// The secret of an entry; `None` where there is no entry.
fn read(entry: &keyring_core::Entry) -> Result<Option<Secret>, Trouble> {
    let text = match entry.get_password() {
        Ok(text) => text,
        Err(Error::NoEntry) => return Ok(None),
        // On Windows others may have written UTF-8, which Python reads as well.
        Err(Error::BadEncoding(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                error.into_bytes().zeroize();
                return Err(Trouble::Malformed);
            }
        },
        Err(error) => return Err(error.into()),
    };
    let secret = Secret::new(text);
    if secret.expose().len() > limits::SECRET || has_control(secret.expose()) {
        return Err(Trouble::Malformed);
    }
    Ok(Some(secret))
}

/// Removes an entry; whether there was one.
fn remove(entry: &keyring_core::Entry) -> Result<bool, Trouble> {
    match entry.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// An entry of a listing, if it is one of a package repository.
fn listed(service: String, username: String) -> Option<Entry> {
    let name = service.strip_prefix(POETRY).map(str::to_owned);
    if name.is_none() && !service.contains("://") {
        return None;
    }
    Some(Entry {
        url: name.is_none().then_some(service),
        name,
        is_token: username == TOKEN_USERNAME,
        username: Some(username),
        has_secret: true,
        locked: false,
        location: places::LOCATION.to_owned(),
        expires: None,
    })
}

impl Provider for SystemKeyring {
    fn id(&self) -> ProviderId {
        ProviderId::SYSTEM_KEYRING
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            let Key::Service { service, username } = key.clone() else {
                return Answer::NotFound;
            };
            let found = within(call.time, move || {
                places::find(&service, username.as_deref())
            });
            match found.await {
                Ok(Some((username, secret))) => Answer::Found(Halves {
                    username: Some(username),
                    secret: Some(secret),
                    location: places::LOCATION.to_owned(),
                    ..Halves::default()
                }),
                Ok(None) => Answer::NotFound,
                Err(trouble) => Answer::failed(trouble.why(), trouble.detail()),
            }
        })
    }

    fn list<'a>(&'a self, call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            within(call.time, places::list)
                .await
                .map_err(|trouble| trouble.failure("cannot list the entries"))
        })
    }

    fn store<'a>(
        &'a self,
        key: &'a Key,
        secret: &'a Secret,
        call: &'a Call,
    ) -> Later<'a, Result<String, Failure>> {
        Box::pin(async move {
            let doing = format!("cannot store {key}");
            let (service, username) = entry(key, &doing)?;
            let (service, username) = (service.to_owned(), username.to_owned());
            let wanted = secret.clone();
            let stored = within(call.time, move || {
                places::store(&service, &username, &wanted)?;
                let stored = places::find(&service, Some(&username))?;
                Ok(stored.is_some_and(|(_, stored)| stored.same(&wanted)))
            });
            match stored.await {
                Ok(true) => Ok(places::LOCATION.to_owned()),
                Ok(false) => {
                    let message = format!("{doing}: {} gives back another value", self.id());
                    Err(Failure::new(ErrorCode::Unavailable, message).hint("run `helper doctor`"))
                }
                Err(trouble) => Err(trouble.failure(&doing)),
            }
        })
    }

    fn erase<'a>(
        &'a self,
        key: &'a Key,
        call: &'a Call,
    ) -> Later<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let Key::Service { service, username } = key.clone() else {
                return Ok(Vec::new());
            };
            let removed = within(call.time, move || {
                places::erase(&service, username.as_deref())
            });
            match removed.await {
                Ok(count) => Ok(vec![places::LOCATION.to_owned(); count]),
                Err(trouble) => Err(trouble.failure(&format!("cannot remove {key}"))),
            }
        })
    }

    fn state<'a>(&'a self, call: &'a Call) -> Later<'a, ProviderState> {
        Box::pin(async move {
            // An entry that nobody has: to ask for it shows whether asking works.
            let asked = within(call.time, || {
                places::find("credential-helper-check", Some("credential-helper"))
            });
            let (state, detail) = match asked.await {
                Ok(_) => ("ready", None),
                Err(trouble @ Trouble::Locked) => ("locked", Some(trouble.detail())),
                Err(trouble) => ("unavailable", Some(trouble.detail())),
            };
            ProviderState {
                name: self.id().word().to_owned(),
                state: state.to_owned(),
                detail,
            }
        })
    }
}
