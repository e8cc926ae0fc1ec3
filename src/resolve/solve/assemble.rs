//! From the solver's choices to the answer: who asks for whom, where each package is needed, and the
//! parts of a universal resolution as one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::drive::Roots;
use super::ids::Package;
use super::marker;
use super::need::{Facts, Need};
use super::pool::Picked;
use super::problem::{Environment, Problem};
use super::provider::Provider;
use super::resolution::{Asker, Edge, Origin, Resolution, Resolved};
use super::run::{Memory, Stop};
use super::store::Store;
use crate::index::offers::Rule;
use crate::package::{ExtraName, MarkerTree, PackageName, Version};

/// How many fields of one package's metadata that cannot be read are told.
const TOLD: usize = 3;

/// What one run chose.
pub(super) struct Solution {
    environment: MarkerTree,
    nodes: Vec<Node>,
    warnings: Vec<String>,
}

struct Node {
    name: PackageName,
    picked: Picked,
    facts: Arc<Facts>,
    marker: MarkerTree,
    extras: BTreeSet<ExtraName>,
    edges: Vec<Edge>,
    from: BTreeSet<Asker>,
}

impl Solution {
    /// The versions.
    pub(super) fn versions(&self) -> impl Iterator<Item = (&PackageName, &Version)> {
        self.nodes
            .iter()
            .map(|node| (&node.name, node.picked.version()))
    }
}

/// What the solver chose, as a graph.
pub(super) fn solution(
    provider: &Provider<'_>,
    memory: &RefCell<Memory>,
    roots: &Roots,
    selected: &BTreeMap<Package, Version>,
) -> Result<Solution, Stop> {
    let environment = provider.run.environment.clone();
    let mut warnings = provider.warnings(selected);
    let mut all = BTreeMap::<&PackageName, Node>::new();
    let memory = memory.borrow();
    for (package, version) in selected {
        let Package::Name(number) = *package else {
            continue;
        };
        let pool = provider.pool_of(&memory, number);
        let picked = provider.picked(number, version).ok_or(Stop::Stopped)?;
        let facts = provider.facts(&pool, &picked)?.map_err(Stop::Failed)?;
        let name = memory.ids.names.get(number);
        let node = Node {
            name: name.clone(),
            picked,
            facts,
            marker: MarkerTree::FALSE,
            extras: BTreeSet::new(),
            edges: Vec::new(),
            from: BTreeSet::new(),
        };
        all.insert(name, node);
    }
    let mut reach = Reach::default();
    for (need, from) in &roots.wanted {
        let here = marker::and(need.marker(None), &environment);
        if here.is_false() {
            continue;
        }
        reach.add(need, &here)?;
        if let Some(node) = all.get_mut(&need.name) {
            node.from.insert(Asker::Input(from.clone()));
        }
    }
    reach.spread(&all)?;
    // The solver follows a need that holds somewhere; what asks for it may be needed elsewhere only.
    all.retain(|name, _| !reach.of(name, None).is_false());
    for package in selected.keys() {
        if let Package::Extra(number, extra) = *package {
            let extra = memory.ids.extras.get(extra);
            let name = memory.ids.names.get(number);
            if reach.of(name, Some(extra)).is_false() {
                continue;
            }
            if let Some(node) = all.get_mut(name) {
                if node.facts.has_extra(extra) {
                    node.extras.insert(extra.clone());
                } else {
                    let version = node.picked.version();
                    warnings.push(format!("{} {version} has no extra {extra}", node.name));
                }
            }
        }
    }
    for node in all.values_mut() {
        node.marker = reach.of(&node.name, None);
    }
    let edges: Vec<(PackageName, Vec<Edge>)> = all
        .values()
        .map(|node| Ok((node.name.clone(), edges(node, &all, &environment)?)))
        .collect::<Result<_, Stop>>()?;
    for (name, edges) in edges {
        for edge in &edges {
            if let Some(node) = all.get_mut(&edge.name) {
                node.from.insert(Asker::Package(name.clone()));
            }
        }
        if let Some(node) = all.get_mut(&name) {
            node.edges = edges;
        }
    }
    Ok(Solution {
        environment,
        nodes: all.into_values().collect(),
        warnings,
    })
}

/// The needs of a package that hold where it is needed, by the project they are on.
fn edges(
    node: &Node,
    all: &BTreeMap<&PackageName, Node>,
    environment: &MarkerTree,
) -> Result<Vec<Edge>, Stop> {
    let mut edges = BTreeMap::<&PackageName, Edge>::new();
    for need in &node.facts.needs {
        for extra in std::iter::once(None).chain(node.extras.iter().map(Some)) {
            let here = marker::and(need.marker(extra), environment);
            let Some(other) = all.get(&need.name) else {
                continue;
            };
            if !marker::meet(&here, &node.marker) || need.name == node.name {
                continue;
            }
            let edge = edges.entry(&need.name).or_insert_with(|| Edge {
                name: need.name.clone(),
                version: other.picked.version().clone(),
                extras: BTreeSet::new(),
                marker: MarkerTree::FALSE,
            });
            edge.marker.or(here);
            narrow(&edge.marker, &need.name)?;
            edge.extras.extend(need.extras.iter().cloned());
        }
    }
    Ok(edges.into_values().collect())
}

/// Whether the conditions under which a project is needed can still be told.
fn narrow(marker: &MarkerTree, name: &PackageName) -> Result<(), Stop> {
    if marker::is_wide(marker) {
        let what = format!("{name} is needed under too many different markers");
        return Err(Stop::too_many(&what));
    }
    Ok(())
}

/// Where each package and each of its extras is needed.
#[derive(Default)]
struct Reach {
    markers: BTreeMap<(PackageName, Option<ExtraName>), MarkerTree>,
    changed: BTreeSet<(PackageName, Option<ExtraName>)>,
}

impl Reach {
    fn add(&mut self, need: &Need, marker: &MarkerTree) -> Result<(), Stop> {
        let extras = need.extras.iter().cloned().map(Some);
        for extra in std::iter::once(None).chain(extras) {
            let key = (need.name.clone(), extra);
            let known = self.markers.entry(key.clone()).or_insert(MarkerTree::FALSE);
            let more = marker::or(known, marker);
            if more != *known {
                narrow(&more, &need.name)?;
                *known = more;
                self.changed.insert(key);
            }
        }
        Ok(())
    }

    /// To all that can be reached; ends because markers only grow.
    fn spread(&mut self, all: &BTreeMap<&PackageName, Node>) -> Result<(), Stop> {
        while let Some(key) = self.changed.pop_first() {
            let Some(node) = all.get(&key.0) else {
                continue;
            };
            let here = self.markers[&key].clone();
            for need in &node.facts.needs {
                let extra = key.1.as_ref();
                if extra.is_some_and(|extra| !need.is_of_extra(extra)) {
                    continue;
                }
                let there = marker::and(&here, need.marker(extra));
                if !there.is_false() {
                    self.add(need, &there)?;
                }
            }
        }
        Ok(())
    }

    fn of(&self, name: &PackageName, extra: Option<&ExtraName>) -> MarkerTree {
        self.markers
            .get(&(name.clone(), extra.cloned()))
            .cloned()
            .unwrap_or(MarkerTree::FALSE)
    }
}

/// The parts as one answer.
pub(super) fn merge(
    store: &Store,
    problem: &Problem,
    rule: Rule,
    solutions: Vec<Solution>,
) -> Resolution {
    let forks = if solutions.len() > 1 {
        let mut forks: Vec<_> = solutions
            .iter()
            .map(|part| simple(store, part.environment.clone()))
            .collect();
        forks.sort_by_cached_key(MarkerTree::try_to_string);
        forks
    } else {
        Vec::new()
    };
    let mut packages = BTreeMap::<(PackageName, Version, String), Resolved>::new();
    let (mut warnings, mut unread_all) = (BTreeSet::new(), BTreeSet::new());
    for solution in solutions {
        warnings.extend(solution.warnings);
        for node in solution.nodes {
            unread_all.extend(unread(&node));
            warnings.extend(doubts(&node));
            let resolved = resolved(store, node);
            let place = match &resolved.origin {
                Origin::Index(listing) => listing.index.to_string(),
                Origin::Direct(url) => url.to_string(),
            };
            let key = (resolved.name.clone(), resolved.version.clone(), place);
            match packages.entry(key) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(resolved);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    join(entry.get_mut(), resolved);
                }
            }
        }
    }
    let mut packages: Vec<Resolved> = packages.into_values().collect();
    for package in &mut packages {
        package.marker = simple(store, package.marker.clone());
        for edge in &mut package.requires {
            edge.marker = simple(store, edge.marker.clone());
        }
        if let Some(reason) = &package.yanked {
            let because = if reason.is_empty() { "" } else { ": " };
            warnings.insert(format!(
                "{} {} was yanked{because}{reason}",
                package.name, package.version
            ));
        }
    }
    Resolution {
        packages,
        rule,
        requires_python: match &problem.environment {
            Environment::One { .. } => None,
            Environment::Universal {
                requires_python, ..
            } => requires_python.clone(),
        },
        forks,
        warnings: warnings.into_iter().collect(),
        doubts: unread_all.into_iter().collect(),
    }
}

/// What could not be read on the pages of a package. Those of PyPI have many files of long ago, so
/// that a person is told only where it matters or is asked for.
fn unread(node: &Node) -> impl Iterator<Item = String> {
    let listings = node.picked.tier.listings.iter();
    listings.flat_map(|listing| {
        let doubts = listing.project.doubts.iter();
        doubts.map(|doubt| format!("{}: {doubt} ({})", node.name, listing.source))
    })
}

/// What could not be read in the metadata of a package, and was left out: it may need more than it
/// gets.
fn doubts(node: &Node) -> Vec<String> {
    let (name, version) = (&node.name, node.picked.version());
    let all = &node.facts.metadata.doubts;
    let mut told: Vec<String> = all
        .iter()
        .take(TOLD)
        .map(|doubt| format!("{name} {version}: {doubt}, and is left out"))
        .collect();
    if all.len() > TOLD {
        let more = all.len() - TOLD;
        told.push(format!(
            "{name} {version}: {more} more of its metadata's fields are left out"
        ));
    }
    told
}

fn resolved(store: &Store, node: Node) -> Resolved {
    let pick = node.picked.tier.pick(node.picked.entry);
    let origin = match (&node.picked.tier.direct, node.picked.listing()) {
        (None, Some(listing)) => Origin::Index(listing.clone()),
        (Some(url), _) => Origin::Direct(url.clone()),
        (None, None) => unreachable!("a version without a listing is a direct URL"),
    };
    Resolved {
        version: node.picked.version().clone(),
        origin,
        marker: node.marker,
        extras: node.extras,
        requires: node.edges,
        requires_python: node.facts.metadata.requires_python.clone(),
        from: node.from.into_iter().collect(),
        yanked: pick.and_then(|pick| pick.yanked.clone()),
        digests: store.rules.digests.of(&node.name, node.picked.version()),
        name: node.name,
    }
}

/// The same package in another part.
fn join(one: &mut Resolved, other: Resolved) {
    one.marker.or(other.marker);
    one.extras.extend(other.extras);
    let from: BTreeSet<Asker> = one.from.drain(..).chain(other.from).collect();
    one.from = from.into_iter().collect();
    for edge in other.requires {
        let same = one
            .requires
            .iter_mut()
            .find(|known| known.name == edge.name && known.version == edge.version);
        if let Some(known) = same {
            known.marker.or(edge.marker);
            known.extras.extend(edge.extras);
        } else {
            one.requires.push(edge);
        }
    }
    one.requires
        .sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
}

/// Without what `requires-python` says already.
pub(super) fn simple(store: &Store, marker: MarkerTree) -> MarkerTree {
    let rules = &store.rules;
    let least = rules.least.as_ref();
    marker.simplify_python_versions(
        least.map_or(Bound::Unbounded, Bound::Included),
        rules.limit.as_ref(),
    )
}
