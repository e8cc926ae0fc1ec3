//! What the solver asks: which package next, which version of it, what that needs.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics};
use url::Url;

use super::forks::{self, Active};
use super::ids::{Ids, Package};
use super::marker;
use super::need::{Facts, Need};
use super::pool::{Choice, Picked, Place, Pool, Tier, Want};
use super::range::{self, Range};
use super::store::{Stopped, Store, Then};
use crate::package::{ExtraName, MarkerTree, PackageName, Version};

/// How often a package may be tried before it is decided earlier; so does uv.
const TRIES: u32 = 5;
/// How many versions are asked for at once when many of a project are tried.
const BATCH: usize = 50;

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
    early: HashSet<u32>,
    /// Projects that were the reason: decided late.
    late: HashSet<u32>,
}

/// What a run has learnt.
#[derive(Default)]
struct Learnt {
    pools: HashMap<u32, Arc<Pool>>,
    tries: HashMap<u32, u32>,
    conflicts: HashMap<u32, u32>,
    chosen: HashMap<u32, Version>,
    picked: HashMap<(u32, Version), Picked>,
    skipped: BTreeMap<(u32, Version), String>,
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
    /// The environment has to be split.
    Fork(Vec<MarkerTree>),
    /// A project turned out to come from a direct URL.
    Url(PackageName, Url),
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

/// The provider of one run.
pub(super) struct Provider<'a> {
    pub(super) store: &'a Store,
    pub(super) run: &'a Run,
    memory: &'a RefCell<Memory>,
    learnt: RefCell<Learnt>,
}

impl<'a> Provider<'a> {
    pub(super) fn new(store: &'a Store, run: &'a Run, memory: &'a RefCell<Memory>) -> Self {
        Self {
            store,
            run,
            memory,
            learnt: RefCell::default(),
        }
    }

    /// What was picked for a version.
    pub(super) fn picked(&self, name: u32, version: &Version) -> Option<Picked> {
        self.learnt
            .borrow()
            .picked
            .get(&(name, version.clone()))
            .cloned()
    }

    /// Versions that would have been taken, had their metadata been there.
    pub(super) fn warnings(&self, selected: &BTreeMap<Package, Version>) -> Vec<String> {
        let memory = self.memory.borrow();
        self.learnt
            .borrow()
            .skipped
            .iter()
            .filter(|((number, version), _)| {
                selected
                    .get(&Package::Name(*number))
                    .is_some_and(|chosen| version > chosen)
            })
            .map(|((number, version), why)| {
                let name = memory.ids.names.get(*number);
                format!("{name} {version} was passed over: {why}")
            })
            .collect()
    }

    /// The pool of a project.
    pub(super) fn pool(&self, number: u32) -> Arc<Pool> {
        let memory = self.memory.borrow();
        self.pool_of(&memory, number)
    }

    /// The same, for a caller that holds the memory.
    pub(super) fn pool_of(&self, memory: &Memory, number: u32) -> Arc<Pool> {
        if let Some(pool) = self.learnt.borrow().pools.get(&number) {
            return pool.clone();
        }
        let name = memory.ids.names.get(number);
        let place = self.run.places.get(name).unwrap_or(&Place::Any);
        let pool = self.store.pool(name, place);
        self.learnt.borrow_mut().pools.insert(number, pool.clone());
        pool
    }

    fn want<'b>(&'b self, pool: &'b Pool) -> Want<'b> {
        Want {
            rules: &self.store.rules,
            name: &pool.name,
            lowest: self.store.lowest(&pool.name, &self.run.direct),
            earlier: self.run.earlier.get(&pool.name).map_or(&[], Vec::as_slice),
            environment: self
                .store
                .rules
                .universal()
                .then_some((&self.run.environment, &self.run.floor)),
        }
    }

    /// The version that a range decides on, from the first tier that has one.
    fn choose(&self, number: u32, range: &Range) -> Result<Option<Picked>, Stop> {
        let pool = self.pool(number);
        for depth in 0.. {
            let Some(tier) = self.tier(&pool, depth, range)? else {
                break;
            };
            match self.want(&pool).choose(&tier, range) {
                Choice::Entry(entry) => return Ok(Some(Picked { tier, entry })),
                Choice::Later(least) => return Err(self.fork_at(&least)),
                Choice::Nothing => {}
            }
        }
        Ok(None)
    }

    /// A tier, once it is there.
    pub(super) fn tier(
        &self,
        pool: &Arc<Pool>,
        depth: usize,
        range: &Range,
    ) -> Result<Option<Arc<Tier>>, Stop> {
        let layer = pool.first.at(depth);
        let then = Then {
            range: range.clone(),
            extras: Vec::new(),
        };
        self.store.want_tier(pool, depth, Some(then));
        self.store
            .wait(|| layer.answer.get())?
            .clone()
            .map_err(Stop::Failed)
    }

    fn fork_at(&self, least: &Version) -> Stop {
        let later = marker::from_python(least);
        Stop::Fork(vec![
            marker::and(&self.run.environment, &later),
            marker::and(&self.run.environment, &later.negate()),
        ])
    }

    /// The metadata of what was picked, once they are there.
    pub(super) fn facts(
        &self,
        pool: &Arc<Pool>,
        picked: &Picked,
    ) -> Result<Result<Arc<Facts>, Failure>, Stop> {
        self.store.want_facts(pool, picked, None);
        Ok(self.store.wait(|| picked.entry().facts.get())?.clone())
    }

    /// Asks for the metadata that will be wanted if this range stays, without waiting.
    fn look_ahead(&self, number: u32, range: &Range, count: usize) {
        let pool = self.pool(number);
        let Some(Ok(Some(tier))) = pool.first.answer.get() else {
            return;
        };
        let want = self.want(&pool);
        let mut rest = range.clone();
        for _ in 0..count {
            let Choice::Entry(entry) = want.choose(tier, &rest) else {
                return;
            };
            let picked = Picked {
                tier: tier.clone(),
                entry,
            };
            self.store.want_facts(&pool, &picked, None);
            if count > 1 {
                let hole = Range::singleton(picked.version().clone()).complement();
                rest = rest.intersection(&hole);
            }
        }
    }

    /// Counts a try of a package; too many are a reason to begin again in a better order.
    fn count(&self, number: u32, range: &Range) -> Result<(), Stop> {
        let mut learnt = self.learnt.borrow_mut();
        let tries = learnt.tries.entry(number).or_default();
        *tries += 1;
        let tries = *tries;
        let rejected = tries > TRIES && learnt.conflicts.get(&number).is_some_and(|n| *n >= TRIES);
        if rejected && !self.memory.borrow().early.contains(&number) {
            let mut memory = self.memory.borrow_mut();
            memory.early.insert(number);
            memory.late.remove(&number);
            for (other, count) in &learnt.conflicts {
                let tried = learnt.tries.get(other).copied().unwrap_or_default();
                if *count >= TRIES && tried <= TRIES && !memory.early.contains(other) {
                    memory.late.insert(*other);
                }
            }
            return Err(Stop::Again);
        }
        drop(learnt);
        if tries >= TRIES && tries.is_power_of_two() {
            let count = usize::try_from(tries).unwrap_or(BATCH).min(BATCH);
            self.look_ahead(number, range, count);
        }
        Ok(())
    }

    /// The needs that hold, as sets of versions.
    fn constrain<'n>(
        &self,
        own: Option<(u32, &Version)>,
        extra: Option<&ExtraName>,
        needs: impl Iterator<Item = &'n Need>,
    ) -> Result<Needed, Stop> {
        let environment = &self.run.environment;
        let active: Vec<Active<'_>> = needs
            .filter_map(|need| {
                let marker = need.marker(extra);
                (!marker.is_disjoint(environment)).then_some(Active { need, marker })
            })
            .collect();
        if self.store.rules.universal() {
            if let Some(parts) = forks::split(environment, self.run.floor.as_ref(), &active) {
                return Err(Stop::Fork(parts));
            }
        }
        let mut all: Vec<(Package, Range)> = Vec::with_capacity(active.len());
        let mut place_of = HashMap::<Package, usize>::with_capacity(active.len());
        for Active { need, .. } in active {
            if let Some(url) = &need.url {
                match self.run.places.get(&need.name) {
                    Some(Place::Url(known)) if known == url => {}
                    Some(Place::Url(known)) => {
                        return Ok(Dependencies::Unavailable(Reason::Urls(
                            need.name.clone(),
                            Box::new(url.clone()),
                            Box::new(known.clone()),
                        )));
                    }
                    _ => return Err(Stop::Url(need.name.clone(), url.clone())),
                }
            }
            let number = self.memory.borrow_mut().ids.names.of(&need.name);
            let itself = own.filter(|(own, _)| *own == number);
            if let Some((_, version)) = itself {
                if !need.range.contains(version) {
                    let words = range::words(&need.range);
                    return Ok(Dependencies::Unavailable(Reason::Itself(words)));
                }
            } else {
                let pool = self.pool(number);
                self.store.want_tier(
                    &pool,
                    0,
                    Some(Then {
                        range: need.range.clone(),
                        extras: need.extras.clone(),
                    }),
                );
            }
            let mut add = |package: Package, range: &Range| {
                if let Some(place) = place_of.get(&package) {
                    all[*place].1 = all[*place].1.intersection(range);
                } else {
                    place_of.insert(package, all.len());
                    all.push((package, range.clone()));
                }
            };
            if itself.is_none() {
                add(Package::Name(number), &need.range);
            }
            for wanted in &need.extras {
                let extra_number = self.memory.borrow_mut().ids.extras.of(wanted);
                if itself.is_none() || extra != Some(wanted) {
                    add(Package::Extra(number, extra_number), &need.range);
                }
            }
        }
        Ok(Dependencies::Available(all.into_iter().collect()))
    }
}

type Needed = Dependencies<Package, Range, Reason>;

/// Whether a failure says something of one version only.
pub(super) fn of_one_version(failure: &Failure) -> bool {
    matches!(
        failure.code,
        ErrorCode::Malformed | ErrorCode::NotFound | ErrorCode::Unsatisfiable
    )
}

impl DependencyProvider for Provider<'_> {
    type P = Package;
    type V = Version;
    type VS = Range;
    type Priority = (u8, Reverse<(u32, u32)>);
    type M = Reason;
    type Err = Stop;

    /// Breadth first, but what leaves no choice comes before, and what made trouble too; an extra
    /// comes right behind its project, whose version it has to take.
    fn prioritize(
        &self,
        package: &Package,
        range: &Range,
        conflicts: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let (number, extra) = match *package {
            Package::Root => return (u8::MAX, Reverse((0, 0))),
            Package::Name(number) => (number, 0),
            Package::Extra(number, extra) => (number, extra + 1),
        };
        if extra == 0 {
            self.learnt
                .borrow_mut()
                .conflicts
                .insert(number, conflicts.conflict_count());
            self.look_ahead(number, range, 1);
        }
        let pool = self.pool(number);
        let memory = self.memory.borrow();
        let level = if matches!(pool.place, Place::Url(_)) {
            5
        } else if range::exact(range).is_some() {
            4
        } else if memory.early.contains(&number) {
            3
        } else if memory.late.contains(&number) {
            1
        } else {
            2
        };
        (level, Reverse((number, extra)))
    }

    fn choose_version(&self, package: &Package, range: &Range) -> Result<Option<Version>, Stop> {
        let Some(number) = package.number() else {
            return Ok(Some(root()));
        };
        if let Package::Extra(..) = package {
            let learnt = self.learnt.borrow();
            if let Some(version) = learnt.chosen.get(&number) {
                if range.contains(version) {
                    return Ok(Some(version.clone()));
                }
            }
        } else {
            self.count(number, range)?;
        }
        let Some(picked) = self.choose(number, range)? else {
            return Ok(None);
        };
        let version = picked.version().clone();
        let mut learnt = self.learnt.borrow_mut();
        if let Package::Name(_) = package {
            learnt.chosen.insert(number, version.clone());
        }
        learnt.picked.insert((number, version.clone()), picked);
        Ok(Some(version))
    }

    fn get_dependencies(&self, package: &Package, version: &Version) -> Result<Needed, Stop> {
        let Some(number) = package.number() else {
            return self.constrain(None, None, self.run.roots.iter());
        };
        let pool = self.pool(number);
        let Some(picked) = self.picked(number, version) else {
            return Err(Stop::Stopped);
        };
        let facts = match self.facts(&pool, &picked)? {
            Ok(facts) => facts,
            Err(failure) if of_one_version(&failure) => {
                self.learnt
                    .borrow_mut()
                    .skipped
                    .insert((number, version.clone()), failure.message.clone());
                let reason = Reason::Metadata(failure.message, failure.hint);
                return Ok(Dependencies::Unavailable(reason));
            }
            Err(failure) => return Err(Stop::Failed(failure)),
        };
        if let Package::Extra(_, extra) = *package {
            let extra = self.memory.borrow().ids.extras.get(extra).clone();
            let needs = facts.needs.iter().filter(|need| need.is_of_extra(&extra));
            let mut needed = self.constrain(Some((number, version)), Some(&extra), needs)?;
            if let Dependencies::Available(all) = needed {
                let same = (Package::Name(number), Range::singleton(version.clone()));
                needed =
                    Dependencies::Available(all.into_iter().chain(std::iter::once(same)).collect());
            }
            return Ok(needed);
        }
        if let Some(needed) = &facts.metadata.requires_python {
            if !self.store.rules.takes_python(needed) {
                return Ok(Dependencies::Unavailable(Reason::Python(
                    needed.to_string(),
                )));
            }
            if self.store.rules.universal() {
                let floor = self.run.floor.as_ref();
                let least = marker::least_of(needed);
                if let (Some(floor), Some(least)) = (floor, &least) {
                    if least > floor {
                        if marker::reaches_python(&self.run.environment, least) {
                            return Err(self.fork_at(least));
                        }
                        let needed = needed.to_string();
                        return Ok(Dependencies::Unavailable(Reason::Python(needed)));
                    }
                }
            }
        }
        self.constrain(Some((number, version)), None, facts.needs.iter())
    }

    fn should_cancel(&self) -> Result<(), Stop> {
        if self.store.is_stopped() {
            Err(Stop::Stopped)
        } else {
            Ok(())
        }
    }
}

/// The version of what is asked for.
pub(super) fn root() -> Version {
    Version::new([0])
}
