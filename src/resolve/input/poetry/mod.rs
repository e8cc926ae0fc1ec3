//! Poetry's language of dependencies, said in that of PEP 508.
//!
//! - `constraint`: versions; `marker`: `python`, `platform`, `markers`

pub(super) mod constraint;
pub(super) mod marker;
