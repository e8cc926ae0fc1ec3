//! The rules of a resolution: which files count, which versions are allowed.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use pep440_rs::Operator;
use pep508_rs::{MarkerEnvironment, VersionOrUrl};

use super::digests::Digests;
use super::marker;
use super::need::{Changes, Need};
use super::problem::{Environment, Names, Prerelease, Problem, Strategy};
use crate::index::project::File;
use crate::package::filename::Filename;
use crate::package::order;
use crate::package::tags::Tags;
use crate::package::{ExtraName, MarkerTree, PackageName, Requirement, Version, VersionSpecifiers};

/// The rules, ready for use.
pub(super) struct Rules {
    tags: Arc<Tags>,
    /// The markers of the one environment; none in a universal resolution.
    markers: Option<Box<MarkerEnvironment>>,
    /// The Python of the one environment.
    python: Option<Version>,
    /// The least Python of a universal resolution.
    pub(super) least: Option<Version>,
    /// Where the Pythons of a universal resolution end. What packages say of later Pythons is no
    /// limit; what the first party says of its own is one, as with uv.
    pub(super) limit: Bound<Version>,
    prerelease: Prerelease,
    pub(super) strategy: Strategy,
    pub(super) cutoff: Option<Timestamp>,
    no_build: Names,
    no_binary: Names,
    pub(super) no_deps: bool,
    pub(super) changes: Changes,
    pub(super) digests: Digests,
    preferences: HashMap<PackageName, Vec<Version>>,
    /// Versions that the first party pins, which may be yanked.
    pins: HashSet<(PackageName, Version)>,
    /// Projects for which a pre-release is named in a specifier.
    explicit: HashSet<PackageName>,
    /// Projects for which all pre-releases are allowed.
    wild: HashSet<PackageName>,
}

/// How pre-releases of a project are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pre {
    Never,
    Last,
    Always,
}

/// Why a version is as if it were not there. The later one hides less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hidden {
    /// Only files of a kind that is not to be used.
    Kind,
    /// Uploaded after the cutoff, or nobody knows when.
    Cutoff,
    /// No wheel fits, and there is no source archive.
    Tags,
    /// Another Python is needed.
    Python(String),
    /// Its page has no digest to hold against those that are asked for.
    Untold,
    /// It has none of the digests that are asked for.
    Digest,
    /// Yanked, with the reason.
    Yanked(String),
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind => f.write_str("only files of a kind that is not to be used"),
            Self::Cutoff => f.write_str("uploaded after the cutoff"),
            Self::Tags => f.write_str("no wheel fits this platform, no source archive"),
            Self::Python(needed) => write!(f, "needs Python {needed}"),
            Self::Untold => f.write_str("its page has no digest to hold against those of --hash"),
            Self::Digest => f.write_str("no file has one of the digests of --hash"),
            Self::Yanked(reason) if reason.is_empty() => f.write_str("yanked"),
            Self::Yanked(reason) => write!(f, "yanked: {reason}"),
        }
    }
}

/// The file of a version that its metadata are read from.
#[derive(Clone, Debug)]
pub(super) struct Pick {
    /// Its place among the files of the version.
    pub(super) file: usize,
    /// Whether the version was yanked, and why.
    pub(super) yanked: Option<String>,
    /// The least Python of the version, where its page says so; universal resolutions only.
    pub(super) least: Option<Version>,
}

impl Rules {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut rules = Self {
            tags: match &problem.environment {
                Environment::One { tags, .. } | Environment::Universal { tags, .. } => tags.clone(),
            },
            markers: None,
            python: None,
            least: None,
            limit: Bound::Unbounded,
            prerelease: problem.prerelease,
            strategy: problem.strategy,
            cutoff: problem.exclude_newer,
            no_build: problem.no_build.clone(),
            no_binary: problem.no_binary.clone(),
            no_deps: problem.no_deps,
            changes: Changes::default(),
            digests: Digests::default(),
            preferences: HashMap::new(),
            pins: HashSet::new(),
            explicit: HashSet::new(),
            wild: HashSet::new(),
        };
        match &problem.environment {
            Environment::One { markers, .. } => {
                rules.python = Some(markers.python_full_version().version.clone());
                rules.markers = Some(markers.clone());
            }
            Environment::Universal {
                requires_python, ..
            } => {
                if let Some(range) = requires_python {
                    rules.least = marker::least_of(range);
                    rules.limit = marker::limit_of(range);
                }
            }
        }
        rules.digests = Digests::new(problem, rules.markers.as_deref());
        for preference in &problem.preferences {
            rules
                .pins
                .insert((preference.name.clone(), preference.version.clone()));
            if !problem.upgrade.contain(&preference.name) {
                rules
                    .preferences
                    .entry(preference.name.clone())
                    .or_default()
                    .push(preference.version.clone());
            }
        }
        let wanted = problem.wanted.iter().map(|wanted| &wanted.requirement);
        let others = problem.constraints.iter().chain(&problem.overrides);
        for requirement in wanted.chain(others) {
            rules.note(requirement);
        }
        for wanted in &problem.wanted {
            if wanted.prereleases {
                rules.wild.insert(wanted.requirement.name.clone());
            }
        }
        let mut changes = Changes::default();
        for (requirements, needs) in [
            (&problem.overrides, &mut changes.overrides),
            (&problem.constraints, &mut changes.constraints),
        ] {
            for requirement in requirements {
                needs
                    .entry(requirement.name.clone())
                    .or_default()
                    .push(Need::new(requirement, &rules));
            }
        }
        rules.changes = changes;
        rules
    }

    /// What a first party's requirement allows beyond its range.
    fn note(&mut self, requirement: &Requirement) {
        let Some(VersionOrUrl::VersionSpecifier(specifiers)) = &requirement.version_or_url else {
            return;
        };
        if let [one] = &**specifiers
            && matches!(one.operator(), Operator::Equal | Operator::ExactEqual)
        {
            self.pins
                .insert((requirement.name.clone(), one.version().clone()));
        }
        if specifiers.iter().any(|one| one.version().any_prerelease()) {
            self.explicit.insert(requirement.name.clone());
        }
    }

    /// Whether this is for all environments.
    pub(super) fn universal(&self) -> bool {
        self.markers.is_none()
    }

    /// A marker as far as it is known: for one environment true or false.
    pub(super) fn settle(
        &self,
        marker: &MarkerTree,
        extra: Option<&ExtraName>,
        no_extras: bool,
    ) -> MarkerTree {
        match &self.markers {
            Some(environment) => {
                let extras = extra.map(std::slice::from_ref).unwrap_or_default();
                if marker.is_true() || marker.evaluate(environment, extras) {
                    MarkerTree::TRUE
                } else {
                    MarkerTree::FALSE
                }
            }
            None if no_extras => marker.clone(),
            None => marker::with_extra(marker, extra),
        }
    }

    /// Whether the first party pins this version, so that it may be yanked.
    pub(super) fn pinned(&self, name: &PackageName, version: &Version) -> bool {
        !self.pins.is_empty() && self.pins.contains(&(name.clone(), version.clone()))
    }

    /// How pre-releases of the project are looked at.
    pub(super) fn pre(&self, name: &PackageName) -> Pre {
        if self.wild.contains(name) {
            return Pre::Always;
        }
        let explicit = self.explicit.contains(name);
        match self.prerelease {
            Prerelease::Allow => Pre::Always,
            Prerelease::Explicit | Prerelease::IfNecessaryOrExplicit if explicit => Pre::Always,
            Prerelease::IfNecessary | Prerelease::IfNecessaryOrExplicit => Pre::Last,
            Prerelease::Disallow | Prerelease::Explicit => Pre::Never,
        }
    }

    /// The versions of the project that an earlier resolution had.
    pub(super) fn preferred(&self, name: &PackageName) -> &[Version] {
        self.preferences.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the one environment's Python will do.
    pub(super) fn takes_python(&self, needed: &VersionSpecifiers) -> bool {
        self.python
            .as_ref()
            .is_none_or(|python| order::allows_python(needed, python))
    }

    /// Which of these files of one version counts.
    ///
    /// # Errors
    /// Why none does.
    pub(super) fn pick(
        &self,
        name: &PackageName,
        version: &Version,
        files: &[File],
        cutoff: Option<Timestamp>,
    ) -> Result<Pick, Hidden> {
        let mut hidden = None;
        let mut best: Option<(u8, usize)> = None;
        let mut stands = false;
        let mut yanked = None;
        let mut least: Option<Option<Version>> = None;
        for (place, file) in files.iter().enumerate() {
            match self.look(name, version, file, cutoff) {
                Ok(()) => {
                    if let Some(reason) = &file.yanked {
                        yanked.get_or_insert_with(|| reason.clone());
                        hidden = hidden.max(Some(Hidden::Yanked(reason.clone())));
                    } else {
                        stands = true;
                    }
                    if self.universal() {
                        let low = file.requires_python.as_ref().and_then(marker::least_of);
                        least = Some(match least {
                            Some(other) => other.min(low),
                            None => low,
                        });
                    }
                    let rank = rank(file);
                    if best.is_none_or(|(known, _)| rank < known) {
                        best = Some((rank, place));
                    }
                }
                Err(reason) => hidden = hidden.max(Some(reason)),
            }
        }
        let Some((rank_of_best, mut place)) = best else {
            return Err(hidden.unwrap_or(Hidden::Tags));
        };
        if !stands && !self.pinned(name, version) {
            return Err(hidden.unwrap_or(Hidden::Yanked(String::new())));
        }
        // A wheel for elsewhere says what a source archive would say, without a build; but not where
        // the very bytes are asked for.
        if rank_of_best >= SDIST && self.digests.of(name, version).is_empty() {
            let wheel = files
                .iter()
                .enumerate()
                .find(|(_, file)| rank(file) < SDIST);
            if let Some((other, _)) = wheel {
                place = other;
            }
        }
        Ok(Pick {
            file: place,
            yanked: if stands { None } else { yanked },
            least: least.flatten(),
        })
    }

    fn look(
        &self,
        name: &PackageName,
        version: &Version,
        file: &File,
        cutoff: Option<Timestamp>,
    ) -> Result<(), Hidden> {
        match &file.name {
            Filename::Wheel(_) if self.no_binary.contain(name) => return Err(Hidden::Kind),
            Filename::Sdist(_) if self.no_build.contain(name) => return Err(Hidden::Kind),
            _ => {}
        }
        if let Some(cutoff) = cutoff
            && file.uploaded.is_none_or(|time| time > cutoff)
        {
            return Err(Hidden::Cutoff);
        }
        if let Filename::Wheel(wheel) = &file.name
            && self.tags.rank(wheel).is_none()
        {
            return Err(Hidden::Tags);
        }
        match &file.requires_python {
            Some(needed) if !self.takes_python(needed) => Err(Hidden::Python(needed.to_string())),
            _ => self.digests.check(name, version, file),
        }
    }
}

const SDIST: u8 = 2;

/// Which file is asked for metadata first.
fn rank(file: &File) -> u8 {
    match (&file.name, &file.metadata) {
        (Filename::Wheel(_), Some(_)) => 0,
        (Filename::Wheel(_), None) => 1,
        (Filename::Sdist(_), Some(_)) => SDIST,
        (Filename::Sdist(_), None) => SDIST + 1,
    }
}
