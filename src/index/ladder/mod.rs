//! The metadata of a file, without the whole file where that can be.
//!
//! From the cheapest to the dearest: what stands beside the file (PEP 658), the parts of a wheel that
//! hold it, the wheel up to it, the `PKG-INFO` of a source archive where it binds (PEP 643), and a
//! build where the user allowed one. Nothing is unpacked, and nothing is written to disk but by a
//! build.
//!
//! - `asking`: what is needed of who makes requests, and the one that does
//! - `steps`: for one file of a source
//! - `ranges`: parts of an archive; `stream`: an archive in order; `check`: digests
//! - `direct`: what a direct URL leads to; `git`: a commit; `tree`: a folder of sources

mod asking;
mod check;
mod direct;
mod git;
mod ranges;
mod steps;
mod stream;
#[cfg(test)]
mod test_server;
mod tree;

use std::collections::HashSet;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use credential_helper_protocol::Failure;
use url::Url;

pub use asking::{Body, Fetch, Got, Over};
pub use direct::direct;

use self::check::Check;
use self::steps::{Asked, BUILT};
use super::project::File;
use crate::package::filename::Filename;
use crate::package::metadata::Metadata;
use crate::package::{PackageName, Version};

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

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
