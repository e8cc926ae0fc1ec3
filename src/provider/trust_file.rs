//! The record of bindings.
