//! Messages about what is stored: listed, set, removed, bound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Context, Operation, Question, Variable, null_is_missing};
use crate::secret::{Secret, on_wire};

/// Parameters of `List`, `Bindings`, `Settings` and others that only need to know who asks.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Who asks.
    #[serde(deserialize_with = "null_is_missing")]
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
    /// What a token says of itself that should be looked at: one line each.
    #[serde(deserialize_with = "null_is_missing")]
    pub warnings: Vec<String>,
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
    /// The repository; empty where `service` says the place.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Instead of a name: what another tool calls the place, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
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
    #[serde(deserialize_with = "null_is_missing")]
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
    /// The repository; empty where `service` says the place.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Instead of a name: what another tool calls the place, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The account; unset means all, the token too.
    pub username: Option<String>,
    /// Who asks.
    #[serde(deserialize_with = "null_is_missing")]
    pub context: Context,
}

/// Parameters of `Configure`: `helper config KEY ...`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Configure {
    /// Poetry's key, such as `http-basic.foo` or `repositories.foo`.
    pub key: String,
    /// The values in order; may hold a secret. Empty together with `unset` false reads the key.
    #[serde(deserialize_with = "null_is_missing")]
    pub values: Vec<Variable>,
    /// Removes the key.
    #[serde(deserialize_with = "null_is_missing")]
    pub unset: bool,
    /// Writes `poetry.toml` of the project.
    #[serde(deserialize_with = "null_is_missing")]
    pub local: bool,
    /// Who asks.
    #[serde(deserialize_with = "null_is_missing")]
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
    #[serde(deserialize_with = "null_is_missing")]
    pub context: Context,
}

/// Reply of `Bindings`, `Trust` and `Untrust`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BindingList {
    /// In the order of the rules.
    pub bindings: Vec<BindingRecord>,
    /// Of `Bindings` alone: the project that the context's folder lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
}

/// What a project declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Its folder; unset where it could not be found out.
    pub folder: Option<String>,
    /// Its package sources, in the order of its files.
    pub sources: Vec<Source>,
    /// Why not all that it declares is known, if so.
    pub problem: Option<String>,
}

/// A package source that a project declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Its name, as written.
    pub name: String,
    /// Its URL, without userinfo.
    pub url: String,
    /// What the URL is for; unset for both.
    pub operation: Option<Operation>,
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
    #[serde(deserialize_with = "null_is_missing")]
    pub context: Context,
}

/// Reply of `Set` and `Delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChangedReply {
    /// What changed.
    pub changed: Changed,
}
