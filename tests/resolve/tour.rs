//! The tour of the README: a private index beside a public one.
