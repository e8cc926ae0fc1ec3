//! Which versions go together.
//!
//! The algorithm is that of the `pubgrub` crate, which is synchronous: it runs on a thread of its
//! own, and what it wants is fetched by tasks of the caller's runtime. What the thread decides
//! depends on the answers alone, never on their order, so the same input has the same output.
//!
//! - `problem`: what is to be solved; `resolution`: what came out, or why nothing did
//! - `range`, `marker`: sets of versions, and what the algebra of markers lacks
//! - `rules`: which files and versions count; `digests`: those that are asked for; `need`: what a package needs; `pool`: what there is to
//!   choose from, and the choice
//! - `store`, `fetcher`: what is known, and how it comes in ahead of the questions
//! - `ids`, `provider`, `look`: what the solver asks; `forks`: when a universal resolution is split
//! - `drive`: the runs of the solver, `run`: one of them; `assemble`: the answer
//! - `conflict`, `told`, `hint`: why there is none, in words

mod assemble;
mod conflict;
#[cfg(test)]
mod conflict_tests;
mod digests;
mod drive;
mod fetcher;
mod forks;
mod hint;
mod ids;
#[cfg(test)]
mod limits_tests;
mod look;
mod marker;
mod need;
mod pool;
mod problem;
mod provider;
#[cfg(test)]
mod random_tests;
mod range;
mod resolution;
mod rules;
mod run;
#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod solve_tests;
mod store;
#[cfg(test)]
mod testing;
mod told;

use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use tokio::sync::oneshot;

pub use problem::{Environment, Names, Preference, Prerelease, Problem, Strategy};
pub use resolution::{Asker, Conflict, Edge, Event, Origin, Resolution, Resolved, Unsolved, Watch};

use crate::index::offers::Offers;
use crate::package::MarkerTree;
use fetcher::Fetcher;
use rules::Rules;
use store::Store;

/// The stack of the solver's thread.
const STACK: usize = 16 << 20;

/// Finds versions that go together. Must run within a tokio runtime, on which the offers are asked.
///
/// # Errors
/// Why there are none, or what could not be asked.
pub async fn resolve<O: Offers + 'static>(
    offers: Arc<O>,
    problem: Problem,
    watch: Option<Watch>,
) -> Result<Resolution, Unsolved> {
    let rule = offers.rule();
    let rules = Rules::new(&problem);
    let base = rules
        .least
        .as_ref()
        .map_or(MarkerTree::TRUE, marker::from_python);
    let base = marker::and(&marker::up_to_python(&rules.limit), &base);
    let store = Arc::new_cyclic(|store| {
        let fetcher = Fetcher::new(offers, store.clone());
        let mut store = Store::new(rules, base, Box::new(fetcher)).watched_by(watch);
        store.places = drive::places(&problem);
        store.direct = problem
            .wanted
            .iter()
            .filter(|wanted| wanted.direct)
            .map(|wanted| wanted.requirement.name.clone())
            .collect();
        store
    });
    let (answer, answered) = oneshot::channel();
    let solver = Solver(store.clone());
    let theirs = store.clone();
    std::thread::Builder::new()
        .name("solver".to_owned())
        // Proofs are trees, and told by going down them.
        .stack_size(STACK)
        .spawn(move || {
            let _ = answer.send(drive::run(&theirs, &problem, rule));
        })
        .map_err(|error| {
            Failure::new(
                ErrorCode::Unavailable,
                format!("could not start the solver's thread: {error}"),
            )
        })?;
    let result = answered.await;
    drop(solver);
    result.unwrap_or_else(|_| {
        Err(Unsolved::Failed(Failure::new(
            ErrorCode::Internal,
            "the solver ended without an answer",
        )))
    })
}

/// Ends the solver's thread, and what is fetched, when nobody waits for it any more.
struct Solver(Arc<Store>);

impl Drop for Solver {
    fn drop(&mut self) {
        self.0.stop();
    }
}
