//! The messages, as in `io.credentialhelper.Agent1.varlink`.
//!
//! Unknown fields are ignored, so that either side may be newer; nothing that may hold a secret
//! can be printed with `{:?}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::{Secret, on_wire};

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Index lookups and downloads.
    Read,
    /// Uploads.
    Upload,
}

impl Operation {
    /// The word used on the command line, in files and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Upload => "upload",
        }
    }
}

/// Who asks, and from where: what the agent needs to answer as if it were the client's own process.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The client's working folder, or `--directory`; absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Poetry's configuration folder as it holds for the client; absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poetry: Option<String>,
    /// The folder of the user's `uv.toml`; absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uv: Option<String>,
    /// The folder of uv's `credentials.toml`; absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uv_store: Option<String>,
    /// The folder of the helper's `config.toml`; absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// The folder of the helper's `trust.toml`; absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `DBUS_SESSION_BUS_ADDRESS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// `POETRY_KEYRING_ENABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring_enabled: Option<String>,
    /// The variables of the allow-list that can concern the question, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// The client's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Through a bridge: the process that started it, so that a refused secret is not given to the
    /// same run again. Processes are known by pid and start time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Process>,
    /// How long the client waits, in milliseconds; unset means that no `--timeout` was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether a keyring may ask the user.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prompt: bool,
}

/// The value of an environment variable: may be a secret.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variable(#[serde(with = "on_wire_text")] pub Secret);

mod on_wire_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::secret::Secret;

    pub(super) fn serialize<S: Serializer>(value: &Secret, to: S) -> Result<S::Ok, S::Error> {
        value.expose().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// A process as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its start, in clock ticks since boot.
    pub start: u64,
}

/// Which credential is asked for: a name, a URL, or both.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// The repository's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A URL of the repository; userinfo in it is used for its origin only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// For uploads: what is uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
    /// Who asks.
    pub context: Context,
}

/// What an upload sends.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Upload {
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The SHA-256 of the file, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// How a secret is sent to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// `Authorization: Basic`.
    #[default]
    Basic,
    /// `Authorization: Bearer`.
    Bearer,
}

/// The answer to `Get`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Credential {
    /// The repository, where one is known.
    pub name: Option<String>,
    /// The URL it was checked against.
    pub url: Option<String>,
    /// The account; unset for tokens without one.
    pub username: Option<String>,
    /// The secret; unset where only a username is stored.
    #[serde(with = "on_wire")]
    pub password: Option<Secret>,
    /// How to send it.
    pub scheme: Scheme,
    /// Which provider answered.
    pub provider: String,
    /// Where in it: a file, a collection, a variable.
    pub location: String,
    /// The origin it may be sent to.
    pub origin: Option<String>,
    /// What it was asked for.
    pub operation: Option<Operation>,
    /// When it ends, RFC 3339 in UTC.
    pub expires: Option<String>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// Parameters of `Get` and `Explain`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Ask {
    /// The question.
    pub question: Question,
}

/// Reply of `Get`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Got {
    /// The credential.
    pub credential: Credential,
}

/// Reply of `Explain`: the whole search.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// The repository.
    pub name: Option<String>,
    /// The URL of the request, or the one that the project declares.
    pub url: Option<String>,
    /// What it was asked for.
    pub operation: Option<Operation>,
    /// The scope that matched.
    pub scope: Option<String>,
    /// `found`, `not-found`, `unavailable` or `refused`.
    pub result: String,
    /// Which provider answered.
    pub provider: Option<String>,
    /// The account.
    pub username: Option<String>,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// The check of the origin.
    pub origin: OriginCheck,
    /// Every provider asked, in order.
    pub steps: Vec<Step>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// The check of an origin, as `explain` shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OriginCheck {
    /// The origin of the request.
    pub wanted: Option<String>,
    /// The origins that the name is bound to.
    pub bound: Vec<String>,
    /// `allowed`, `changed`, `unbound` or `insecure`.
    pub result: String,
}

/// One provider that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// The provider.
    pub provider: String,
    /// Where: file, collection, variable.
    pub location: Option<String>,
    /// The key it was asked with.
    pub key: String,
    /// `found`, `username-only`, `not-found`, `locked`, `timed-out`, `unavailable`, `malformed` or
    /// `skipped`.
    pub answer: String,
    /// More, in our own words.
    pub detail: Option<String>,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// The provider whose answer hides this one.
    pub shadowed_by: Option<String>,
}

/// Parameters of `List`, `Bindings`, `Settings` and others that only need to know who asks.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Who asks.
    pub context: Context,
}

/// Reply of `List`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Listing {
    /// What is stored or set.
    pub credentials: Vec<Listed>,
    /// Providers that could not be listed.
    pub skipped: Vec<Skipped>,
}

/// One credential of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listed {
    /// The repository.
    pub name: Option<String>,
    /// Its URL.
    pub url: Option<String>,
    /// The origin it is bound to.
    pub origin: Option<String>,
    /// The account.
    pub username: Option<String>,
    /// `http-basic` or `token`.
    pub kind: String,
    /// The provider.
    pub provider: String,
    /// Where in it.
    pub location: String,
    /// `active`, `shadowed` or `locked`.
    pub state: String,
    /// The provider whose answer hides this one.
    pub shadowed_by: Option<String>,
    /// When it ends, RFC 3339 in UTC.
    pub expires: Option<String>,
}

/// A provider that was passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Skipped {
    /// The provider.
    pub provider: String,
    /// Why.
    pub reason: String,
}

/// Parameters of `Set`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Set {
    /// The repository.
    pub name: String,
    /// The account; unset stores Poetry's empty username, `__token__` an API token.
    pub username: Option<String>,
    /// The secret.
    #[serde(with = "on_wire")]
    pub secret: Option<Secret>,
    /// Binds the name to this URL.
    pub url: Option<String>,
    /// Binds for this operation only.
    pub operation: Option<Operation>,
    /// Who asks.
    pub context: Context,
}

/// A place where something was stored, removed or left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The provider.
    pub provider: String,
    /// Where in it.
    pub location: String,
}

/// Reply of `Set`, `Delete` and `Configure`: what changed, and what still answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changed {
    /// The repository.
    pub name: Option<String>,
    /// The account.
    pub username: Option<String>,
    /// Where it was stored.
    pub stored: Vec<Place>,
    /// Where something was removed.
    pub removed: Vec<Place>,
    /// What still answers, or shadows the new credential.
    pub left: Vec<Place>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// Parameters of `Delete`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Delete {
    /// The repository.
    pub name: String,
    /// The account; unset means all, the token too.
    pub username: Option<String>,
    /// Who asks.
    pub context: Context,
}

/// Parameters of `Configure`: `helper config KEY ...`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Configure {
    /// Poetry's key, such as `http-basic.foo` or `repositories.foo`.
    pub key: String,
    /// The values in order; may hold a secret. Empty together with `unset` false reads the key.
    pub values: Vec<Variable>,
    /// Removes the key.
    pub unset: bool,
    /// Writes `poetry.toml` of the project.
    pub local: bool,
    /// Who asks.
    pub context: Context,
}

/// Reply of `Settings`, and of `Configure` that reads: Poetry's settings, never a secret.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsReply {
    /// By key.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// What a change did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Changed>,
}

/// Parameters of `Trust` and `Untrust`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trust {
    /// The repository; unset with `project`.
    pub name: Option<String>,
    /// The URL whose origin is bound or removed; unset with `Untrust` means all.
    pub url: Option<String>,
    /// The project folder whose files are trusted until they change.
    pub project: Option<String>,
    /// For this operation only.
    pub operation: Option<Operation>,
    /// Who asks.
    pub context: Context,
}

/// Reply of `Bindings`, `Trust` and `Untrust`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BindingList {
    /// In the order of the rules.
    pub bindings: Vec<BindingRecord>,
}

/// One binding of a name to an origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BindingRecord {
    /// The repository, normalised.
    pub name: String,
    /// For which operation; unset for both.
    pub operation: Option<Operation>,
    /// The URL as it was given.
    pub url: Option<String>,
    /// Its origin.
    pub origin: String,
    /// `set`, `trust`, `settings`, `poetry`, `first-use` or `built-in`.
    pub by: String,
    /// Since when, RFC 3339 in UTC.
    pub since: Option<String>,
}

/// Parameters of `Report`: what a server said about a credential.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The question that the credential answered.
    pub question: Question,
    /// `accepted`, `unauthorized` (401) or `forbidden` (403).
    pub outcome: String,
}

/// Parameters of `Unlock`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Unlock {
    /// The keyring's password, where it is given instead of asked for.
    #[serde(with = "on_wire")]
    pub password: Option<Secret>,
    /// Who asks.
    pub context: Context,
}

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

/// Reply of `Set` and `Delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChangedReply {
    /// What changed.
    pub changed: Changed,
}
