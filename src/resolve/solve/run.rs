//! One run of the solver: what it goes by, what it learns, and how it may end without an answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

use super::ids::Ids;
use super::need::Need;
use super::pool::{Picked, Place, Pool};
use super::store::Stopped;
use crate::package::{MarkerTree, PackageName, Version};

/// One run of the solver: for one environment.
pub(super) struct Run {
    /// Where it is for; true for a resolution that is not universal.
    pub(super) environment: MarkerTree,
    /// The least Python there.
    pub(super) floor: Option<Version>,
    /// Where projects come from, other than from whatever the sources offer.
    pub(super) places: HashMap<PackageName, Place>,
    /// What the first party asks for itself.
    pub(super) direct: HashSet<PackageName>,
    /// What other parts of a universal resolution have.
    pub(super) earlier: HashMap<PackageName, Vec<Version>>,
    /// What is asked for.
    pub(super) roots: Arc<Vec<Need>>,
}

/// What lasts from one run to the next.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) ids: Ids,
    /// Projects whose versions were rejected again and again: decided early.
    pub(super) early: HashSet<u32>,
    /// Projects that were the reason: decided late.
    pub(super) late: HashSet<u32>,
}

/// What a run has learnt.
#[derive(Default)]
pub(super) struct Learnt {
    pub(super) pools: HashMap<u32, Arc<Pool>>,
    pub(super) tries: HashMap<u32, u32>,
    pub(super) conflicts: HashMap<u32, u32>,
    pub(super) chosen: HashMap<u32, Version>,
    pub(super) picked: HashMap<(u32, Version), Picked>,
    pub(super) skipped: BTreeMap<(u32, Version), String>,
}

/// Why a run ends without an answer.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody waits any more.
    Stopped,
    /// Something could not be asked.
    Failed(Failure),
    /// The order of decisions was bad: once more, with a better one.
    Again,
    /// The environment has to be split, because of this project.
    Fork(Vec<MarkerTree>, PackageName),
    /// A project turned out to come from a direct URL.
    Url(PackageName, Url),
}

impl Stop {
    /// There are more environments, or conditions, than anybody could mean.
    pub(super) fn too_many(what: &str) -> Self {
        let message = format!("cannot resolve for all environments at once: {what}");
        Self::Failed(Failure::new(ErrorCode::Unsatisfiable, message).hint(
            "resolve for one environment (without --universal), name the environments that matter, or leave the package out",
        ))
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the solver was stopped")
    }
}

impl std::error::Error for Stop {}

impl From<Stopped> for Stop {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Why a version cannot be used, as learnt from its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its metadata cannot be had: in words, and what to try.
    Metadata(String, Option<String>),
    /// It needs another Python.
    Python(String),
    /// It asks for a project from a direct URL that comes from another.
    Urls(PackageName, Box<Url>, Box<Url>),
    /// It asks for other versions of itself.
    Itself(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metadata(why, _) => write!(f, "cannot be used: {why}"),
            Self::Python(needed) => write!(f, "needs Python {needed}"),
            Self::Urls(name, url, other) => {
                write!(f, "wants {name} from {url}, but it comes from {other}")
            }
            Self::Itself(range) => write!(f, "asks for its own versions {range}"),
        }
    }
}
