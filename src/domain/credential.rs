//! What providers are asked for, and what they say.

use std::fmt;

pub use credential_helper_protocol::{EMPTY_USERNAME, TOKEN_USERNAME};
use credential_helper_protocol::{ErrorCode, Scheme, Secret};

use super::url::RepositoryUrl;

/// A place where credentials come from. The words are part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProviderId {
    /// Variables sent with the request.
    Environment,
    /// Variables of an agent that a person started.
    AgentEnvironment,
    /// `poetry.toml` of the project.
    PoetryToml,
    /// Poetry's `auth.toml`.
    AuthToml,
    /// Poetry's `config.toml`.
    ConfigToml,
    /// The Secret Service of the desktop.
    SecretService,
    /// The keychain of macOS.
    Keychain,
    /// The Credential Manager of Windows.
    CredentialManager,
    /// The `keyring` command of Python.
    KeyringCommand,
    /// uv's own store.
    UvStore,
    /// A file that the settings name.
    File,
    /// A command that the settings name.
    Command,
    /// A netrc file.
    Netrc,
    /// Userinfo of a URL.
    Url,
}

impl ProviderId {
    /// The system keyring of this platform.
    pub const SYSTEM_KEYRING: Self = if cfg!(target_os = "macos") {
        Self::Keychain
    } else if cfg!(windows) {
        Self::CredentialManager
    } else {
        Self::SecretService
    };

    /// The word used in JSON and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::AgentEnvironment => "agent-environment",
            Self::PoetryToml => "poetry.toml",
            Self::AuthToml => "auth.toml",
            Self::ConfigToml => "config.toml",
            Self::SecretService => "secret-service",
            Self::Keychain => "keychain",
            Self::CredentialManager => "credential-manager",
            Self::KeyringCommand => "keyring-command",
            Self::UvStore => "uv-store",
            Self::File => "file",
            Self::Command => "command",
            Self::Netrc => "netrc",
            Self::Url => "url",
        }
    }

    /// Whether it holds variables.
    pub fn is_variables(self) -> bool {
        matches!(self, Self::Environment | Self::AgentEnvironment)
    }

    /// Whether it is a file of Poetry's.
    pub fn is_poetry_file(self) -> bool {
        matches!(self, Self::PoetryToml | Self::AuthToml | Self::ConfigToml)
    }

    /// Whether it is a keyring.
    pub fn is_keyring(self) -> bool {
        self == Self::SYSTEM_KEYRING || self == Self::KeyringCommand
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a provider is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Username and password of a repository by name, `[http-basic.NAME]`; the spellings in order.
    HttpBasic(Vec<String>),
    /// The API token of a repository by name, `[pypi-token]`; the spellings in order.
    Token(Vec<String>),
    /// An entry of a keyring. Without an account the first entry of the service answers, with its
    /// account (Python keyring `get_credential(service, None)`).
    Service {
        /// The service: `poetry-repository-NAME`, a URL, or a host.
        service: String,
        /// The account.
        username: Option<String>,
    },
    /// What is stored under a URL (uv's store) or its host (netrc).
    Url {
        /// The URL.
        url: RepositoryUrl,
        /// The account, where one is given.
        username: Option<String>,
    },
    /// What the settings name for a repository: a file or a command.
    Repository(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::service::told;
        use super::text::shown;
        let account = |username: &Option<String>| match username {
            Some(username) => format!(" user {}", shown(username)),
            None => String::new(),
        };
        match self {
            Self::HttpBasic(names) => write!(f, "http-basic.{}", shown(&names.join(", "))),
            Self::Token(names) => write!(f, "pypi-token.{}", shown(&names.join(", "))),
            Self::Service { service, username } => {
                write!(f, "{}{}", shown(&told(service)), account(username))
            }
            Self::Url { url, username } => write!(f, "{url}{}", account(username)),
            Self::Repository(name) => write!(f, "repositories.{}", shown(name)),
        }
    }
}

/// What a provider has: one half or both. An empty text is "set" and hides what lower places
/// have, as in Poetry.
#[derive(Clone, Default)]
pub struct Halves {
    /// The account.
    pub username: Option<String>,
    /// The secret.
    pub secret: Option<Secret>,
    /// How to send it.
    pub scheme: Scheme,
    /// Where exactly, for people: a path, a collection, a variable's name.
    pub location: String,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
    /// For people: one line each, such as duplicates in a keyring.
    pub notes: Vec<String>,
}

/// Why a provider could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is locked.
    Locked,
    /// It did not answer in time.
    TimedOut,
    /// It is not there, or broken.
    Unavailable,
    /// What it holds cannot be understood.
    Malformed,
}

impl Why {
    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::TimedOut => "timed-out",
            Self::Unavailable => "unavailable",
            Self::Malformed => "malformed",
        }
    }

    /// The code of an error that has this reason.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Locked => ErrorCode::Locked,
            Self::TimedOut => ErrorCode::TimedOut,
            Self::Unavailable => ErrorCode::Unavailable,
            Self::Malformed => ErrorCode::Malformed,
        }
    }
}

/// A provider's answer. "No" and "could not ask" are different answers.
#[derive(Clone)]
pub enum Answer {
    /// It has at least one half.
    Found(Halves),
    /// It was asked and has nothing.
    NotFound,
    /// It is switched off, or does not apply here: that is not a failure.
    Skipped(String),
    /// It could not be asked; the text is in our own words and holds no secret.
    Failed(Why, String),
}

impl Answer {
    /// A failure.
    pub fn failed(why: Why, detail: impl Into<String>) -> Self {
        Self::Failed(why, detail.into())
    }

    /// The word used in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Found(halves) if halves.secret.as_ref().is_none_or(Secret::is_empty) => {
                "username-only"
            }
            Self::Found(_) => "found",
            Self::NotFound => "not-found",
            Self::Skipped(_) => "skipped",
            Self::Failed(why, _) => why.word(),
        }
    }
}
