//! What a project declares: its package sources, in the words of Poetry and of uv.
//!
//! The project is the folder of the nearest `pyproject.toml`, as for Poetry and uv. Its uv tables are
//! those of `uv.toml` beside it, where there is one, else of `pyproject.toml`, and then those of the
//! root of the uv workspace that it is a member of. A project declares names and URLs; whether a
//! secret may go there is decided elsewhere.

use std::path::{Path, PathBuf};

use credential_helper_protocol::Operation;

use super::declared::{Declared, Form};
use super::files::{FileFailure, View};
use crate::domain::credential::Why;
use crate::domain::text::shown;
use crate::domain::toml_text::{Document, Item};
use crate::domain::workspace::{WORKSPACE, is_member};

/// Package sources of one project: nobody has as many, and each costs the agent's thread some time.
const SOURCES: usize = 1000;

/// A project, as far as its package sources go.
pub struct Project {
    /// The folder of its `pyproject.toml`.
    pub folder: PathBuf,
    /// Its package sources: Poetry's, then uv's, then those of the workspace root.
    pub sources: Vec<Declared>,
    /// Entries that could not be used, one line each.
    pub warnings: Vec<String>,
    /// The names of such entries: other programs may make something of them.
    pub unusable: Vec<(String, FileFailure)>,
    /// Why not all that is declared here is known, if so.
    pub unread: Option<FileFailure>,
    /// The files that say all this and `poetry.toml`, as far as they are there.
    pub files: Vec<PathBuf>,
}

/// The project that the working folder lies in; `None` outside any.
///
/// # Errors
/// Where one of its files cannot be read or is no TOML. An entry that cannot be used is a warning.
pub async fn find(view: &View, working: &Path) -> Result<Option<Project>, FileFailure> {
    for folder in working.ancestors() {
        let path = folder.join("pyproject.toml");
        if let Some(document) = open(view, &path).await? {
            return project(view, folder, path, &document).await.map(Some);
        }
    }
    Ok(None)
}

/// The indexes of the user's own `uv.toml`, and what could not be used of it.
///
/// # Errors
/// Where the file cannot be read or is no TOML.
pub async fn user_uv(
    view: &View,
    uv_folder: &Path,
) -> Result<(Vec<Declared>, Vec<String>), FileFailure> {
    let path = uv_folder.join("uv.toml");
    let mut found = Found::default();
    if let Some(document) = open(view, &path).await? {
        found.take(&document, &["index"], &path, uv_index);
    }
    Ok((found.sources, found.warnings))
}

async fn open(view: &View, path: &Path) -> Result<Option<Document>, FileFailure> {
    match view.read(path).await? {
        Some(text) => Document::parse(path, &text).map(Some),
        None => Ok(None),
    }
}

async fn project(
    view: &View,
    folder: &Path,
    path: PathBuf,
    document: &Document,
) -> Result<Project, FileFailure> {
    let mut found = Found::default();
    found.take(
        document,
        &["tool", "poetry", "source"],
        &path,
        poetry_source,
    );
    found.uv(view, folder, &path, document).await?;
    found.files.insert(0, path);
    let settings = folder.join("poetry.toml");
    if view.exists(&settings).await {
        found.files.push(settings);
    }
    if let Err(failure) = found.workspace(view, folder, document).await {
        // A file above the project may have nothing to do with it.
        found.warnings.push(failure.detail.clone());
        found.unread.get_or_insert(failure);
    }
    if found.sources.len() + found.unusable.len() > SOURCES {
        let place = shown(&folder.to_string_lossy());
        return Err(FileFailure {
            why: Why::Malformed,
            detail: format!("the project in {place} declares more than {SOURCES} package sources"),
        });
    }
    Ok(Project {
        folder: folder.to_owned(),
        sources: found.sources,
        warnings: found.warnings,
        unusable: found.unusable,
        unread: found.unread,
        files: found.files,
    })
}

#[derive(Default)]
struct Found {
    sources: Vec<Declared>,
    warnings: Vec<String>,
    unusable: Vec<(String, FileFailure)>,
    unread: Option<FileFailure>,
    files: Vec<PathBuf>,
}

type ReadEntry = fn(&Item<'_>, &str, &mut Vec<Declared>) -> Result<(), FileFailure>;

impl Found {
    /// Takes the entries of an array of tables.
    fn take(&mut self, document: &Document, keys: &[&str], path: &Path, read: ReadEntry) {
        let elements = match document.at(keys) {
            Ok(Some(list)) => list.elements(),
            Ok(None) => return,
            Err(failure) => Err(failure),
        };
        match elements {
            Err(failure) => {
                self.warnings.push(failure.detail.clone());
                self.unread.get_or_insert(failure);
            }
            Ok(elements) => {
                for item in elements {
                    if let Err(failure) = read(&item, &path.to_string_lossy(), &mut self.sources) {
                        self.warnings.push(failure.detail.clone());
                        if let Ok(Some(name)) = item.get("name")
                            && let Ok(name) = name.text()
                        {
                            self.unusable.push((name.to_owned(), failure));
                        }
                    }
                }
            }
        }
    }

    /// Takes uv's indexes of a folder: with `uv.toml` there, uv does not look into `pyproject.toml`.
    async fn uv(
        &mut self,
        view: &View,
        folder: &Path,
        pyproject: &Path,
        document: &Document,
    ) -> Result<(), FileFailure> {
        let path = folder.join("uv.toml");
        if let Some(own) = open(view, &path).await? {
            self.take(&own, &["index"], &path, uv_index);
            self.files.push(path);
        } else {
            self.take(document, &["tool", "uv", "index"], pyproject, uv_index);
        }
        Ok(())
    }

    /// Takes uv's indexes of the workspace that the project is a member of. As in uv, the nearest
    /// workspace above decides, and a project between is the end of the search.
    async fn workspace(
        &mut self,
        view: &View,
        folder: &Path,
        document: &Document,
    ) -> Result<(), FileFailure> {
        if document.at(WORKSPACE)?.is_some() {
            return Ok(());
        }
        for root in folder.ancestors().skip(1) {
            let path = root.join("pyproject.toml");
            let Some(above) = open(view, &path).await? else {
                continue;
            };
            if let Some(workspace) = above.at(WORKSPACE)? {
                if is_member(&workspace, root, folder)? {
                    self.files.push(path.clone());
                    self.uv(view, root, &path, &above).await?;
                }
                return Ok(());
            }
            if above.at(&["project"])?.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn poetry_source(
    item: &Item<'_>,
    location: &str,
    sources: &mut Vec<Declared>,
) -> Result<(), FileFailure> {
    let Some(name) = item.get("name")? else {
        return Err(item.fails("has no name"));
    };
    let name = name.text()?;
    let Some(url) = item.get("url")? else {
        // PyPI itself, listed for its priority (`poetry/factory.py`).
        if name.eq_ignore_ascii_case("pypi") {
            return Ok(());
        }
        return Err(item.fails("has no url"));
    };
    let mut source = Declared::read(name, &url, Form::Poetry, location)?;
    source.priority = match item.get("priority")? {
        Some(priority) => Some(priority.text()?.to_owned()),
        // The words of Poetry before 2.0.
        None => switch(item, &["default", "secondary"])?,
    };
    sources.push(source);
    Ok(())
}

fn uv_index(
    item: &Item<'_>,
    location: &str,
    sources: &mut Vec<Declared>,
) -> Result<(), FileFailure> {
    let url = item.get("url")?;
    // An index without a name has no credentials by name, and one in a folder has none at all.
    let Some(name) = item.get("name")? else {
        return Ok(());
    };
    let Some(url) = url else {
        return Err(item.fails("has no url"));
    };
    let name = name.text()?;
    let priority = switch(item, &["default", "explicit"])?;
    let publish = item.get("publish-url")?;
    let uses = [
        (Some(url), publish.as_ref().map(|_| Operation::Read)),
        (publish, Some(Operation::Upload)),
    ];
    let mut read = Vec::new();
    for (url, operation) in uses {
        if let Some(url) = url.filter(|url| !url.text().is_ok_and(is_folder)) {
            read.push(Declared {
                operation,
                priority: priority.clone(),
                ..Declared::read(name, &url, Form::Uv, location)?
            });
        }
    }
    sources.append(&mut read);
    Ok(())
}

/// The first of the switches that is true.
fn switch(item: &Item<'_>, keys: &[&str]) -> Result<Option<String>, FileFailure> {
    for key in keys {
        if let Some(value) = item.get(key)?
            && value.boolean()?
        {
            return Ok(Some((*key).to_owned()));
        }
    }
    Ok(None)
}

fn is_folder(url: &str) -> bool {
    !url.contains("://") || url.starts_with("file://")
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
