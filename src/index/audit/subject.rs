//! What is audited: the names that a project depends on.

use std::path::PathBuf;

use crate::index::locked::Locked;
use crate::package::{PackageName, VersionSpecifiers};

/// A dependency.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The project that is depended on.
    pub name: PackageName,
    /// Which versions of it are allowed; none: all.
    pub range: Option<VersionSpecifiers>,
    /// The source that it is pinned to.
    pub pin: Option<String>,
    /// What the lock file has of it.
    pub locked: Vec<Locked>,
    /// Whether the project itself asks for it, and not only another dependency.
    pub direct: bool,
    /// The file that names it.
    pub path: PathBuf,
    /// The line there, from 1.
    pub line: usize,
}
