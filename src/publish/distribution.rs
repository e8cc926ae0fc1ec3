//! One file, made ready for an upload: what it is, and whether it may be sent at all.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use super::attestation;
use super::digest::{self, Digests};
use super::filename::{Filename, Kind};
use super::metadata::Metadata;
use super::rules::{self, Finding};
use crate::domain::text::shown_path;
use crate::package::archive::zip::Zip;
use crate::package::archive::{tar, zip};
use crate::package::filename::{info, is_pkg_info};
use crate::package::metadata::LARGEST;
use crate::package::{PackageName, Version};

/// Metadata, in bytes.
const METADATA: u64 = LARGEST as u64;

/// A file that may be uploaded.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub filename: String,
    /// What its name says.
    pub name: Filename,
    /// Its metadata.
    pub metadata: Metadata,
    /// Its project, in normal form.
    pub project: String,
    /// Its version.
    pub version: Version,
    /// Its digests.
    pub digests: Digests,
    /// Its attestations as the form has them, where they are to be sent.
    pub attestations: Option<String>,
    /// What a public index would refuse, and what should be looked at.
    pub findings: Vec<Finding>,
}

/// What an archive holds, as far as the rules ask.
pub(super) struct Contents {
    /// The paths of its files.
    pub(super) files: Vec<String>,
    /// The folder in which the metadata is.
    pub(super) folder: String,
    metadata: Vec<u8>,
    /// The size of everything when unpacked.
    pub(super) unpacked: u64,
    /// What PyPI refuses in an archive.
    pub(super) framing: Vec<&'static str>,
}

impl Distribution {
    /// Reads a file. Nothing of it is unpacked.
    ///
    /// # Errors
    /// Why it must not be sent, in our own words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let filename = path.file_name().and_then(|name| name.to_str());
        let filename = filename.ok_or("its name is not UTF-8")?.to_owned();
        let name = Filename::parse(&filename)?;
        let file = open(path)?;
        let contents = match name.kind {
            Kind::Wheel => wheel(file, &name)?,
            Kind::Sdist if path.extension().is_some_and(|end| end == "zip") => sdist_zip(file)?,
            Kind::Sdist => sdist_tar(file)?,
        };
        let metadata = Metadata::parse(&contents.metadata)?;
        let project = metadata.one("name").unwrap_or_default();
        let name_of = PackageName::from_str(project)
            .map_err(|_| "the name in its metadata is none (PEP 508)")?;
        let written = metadata.one("version").unwrap_or_default();
        let version = Version::from_str(written)
            .map_err(|_| "the version in its metadata is none (PEP 440)")?;
        if !name.is_of(&name_of, &version) {
            return Err(format!(
                "its name and its metadata disagree: the metadata says {project} {written}"
            ));
        }
        let digests = digest::of(&open(path)?)
            .map_err(|error| format!("reading it failed ({})", error.kind()))?;
        let mut distribution = Self {
            path: path.to_owned(),
            filename,
            project: name_of.to_string(),
            version,
            digests,
            attestations: None,
            findings: Vec::new(),
            name,
            metadata,
        };
        distribution.findings = rules::findings(&distribution, &contents);
        Ok(distribution)
    }

    /// Adds the attestations that stand beside it.
    ///
    /// # Errors
    /// Where one is none, or of another file.
    pub fn attest(&mut self) -> Result<(), String> {
        self.attestations = attestation::beside(&self.path, &self.digests)?;
        Ok(())
    }

    /// What stops an upload, to a public index (`strict`) or to any.
    pub fn refused(&self, strict: bool) -> impl Iterator<Item = &str> {
        let stops = move |finding: &&Finding| finding.refused && strict;
        self.findings
            .iter()
            .filter(stops)
            .map(|finding| finding.message.as_str())
    }
}

/// What is wrong with several files together, by their names.
pub fn together(all: &[Distribution], strict: bool) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for (at, one) in all.iter().enumerate() {
        for earlier in &all[..at] {
            let told = if one.filename == earlier.filename {
                format!("it is given twice: {}", shown_path(&earlier.path))
            } else if one.project != earlier.project {
                continue;
            } else if one.version != earlier.version {
                format!(
                    "{} {} and {} would go up together: name the files of one version",
                    one.project, earlier.version, one.version
                )
            } else if strict && one.name.kind == Kind::Sdist && earlier.name.kind == Kind::Sdist {
                format!(
                    "{} is a source archive of the same version",
                    earlier.filename
                )
            } else {
                continue;
            };
            wrong.push((one.filename.clone(), told));
            break;
        }
    }
    wrong
}

/// Opens a regular file; anything else could wait for ever.
pub(super) fn open(path: &Path) -> Result<File, String> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => format!("opening it failed ({kind})"),
    };
    let meta = std::fs::metadata(path).map_err(failed)?;
    if !meta.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    File::open(path).map_err(failed)
}

fn wheel(file: File, name: &Filename) -> Result<Contents, String> {
    let mut zip = Zip::open(file)?;
    let (project, version) = name
        .own()
        .ok_or("the project in its name is none (PEP 508)")?;
    let paths = zip.entries.iter().map(|entry| entry.name.as_str());
    let folder = info(paths, &project, &version)?;
    let metadata = member(&mut zip, &format!("{folder}/METADATA"))?;
    Ok(of_zip(zip, folder, metadata))
}

fn sdist_zip(file: File) -> Result<Contents, String> {
    let mut zip = Zip::open(file)?;
    let all = zip.entries.iter().map(|entry| entry.name.as_str());
    let found: Vec<&str> = all.filter(|name| is_pkg_info(name)).collect();
    let [info] = found.as_slice() else {
        return Err("it is no source archive: it has no NAME-VERSION/PKG-INFO, or two".to_owned());
    };
    let info = (*info).to_owned();
    let metadata = member(&mut zip, &info)?;
    let folder = info.trim_end_matches("/PKG-INFO").to_owned();
    Ok(of_zip(zip, folder, metadata))
}

fn sdist_tar(file: File) -> Result<Contents, String> {
    let read = tar::read(file, is_pkg_info, METADATA)?;
    let info = read.files.iter().find(|name| is_pkg_info(name));
    let (Some(info), Some(metadata)) = (info, read.wanted) else {
        return Err("it is no source archive: it has no NAME-VERSION/PKG-INFO".to_owned());
    };
    Ok(Contents {
        folder: info.trim_end_matches("/PKG-INFO").to_owned(),
        files: read.files,
        metadata,
        unpacked: read.unpacked,
        framing: if read.sparse {
            vec!["a sparse file"]
        } else {
            Vec::new()
        },
    })
}

fn of_zip(zip: Zip, folder: String, metadata: Vec<u8>) -> Contents {
    let described = zip.entries.iter().any(zip::Entry::has_descriptor);
    Contents {
        folder,
        metadata,
        unpacked: zip.entries.iter().map(|entry| entry.size).sum(),
        framing: if described {
            vec!["data descriptors"]
        } else {
            Vec::new()
        },
        files: zip.entries.into_iter().map(|entry| entry.name).collect(),
    }
}

fn member(zip: &mut Zip, name: &str) -> Result<Vec<u8>, String> {
    let entry = zip.entries.iter().find(|entry| entry.name == name).cloned();
    let entry = entry.ok_or_else(|| format!("it has no {name}"))?;
    zip.read(&entry, METADATA)
}

#[cfg(test)]
#[path = "distribution_tests.rs"]
mod tests;
