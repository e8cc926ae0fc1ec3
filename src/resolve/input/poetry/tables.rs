//! The tables of `[tool.poetry]`: dependencies, extras, groups.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::{ExtraName, MarkerTree, PackageName, VersionOrUrl};

use super::super::{Around, Asked, Wanted};
use super::constraint::{Constraint, hull};
use super::entry::{self, Entry};
use super::marker;
use crate::package::VersionSpecifiers;
use crate::package::document::Item;

/// What Poetry's main table says.
#[derive(Default)]
pub(in super::super) struct Main {
    pub(in super::super) entries: Vec<Entry>,
    /// `python`, in PEP 440's language, and as a marker where that language cannot say it.
    pub(in super::super) python: Option<(VersionSpecifiers, Option<MarkerTree>)>,
}

impl Main {
    /// Reads `[tool.poetry.dependencies]`.
    pub(in super::super) fn read(
        table: Option<&Item<'_>>,
        around: &Around<'_>,
    ) -> Result<Self, Failure> {
        let mut main = Self::default();
        let Some(table) = table else {
            return Ok(main);
        };
        for (name, item) in table.entries()? {
            if name.eq_ignore_ascii_case("python") {
                main.python = Some(python(&item)?);
            } else {
                main.entries.extend(entry::all(name, &item, around)?);
            }
        }
        Ok(main)
    }

    /// The entries of a name.
    pub(in super::super) fn of<'a>(
        &'a self,
        name: &'a PackageName,
    ) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.wanted.requirement.name == *name)
    }
}

fn python(item: &Item<'_>) -> Result<(VersionSpecifiers, Option<MarkerTree>), Failure> {
    let text = item.text()?;
    let all = Constraint::parse(text)
        .and_then(|read| read.specifiers())
        .map_err(|what| item.wrong(&what))?;
    let marker = (all.len() > 1)
        .then(|| marker::python(text))
        .transpose()
        .map_err(|what| item.wrong(&what))?;
    Ok((hull(&all), marker))
}

/// `[tool.poetry.extras]`: the names of the packages of each.
pub(in super::super) fn extras(
    table: Option<&Item<'_>>,
) -> Result<BTreeMap<ExtraName, Vec<PackageName>>, Failure> {
    let mut extras = BTreeMap::new();
    let Some(table) = table else {
        return Ok(extras);
    };
    for (name, item) in table.entries()? {
        let name =
            ExtraName::from_str(name).map_err(|_| item.wrong("it is no name of an extra"))?;
        let mut packages = Vec::new();
        for one in item.list()? {
            let package = PackageName::from_str(one.text()?);
            packages.push(package.map_err(|_| one.wrong("it is no name of a package"))?);
        }
        extras.insert(name, packages);
    }
    Ok(extras)
}

/// A dependency of `[project]` with what Poetry's table adds to it (poetry-core, `_enrich_dependency`
/// and `dependencies_for_locking`): all entries of its name that can apply where it does.
pub(in super::super) fn enriched(
    asked: &mut Asked,
    of_project: Wanted,
    main: &Main,
) -> Result<Vec<Wanted>, Failure> {
    let mut found = Vec::new();
    let name = of_project.requirement.name.clone();
    for entry in main.of(&name) {
        let mut marker = of_project.requirement.marker.clone();
        marker.and(entry.wanted.requirement.marker.clone());
        if marker.is_false() {
            continue;
        }
        asked.userinfo.extend(entry.userinfo.clone());
        found.push(joined(&of_project, &entry.wanted, marker)?);
    }
    if found.is_empty() {
        found.push(of_project);
    }
    Ok(found)
}

fn joined(of_project: &Wanted, of_poetry: &Wanted, marker: MarkerTree) -> Result<Wanted, Failure> {
    let ours = of_project.requirement.version_or_url.as_ref();
    let theirs = of_poetry.requirement.version_or_url.as_ref();
    let mut wanted = of_poetry.clone();
    wanted.from = format!("{} with {}", of_project.from, of_poetry.from);
    wanted
        .requirement
        .extras
        .clone_from(&of_project.requirement.extras);
    wanted.requirement.marker = marker;
    wanted.requirement.version_or_url = match (ours, theirs) {
        (None, theirs) => theirs.cloned(),
        (ours, None) => ours.cloned(),
        (Some(VersionOrUrl::Url(ours)), Some(VersionOrUrl::Url(theirs))) => {
            if ours != theirs {
                let what = "and names another URL for the same package";
                return Err(super::super::wrong(&wanted.from, what));
            }
            Some(VersionOrUrl::Url(ours.clone()))
        }
        (Some(VersionOrUrl::Url(url)), _) | (_, Some(VersionOrUrl::Url(url))) => {
            Some(VersionOrUrl::Url(url.clone()))
        }
        (
            Some(VersionOrUrl::VersionSpecifier(ours)),
            Some(VersionOrUrl::VersionSpecifier(theirs)),
        ) => {
            let both = ours.iter().chain(theirs.iter()).cloned().collect();
            Some(VersionOrUrl::VersionSpecifier(both))
        }
    };
    if matches!(ours, Some(VersionOrUrl::Url(_))) {
        wanted.source = None;
        wanted.any_of.clear();
    }
    Ok(wanted)
}
