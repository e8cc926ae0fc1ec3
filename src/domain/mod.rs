//! The rules, as pure functions: no I/O, no clock, no async.

pub mod binding;
pub mod credential;
pub mod known;
pub mod log;
pub mod name;
pub mod netrc;
pub mod resolution;
pub mod service;
pub mod text;
pub mod url;
