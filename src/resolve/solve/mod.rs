//! Which versions go together.
//!
//! The algorithm is that of the `pubgrub` crate, which is synchronous: it runs on a thread of its
//! own and asks a fetcher, which lives with the caller's tasks, through channels.
//!
//! - `problem`: what is to be solved; `resolution`: what came out, or why nothing did

mod problem;
mod resolution;

pub use problem::{Environment, Fits, Names, Preference, Prerelease, Problem, Strategy};
pub use resolution::{Asker, Conflict, Edge, Event, Origin, Resolution, Resolved, Unsolved, Watch};
