//! What a package needs, ready for the solver: sets of versions, and markers without extras.

use std::collections::HashMap;
use std::sync::Arc;

use pep508_rs::VersionOrUrl;
use url::Url;

use super::marker;
use super::range::{self, Range};
use super::rules::Rules;
use crate::package::metadata::Metadata;
use crate::package::{ExtraName, MarkerTree, PackageName, Requirement};

/// One requirement.
#[derive(Clone, Debug)]
pub(super) struct Need {
    /// The project.
    pub(super) name: PackageName,
    /// Its extras.
    pub(super) extras: Vec<ExtraName>,
    /// The versions.
    pub(super) range: Range,
    /// A direct URL instead of versions.
    pub(super) url: Option<Url>,
    /// Where it holds when no extra is asked for. True or false outside universal resolutions.
    plain: MarkerTree,
    /// Where it holds when one extra is asked for, for the extras that its marker speaks of.
    by_extra: Vec<(ExtraName, MarkerTree)>,
}

impl Need {
    /// The requirement as these rules see it.
    pub(super) fn new(requirement: &Requirement, rules: &Rules) -> Self {
        let (range, url) = match &requirement.version_or_url {
            None => (Range::full(), None),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => (range::of(specifiers), None),
            Some(VersionOrUrl::Url(url)) => (Range::full(), Some(url.to_url())),
        };
        let marker = &requirement.marker;
        let extras = if marker.is_true() {
            std::collections::BTreeSet::new()
        } else {
            marker::extras(marker)
        };
        let plain = rules.settle(marker, None, extras.is_empty());
        let by_extra = extras
            .into_iter()
            .map(|extra| {
                let marker = rules.settle(marker, Some(&extra), false);
                (extra, marker)
            })
            .collect();
        Self {
            name: requirement.name.clone(),
            extras: requirement.extras.clone(),
            range,
            url,
            plain,
            by_extra,
        }
    }

    /// Where it holds when this extra is asked for; without one, when none is.
    pub(super) fn marker(&self, extra: Option<&ExtraName>) -> &MarkerTree {
        extra
            .and_then(|extra| self.by_extra.iter().find(|(name, _)| name == extra))
            .map_or(&self.plain, |(_, marker)| marker)
    }

    /// Whether it holds with the extra but not always without it.
    pub(super) fn is_of_extra(&self, extra: &ExtraName) -> bool {
        self.by_extra
            .iter()
            .any(|(name, marker)| name == extra && !marker.is_false() && *marker != self.plain)
    }

    /// Whether its marker speaks of the extra.
    pub(super) fn names_extra(&self, extra: &ExtraName) -> bool {
        self.by_extra.iter().any(|(name, _)| name == extra)
    }

    fn never(&self) -> bool {
        self.plain.is_false() && self.by_extra.iter().all(|(_, marker)| marker.is_false())
    }

    /// The same need where another one has to hold as well.
    fn where_also(mut self, other: &Self) -> Self {
        let plain = marker::and(&self.plain, &other.plain);
        self.by_extra = other
            .by_extra
            .iter()
            .map(|(extra, marker)| (extra.clone(), marker::and(marker, &self.plain)))
            .collect();
        self.plain = plain;
        self
    }
}

/// What replaces and what narrows requirements, by the project's name.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) overrides: HashMap<PackageName, Vec<Need>>,
    pub(super) constraints: HashMap<PackageName, Vec<Need>>,
}

impl Changes {
    /// Adds a need, or what stands in its place, and what narrows it.
    pub(super) fn apply(&self, need: Need, to: &mut Vec<Need>) {
        match self.overrides.get(&need.name) {
            None => self.narrow(need, to),
            Some(others) => {
                for other in others {
                    // An override holds everywhere, but what is optional stays so (uv's rule).
                    let mut other = other.clone();
                    if !need.by_extra.is_empty() {
                        let everywhere = other.plain.clone();
                        other.by_extra = need
                            .by_extra
                            .iter()
                            .map(|(extra, _)| (extra.clone(), everywhere.clone()))
                            .collect();
                        other.plain = MarkerTree::FALSE;
                    }
                    self.narrow(other, to);
                }
            }
        }
    }

    fn narrow(&self, need: Need, to: &mut Vec<Need>) {
        if need.never() {
            return;
        }
        for constraint in self.constraints.get(&need.name).into_iter().flatten() {
            let constraint = constraint.clone().where_also(&need);
            if !constraint.never() {
                to.push(constraint);
            }
        }
        to.push(need);
    }
}

/// The metadata of a version, with its needs.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) metadata: Arc<Metadata>,
    pub(super) needs: Vec<Need>,
}

impl Facts {
    pub(super) fn new(metadata: Arc<Metadata>, rules: &Rules) -> Self {
        let mut needs = Vec::new();
        if !rules.no_deps {
            for requirement in &metadata.requires {
                rules
                    .changes
                    .apply(Need::new(requirement, rules), &mut needs);
            }
        }
        Self { metadata, needs }
    }

    /// Whether the version has this extra.
    pub(super) fn has_extra(&self, extra: &ExtraName) -> bool {
        self.metadata.extras.contains(extra)
            || self.needs.iter().any(|need| need.names_extra(extra))
    }
}
