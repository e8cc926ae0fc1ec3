//! leak.
