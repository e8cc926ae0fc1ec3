//! What each tool would take, were it given the same sources.

use std::sync::Arc;

use serde::Serialize;
use version_ranges::Ranges;

use super::{Said, Subject};
use crate::index::project::Project;
use crate::index::source::{Priority, Source};
use crate::package::{Version, VersionSpecifiers};

/// What a tool would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pick {
    /// The source.
    pub source: String,
    /// The version.
    pub version: String,
}

/// What each tool would take; none where it finds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picks {
    /// pip, with all sources as its indexes: one pool, the highest version.
    pub pip: Option<Pick>,
    /// Poetry: the pool of the primary sources, then each supplemental one.
    pub poetry: Option<Pick>,
    /// uv: the first index that has the name.
    pub uv: Option<Pick>,
}

impl Picks {
    pub(super) fn of(subject: &Subject, said: &[Said]) -> Self {
        let range = subject.range.as_ref();
        let all: Vec<&Said> = said.iter().collect();
        let pinned: Option<Vec<&Said>> = subject.pin.as_ref().map(|pin| {
            let is_pin = |one: &&Said| {
                let name = one.source.name.as_deref();
                name.is_some_and(|name| name.eq_ignore_ascii_case(pin))
            };
            said.iter().filter(is_pin).collect()
        });
        let of = |priorities: &[Priority]| -> Vec<&Said> {
            let fits = |one: &&Said| priorities.contains(&one.source.priority);
            said.iter().filter(fits).collect()
        };
        let poetry = match &pinned {
            Some(pinned) => highest(pinned, range),
            None => highest(&of(&[Priority::Primary, Priority::Default]), range).or_else(|| {
                let behind = of(&[Priority::Supplemental]);
                behind.iter().find_map(|one| highest(&[*one], range))
            }),
        };
        let order = pinned.unwrap_or_else(|| {
            let mut order = of(&[Priority::Primary]);
            order.extend(of(&[Priority::Default]));
            order.extend(of(&[Priority::Supplemental]));
            order
        });
        Self {
            pip: highest(&all, range),
            poetry,
            uv: first(&order, range),
        }
    }
}

/// The highest version of a pool; of equal ones that of the earlier source.
fn highest(pool: &[&Said], range: Option<&VersionSpecifiers>) -> Option<Pick> {
    let mut found: Option<(Version, &Arc<Source>)> = None;
    // Where one source has a final version, the pre-releases of another are not taken.
    for finals in [true, false] {
        for one in pool {
            let best = one
                .project()
                .and_then(|project| best(project, range, finals));
            if let Some(version) = best
                && found.as_ref().is_none_or(|(other, _)| version > *other)
            {
                found = Some((version, &one.source));
            }
        }
        if found.is_some() {
            break;
        }
    }
    found.map(|(version, source)| Pick {
        source: source.label().to_owned(),
        version: version.to_string(),
    })
}

/// What the first index that has the name has, and the links that count beside any index.
fn first(order: &[&Said], range: Option<&VersionSpecifiers>) -> Option<Pick> {
    let (beside, indexes): (Vec<&Said>, Vec<&Said>) =
        order.iter().partition(|one| one.source.always);
    let mut pool = beside;
    pool.extend(indexes.into_iter().find(|one| one.project().is_some()));
    highest(&pool, range)
}

/// The highest version that can be taken at all.
fn best(project: &Project, range: Option<&VersionSpecifiers>, finals: bool) -> Option<Version> {
    let range = range.map(|range| Ranges::from(range.clone()));
    project
        .versions()
        .rev()
        .find(|version| {
            let allowed = range.as_ref().is_none_or(|range| {
                range.contains(version) || range.contains(&(*version).clone().without_local())
            });
            allowed
                && !(finals && version.any_prerelease())
                && project
                    .files(version)
                    .iter()
                    .any(|file| file.yanked.is_none())
        })
        .cloned()
}
