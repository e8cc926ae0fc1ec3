//! Runs of the solver: again after what was learnt, and for each part of a universal resolution.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use pubgrub::PubGrubError;

use super::assemble::{self, Solution};
use super::conflict;
use super::forks;
use super::ids::Package;
use super::marker;
use super::need::Need;
use super::pool::Place;
use super::problem::{Environment, Problem};
use super::provider::{Provider, root};
use super::range::{self, Range};
use super::resolution::{Event, Resolution, Unsolved};
use super::run::{Memory, Run, Stop};
use super::store::Store;
use crate::index::offers::Rule;
use crate::package::{MarkerTree, PackageName, Version};

/// The most parts of a universal resolution, solved or not: each is a resolution of its own.
const PARTS: usize = 256;
/// How many projects are named that are the reason for too many.
const TOLD: usize = 5;

/// What the first party asks for, ready for the solver.
pub(super) struct Roots {
    /// The needs, with what replaces and narrows them.
    pub(super) needs: Arc<Vec<Need>>,
    /// Those alone that are wanted, with where they stand.
    pub(super) wanted: Vec<(Need, String)>,
    pins: Vec<(Need, Arc<str>, String)>,
    direct: Vec<Need>,
}

impl Roots {
    pub(super) fn new(problem: &Problem, store: &Store) -> Self {
        let mut needs = Vec::new();
        let mut roots = Self {
            needs: Arc::default(),
            wanted: Vec::new(),
            pins: Vec::new(),
            direct: Vec::new(),
        };
        for wanted in &problem.wanted {
            let mut need = Need::new(&wanted.requirement, &store.rules);
            if !wanted.any_of.is_empty() {
                let any = wanted
                    .any_of
                    .iter()
                    .fold(Range::empty(), |any, one| any.union(&range::of(one)));
                need.range = need.range.intersection(&any);
            }
            if let Some(source) = &wanted.source {
                let pin = (
                    need.clone(),
                    Arc::from(source.as_str()),
                    wanted.from.clone(),
                );
                roots.pins.push(pin);
            }
            if wanted.direct {
                roots.direct.push(need.clone());
            }
            let mut all = Vec::new();
            store.rules.changes.apply(need, &mut all);
            for need in all {
                roots.wanted.push((need.clone(), wanted.from.clone()));
                needs.push(need);
            }
        }
        roots.needs = Arc::new(needs);
        roots
    }
}

/// Where projects come from as far as the first party says the same for all environments.
pub(super) fn places(problem: &Problem) -> HashMap<PackageName, Option<Place>> {
    let mut places = HashMap::<PackageName, Option<Place>>::new();
    for wanted in &problem.wanted {
        let url = match &wanted.requirement.version_or_url {
            Some(pep508_rs::VersionOrUrl::Url(url)) => Some(Place::Url(url.to_url())),
            _ => None,
        };
        let pin = wanted.source.as_deref().map(|pin| Place::Pin(pin.into()));
        let Some(place) = url.or(pin) else { continue };
        places
            .entry(wanted.requirement.name.clone())
            .and_modify(|known| {
                if known.as_ref() != Some(&place) {
                    *known = None;
                }
            })
            .or_insert(Some(place));
    }
    places
}

/// The versions of parts that are solved, and whether they were taken for being the lowest: those
/// are kept where the same is wanted.
type Earlier = HashMap<PackageName, Vec<(Version, bool)>>;

/// A part of the environments that is still to be solved.
struct Part {
    environment: MarkerTree,
    urls: HashMap<PackageName, Place>,
}

/// Solves the problem; waits for what the fetcher brings.
pub(super) fn run(store: &Store, problem: &Problem, rule: Rule) -> Result<Resolution, Unsolved> {
    let roots = Roots::new(problem, store);
    let memory = RefCell::new(Memory::default());
    let mut todo: Vec<Part> = environments(problem, store)
        .into_iter()
        .rev()
        .map(|environment| Part {
            environment,
            urls: HashMap::new(),
        })
        .collect();
    let mut solutions: Vec<Solution> = Vec::new();
    let mut earlier = Earlier::new();
    let mut forked = BTreeMap::<PackageName, usize>::new();
    while let Some(mut part) = todo.pop() {
        if let Some(parts) = fork_of_pins(&roots, &part.environment)? {
            push(&mut todo, &part, parts, store);
            continue;
        }
        let run = prepare(store, &roots, &part, &earlier);
        match attempt(store, &run, &memory, &roots) {
            Ok(solution) => {
                for (name, version) in solution.versions() {
                    let lowest = store.lowest(name, &run.direct);
                    let known = earlier.entry(name.clone()).or_default();
                    let pin = (version.clone(), lowest);
                    if !known.contains(&pin) {
                        known.push(pin);
                    }
                }
                solutions.push(solution);
            }
            Err(End::Again) => todo.push(part),
            Err(End::Fork(parts, name)) => {
                *forked.entry(name).or_default() += 1;
                let wide = parts.iter().any(marker::is_wide);
                push(&mut todo, &part, parts, store);
                if wide || todo.len() + solutions.len() > PARTS {
                    return Err(too_many(&forked));
                }
            }
            Err(End::Url(name, url)) => {
                part.urls.insert(name, Place::Url(url));
                todo.push(part);
            }
            Err(End::Unsolved(unsolved)) => return Err(unsolved),
        }
    }
    Ok(assemble::merge(store, problem, rule, solutions))
}

/// Too many parts: the projects that they were made for, those with the most first.
fn too_many(forked: &BTreeMap<PackageName, usize>) -> Unsolved {
    let mut names: Vec<(&PackageName, &usize)> = forked.iter().collect();
    names.sort_by_key(|(_, count)| Reverse(**count));
    let told: Vec<&str> = names
        .iter()
        .take(TOLD)
        .map(|(name, _)| name.as_ref())
        .collect();
    let more = names.len().saturating_sub(TOLD);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let what = format!(
        "they differ in too many ways, by the markers and Pythons of what asks for {}{more}",
        told.join(", ")
    );
    match end(Stop::too_many(&what)) {
        End::Unsolved(unsolved) => unsolved,
        _ => unreachable!("it failed"),
    }
}

fn push(todo: &mut Vec<Part>, part: &Part, parts: Vec<MarkerTree>, store: &Store) {
    for environment in parts.into_iter().rev() {
        store.tell(&Event::Fork(environment.clone()));
        todo.push(Part {
            environment,
            urls: part.urls.clone(),
        });
    }
}

fn environments(problem: &Problem, store: &Store) -> Vec<MarkerTree> {
    let mut parts = match &problem.environment {
        Environment::Universal { environments, .. } if !environments.is_empty() => environments
            .iter()
            .map(|one| marker::and(one, &store.base))
            .filter(|one| !one.is_false())
            .collect(),
        _ => vec![store.base.clone()],
    };
    forks::order(&mut parts);
    parts
}

/// Two sources for one project, in parts of the environment that exclude each other.
fn fork_of_pins(
    roots: &Roots,
    environment: &MarkerTree,
) -> Result<Option<Vec<MarkerTree>>, Unsolved> {
    for (place, (need, source, from)) in roots.pins.iter().enumerate() {
        for (other, other_source, other_from) in &roots.pins[place + 1..] {
            if need.name != other.name || source == other_source {
                continue;
            }
            let here = marker::and(need.marker(None), environment);
            let there = marker::and(other.marker(None), environment);
            if here.is_false() || there.is_false() {
                continue;
            }
            if !here.is_disjoint(&there) {
                return Err(Unsolved::Failed(
                    Failure::new(
                        ErrorCode::Usage,
                        format!(
                            "{} is wanted from the source {source} ({from}) and from {other_source} ({other_from})",
                            need.name
                        ),
                    )
                    .hint("name one source for it, or give the two markers that exclude each other"),
                ));
            }
            let rest = marker::and(environment, &marker::or(&here, &there).negate());
            let mut parts = vec![here, there, rest];
            parts.retain(|part| !part.is_false());
            forks::order(&mut parts);
            return Ok(Some(parts));
        }
    }
    Ok(None)
}

fn prepare(store: &Store, roots: &Roots, part: &Part, earlier: &Earlier) -> Run {
    let here = |need: &Need| !need.marker(None).is_disjoint(&part.environment);
    let mut places: HashMap<PackageName, Place> = roots
        .pins
        .iter()
        .filter(|(need, ..)| here(need))
        .map(|(need, source, _)| (need.name.clone(), Place::Pin(source.clone())))
        .collect();
    places.extend(
        part.urls
            .iter()
            .map(|(name, place)| (name.clone(), place.clone())),
    );
    for need in roots.needs.iter().filter(|need| here(need)) {
        if let Some(url) = &need.url {
            places
                .entry(need.name.clone())
                .and_modify(|place| {
                    if !matches!(place, Place::Url(_)) {
                        *place = Place::Url(url.clone());
                    }
                })
                .or_insert_with(|| Place::Url(url.clone()));
        }
    }
    let direct: HashSet<PackageName> = roots
        .direct
        .iter()
        .filter(|need| here(need))
        .map(|need| need.name.clone())
        .collect();
    Run {
        environment: part.environment.clone(),
        floor: if store.rules.universal() && store.rules.least.is_some() {
            marker::least_python(&part.environment)
        } else {
            None
        },
        places,
        earlier: earlier
            .iter()
            .map(|(name, pins)| {
                let lowest = store.lowest(name, &direct);
                let same = pins.iter().filter(|(_, other)| *other == lowest);
                (
                    name.clone(),
                    same.map(|(version, _)| version.clone()).collect(),
                )
            })
            .collect(),
        direct,
        roots: roots.needs.clone(),
    }
}

enum End {
    Again,
    Fork(Vec<MarkerTree>, PackageName),
    Url(PackageName, url::Url),
    Unsolved(Unsolved),
}

fn attempt(
    store: &Store,
    run: &Run,
    memory: &RefCell<Memory>,
    roots: &Roots,
) -> Result<Solution, End> {
    let provider = Provider::new(store, run, memory);
    let stop = match pubgrub::resolve(&provider, Package::Root, root()) {
        Ok(selected) => {
            let selected: BTreeMap<Package, Version> = selected.into_iter().collect();
            return assemble::solution(&provider, memory, roots, &selected).map_err(end);
        }
        Err(PubGrubError::NoSolution(tree)) => {
            let conflict = conflict::explain(tree, &provider, &memory.borrow(), roots);
            return Err(End::Unsolved(Unsolved::Conflict(Box::new(conflict))));
        }
        Err(
            PubGrubError::ErrorRetrievingDependencies { source, .. }
            | PubGrubError::ErrorChoosingVersion { source, .. }
            | PubGrubError::ErrorInShouldCancel(source),
        ) => source,
    };
    Err(end(stop))
}

fn end(stop: Stop) -> End {
    match stop {
        Stop::Again => End::Again,
        Stop::Fork(parts, name) => End::Fork(parts, name),
        Stop::Url(name, url) => End::Url(name, url),
        Stop::Failed(failure) => End::Unsolved(Unsolved::Failed(failure)),
        Stop::Stopped => End::Unsolved(Unsolved::Failed(Failure::new(
            ErrorCode::Internal,
            "the resolution was stopped before it had an answer",
        ))),
    }
}
