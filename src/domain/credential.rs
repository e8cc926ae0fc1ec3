//! What providers are asked for, and what they say.

use std::fmt;

pub use credential_helper_protocol::{EMPTY_USERNAME, TOKEN_USERNAME};
use credential_helper_protocol::{ErrorCode, Scheme, Secret};

use super::url::RepositoryUrl;

/// What kind of place it is, in the order in which the rules ask
/// ([`resolution`](super::resolution)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Variables, asked by name: they may go where nothing that is stored may.
    Variables,
    /// A file or a command that the settings name for a repository.
    Settings,
    /// A file whose entries are asked by name, as Poetry's are.
    NamedFile,
    /// Userinfo of the repository's own URL, which is no provider.
    Userinfo,
    /// A keyring, asked under what Poetry and others call the repository, then by its URLs.
    Keyring,
    /// A store that is asked by the URL of the request.
    ByUrl,
}

/// A place where credentials come from. A provider brings its own; here are those that somebody
/// else names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProviderId {
    word: &'static str,
    kind: Kind,
}

impl ProviderId {
    /// Variables sent with the request.
    pub const ENVIRONMENT: Self = Self::new("environment", Kind::Variables);
    /// Variables of an agent that a person started.
    pub const AGENT_ENVIRONMENT: Self = Self::new("agent-environment", Kind::Variables);
    /// `poetry.toml` of the project.
    pub const POETRY_TOML: Self = Self::new("poetry.toml", Kind::NamedFile);
    /// Poetry's `auth.toml`.
    pub const AUTH_TOML: Self = Self::new("auth.toml", Kind::NamedFile);
    /// Poetry's `config.toml`.
    pub const CONFIG_TOML: Self = Self::new("config.toml", Kind::NamedFile);
    /// The Secret Service of the desktop.
    pub const SECRET_SERVICE: Self = Self::new("secret-service", Kind::Keyring);
    /// The keychain of macOS.
    pub const KEYCHAIN: Self = Self::new("keychain", Kind::Keyring);
    /// The Credential Manager of Windows.
    pub const CREDENTIAL_MANAGER: Self = Self::new("credential-manager", Kind::Keyring);
    /// The `keyring` command of Python.
    pub const KEYRING_COMMAND: Self = Self::new("keyring-command", Kind::Keyring);
    /// uv's own store.
    pub const UV_STORE: Self = Self::new("uv-store", Kind::ByUrl);
    /// A file that the settings name.
    pub const FILE: Self = Self::new("file", Kind::Settings);
    /// A command that the settings name.
    pub const COMMAND: Self = Self::new("command", Kind::Settings);
    /// Userinfo of a URL.
    pub const URL: Self = Self::new("url", Kind::Userinfo);

    /// The system keyring of this platform.
    pub const SYSTEM_KEYRING: Self = if cfg!(target_os = "macos") {
        Self::KEYCHAIN
    } else if cfg!(windows) {
        Self::CREDENTIAL_MANAGER
    } else {
        Self::SECRET_SERVICE
    };

    /// A place of this kind; the word is part of the protocol.
    pub const fn new(word: &'static str, kind: Kind) -> Self {
        Self { word, kind }
    }

    /// The word used in JSON and for people.
    pub fn word(self) -> &'static str {
        self.word
    }

    /// What kind of place it is.
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Whether it holds variables.
    pub fn is_variables(self) -> bool {
        self.kind == Kind::Variables
    }

    /// Whether it is a file whose entries are asked by name.
    pub fn is_named_file(self) -> bool {
        self.kind == Kind::NamedFile
    }

    /// Whether it is a keyring.
    pub fn is_keyring(self) -> bool {
        self.kind == Kind::Keyring
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
