//! Poetry's language of dependencies, said in that of PEP 508.
//!
//! - `constraint`: versions; `marker`: `python`, `platform`
//! - `entry`: one dependency; `tables`: those of a project, its extras and groups

pub(super) mod constraint;
pub(super) mod entry;
pub(super) mod marker;
pub(super) mod tables;
