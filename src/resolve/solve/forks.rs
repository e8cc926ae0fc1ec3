//! When an environment has to be split: a package asks for one project in different versions under
//! different markers, so that no one version has to fulfil both everywhere.

use std::cmp::Reverse;
use std::ops::Bound;

use super::marker;
use super::need::Need;
use super::range::Range;
use crate::package::{MarkerTree, PackageName, Version};

/// The most parts that the needs of one package on one project cut an environment into.
const CELLS: usize = 64;

/// A need that holds somewhere in the environment.
pub(super) struct Active<'a> {
    pub(super) need: &'a Need,
    pub(super) marker: &'a MarkerTree,
}

/// The parts of the environment, where it has to be split because of these needs; with the project
/// that they are on.
///
/// # Errors
/// The project that it would have to be split for too often.
pub(super) fn split(
    environment: &MarkerTree,
    floor: Option<&Version>,
    active: &[Active<'_>],
) -> Result<Option<(Vec<MarkerTree>, PackageName)>, PackageName> {
    for (place, first) in active.iter().enumerate() {
        let known = active[..place]
            .iter()
            .any(|other| other.need.name == first.need.name);
        if known {
            continue;
        }
        let same: Vec<&Active<'_>> = active[place..]
            .iter()
            .filter(|other| other.need.name == first.need.name)
            .collect();
        if same.iter().all(|one| one.marker.is_true()) {
            continue;
        }
        let mut parts = if differ(environment, &same) {
            cut(environment, same.iter().map(|one| one.marker))
        } else {
            later(environment, floor, &same)
        }
        .ok_or_else(|| first.need.name.clone())?;
        if parts.len() > 1 {
            // What fulfils an upper bound may do elsewhere too, and seldom the other way round.
            let bounded = |part: &MarkerTree| {
                active
                    .iter()
                    .filter(|one| !one.marker.is_disjoint(part) && has_upper(&one.need.range))
                    .count()
            };
            parts.sort_by_cached_key(|part| Reverse(bounded(part)));
            order(&mut parts);
            return Ok(Some((parts, first.need.name.clone())));
        }
    }
    Ok(None)
}

/// Whether two of these differ, and hold in different places: where both hold there may be no version,
/// and one where only one of them does (so does uv).
fn differ(environment: &MarkerTree, same: &[&Active<'_>]) -> bool {
    same.iter().enumerate().any(|(place, one)| {
        same[place + 1..].iter().any(|other| {
            (one.need.range != other.need.range || one.need.url != other.need.url)
                && marker::and(one.marker, environment) != marker::and(other.marker, environment)
        })
    })
}

/// The cells that these markers cut an environment into; none where there are too many: markers that
/// have nothing to do with each other double them each.
fn cut<'a>(
    environment: &MarkerTree,
    markers: impl Iterator<Item = &'a MarkerTree>,
) -> Option<Vec<MarkerTree>> {
    let mut cells = vec![environment.clone()];
    for marker in markers {
        cells = cells
            .into_iter()
            .flat_map(|cell| {
                [
                    marker::and(&cell, marker),
                    marker::and(&cell, &marker.negate()),
                ]
            })
            .filter(|cell| !cell.is_false())
            .collect();
        if cells.len() > CELLS {
            return None;
        }
    }
    Some(cells)
}

/// Where all these hold only from a later Python on, the project's versions need not support the
/// earlier ones.
fn later(
    environment: &MarkerTree,
    floor: Option<&Version>,
    same: &[&Active<'_>],
) -> Option<Vec<MarkerTree>> {
    let Some(floor) = floor else {
        return Some(Vec::new());
    };
    let mut somewhere = MarkerTree::FALSE;
    for one in same {
        somewhere = marker::or(&somewhere, &marker::and(one.marker, environment));
        if marker::is_wide(&somewhere) {
            return None;
        }
    }
    match marker::least_python(&somewhere) {
        Some(least) if least > *floor => {
            cut(environment, std::iter::once(&marker::from_python(&least)))
        }
        _ => Some(Vec::new()),
    }
}

fn has_upper(range: &Range) -> bool {
    matches!(
        range.bounding_range(),
        Some((_, Bound::Included(_) | Bound::Excluded(_)))
    )
}

/// Later Pythons first: they decide for the latest versions, which the others may share.
pub(super) fn order(parts: &mut [MarkerTree]) {
    parts.sort_by_cached_key(|part| Reverse(marker::least_python(part)));
}
