//! uv's workspaces: which folder each member is in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::PackageName;
use zeroize::Zeroizing;

use super::{Around, direct};
use crate::package::document::Document;

/// How deep `**` goes.
const DEPTH: usize = 6;

/// A workspace, as far as a project needs to know.
#[derive(Default)]
pub(super) struct Workspace {
    /// The root's folder and its `pyproject.toml`, where the project is not the root itself.
    pub(super) root: Option<(PathBuf, Zeroizing<String>)>,
    members: BTreeMap<PackageName, PathBuf>,
}

impl Workspace {
    /// The workspace that the project in this folder is in; without members where it is in none.
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
            let Some(table) = document.at(&["tool", "uv", "workspace"]).unwrap_or(None) else {
                continue;
            };
            let mut found = Vec::new();
            for pattern in table.texts_of("members")? {
                matching(place, pattern, around, &mut found);
            }
            let mut excluded = Vec::new();
            for pattern in table.texts_of("exclude")? {
                matching(place, pattern, around, &mut excluded);
            }
            found.retain(|folder| !excluded.contains(folder));
            if place != folder && !found.iter().any(|member| member == folder) {
                // Its nearest root does not count it in: it is on its own.
                return Ok(Self::default());
            }
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

fn name_of(folder: &Path, around: &Around<'_>) -> Option<PackageName> {
    let text = around.files.text(&folder.join("pyproject.toml")).ok()??;
    let document = Document::parse("pyproject.toml", &text).ok()?;
    let name = document.at(&["project", "name"]).ok()??;
    PackageName::from_str(name.text().ok()?).ok()
}

/// The folders below `root` that a pattern names.
fn matching(root: &Path, pattern: &str, around: &Around<'_>, found: &mut Vec<PathBuf>) {
    let mut places = vec![root.to_owned()];
    for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
        places = places
            .iter()
            .flat_map(|place| step(place, segment, around))
            .collect();
    }
    found.extend(places.into_iter().map(|place| direct::normal(&place)));
}

fn step(place: &Path, segment: &str, around: &Around<'_>) -> Vec<PathBuf> {
    if segment == "**" {
        let mut all = vec![place.to_owned()];
        let mut level = all.clone();
        for _ in 0..DEPTH {
            level = level
                .iter()
                .flat_map(|place| around.files.folders(place))
                .collect();
            all.extend(level.iter().cloned());
        }
        return all;
    }
    if !segment.contains(['*', '?', '[']) {
        return vec![place.join(segment)];
    }
    around
        .files
        .folders(place)
        .into_iter()
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            name.is_some_and(|name| !name.starts_with('.') && fits(segment, &name))
        })
        .collect()
}

/// `*` and `?`, as in a shell; a set in brackets is taken as it is.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let mut reach = vec![false; name.len() + 1];
    reach[0] = true;
    for part in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match part {
                '*' => reach[at] || (at > 0 && next[at - 1]),
                '?' => at > 0 && reach[at - 1],
                char => at > 0 && reach[at - 1] && name[at - 1] == char,
            };
        }
        reach = next;
    }
    reach[name.len()]
}
