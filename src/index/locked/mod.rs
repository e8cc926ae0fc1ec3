//! Lock files: which version of what was chosen earlier, and from where.
//!
//! Read for the audit and as preferences of a new resolution. Requirements files with pins are read
//! where requirements files are (`resolve::input`), into the same form.
//!
//! - `poetry`: `poetry.lock`; `uv`: `uv.lock`; `pylock`: `pylock.toml` (PEP 751)

mod poetry;
mod pylock;
mod uv;

use std::path::Path;
use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::MarkerTree;
use url::Url;

use super::project::Hashes;
use crate::package::document::{Document, Item};
use crate::package::{PackageName, Version};

/// A package of a lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The project.
    pub name: PackageName,
    /// The version; none for source trees that have none.
    pub version: Option<Version>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its files.
    pub files: Vec<LockedFile>,
    /// Where it is needed.
    pub marker: MarkerTree,
    /// The line of its entry, from 1.
    pub line: usize,
}

/// Where a locked package comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Whatever index has it: the file does not say.
    Unsaid,
    /// An index.
    Index {
        /// Its URL, without userinfo, as it was written but for that.
        url: Url,
        /// The name of the source, where the file has it.
        source: Option<String>,
    },
    /// A URL, a repository or a folder: no index can put another one in its place.
    Direct,
}

/// A file of a locked package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedFile {
    /// Its name; empty where the file says its digest alone.
    pub filename: String,
    /// Its digests.
    pub hashes: Hashes,
}

/// What a lock file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `poetry.lock`.
    Poetry,
    /// `uv.lock`.
    Uv,
    /// `pylock.toml`, `pylock.NAME.toml`.
    Pylock,
}

impl Kind {
    /// The kind of a file by its name; `None` where it is no lock file.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let middle = name
            .strip_prefix("pylock.")
            .and_then(|rest| rest.strip_suffix("toml"));
        match (name, middle) {
            ("poetry.lock", _) => Some(Self::Poetry),
            ("uv.lock", _) => Some(Self::Uv),
            // `pylock.toml`, or one name without a dot between (PEP 751).
            (_, Some("")) => Some(Self::Pylock),
            (_, Some(middle)) => {
                let name = middle.strip_suffix('.')?;
                (!name.is_empty() && !name.contains('.')).then_some(Self::Pylock)
            }
            _ => None,
        }
    }
}

/// Reads a lock file; `file` is what messages call it.
///
/// # Errors
/// `malformed`, with the place.
pub fn read(kind: Kind, file: &str, text: &str) -> Result<Vec<Locked>, Failure> {
    let document = Document::parse(file, text)?;
    match kind {
        Kind::Poetry => poetry::read(&document),
        Kind::Uv => uv::read(&document),
        Kind::Pylock => pylock::read(&document),
    }
}

fn name(item: &Item<'_>) -> Result<PackageName, Failure> {
    let text = item
        .text_of("name")?
        .ok_or_else(|| item.wrong("it has no name"))?;
    PackageName::from_str(text).map_err(|_| item.wrong("its name is none"))
}

fn version(item: &Item<'_>) -> Result<Option<Version>, Failure> {
    let text = item.text_of("version")?;
    text.map(Version::from_str)
        .transpose()
        .map_err(|_| item.wrong("its version is none as PEP 440 has it"))
}

/// The files of a package, an sdist and wheels, each read by `file`.
fn files(
    item: &Item<'_>,
    file: fn(&Item<'_>) -> Result<LockedFile, Failure>,
) -> Result<Vec<LockedFile>, Failure> {
    let mut files = Vec::new();
    if let Some(sdist) = item.get("sdist")? {
        files.push(file(&sdist)?);
    }
    if let Some(wheels) = item.get("wheels")? {
        for wheel in wheels.list()? {
            files.push(file(&wheel)?);
        }
    }
    Ok(files)
}

fn index(item: &Item<'_>, text: &str, source: Option<&str>) -> Result<Origin, Failure> {
    let mut url = Url::parse(text).map_err(|_| item.wrong("its URL cannot be read"))?;
    // Where there can be no userinfo, there is none.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    Ok(Origin::Index {
        url,
        source: source.map(str::to_owned),
    })
}

/// A digest as `sha256:...`.
fn hash(item: &Item<'_>, text: &str) -> Result<(String, String), Failure> {
    let (kind, hex) = text
        .split_once(':')
        .ok_or_else(|| item.wrong("its digest is none"))?;
    Ok((kind.to_ascii_lowercase(), hex.to_ascii_lowercase()))
}

/// The name of a file from where it is.
fn filename(place: &str) -> String {
    let place = place.split(['?', '#']).next().unwrap_or(place);
    let last = place.rsplit('/').next().unwrap_or(place);
    percent_decoded(last)
}

fn percent_decoded(text: &str) -> String {
    // As the path of a URL, so that one parser decides what a percent sign is.
    let decoded = Url::parse("file:///").ok().and_then(|base| {
        let url = base.join(&format!("/{text}")).ok()?;
        let path = url.to_file_path().ok()?;
        Some(path.file_name()?.to_string_lossy().into_owned())
    });
    decoded.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
#[path = "locked_tests.rs"]
mod tests;
