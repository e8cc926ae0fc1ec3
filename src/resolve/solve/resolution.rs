//! What came out.

use std::collections::BTreeSet;
use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

use crate::index::offers::{Listing, Rule};
use crate::index::project::File;
use crate::package::{ExtraName, MarkerTree, PackageName, Version, VersionSpecifiers};

/// Versions that go together, the first name first.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The packages, by name and version. In a universal resolution a name may stand more than once,
    /// with markers that exclude each other.
    pub packages: Vec<Resolved>,
    /// Which rule decided among the sources.
    pub rule: Rule,
    /// The Pythons of a universal resolution.
    pub requires_python: Option<VersionSpecifiers>,
    /// The environments that a universal resolution was split into; empty: it was not.
    pub forks: Vec<MarkerTree>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What could not be read on the pages of these packages.
    pub doubts: Vec<String>,
}

/// One package of a resolution.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Where it comes from.
    pub origin: Origin,
    /// Where it is needed: true but for universal resolutions; without what `requires-python` says.
    pub marker: MarkerTree,
    /// The extras that somebody asks for.
    pub extras: BTreeSet<ExtraName>,
    /// What it needs, by name.
    pub requires: Vec<Edge>,
    /// `Requires-Python` of this version.
    pub requires_python: Option<VersionSpecifiers>,
    /// Who asks for it: first parties first.
    pub from: Vec<Asker>,
    /// Whether it was yanked, and why.
    pub yanked: Option<String>,
    /// Digests that are asked for: files that have none of each list do not count.
    pub digests: Vec<Vec<String>>,
}

/// Where a package comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A source's listing.
    Index(Listing),
    /// A direct URL.
    Direct(Url),
}

impl Resolved {
    /// The files of this version on the listing that it was taken from, without those that have none
    /// of the digests that are asked for; none for a direct URL.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        let all = match &self.origin {
            Origin::Index(listing) => listing.project.files(&self.version),
            Origin::Direct(_) => &[],
        };
        let wanted = |file: &&File| self.digests.iter().all(|list| file.has_one_of(list));
        all.iter().filter(wanted)
    }

    /// The name of the source, where it is one.
    pub fn source(&self) -> Option<&Arc<str>> {
        match &self.origin {
            Origin::Index(listing) => Some(&listing.source),
            Origin::Direct(_) => None,
        }
    }

    /// The canonical URL of the source, where it is one.
    pub fn index(&self) -> Option<&Url> {
        match &self.origin {
            Origin::Index(listing) => Some(&listing.index),
            Origin::Direct(_) => None,
        }
    }

    /// The direct URL, where it is one.
    pub fn direct(&self) -> Option<&Url> {
        match &self.origin {
            Origin::Index(_) => None,
            Origin::Direct(url) => Some(url),
        }
    }
}

/// What a package needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The other package.
    pub name: PackageName,
    /// Its version in this resolution.
    pub version: Version,
    /// The extras that are asked for.
    pub extras: BTreeSet<ExtraName>,
    /// Where it is needed: true but for universal resolutions.
    pub marker: MarkerTree,
}

/// Who asks for a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// A requirement of the first party: where it stands.
    Input(String),
    /// Another package of the resolution.
    Package(PackageName),
}

/// Why there is no resolution.
#[derive(Clone, Debug)]
pub enum Unsolved {
    /// Nothing fulfils the requirements.
    Conflict(Box<Conflict>),
    /// Something could not be asked or read, which is no answer.
    Failed(Failure),
}

/// Why nothing fulfils the requirements, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// For which part of a universal resolution.
    pub fork: Option<MarkerTree>,
    /// The chain of reasons, one sentence a line.
    pub reasons: Vec<String>,
    /// What each source has of the packages concerned, and what was left out and why.
    pub offered: Vec<String>,
    /// What to try.
    pub hints: Vec<String>,
}

impl Unsolved {
    /// The same as an error to show: several lines for a conflict.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Failed(failure) => failure.clone(),
            Self::Conflict(conflict) => {
                let mut text = String::from("no set of packages fulfils the requirements");
                if let Some(fork) = conflict.fork.as_ref().and_then(MarkerTree::try_to_string) {
                    text.push_str(" where ");
                    text.push_str(&fork);
                }
                text.push(':');
                for line in conflict.reasons.iter().chain(&conflict.offered) {
                    text.push_str("\n  ");
                    text.push_str(line);
                }
                let failure = Failure::new(ErrorCode::Unsatisfiable, text);
                if conflict.hints.is_empty() {
                    failure
                } else {
                    failure.hint(conflict.hints.join("\n"))
                }
            }
        }
    }
}

impl From<Failure> for Unsolved {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What happens meanwhile, for a person who waits.
#[derive(Clone, Debug)]
pub enum Event {
    /// One more project is looked at: how many there are.
    Seen(usize),
    /// The metadata of one more version were read: how many there are.
    Read(usize),
    /// A universal resolution goes on for a part of the environments.
    Fork(MarkerTree),
}

/// Who is told. Called on the solver's thread and on the caller's: it must not wait.
pub type Watch = Arc<dyn Fn(&Event) + Send + Sync>;
