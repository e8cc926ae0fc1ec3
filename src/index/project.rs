//! What one source has of one project: its page, read (PEP 503, 691, 592, 700, 714, 740, 792).

use std::collections::BTreeMap;

use jiff::Timestamp;
use url::Url;

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

/// A project as one source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    name: PackageName,
    releases: BTreeMap<Version, Vec<File>>,
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
        let mut releases = BTreeMap::<Version, Vec<File>>::new();
        for file in files {
            let version = file.name.version().clone();
            releases.entry(version).or_default().push(file);
        }
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
        self.releases.keys()
    }

    /// The files of a version, in the order of the page.
    pub fn files(&self, version: &Version) -> &[File] {
        self.releases.get(version).map_or(&[], Vec::as_slice)
    }
}
