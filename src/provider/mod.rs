//! Where credentials come from: one file each, one trait.
//!
//! A provider is asked under one key and says what it has. It knows no other provider and not the
//! order in which they are asked ([`crate::domain::resolution`] does), and it never turns "could
//! not ask" into "has none".

pub mod child;
pub mod command;
mod contract;
pub mod declared;
pub mod environment;
#[cfg(test)]
mod fake;
pub mod file;
pub mod files;
#[cfg(any(target_os = "macos", windows))]
pub mod keyring;
pub mod keyring_command;
mod looks;
pub mod netrc;
pub mod poetry;
pub mod poetry_edit;
pub mod poetry_key;
pub mod poetry_settings;
pub mod presence;
pub mod project;
mod reading;
mod remembered;
#[cfg(all(unix, not(target_os = "macos")))]
pub mod secret_service;
pub mod settings;
mod settings_read;
pub mod stamp;
pub mod trust_file;
mod trust_text;
#[cfg(not(target_os = "linux"))]
mod unwatched;
pub mod uv_store;
pub mod value;
#[cfg(target_os = "linux")]
mod watch;

use std::rc::Rc;

use crate::domain::credential::ProviderId;

pub use contract::{Call, Entry, Folders, Later, Provider};

/// The providers that every agent has beside the system keyring. When each is asked, its kind says;
/// of one kind, the first comes first.
pub fn always() -> Vec<Rc<dyn Provider>> {
    vec![
        Rc::new(environment::Environment),
        Rc::new(poetry::PoetryFile(ProviderId::POETRY_TOML)),
        Rc::new(poetry::PoetryFile(ProviderId::AUTH_TOML)),
        Rc::new(poetry::PoetryFile(ProviderId::CONFIG_TOML)),
        Rc::new(uv_store::UvStore),
    ]
}

/// What is said where no session bus can be had: then there is no system keyring, and none can be
/// locked or slow.
pub const NO_BUS: &str = "there is no D-Bus session bus here";
