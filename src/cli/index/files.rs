//! `helper index files`: the files that the sources have of a project, or of one version.

use std::collections::BTreeMap;

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::found::Found;
use super::rows::{self, Basis};
use super::{hidden, package_and_version};
use crate::cli::Session;
use crate::cli::args_index::FilesArgs;
use crate::cli::table::Cell;
use crate::package::Version;

#[derive(Serialize)]
struct Answer {
    project: String,
    files: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    filename: String,
    /// Where the index has it; unknown where a mirror does not let that be told.
    url: Option<String>,
    source: String,
    version: String,
    size: Option<u64>,
    hashes: BTreeMap<String, String>,
    requires_python: Option<String>,
    /// The reason, which may be empty.
    yanked: Option<String>,
    uploaded: Option<String>,
    /// Whether its metadata stand beside it.
    metadata: bool,
    hidden: Option<String>,
}

impl rows::Row for Row {
    const WHAT: &str = "files";
    const HEADINGS: &[&str] = &["FILE", "SOURCE", "SIZE", "SHA-256"];

    fn hidden(&self) -> Option<&str> {
        self.hidden.as_deref()
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(&self.filename),
            Cell::new(&self.source),
            Cell::maybe(self.size.map(|size| size.to_string()).as_deref()),
            Cell::maybe(self.hashes.get("sha256").map(String::as_str)),
        ]
    }
}

/// Prints the files.
pub(super) fn run(session: &mut Session<'_>, args: &FilesArgs) -> Result<u8, Failure> {
    let (project, version) = package_and_version(&args.package)?;
    let chosen = |basis: &Basis<'_>| {
        let rows = rows(basis, version.as_ref());
        match version {
            Some(version) if rows.is_empty() => {
                let project = basis.project;
                let message = format!("no source has {project} {version}");
                Err(Failure::new(ErrorCode::NotFound, message)
                    .hint(format!("helper index versions {project} --all")))
            }
            _ => Ok(rows),
        }
    };
    rows::list(session, project, &args.wanted, chosen, |project, files| {
        Answer { project, files }
    })
}

/// The newest version first; its files in the order of their pages.
fn rows(basis: &Basis<'_>, wanted: Option<&Version>) -> Vec<Row> {
    let mut all: Vec<(&Version, &Found)> = basis
        .found
        .iter()
        .flat_map(|one| {
            one.listing
                .project
                .versions()
                .map(move |version| (version, one))
        })
        .filter(|(version, _)| wanted.is_none_or(|wanted| wanted == *version))
        .collect();
    all.sort_by(|a, b| b.0.cmp(a.0));
    let files = all.into_iter().flat_map(|(version, one)| {
        one.listing
            .project
            .files(version)
            .iter()
            .map(move |file| (one, file))
    });
    files
        .map(|(one, file)| Row {
            filename: file.filename.clone(),
            url: basis
                .canonical
                .file(
                    &one.listing.index,
                    &file.url,
                    one.listing.project.name(),
                    &file.filename,
                    &file.name,
                )
                .map(Into::into),
            source: one.listing.source.to_string(),
            version: file.name.version().to_string(),
            size: file.size,
            hashes: file.hashes.clone(),
            requires_python: file.requires_python.as_ref().map(ToString::to_string),
            yanked: file.yanked.clone(),
            uploaded: file.uploaded.map(|time| time.to_string()),
            metadata: file.metadata.is_some(),
            hidden: one
                .hidden
                .clone()
                .or_else(|| hidden::file(file, basis.environment)),
        })
        .collect()
}
