//! Companion: uploads to package repositories.
//!
//! Knows the protocol's messages and `http`; never a provider, nor the agent's inside. Prints
//! nothing: `cli` does. The legacy upload form is the only transport; what is uploaded is prepared
//! without it (`distribution`), so that another (PEP 694) can stand beside `form`.
//!
//! - `filename`, `version`: what the name of a file says
//! - `zip`, `tar`: archives, read for their metadata only and never unpacked
//! - `metadata`: core metadata, and the name of each field in the form
//! - `distribution`: one file, made ready; `rules`: what PyPI would refuse later
//! - `digest`: what a file's bytes add up to

pub mod digest;
pub mod distribution;
pub mod filename;
pub mod metadata;
pub mod rules;
mod tar;
pub mod version;
mod zip;

#[cfg(test)]
pub(crate) mod samples;
