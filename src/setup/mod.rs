//! `helper setup`: makes other tools use the helper, and takes that back.
//!
//! A [`plan`](tools::plan) is data: a list of [`Change`]s. One applier ([`apply`]) looks whether
//! each is needed, makes it and takes it back; what was made is [recorded](record) first, so that
//! undoing finds it whenever this was killed. Nothing here prints, and nothing knows where
//! credentials come from.

pub mod apply;
pub mod backend;
pub mod change;
mod git;
mod links;
mod package;
pub mod path;
pub mod python;
pub mod record;
mod run;
pub mod text;
pub mod tools;
pub mod uv;

use std::path::PathBuf;

use credential_helper_protocol::surroundings::Surroundings;

pub use self::change::Change;

/// Where this is done.
pub struct Around {
    /// Variables, home and platform.
    pub process: Surroundings,
    /// The folder of the helper's own settings.
    pub settings: PathBuf,
    /// The folder of the record.
    pub state: PathBuf,
    /// The folder of the user's `uv.toml`.
    pub uv: Option<PathBuf>,
    /// The working folder.
    pub working: PathBuf,
    /// What the bridges are links to.
    pub helper: PathBuf,
    /// The names of the bridges.
    pub bridges: Vec<&'static str>,
}

/// What is to be done.
pub struct Plan {
    /// The word under which it is recorded.
    pub tool: String,
    /// What has to be so.
    pub changes: Vec<Change>,
    /// What the user should know.
    pub notes: Vec<String>,
}
