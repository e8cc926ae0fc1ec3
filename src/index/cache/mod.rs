//! What sources said before: pages and metadata, in the user's cache folder.
//!
//! One file for each page and each metadata, under a name made of who reads and of what was asked, so
//! that two accounts never see each other's pages. A file is written whole beside its name and put
//! there in one step: several processes may read, write and clear at once. What is to be written waits
//! until the answer of the command is out ([`Cache::flush`]).
//!
//! - `entry`: the form of a file; `described`: metadata in it; `policy`: how long an answer holds (RFC 9111)
//! - `folder`: the files

mod described;
mod entry;
mod folder;
mod policy;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use credential_helper_protocol::Failure;
use url::Url;

pub(super) use self::described::{pack, pack_raw, unpack, unpack_raw};
pub use self::entry::{Head, Kind};
pub use self::folder::{Kept, Removed};
pub(super) use self::policy::{Life, life};
use crate::index::fetch::Identity;
use crate::index::project::Project;

/// How many threads write at once.
const WRITERS: usize = 4;

/// What an answer is kept under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Who read it.
    pub identity: Identity,
    /// What was asked for; behind a `#`, the digest of a file.
    pub url: String,
}

/// What an answer holds.
pub(super) enum Payload {
    /// A page: packed when it is written.
    Page(Arc<Project>),
    /// Bytes.
    Bytes(Vec<u8>),
}

enum Pending {
    Write(Key, Head, Payload),
    Renew(Key, Box<Renewed>),
    Remove(Key),
}

struct Renewed {
    from: Head,
    to: Head,
}

/// The cache of one user.
pub struct Cache {
    folder: PathBuf,
    salt: Vec<u8>,
    pending: Mutex<Vec<Pending>>,
}

impl Cache {
    /// Opens the cache in this folder; makes it where there is none.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        folder::make(folder)?;
        Ok(Self {
            salt: folder::salt(folder)?,
            folder: folder.to_owned(),
            pending: Mutex::default(),
        })
    }

    /// What makes the names of identities this user's own.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// What is kept under a key; damaged files are nothing.
    pub(super) fn read(&self, key: &Key) -> Option<(Head, Bytes)> {
        let bytes = Bytes::from(folder::read(&self.folder, key)?);
        let (head, start) = Head::read(&bytes)?;
        let same = head.url == key.url && head.identity == *key.identity && head.kind == key.kind;
        same.then(|| (head, bytes.slice(start..)))
    }

    /// Keeps an answer, at the next [`Self::flush`].
    pub(super) fn keep(&self, key: Key, head: Head, payload: Payload) {
        self.later(Pending::Write(key, head, payload));
    }

    /// Keeps what is there already, for longer.
    pub(super) fn renew(&self, key: Key, from: Head, to: Head) {
        self.later(Pending::Renew(key, Box::new(Renewed { from, to })));
    }

    /// Forgets an answer.
    pub(super) fn remove(&self, key: Key) {
        self.later(Pending::Remove(key));
    }

    fn later(&self, pending: Pending) {
        let mut queue = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push(pending);
    }

    /// Writes what waits, on a few threads: making hundreds of files is the system's work, and it can
    /// make several at once. A file that cannot be written ends it: a full disk stays full, and the
    /// answer does not depend on it.
    pub fn flush(&self) {
        let queue = {
            let mut queue = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *queue)
        };
        let count = queue.len();
        let queue = Mutex::new(queue.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while let Some(pending) = next() {
                if self.write(pending).is_err() {
                    // Nothing is left for the others either.
                    while next().is_some() {}
                }
            }
        };
        let others = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let others = others.min(WRITERS).min(count / 8).saturating_sub(1);
        std::thread::scope(|scope| {
            for _ in 0..others {
                // Where there is no other thread, this one does it all.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
    }

    fn write(&self, pending: Pending) -> std::io::Result<()> {
        match pending {
            Pending::Write(key, head, payload) => {
                let payload = match payload {
                    Payload::Page(project) => project.to_bytes(),
                    Payload::Bytes(bytes) => bytes,
                };
                folder::write(&self.folder, &key, &head.bytes(), &payload)
            }
            Pending::Renew(key, renewed) => match self.read(&key) {
                // Another process may have put something newer there.
                Some((head, payload)) if head == renewed.from => {
                    folder::write(&self.folder, &key, &renewed.to.bytes(), &payload)
                }
                _ => Ok(()),
            },
            Pending::Remove(key) => {
                folder::remove(&self.folder, &key);
                Ok(())
            }
        }
    }

    /// What is in the cache at this folder, by source and URL.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn list(folder: &Path) -> Result<Vec<Kept>, Failure> {
        folder::list(folder)
    }

    /// Empties the cache at this folder; tells what went.
    ///
    /// # Errors
    /// Where something cannot be removed.
    pub fn clear(folder: &Path) -> Result<Removed, Failure> {
        folder::clear(folder)
    }
}

impl Key {
    /// A page of a source.
    pub(super) fn page(identity: Identity, url: &Url) -> Self {
        Self {
            kind: Kind::Page,
            identity,
            url: url.as_str().to_owned(),
        }
    }

    /// The metadata of a file with this digest.
    pub(super) fn metadata(identity: Identity, url: &Url, digest: &str) -> Self {
        Self {
            kind: Kind::Metadata,
            identity,
            url: [url.as_str(), "#", digest].concat(),
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
