//! A commit of a git repository, by the user's own git: one commit is fetched, nothing checked out.

use std::fmt;
use std::fs::DirBuilder;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credential_helper_protocol::program::on_own_path;
use tokio::process::Command;
use url::Url;
use zeroize::Zeroizing;

use super::tree::Tree;
use crate::index::page::decoded;
use crate::package::metadata::LARGEST;

/// How long git may take for all of it.
const TIME: Duration = Duration::from_mins(5);
/// The ways on which git goes for us: never `ext::`, which runs a program.
const SCHEMES: [&str; 4] = ["https", "http", "ssh", "file"];

/// A commit, as a URL names it: `git+https://host/repository@revision#subdirectory=folder`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    repository: Url,
    revision: String,
    /// The folder in it; empty, or with a slash at its end.
    folder: String,
    account: Option<Account>,
}

/// What stood before the host of the URL. It goes to git by its environment: what stands on a command
/// line is read by every user of the machine.
#[derive(Clone, PartialEq, Eq)]
struct Account {
    /// The setting of git that holds it, for this origin alone.
    key: String,
    header: Zeroizing<String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Account(..)")
    }
}

impl Account {
    /// Takes it out of a URL; of http only, as ssh has a name there that is no secret.
    fn taken(url: &mut Url) -> Option<Self> {
        let (name, word) = (url.username(), url.password().unwrap_or_default());
        if !matches!(url.scheme(), "http" | "https") || name.is_empty() && word.is_empty() {
            return None;
        }
        let plain = |text: &str| Zeroizing::new(decoded(text).into_owned());
        let pair = Zeroizing::new([plain(name).as_str(), ":", plain(word).as_str()].concat());
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        let header = Zeroizing::new(["Authorization: Basic ", encoded.as_str()].concat());
        // A URL of http always has them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let key = format!("http.{}/.extraHeader", url.origin().ascii_serialization());
        Some(Self { key, header })
    }
}

impl Place {
    /// Reads a URL; `None` where it is none of git.
    pub(super) fn of(url: &Url) -> Option<Result<Self, String>> {
        let scheme = url.scheme().strip_prefix("git+")?;
        if !SCHEMES.contains(&scheme) {
            return Some(Err("git is not used over such a URL".to_owned()));
        }
        Some(Self::read(url))
    }

    fn read(url: &Url) -> Result<Self, String> {
        let wrong = || "the URL cannot be understood".to_owned();
        let text = url.as_str().strip_prefix("git+").ok_or_else(wrong)?;
        let mut repository = Url::parse(text).map_err(|_| wrong())?;
        let fragment = repository.fragment().unwrap_or_default().to_owned();
        repository.set_fragment(None);
        let account = Account::taken(&mut repository);
        let path = repository.path().to_owned();
        let mut revision = "HEAD".to_owned();
        if let Some((path, found)) = path.rsplit_once('@') {
            revision = decoded(found).into_owned();
            repository.set_path(path);
        }
        let odd = |c: char| {
            c.is_control()
                || c.is_whitespace()
                || matches!(c, ':' | '^' | '~' | '*' | '?' | '[' | '\\')
        };
        if revision.is_empty() || revision.starts_with('-') || revision.contains(odd) {
            return Err("its revision is none".to_owned());
        }
        let folder = fragment
            .split('&')
            .find_map(|part| part.strip_prefix("subdirectory="));
        let folder = decoded(folder.unwrap_or_default());
        let folder = folder.trim_matches('/');
        let is_odd = folder
            .split('/')
            .any(|part| matches!(part, ".." | "." | ""));
        if !folder.is_empty() && (is_odd || folder.contains(|c: char| c.is_control())) {
            return Err("its subdirectory is none".to_owned());
        }
        let folder = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        Ok(Self {
            repository,
            revision,
            folder,
            account,
        })
    }

    /// The repository with `.git` behind its name. GitLab and others lead git there by a redirect, and
    /// none is followed with an account.
    fn with_ending(&self) -> Option<Url> {
        self.account.as_ref()?;
        let path = self.repository.path().trim_end_matches('/');
        let longer =
            (!path.is_empty() && !path.ends_with(".git")).then(|| format!("{path}.git"))?;
        let mut repository = self.repository.clone();
        repository.set_path(&longer);
        Some(repository)
    }
}

/// A commit that was fetched; its files are read from git's own store.
pub(super) struct Commit {
    folder: Temporary,
    prefix: String,
    files: Vec<(String, Vec<u8>)>,
}

/// What is read of a tree of sources.
const FILES: [&str; 2] = ["pyproject.toml", "PKG-INFO"];

impl Commit {
    /// Fetches it.
    pub(super) async fn fetch(place: &Place) -> Result<Self, String> {
        let fetched = tokio::time::timeout(TIME, Self::fetched(place));
        fetched
            .await
            .unwrap_or_else(|_| Err("git did not end in time".to_owned()))
    }

    async fn fetched(place: &Place) -> Result<Self, String> {
        match (
            Self::fetched_from(place, &place.repository).await,
            place.with_ending(),
        ) {
            // Where git may not follow the server to it.
            (Err(why), Some(repository)) => {
                let fetched = Self::fetched_from(place, &repository).await;
                fetched.map_err(|_| why)
            }
            (fetched, _) => fetched,
        }
    }

    async fn fetched_from(place: &Place, repository: &Url) -> Result<Self, String> {
        let folder = Temporary::new()
            .map_err(|error| format!("a temporary folder could not be made ({})", error.kind()))?;
        let account = place.account.as_ref();
        let git = Git {
            folder: &folder.0,
            account: account.map(|account| (account, repository)),
        };
        git.run(&["init", "--quiet", "--bare", "."]).await?;
        let repository = repository.as_str();
        let shallow = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            "--",
            repository,
            &place.revision,
        ];
        if git.run(&shallow).await.is_ok() {
            git.run(&["update-ref", "--no-deref", "refs/wanted", "FETCH_HEAD"])
                .await?;
        } else {
            // A short hash, or a server that does not send single commits.
            let all = [
                "fetch",
                "--quiet",
                "--",
                repository,
                "+refs/heads/*:refs/remotes/o/*",
                "+refs/tags/*:refs/tags/*",
            ];
            git.run(&all).await?;
            let wanted = format!("{}^{{commit}}", place.revision);
            let found = git
                .run(&[
                    "rev-parse",
                    "--verify",
                    "--quiet",
                    "--end-of-options",
                    &wanted,
                ])
                .await;
            let found = found.map_err(|_| "it has no such revision".to_owned())?;
            let hash = String::from_utf8_lossy(&found.stdout).trim().to_owned();
            git.run(&["update-ref", "--no-deref", "refs/wanted", &hash])
                .await?;
        }
        let mut files = Vec::new();
        for name in FILES {
            let object = format!("refs/wanted:{}{name}", place.folder);
            let Ok(size) = git.run(&["cat-file", "-s", &object]).await else {
                continue;
            };
            let size = String::from_utf8_lossy(&size.stdout)
                .trim()
                .parse::<usize>();
            if size.is_ok_and(|size| size <= LARGEST) {
                let shown = git.run(&["cat-file", "blob", &object]).await?;
                files.push((name.to_owned(), shown.stdout));
            }
        }
        Ok(Self {
            folder,
            prefix: place.folder.clone(),
            files,
        })
    }

    /// Writes its files into a folder, for a build; the folder goes with the commit.
    pub(super) async fn checked_out(&self) -> Result<PathBuf, String> {
        let git = Git {
            folder: &self.folder.0,
            account: None,
        };
        let tree = self.folder.0.join("tree");
        DirBuilder::new()
            .create(&tree)
            .map_err(|error| format!("a folder could not be made ({})", error.kind()))?;
        let work = format!("--work-tree={}", tree.display());
        git.run(&[
            "--git-dir=.",
            &work,
            "checkout",
            "--quiet",
            "refs/wanted",
            "--",
            ".",
        ])
        .await?;
        Ok(tree.join(&self.prefix))
    }
}

impl Tree for Commit {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        let found = self.files.iter().find(|(name, _)| name == path);
        Ok(found.map(|(_, bytes)| bytes.clone()))
    }
}

/// The user's git, in a repository of ours: with the user's settings, and without questions.
struct Git<'a> {
    folder: &'a Path,
    /// And where it may go.
    account: Option<(&'a Account, &'a Url)>,
}

impl Git<'_> {
    async fn run(&self, arguments: &[&str]) -> Result<Output, String> {
        let program = on_own_path("git").ok_or_else(|| "git is not installed".to_owned())?;
        let mut command = Command::new(program);
        command
            .current_dir(self.folder)
            .args(["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never"])
            .args(["-c", "core.fsmonitor=false", "-c", "gc.auto=0"])
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .env("GCM_INTERACTIVE", "never")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It may name a URL with a secret in it.
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // Another repository that a hook or a script of git stands in.
        for name in [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
        ] {
            command.env_remove(name);
        }
        if let Some((account, repository)) = self.account {
            // git chooses the header by the first URL, and then sends it wherever it is led to. The whole
            // URL is named because the user's setting for a part of it would count for more than one for all.
            let redirects = format!("http.{repository}.followRedirects");
            command
                .env("GIT_CONFIG_COUNT", "3")
                .env("GIT_CONFIG_KEY_0", &account.key)
                .env("GIT_CONFIG_VALUE_0", account.header.as_str())
                .env("GIT_CONFIG_KEY_1", "http.followRedirects")
                .env("GIT_CONFIG_VALUE_1", "false")
                .env("GIT_CONFIG_KEY_2", redirects)
                .env("GIT_CONFIG_VALUE_2", "false");
        }
        let ended = command.output().await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "git is not installed".to_owned(),
            kind => format!("git could not be started ({kind})"),
        })?;
        if !ended.status.success() {
            let what = "git could not fetch it";
            return Err(match self.account {
                Some(_) => format!("{what}; with an account in its URL no redirect is followed"),
                None => what.to_owned(),
            });
        }
        Ok(ended)
    }
}

/// A folder that is gone again when it is no longer used.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> std::io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let clock = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |time| time.as_nanos());
        let name = format!(
            "credential-helper-git-{}-{number}-{clock:x}",
            std::process::id()
        );
        let path = std::env::temp_dir().join(name);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        // Fails for a folder that somebody else made.
        builder.create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What is left is in the system's folder for what may go.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;
