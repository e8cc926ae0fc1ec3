//! Editing files.
