//! One file as a page tells of it, checked and packed.

use std::borrow::Cow;

use url::Url;

use super::{DOUBTS, FILES, URL, VERSIONS, time};
use crate::domain::text::shown;
use crate::index::hex::unhex;
use crate::index::packed::{Digests, Packer, Record};
use crate::index::project::Project;
use crate::package::PackageName;
use crate::package::filename::{Parts, Wrong};

/// Digests as a page has them: nearly always one.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs<'a> {
    sha256: Option<Cow<'a, str>>,
    others: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// No file has more digests.
const DIGESTS: usize = 16;

impl<'a> Pairs<'a> {
    /// Adds one; names and digests are in lower case (PEP 691), on most pages.
    pub(super) fn add(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        if name == "sha256" {
            self.sha256 = Some(value);
        } else if name.eq_ignore_ascii_case("sha256") {
            self.sha256.get_or_insert(value);
        } else if self.others.len() < DIGESTS {
            let lower = |text: Cow<'a, str>| {
                let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
                if is_lower {
                    text
                } else {
                    Cow::Owned(text.to_ascii_lowercase())
                }
            };
            self.others.push((lower(name), lower(value)));
        }
    }

    fn owned(self) -> Pairs<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let others = self.others.into_iter();
        Pairs {
            sha256: self.sha256.map(own),
            others: others
                .map(|(name, value)| (own(name), own(value)))
                .collect(),
        }
    }
}

/// A file as a page tells of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed<'a> {
    pub(super) filename: Cow<'a, str>,
    /// As written; relative to the page's base.
    pub(super) url: Cow<'a, str>,
    pub(super) hashes: Pairs<'a>,
    pub(super) size: Option<u64>,
    pub(super) requires_python: Option<Cow<'a, str>>,
    pub(super) yanked: Option<Cow<'a, str>>,
    pub(super) uploaded: Option<Cow<'a, str>>,
    pub(super) metadata: Option<Pairs<'a>>,
    pub(super) provenance: Option<Cow<'a, str>>,
}

impl Listed<'_> {
    /// The same, borrowing nothing.
    pub(super) fn owned(self) -> Listed<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Listed {
            filename: own(self.filename),
            url: own(self.url),
            hashes: self.hashes.owned(),
            size: self.size,
            requires_python: self.requires_python.map(own),
            yanked: self.yanked.map(own),
            uploaded: self.uploaded.map(own),
            metadata: self.metadata.map(Pairs::owned),
            provenance: self.provenance.map(own),
        }
    }
}

/// What the files of a page go into.
pub(super) trait Sink {
    /// Adds a file.
    fn add(&mut self, file: Listed<'_>);
    /// Counts a file that cannot be read, and notes why.
    fn add_bad(&mut self, filename: &str, why: &str);
    /// Why no more can be added.
    fn full(&self) -> Option<String>;
    /// Whether no file came.
    fn is_empty(&self) -> bool;
    /// Sets what relative URLs are relative to.
    fn rebase(&mut self, base: &Url);
}

/// Why there are no more files.
pub(super) fn too_many() -> String {
    format!("its page has more than {FILES} files")
}

/// Algorithms that Python's hashlib always has, and how long their digests are in hex.
const LENGTHS: [(&str, usize); 9] = [
    ("sha256", 64),
    ("md5", 32),
    ("sha1", 40),
    ("sha224", 56),
    ("sha384", 96),
    ("sha512", 128),
    ("sha3_256", 64),
    ("sha3_512", 128),
    ("blake2b", 128),
];

/// Whether a word names a digest, so that a fragment is one (PEP 503) and not `#egg=...`.
pub(super) fn is_algorithm(name: &str) -> bool {
    LENGTHS
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// Makes a project of the files of a page.
pub(super) struct Files<'p> {
    project: &'p PackageName,
    urls: Urls<'p>,
    packer: Packer,
    count: usize,
    doubts: Vec<String>,
    untold: usize,
}

impl Sink for Files<'_> {
    /// What is no distribution at all (`.exe`, `.egg`) is left out without a word, as all installers
    /// do; what is one of another project is not.
    fn add(&mut self, file: Listed<'_>) {
        self.count += 1;
        match self.pack(&file) {
            Ok(()) | Err(Wrong::Kind) => {}
            Err(Wrong::Other) => self.doubt(&file.filename, &Wrong::Other.words()),
            Err(Wrong::Broken(why)) => self.doubt(&file.filename, why),
        }
    }

    fn add_bad(&mut self, filename: &str, why: &str) {
        self.count += 1;
        self.doubt(filename, why);
    }

    fn full(&self) -> Option<String> {
        if self.packer.versions() > VERSIONS {
            return Some(format!("its page has more than {VERSIONS} versions"));
        }
        (self.count > FILES).then(too_many)
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn rebase(&mut self, base: &Url) {
        self.urls = Urls {
            base: Cow::Owned(base.clone()),
            start: String::new(),
        };
    }
}

impl<'p> Files<'p> {
    /// None yet; room for those of a page of so many bytes.
    pub(super) fn with_room(project: &'p PackageName, base: &'p Url, page: usize) -> Self {
        // What is kept of one is about a quarter of what is written.
        let packer = Packer::with_room(page / 4);
        Self {
            packer,
            ..Self::new(project, base)
        }
    }

    /// None yet.
    pub(super) fn new(project: &'p PackageName, base: &'p Url) -> Self {
        Self {
            project,
            urls: Urls {
                base: Cow::Borrowed(base),
                start: String::new(),
            },
            packer: Packer::new(),
            count: 0,
            doubts: Vec::new(),
            untold: 0,
        }
    }

    /// Adds a file of a page that has those of all projects: others are not ours to judge.
    pub(super) fn add_of_many(&mut self, file: &Listed<'_>) {
        match self.pack(file) {
            Ok(()) | Err(Wrong::Kind | Wrong::Other) => {}
            Err(Wrong::Broken(why)) => self.doubt(&file.filename, why),
        }
    }

    fn doubt(&mut self, filename: &str, why: &str) {
        if self.doubts.len() == DOUBTS {
            self.untold += 1;
            return;
        }
        let name: String = shown(filename).chars().take(100).collect();
        self.doubts.push(format!("{name}: {why}"));
    }

    fn pack(&mut self, file: &Listed<'_>) -> Result<(), Wrong> {
        let name = &*file.filename;
        let parts = Parts::of(name, self.project)?;
        let version = self.packer.version(&parts);
        let version = version.ok_or(Wrong::Broken("the version in its name is none (PEP 440)"))?;
        let url = self.urls.whole(&file.url).map_err(Wrong::Broken)?;
        let (mut own, mut of_metadata) = ([0; 32], [0; 32]);
        let hashes =
            digests(&file.hashes, &mut own).ok_or(Wrong::Broken("one of its digests is none"))?;
        let metadata = match &file.metadata {
            Some(pairs) => Some(
                digests(pairs, &mut of_metadata)
                    .ok_or(Wrong::Broken("a digest of its metadata is none"))?,
            ),
            None => None,
        };
        let requires_python = match &file.requires_python {
            None => 0,
            Some(text) => self.packer.python(text).unwrap_or_else(|()| {
                let text: String = shown(text).chars().take(100).collect();
                self.doubt(
                    name,
                    &format!("its Requires-Python \"{text}\" is none (PEP 440)"),
                );
                0
            }),
        };
        let provenance = file.provenance.as_deref();
        let provenance = provenance.and_then(|url| self.urls.whole(url).ok());
        let before = url.strip_suffix(name);
        let record = Record {
            filename: name,
            url: before.unwrap_or(&url),
            name_follows: before.is_some(),
            hashes,
            size: file.size,
            requires_python,
            yanked: file.yanked.as_deref(),
            uploaded: file.uploaded.as_deref().and_then(time::read),
            metadata,
            provenance: provenance.as_deref(),
        };
        let full = Wrong::Broken("there is no more room for the files of its project");
        self.packer.add(version, &record).ok_or(full)
    }

    /// The project.
    pub(super) fn finish(self) -> Project {
        let mut project = Project::packed(self.project.clone(), self.packer.finish());
        project.doubts = self.doubts;
        if self.untold > 0 {
            project.doubts.push(format!("and {} more", self.untold));
        }
        project
    }
}

/// Digests, held against what their algorithms give; unknown algorithms need only be hex.
fn digests<'a>(pairs: &'a Pairs<'_>, sha256: &'a mut [u8; 32]) -> Option<Digests<'a>> {
    let mut found = Digests::default();
    for (name, value) in &pairs.others {
        let known = LENGTHS.iter().find(|(known, _)| known == name);
        let is_hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
        match known {
            Some((_, length)) if !is_hex || value.len() != *length => return None,
            None if !is_hex || value.is_empty() || name.len() > 32 || value.len() > 256 => {}
            _ => found.others.push((name, value)),
        }
    }
    if let Some(value) = &pairs.sha256 {
        *sha256 = unhex(value)?;
        found.sha256 = sha256;
    }
    Some(found)
}

/// The URLs of a page.
struct Urls<'p> {
    base: Cow<'p, Url>,
    /// `https://host/` of the last URL: what has the same start and nothing odd needs no parsing.
    start: String,
}

impl Urls<'_> {
    /// A URL, absolute, without userinfo and fragment.
    fn whole<'u>(&mut self, text: &'u str) -> Result<Cow<'u, str>, &'static str> {
        if text.len() > URL {
            return Err("its URL is too long");
        }
        let text = text.trim();
        let plain = |rest: &str| {
            // A path is never refused, and read again when the file is asked for. Every byte is
            // looked at, several at once.
            let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'#' | b'\\');
            !rest.bytes().fold(false, |any, byte| any | odd(byte))
        };
        if !self.start.is_empty()
            && let Some(rest) = text.strip_prefix(&self.start)
            && plain(rest)
        {
            return Ok(Cow::Borrowed(text));
        }
        let mut url = self.base.join(text).map_err(|_| "its URL is none")?;
        match url.scheme() {
            "http" | "https" if url.host().is_some() => {}
            // A page of a server must not lead to files of this machine.
            "file" if self.base.scheme() == "file" => {}
            _ => return Err("its URL is none that can be asked"),
        }
        url.set_fragment(None);
        // No error for URLs with a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let origin = url.origin();
        if origin.is_tuple() {
            let start = format!("{}/", origin.ascii_serialization());
            if url.as_str().starts_with(&start) {
                self.start = start;
            }
        }
        Ok(Cow::Owned(url.into()))
    }
}
