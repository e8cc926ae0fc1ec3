//! What the solver asks: which package next, which version of it, what that needs.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

use credential_helper_protocol::{ErrorCode, Failure};
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics};

use super::forks::{self, Active};
use super::ids::Package;
use super::marker;
use super::need::Need;
use super::pool::Place;
use super::range::{self, Range};
use super::run::{Learnt, Memory, Reason, Run, Stop};
use super::store::{Store, Then};
use crate::package::{ExtraName, PackageName, Version};

/// How often a package may be tried before it is decided earlier; so does uv.
const TRIES: u32 = 5;
/// How many versions are asked for at once when many of a project are tried.
const BATCH: usize = 50;
/// The provider of one run.
pub(super) struct Provider<'a> {
    pub(super) store: &'a Store,
    pub(super) run: &'a Run,
    pub(super) memory: &'a RefCell<Memory>,
    pub(super) learnt: RefCell<Learnt>,
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
                let often = learnt.tries.get(other).copied().unwrap_or_default();
                if *count >= TRIES && often <= TRIES && !memory.early.contains(other) {
                    memory.late.insert(*other);
                }
            }
            return Err(Stop::Again);
        }
        drop(learnt);
        if tries >= TRIES && tries.is_power_of_two() {
            let count = usize::try_from(tries).map_or(BATCH, |count| count.min(BATCH));
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
                marker::meet(marker, environment).then_some(Active { need, marker })
            })
            .collect();
        if self.store.rules.universal() {
            match forks::split(environment, self.run.floor.as_ref(), &active) {
                Ok(None) => {}
                Ok(Some((parts, name))) => return Err(Stop::Fork(parts, name)),
                Err(name) => return Err(self.too_many_needs(own, &name)),
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

impl Provider<'_> {
    /// One package asks for a project under too many conditions that have nothing to do with each other.
    fn too_many_needs(&self, own: Option<(u32, &Version)>, name: &PackageName) -> Stop {
        let memory = self.memory.borrow();
        let asker = own.map_or_else(
            || "the input".to_owned(),
            |(number, version)| format!("{} {version}", memory.ids.names.get(number)),
        );
        Stop::too_many(&format!(
            "{asker} asks for {name} under too many different markers"
        ))
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
            if let Some(version) = learnt.chosen.get(&number)
                && range.contains(version)
            {
                return Ok(Some(version.clone()));
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
                if let (Some(floor), Some(least)) = (floor, &least)
                    && least > floor
                {
                    if marker::reaches_python(&self.run.environment, least) {
                        return Err(self.fork_at(least, pool.name.clone()));
                    }
                    let needed = needed.to_string();
                    return Ok(Dependencies::Unavailable(Reason::Python(needed)));
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
