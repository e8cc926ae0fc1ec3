//! The daemon: one thread, one task a connection.

pub mod answers;
pub mod change;
pub mod clock;
pub mod connection;
pub mod drive;
#[cfg(unix)]
pub mod hardening;
pub mod known;
#[cfg(unix)]
pub mod lifecycle;
#[cfg(unix)]
pub mod peer;
#[cfg(unix)]
pub mod server;
pub mod trust;
