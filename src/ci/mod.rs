//! Companion: the credentials of repositories, for programs that read them from variables.
//!
//! What is set is a [`variables::Plan`], made of what an agent answered and nothing else; it is
//! printed in a [`mod@format`] or given to a [`child`], whose output may be masked.

pub mod child;
pub mod format;
#[cfg(target_os = "linux")]
pub mod forward;
#[cfg(target_os = "linux")]
pub mod holder;
pub mod mask;
pub mod netrc;
#[cfg(unix)]
pub mod pty;
pub mod repository;
pub mod spellings;
#[cfg(target_os = "linux")]
pub mod stream;
pub mod variables;
