//! The fetcher: fills the store's cells, and goes on to what will probably be asked for next: the
//! metadata of the version that the range allows first, and the listings of what it needs. A guess
//! that was wrong costs a request and changes no answer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

use credential_helper_protocol::Failure;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::marker;
use super::need::Facts;
use super::pool::{Choice, Picked, Place, Pool, Tier, Want};
use super::store::{Ask, Fetch, Store, Then, lock};
use crate::index::offers::Offers;

/// Fetches on the tasks of a runtime. Whoever wants something starts a task itself, the solver's
/// thread too: another task in between would have to be woken for each.
pub(super) struct Fetcher<O> {
    offers: Arc<O>,
    store: Weak<Store>,
    runtime: Handle,
    /// None once nothing is to be begun any more.
    tasks: Mutex<Option<JoinSet<()>>>,
}

impl<O> Fetcher<O> {
    /// One that fills this store. Must be made within a runtime.
    pub(super) fn new(offers: Arc<O>, store: Weak<Store>) -> Self {
        Self {
            offers,
            store,
            runtime: Handle::current(),
            tasks: Mutex::new(Some(JoinSet::new())),
        }
    }
}

impl<O: Offers + 'static> Fetch for Fetcher<O> {
    fn start(&self, ask: Ask) {
        let Some(store) = self.store.upgrade() else {
            return;
        };
        let mut tasks = lock(&self.tasks);
        if let Some(tasks) = &mut *tasks {
            // Those that ended go, with the memory that they had.
            while tasks.try_join_next().is_some() {}
            tasks.spawn_on(fetch(self.offers.clone(), store, ask), &self.runtime);
        }
    }

    fn end(&self) {
        let tasks = lock(&self.tasks).take();
        drop(tasks);
    }
}

/// A task that panics leaves a cell empty for ever.
struct Guard<'a>(&'a Store);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Fetches what is asked for.
async fn fetch<O: Offers>(offers: Arc<O>, store: Arc<Store>, ask: Ask) {
    let _guard = Guard(&store);
    match ask {
        Ask::Tier { pool, depth, then } => {
            let answer = tier(&*offers, &store, &pool, depth).await;
            let layer = pool.first.at(depth);
            let _ = layer.answer.set(answer);
            store.ring(&layer.answer);
            if let Some(then) = then {
                follow(&store, &pool, depth, then);
            }
        }
        Ask::Facts { pool, picked, then } => {
            let Some((listing, file)) = picked.tier.source(picked.entry) else {
                return;
            };
            let answer = offers
                .metadata(listing, file)
                .await
                .map(|metadata| Arc::new(Facts::new(metadata, &store.rules)));
            let facts = answer.as_ref().ok().cloned();
            let cell = &picked.entry().facts;
            let _ = cell.set(answer);
            store.count_read();
            store.ring(cell);
            if let (Some(then), Some(facts)) = (then, facts) {
                expand(&store, &pool, &facts, &then);
            }
        }
    }
}

async fn tier<O: Offers>(
    offers: &O,
    store: &Store,
    pool: &Pool,
    depth: usize,
) -> Result<Option<Arc<Tier>>, Failure> {
    let pin = match &pool.place {
        Place::Any => None,
        Place::Pin(source) => Some(&**source),
        Place::Url(_) if depth > 0 => return Ok(None),
        Place::Url(url) => {
            let metadata = offers.direct(&pool.name, url).await?;
            store.count_read();
            let facts = Arc::new(Facts::new(metadata, &store.rules));
            return Ok(Some(Arc::new(Tier::direct(url.clone(), facts))));
        }
    };
    let listings = offers.tier(&pool.name, pin, depth).await?;
    Ok(listings.map(|listings| Arc::new(Tier::new(listings))))
}

/// The version that this range would decide on: its metadata come next.
fn follow(store: &Store, pool: &Arc<Pool>, depth: usize, then: Then) {
    let Some(Ok(Some(tier))) = pool.first.at(depth).answer.get() else {
        return;
    };
    let want = Want {
        rules: &store.rules,
        name: &pool.name,
        lowest: store.lowest(&pool.name, &store.direct),
        earlier: &[],
        environment: store
            .rules
            .universal()
            .then_some((&store.base, &store.rules.least)),
    };
    let Choice::Entry(entry) = want.choose(tier, &then.range) else {
        return;
    };
    let picked = Picked {
        tier: tier.clone(),
        entry,
    };
    match picked.entry().facts.get() {
        Some(Ok(facts)) => expand(store, pool, facts, &then),
        Some(Err(_)) => {}
        None => store.want_facts(pool, &picked, Some(then)),
    }
}

/// The listings of what a version needs come next.
fn expand(store: &Store, pool: &Pool, facts: &Facts, then: &Then) {
    for need in &facts.needs {
        let active = std::iter::once(None)
            .chain(then.extras.iter().map(Some))
            .any(|extra| marker::meet(need.marker(extra), &store.base));
        if !active || need.url.is_some() || need.name == pool.name {
            continue;
        }
        let place = match store.places.get(&need.name) {
            None => Place::Any,
            Some(Some(place)) => place.clone(),
            Some(None) => continue,
        };
        let pool = store.pool(&need.name, &place);
        if !pool.first.asked.load(Ordering::Relaxed) {
            store.want_tier(
                &pool,
                0,
                Some(Then {
                    range: need.range.clone(),
                    extras: need.extras.clone(),
                }),
            );
        }
    }
}
