//! What `[tool.uv]` says about requirements.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::{MarkerTree, PackageName, VersionOrUrl};

use super::direct::{self, Direct};
use super::poetry::entry;
use super::workspace::Workspace;
use super::{Around, Asked, Role, Wanted, requirements};
use crate::package::document::{Document, Item};
use crate::package::requirement;

/// Where a requirement stands, for sources that hold only there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// The dependencies themselves.
    Main,
    /// This extra.
    Extra(String),
    /// This group.
    Group(String),
}

/// `[tool.uv.sources]`, by name.
#[derive(Default)]
pub(super) struct Sources<'a>(BTreeMap<PackageName, (Vec<Item<'a>>, PathBuf)>);

impl<'a> Sources<'a> {
    /// Adds those of a file, whose paths start from `folder`; they go before what is there.
    pub(super) fn add(&mut self, document: &'a Document, folder: &Path) -> Result<(), Failure> {
        let Some(table) = document.at(&["tool", "uv", "sources"])? else {
            return Ok(());
        };
        for (name, item) in table.entries()? {
            let name = PackageName::from_str(name)
                .map_err(|_| item.wrong("it is no name of a package"))?;
            let entries = item.one_or_more()?;
            self.0.insert(name, (entries, folder.to_owned()));
        }
        Ok(())
    }

    /// A requirement, with where it has to come from; more than one where that depends.
    pub(super) fn applied(
        &self,
        wanted: Wanted,
        within: &Within,
        asked: &mut Asked,
        workspace: &Workspace,
        around: &Around<'_>,
    ) -> Result<Vec<Wanted>, Failure> {
        let requirement = &wanted.requirement;
        let is_direct = matches!(requirement.version_or_url, Some(VersionOrUrl::Url(_)));
        let Some((entries, folder)) = self.0.get(&requirement.name).filter(|_| !is_direct) else {
            return Ok(vec![wanted]);
        };
        let around = around.of(folder);
        let mut found = Vec::new();
        let mut rest = requirement.marker.clone();
        for item in entries {
            let holds = match (item.text_of("extra")?, item.text_of("group")?) {
                (None, None) => true,
                (Some(extra), _) => *within == Within::Extra(normal(extra)),
                (_, Some(group)) => *within == Within::Group(normal(group)),
            };
            let condition = match item.get("marker")? {
                Some(text) => {
                    requirement::marker(text.text()?).map_err(|what| text.wrong(&what))?
                }
                None => MarkerTree::TRUE,
            };
            let mut marker = rest.clone();
            marker.and(condition.clone());
            if !holds || marker.is_false() {
                continue;
            }
            rest.and(condition.negate());
            let mut one = wanted.clone();
            one.from = format!("{} with {}", wanted.from, item.place());
            one.requirement.marker = marker;
            if let Some(index) = item.text_of("index")? {
                one.source = Some(index.to_owned());
            } else {
                let name = &requirement.name;
                let target = target(name, item, workspace, &around)?;
                one.requirement.version_or_url = Some(VersionOrUrl::Url(target.url.into()));
                asked.userinfo.extend(target.userinfo);
            }
            found.push(one);
        }
        if !rest.is_false() {
            let mut plain = wanted;
            plain.requirement.marker = rest;
            found.push(plain);
        }
        Ok(found)
    }
}

fn normal(name: &str) -> String {
    super::groups::normal(name).unwrap_or_default()
}

fn target(
    name: &PackageName,
    item: &Item<'_>,
    workspace: &Workspace,
    around: &Around<'_>,
) -> Result<Direct, Failure> {
    let mut fragment = item.text_of("subdirectory")?;
    let mut direct = if let Some(git) = item.get("git")? {
        let mut direct = entry::repository(git.text()?, around).map_err(|what| git.wrong(&what))?;
        for key in ["rev", "tag", "branch"] {
            if let Some(reference) = item.text_of(key)? {
                let path = format!("{}@{reference}", direct.url.path());
                direct.url.set_path(&path);
                break;
            }
        }
        direct
    } else if let Some(url) = item.get("url")? {
        direct::read(url.text()?, around.folder).map_err(|what| url.wrong(&what))?
    } else if let Some(path) = item.get("path")? {
        let below = fragment.take().map(|below| format!("/{below}"));
        let text = format!("{}{}", path.text()?, below.unwrap_or_default());
        direct::of_path(&text, around.folder).map_err(|what| path.wrong(&what))?
    } else if item.is_set("workspace")? {
        let folder = workspace.member(name).ok_or_else(|| {
            item.wrong("the workspace has no member of this name")
                .hint("look at `members` of [tool.uv.workspace]")
        })?;
        direct::of_path(&folder.to_string_lossy(), around.folder)
            .map_err(|what| item.wrong(&what))?
    } else {
        return Err(item.must_be("a source with index, git, url, path or workspace"));
    };
    if let Some(below) = fragment {
        direct
            .url
            .set_fragment(Some(&format!("subdirectory={below}")));
    }
    Ok(direct)
}

/// Takes over what the settings say: `[tool.uv]`, or `uv.toml`, where it is there, in its place.
pub(super) fn settings(
    asked: &mut Asked,
    settings: &Item<'_>,
    around: &Around<'_>,
) -> Result<(), Failure> {
    for (key, role) in [
        ("constraint-dependencies", Role::Constraints),
        ("override-dependencies", Role::Overrides),
    ] {
        if let Some(list) = settings.get(key)? {
            for item in list.list()? {
                let one = requirements::pep508(asked, &item, around)?;
                asked.take(one, role);
            }
        }
    }
    if let Some(item) = settings.get("environments")? {
        let list = item.one_or_more()?;
        for one in list {
            let marker = requirement::marker(one.text()?).map_err(|what| one.wrong(&what))?;
            asked.environments.push(marker);
        }
    }
    let choices = &mut asked.choices;
    for (key, place) in [
        ("prerelease", &mut choices.prerelease),
        ("resolution", &mut choices.resolution),
        ("exclude-newer", &mut choices.exclude_newer),
    ] {
        if let Some(text) = settings.text_of(key)? {
            *place = Some(text.to_owned());
        }
    }
    Ok(())
}
