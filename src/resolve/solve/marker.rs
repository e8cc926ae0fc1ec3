//! What the algebra of markers lacks: extras set aside, and the Pythons of an environment.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use pep440_rs::VersionSpecifier;
use pep508_rs::{
    ExtraOperator, MarkerExpression, MarkerTreeKind, MarkerValueExtra, MarkerValueVersion,
};

use super::range::Range;
use crate::package::{ExtraName, MarkerTree, Version, VersionSpecifiers};

/// The extras that a marker speaks of.
pub(super) fn extras(marker: &MarkerTree) -> BTreeSet<ExtraName> {
    let mut names = BTreeSet::new();
    collect(marker, &mut names, &mut Vec::new());
    names
}

fn collect(marker: &MarkerTree, names: &mut BTreeSet<ExtraName>, seen: &mut Vec<MarkerTree>) {
    if seen.contains(marker) {
        return;
    }
    seen.push(marker.clone());
    match marker.kind() {
        MarkerTreeKind::True | MarkerTreeKind::False => {}
        MarkerTreeKind::Version(tree) => {
            tree.edges()
                .for_each(|(_, next)| collect(&next, names, seen));
        }
        MarkerTreeKind::String(tree) => {
            tree.children()
                .for_each(|(_, next)| collect(&next, names, seen));
        }
        MarkerTreeKind::In(tree) => {
            tree.children()
                .for_each(|(_, next)| collect(&next, names, seen));
        }
        MarkerTreeKind::Contains(tree) => {
            tree.children()
                .for_each(|(_, next)| collect(&next, names, seen));
        }
        MarkerTreeKind::Extra(tree) => {
            if let MarkerValueExtra::Extra(name) = tree.name() {
                names.insert(name.clone());
            }
            tree.children()
                .for_each(|(_, next)| collect(&next, names, seen));
        }
    }
}

/// The marker where this extra, or none, is asked for and no other one is.
pub(super) fn with_extra(marker: &MarkerTree, extra: Option<&ExtraName>) -> MarkerTree {
    let mut any = MarkerTree::FALSE;
    for clause in marker.to_dnf() {
        let mut all = MarkerTree::TRUE;
        for expression in clause {
            all.and(match expression {
                MarkerExpression::Extra { operator, name } => {
                    let asked = match name {
                        MarkerValueExtra::Extra(name) => extra == Some(&name),
                        MarkerValueExtra::Arbitrary(_) => false,
                    };
                    if asked == (operator == ExtraOperator::Equal) {
                        MarkerTree::TRUE
                    } else {
                        MarkerTree::FALSE
                    }
                }
                other => MarkerTree::expression(other),
            });
        }
        any.or(all);
    }
    any
}

/// Whether both can be true at once. The algebra has one lock; the common cases do without it.
pub(super) fn meet(a: &MarkerTree, b: &MarkerTree) -> bool {
    if a.is_false() || b.is_false() {
        false
    } else {
        a.is_true() || b.is_true() || !a.is_disjoint(b)
    }
}

/// The most ways from the root of a marker to its ends: some operations go each of them.
const WAYS: u64 = 1024;
/// The most texts that are looked for: a chain of them is rebuilt with each link.
const TEXTS: usize = 64;

/// Whether a marker that was put together from others tells more cases apart than can be worked with.
/// Those that packages write are bounded where they are read.
pub(super) fn is_wide(marker: &MarkerTree) -> bool {
    let mut seen = Seen::default();
    seen.ways(marker) > WAYS || seen.texts.len() > TEXTS
}

#[derive(Default)]
struct Seen {
    ways: HashMap<MarkerTree, u64>,
    texts: BTreeSet<(bool, String)>,
}

impl Seen {
    fn ways(&mut self, marker: &MarkerTree) -> u64 {
        if marker.is_true() || marker.is_false() {
            return 1;
        }
        if let Some(count) = self.ways.get(marker) {
            return *count;
        }
        let next: Vec<MarkerTree> = match marker.kind() {
            MarkerTreeKind::True | MarkerTreeKind::False => Vec::new(),
            MarkerTreeKind::Version(tree) => tree.edges().map(|(_, next)| next).collect(),
            MarkerTreeKind::String(tree) => tree.children().map(|(_, next)| next).collect(),
            MarkerTreeKind::In(tree) => {
                self.texts.insert((true, tree.value().to_owned()));
                tree.children().map(|(_, next)| next).collect()
            }
            MarkerTreeKind::Contains(tree) => {
                self.texts.insert((false, tree.value().to_owned()));
                tree.children().map(|(_, next)| next).collect()
            }
            MarkerTreeKind::Extra(tree) => tree.children().map(|(_, next)| next).collect(),
        };
        let all = next.iter().map(|next| self.ways(next));
        let count = all.fold(0, u64::saturating_add);
        self.ways.insert(marker.clone(), count);
        count
    }
}

/// `a and b`.
pub(super) fn and(a: &MarkerTree, b: &MarkerTree) -> MarkerTree {
    if b.is_true() || a.is_false() {
        return a.clone();
    }
    let mut both = b.clone();
    if !a.is_true() {
        both.and(a.clone());
    }
    both
}

/// `a or b`.
pub(super) fn or(a: &MarkerTree, b: &MarkerTree) -> MarkerTree {
    let mut either = a.clone();
    either.or(b.clone());
    either
}

/// The Pythons where a marker can be true.
fn pythons(marker: &MarkerTree) -> Range {
    match marker.kind() {
        MarkerTreeKind::True => Range::full(),
        MarkerTreeKind::False => Range::empty(),
        MarkerTreeKind::Version(tree) => {
            let full = *tree.key() == MarkerValueVersion::PythonFullVersion
                || *tree.key() == MarkerValueVersion::PythonVersion;
            tree.edges().fold(Range::empty(), |all, (range, next)| {
                let below = pythons(&next);
                all.union(&if full {
                    below.intersection(range)
                } else {
                    below
                })
            })
        }
        MarkerTreeKind::String(tree) => union(tree.children().map(|(_, next)| next)),
        MarkerTreeKind::In(tree) => union(tree.children().map(|(_, next)| next)),
        MarkerTreeKind::Contains(tree) => union(tree.children().map(|(_, next)| next)),
        MarkerTreeKind::Extra(tree) => union(tree.children().map(|(_, next)| next)),
    }
}

fn union(children: impl Iterator<Item = MarkerTree>) -> Range {
    children.fold(Range::empty(), |all, next| all.union(&pythons(&next)))
}

/// The least Python of an environment; `None` where there is none.
pub(super) fn least_python(marker: &MarkerTree) -> Option<Version> {
    let range = pythons(marker);
    match range.bounding_range()? {
        (Bound::Included(low) | Bound::Excluded(low), _) => Some(low.clone()),
        (Bound::Unbounded, _) => None,
    }
}

/// Whether some Python from `least` on is one of the environment's.
pub(super) fn reaches_python(marker: &MarkerTree, least: &Version) -> bool {
    !pythons(marker)
        .intersection(&Range::higher_than(least.clone()))
        .is_empty()
}

/// The least Python that these specifiers allow, as a plain release; upper bounds do not matter.
pub(super) fn least_of(specifiers: &VersionSpecifiers) -> Option<Version> {
    let range = pep440_rs::release_specifiers_to_ranges(specifiers.clone());
    match range.bounding_range()? {
        (Bound::Included(low) | Bound::Excluded(low), _) => Some(low.only_release()),
        (Bound::Unbounded, _) => None,
    }
}

/// Where these specifiers end, whatever they leave out before; plain releases.
pub(super) fn limit_of(specifiers: &VersionSpecifiers) -> Bound<Version> {
    let range = pep440_rs::release_specifiers_to_ranges(specifiers.clone());
    match range.bounding_range() {
        Some((_, Bound::Included(high))) => Bound::Included(high.only_release()),
        Some((_, Bound::Excluded(high))) => Bound::Excluded(high.only_release()),
        Some((_, Bound::Unbounded)) | None => Bound::Unbounded,
    }
}

/// `python_full_version < 'V'`, or `<=`.
pub(super) fn up_to_python(limit: &Bound<Version>) -> MarkerTree {
    let specifier = match limit {
        Bound::Unbounded => return MarkerTree::TRUE,
        Bound::Included(high) => VersionSpecifier::less_than_equal_version(high.clone()),
        Bound::Excluded(high) => VersionSpecifier::less_than_version(high.clone()),
    };
    MarkerTree::expression(MarkerExpression::Version {
        key: MarkerValueVersion::PythonFullVersion,
        specifier,
    })
}

/// `python_full_version >= 'V'`.
pub(super) fn from_python(least: &Version) -> MarkerTree {
    MarkerTree::expression(MarkerExpression::Version {
        key: MarkerValueVersion::PythonFullVersion,
        specifier: VersionSpecifier::greater_than_equal_version(least.clone()),
    })
}
