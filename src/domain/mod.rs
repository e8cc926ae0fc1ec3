//! The rules, as pure functions: no I/O, no clock, no async.

pub mod binding;
mod caveat;
pub mod credential;
pub mod known;
pub mod log;
pub mod macaroon;
pub mod name;
pub mod netrc;
pub mod resolution;
pub mod service;
pub mod text;
pub mod token;
pub mod toml_text;
pub mod upload;
pub mod url;
pub mod variable;
pub mod workspace;
