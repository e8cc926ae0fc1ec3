//! The language of Python packages: what names of files, versions, tags and metadata say.
//!
//! Pure, but for `archive`, which reads wheels and source archives for their metadata and never
//! unpacks them. Versions, specifiers, requirements and markers are those of `pep440_rs` and
//! `pep508_rs`; where these differ from the `packaging` library of PyPI, that library is right.
//!
//! - `filename`: what the name of a file says
//! - `fields`: the fields of core metadata; `metadata`: what a distribution says of itself
//! - `repair`: what older tools let through
//! - `requirement`: requirements as others write them, `named`: what stands before their markers;
//!   `bounded`: markers that nobody could work with; `order`: which versions a specifier allows
//! - `environment`: an interpreter on a platform: markers and tags; `tags`: which wheels fit;
//!   `platform`: the platform tags of a platform
//! - `document`: TOML about packages, with the place of each value
//! - `archive`: zip and tar

pub(crate) mod archive;
mod bounded;
pub mod document;
pub mod environment;
pub(crate) mod fields;
pub mod filename;
pub mod metadata;
mod named;
pub mod order;
pub mod platform;
pub mod repair;
pub mod requirement;
mod said;
pub mod tags;

pub use pep440_rs::{Version, VersionSpecifiers};
pub use pep508_rs::{ExtraName, MarkerTree, PackageName};

/// A requirement (PEP 508), direct URLs included.
pub type Requirement = pep508_rs::Requirement<pep508_rs::VerbatimUrl>;
