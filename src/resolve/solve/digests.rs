//! Digests that the first party asks for (`--hash`): a file that has none of them does not count.

use std::collections::HashMap;

use pep508_rs::{MarkerEnvironment, VersionOrUrl};

use super::problem::Problem;
use super::rules::Hidden;
use crate::index::project::File;
use crate::package::{PackageName, Requirement, Version, VersionSpecifiers};

/// Lists of digests, of each of which a file has to have one.
pub(super) type Lists = Vec<Vec<String>>;

/// The digests of one requirement, and for which versions: of all of them where it does not say.
type Given = (Option<VersionSpecifiers>, Vec<String>);

/// The digests, by the name of the project.
#[derive(Debug, Default)]
pub(super) struct Digests {
    by_name: HashMap<PackageName, Vec<Given>>,
    /// Whether requirements are about different places: a file then has to have one digest of all.
    any: bool,
}

impl Digests {
    /// Those of requirements and constraints that hold here.
    pub(super) fn new(problem: &Problem, here: Option<&MarkerEnvironment>) -> Self {
        let mut all = Self {
            any: here.is_none(),
            ..Self::default()
        };
        let wanted = problem.wanted.iter();
        let wanted = wanted.map(|wanted| (&wanted.requirement, &wanted.hashes));
        let others = problem.digests.iter();
        for (requirement, digests) in wanted.chain(others.map(|(one, digests)| (one, digests))) {
            let holds = here.is_none_or(|here| requirement.marker.evaluate(here, &[]));
            if holds && !digests.is_empty() {
                let entry = (range(requirement), digests.clone());
                let known = all.by_name.entry(requirement.name.clone()).or_default();
                known.push(entry);
            }
        }
        all
    }

    /// What files of this version have to have.
    pub(super) fn of(&self, name: &PackageName, version: &Version) -> Lists {
        let Some(entries) = self.by_name.get(name) else {
            return Vec::new();
        };
        let here = entries.iter().filter(|(range, _)| {
            let range = range.as_ref();
            range.is_none_or(|range| range.contains(version))
        });
        let lists: Lists = here.map(|(_, digests)| digests.clone()).collect();
        if self.any && lists.len() > 1 {
            return vec![lists.concat()];
        }
        lists
    }

    /// Whether a file has what it has to have.
    pub(super) fn check(
        &self,
        name: &PackageName,
        version: &Version,
        file: &File,
    ) -> Result<(), Hidden> {
        if self.by_name.is_empty() {
            return Ok(());
        }
        let lists = self.of(name, version);
        if lists.iter().all(|list| file.has_one_of(list)) {
            return Ok(());
        }
        // An index without digests cannot be told to have other bytes; nor that it has the same.
        let known = |list: &Vec<String>| {
            let mut kinds = list.iter().filter_map(|one| one.split_once(':'));
            kinds.any(|(kind, _)| file.hashes.contains_key(kind))
        };
        Err(if lists.iter().all(known) {
            Hidden::Digest
        } else {
            Hidden::Untold
        })
    }
}

fn range(requirement: &Requirement) -> Option<VersionSpecifiers> {
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(range)) => Some(range.clone()),
        _ => None,
    }
}
