//! Writing Poetry's files.
