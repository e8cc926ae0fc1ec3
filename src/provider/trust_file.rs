//! `trust.toml` (0600) in the state folder: which origins a name is bound to by `set --url`,
//! `trust` and first use, and which projects are trusted as they are now.
//!
//! ```toml
//! [[binding]]
//! name = "foo"                                # normalised
//! url = "https://pypi.example.org/simple/"
//! operation = "upload"                        # absent: both
//! by = "trust"                                # or "set", "first-use"
//! allow-http = true                           # absent: false
//! since = "2026-01-31T12:00:00Z"
//!
//! [[project]]
//! folder = "/home/me/project"
//! sha256 = "..."                              # of its pyproject.toml, poetry.toml and uv.toml
//! since = "2026-01-31T12:00:00Z"
//! ```
//!
//! One that cannot be read or understood is never overwritten, and what would need it is not
//! answered: taking it for empty would let any project bind the names anew.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use credential_helper_protocol::{ErrorCode, Failure, Operation};
use sha2::{Digest, Sha256};
use toml_edit::{DocumentMut, Table};

use super::files::{FILE_TIME, FileFailure, View};
use super::trust_text::{
    BINDING, PROJECT, fill, parse, parse_again, put, remove_tables, table_of, tables,
};
use crate::domain::binding::{Binding, BoundBy};
use crate::domain::credential::Why;
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::edit::thread::off_thread;
use crate::edit::{Mode, edit};

/// Its name in the state folder.
pub const FILE: &str = "trust.toml";
/// The files of a project that can lower its safety: a trusted project is one whose these files
/// are still what they were.
const PROJECT_FILES: [&str; 3] = ["pyproject.toml", "poetry.toml", "uv.toml"];

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustRecord {
    /// In the order of the file.
    pub bindings: Vec<Binding>,
    /// The trusted projects.
    pub projects: Vec<TrustedProject>,
}

/// A project that the user trusts until its files change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProject {
    /// Its folder, without links.
    pub folder: PathBuf,
    /// The hash of its files, in hexadecimal.
    pub sha256: String,
    /// Since when, RFC 3339.
    pub since: Option<String>,
}

/// What came of recording a first use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstUseRecord {
    /// The name is now bound to the URL.
    Bound(Binding),
    /// Somebody was faster: these bind the name, and the URL has to be checked against them.
    AlreadyBound(Vec<Binding>),
}

impl TrustRecord {
    /// Whether the project in this folder is trusted and unchanged.
    ///
    /// # Errors
    /// Where one of its files cannot be read.
    pub async fn is_project_trusted(
        &self,
        view: &View,
        folder: &Path,
    ) -> Result<bool, FileFailure> {
        if self.projects.is_empty() {
            return Ok(false);
        }
        let folder = real_folder(folder).await?;
        let Some(trusted) = self.projects.iter().find(|known| known.folder == folder) else {
            return Ok(false);
        };
        Ok(hash(view, &folder).await? == trusted.sha256)
    }
}

/// Reads the file; an absent one is empty.
///
/// # Errors
/// Where it cannot be read or understood, with its line.
pub async fn load(view: &View, state: &Path) -> Result<TrustRecord, FileFailure> {
    let path = state.join(FILE);
    let Some(text) = view.read(&path).await? else {
        return Ok(TrustRecord::default());
    };
    parse(&text).map_err(|wrong| FileFailure {
        why: Why::Malformed,
        detail: format!("cannot read {}: {wrong}", shown(&path.to_string_lossy())),
    })
}

/// Binds a name to a URL by hand (`set --url`, `trust`), beside what binds it already; true if
/// that was news. A plain-http URL given to `trust` is also the permission to use http there.
///
/// # Errors
/// Those of [`edit`].
pub async fn bind(
    state: &Path,
    name: &RepositoryName,
    url: &RepositoryUrl,
    operation: Option<Operation>,
    by: BoundBy,
) -> Result<bool, Failure> {
    if !matches!(by, BoundBy::Set | BoundBy::Trust) {
        let message = format!("a binding by {} is not recorded", by.word());
        return Err(Failure::new(ErrorCode::Internal, message));
    }
    let new = binding(name, url, operation, by);
    let change = move |doc: &mut DocumentMut| {
        let record = parse_again(doc)?;
        let same = |old: &&Binding| {
            normalize(&old.name) == normalize(&new.name)
                && (&old.url, old.operation) == (&new.url, new.operation)
        };
        let Some((at, old)) = record
            .bindings
            .iter()
            .enumerate()
            .find(|(_, old)| same(old))
        else {
            tables(doc, BINDING)?.push(table_of(&new));
            return Ok(());
        };
        // What was bound by hand stays so; `trust` says more than `set`.
        let mut merged = old.clone();
        merged.allow_http |= new.allow_http;
        if new.by == BoundBy::Trust || !old.by.by_hand() {
            merged.by = new.by;
        }
        if merged != *old {
            merged.since.clone_from(&new.since);
            if let Some(table) = tables(doc, BINDING)?.get_mut(at) {
                fill(table, &merged);
            }
        }
        Ok(())
    };
    Ok(edit(&state.join(FILE), Mode::Private, change).await?.1)
}

/// Removes what the file binds a name to (all of it, or one origin; for both operations or one)
/// and says what that was.
///
/// # Errors
/// Those of [`edit`].
pub async fn unbind(
    state: &Path,
    name: &RepositoryName,
    url: Option<&RepositoryUrl>,
    operation: Option<Operation>,
) -> Result<Vec<Binding>, Failure> {
    let (name, url) = (name.normalized(), url.cloned());
    let change = move |doc: &mut DocumentMut| {
        let record = parse_again(doc)?;
        let goes = |old: &Binding| {
            normalize(&old.name) == name
                && url
                    .as_ref()
                    .is_none_or(|url| url.origin() == old.url.origin())
                && operation.is_none_or(|wanted| old.operation == Some(wanted))
        };
        let at = |(at, old): (usize, &Binding)| goes(old).then_some(at);
        let places: Vec<usize> = record.bindings.iter().enumerate().filter_map(at).collect();
        remove_tables(doc, BINDING, &places)?;
        Ok(record
            .bindings
            .into_iter()
            .filter(|old| goes(old))
            .collect())
    };
    Ok(edit(&state.join(FILE), Mode::Private, change).await?.0)
}

/// Records the first answer that was given for a name and an origin, unless the file binds the
/// name by now: of two at the same moment one is the first.
///
/// # Errors
/// Those of [`edit`].
pub async fn record_first_use(
    state: &Path,
    name: &RepositoryName,
    url: &RepositoryUrl,
) -> Result<FirstUseRecord, Failure> {
    let new = binding(name, url, None, BoundBy::FirstUse);
    let change = move |doc: &mut DocumentMut| {
        let mut bound = parse_again(doc)?.bindings;
        bound.retain(|old| normalize(&old.name) == normalize(&new.name));
        if !bound.is_empty() {
            return Ok(FirstUseRecord::AlreadyBound(bound));
        }
        tables(doc, BINDING)?.push(table_of(&new));
        Ok(FirstUseRecord::Bound(new.clone()))
    };
    Ok(edit(&state.join(FILE), Mode::Private, change).await?.0)
}

/// Trusts the project in a folder as its files are now.
///
/// # Errors
/// Those of [`edit`]; where the folder or its files cannot be read, or there are none.
pub async fn trust_project(
    view: &View,
    state: &Path,
    folder: &Path,
) -> Result<TrustedProject, Failure> {
    let of_file = |failure: FileFailure| Failure::new(failure.why.code(), failure.detail);
    let folder = real_folder(folder).await.map_err(of_file)?;
    let shown_folder = shown(&folder.to_string_lossy());
    let Some(text) = folder.to_str().map(str::to_owned) else {
        let message = format!("cannot trust {shown_folder}: its path is not UTF-8 text");
        return Err(Failure::new(ErrorCode::Usage, message));
    };
    let mut any = false;
    for name in PROJECT_FILES {
        any |= view.exists(&folder.join(name)).await;
    }
    if !any {
        let message = format!(
            "cannot trust {shown_folder}: it has no {}",
            PROJECT_FILES.join(", no ")
        );
        return Err(Failure::new(ErrorCode::Usage, message).hint("name the folder of a project"));
    }
    let sha256 = hash(view, &folder).await.map_err(of_file)?;
    let project = TrustedProject {
        folder,
        sha256,
        since: Some(now()),
    };
    let new = project.clone();
    let change = move |doc: &mut DocumentMut| {
        let record = parse_again(doc)?;
        let at = record
            .projects
            .iter()
            .position(|old| old.folder == new.folder);
        let list = tables(doc, PROJECT)?;
        let fill = |table: &mut Table| {
            put(table, "folder", &text);
            put(table, "sha256", &new.sha256);
            put(table, "since", new.since.as_deref().unwrap_or_default());
        };
        match at.and_then(|at| list.get_mut(at)) {
            // Trusted as it is: nothing to write.
            Some(_) if at.is_some_and(|at| record.projects[at].sha256 == new.sha256) => {}
            Some(table) => fill(table),
            None => {
                let mut table = Table::new();
                fill(&mut table);
                list.push(table);
            }
        }
        Ok(())
    };
    edit(&state.join(FILE), Mode::Private, change).await?;
    Ok(project)
}

/// Takes the trust in a project back; false if it was not trusted. A folder that is gone by now is
/// named as it was.
///
/// # Errors
/// Those of [`edit`].
pub async fn untrust_project(state: &Path, folder: &Path) -> Result<bool, Failure> {
    let folder = match real_folder(folder).await {
        Ok(real) => real,
        Err(_) => folder.to_owned(),
    };
    let change = move |doc: &mut DocumentMut| {
        let record = parse_again(doc)?;
        let at = |(at, old): (usize, &TrustedProject)| (old.folder == folder).then_some(at);
        let places: Vec<usize> = record.projects.iter().enumerate().filter_map(at).collect();
        remove_tables(doc, PROJECT, &places)?;
        Ok(!places.is_empty())
    };
    Ok(edit(&state.join(FILE), Mode::Private, change).await?.0)
}

fn binding(
    name: &RepositoryName,
    url: &RepositoryUrl,
    operation: Option<Operation>,
    by: BoundBy,
) -> Binding {
    Binding {
        name: name.as_str().to_owned(),
        operation,
        url: url.clone(),
        by,
        allow_http: by == BoundBy::Trust && url.origin().is_http(),
        since: Some(now()),
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The folder without links, so that one project has one name.
async fn real_folder(folder: &Path) -> Result<PathBuf, FileFailure> {
    let owned = folder.to_owned();
    let work = off_thread(move || std::fs::canonicalize(owned));
    let (why, text) = match tokio::time::timeout(FILE_TIME, work).await {
        Ok(Ok(Ok(real))) => return Ok(real),
        Ok(Ok(Err(error))) => (Why::Unavailable, error.kind().to_string()),
        Ok(Err(_)) => (Why::Unavailable, "the reader failed".to_owned()),
        Err(_) => (Why::TimedOut, "no answer within 1 s".to_owned()),
    };
    Err(FileFailure {
        why,
        detail: format!(
            "cannot find the folder {}: {text}",
            shown(&folder.to_string_lossy())
        ),
    })
}

/// One hash over all files, each with its name, whether it is there, and its length, so that no
/// text can move from one to the other unnoticed.
async fn hash(view: &View, folder: &Path) -> Result<String, FileFailure> {
    let mut hasher = Sha256::new();
    for name in PROJECT_FILES {
        hasher.update(name.as_bytes());
        match view.read(&folder.join(name)).await? {
            None => hasher.update([0]),
            Some(text) => {
                hasher.update([1]);
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hasher.finalize() {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
#[path = "trust_file_tests.rs"]
mod tests;
