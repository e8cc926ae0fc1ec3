//! The keys of `helper config`: those of `poetry config` that concern repositories.

use std::fmt;

use credential_helper_protocol::{ErrorCode, Failure};
use toml_edit::Value;

use crate::domain::name::RepositoryName;
use crate::domain::text::{has_control, shown};
use crate::domain::url::RepositoryUrl;

/// All keys, for errors and help.
pub const KEYS: &str = "http-basic.NAME, pypi-token.NAME, repositories.NAME, \
    repositories.NAME.url, certificates.NAME.cert, certificates.NAME.client-cert, keyring.enabled";

/// A key of Poetry's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoetryKey {
    /// `http-basic.NAME`: an account.
    HttpBasic(RepositoryName),
    /// `pypi-token.NAME`: an API token.
    PypiToken(RepositoryName),
    /// `certificates.NAME.cert`: a certificate authority's file, or false for no check at all.
    Cert(RepositoryName),
    /// `certificates.NAME.client-cert`: the file of a client certificate.
    ClientCert(RepositoryName),
    /// `repositories.NAME`.
    Repository(RepositoryName),
    /// `repositories.NAME.url`.
    RepositoryUrl(RepositoryName),
    /// `keyring.enabled`.
    KeyringEnabled,
}

impl PoetryKey {
    /// Reads a key. `repo`, `repos` and `repositories` are one; names may have dots. As in Poetry
    /// a last `.url` belongs to the key, so a repository cannot be named `x.url`.
    ///
    /// # Errors
    /// `usage`, with the list of the keys.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let text: String = shown(text).chars().take(80).collect();
            Failure::new(ErrorCode::Usage, format!("the key \"{text}\" {why}")).hint(format!(
                "keys are {KEYS}; the others are set by `poetry config`"
            ))
        };
        let name = |name: &str| {
            if name.is_empty() {
                return Err(wrong("names no repository"));
            }
            RepositoryName::parse(name)
        };
        if text == "keyring.enabled" {
            return Ok(Self::KeyringEnabled);
        }
        let (section, rest) = text.split_once('.').unwrap_or((text, ""));
        match section {
            "http-basic" => name(rest).map(Self::HttpBasic),
            "pypi-token" => name(rest).map(Self::PypiToken),
            "repo" | "repos" | "repositories" => match rest.strip_suffix(".url") {
                Some(rest) if !rest.is_empty() => name(rest).map(Self::RepositoryUrl),
                _ => name(rest).map(Self::Repository),
            },
            "certificates" => {
                if let Some(rest) = rest.strip_suffix(".client-cert") {
                    name(rest).map(Self::ClientCert)
                } else if let Some(rest) = rest.strip_suffix(".cert") {
                    name(rest).map(Self::Cert)
                } else {
                    Err(wrong("ends neither with .cert nor with .client-cert"))
                }
            }
            _ => Err(wrong("is not one that helper knows")),
        }
    }

    /// The repository that it is about.
    pub fn name(&self) -> Option<&RepositoryName> {
        match self {
            Self::HttpBasic(name)
            | Self::PypiToken(name)
            | Self::Cert(name)
            | Self::ClientCert(name)
            | Self::Repository(name)
            | Self::RepositoryUrl(name) => Some(name),
            Self::KeyringEnabled => None,
        }
    }

    /// Whether its value is a credential: it is never read out, and never goes to a project.
    pub fn is_credential(&self) -> bool {
        matches!(self, Self::HttpBasic(_) | Self::PypiToken(_))
    }

    /// The file of Poetry's configuration folder that it belongs to.
    pub fn file(&self) -> &'static str {
        match self {
            Self::Repository(_) | Self::RepositoryUrl(_) | Self::KeyringEnabled => "config.toml",
            _ => "auth.toml",
        }
    }

    /// Whether `--local` writes it to the project's `poetry.toml`: credentials and certificates
    /// always go to the user's own file, as in Poetry.
    pub fn may_be_local(&self) -> bool {
        self.file() == "config.toml"
    }

    /// Section, name and last part of the key of a setting.
    ///
    /// # Errors
    /// `usage` for a credential.
    pub(super) fn setting(&self) -> Result<(&'static str, Option<&str>, &'static str), Failure> {
        let name = self.name().map(RepositoryName::as_str);
        match self {
            Self::Repository(_) | Self::RepositoryUrl(_) => Ok(("repositories", name, "url")),
            Self::Cert(_) => Ok(("certificates", name, "cert")),
            Self::ClientCert(_) => Ok(("certificates", name, "client-cert")),
            Self::KeyringEnabled => Ok(("keyring", None, "enabled")),
            Self::HttpBasic(_) | Self::PypiToken(_) => Err(Failure::new(
                ErrorCode::Usage,
                format!("{self} is a credential, not a setting"),
            )),
        }
    }

    /// The value as Poetry stores it.
    ///
    /// # Errors
    /// `usage` for one that the key cannot have; a URL is never repeated.
    pub(super) fn value(&self, text: &str) -> Result<Value, Failure> {
        let wrong =
            |why: &str| Failure::new(ErrorCode::Usage, format!("the value of {self} {why}"));
        if has_control(text) {
            return Err(wrong("holds a control character"));
        }
        if text.is_empty() {
            return Err(wrong("is empty").hint("`--unset` removes a setting"));
        }
        // `boolean_validator` and `boolean_normalizer` of Poetry's `config.py`.
        let boolean = match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        match (self, boolean) {
            (Self::KeyringEnabled | Self::Cert(_), Some(boolean)) => Ok(boolean.into()),
            (Self::KeyringEnabled, None) => {
                Err(wrong("is not a boolean").hint("give true or false"))
            }
            (Self::Repository(_) | Self::RepositoryUrl(_), _) => {
                RepositoryUrl::parse(text)?;
                Ok(text.into())
            }
            _ => Ok(text.into()),
        }
    }
}

impl fmt::Display for PoetryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HttpBasic(name) => write!(f, "http-basic.{name}"),
            Self::PypiToken(name) => write!(f, "pypi-token.{name}"),
            Self::Cert(name) => write!(f, "certificates.{name}.cert"),
            Self::ClientCert(name) => write!(f, "certificates.{name}.client-cert"),
            Self::Repository(name) => write!(f, "repositories.{name}"),
            Self::RepositoryUrl(name) => write!(f, "repositories.{name}.url"),
            Self::KeyringEnabled => f.write_str("keyring.enabled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PoetryKey;

    #[test]
    fn keys_are_read_as_poetry_does() {
        for (text, expected) in [
            ("http-basic.foo", "HttpBasic foo"),
            ("http-basic.my.repo", "HttpBasic my.repo"),
            ("pypi-token.pypi", "PypiToken pypi"),
            ("repo.foo", "Repository foo"),
            ("repos.foo", "Repository foo"),
            ("repositories.my.repo", "Repository my.repo"),
            ("repositories.foo.url", "RepositoryUrl foo"),
            ("repo.my.repo.url", "RepositoryUrl my.repo"),
            ("repositories.url", "Repository url"),
            ("certificates.foo.cert", "Cert foo"),
            ("certificates.my.repo.client-cert", "ClientCert my.repo"),
            ("certificates.a.cert.cert", "Cert a.cert"),
            ("keyring.enabled", "KeyringEnabled "),
        ] {
            let key = PoetryKey::parse(text).unwrap();
            let kind = format!("{key:?}");
            let kind = kind.split('(').next().unwrap();
            let name = key.name().map_or("", |name| name.as_str());
            assert_eq!(format!("{kind} {name}"), expected, "{text}");
            assert_eq!(PoetryKey::parse(&key.to_string()).unwrap(), key);
        }
    }

    #[test]
    fn other_keys_are_refused_with_the_list() {
        for text in [
            "",
            "http-basic",
            "http-basic.",
            "pypi-token",
            "repositories",
            "repo.",
            "certificates.foo",
            "certificates.cert",
            "certificates..cert",
            "virtualenvs.create",
            "keyring",
            "keyring.enabled.x",
            "HTTP-BASIC.foo",
            "repositorys.x",
        ] {
            let failure = PoetryKey::parse(text).unwrap_err();
            assert_eq!(failure.code.exit_status(), 2);
            assert!(failure.hint.unwrap().contains("http-basic.NAME"), "{text}");
        }
        assert!(PoetryKey::parse("http-basic.a\nb").is_err());
    }

    #[test]
    fn values() {
        let value = |key: &str, text: &str| PoetryKey::parse(key).unwrap().value(text);
        assert_eq!(
            value("certificates.f.cert", "false").unwrap().as_bool(),
            Some(false)
        );
        assert_eq!(
            value("certificates.f.cert", "1").unwrap().as_bool(),
            Some(true)
        );
        assert_eq!(
            value("certificates.f.cert", "/ca").unwrap().as_str(),
            Some("/ca")
        );
        assert_eq!(
            value("certificates.f.client-cert", "1").unwrap().as_str(),
            Some("1")
        );
        assert_eq!(
            value("keyring.enabled", "0").unwrap().as_bool(),
            Some(false)
        );
        for (key, text) in [
            ("keyring.enabled", "yes"),
            ("repo.f", "ftp://h/"),
            ("repo.f", "h"),
            ("repo.f", ""),
            ("certificates.f.cert", "a\nb"),
            ("http-basic.f", "a"),
        ] {
            let wrong =
                value(key, text).is_err() || PoetryKey::parse(key).unwrap().setting().is_err();
            assert!(wrong, "{key} {text}");
        }
        let failure = value("repo.f", "ftp://u:hunter2@h/").unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}
