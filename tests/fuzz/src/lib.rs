//! The product's readers of what comes from outside, and for each what has to hold whatever it reads.
//!
//! The product's files are taken in as they are: parts of it alone, so that what is built is small. A
//! target stands in the module whose inside it needs.

#![allow(
    dead_code,
    unused_imports,
    reason = "parts of the product, without those that use them"
)]

#[path = "../../../src/bridge/mod.rs"]
pub mod bridge;
#[path = "../../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../../src/edit/mod.rs"]
pub mod edit;
#[path = "../../../src/package/mod.rs"]
pub mod package;
#[path = "../../../src/sarif.rs"]
pub mod sarif;
#[path = "../../../src/scan/mod.rs"]
pub mod scan;

/// Parts of the agent.
pub mod agent {
    #[path = "../../../../src/agent/buffer.rs"]
    mod buffer;
    #[path = "../../../../src/agent/call.rs"]
    mod call;
    pub mod frame;
}

/// Parts of `ci`.
#[path = "../../../src/ci"]
pub mod ci {
    pub mod mask;
    pub mod netrc;
    pub mod repository;
    pub mod spellings;
}

/// Parts of `index`.
pub mod index {
    #[path = "../../../../src/index/hex.rs"]
    mod hex;
    #[path = "../../../../src/index/packed.rs"]
    mod packed;
    #[path = "../../../../src/index/page/mod.rs"]
    pub mod page;
    pub mod pages;
    #[path = "../../../../src/index/project.rs"]
    pub mod project;
}

/// Parts of `provider`.
pub mod provider {
    #[path = "../../../../src/provider/contract.rs"]
    mod contract;
    #[path = "../../../../src/provider/declared.rs"]
    pub mod declared;
    #[path = "../../../../src/provider/files.rs"]
    pub mod files;
    #[path = "../../../../src/provider/looks.rs"]
    mod looks;
    #[path = "../../../../src/provider/netrc.rs"]
    pub mod netrc;
    #[path = "../../../../src/provider/poetry.rs"]
    pub mod poetry;
    #[path = "../../../../src/provider/poetry_edit.rs"]
    pub mod poetry_edit;
    #[path = "../../../../src/provider/poetry_key.rs"]
    pub mod poetry_key;
    #[path = "../../../../src/provider/poetry_settings.rs"]
    pub mod poetry_settings;
    #[path = "../../../../src/provider/reading.rs"]
    mod reading;
    #[path = "../../../../src/provider/remembered.rs"]
    mod remembered;
    #[path = "../../../../src/provider/settings.rs"]
    pub mod settings;
    #[path = "../../../../src/provider/settings_read.rs"]
    mod settings_read;
    #[path = "../../../../src/provider/stamp.rs"]
    pub mod stamp;
    #[path = "../../../../src/provider/trust_file.rs"]
    pub mod trust_file;
    #[path = "../../../../src/provider/trust_text.rs"]
    mod trust_text;
    #[cfg(not(target_os = "linux"))]
    #[path = "../../../../src/provider/unwatched.rs"]
    mod unwatched;
    #[path = "../../../../src/provider/value.rs"]
    pub mod value;
    #[cfg(target_os = "linux")]
    #[path = "../../../../src/provider/watch.rs"]
    mod watch;

    pub use contract::{Call, Entry, Folders, Later, Provider};

    pub mod toml_files;
}

/// Parts of `publish`.
#[path = "../../../src/publish"]
pub mod publish {
    pub mod metadata;
    pub mod pypirc;
}

pub mod targets;
