//! One dependency as Poetry has it (poetry-core, `Factory.create_dependency`).

use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::{ExtraName, MarkerTree, PackageName, VersionOrUrl};

use super::super::direct::{self, Direct};
use super::super::{Around, Userinfo, Wanted};
use super::constraint::{Constraint, hull};
use super::marker;
use crate::package::Requirement;
use crate::package::document::Item;
use crate::package::requirement;

/// A dependency, read.
pub(in super::super) struct Entry {
    pub(in super::super) wanted: Wanted,
    /// Whether it is there for an extra only.
    pub(in super::super) optional: bool,
    /// The userinfo that stood in its URL.
    pub(in super::super) userinfo: Option<Userinfo>,
}

/// What a table of dependencies says of one name: one entry, or a list of them.
pub(in super::super) fn all(
    name: &str,
    item: &Item<'_>,
    around: &Around<'_>,
) -> Result<Vec<Entry>, Failure> {
    let name = PackageName::from_str(name).map_err(|_| item.wrong("it is no name of a package"))?;
    let list = item.clone().one_or_more()?;
    list.iter()
        .map(|one| {
            let mut read = entry(&name, one, around)?;
            read.wanted.line = one.line();
            Ok(read)
        })
        .collect()
}

fn entry(name: &PackageName, item: &Item<'_>, around: &Around<'_>) -> Result<Entry, Failure> {
    if item.is_text() {
        return Ok(Entry {
            wanted: versions(name, Vec::new(), item)?,
            optional: false,
            userinfo: None,
        });
    }
    let extras = item
        .texts_of("extras")?
        .into_iter()
        .map(ExtraName::from_str);
    let extras = extras
        .collect::<Result<Vec<ExtraName>, _>>()
        .map_err(|_| item.wrong("one of its extras is no name"))?;
    let mut userinfo = None;
    let mut wanted = if let Some(target) = target(item, around)? {
        userinfo = target.userinfo;
        let url = target.url;
        let requirement = direct::requirement(name.clone(), extras, url, MarkerTree::TRUE);
        Wanted::new(requirement, item.place())
    } else {
        match item.get("version")? {
            Some(version) => versions(name, extras, &version)?,
            None => Wanted::new(
                Requirement {
                    name: name.clone(),
                    extras,
                    version_or_url: None,
                    marker: MarkerTree::TRUE,
                    origin: None,
                },
                item.place(),
            ),
        }
    };
    for (key, read) in [
        (
            "markers",
            requirement::marker as fn(&str) -> Result<MarkerTree, String>,
        ),
        ("python", marker::python),
        ("platform", marker::platform),
    ] {
        if let Some(value) = item.get(key)? {
            let text = value.text()?;
            if !text.is_empty() {
                let marker = read(text).map_err(|what| value.wrong(&what))?;
                wanted.requirement.marker.and(marker);
            }
        }
    }
    wanted.source = item.text_of("source")?.map(str::to_owned);
    wanted.prereleases = item.is_set("allow-prereleases")? || item.is_set("allows-prereleases")?;
    Ok(Entry {
        wanted,
        optional: item.is_set("optional")?,
        userinfo,
    })
}

fn versions(
    name: &PackageName,
    extras: Vec<ExtraName>,
    item: &Item<'_>,
) -> Result<Wanted, Failure> {
    let all = Constraint::parse(item.text()?)
        .and_then(|read| read.specifiers())
        .map_err(|what| item.wrong(&what))?;
    let bounds = hull(&all);
    let requirement = Requirement {
        name: name.clone(),
        extras,
        version_or_url: (!bounds.is_empty()).then_some(VersionOrUrl::VersionSpecifier(bounds)),
        marker: MarkerTree::TRUE,
        origin: None,
    };
    let mut wanted = Wanted::new(requirement, item.place());
    if all.len() > 1 {
        wanted.any_of = all;
    }
    Ok(wanted)
}

/// Where a `git`, `file`, `path` or `url` entry leads.
fn target(item: &Item<'_>, around: &Around<'_>) -> Result<Option<Direct>, Failure> {
    let subdirectory = item.text_of("subdirectory")?;
    let with_fragment = |mut direct: Direct| {
        if let Some(below) = subdirectory {
            direct
                .url
                .set_fragment(Some(&format!("subdirectory={below}")));
        }
        direct
    };
    if let Some(git) = item.get("git")? {
        let mut direct = repository(git.text()?, around).map_err(|what| git.wrong(&what))?;
        for key in ["branch", "tag", "rev"] {
            if let Some(reference) = item.text_of(key)? {
                let path = format!("{}@{reference}", direct.url.path());
                direct.url.set_path(&path);
                break;
            }
        }
        return Ok(Some(with_fragment(direct)));
    }
    for key in ["file", "path"] {
        if let Some(path) = item.get(key)? {
            let text = path.text()?;
            let whole = around.folder.join(text);
            let read =
                |text: &str| direct::of_path(text, around.folder).map_err(|what| path.wrong(&what));
            // A part of a file is told by a fragment; a part of a folder is a folder.
            if key == "file" || around.files.is_file(&whole) {
                return Ok(Some(with_fragment(read(text)?)));
            }
            let below = match subdirectory {
                Some(below) => format!("{text}/{below}"),
                None => text.to_owned(),
            };
            return Ok(Some(read(&below)?));
        }
    }
    if let Some(url) = item.get("url")? {
        let text = url.text()?;
        if !direct::is_url(text) {
            return Err(url.wrong("it is no URL"));
        }
        let read = direct::read(text, around.folder).map_err(|what| url.wrong(&what))?;
        return Ok(Some(with_fragment(read)));
    }
    Ok(None)
}

/// A repository of git, also `git@host:path`, as a `git+` URL.
pub(in super::super) fn repository(text: &str, around: &Around<'_>) -> Result<Direct, String> {
    let text = text.strip_prefix("git+").unwrap_or(text);
    if direct::is_url(text) {
        return direct::read(&format!("git+{text}"), around.folder);
    }
    let scp = text
        .split_once(':')
        .filter(|(host, path)| !host.contains(['/', '\\']) && host.len() > 1 && !path.is_empty());
    if let Some((host, path)) = scp {
        let path = path.trim_start_matches('/');
        return direct::read(&format!("git+ssh://{host}/{path}"), around.folder);
    }
    let local = direct::of_path(text, around.folder)?;
    direct::read(&format!("git+{}", local.url), around.folder)
}
