//! The surroundings of a process: its environment, its home, its user, and the folders that follow
//! from them. Captured once, so that the rules about them are tested as tables.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The name of the helper's own folders.
pub const OWN: &str = "credential-helper";
/// The socket's own variable.
pub const SOCKET: &str = "CREDENTIAL_HELPER_SOCKET";
/// The variable of the settings folder.
pub const CONFIG_DIR: &str = "CREDENTIAL_HELPER_CONFIG_DIR";
/// The variable that means `--no-agent`.
pub const NO_AGENT: &str = "CREDENTIAL_HELPER_NO_AGENT";

/// Set for everything that the agent runs: what asks us from there would wait for itself.
pub const RECURSION: &str = "CREDENTIAL_HELPER_RECURSION";

/// Whose rules of folders hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux and the other systems that follow the XDG base directories.
    Xdg,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl Platform {
    /// The platform that this build is for.
    pub const HERE: Self = if cfg!(target_os = "macos") {
        Self::MacOs
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Xdg
    };
}

/// What a process knows of where it runs. Has no `Debug`: variables may hold secrets.
pub struct Surroundings {
    /// `None` reads the environment of this process, so that an unasked variable is never copied.
    fixed: Option<Vec<(OsString, OsString)>>,
    /// Whose rules hold.
    pub platform: Platform,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The user.
    pub uid: u32,
    /// The machine's name, as the kernel tells it.
    pub hostname: String,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            fixed: None,
            platform: Platform::HERE,
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            uid: own_uid(),
            hostname: own_hostname(),
        }
    }

    /// Given ones, for tests and for an agent that answers for another environment. The home is
    /// the variable `HOME`.
    pub fn given<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
        platform: Platform,
        uid: u32,
        hostname: &str,
    ) -> Self {
        let fixed: Vec<(OsString, OsString)> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let home = fixed
            .iter()
            .find(|(name, value)| name == "HOME" && Path::new(value).is_absolute())
            .map(|(_, value)| PathBuf::from(value));
        Self {
            fixed: Some(fixed),
            platform,
            home,
            uid,
            hostname: hostname.to_owned(),
        }
    }

    /// The value of a variable, also an empty one.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        match &self.fixed {
            None => std::env::var_os(name),
            Some(fixed) => fixed
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone()),
        }
    }

    /// The names and values for which `wanted` says yes.
    pub fn variables(&self, wanted: impl Fn(&OsStr) -> bool) -> Vec<(OsString, OsString)> {
        match &self.fixed {
            None => std::env::vars_os()
                .filter(|(name, _)| wanted(name))
                .collect(),
            Some(fixed) => fixed
                .iter()
                .filter(|(name, _)| wanted(name))
                .cloned()
                .collect(),
        }
    }

    /// The value of a variable that is set and not empty.
    pub fn set(&self, name: &str) -> Option<OsString> {
        self.variable(name).filter(|value| !value.is_empty())
    }

    /// A folder from a variable; a relative one counts as unset (XDG base directories).
    pub fn folder(&self, name: &str) -> Option<PathBuf> {
        self.set(name)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
    }

    /// A folder from an XDG variable, else below the home.
    fn xdg(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        self.folder(name)
            .or_else(|| Some(self.home.as_ref()?.join(below_home)))
    }

    /// The folder of a program's settings, by the rules of its platform.
    fn configuration(&self) -> Option<PathBuf> {
        match self.platform {
            Platform::Xdg => self.xdg("XDG_CONFIG_HOME", ".config"),
            Platform::MacOs => self.application_support(),
            Platform::Windows => self.folder("APPDATA"),
        }
    }

    fn application_support(&self) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join("Library/Application Support"))
    }

    /// The folder of the helper's `config.toml`; a relative variable is taken from `from`.
    pub fn settings_folder(&self, from: Option<&Path>) -> Option<PathBuf> {
        self.override_folder(CONFIG_DIR, from)
            .or_else(|| Some(self.configuration()?.join(OWN)))
    }

    /// The folder of the helper's `trust.toml`.
    pub fn state_folder(&self) -> Option<PathBuf> {
        let base = match self.platform {
            Platform::Xdg => self.xdg("XDG_STATE_HOME", ".local/state"),
            Platform::MacOs => self.application_support(),
            Platform::Windows => self.folder("LOCALAPPDATA"),
        };
        Some(base?.join(OWN))
    }

    /// The folder of what may be lost: answers of indexes.
    pub fn cache_folder(&self) -> Option<PathBuf> {
        match self.platform {
            Platform::Xdg => Some(self.xdg("XDG_CACHE_HOME", ".cache")?.join(OWN)),
            Platform::MacOs => Some(self.home.as_ref()?.join("Library/Caches").join(OWN)),
            Platform::Windows => Some(self.folder("LOCALAPPDATA")?.join(OWN).join("cache")),
        }
    }

    /// The folder of Poetry's `config.toml` and `auth.toml` (Poetry `locations.py`: the variable as
    /// it is, else platformdirs with `roaming`).
    pub fn poetry_folder(&self, from: Option<&Path>) -> Option<PathBuf> {
        self.override_folder("POETRY_CONFIG_DIR", from)
            .or_else(|| Some(self.configuration()?.join("pypoetry")))
    }

    /// The folder of the user's `uv.toml`: the XDG rules on macOS too (uv `user_config_dir`).
    pub fn uv_folder(&self) -> Option<PathBuf> {
        let base = match self.platform {
            Platform::Xdg | Platform::MacOs => self.xdg("XDG_CONFIG_HOME", ".config"),
            Platform::Windows => self.folder("APPDATA"),
        };
        Some(base?.join("uv"))
    }

    /// The folder of uv's `credentials.toml` (uv `TextCredentialStore`).
    pub fn uv_store_folder(&self, from: Option<&Path>) -> Option<PathBuf> {
        self.override_folder("UV_CREDENTIALS_DIR", from)
            .or_else(|| self.own_uv_store_folder())
    }

    /// The folder of uv's `credentials.toml` where no variable names one.
    pub fn own_uv_store_folder(&self) -> Option<PathBuf> {
        match self.platform {
            Platform::Xdg | Platform::MacOs => Some(
                self.xdg("XDG_DATA_HOME", ".local/share")?
                    .join("uv/credentials"),
            ),
            Platform::Windows => Some(self.folder("APPDATA")?.join("uv/data/credentials")),
        }
    }

    /// A folder that a tool's own variable names: relative ones hold from the working folder.
    fn override_folder(&self, name: &str, from: Option<&Path>) -> Option<PathBuf> {
        let folder = PathBuf::from(self.set(name)?);
        if folder.is_absolute() {
            Some(folder)
        } else {
            Some(from?.join(folder))
        }
    }
}

#[cfg(unix)]
fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn own_uid() -> u32 {
    0
}

#[cfg(unix)]
fn own_hostname() -> String {
    let mut buffer = [0_u8; 256];
    #[expect(unsafe_code, reason = "the standard library has no gethostname")]
    // SAFETY: the pointer and the length describe one live buffer; its last byte stays NUL.
    let result = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let length = buffer.iter().position(|byte| *byte == 0).unwrap_or(0);
    if result == 0 {
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    } else {
        String::new()
    }
}

#[cfg(not(unix))]
fn own_hostname() -> String {
    String::new()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Platform, Surroundings};

    fn folders(variables: &[(&str, &str)], platform: Platform) -> [Option<PathBuf>; 5] {
        let around = Surroundings::given(variables.iter().copied(), platform, 7, "host");
        let from = Some(Path::new("/project"));
        [
            around.settings_folder(from),
            around.state_folder(),
            around.poetry_folder(from),
            around.uv_folder(),
            around.uv_store_folder(from),
        ]
    }

    fn paths(texts: [&str; 5]) -> [Option<PathBuf>; 5] {
        texts.map(|text| (!text.is_empty()).then(|| PathBuf::from(text)))
    }

    #[test]
    fn folders_of_linux() {
        assert_eq!(
            folders(&[("HOME", "/h")], Platform::Xdg),
            paths([
                "/h/.config/credential-helper",
                "/h/.local/state/credential-helper",
                "/h/.config/pypoetry",
                "/h/.config/uv",
                "/h/.local/share/uv/credentials",
            ])
        );
        let set = [
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_STATE_HOME", "relative"),
            ("XDG_DATA_HOME", "/d"),
            ("POETRY_CONFIG_DIR", "here"),
            ("CREDENTIAL_HELPER_CONFIG_DIR", "/own"),
        ];
        assert_eq!(
            folders(&set, Platform::Xdg),
            paths([
                "/own",
                "/h/.local/state/credential-helper",
                "/project/here",
                "/c/uv",
                "/d/uv/credentials",
            ])
        );
        assert_eq!(folders(&[("HOME", "")], Platform::Xdg), paths([""; 5]));
    }

    #[test]
    fn folders_of_macos() {
        assert_eq!(
            folders(
                &[("HOME", "/h"), ("UV_CREDENTIALS_DIR", "/s")],
                Platform::MacOs
            ),
            paths([
                "/h/Library/Application Support/credential-helper",
                "/h/Library/Application Support/credential-helper",
                "/h/Library/Application Support/pypoetry",
                "/h/.config/uv",
                "/s",
            ])
        );
    }

    #[test]
    fn folders_of_the_cache() {
        for (platform, variables, expected) in [
            (
                Platform::Xdg,
                [("HOME", "/h"), ("X", "")],
                "/h/.cache/credential-helper",
            ),
            (
                Platform::Xdg,
                [("HOME", "/h"), ("XDG_CACHE_HOME", "/c")],
                "/c/credential-helper",
            ),
            (
                Platform::MacOs,
                [("HOME", "/h"), ("X", "")],
                "/h/Library/Caches/credential-helper",
            ),
        ] {
            let around = Surroundings::given(variables, platform, 7, "host");
            assert_eq!(around.cache_folder(), Some(PathBuf::from(expected)));
        }
    }

    #[test]
    fn an_empty_variable_is_unset() {
        let around = Surroundings::given([("A", "")], Platform::Xdg, 7, "host");
        assert!(around.variable("A").is_some() && around.set("A").is_none());
    }
}
