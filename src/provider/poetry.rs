//! Poetry's files: `poetry.toml` of a project, and the user's `auth.toml` and `config.toml`.
//!
//! For Poetry they are one merged table, the environment over `poetry.toml` over `auth.toml` over
//! `config.toml` (`poetry/config/config.py`, `poetry/factory.py`). Here each file is a provider of
//! its own, so that an answer can say where it comes from; the merging is done in
//! [`crate::domain::resolution`]. Nothing in braces is replaced by other settings: in Poetry a URL
//! of a project's file can carry away a secret that way.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{Failure, Secret, limits};

pub use super::declared::{Declared, Form};
use super::files::FileFailure;
pub use super::poetry_settings::{
    CertValue, Certificates, certificates, keyring_enabled, setting, settings,
};
use super::{Call, Entry, Later, Provider};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, TOKEN_USERNAME, Why};
use crate::domain::name::RepositoryName;
use crate::domain::text::shown;
use crate::domain::toml_text::{Document, Item};

/// One of Poetry's files.
#[derive(Clone, Copy, Debug)]
pub struct PoetryFile(pub ProviderId);

impl PoetryFile {
    /// Where the file is; `None` where there is no such place for the client.
    pub fn path(self, call: &Call) -> Option<PathBuf> {
        let (folder, file) = match self.0 {
            ProviderId::POETRY_TOML => (&call.folders.project, "poetry.toml"),
            ProviderId::AUTH_TOML => (&call.folders.poetry, "auth.toml"),
            _ => (&call.folders.poetry, "config.toml"),
        };
        Some(folder.as_ref()?.join(file))
    }

    /// The file, parsed; `None` where there is none.
    pub(super) async fn open(
        self,
        call: &Call,
    ) -> Result<Option<(PathBuf, Document)>, FileFailure> {
        let Some(path) = self.path(call) else {
            return Ok(None);
        };
        let Some(text) = call.files.read(&path).await? else {
            return Ok(None);
        };
        let document = Document::parse(&path, &text)?;
        Ok(Some((path, document)))
    }

    async fn ask(self, key: &Key, call: &Call) -> Result<Answer, FileFailure> {
        let (Key::HttpBasic(names) | Key::Token(names)) = key else {
            return Ok(Answer::NotFound);
        };
        let Some((path, document)) = self.open(call).await? else {
            return Ok(Answer::NotFound);
        };
        let location = path.to_string_lossy();
        for name in names {
            let found = match key {
                Key::Token(_) => token(&document, name, &location)?,
                _ => http_basic(&document, name, &location)?,
            };
            if let Some(halves) = found {
                return Ok(Answer::Found(halves));
            }
        }
        Ok(Answer::NotFound)
    }
}

impl Provider for PoetryFile {
    fn id(&self) -> ProviderId {
        self.0
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            if self.path(call).is_none() {
                return Answer::Skipped(match self.0 {
                    ProviderId::POETRY_TOML => "outside a project".to_owned(),
                    _ => "no configuration folder of Poetry is known".to_owned(),
                });
            }
            match self.ask(key, call).await {
                Ok(answer) => answer,
                Err(failure) => Answer::Failed(failure.why, failure.detail),
            }
        })
    }

    fn list<'a>(&'a self, call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            match self.open(call).await? {
                None => Ok(Vec::new()),
                Some((path, document)) => Ok(list(&document, &path)?),
            }
        })
    }
}

/// `[http-basic.NAME]`: one entry with what it has. Halves of two spellings are not put together.
pub(super) fn http_basic(
    document: &Document,
    name: &str,
    location: &str,
) -> Result<Option<Halves>, FileFailure> {
    for entry in entries_of(document, "http-basic", name)? {
        let username = leaf(&entry, "username")?;
        let password = leaf(&entry, "password")?;
        if username.is_some() || password.is_some() {
            return Ok(Some(Halves {
                username: username.map(str::to_owned),
                secret: password.map(Secret::from),
                location: location.to_owned(),
                ..Halves::default()
            }));
        }
    }
    Ok(None)
}

pub(super) fn token(
    document: &Document,
    name: &str,
    location: &str,
) -> Result<Option<Halves>, FileFailure> {
    for item in entries_of(document, "pypi-token", name)? {
        // A table is the old spelling of another name, `pypi-token.NAME.more`.
        if !item.is_table() {
            return Ok(Some(Halves {
                username: Some(TOKEN_USERNAME.to_owned()),
                secret: Some(Secret::from(limited(&item)?)),
                location: location.to_owned(),
                ..Halves::default()
            }));
        }
    }
    Ok(None)
}

/// The entry of a name in a section, in both spellings: one quoted key, as Poetry writes it since
/// 2.4, and nested tables, as it wrote dotted names before.
pub(super) fn entries_of<'a>(
    document: &'a Document,
    section_name: &str,
    name: &str,
) -> Result<Vec<Item<'a>>, FileFailure> {
    let Some(section) = document.at(&[section_name])? else {
        return Ok(Vec::new());
    };
    let mut found: Vec<Item<'a>> = section.get(name)?.into_iter().collect();
    if name.contains('.') {
        let mut nested = Some(section);
        for key in name.split('.') {
            // What is no table on the way belongs to another name.
            nested = match nested.filter(Item::is_table) {
                Some(table) => table.get(key)?,
                None => None,
            };
        }
        // `username` of `my` is not the entry `my.username`; tokens are the strings themselves.
        let tables = section_name != "pypi-token";
        found.extend(nested.filter(|item| item.is_table() == tables));
    }
    Ok(found)
}

/// A half of an entry. A table there is the old spelling of another, dotted name.
fn leaf<'a>(entry: &Item<'a>, key: &str) -> Result<Option<&'a str>, FileFailure> {
    entry
        .get(key)?
        .filter(|item| !item.is_table())
        .map(|item| limited(&item))
        .transpose()
}

fn limited<'a>(item: &Item<'a>) -> Result<&'a str, FileFailure> {
    let text = item.text()?;
    if text.len() > limits::SECRET {
        return Err(item.fails(&format!("is longer than {} bytes", limits::SECRET)));
    }
    Ok(text)
}

pub(super) fn list(document: &Document, path: &Path) -> Result<Vec<Entry>, FileFailure> {
    let location = path.to_string_lossy().into_owned();
    let mut entries = Vec::new();
    for (name, item) in named(document, "http-basic", &["username", "password"])? {
        let has_secret = leaf(&item, "password")?.is_some_and(|text| !text.is_empty());
        entries.push(Entry {
            name: Some(name),
            username: leaf(&item, "username")?.map(str::to_owned),
            has_secret,
            location: location.clone(),
            ..Entry::default()
        });
    }
    for (name, item) in named(document, "pypi-token", &[])? {
        entries.push(Entry {
            name: Some(name),
            username: Some(TOKEN_USERNAME.to_owned()),
            has_secret: !limited(&item)?.is_empty(),
            is_token: true,
            location: location.clone(),
            ..Entry::default()
        });
    }
    Ok(entries)
}

/// All names of a section in the order of the file, dotted ones put together again. A name is a
/// table that has one of the leaves; without leaves, a value that is no table.
pub(super) fn named<'a>(
    document: &'a Document,
    section: &str,
    leaves: &[&str],
) -> Result<Vec<(String, Item<'a>)>, FileFailure> {
    let mut found = Vec::new();
    if let Some(section) = document.at(&[section])? {
        for (key, item) in section.entries()? {
            walk(key.to_owned(), item, leaves, &mut found)?;
        }
    }
    Ok(found)
}

fn walk<'a>(
    name: String,
    item: Item<'a>,
    leaves: &[&str],
    found: &mut Vec<(String, Item<'a>)>,
) -> Result<(), FileFailure> {
    if leaves.is_empty() && !item.is_table() {
        found.push((name, item));
        return Ok(());
    }
    let inside = item.entries()?;
    let is_leaf = |(key, inner): &(&str, Item<'_>)| leaves.contains(key) && !inner.is_table();
    if inside.iter().any(is_leaf) {
        found.push((name.clone(), item));
    }
    for (key, inner) in inside {
        if inner.is_table() || leaves.is_empty() {
            walk(format!("{name}.{key}"), inner, leaves, found)?;
        }
    }
    Ok(())
}

/// The repositories of the user: `POETRY_REPOSITORIES_*_URL` of the request, then `repositories.*`
/// of `auth.toml` and `config.toml`. Variables add to the files (in Poetry they hide all of them);
/// of one name, the first in this order counts. What could not be read is told beside it.
pub async fn repositories(call: &Call) -> (Vec<Declared>, Vec<FileFailure>) {
    let mut failures = Vec::new();
    let mut files = Vec::new();
    for id in [ProviderId::AUTH_TOML, ProviderId::CONFIG_TOML] {
        declared_by(PoetryFile(id), call, &mut files, &mut failures).await;
    }
    let mut all: Vec<Declared> = Vec::new();
    for (variable_name, value) in &call.variables {
        let part = variable_name
            .strip_prefix("POETRY_REPOSITORIES_")
            .and_then(|rest| rest.strip_suffix("_URL"))
            .filter(|part| !part.is_empty());
        let Some(part) = part else {
            continue;
        };
        // A URL; its userinfo is taken out by the parser, which does not repeat it.
        match from_variable(variable_name, part, value.0.expose(), &files) {
            Ok(declared) => all.push(declared),
            Err(why) => failures.push(FileFailure {
                why: Why::Malformed,
                detail: format!("{}: {why}", shown(variable_name)),
            }),
        }
    }
    for declared in files {
        if all.iter().all(|other| other.name != declared.name) {
            all.push(declared);
        }
    }
    (all, failures)
}

/// The repositories that `poetry.toml` of the project declares.
pub async fn project_repositories(call: &Call) -> (Vec<Declared>, Vec<FileFailure>) {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let file = PoetryFile(ProviderId::POETRY_TOML);
    declared_by(file, call, &mut found, &mut failures).await;
    (found, failures)
}

/// A variable does not tell the case of a name, nor `-` from `_`: the name of a file that reads
/// this variable is taken, else the lower case with `-`, as Poetry does (`config.py`).
fn from_variable(
    location: &str,
    part: &str,
    url: &str,
    files: &[Declared],
) -> Result<Declared, Failure> {
    let spelled = |declared: &&Declared| {
        declared
            .name
            .variable_spellings()
            .contains(&part.to_owned())
    };
    let name = match files.iter().find(spelled) {
        Some(declared) => declared.name.clone(),
        None => RepositoryName::parse(&part.to_lowercase().replace('_', "-"))?,
    };
    Declared::new(name, url, Form::Poetry, location)
}

async fn declared_by(
    file: PoetryFile,
    call: &Call,
    found: &mut Vec<Declared>,
    failures: &mut Vec<FileFailure>,
) {
    let opened = match file.open(call).await {
        Ok(opened) => opened,
        Err(failure) => return failures.push(failure),
    };
    let Some((path, document)) = opened else {
        return;
    };
    let sections = match named(&document, "repositories", &["url"]) {
        Ok(sections) => sections,
        Err(failure) => return failures.push(failure),
    };
    for (name, item) in sections {
        match declared(&name, &item, &path) {
            Ok(declared) => found.push(declared),
            Err(failure) => failures.push(failure),
        }
    }
}

fn declared(name: &str, item: &Item<'_>, path: &Path) -> Result<Declared, FileFailure> {
    let Some(url) = item.get("url")? else {
        return Err(item.fails("has no url"));
    };
    Declared::read(name, &url, Form::Poetry, &path.to_string_lossy())
}

#[cfg(test)]
#[path = "poetry_tests.rs"]
pub(super) mod tests;
