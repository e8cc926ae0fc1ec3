//! What is written as the place of a source: a URL, or a path.

use std::path::{Path, PathBuf};

use url::Url;

use super::{Authenticate, Form, Kind, Priority, Source};
use crate::domain::text::has_control;
use crate::domain::url::{RepositoryUrl, Userinfo};

/// An index answers 403 for projects that it does not have (uv does the same for this host).
const FORBIDDEN_IS_ABSENT: &str = "download.pytorch.org";

/// The place of a source, read. Has no `Debug`: the userinfo may hold a secret.
pub struct Address {
    /// The URL, without userinfo; that of the path where it is one.
    pub url: Url,
    /// What stood before the host.
    pub userinfo: Option<Userinfo>,
    /// The path, where it is one.
    pub path: Option<PathBuf>,
}

impl Address {
    /// Reads a URL of http(s) or `file:`, or a path; a relative one is taken from `folder`.
    ///
    /// # Errors
    /// In words that do not repeat the text: it may hold a secret.
    pub fn parse(text: &str, folder: Option<&Path>) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let is_file = text
            .get(..5)
            .is_some_and(|start| start.eq_ignore_ascii_case("file:"));
        if !is_file && scheme.is_some() {
            let (url, userinfo) = RepositoryUrl::parse(text)
                .map_err(|failure| format!("cannot be used: {failure}"))?;
            let url = Url::parse(url.as_str()).map_err(|_| "cannot be used as a URL".to_owned())?;
            return Ok(Self {
                url,
                userinfo,
                path: None,
            });
        }
        if has_control(text) {
            return Err("holds a control character".to_owned());
        }
        let path = if is_file {
            let url = Url::parse(text).map_err(|_| "cannot be used as a URL".to_owned())?;
            url.to_file_path()
                .map_err(|()| "names no file of this machine".to_owned())?
        } else {
            let path = PathBuf::from(text);
            match folder {
                Some(folder) => folder.join(path),
                None => path,
            }
        };
        let url = Url::from_file_path(&path).map_err(|()| "is not an absolute path".to_owned())?;
        Ok(Self {
            url,
            userinfo: None,
            path: Some(path),
        })
    }

    /// As an index: pages for each project.
    pub fn index(self, form: Form, place: String) -> Source {
        self.source(form, place, false)
    }

    /// As the one place of files of many projects.
    pub fn flat(self, form: Form, place: String) -> Source {
        self.source(form, place, true)
    }

    fn source(self, form: Form, place: String, flat: bool) -> Source {
        let kind = match (self.path, flat) {
            (Some(path), true) => Kind::Local(path),
            (Some(path), false) => Kind::LocalIndex(path),
            (None, true) => Kind::Flat,
            (None, false) => Kind::Index,
        };
        let ignore_errors = if self.url.host_str() == Some(FORBIDDEN_IS_ABSENT) {
            vec![403]
        } else {
            Vec::new()
        };
        Source {
            name: None,
            canonical: self.url.clone(),
            url: self.url,
            userinfo: self.userinfo,
            priority: Priority::Primary,
            kind,
            authenticate: Authenticate::default(),
            ignore_errors,
            exclude_newer: None,
            always: false,
            form,
            place,
        }
    }
}

/// The URL without the slash at its end: servers and files write it either way.
pub fn bare(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Address;

    fn read(text: &str) -> Result<(String, bool), String> {
        let address = Address::parse(text, Some(Path::new("/project")))?;
        Ok((address.url.to_string(), address.path.is_some()))
    }

    #[test]
    fn urls_and_paths() {
        for (text, url, local) in [
            ("https://h/simple", "https://h/simple", false),
            ("https://u:hunter2@h/simple/", "https://h/simple/", false),
            ("HTTPS://H:443/a/?q#f", "https://h/a/", false),
            ("file:///srv/dists", "file:///srv/dists", true),
            ("wheels", "file:///project/wheels", true),
            ("/srv/dists", "file:///srv/dists", true),
        ] {
            assert_eq!(read(text), Ok((url.to_owned(), local)), "{text}");
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for text in [
            "",
            "  ",
            "ftp://u:hunter2@h/",
            "https://u:hunter2@",
            "a\u{7}hunter2",
            "file://hunter2/x",
        ] {
            let error = read(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
