//! Messages about the agent itself.

use serde::{Deserialize, Serialize};

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
