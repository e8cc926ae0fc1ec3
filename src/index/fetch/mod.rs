//! Requests to sources: with the credential that belongs there, again where that may help, and told
//! to whoever watches.
//!
//! - `asking`: the way to the agent, which this module does not know
//! - `place`: whose credential goes to a URL (design: a secret belongs to an origin and a scope)
//! - `credentials`: each is asked for once a run, once more after a refusal
//! - `certificates`: which of the user's settings for TLS a request has
//! - `wish`: what is asked for, and how; `requester`: the requests; `trouble`: why a source has not answered
//! - `seen`: what is told of each request

mod asking;
mod certificates;
mod credentials;
mod place;
mod requester;
mod seen;
mod trouble;
mod wish;

#[cfg(test)]
pub(crate) mod test_sources;

pub use asking::{Asker, Bound, Demand, Inquiry, Outcome, desk};
pub use credentials::{ANONYMOUS, Identity};
pub use requester::Requester;
pub use seen::{CacheUse, Seen, Watch, plain};
pub use trouble::{Trouble, Word};
pub use wish::{Plan, Said, Setup, Whole, Wish};

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
