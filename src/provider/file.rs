//! Files that the settings name for a repository: `file = "/run/secrets/foo"`.
//!
//! Somebody else writes them: systemd (`$CREDENTIALS_DIRECTORY`), Kubernetes, Docker, a template
//! of Vault's agent. They are replaced while we run, often by a link that is turned (`..data` of
//! Kubernetes), so links are followed and each question reads anew.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{Failure, Secret};

use super::value::{self, without_line_end};
use super::{Call, Entry, Later, Provider};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, Why};
use crate::domain::name::same_stored_name;
use crate::domain::text::shown;

/// How often a pair of files is read when it changes under our eyes.
const PAIR_READS: usize = 3;

/// Where the account of a secret in a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileUsername {
    /// In the settings themselves.
    Text(String),
    /// In a file beside the secret's.
    File(PathBuf),
}

/// What the settings name for one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// The repository.
    pub name: String,
    /// The file with the secret; absolute.
    pub secret: PathBuf,
    /// Its account, where one is named.
    pub username: Option<FileUsername>,
}

/// The files that the settings name.
pub struct CredentialFile {
    entries: Vec<FileEntry>,
}

impl CredentialFile {
    /// A provider for these files.
    pub fn new(entries: Vec<FileEntry>) -> Self {
        Self { entries }
    }

    fn entry(&self, name: &str) -> Option<&FileEntry> {
        self.entries
            .iter()
            .find(|entry| same_stored_name(&entry.name, name))
    }
}

/// Reads one line from a file that must be there.
async fn line<T>(
    path: &Path,
    call: &Call,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Answer> {
    let place = shown(&path.to_string_lossy());
    let fail = |why, text: &str| Err(Answer::failed(why, format!("cannot read {place}: {text}")));
    if !path.is_absolute() {
        return fail(Why::Malformed, "the settings must name an absolute path");
    }
    let text = match call.files.read(path).await {
        Err(failure) => return Err(Answer::Failed(failure.why, failure.detail)),
        // The user named it, so a missing file is a fault and not "has none".
        Ok(None) => return fail(Why::Unavailable, "no such file"),
        Ok(Some(text)) => text,
    };
    match without_line_end(&text) {
        "" => fail(Why::Malformed, "it is empty"),
        line => read(line).or_else(|wrong| fail(Why::Malformed, &format!("its content {wrong}"))),
    }
}

async fn read(entry: &FileEntry, call: &Call) -> Result<Halves, Answer> {
    let secret = || line(&entry.secret, call, value::secret);
    let (username, secret): (Option<String>, Secret) = match &entry.username {
        None => (None, secret().await?),
        Some(FileUsername::Text(text)) => (Some(text.clone()), secret().await?),
        Some(FileUsername::File(path)) => {
            // Both are replaced together, but read one after the other: an account that is the
            // same before and after belongs to the secret in between.
            let mut before = line(path, call, value::username).await?;
            let mut reads = 1;
            loop {
                let secret = secret().await?;
                let after = line(path, call, value::username).await?;
                if before == after {
                    break (Some(after), secret);
                }
                if reads == PAIR_READS {
                    let place = shown(&path.to_string_lossy());
                    let detail = format!("cannot read {place}: it keeps changing");
                    return Err(Answer::failed(Why::Unavailable, detail));
                }
                (before, reads) = (after, reads + 1);
            }
        }
    };
    Ok(Halves {
        username,
        secret: Some(secret),
        location: entry.secret.to_string_lossy().into_owned(),
        ..Halves::default()
    })
}

impl Provider for CredentialFile {
    fn id(&self) -> ProviderId {
        ProviderId::FILE
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            let Key::Repository(name) = key else {
                return Answer::NotFound;
            };
            match self.entry(name) {
                None => Answer::NotFound,
                Some(entry) => read(entry, call)
                    .await
                    .map_or_else(|answer| answer, Answer::Found),
            }
        })
    }

    fn list<'a>(&'a self, call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            let mut list = Vec::new();
            for entry in &self.entries {
                let username = match &entry.username {
                    None => None,
                    Some(FileUsername::Text(text)) => Some(text.clone()),
                    Some(FileUsername::File(path)) => line(path, call, value::username).await.ok(),
                };
                list.push(Entry {
                    name: Some(entry.name.clone()),
                    username,
                    has_secret: call.files.exists(&entry.secret).await,
                    location: entry.secret.to_string_lossy().into_owned(),
                    ..Entry::default()
                });
            }
            Ok(list)
        })
    }
}

#[cfg(unix)]
#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
