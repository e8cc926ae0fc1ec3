//! uv's workspaces: which folder each member is in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::PackageName;
use zeroize::Zeroizing;

use super::Around;
use crate::domain::workspace::{WORKSPACE, is_member};
use crate::package::document::{Document, Item};

/// How many folders deep a `**` is followed, and how many folders are looked at in all.
const DEPTH: usize = 6;
const FOLDERS: usize = 10_000;

/// A workspace, as far as a project needs to know.
#[derive(Default)]
pub(super) struct Workspace {
    /// The root's folder and its `pyproject.toml`, where the project is not the root itself.
    pub(super) root: Option<(PathBuf, Zeroizing<String>)>,
    members: BTreeMap<PackageName, PathBuf>,
}

impl Workspace {
    /// The workspace that the project in this folder is in; without members where it is in none.
    ///
    /// # Errors
    /// Where the project's own file is no TOML, or a file cannot be read.
    pub(super) fn find(folder: &Path, around: &Around<'_>) -> Result<Self, Failure> {
        for place in folder.ancestors() {
            let path = place.join("pyproject.toml");
            let Some(text) = around.files.text(&path)? else {
                continue;
            };
            let name = path.to_string_lossy();
            // A file above the project may have nothing to do with it.
            let document = match Document::parse(&name, &text) {
                Err(failure) if place == folder => return Err(failure),
                Err(_) => continue,
                Ok(document) => document,
            };
            let Some(table) = document.at(WORKSPACE).unwrap_or(None) else {
                continue;
            };
            if place != folder && !is_member(table.inner(), place, folder)? {
                // Its nearest root does not count it in: it is on its own.
                return Ok(Self::default());
            }
            let mut found = members(&table, place, around)?;
            found.push(place.to_owned());
            let members = found
                .into_iter()
                .filter_map(|folder| Some((name_of(&folder, around)?, folder)));
            let members = members.collect();
            let root = (place != folder).then(|| (place.to_owned(), text.clone()));
            return Ok(Self { root, members });
        }
        Ok(Self::default())
    }

    /// The folder of a member.
    pub(super) fn member(&self, name: &PackageName) -> Option<&Path> {
        self.members.get(name).map(PathBuf::as_path)
    }
}

/// The folders of the members: below what their patterns begin with.
fn members(table: &Item<'_>, root: &Path, around: &Around<'_>) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut left = FOLDERS;
    for pattern in table.texts_of("members")? {
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        let plain = parts
            .iter()
            .take_while(|part| !part.contains(['*', '?', '[']));
        let start = plain.fold(root.to_owned(), |place, part| place.join(part));
        let depth = if parts.contains(&"**") {
            DEPTH
        } else {
            parts.len()
        };
        let mut level = vec![start];
        for _ in 0..=depth {
            let mut next = Vec::new();
            for place in level {
                if left == 0 {
                    break;
                }
                left -= 1;
                next.extend(around.files.folders(&place));
                if is_member(table.inner(), root, &place)? {
                    found.push(place);
                }
            }
            level = next;
        }
    }
    Ok(found)
}

fn name_of(folder: &Path, around: &Around<'_>) -> Option<PackageName> {
    let text = around.files.text(&folder.join("pyproject.toml")).ok()??;
    let document = Document::parse("pyproject.toml", &text).ok()?;
    let name = document.at(&["project", "name"]).ok()??;
    PackageName::from_str(name.text().ok()?).ok()
}
