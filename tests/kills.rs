//! kills.
