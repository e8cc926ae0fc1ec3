//! What stands in for another source, and what the outputs say instead (Poetry's plug-in
//! poetry-plugin-pypi-mirror has one mirror, of PyPI).

use std::path::Path;
use std::sync::Arc;

use credential_helper_protocol::Failure;
use credential_helper_protocol::surroundings::Surroundings;
use url::Url;

use super::address::{Address, bare};
use super::gather::open;
use super::{Kind, PYPI, Source};
use crate::domain::url::Userinfo;
use crate::package::PackageName;
use crate::package::filename::Filename;

/// The variable of the plug-in.
const VARIABLE: &str = "POETRY_PYPI_MIRROR_URL";
/// Its setting in Poetry's `config.toml`.
const SETTING: &[&str] = &["plugins", "pypi_mirror", "url"];
/// Where PyPI keeps its files.
const FILES: &str = "https://files.pythonhosted.org/packages/";

/// A mirror that the user has set.
struct Mirror {
    of: Url,
    by: Url,
    userinfo: Option<Userinfo>,
}

/// The mirrors of the user. A project names none: its files would decide what an output hides.
#[derive(Default)]
pub struct Mirrors(Vec<Mirror>);

impl Mirrors {
    /// Reads them: the variable, the helper's `[mirrors]`, the plug-in's setting. The first that
    /// mirrors a source counts.
    ///
    /// # Errors
    /// Where a file cannot be read or understood, or a URL cannot be used.
    pub(super) fn read(
        around: &Surroundings,
        folder: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let mut all = Self::default();
        if let Some(value) = around.set(VARIABLE) {
            all.add(PYPI, &value.to_string_lossy()).map_err(|why| {
                Failure::new(
                    credential_helper_protocol::ErrorCode::Usage,
                    format!("what {VARIABLE} says {why}"),
                )
            })?;
        }
        let settings = around.settings_folder(Some(folder));
        if let Some(path) = settings.map(|at| at.join("config.toml"))
            && let Some(document) = open(&path)?
            && let Some(table) = document.at(&["mirrors"])?
        {
            for (of, item) in table.entries()? {
                // Both are URLs, in which somebody may have left a password.
                let item = item.called("mirrors entry");
                all.add(of, item.text()?).map_err(|why| item.fails(&why))?;
            }
        }
        let poetry = around.poetry_folder(Some(folder));
        if let Some(path) = poetry.map(|at| at.join("config.toml"))
            && let Some(document) = open(&path)?
            && let Some(item) = document.at(SETTING)?
        {
            all.add(PYPI, item.text()?)
                .map_err(|why| item.fails(&why))?;
        }
        if let Some(path) = folder
            .ancestors()
            .map(|at| at.join("poetry.toml"))
            .find(|at| at.exists())
            && let Some(document) = open(&path)?
            && let Some(item) = document.at(SETTING)?
        {
            warnings.push(item.says(
                "has no effect: a project names no mirror; set it in Poetry's own config.toml",
            ));
        }
        Ok(all)
    }

    fn add(&mut self, of: &str, by: &str) -> Result<(), String> {
        let of = Address::parse(of, None)?;
        let by = Address::parse(by, None)?;
        self.0.push(Mirror {
            of: of.url,
            by: by.url,
            userinfo: by.userinfo,
        });
        Ok(())
    }

    /// Puts the mirror of a source in its place. A source on disk has none.
    pub(super) fn apply(&self, source: &mut Source) {
        if !matches!(source.kind, Kind::Index | Kind::Flat) {
            return;
        }
        let mut all = self.0.iter();
        if let Some(mirror) = all.find(|mirror| bare(&mirror.of) == bare(&source.url)) {
            source.url = mirror.by.clone();
            // What stood in the URL of the one is not for the other.
            source.userinfo.clone_from(&mirror.userinfo);
        }
    }
}

/// What the outputs say instead of mirrors.
#[derive(Clone, Debug, Default)]
pub struct Canonical {
    /// Mirrors, and what they mirror.
    pairs: Vec<(Url, Url)>,
}

impl Canonical {
    pub(super) fn of(sources: &[Arc<Source>]) -> Self {
        let mirrored = sources.iter().filter(|source| source.is_mirrored());
        Self {
            pairs: mirrored
                .map(|source| (source.url.clone(), source.canonical.clone()))
                .collect(),
        }
    }

    /// The URL of the index that this one stands for; that of any other index is its own.
    pub fn index(&self, url: &Url) -> Url {
        let mut pairs = self.pairs.iter();
        let found = pairs.find(|(mirror, _)| bare(mirror) == bare(url));
        found.map_or_else(|| url.clone(), |(_, canonical)| canonical.clone())
    }

    /// The URL of a file on a page of the index with this canonical URL; `None` where a mirror has
    /// it and where the mirrored index has it cannot be told.
    pub fn file(
        &self,
        index: &Url,
        url: &Url,
        project: &PackageName,
        filename: &str,
        name: &Filename,
    ) -> Option<Url> {
        let mut pairs = self.pairs.iter();
        let Some((mirror, canonical)) = pairs.find(|(_, of)| bare(of) == bare(index)) else {
            return Some(url.clone());
        };
        if bare(canonical) == bare(&Url::parse(PYPI).ok()?) {
            return of_pypi(url, project, filename, name);
        }
        let own = scope(canonical);
        if url.as_str().starts_with(&own) {
            return Some(url.clone());
        }
        let below = url.as_str().strip_prefix(&scope(mirror))?;
        Url::parse(&format!("{own}{below}")).ok()
    }
}

/// The place beside which an index keeps its files: its URL without a last part `simple` or
/// `+simple`, or a page.
fn scope(index: &Url) -> String {
    let bare = bare(index);
    let (above, last) = bare.rsplit_once('/').unwrap_or((bare, ""));
    let lower = last.to_ascii_lowercase();
    let page = matches!(lower.as_str(), "simple" | "+simple")
        || [".htm", ".html"].iter().any(|end| lower.ends_with(end));
    format!("{}/", if page { above } else { bare })
}

/// Where PyPI has the file: a mirror that keeps PyPI's own paths tells; otherwise the older form
/// that PyPI redirects there, which needs the names alone.
fn of_pypi(url: &Url, project: &PackageName, filename: &str, name: &Filename) -> Option<Url> {
    if url.as_str().starts_with(FILES) {
        return Some(url.clone());
    }
    let path = url.path();
    if let Some((_, rest)) = path.rsplit_once("/packages/")
        && is_own_path(rest)
    {
        return Url::parse(&format!("{FILES}{rest}")).ok();
    }
    let tag = match name {
        Filename::Sdist(_) => "source".to_owned(),
        Filename::Wheel(wheel) => wheel.python.join("."),
    };
    let spelled = project.to_string();
    let first = spelled.chars().next()?;
    Url::parse(&format!("{FILES}{tag}/{first}/{spelled}/{filename}")).ok()
}

/// `ab/cd/` and 60 more digits of a hash, then the file; other servers have a folder `packages` of
/// their own.
fn is_own_path(rest: &str) -> bool {
    let parts: Vec<&str> = rest.split('/').collect();
    let lengths = [2, 2, 60];
    parts.len() == 4
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.chars().all(|c| c.is_ascii_hexdigit())
        })
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
