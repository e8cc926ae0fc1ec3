//! What is to be solved.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use pep508_rs::MarkerEnvironment;

use crate::package::tags::Tags;
use crate::package::{MarkerTree, PackageName, Requirement, Version, VersionSpecifiers};
use crate::resolve::input::Wanted;

/// What is asked for, for where, and by which rules.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What has to be there.
    pub wanted: Vec<Wanted>,
    /// What holds only for packages that something else asks for.
    pub constraints: Vec<Requirement>,
    /// What replaces every other requirement on its name.
    pub overrides: Vec<Requirement>,
    /// Digests that constraints ask for, besides those of what is wanted (`sha256:...`).
    pub digests: Vec<(Requirement, Vec<String>)>,
    /// Where it is to be installed.
    pub environment: Environment,
    /// Which pre-releases are allowed.
    pub prerelease: Prerelease,
    /// Which of the versions that are allowed is taken.
    pub strategy: Strategy,
    /// Files that were uploaded later, or nobody knows when, do not exist.
    pub exclude_newer: Option<Timestamp>,
    /// Pins of an earlier resolution, kept where they still fit.
    pub preferences: Vec<Preference>,
    /// Which of these pins are not kept.
    pub upgrade: Names,
    /// Projects whose source archives are not to be used.
    pub no_build: Names,
    /// Projects whose wheels are not to be used.
    pub no_binary: Names,
    /// Only what is wanted itself, not what it needs.
    pub no_deps: bool,
}

impl Problem {
    /// A problem with uv's defaults: nothing but these requirements.
    pub fn new(wanted: Vec<Wanted>, environment: Environment) -> Self {
        Self {
            wanted,
            constraints: Vec::new(),
            overrides: Vec::new(),
            digests: Vec::new(),
            environment,
            prerelease: Prerelease::default(),
            strategy: Strategy::default(),
            exclude_newer: None,
            preferences: Vec::new(),
            upgrade: Names::None,
            no_build: Names::None,
            no_binary: Names::None,
            no_deps: false,
        }
    }

    /// Projects that are looked up whatever the environment is, in whatever source has them.
    pub fn certain(&self) -> BTreeSet<PackageName> {
        let places = super::drive::places(self);
        let replaced = |name: &PackageName| self.overrides.iter().any(|other| other.name == *name);
        self.wanted
            .iter()
            .map(|wanted| &wanted.requirement)
            .filter(|wanted| wanted.marker.is_true())
            .map(|wanted| &wanted.name)
            .filter(|name| !places.contains_key(*name) && !replaced(name))
            .cloned()
            .collect()
    }
}

/// Where a resolution is for.
#[derive(Clone, Debug)]
pub enum Environment {
    /// One interpreter on one machine.
    One {
        /// What its markers say.
        markers: Box<MarkerEnvironment>,
        /// Which wheels it takes.
        tags: Arc<Tags>,
    },
    /// Every platform and every Python of a range: one answer with markers.
    Universal {
        /// The Pythons, from the first to the last; `None`: all of them. That packages name a last
        /// Python of their own is not used: they do not know that a later one fails.
        requires_python: Option<VersionSpecifiers>,
        /// Only these environments; empty: all.
        environments: Vec<MarkerTree>,
        /// Which wheels some interpreter of these takes.
        tags: Arc<Tags>,
    },
}

/// Which pre-releases are allowed. The words are uv's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prerelease {
    /// None.
    Disallow,
    /// All.
    Allow,
    /// Where no final release is in the range.
    #[default]
    IfNecessary,
    /// Where the first party names one in a specifier.
    Explicit,
    /// Either of the last two.
    IfNecessaryOrExplicit,
}

/// Which of the versions that are allowed is taken. The words are uv's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The highest.
    #[default]
    Highest,
    /// The lowest.
    Lowest,
    /// The lowest of what the first party asks for, the highest of all else.
    LowestDirect,
}

/// A pin of an earlier resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Where the pin held.
    pub marker: MarkerTree,
}

/// Some projects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These.
    These(BTreeSet<PackageName>),
}

impl Names {
    /// Whether this is one of them.
    pub fn contain(&self, name: &PackageName) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }
}
