//! What the name of a distribution's file says (PEP 427, PEP 625, older names of sdists).

use super::{PackageName, Version};

/// A file's name, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filename {
    /// A wheel.
    Wheel(Box<WheelName>),
    /// A source archive, with its version.
    Sdist(Version),
}

/// The name of a wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    /// The project.
    pub project: PackageName,
    /// The version.
    pub version: Version,
    /// The build tag: its number and what stands behind it, in the order of preference (PEP 427).
    pub build: Option<(u64, String)>,
    /// The Python tags (`py3`, `cp311`).
    pub python: Vec<String>,
    /// The ABI tags.
    pub abi: Vec<String>,
    /// The platform tags.
    pub platform: Vec<String>,
}

impl Filename {
    /// The version.
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(wheel) => &wheel.version,
            Self::Sdist(version) => version,
        }
    }
}
