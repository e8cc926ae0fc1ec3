//! credential-helper: the map of its modules, and what each may not know.
//!
//! `protocol <- domain <- provider <- agent`; `cli` puts them together. A test
//! (`tests/architecture`) holds these directions.
//!
//! - [`domain`]: the rules: names, URLs, origins, resolution. No I/O, no clock, no async; nothing
//!   in it is serialisable. Who reads [`domain::resolution`] has read how a credential is found.
//! - [`provider`]: where credentials come from: one file each, one trait. A provider knows neither
//!   another provider nor the order in which they are asked.
//! - [`agent`]: the daemon: connections, cache, the drive of a resolution, policy, lifecycle,
//!   hardening. The agent's own code opens no network connection.
//! - [`connect`]: a client for this process: the running agent, one that it starts, or the same
//!   agent inside this process (`--no-agent`).
//! - [`bridge`]: other tools' protocols: text in, question; credential, text out. Knows the protocol's
//!   messages only; the fast door (`src/main.rs`, `src/door.rs`) holds the same files.
//! - [`edit`]: files of the user are changed here: atomic, one at a time, with everything kept.
//! - [`http`]: the one HTTP client, of the companions and of `doctor`; never built by the agent.
//! - [`doctor`]: what can be wrong on a machine, as a list of checks; prints and changes nothing.
//! - [`selftest`]: the safety rules, tried out on the user's machine in a folder of its own; prints nothing.
//! - [`ci`]: companion: the variables, masks and child process of `exec` and `env`; knows what the
//!   agent answers, never how.
//! - [`setup`]: what other tools need to use the helper: plans as data, and one applier that makes
//!   and undoes them; prints nothing.
//! - [`sarif`]: findings in the form that code hosts read.
//! - [`scan`]: credentials in plain text in other tools' files, and their way into the keyring.
//! - [`package`]: the language of Python packages: file names, versions, tags, metadata, archives. Pure
//!   but for the archives, which are read and never unpacked.
//! - [`index`]: companion: package sources and what they offer.
//! - [`resolve`]: companion: which versions go together. Knows what [`index`] offers, never how it asks.
//! - [`build`]: companion: builds of a project by its own backend (PEP 517), in a clean environment.
//! - [`publish`]: companion: uploads. Knows the protocol's messages, [`package`], [`index`] and [`http`] only.
//! - [`cli`]: the command line: one file a command; the only place that prints.

pub mod agent;
pub mod bridge;
#[cfg(feature = "net")]
pub mod build;
pub mod ci;
pub mod cli;
pub mod connect;
pub mod doctor;
pub mod domain;
pub mod edit;
#[cfg(feature = "net")]
pub mod http;
#[cfg(feature = "net")]
pub mod index;
#[cfg(feature = "net")]
pub mod package;
pub mod provider;
#[cfg(feature = "net")]
pub mod publish;
#[cfg(feature = "net")]
pub mod resolve;
pub mod sarif;
pub mod scan;
pub mod selftest;
pub mod setup;
#[cfg(test)]
#[cfg(all(unix, feature = "net"))]
mod test_programs;
