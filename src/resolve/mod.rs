//! Companion: which versions go together.
//!
//! Knows what `index` offers, never how it asks; prints nothing.
