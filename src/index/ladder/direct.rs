//! What a direct URL leads to: a wheel or a source archive, a folder, a commit.

use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

use super::check::Check;
use super::git::{Commit, Place};
use super::tree::{self, Folder, Tree};
use super::{Build, Fetch, Found, Memory, Rung, metadata};
use crate::domain::text::shown;
use crate::index::project::{File, Hashes};
use crate::package::archive::{flow, tar, zip::Zip};
use crate::package::filename::{Filename, Packing, info, is_pkg_info, packing};
use crate::package::metadata::{LARGEST, Metadata};
use crate::package::{PackageName, Version};

/// The metadata of what a direct URL leads to (PEP 440, "Direct references").
///
/// # Errors
/// As with a file of a source.
pub async fn direct<F: Fetch>(
    fetch: &F,
    memory: &Memory,
    project: &PackageName,
    url: &Url,
    build: Option<&dyn Build>,
) -> Result<Found, Failure> {
    let failed = |why: &str| failed(project, url, why);
    if let Some(place) = Place::of(url) {
        let place = place.map_err(|why| failed(&why))?;
        let commit = Commit::fetch(&place).await.map_err(|why| failed(&why))?;
        let why = match of_tree(&commit, project) {
            Ok(found) => return Ok(found),
            Err(why) => why,
        };
        let Some(build) = build else {
            return Err(unbuilt(project, url, &why));
        };
        let folder = commit.checked_out().await.map_err(|why| failed(&why))?;
        return built(project, url, build.tree(&folder).await?);
    }
    match url.scheme() {
        "file" => {
            let path = url.to_file_path().map_err(|()| failed("it is no path"))?;
            local(project, url, &path, build).await
        }
        "http" | "https" => {
            let file = file(project, url).map_err(|why| failed(&why))?;
            metadata(fetch, memory, project, &file, build).await
        }
        _ => Err(failed("it is neither of http nor of git, nor a path")),
    }
}

/// The file that a URL names; its digest may stand in the fragment.
fn file(project: &PackageName, url: &Url) -> Result<File, String> {
    let last = url
        .path_segments()
        .and_then(Iterator::last)
        .unwrap_or_default();
    let filename = crate::index::page::decoded(last).into_owned();
    let name = Filename::parse(&filename, project)?;
    let mut hashes = Hashes::new();
    let fragment = url.fragment().unwrap_or_default().split('&');
    for (algorithm, digest) in fragment.filter_map(|part| part.split_once('=')) {
        if matches!(algorithm, "sha256" | "sha384" | "sha512") {
            hashes.insert(algorithm.to_owned(), digest.to_ascii_lowercase());
        }
    }
    let mut url = url.clone();
    url.set_fragment(None);
    Ok(File {
        filename,
        name,
        url,
        hashes,
        size: None,
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: None,
        provenance: None,
    })
}

/// A URL without what may be secret in it.
fn plain(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    shown(url.as_str())
}

fn failed(project: &PackageName, url: &Url, why: &str) -> Failure {
    let message = format!(
        "cannot read the metadata of {project} at {}: {why}",
        plain(url)
    );
    Failure::new(ErrorCode::Malformed, message).hint("check the URL of the requirement")
}

fn unbuilt(project: &PackageName, url: &Url, why: &str) -> Failure {
    let message = format!(
        "cannot tell what {project} at {} requires: {why}",
        plain(url)
    );
    Failure::new(ErrorCode::Unavailable, message).hint("allow its build with --build-sdist")
}

fn named(found: Metadata, project: &PackageName) -> Result<Metadata, String> {
    if found.name != *project {
        return Err(format!("its metadata is that of {}", found.name));
    }
    Ok(found)
}

fn of_tree(tree: &impl Tree, project: &PackageName) -> Result<Found, String> {
    let (found, raw) = tree::metadata(tree)?;
    let metadata = named(found, project)?;
    Ok(Found {
        metadata,
        raw,
        from: Rung::Sdist,
    })
}

fn built(project: &PackageName, url: &Url, raw: Vec<u8>) -> Result<Found, Failure> {
    let metadata = Metadata::parse(&raw).and_then(|found| named(found, project));
    let metadata = metadata.map_err(|why| failed(project, url, &why))?;
    Ok(Found {
        metadata,
        raw,
        from: Rung::Build,
    })
}

/// A file or folder on disk.
async fn local(
    project: &PackageName,
    url: &Url,
    path: &Path,
    build: Option<&dyn Build>,
) -> Result<Found, Failure> {
    let failed = |why: &str| failed(project, url, why);
    if path.is_dir() {
        let why = match of_tree(&Folder(path), project) {
            Ok(found) => return Ok(found),
            Err(why) => why,
        };
        return match build {
            Some(build) => built(project, url, build.tree(path).await?),
            None => Err(unbuilt(project, url, &why)),
        };
    }
    let file = file(project, url).map_err(|why| failed(&why))?;
    on_disk(project, &file, build).await
}

/// The metadata of a wheel or source archive on disk.
pub(super) async fn on_disk(
    project: &PackageName,
    file: &File,
    build: Option<&dyn Build>,
) -> Result<Found, Failure> {
    let url = &file.url;
    let failed = |why: &str| failed(project, url, why);
    let path = &url.to_file_path().map_err(|()| failed("it is no path"))?;
    let opened = open(path).map_err(|why| failed(&why))?;
    if let Some(check) = Check::of(&file.hashes) {
        checked(path, check).map_err(|why| failed(&why))?;
    }
    let version = file.name.version();
    match &file.name {
        Filename::Wheel(_) => {
            let raw = wheel(opened, project, version).map_err(|why| failed(&why))?;
            let metadata = Metadata::parse(&raw);
            let metadata = metadata.and_then(|found| super::held_against(found, project, version));
            let metadata = metadata.map_err(|why| failed(&why))?;
            Ok(Found {
                metadata,
                raw,
                from: Rung::Wheel,
            })
        }
        Filename::Sdist(_) => {
            let limit = LARGEST as u64;
            let read = match packing(&file.filename) {
                Packing::Zip => flow::first(opened, is_pkg_info, limit),
                Packing::Gzip => tar::first(opened, is_pkg_info, limit),
                Packing::Other => Err("it is packed in a way that is not read here".to_owned()),
            };
            let raw = read.and_then(|found| found.ok_or_else(|| "it has no PKG-INFO".to_owned()));
            let why = match raw.and_then(|raw| Ok((Metadata::parse_static(&raw)?, raw))) {
                Ok((found, raw)) => {
                    let metadata = super::held_against(found, project, version);
                    let metadata = metadata.map_err(|why| failed(&why))?;
                    return Ok(Found {
                        metadata,
                        raw,
                        from: Rung::Sdist,
                    });
                }
                Err(why) => why,
            };
            let Some(build) = build else {
                return Err(unbuilt(project, url, &why));
            };
            let bytes = whole(path).map_err(|why| failed(&why))?;
            built(project, url, build.archive(&file.filename, bytes).await?)
        }
    }
}

fn open(path: &Path) -> Result<std::fs::File, String> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => {}
        Ok(_) => return Err("it is not a regular file".to_owned()),
        Err(_) => return Err("there is no such file".to_owned()),
    }
    std::fs::File::open(path).map_err(|error| format!("opening it failed ({})", error.kind()))
}

fn wheel(file: std::fs::File, project: &PackageName, version: &Version) -> Result<Vec<u8>, String> {
    let mut zip = Zip::open(file)?;
    let paths = zip.entries.iter().map(|entry| &*entry.name);
    let path = format!("{}/METADATA", info(paths, project, version)?);
    let entry = zip.entries.iter().find(|entry| entry.name == path).cloned();
    let entry = entry.ok_or_else(|| format!("it has no {path}"))?;
    zip.read(&entry, LARGEST as u64)
}

fn checked(path: &Path, mut check: Check) -> Result<(), String> {
    use std::io::Read as _;
    let mut file = open(path)?;
    let mut piece = vec![0; 128 * 1024];
    loop {
        let count = file.read(&mut piece);
        match count.map_err(|error| format!("reading it failed ({})", error.kind()))? {
            0 => return check.holds(),
            count => check.update(&piece[..count]),
        }
    }
}

fn whole(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = open(path)?
        .take(super::BUILT as u64 + 1)
        .read_to_end(&mut bytes);
    read.map_err(|error| format!("reading it failed ({})", error.kind()))?;
    if bytes.len() > super::BUILT {
        return Err(format!("it has more than {} MiB", super::BUILT >> 20));
    }
    Ok(bytes)
}
