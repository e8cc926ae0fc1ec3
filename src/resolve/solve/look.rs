//! How a run looks at what there is: it waits for what it needs now, and asks ahead for what it will
//! need if nothing changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use credential_helper_protocol::Failure;

use super::ids::Package;
use super::marker;
use super::need::Facts;
use super::pool::{Choice, Picked, Place, Pool, Tier, Want};
use super::provider::Provider;
use super::range::Range;
use super::run::{Memory, Stop};
use super::store::Then;
use crate::package::{PackageName, Version};

impl Provider<'_> {
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
    pub(super) fn choose(&self, number: u32, range: &Range) -> Result<Option<Picked>, Stop> {
        let pool = self.pool(number);
        for depth in 0.. {
            let Some(tier) = self.tier(&pool, depth, range)? else {
                break;
            };
            match self.want(&pool).choose(&tier, range) {
                Choice::Entry(entry) => return Ok(Some(Picked { tier, entry })),
                Choice::Later(least) => {
                    return Err(self.fork_at(&least, pool.name.clone()));
                }
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
        if layer.answer.get().is_none() {
            let then = Then {
                range: range.clone(),
                extras: Vec::new(),
            };
            self.store.want_tier(pool, depth, Some(then));
        }
        self.store
            .wait(&layer.answer)?
            .clone()
            .map_err(Stop::Failed)
    }

    pub(super) fn fork_at(&self, least: &Version, name: PackageName) -> Stop {
        let later = marker::from_python(least);
        let parts = vec![
            marker::and(&self.run.environment, &later),
            marker::and(&self.run.environment, &later.negate()),
        ];
        Stop::Fork(parts, name)
    }

    /// The metadata of what was picked, once they are there.
    pub(super) fn facts(
        &self,
        pool: &Arc<Pool>,
        picked: &Picked,
    ) -> Result<Result<Arc<Facts>, Failure>, Stop> {
        self.store.want_facts(pool, picked, None);
        Ok(self.store.wait(&picked.entry().facts)?.clone())
    }

    /// Asks for the metadata that will be wanted if this range stays, without waiting.
    pub(super) fn look_ahead(&self, number: u32, range: &Range, count: usize) {
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
}
