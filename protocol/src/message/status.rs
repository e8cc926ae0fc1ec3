//! Messages about the agent itself.

use serde::{Deserialize, Serialize};

use super::Operation;

/// Reply of `Status`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The agent's version.
    pub version: String,
    /// Its build: version and target.
    pub build: String,
    /// The interface it speaks.
    pub protocol: String,
    /// Its process.
    pub pid: u32,
    /// Its socket.
    pub socket: Option<String>,
    /// `client`, `hand` or `activation`.
    pub started_by: String,
    /// Seconds since it started, suspend included.
    pub uptime_s: u64,
    /// Seconds without a request after which it ends; unset for never.
    pub idle_exit_s: Option<u64>,
    /// Whether `lock` holds.
    pub locked: bool,
    /// Open connections.
    pub connections: u64,
    /// The providers.
    pub providers: Vec<ProviderState>,
    /// The cache.
    pub cache: CacheCounts,
    /// What memory protection was obtained.
    pub memory: MemoryState,
    /// The restricted sockets that are open.
    pub sockets: Vec<RestrictedSocket>,
}

/// Parameters of `OpenSocket`: `helper agent socket`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenSocket {
    /// Where; absolute, in a folder of the agent's user alone.
    pub path: String,
    /// The repositories whose credentials it gives.
    pub names: Vec<String>,
    /// What they are for; reading, where it is unset.
    pub operation: Option<Operation>,
    /// After how many seconds it ends; with the agent, where it is unset.
    pub ttl_s: Option<u64>,
    /// One more user who may connect.
    pub uid: Option<u32>,
}

/// Reply of `OpenSocket`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenedSocket {
    /// What was opened.
    pub socket: RestrictedSocket,
}

/// A restricted socket that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictedSocket {
    /// Its path.
    pub path: String,
    /// The repositories, normalised.
    pub names: Vec<String>,
    /// What its credentials are for.
    pub operation: Operation,
    /// One more user who may connect.
    pub uid: Option<u32>,
    /// When it ends, RFC 3339 in UTC.
    pub until: Option<String>,
}

/// A provider in `Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderState {
    /// Its name.
    pub name: String,
    /// `ready`, `locked`, `unavailable`, `off` or `open` (the circuit breaker).
    pub state: String,
    /// More, in our own words.
    pub detail: Option<String>,
}

/// The cache in `Status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheCounts {
    /// Answers kept now.
    pub entries: u64,
    /// Questions answered from it.
    pub hits: u64,
    /// Questions that were not.
    pub misses: u64,
}

/// Memory protection in `Status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryState {
    /// Whether other processes of the user may read its memory.
    pub dumpable: bool,
    /// The hard limit for core files, in bytes; unset for unlimited.
    pub core_limit: Option<u64>,
    /// Memory locked, in bytes.
    pub locked_bytes: u64,
    /// `all`, `part` or `none`.
    pub lock: String,
}

/// A reply without parameters.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Nothing {}
