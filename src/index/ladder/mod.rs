//! The metadata of a file, without the whole file where that can be.
//!
//! From the cheapest to the dearest: what stands beside the file (PEP 658), the parts of a wheel that
//! hold it, the wheel up to it, the `PKG-INFO` of a source archive where it binds (PEP 643), and a
//! build where the user allowed one. Nothing is unpacked, and nothing is written to disk but by a
//! build.
//!
//! - `asking`: what is needed of who makes requests, and the one that does
//! - `ranges`: parts of an archive; `stream`: an archive in order; `check`: digests
//! - `direct`: what a direct URL leads to; `git`: a commit; `tree`: a folder of sources

mod asking;
mod check;
mod direct;
mod git;
mod ranges;
mod stream;
#[cfg(test)]
mod test_server;
mod tree;

use std::collections::HashSet;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

pub use asking::{Body, Fetch, Got, Over};
pub use direct::direct;

use self::check::{Check, read_all};
use super::project::File;
use crate::domain::text::shown;
use crate::package::filename::{Filename, is_info, is_pkg_info};
use crate::package::metadata::{LARGEST, Metadata};
use crate::package::{PackageName, Version};

/// The most bytes of an archive that are read in order.
const STREAMED: u64 = 1024 * 1024 * 1024;
/// The most bytes of a source archive that a build is given.
const BUILT: usize = 128 * 1024 * 1024;

/// Where metadata came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// From beside the file (PEP 658).
    Beside,
    /// From parts of a wheel.
    Range,
    /// From a wheel that was read.
    Wheel,
    /// From a source archive, or a tree of sources.
    Sdist,
    /// From a build.
    Build,
}

impl Rung {
    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Beside => "pep658",
            Self::Range => "range",
            Self::Wheel => "wheel",
            Self::Sdist => "sdist",
            Self::Build => "build",
        }
    }
}

/// Metadata that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it says.
    pub metadata: Metadata,
    /// As it was written.
    pub raw: Vec<u8>,
    /// Where it came from.
    pub from: Rung,
}

/// What is answered later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes the metadata that only a build knows (PEP 517), where the user allowed it.
pub trait Build: Send + Sync {
    /// Of a source archive.
    fn archive<'a>(
        &'a self,
        filename: &'a str,
        bytes: Vec<u8>,
    ) -> Later<'a, Result<Vec<u8>, Failure>>;

    /// Of a folder of sources.
    fn tree<'a>(&'a self, folder: &'a Path) -> Later<'a, Result<Vec<u8>, Failure>>;
}

/// What servers cannot do, learned in this run: the same is not tried twice.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashSet<String>>);

impl Memory {
    fn origin(url: &Url) -> String {
        url.origin().ascii_serialization()
    }

    /// Whether an origin may be asked for parts of files.
    pub fn has_ranges(&self, url: &Url) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !known.contains(&Self::origin(url))
    }

    /// Notes that an origin sends no parts.
    pub fn no_ranges(&self, url: &Url) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(Self::origin(url));
    }
}

/// Where a file's metadata stands beside it: its path with an ending more (PEP 658).
pub fn beside(file: &Url) -> Url {
    let mut url = file.clone();
    url.set_path(&format!("{}.metadata", file.path()));
    url
}

/// The metadata of a file of a project.
///
/// # Errors
/// Where the file has none that can be read without a build, or could not be had.
pub async fn metadata<F: Fetch>(
    fetch: &F,
    memory: &Memory,
    project: &PackageName,
    file: &File,
    build: Option<&dyn Build>,
) -> Result<Found, Failure> {
    let asked = Asked {
        fetch,
        memory,
        project,
        file,
    };
    let version = file.name.version();
    if file.url.scheme() == "file" {
        return direct::on_disk(project, file, build).await;
    }
    if let Some(hashes) = &file.metadata {
        let check = Check::of(hashes);
        if let Some(raw) = asked.beside(check).await? {
            let read = match &file.name {
                Filename::Wheel(_) => Metadata::parse(&raw),
                Filename::Sdist(_) => Metadata::parse_static(&raw),
            };
            let metadata = read.and_then(|found| held_against(found, project, version));
            return match metadata {
                Ok(metadata) => Ok(Found {
                    metadata,
                    raw,
                    from: Rung::Beside,
                }),
                Err(why) => Err(asked.failed(&format!("the metadata beside it: {why}"))),
            };
        }
    }
    match &file.name {
        Filename::Wheel(_) => {
            let (raw, from) = asked.wheel().await?;
            let metadata = Metadata::parse(&raw);
            let metadata = metadata.and_then(|found| held_against(found, project, version));
            let metadata = metadata.map_err(|why| asked.failed(&why))?;
            Ok(Found {
                metadata,
                raw,
                from,
            })
        }
        Filename::Sdist(_) => asked.sdist(build).await,
    }
}

/// Holds metadata against the name of its file.
fn held_against(
    found: Metadata,
    project: &PackageName,
    version: &Version,
) -> Result<Metadata, String> {
    if found.name != *project || found.version != *version {
        return Err(format!(
            "its name and its metadata disagree: the metadata says {} {}",
            found.name, found.version
        ));
    }
    Ok(found)
}

/// One file, and who asks for it.
struct Asked<'a, F> {
    fetch: &'a F,
    memory: &'a Memory,
    project: &'a PackageName,
    file: &'a File,
}

impl<F: Fetch> Asked<'_, F> {
    /// The file cannot be used.
    fn failed(&self, why: &str) -> Failure {
        let (name, version) = (self.project, self.file.name.version());
        Failure::new(
            ErrorCode::Malformed,
            format!(
                "cannot read the metadata of {name} {version} in {} from the source {}: {why}",
                shown(&self.file.filename),
                shown(self.fetch.label())
            ),
        )
        .hint(format!(
            "leave this version out ({name}!={version}), or ask the source's owner"
        ))
    }

    /// The file says nothing certain before it is built.
    fn unbuilt(&self, why: &str) -> Failure {
        let (name, version) = (self.project, self.file.name.version());
        Failure::new(
            ErrorCode::Unavailable,
            format!(
                "cannot tell what {name} {version} requires: the source {} has no wheel of it that \
                 can be used, and {}: {why}",
                shown(self.fetch.label()),
                shown(&self.file.filename)
            ),
        )
        .hint("allow its build with --build-sdist, or choose a version that has wheels")
    }

    fn gone(&self, status: u16) -> Failure {
        self.failed(&format!(
            "the file is on its page, and the server answers {status}"
        ))
    }

    /// What stands beside it; `None` where nothing does after all, as on mirrors that keep the page
    /// and not the file.
    async fn beside(&self, check: Option<Check>) -> Result<Option<Vec<u8>>, Failure> {
        match self.fetch.get(&beside(&self.file.url), None).await? {
            Got::Served { body, .. } => {
                let read = read_all(body, LARGEST, check).await;
                let told = |why: String| self.failed(&format!("the metadata beside it: {why}"));
                read.map(Some).map_err(told)
            }
            Got::Absent(_) | Got::Refused(_) => Ok(None),
        }
    }

    async fn wheel(&self) -> Result<(Vec<u8>, Rung), Failure> {
        let (project, version) = (self.project.clone(), self.file.name.version().clone());
        let mut begun = None;
        if self.memory.has_ranges(&self.file.url) {
            match ranges::read(
                self.fetch,
                &self.file.url,
                self.file.size,
                &ranges::of_wheel(&project, &version),
            )
            .await?
            {
                ranges::Ranged::Found(raw) => return Ok((raw, Rung::Range)),
                ranges::Ranged::Broken(why) => return Err(self.failed(&why)),
                ranges::Ranged::Absent(status) => return Err(self.gone(status)),
                ranges::Ranged::Whole(body) => {
                    self.memory.no_ranges(&self.file.url);
                    begun = Some(body);
                }
                ranges::Ranged::No => self.memory.no_ranges(&self.file.url),
            }
        }
        let body = match begun {
            Some(body) => body,
            None => self.open().await?,
        };
        let wanted = move |path: &str| {
            let folder = path.strip_suffix("/METADATA").unwrap_or_default();
            !folder.contains('/') && is_info(folder, &project, &version)
        };
        let check = Check::of(&self.file.hashes);
        let read = stream::through(body, STREAMED, check, move |source| {
            crate::package::archive::flow::first(source, wanted, LARGEST as u64)
        });
        match read.await {
            Ok(Some(raw)) => Ok((raw, Rung::Wheel)),
            Ok(None) => Err(self.failed("it is no wheel: it has no .dist-info of its name")),
            Err(why) => Err(self.failed(&why)),
        }
    }

    /// Opens the whole file.
    async fn open(&self) -> Result<F::Body, Failure> {
        match self.fetch.get(&self.file.url, None).await? {
            Got::Served { body, .. } => Ok(body),
            Got::Absent(status) | Got::Refused(status) => Err(self.gone(status)),
        }
    }

    async fn sdist(&self, build: Option<&dyn Build>) -> Result<Found, Failure> {
        let version = self.file.name.version();
        let why = match self.pkg_info().await? {
            Ok(raw) => match Metadata::parse_static(&raw) {
                Ok(found) => {
                    let metadata = held_against(found, self.project, version);
                    let metadata = metadata.map_err(|why| self.failed(&why))?;
                    return Ok(Found {
                        metadata,
                        raw,
                        from: Rung::Sdist,
                    });
                }
                Err(why) => why,
            },
            Err(why) => why,
        };
        let Some(build) = build else {
            return Err(self.unbuilt(&why));
        };
        let body = self.open().await?;
        let bytes = read_all(body, BUILT, Check::of(&self.file.hashes)).await;
        let bytes = bytes.map_err(|why| self.failed(&why))?;
        let raw = build.archive(&self.file.filename, bytes).await?;
        let metadata = Metadata::parse(&raw);
        let metadata = metadata.and_then(|found| held_against(found, self.project, version));
        let metadata = metadata.map_err(|why| self.failed(&why))?;
        Ok(Found {
            metadata,
            raw,
            from: Rung::Build,
        })
    }

    /// The `PKG-INFO` of a source archive, or why there is none that could be read.
    async fn pkg_info(&self) -> Result<Result<Vec<u8>, String>, Failure> {
        let name = &self.file.filename;
        let none = || "it has no PKG-INFO".to_owned();
        if name.ends_with(".zip") {
            let mut begun = None;
            if self.memory.has_ranges(&self.file.url) {
                match ranges::read(
                    self.fetch,
                    &self.file.url,
                    self.file.size,
                    &ranges::of_sdist(),
                )
                .await?
                {
                    ranges::Ranged::Found(raw) => return Ok(Ok(raw)),
                    ranges::Ranged::Broken(why) => return Ok(Err(why)),
                    ranges::Ranged::Absent(status) => return Err(self.gone(status)),
                    ranges::Ranged::Whole(body) => begun = Some(body),
                    ranges::Ranged::No => {}
                }
                self.memory.no_ranges(&self.file.url);
            }
            let body = match begun {
                Some(body) => body,
                None => self.open().await?,
            };
            let check = Check::of(&self.file.hashes);
            let read = stream::through(body, STREAMED, check, |source| {
                crate::package::archive::flow::first(source, is_pkg_info, LARGEST as u64)
            });
            return Ok(read.await.and_then(|found| found.ok_or_else(none)));
        }
        if !name.ends_with(".tar.gz") && !name.ends_with(".tgz") {
            return Ok(Err("it is packed in a way that is not read here".to_owned()));
        }
        let check = Check::of(&self.file.hashes);
        let body = self.open().await?;
        let read = stream::through(body, STREAMED, check, |source| {
            crate::package::archive::tar::first(source, is_pkg_info, LARGEST as u64)
        });
        match read.await {
            Ok(found) => Ok(found.ok_or_else(none)),
            Err(why) => Err(self.failed(&why)),
        }
    }
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
