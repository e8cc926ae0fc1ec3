//! What a provider promises, and what it may know of a request.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use credential_helper_protocol::{Failure, ProviderState, Secret, Variable};

use super::files;
use crate::domain::credential::{Answer, Key, ProviderId};

/// What a provider promises: an answer later, on the agent's own thread.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a provider may know of the request that it is asked for.
pub struct Call {
    /// The variables that the client sent.
    pub variables: BTreeMap<String, Variable>,
    /// The folders that hold for the client.
    pub folders: Folders,
    /// The files of this request: everything read through it is noted for the cache.
    pub files: files::View,
    /// The address of the client's session bus.
    pub bus: Option<String>,
    /// Whether a keyring may ask the user.
    pub prompt: bool,
    /// The time that is left for this provider when it is asked.
    pub time: Duration,
}

/// The folders of a client, absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// The project's folder (nearest `pyproject.toml` upwards from the working folder).
    pub project: Option<PathBuf>,
    /// Poetry's configuration folder.
    pub poetry: Option<PathBuf>,
    /// The folder of the user's `uv.toml`.
    pub uv: Option<PathBuf>,
    /// The folder of uv's `credentials.toml`.
    pub uv_store: Option<PathBuf>,
}

/// One entry of a listing; never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The repository's name, where it is stored by name.
    pub name: Option<String>,
    /// The URL or host, where it is stored by that.
    pub url: Option<String>,
    /// The account.
    pub username: Option<String>,
    /// Whether a secret is there (or, locked, may be).
    pub has_secret: bool,
    /// Whether it is an API token.
    pub is_token: bool,
    /// Whether it is locked.
    pub locked: bool,
    /// Where exactly.
    pub location: String,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
}

/// A place where credentials come from.
pub trait Provider {
    /// Its name.
    fn id(&self) -> ProviderId;

    /// What it has under the key. Keys of a kind that it does not know are `NotFound`.
    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer>;

    /// What it has at all, for `list`.
    ///
    /// # Errors
    /// Where it could not be asked.
    fn list<'a>(&'a self, _call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Stores a secret under the key, in place of what is there, and reads it back.
    ///
    /// # Errors
    /// Where it cannot be stored; `policy` where this provider stores nothing.
    fn store<'a>(
        &'a self,
        _key: &'a Key,
        _secret: &'a Secret,
        _call: &'a Call,
    ) -> Later<'a, Result<String, Failure>> {
        let message = format!("{} is read-only", self.id());
        Box::pin(async {
            Err(Failure::new(
                credential_helper_protocol::ErrorCode::Policy,
                message,
            ))
        })
    }

    /// Removes what is stored under the key; says where it was, once for each entry removed.
    ///
    /// # Errors
    /// Where it could not be asked or removed.
    fn erase<'a>(
        &'a self,
        _key: &'a Key,
        _call: &'a Call,
    ) -> Later<'a, Result<Vec<String>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// For `status`. Starts nothing.
    fn state<'a>(&'a self, _call: &'a Call) -> Later<'a, ProviderState> {
        let name = self.id().word().to_owned();
        Box::pin(async {
            ProviderState {
                name,
                state: "ready".to_owned(),
                detail: None,
            }
        })
    }

    /// Forgets every secret that it keeps.
    fn forget(&self) {}

    /// Forgets what it keeps under the key: it was of no use.
    fn renew(&self, _key: &Key) {}
}
