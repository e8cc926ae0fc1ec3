//! What a search begins with, and what it asks.

use credential_helper_protocol::Operation;

use crate::domain::binding::Verdict;
use crate::domain::credential::{Key, ProviderId};
use crate::domain::name::RepositoryName;
use crate::domain::url::{RepositoryUrl, Userinfo};

/// What is known before the first provider is asked.
#[derive(Default)]
pub struct Setup {
    /// The repository, by its name or matched by the URL.
    pub name: Option<RepositoryName>,
    /// URLs of the repository, without userinfo: keyrings are asked under them.
    pub urls: Vec<RepositoryUrl>,
    /// The URL that the secret is for: of the request, or declared by the project.
    pub request: Option<RepositoryUrl>,
    /// Userinfo of the repository's own URL.
    pub userinfo: Option<Userinfo>,
    /// The account that is asked for.
    pub username: Option<String>,
    /// What it is for.
    pub operation: Option<Operation>,
    /// Whether what the variables hold may go to the request's origin.
    pub variables: Option<Verdict>,
    /// Whether what is stored under the name may go there.
    pub stored: Option<Verdict>,
    /// Whether what is stored under the URL may go there: only refused for plain http.
    pub by_url: Option<Verdict>,
    /// Whether a token stored under the name may go there.
    pub token_may_go: bool,
    /// The provider that the settings name for the repository: a file or a command.
    pub settings: Option<ProviderId>,
    /// The account that the settings name.
    pub settings_username: Option<String>,
    /// Why keyrings are not asked, where they are switched off.
    pub keyring_off: Option<String>,
    /// The providers that there are; of one kind, the first comes first.
    pub places: Vec<ProviderId>,
    /// Go on after the first answer.
    pub whole: bool,
    /// What another tool calls the place, where it is one that asks.
    pub called: Option<Called>,
}

/// How a tool has asked that calls places in its own way; see [`crate::domain::service`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// What keyrings may have it under, the exact text first.
    pub keys: Vec<String>,
    /// What kind of place that is.
    pub kind: CalledKind,
}

/// What kind of place a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CalledKind {
    /// A repository's name: what is there belongs to the name.
    Name,
    /// A URL: what is there belongs to its origin, and comes before what other URLs of the
    /// repository have.
    #[default]
    Url,
    /// A host: less exact than the repository's URLs.
    Host,
    /// Nothing of ours: only the keyring is asked, under exactly this text.
    Other,
}

/// What to ask next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom.
    pub provider: ProviderId,
    /// Under which key.
    pub key: Key,
}
