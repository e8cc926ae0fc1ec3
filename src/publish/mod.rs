//! Companion: uploads to package repositories.
//!
//! Knows the protocol's messages, `package`, `index` and `http`; never a provider, nor the agent's inside. Prints
//! nothing: `cli` does. What is uploaded is prepared without knowing how (`distribution`); the
//! legacy form is the only way there is (`form`, `answers`, `upload`), and another (PEP 694) can
//! stand beside it.
//!
//! - `filename`: what the name of a file says
//! - `metadata`: core metadata, and the name of each field in the form
//! - `digest`: what a file's bytes add up to
//! - `distribution`: one file, made ready; `rules`, `values`, `classifiers`: what PyPI would
//!   refuse later
//! - `reference`: what PyPI's own libraries say, where they are installed
//! - `attestation`: what stands beside a file
//! - `form`: the upload form, in pieces; `answers`: what servers say to it
//! - `place`, `pypirc`: where a name leads
//! - `index`, `compare`: whether the same bytes are there already
//! - `trusted`: tokens for one run, out of a CI job's identity
//! - `upload`, `outcome`, `verdict`: one run, how each file ended, and why

pub mod answers;
pub mod attestation;
mod classifiers;
pub mod compare;
pub mod digest;
pub mod distribution;
pub mod filename;
pub mod form;
pub mod index;
pub mod metadata;
pub mod outcome;
pub mod place;
pub mod pypirc;
pub mod reference;
pub mod rules;
pub mod trusted;
pub mod upload;
mod values;
mod verdict;

#[cfg(test)]
mod test_index;
#[cfg(test)]
mod test_server;
