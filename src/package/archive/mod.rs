//! Archives, read for their metadata only and never unpacked.
//!
//! - `zip`, `directory`: wheels, and source archives of old; `flow`: one that comes in order;
//!   `sparse`: one of which only parts are there
//! - `tar`: source archives

mod directory;
pub(crate) mod flow;
pub(crate) mod sparse;
pub(crate) mod tar;
pub(crate) mod zip;

#[cfg(test)]
pub(crate) mod samples;
