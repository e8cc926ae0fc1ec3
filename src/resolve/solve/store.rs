//! What is known so far, shared by the solver's thread and the fetcher: cells that are filled once,
//! and a bell that rings whenever one was.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::pool::{Picked, Place, Pool};
use super::problem::Strategy;
use super::range::Range;
use super::resolution::{Event, Watch};
use super::rules::Rules;
use crate::package::{ExtraName, MarkerTree, PackageName};

/// Something to fetch.
pub(super) enum Ask {
    /// The listings of a tier.
    Tier {
        pool: Arc<Pool>,
        depth: usize,
        then: Option<Then>,
    },
    /// The metadata of a version.
    Facts {
        pool: Arc<Pool>,
        picked: Picked,
        then: Option<Then>,
    },
}

/// What will be asked for next if the guess holds that this range decides the version.
pub(super) struct Then {
    pub(super) range: Range,
    pub(super) extras: Vec<ExtraName>,
}

/// Whoever fetches, on tasks of its own.
pub(super) trait Fetch: Send + Sync {
    /// Begins to fetch.
    fn start(&self, ask: Ask);
    /// Ends what is under way, and begins nothing any more.
    fn end(&self);
}

/// The store.
pub(super) struct Store {
    pub(super) rules: Rules,
    /// Where it is for, before any fork.
    pub(super) base: MarkerTree,
    /// Where projects come from that the first party says something about; `None`: it depends.
    pub(super) places: HashMap<PackageName, Option<Place>>,
    /// What the first party asks for itself.
    pub(super) direct: HashSet<PackageName>,
    fetch: Box<dyn Fetch>,
    pools: Mutex<HashMap<(PackageName, Place), Arc<Pool>>>,
    stopped: Mutex<bool>,
    /// The place of the cell that the solver's thread waits for; 0 for none.
    awaited: AtomicUsize,
    bell: Condvar,
    watch: Option<Watch>,
    read: AtomicUsize,
}

/// Nobody waits for the answer any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped;

impl Store {
    pub(super) fn new(rules: Rules, base: MarkerTree, fetch: Box<dyn Fetch>) -> Self {
        Self {
            rules,
            base,
            places: HashMap::new(),
            direct: HashSet::new(),
            fetch,
            pools: Mutex::default(),
            stopped: Mutex::new(false),
            awaited: AtomicUsize::new(0),
            bell: Condvar::new(),
            watch: None,
            read: AtomicUsize::new(0),
        }
    }

    pub(super) fn watched_by(mut self, watch: Option<Watch>) -> Self {
        self.watch = watch;
        self
    }

    /// The pool of a project, new or known.
    pub(super) fn pool(&self, name: &PackageName, place: &Place) -> Arc<Pool> {
        let mut pools = lock(&self.pools);
        let key = (name.clone(), place.clone());
        if let Some(pool) = pools.get(&key) {
            return pool.clone();
        }
        let pool = Arc::new(Pool {
            name: name.clone(),
            place: place.clone(),
            first: super::pool::Layer::default(),
        });
        pools.insert(key, pool.clone());
        let seen = pools.len();
        drop(pools);
        self.tell(&Event::Seen(seen));
        pool
    }

    /// Asks for a tier, unless somebody did.
    pub(super) fn want_tier(&self, pool: &Arc<Pool>, depth: usize, then: Option<Then>) {
        if !pool.first.at(depth).asked.swap(true, Ordering::Relaxed) {
            self.fetch.start(Ask::Tier {
                pool: pool.clone(),
                depth,
                then,
            });
        }
    }

    /// Asks for metadata, unless somebody did.
    pub(super) fn want_facts(&self, pool: &Arc<Pool>, picked: &Picked, then: Option<Then>) {
        let entry = picked.entry();
        if entry.facts.get().is_none() && !entry.asked.swap(true, Ordering::Relaxed) {
            self.fetch.start(Ask::Facts {
                pool: pool.clone(),
                picked: picked.clone(),
                then,
            });
        }
    }

    /// Waits until the cell is filled. Only the solver's thread does.
    pub(super) fn wait<'a, T>(&self, cell: &'a OnceLock<T>) -> Result<&'a T, Stopped> {
        if let Some(value) = cell.get() {
            return Ok(value);
        }
        let mut stopped = lock(&self.stopped);
        self.awaited.store(place(cell), Ordering::Relaxed);
        // Either the cell is seen filled below, or whoever fills it sees that it is waited for.
        fence(Ordering::SeqCst);
        let result = loop {
            if *stopped {
                break Err(Stopped);
            }
            if let Some(value) = cell.get() {
                break Ok(value);
            }
            stopped = self
                .bell
                .wait(stopped)
                .unwrap_or_else(PoisonError::into_inner);
        };
        self.awaited.store(0, Ordering::Relaxed);
        result
    }

    /// A cell was filled. The bell rings for the one that is waited for: hundreds are filled ahead, and
    /// each time the other thread was woken for nothing.
    pub(super) fn ring<T>(&self, cell: &OnceLock<T>) {
        fence(Ordering::SeqCst);
        if self.awaited.load(Ordering::Relaxed) == place(cell) {
            drop(lock(&self.stopped));
            self.bell.notify_all();
        }
    }

    /// The solver's thread is to end, and whatever is under way.
    pub(super) fn stop(&self) {
        *lock(&self.stopped) = true;
        self.bell.notify_all();
        self.fetch.end();
    }

    /// Whether it is.
    pub(super) fn is_stopped(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Whether the lowest version of a project is wanted.
    pub(super) fn lowest(&self, name: &PackageName, direct: &HashSet<PackageName>) -> bool {
        match self.rules.strategy {
            Strategy::Highest => false,
            Strategy::Lowest => true,
            Strategy::LowestDirect => direct.contains(name),
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        if let Some(watch) = &self.watch {
            watch(event);
        }
    }

    /// One more version's metadata were read.
    pub(super) fn count_read(&self) {
        let read = self.read.fetch_add(1, Ordering::Relaxed) + 1;
        self.tell(&Event::Read(read));
    }
}

fn place<T>(cell: &OnceLock<T>) -> usize {
    std::ptr::from_ref(cell).addr()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
