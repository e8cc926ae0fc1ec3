//! The files of a project in the form in which they are kept: one buffer, read where it is asked.
//!
//! A page lists thousands of files, and a resolution looks at those of a few versions. So a page is
//! checked file by file while it is read, put down in this form, and only the files of a version
//! that somebody asks for become [`File`]s. The same bytes are what a cache keeps.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr as _;
use std::sync::OnceLock;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::hex::{hex, unhex};
use super::project::{File, Hashes};
use crate::package::filename::Parts;
use crate::package::{PackageName, Version, VersionSpecifiers};

/// The form's number: what was kept in another one is read anew.
const FORM: u32 = 2;

/// One file, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record<'a> {
    pub(super) filename: &'a str,
    /// Without the file's name where it ends with it, which is nearly always.
    pub(super) url: &'a str,
    pub(super) name_follows: bool,
    #[serde(borrow)]
    pub(super) hashes: Digests<'a>,
    pub(super) size: Option<u64>,
    /// Its place among the specifiers, from 1.
    pub(super) requires_python: u32,
    pub(super) yanked: Option<&'a str>,
    /// Microseconds since 1970.
    pub(super) uploaded: Option<i64>,
    #[serde(borrow)]
    pub(super) metadata: Option<Digests<'a>>,
    pub(super) provenance: Option<&'a str>,
}

/// Digests: that of SHA-256 as its bytes, because nearly every file has it and nothing else.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digests<'a> {
    #[serde(serialize_with = "as_bytes")]
    pub(super) sha256: &'a [u8],
    #[serde(borrow)]
    pub(super) others: Vec<(&'a str, &'a str)>,
}

fn as_bytes<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

impl<'a> Digests<'a> {
    fn of(all: &'a Hashes, sha256: Option<&'a [u8; 32]>) -> Self {
        let others = all.iter().filter(|(name, _)| *name != "sha256");
        Self {
            sha256: sha256.map_or(&[], |bytes| bytes),
            others: others.map(|(name, value)| (&**name, &**value)).collect(),
        }
    }

    fn own(&self) -> Hashes {
        let others = self.others.iter();
        let mut all: Hashes = others
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        if !self.sha256.is_empty() {
            all.insert("sha256".to_owned(), hex(self.sha256));
        }
        all
    }
}

/// As much as this is not copied to save room.
const LARGE: usize = 4 * 1024 * 1024;

/// Where records of one version stand in the buffer, one behind the other.
type Place = (u32, u32);

/// The files of one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Release {
    places: Vec<Place>,
    files: OnceLock<Vec<File>>,
}

/// All files of a project.
#[derive(Clone, Debug, Default)]
pub(super) struct Releases {
    /// Each version, the lowest first.
    pub(super) all: BTreeMap<Version, Release>,
    /// The texts of the specifiers, and what they say.
    pythons: Vec<(String, VersionSpecifiers)>,
    /// A part of what the cache read, or of its own.
    records: Bytes,
}

impl Releases {
    /// Releases of files that are there already.
    pub(super) fn of(files: Vec<File>) -> Self {
        let mut sorted = BTreeMap::<Version, Vec<File>>::new();
        for file in files {
            sorted
                .entry(file.name.version().clone())
                .or_default()
                .push(file);
        }
        let release = |files: Vec<File>| Release {
            places: Vec::new(),
            files: OnceLock::from(files),
        };
        let all = sorted.into_iter();
        Self {
            all: all
                .map(|(version, files)| (version, release(files)))
                .collect(),
            ..Self::default()
        }
    }

    /// The files of a version.
    pub(super) fn files(&self, project: &PackageName, version: &Version) -> &[File] {
        let Some(release) = self.all.get(version) else {
            return &[];
        };
        release.files.get_or_init(|| {
            let mut files = Vec::new();
            for (from, to) in &release.places {
                let mut rest = self.records.get(*from as usize..*to as usize);
                while let Some(bytes) = rest.filter(|bytes| !bytes.is_empty()) {
                    let read = postcard::take_from_bytes::<Record<'_>>(bytes).ok();
                    if let Some((record, _)) = &read {
                        files.extend(self.file(project, record));
                    }
                    rest = read.map(|(_, rest)| rest);
                }
            }
            files
        })
    }

    /// The same, packed: where they were made of files that were there already.
    pub(super) fn repacked(&self) -> Option<Self> {
        if self.all.values().all(|release| !release.places.is_empty()) {
            return None;
        }
        let mut packer = Packer::new();
        for (version, release) in &self.all {
            for file in release.files.get().into_iter().flatten() {
                packer.add_file(version, file);
            }
        }
        Some(packer.finish())
    }

    fn file(&self, project: &PackageName, record: &Record<'_>) -> Option<File> {
        let parts = Parts::of(record.filename, project).ok()?;
        let name = parts.named(project, parts.version()?);
        let url = if record.name_follows {
            Url::parse(&format!("{}{}", record.url, record.filename))
        } else {
            Url::parse(record.url)
        };
        let python = (record.requires_python as usize).checked_sub(1);
        let python = python.and_then(|at| self.pythons.get(at));
        Some(File {
            filename: record.filename.to_owned(),
            name,
            url: url.ok()?,
            hashes: record.hashes.own(),
            size: record.size,
            requires_python: python.map(|(_, specifiers)| specifiers.clone()),
            yanked: record.yanked.map(str::to_owned),
            uploaded: record
                .uploaded
                .and_then(|at| Timestamp::from_microsecond(at).ok()),
            metadata: record.metadata.as_ref().map(Digests::own),
            provenance: record.provenance.and_then(|url| Url::parse(url).ok()),
        })
    }
}

/// Makes releases, one file after the other.
pub(super) struct Packer {
    releases: Releases,
    records: Vec<u8>,
    /// Where specifiers stand among those of this project; 0 for what cannot be read.
    pythons: HashMap<String, u32>,
    /// The last version as it was written: files of one version stand together.
    last: Option<(String, Version)>,
}

impl Packer {
    /// None yet; room for so many bytes.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self {
            records: Vec::with_capacity(bytes),
            ..Self::new()
        }
    }

    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            releases: Releases::default(),
            records: Vec::new(),
            pythons: HashMap::new(),
            last: None,
        }
    }

    /// How many versions there are.
    pub(super) fn versions(&self) -> usize {
        self.releases.all.len()
    }

    /// The version of a name.
    pub(super) fn version(&mut self, parts: &Parts<'_>) -> Option<Version> {
        if let Some((text, version)) = &self.last
            && text == parts.version
        {
            return Some(version.clone());
        }
        let version = parts.version()?;
        self.last = Some((parts.version.to_owned(), version.clone()));
        Some(version)
    }

    /// The place of these specifiers; an error says for the first time that they cannot be read.
    pub(super) fn python(&mut self, text: &str) -> Result<u32, ()> {
        if text.trim().is_empty() {
            return Ok(0);
        }
        if let Some(place) = self.pythons.get(text) {
            return Ok(*place);
        }
        let found = crate::package::repair::specifiers(text);
        let place = match &found {
            Some(_) => u32::try_from(self.releases.pythons.len()).map_or(0, |count| count + 1),
            None => 0,
        };
        self.pythons.insert(text.to_owned(), place);
        let found = found.ok_or(())?;
        self.releases.pythons.push((text.to_owned(), found.value));
        Ok(place)
    }

    /// Adds a file; `None` where there is no more room.
    pub(super) fn add(&mut self, version: Version, record: &Record<'_>) -> Option<()> {
        let records = std::mem::take(&mut self.records);
        let from = u32::try_from(records.len()).ok()?;
        self.records = postcard::to_extend(record, records).ok()?;
        let to = u32::try_from(self.records.len()).ok()?;
        let release = self.releases.all.entry(version).or_default();
        match release.places.last_mut() {
            Some((_, end)) if *end == from => *end = to,
            _ => release.places.push((from, to)),
        }
        Some(())
    }

    /// Adds a file that is there already.
    fn add_file(&mut self, version: &Version, file: &File) {
        let digests = file.hashes.get("sha256").and_then(|hash| unhex(hash));
        let of_metadata = file.metadata.as_ref().and_then(|all| all.get("sha256"));
        let of_metadata = of_metadata.and_then(|hash| unhex(hash));
        let python = file.requires_python.as_ref().map(ToString::to_string);
        let record = Record {
            filename: &file.filename,
            url: file.url.as_str(),
            name_follows: false,
            hashes: Digests::of(&file.hashes, digests.as_ref()),
            size: file.size,
            requires_python: python.map_or(0, |text| self.python(&text).unwrap_or(0)),
            yanked: file.yanked.as_deref(),
            uploaded: file.uploaded.map(Timestamp::as_microsecond),
            metadata: file
                .metadata
                .as_ref()
                .map(|all| Digests::of(all, of_metadata.as_ref())),
            provenance: file.provenance.as_ref().map(Url::as_str),
        };
        // There is room for what was in memory before.
        let _ = self.add(version.clone(), &record);
    }

    /// What was made.
    pub(super) fn finish(mut self) -> Releases {
        // Room that was never written to costs nothing, and a large copy would stand beside the page.
        if self.records.capacity() < LARGE {
            self.records.shrink_to_fit();
        }
        self.releases.records = self.records.into();
        self.releases
    }
}

/// A project, as a cache keeps it.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept<'a> {
    form: u32,
    pub(super) name: &'a str,
    pub(super) status: Option<(&'a str, Option<&'a str>)>,
    pub(super) namespaces: Vec<(&'a str, bool)>,
    pub(super) doubts: Vec<&'a str>,
    pythons: Vec<&'a str>,
    versions: Vec<(String, Vec<Place>)>,
    #[serde(serialize_with = "as_bytes")]
    records: &'a [u8],
}

impl<'a> Kept<'a> {
    /// A project with these releases. Files that were never packed have to be, see [`super::project`].
    pub(super) fn new(name: &'a str, releases: &'a Releases) -> Self {
        let pythons = releases.pythons.iter();
        let versions = releases.all.iter();
        Self {
            form: FORM,
            name,
            status: None,
            namespaces: Vec::new(),
            doubts: Vec::new(),
            pythons: pythons.map(|(text, _)| text.as_str()).collect(),
            versions: versions
                .map(|(version, release)| (version.to_string(), release.places.clone()))
                .collect(),
            records: &releases.records,
        }
    }

    /// Its bytes: a checksum, and what it holds.
    pub(super) fn bytes(&self) -> Vec<u8> {
        // The versions, with where their files are, and all else that is short.
        let room = self.records.len() + 32 * self.versions.len() + 512;
        let mut start = Vec::with_capacity(room);
        start.extend([0; 4]);
        let mut bytes = postcard::to_extend(self, start).unwrap_or_default();
        if bytes.len() > 4 {
            let sum = sum(&bytes[4..]);
            bytes[..4].copy_from_slice(&sum);
        }
        bytes
    }

    /// Reads it; `None` where the bytes are of another form, or damaged.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (start, rest) = bytes.split_at_checked(4)?;
        if start != sum(rest) {
            return None;
        }
        let (form, _) = postcard::take_from_bytes::<u32>(rest).ok()?;
        if form != FORM {
            return None;
        }
        postcard::from_bytes(rest).ok()
    }

    /// The releases in it, which keep the bytes that it was read from.
    pub(super) fn releases(&self, bytes: &Bytes) -> Option<Releases> {
        let mut releases = Releases {
            records: bytes.slice_ref(self.records),
            ..Releases::default()
        };
        for text in &self.pythons {
            let value = crate::package::repair::specifiers(text)?.value;
            releases.pythons.push(((*text).to_owned(), value));
        }
        for (version, places) in &self.versions {
            let release = Release {
                places: places.clone(),
                files: OnceLock::new(),
            };
            let version = Version::from_str(version).ok()?;
            releases.all.insert(version, release);
        }
        Some(releases)
    }
}

fn sum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}
