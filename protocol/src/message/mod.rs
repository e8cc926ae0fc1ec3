//! The messages, as in `io.credentialhelper.Agent1.varlink`.
//!
//! Unknown fields are ignored, so that either side may be newer; nothing that may hold a secret
//! can be printed with `{:?}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::secret::{Secret, on_wire};

mod status;
mod store;

pub use status::{
    CacheCounts, MemoryState, Nothing, OpenSocket, OpenedSocket, ProviderState, RestrictedSocket,
    Status,
};
pub use store::{
    Asked, BindingList, BindingRecord, Changed, ChangedReply, Configure, Delete, Listed, Listing,
    Place, Project, Report, Set, SettingsReply, Skipped, Source, Trust, Unlock,
};

/// `null` and a missing field mean the same, also where a field has a value of its own for that.
///
/// # Errors
/// Those of the value's own type.
pub fn null_is_missing<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

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
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_is_missing"
    )]
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
    #[serde(
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "null_is_missing"
    )]
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
    /// Instead of both: what another tool calls the place, as it came: a URL, `host[:port]`,
    /// `poetry-repository-NAME` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
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
    #[serde(deserialize_with = "null_is_missing")]
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
    /// Whether a token of PyPI's is limited to the project; unset means that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attenuate: Option<bool>,
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
