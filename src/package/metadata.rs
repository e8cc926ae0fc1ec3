//! What a distribution says of itself, as far as a resolution has to know (core metadata).

use super::{ExtraName, PackageName, Requirement, Version, VersionSpecifiers};

/// Core metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// `Name`.
    pub name: PackageName,
    /// `Version`.
    pub version: Version,
    /// `Requires-Dist`, repaired where it can be told what was meant.
    pub requires: Vec<Requirement>,
    /// `Requires-Python`.
    pub requires_python: Option<VersionSpecifiers>,
    /// `Provides-Extra`.
    pub extras: Vec<ExtraName>,
    /// What could not be read and was left out, in words for a person.
    pub doubts: Vec<String>,
}
