//! What travels between credential-helper's agent and its clients.
//!
//! The agent speaks [Varlink](https://varlink.org): JSON messages, each ended by a NUL byte, over a
//! Unix socket. `SPECIFICATION.md` beside this crate says the same in prose; the interface
//! definition is [`INTERFACE`]. This crate knows nothing of providers, files or keyrings: it is
//! light enough to be linked by a program that starts, asks once and ends.

pub mod address;
pub mod arena;
pub mod caller;
pub mod client;
pub mod code;
pub mod frame;
pub mod guard;
pub mod input;
pub mod limits;
pub mod message;
pub mod parent;
#[cfg(unix)]
pub mod peer;
#[cfg(unix)]
pub mod place;
pub mod program;
pub mod render;
pub mod secret;
#[cfg(unix)]
pub mod socket;
#[cfg(unix)]
pub mod start;
pub mod surroundings;
pub mod text;
pub mod variable;

pub use code::{ErrorCode, Failure, ProviderAnswer};
pub use message::*;
pub use secret::Secret;

/// The interface definition that `org.varlink.service.GetInterfaceDescription` answers with.
pub const INTERFACE: &str = include_str!("../io.credentialhelper.Agent1.varlink");

/// The name of the interface; a change that old clients cannot ignore gets another name.
pub const INTERFACE_NAME: &str = "io.credentialhelper.Agent1";

/// The username of an API token, as package repositories have it.
pub const TOKEN_USERNAME: &str = "__token__";

/// The account under which Poetry keeps the password of an empty username in a keyring
/// (`poetry/utils/password_manager.py`).
pub const EMPTY_USERNAME: &str = "__poetry_source_empty_username__";

/// The version of this build, as three numbers compared one by one.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
