//! What one source has of one project: its page, read (PEP 503, 691, 592, 700, 714, 740, 792).

use std::collections::BTreeMap;
use std::str::FromStr as _;

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;

use super::packed::{Kept, Releases};
use crate::package::filename::Filename;
use crate::package::{PackageName, Version, VersionSpecifiers};

/// The digests of a file: algorithm, in lower case, and value in hex.
pub type Hashes = BTreeMap<String, String>;

/// A file on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name of the file.
    pub filename: String,
    /// What the name says.
    pub name: Filename,
    /// Where it is; absolute, without userinfo and fragment.
    pub url: Url,
    /// Its digests.
    pub hashes: Hashes,
    /// Its size, where the page has it.
    pub size: Option<u64>,
    /// `Requires-Python`; one that cannot be read is none.
    pub requires_python: Option<VersionSpecifiers>,
    /// Whether it was yanked, and why; an empty reason is none (PEP 592).
    pub yanked: Option<String>,
    /// When it was uploaded.
    pub uploaded: Option<Timestamp>,
    /// Whether its metadata stand beside it, with their digests, which may be none (PEP 658, 714).
    pub metadata: Option<Hashes>,
    /// Where its attestations are (PEP 740).
    pub provenance: Option<Url>,
}

impl File {
    /// Whether it has one of these digests (`sha256:...`), as far as its page says.
    pub fn has_one_of(&self, digests: &[String]) -> bool {
        let mut pairs = digests.iter().filter_map(|one| one.split_once(':'));
        pairs.any(|(kind, hex)| {
            let own = self.hashes.get(kind);
            own.is_some_and(|own| own.eq_ignore_ascii_case(hex))
        })
    }
}

/// A project as one source has it.
#[derive(Clone, Debug)]
pub struct Project {
    name: PackageName,
    releases: Releases,
    /// `active`, `archived`, `quarantined` or `deprecated`, with the reason (PEP 792).
    pub status: Option<(String, Option<String>)>,
    /// The namespaces over this name, and whether the project's owner holds them (PEP 752).
    pub namespaces: Vec<(String, bool)>,
    /// What could not be read and was left out, in words for a person.
    pub doubts: Vec<String>,
}

impl Project {
    /// A project with these files, in the order of their page.
    pub fn new(name: PackageName, files: Vec<File>) -> Self {
        Self::packed(name, Releases::of(files))
    }

    /// A project whose files are read where they are asked for.
    pub(super) fn packed(name: PackageName, releases: Releases) -> Self {
        Self {
            name,
            releases,
            status: None,
            namespaces: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// Its versions, the lowest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.releases.all.keys()
    }

    /// The files of a version, in the order of the page.
    pub fn files(&self, version: &Version) -> &[File] {
        self.releases.files(&self.name, version)
    }

    /// The form in which a cache keeps it: it is read in no time, and files only where they are
    /// asked for.
    pub fn to_bytes(&self) -> Vec<u8> {
        let packed = self.releases.repacked();
        let mut kept = Kept::new(
            self.name.as_ref(),
            packed.as_ref().unwrap_or(&self.releases),
        );
        let status = self.status.as_ref();
        kept.status = status.map(|(status, reason)| (status.as_str(), reason.as_deref()));
        let namespaces = self.namespaces.iter();
        kept.namespaces = namespaces
            .map(|(name, own)| (name.as_str(), *own))
            .collect();
        kept.doubts = self.doubts.iter().map(String::as_str).collect();
        kept.bytes()
    }

    /// Reads that form; `None` where the bytes are damaged, or of another version of it.
    pub fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let kept = Kept::read(bytes)?;
        let status = kept.status;
        let namespaces = kept.namespaces.iter();
        let doubts = kept.doubts.iter();
        Some(Self {
            name: PackageName::from_str(kept.name).ok()?,
            releases: kept.releases(bytes)?,
            status: status.map(|(status, reason)| (status.to_owned(), reason.map(str::to_owned))),
            namespaces: namespaces
                .map(|(name, own)| ((*name).to_owned(), *own))
                .collect(),
            doubts: doubts.map(|doubt| (*doubt).to_owned()).collect(),
        })
    }
}

impl PartialEq for Project {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.status == other.status
            && self.namespaces == other.namespaces
            && self.doubts == other.doubts
            && self.versions().eq(other.versions())
            && self
                .versions()
                .all(|version| self.files(version) == other.files(version))
    }
}

impl Eq for Project {}
