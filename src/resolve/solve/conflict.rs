//! Why nothing fulfils the requirements, in words a person can act on.
//!
//! The solver's proof is a tree: every node follows from two others. It is made smaller here (what
//! only says that there are no further versions, and that an extra has its project's version, goes),
//! told from its leaves to the root, and followed by what the sources have of the projects concerned.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use pubgrub::{DefaultStringReporter, DerivationTree, Derived, External, Reporter as _, Term};

use super::drive::Roots;
use super::hint::Hints;
use super::ids::Package;
use super::pool::Tier;
use super::provider::Provider;
use super::range::{self, Range};
use super::resolution::Conflict;
use super::run::{Memory, Reason};
use super::told::Told;
use crate::package::{PackageName, Version};

pub(super) type Tree = DerivationTree<Package, Range, Reason>;
pub(super) type Leaf = External<Package, Range, Reason>;

/// More lines than a person reads.
const LINES: usize = 16;
/// More versions than a person reads.
const VERSIONS: usize = 6;

/// What the words are made from.
pub(super) struct Scene<'a> {
    pub(super) provider: &'a Provider<'a>,
    pub(super) memory: &'a Memory,
    pub(super) roots: &'a Roots,
}

impl Scene<'_> {
    /// The project of a number.
    pub(super) fn name(&self, number: u32) -> &PackageName {
        self.memory.ids.names.get(number)
    }

    /// The tiers of a project that were asked. The first one always is, and is waited for: what is
    /// told must not depend on what was faster.
    pub(super) fn tiers(&self, number: u32) -> Vec<Arc<Tier>> {
        let pool = self.provider.pool_of(self.memory, number);
        if self.provider.tier(&pool, 0, &Range::full()).is_err() {
            return Vec::new();
        }
        (0..)
            .map_while(|depth| match pool.first.at(depth).answer.get() {
                Some(Ok(Some(tier))) => Some(tier.clone()),
                _ => None,
            })
            .collect()
    }

    /// All its versions, the lowest first, hidden ones too.
    pub(super) fn versions(&self, number: u32) -> Vec<Version> {
        let mut versions: Vec<Version> = self
            .tiers(number)
            .iter()
            .flat_map(|tier| tier.entries.iter().map(|entry| entry.version.clone()))
            .collect();
        versions.sort();
        versions.dedup();
        versions
    }
}

/// The conflict that a proof tells of.
pub(super) fn explain(
    tree: Tree,
    provider: &Provider<'_>,
    memory: &Memory,
    roots: &Roots,
) -> Conflict {
    let scene = Scene {
        provider,
        memory,
        roots,
    };
    let tree = Arc::new(tree);
    let mut missing = BTreeMap::new();
    each(&tree, &mut |leaf| gap(leaf, &mut missing));
    let tree = tidy(&tree, &mut HashMap::new());
    let text = DefaultStringReporter::report_with_formatter(&*tree, &Told { scene: &scene });
    let mut reasons: Vec<String> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    if reasons.len() > LINES {
        let gone = reasons.len() - LINES;
        reasons.drain(..gone);
        reasons.insert(0, format!("({gone} earlier steps are left out)"));
    }
    let mut hints = Hints::default();
    let mut offered = Vec::new();
    let mut concerned: Vec<u32> = Vec::new();
    each(&tree, &mut |leaf| {
        let packages = match leaf {
            External::FromDependencyOf(one, _, other, _) => vec![*one, *other],
            External::NoVersions(one, _) | External::Custom(one, ..) => vec![*one],
            External::NotRoot(..) => Vec::new(),
        };
        concerned.extend(packages.into_iter().filter_map(Package::number));
        hints.metadata(leaf);
    });
    concerned.sort_by_key(|number| scene.name(*number));
    concerned.dedup();
    for number in concerned {
        offered.extend(has(&scene, number));
        if let Some(range) = missing.get(&number) {
            offered.extend(hints.hidden(&scene, number, range));
        }
    }
    let store = provider.store;
    let environment = &provider.run.environment;
    Conflict {
        fork: (*environment != store.base)
            .then(|| super::assemble::simple(store, environment.clone())),
        reasons,
        offered,
        hints: hints.lines(),
    }
}

/// Every leaf of a proof, once: its parts may stand in it many times.
fn each(tree: &Arc<Tree>, told: &mut impl FnMut(&Leaf)) {
    let mut seen = HashSet::new();
    let mut todo = vec![tree];
    while let Some(tree) = todo.pop() {
        if !seen.insert(Arc::as_ptr(tree)) {
            continue;
        }
        match &**tree {
            DerivationTree::External(leaf) => told(leaf),
            DerivationTree::Derived(derived) => todo.extend([&derived.cause2, &derived.cause1]),
        }
    }
}

/// The ranges in which nothing could be used, by project.
fn gap(leaf: &Leaf, missing: &mut BTreeMap<u32, Range>) {
    if let External::NoVersions(package, range) = leaf
        && let Some(number) = package.number()
    {
        missing
            .entry(number)
            .and_modify(|known| *known = known.union(range))
            .or_insert_with(|| range.clone());
    }
}

/// The proof without what says nothing to a person.
fn tidy(tree: &Arc<Tree>, known: &mut HashMap<*const Tree, Arc<Tree>>) -> Arc<Tree> {
    let DerivationTree::Derived(derived) = &**tree else {
        return Arc::clone(tree);
    };
    if let Some(tidied) = known.get(&Arc::as_ptr(tree)) {
        return Arc::clone(tidied);
    }
    let one = tidy(&derived.cause1, known);
    let two = tidy(&derived.cause2, known);
    let tidied = if trivial(&one) {
        two
    } else if trivial(&two) {
        one
    } else {
        close(&one, &two)
            .or_else(|| close(&two, &one))
            .unwrap_or_else(|| {
                // What is asked for before what there is not.
                let (first, second) = if is_gap(&one) { (two, one) } else { (one, two) };
                Arc::new(DerivationTree::Derived(Derived {
                    terms: derived.terms.clone(),
                    shared_id: derived.shared_id,
                    cause1: first,
                    cause2: second,
                }))
            })
    };
    // What stands in the proof more than once is told once, whatever is left of it.
    let tidied = match &*tidied {
        DerivationTree::Derived(left) if left.shared_id.is_none() => {
            Arc::new(DerivationTree::Derived(Derived {
                shared_id: derived.shared_id,
                ..left.clone()
            }))
        }
        _ => tidied,
    };
    known.insert(Arc::as_ptr(tree), Arc::clone(&tidied));
    tidied
}

fn is_gap(tree: &Tree) -> bool {
    matches!(tree, DerivationTree::External(External::NoVersions(..)))
}

/// An extra has its project's version; the root is there.
fn trivial(tree: &Tree) -> bool {
    match tree {
        DerivationTree::External(External::NotRoot(..)) => true,
        DerivationTree::External(External::FromDependencyOf(
            Package::Extra(project, _),
            _,
            Package::Name(other),
            _,
        )) => project == other,
        _ => false,
    }
}

/// Takes "there are no versions outside" into its neighbour, unless the neighbour needs a version of
/// just that range, which is a reason of its own.
fn close(gap: &Tree, other: &Arc<Tree>) -> Option<Arc<Tree>> {
    let DerivationTree::External(External::NoVersions(package, range)) = gap else {
        return None;
    };
    let core = match &**other {
        DerivationTree::External(External::FromDependencyOf(p, set, needed, needs)) => {
            if p == package {
                let all = set.union(range);
                let leaf = External::FromDependencyOf(*p, all, *needed, needs.clone());
                return Some(Arc::new(DerivationTree::External(leaf)));
            }
            needed == package && needs.subset_of(range)
        }
        DerivationTree::Derived(derived) => matches!(
            derived.terms.get(package),
            Some(Term::Negative(needs)) if needs.subset_of(range)
        ),
        DerivationTree::External(External::Custom(..)) => false,
        DerivationTree::External(_) => true,
    };
    (!core).then(|| Arc::clone(other))
}

/// What the sources have of a project.
fn has(scene: &Scene<'_>, number: u32) -> Vec<String> {
    let name = scene.name(number);
    let mut lines = Vec::new();
    for tier in scene.tiers(number) {
        if let (Some(url), Some(entry)) = (&tier.direct, tier.entries.first()) {
            lines.push(format!("{name}: {url} is {}", entry.version));
        }
        for listing in tier.listings.iter() {
            let versions: Vec<&Version> = listing.project.versions().collect();
            let index = listing.index.as_str();
            let source = if *listing.source == *index {
                index.to_owned()
            } else {
                format!("{} ({index})", listing.source)
            };
            lines.push(format!("{name}: {source} has {}", some(&versions)));
        }
    }
    if lines.is_empty() {
        lines.push(format!("{name}: no source has it"));
    }
    lines
}

/// Some versions in words.
fn some(versions: &[&Version]) -> String {
    let joined = |versions: &[&Version]| -> String {
        let words: Vec<String> = versions.iter().map(ToString::to_string).collect();
        words.join(", ")
    };
    match versions {
        [] => "no version".to_owned(),
        [first, .., last] if versions.len() > VERSIONS => {
            format!("{} versions from {first} to {last}", versions.len())
        }
        _ => joined(versions),
    }
}

/// A set of versions as a subject: which of the versions there are.
pub(super) fn subject(scene: &Scene<'_>, package: Package, set: &Range) -> (String, bool) {
    let name = told(scene, package);
    let Some(number) = package.number() else {
        return (name, false);
    };
    let all = scene.versions(number);
    let inside: Vec<&Version> = all.iter().filter(|version| set.contains(version)).collect();
    if all.len() != 1 && inside.len() == all.len() {
        return (format!("every version of {name}"), false);
    }
    match *inside.as_slice() {
        [one] => (format!("{name} {one}"), false),
        [one, two] => (format!("{name} {one} and {two}"), true),
        [one, two, three] => (format!("{name} {one}, {two} and {three}"), true),
        _ => {
            let simple = set.simplify(all.iter());
            (format!("{name}{}", range::words(&simple)), false)
        }
    }
}

/// The name of a package.
pub(super) fn told(scene: &Scene<'_>, package: Package) -> String {
    match package {
        Package::Root => "what is asked for".to_owned(),
        Package::Name(number) => scene.name(number).to_string(),
        Package::Extra(number, extra) => {
            let extra = scene.memory.ids.extras.get(extra);
            format!("{}[{extra}]", scene.name(number))
        }
    }
}
