//! Files that hold secrets or decide where they go: readable, whose they are, who may read them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Check, Outcome};
use crate::domain::credential::{ProviderId, TOKEN_USERNAME};
use crate::domain::text::{shell_word, shown, shown_path};
use crate::domain::toml_text::Document;
use crate::provider::files::FileFailure;
use crate::provider::poetry::PoetryFile;
use crate::provider::{Call, Entry, Provider as _, settings, trust_file};

/// A file.
#[derive(Clone, Debug)]
pub(super) struct FileFacts {
    /// What it is: `settings`, `trust.toml`, or the provider that it belongs to.
    role: &'static str,
    path: PathBuf,
    /// Whether it is there, or why it cannot be used.
    state: Result<bool, String>,
    /// Owner and permissions, on systems that have them.
    access: Option<(u32, u32)>,
    /// When it was written.
    pub(super) modified: Option<SystemTime>,
    /// The secrets in it: the repository, and its username.
    plain: Vec<(String, Option<String>)>,
}

impl FileFacts {
    async fn of(
        role: &'static str,
        path: PathBuf,
        state: Result<bool, String>,
        plain: Vec<(String, Option<String>)>,
    ) -> Self {
        let looked = path.clone();
        let meta = tokio::task::spawn_blocking(move || std::fs::metadata(looked).ok());
        let meta = tokio::time::timeout(crate::provider::files::FILE_TIME, meta)
            .await
            .ok()
            .and_then(Result::ok)
            .flatten();
        Self {
            role,
            path,
            state,
            access: meta.as_ref().and_then(access),
            modified: meta.and_then(|meta| meta.modified().ok()),
            plain,
        }
    }

    /// A file of which only the form is looked at; secrets may be anywhere in it.
    pub(super) async fn read_toml(role: &'static str, path: PathBuf, call: &Call) -> Self {
        let state = match call.files.read(&path).await {
            Err(failure) => Err(failure.detail),
            Ok(None) => Ok(false),
            Ok(Some(text)) => Document::parse(&path, &text)
                .map(|_| true)
                .map_err(|failure| failure.detail),
        };
        Self::of(role, path, state, Vec::new()).await
    }

    /// The helper's settings, with every value.
    pub(super) async fn read_settings(folder: &Path, home: &Path, call: &Call) -> Self {
        let path = folder.join("config.toml");
        let there = call.files.exists(&path).await;
        let state = settings::load(&call.files, folder, home)
            .await
            .map(|_| there)
            .map_err(|failure| failure.detail);
        Self::of("settings", path, state, Vec::new()).await
    }

    /// The record of bindings.
    pub(super) async fn read_trust(folder: &Path, call: &Call) -> Self {
        let path = folder.join(trust_file::FILE);
        let there = call.files.exists(&path).await;
        let state = trust_file::load(&call.files, folder)
            .await
            .map(|_| there)
            .map_err(|failure: FileFailure| failure.detail);
        Self::of(trust_file::FILE, path, state, Vec::new()).await
    }

    /// A file of Poetry's; `None` where there is no such place.
    pub(super) async fn read_poetry(id: ProviderId, call: &Call) -> Option<Self> {
        let file = PoetryFile(id);
        let path = file.path(call)?;
        let there = call.files.exists(&path).await;
        let (state, entries) = match file.list(call).await {
            Ok(entries) => (Ok(there), entries),
            Err(failure) => (Err(failure.message), Vec::new()),
        };
        let plain = |entry: Entry| entry.has_secret.then_some((entry.name?, entry.username));
        let plain = entries.into_iter().filter_map(plain).collect();
        Some(Self::of(id.word(), path, state, plain).await)
    }

    /// Whether there is a secret in it, as far as that can be told.
    fn holds_secrets(&self) -> bool {
        !self.plain.is_empty() || self.role == ProviderId::UV_STORE.word()
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn access(meta: &std::fs::Metadata) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((meta.uid(), meta.mode() & 0o777))
}

#[cfg(not(unix))]
fn access(_meta: &std::fs::Metadata) -> Option<(u32, u32)> {
    None
}

/// Judges the files; `keyring` says that there is a better place for secrets.
pub(super) fn checks(files: &[FileFacts], uid: u32, keyring: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    for file in files {
        let about = shown_path(&file.path);
        match &file.state {
            Ok(false) => continue,
            Err(detail) => {
                let line = Check::new("file", Outcome::Problem, detail.clone());
                checks.push(line.about(&*about).fix(
                    "correct what is named; until then commands that need the file end with status 3",
                ));
            }
            Ok(true) => {
                let whole = Check::new("file", Outcome::Ok, "readable, and nobody else's business");
                checks.push(open_to_others(file, uid).unwrap_or(whole).about(&*about));
            }
        }
        if keyring {
            checks.extend(plain_text(file));
        }
    }
    checks
}

fn open_to_others(file: &FileFacts, uid: u32) -> Option<Check> {
    let (owner, mode) = file.access?;
    let path = shell_word(&file.path.to_string_lossy());
    // What root wrote for everybody is fine to be read here.
    if owner != uid && owner != 0 {
        let message = format!("it belongs to user {owner}, who decides what is in it");
        return Some(
            Check::new("file", Outcome::Problem, message).fix(format!("chown {uid} {path}")),
        );
    }
    if file.holds_secrets() && mode & 0o077 != 0 {
        let message = format!("it holds secrets, and its mode {mode:04o} is open to others");
        return Some(
            Check::new("file", Outcome::Problem, message).fix(format!("chmod 600 {path}")),
        );
    }
    if mode & 0o022 != 0 {
        let message = format!("others may write it (mode {mode:04o})");
        return Some(
            Check::new("file", Outcome::Problem, message).fix(format!("chmod go-w {path}")),
        );
    }
    None
}

/// Secrets in the user's own files of Poetry. Those of a project are its own matter, but they are
/// easily committed.
fn plain_text(file: &FileFacts) -> Vec<Check> {
    let project = file.role == ProviderId::POETRY_TOML.word();
    let line = |(name, username): &(String, Option<String>)| {
        let message = format!(
            "its secret stands in plain text in {}",
            shown_path(&file.path)
        );
        let account = match username.as_deref() {
            Some(TOKEN_USERNAME) => " --token".to_owned(),
            None | Some("") => String::new(),
            Some(username) => format!(" {}", shell_word(username)),
        };
        let after = if project {
            " (then take it out of poetry.toml: it may be committed)"
        } else {
            " (moves it into the keyring)"
        };
        Check::new("plain-text", Outcome::Warning, message)
            .about(shown(name))
            .fix(format!("helper set {}{account}{after}", shell_word(name)))
    };
    file.plain.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Outcome::{self, Ok as Good, Problem, Warning};
    use super::{FileFacts, checks};

    fn file(role: &'static str, mode: u32) -> FileFacts {
        FileFacts {
            role,
            path: PathBuf::from("/c/it's/auth.toml"),
            state: Ok(true),
            access: Some((7, mode)),
            modified: None,
            plain: Vec::new(),
        }
    }

    fn secret(mode: u32, user: Option<&str>) -> FileFacts {
        FileFacts {
            plain: vec![("my repo".into(), user.map(str::to_owned))],
            ..file("auth.toml", mode)
        }
    }

    #[test]
    fn who_may_read_and_write() {
        let owned = |owner| FileFacts {
            access: Some((owner, 0o600)),
            ..file("auth.toml", 0)
        };
        for (facts, wanted, fix) in [
            (file("auth.toml", 0o644), Good, ""),
            (file("trust.toml", 0o664), Problem, "chmod go-w"),
            (file("uv-store", 0o644), Problem, "chmod 600"),
            (secret(0o600, None), Good, ""),
            (
                secret(0o640, None),
                Problem,
                r"chmod 600 '/c/it'\''s/auth.toml'",
            ),
            (owned(7), Good, ""),
            (owned(0), Good, ""),
            (owned(8), Problem, "chown 7"),
        ] {
            let found = checks(std::slice::from_ref(&facts), 7, false);
            let seen: Vec<Outcome> = found.iter().map(|check| check.result).collect();
            assert_eq!(seen, [wanted], "{facts:?}");
            assert!(found[0].fix.clone().unwrap_or_default().starts_with(fix));
        }
    }

    #[test]
    fn plain_text_is_named_where_a_keyring_is_there() {
        for (user, fix) in [
            (Some("ci"), "helper set 'my repo' ci (moves"),
            (Some(""), "helper set 'my repo' (moves"),
            (None, "helper set 'my repo' (moves"),
            (Some("__token__"), "helper set 'my repo' --token (moves"),
        ] {
            let found = checks(&[secret(0o600, user)], 7, true);
            assert_eq!(found[1].result, Warning);
            assert_eq!(found[1].subject.as_deref(), Some("my repo"));
            assert!(found[1].fix.as_ref().unwrap().starts_with(fix));
        }
        let project = FileFacts {
            role: "poetry.toml",
            ..secret(0o600, None)
        };
        assert!(
            checks(&[project], 7, true)[1]
                .fix
                .as_ref()
                .unwrap()
                .contains("committed")
        );
    }

    #[test]
    fn missing_files_are_no_matter_and_broken_ones_are() {
        let absent = FileFacts {
            state: Ok(false),
            ..file("auth.toml", 0)
        };
        let broken = FileFacts {
            state: Err("line 3".into()),
            ..file("auth.toml", 0o600)
        };
        let found = checks(&[absent, broken], 7, true);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].result, found[0].message.as_str()),
            (Problem, "line 3")
        );
    }
}
