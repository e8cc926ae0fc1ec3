//! Watching folders.
