//! Companion: which versions go together.
//!
//! Knows what `index` offers, never how it asks; prints nothing.
//!
//! - `input`: what is asked for: requirements files, projects, Poetry's language

pub mod input;
