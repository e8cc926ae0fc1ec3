//! The daemon: one thread, one task a connection.

#[cfg(unix)]
mod activation;
pub mod allocator;
pub mod answers;
#[cfg(unix)]
mod buffer;
pub mod change;
pub mod clock;
pub mod connection;
#[cfg(unix)]
mod detach;
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
#[cfg(unix)]
pub mod socket;
#[cfg(unix)]
mod stream;
#[cfg(unix)]
mod traffic;
pub mod trust;
