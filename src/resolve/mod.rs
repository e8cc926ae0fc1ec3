//! Companion: which versions go together.
//!
//! Knows what `index` offers, never how it asks; prints nothing.
//!
//! - [`input`]: what is asked for: files and lines in, requirements out
//! - [`solve`]: which versions go together
//! - [`output`]: what is written of it

pub mod input;
pub mod output;
pub mod solve;
