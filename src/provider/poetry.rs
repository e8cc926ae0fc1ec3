//! Poetry's files.
