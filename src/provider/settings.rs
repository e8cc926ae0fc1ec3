//! The helper's own settings: `config.toml` of its configuration folder.
//!
//! Nothing here is ever read from a project. A key that is not known is a warning, so that an older
//! helper can read a newer file; a value of the wrong type is an error, because it is something the
//! user wanted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;

use credential_helper_protocol::{Secret, limits};
use zeroize::Zeroizing;

use super::files::{FileFailure, View};
use super::settings_read::read;
use crate::domain::binding::FirstUse;
use crate::domain::name::RepositoryName;
use crate::domain::toml_text::Document;
use crate::domain::url::RepositoryUrl;

/// How long a command may take where its settings do not say.
pub const COMMAND_TIME: Duration = Duration::from_secs(20);

/// The settings, with a value for everything.
pub struct Settings {
    /// How long a request may take.
    pub timeout: Duration,
    /// When an idle agent ends; unset where the settings do not say.
    pub idle_exit: Option<IdleExit>,
    /// What a first answer does for a name that nothing binds.
    pub first_use: FirstUse,
    /// How long answers are kept.
    pub cache: CacheTimes,
    /// Python's `keyring` command.
    pub keyring_command: Option<CommandSetting>,
    /// Where identity tokens for trusted publishing come from.
    pub identity_token: Option<IdentitySetting>,
    /// For whom identity tokens may be, beside the index that they are sent to.
    pub identity_audiences: Vec<String>,
    /// The netrc file.
    pub netrc: Option<PathBuf>,
    /// `[repositories.NAME]` in the order of the file.
    pub repositories: Vec<RepositorySetting>,
    /// The repositories that go into a store of uv's own.
    pub uv_store: Vec<RepositoryName>,
    /// `[mirrors]`: what is mirrored, and by what.
    pub mirrors: Vec<(RepositoryUrl, RepositoryUrl)>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// When an idle agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleExit {
    /// Not by itself.
    Never,
    /// After this time without a request.
    After(Duration),
}

/// How long answers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTimes {
    /// Since it was asked for last.
    pub idle: Duration,
    /// Since it was read.
    pub absolute: Duration,
    /// An answer that there is none.
    pub not_found: Duration,
}

/// `[repositories.NAME]`.
pub struct RepositorySetting {
    /// Its name.
    pub name: RepositoryName,
    /// `url`.
    pub url: Option<RepositoryUrl>,
    /// `publish-url`.
    pub publish_url: Option<RepositoryUrl>,
    /// `also`: more places that its secret may go to.
    pub also: Vec<RepositoryUrl>,
    /// `allow-http`.
    pub allow_http: bool,
    /// `username`.
    pub username: Option<String>,
    /// `file` or `command`.
    pub secret: Option<SecretSetting>,
}

/// Where the secret of a repository is.
pub enum SecretSetting {
    /// In a file.
    File {
        /// The file of the secret.
        secret: PathBuf,
        /// The file of the account.
        username: Option<PathBuf>,
    },
    /// A command prints it.
    Command(CommandSetting),
}

/// Where identity tokens come from.
#[derive(Clone)]
pub enum IdentitySetting {
    /// A file, as Kubernetes projects one.
    File(PathBuf),
    /// A command prints one; `{audience}` in its arguments is whom it is for.
    Command(CommandSetting),
}

/// A command that is run for a secret.
#[derive(Clone)]
pub struct CommandSetting {
    /// The program, by its absolute path, and its arguments.
    pub command: Vec<String>,
    /// Variables that are set for it; may hold a secret.
    pub env: BTreeMap<String, Secret>,
    /// Names of the agent's variables that it gets.
    pub pass_env: Vec<String>,
    /// What it speaks.
    pub protocol: CommandProtocol,
    /// How long what it prints may be kept.
    pub ttl: Option<Duration>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What a command speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandProtocol {
    /// It prints the secret.
    #[default]
    Plain,
    /// `get` of Bazel's credential helpers.
    CredentialHelper,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: limits::REQUEST_TIME,
            idle_exit: None,
            first_use: FirstUse::default(),
            cache: CacheTimes::default(),
            keyring_command: None,
            identity_token: None,
            identity_audiences: Vec::new(),
            netrc: None,
            repositories: Vec::new(),
            uv_store: Vec::new(),
            mirrors: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Default for CacheTimes {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(10),
            absolute: Duration::from_hours(2),
            not_found: Duration::from_secs(5),
        }
    }
}

/// What was parsed last: an agent has one settings folder.
struct Kept {
    path: PathBuf,
    home: PathBuf,
    /// The text itself belongs to the view's files, which wipe it when they forget it.
    text: Weak<Zeroizing<String>>,
    settings: Rc<Settings>,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// The settings of `config.toml` in `folder`; the defaults where there is none. `~` at the beginning
/// of a path is `home`.
///
/// # Errors
/// Where the file cannot be read, or holds a value of a wrong type.
pub async fn load(view: &View, folder: &Path, home: &Path) -> Result<Rc<Settings>, FileFailure> {
    let path = folder.join("config.toml");
    let Some(text) = view.read(&path).await? else {
        return Ok(Rc::default());
    };
    let kept = KEPT.with_borrow(|kept| {
        let same = |kept: &&Kept| {
            kept.path == path
                && kept.home == home
                && std::ptr::eq(kept.text.as_ptr(), Rc::as_ptr(&text))
        };
        kept.as_ref().filter(same).map(|kept| kept.settings.clone())
    });
    if let Some(settings) = kept {
        return Ok(settings);
    }
    let settings = Rc::new(read(&Document::parse(&path, &text)?, home)?);
    let new = Kept {
        path,
        home: home.to_owned(),
        text: Rc::downgrade(&text),
        settings: settings.clone(),
    };
    KEPT.set(Some(new));
    Ok(settings)
}

/// Forgets what was parsed last: the variables of a command may be secrets.
pub fn forget() {
    KEPT.set(None);
}

/// Whether anything is kept.
#[cfg(test)]
pub fn is_kept() -> bool {
    KEPT.with_borrow(Option::is_some)
}

/// Reads a duration: a whole number of seconds, minutes or hours, `90s`, `15m`, `1h`.
pub fn duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix(['s', 'm', 'h'])?;
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    plain
        .then(|| humantime::parse_duration(text).ok())
        .flatten()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
