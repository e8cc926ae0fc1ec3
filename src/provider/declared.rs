//! A repository as a file or a variable declares it.

use credential_helper_protocol::{Failure, Operation};

use super::files::FileFailure;
use crate::domain::name::RepositoryName;
use crate::domain::toml_text::Item;
use crate::domain::url::{RepositoryUrl, Userinfo};

/// In whose words a repository is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Poetry: `repositories.*`, `[[tool.poetry.source]]`.
    Poetry,
    /// uv: `[[tool.uv.index]]`, `[[index]]` of `uv.toml`.
    Uv,
}

impl Form {
    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Poetry => "poetry",
            Self::Uv => "uv",
        }
    }
}

/// A repository as a file or a variable declares it.
#[derive(Clone)]
pub struct Declared {
    /// Its name.
    pub name: RepositoryName,
    /// Its URL, without userinfo.
    pub url: RepositoryUrl,
    /// What stood in the URL before the host.
    pub userinfo: Option<Userinfo>,
    /// What the URL is for; unset for both.
    pub operation: Option<Operation>,
    /// The priority of a package source, as written.
    pub priority: Option<String>,
    /// In whose words.
    pub form: Form,
    /// The file, or the variable.
    pub location: String,
}

impl Declared {
    /// A repository whose URL is for both operations.
    ///
    /// # Errors
    /// `usage`, where the URL cannot be used; the message does not repeat it.
    pub fn new(
        name: RepositoryName,
        url: &str,
        form: Form,
        location: &str,
    ) -> Result<Self, Failure> {
        let (url, userinfo) = RepositoryUrl::parse(url)?;
        Ok(Self {
            name,
            url,
            userinfo,
            operation: None,
            priority: None,
            form,
            location: location.to_owned(),
        })
    }

    /// The same from a file, with the place in the error.
    ///
    /// # Errors
    /// `Malformed`, where name or URL cannot be used.
    pub fn read(
        name: &str,
        url: &Item<'_>,
        form: Form,
        location: &str,
    ) -> Result<Self, FileFailure> {
        let text = url.text()?;
        RepositoryName::parse(name)
            .and_then(|name| Self::new(name, text, form, location))
            .map_err(|failure| url.fails(&format!("cannot be used: {failure}")))
    }
}
