//! netrc.
