//! Companion: package sources, and what they offer.
//!
//! Knows the protocol's messages, `package` and `http`; never a provider, nor the agent's inside.
//!
//! - `audit`: dependency confusion
//! - `locked`: lock files
//! - `project`: what one source has of one project; `packed`: how it is kept; `hex`: digests
//! - `page`: the pages that sources have, read
//! - `ladder`: the metadata of a file, without the whole file where that can be
//! - `offers`: what a resolution asks the sources for
//! - `fetch`: requests with the credential that belongs there; `cache`: what was answered before;
//!   `lookup`: what the sources offer, by both; `once`: asked for once a run
//! - `source`: where packages come from: Poetry, uv, pip, the command line

pub mod audit;
pub mod cache;
pub mod fetch;
mod hex;
pub mod ladder;
pub mod locked;
pub mod lookup;
pub mod offers;
mod once;
mod packed;
pub mod page;
pub mod project;
pub mod source;
