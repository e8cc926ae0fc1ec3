//! `helper index files`: the files that the sources have of a project, or of one version.

use std::collections::BTreeMap;

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::found::{Found, search};
use super::rows::{self, Told, tell};
use super::{hidden, package_and_version};
use crate::cli::args_index::FilesArgs;
use crate::cli::lookups::{self, Desk, Ground, given};
use crate::cli::table::Cell;
use crate::cli::{Session, python};
use crate::index::source::Canonical;
use crate::package::Version;
use crate::package::environment::Environment;

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
    let mut desk = Desk::default();
    let ground = Ground::find(session, &mut desk, &given(&args.sources), &args.sources)?;
    let pin = args.source.clone().or_else(|| ground.pin(&project));
    let (python, all) = (args.python.clone(), args.all);
    let canonical = ground.sources.canonical();
    let work = async move |tools: lookups::Tools<Told<Row>>| {
        let lookups = ground.lookups(&tools);
        let told = async {
            let environment = python::environment(&python, &ground.around, ground.cache.as_deref());
            let (environment, warning) = environment.await?;
            let mut search = search(&lookups, &project, pin.as_deref(), all).await?;
            search.notes.extend(warning);
            let rows = rows(&search.found, version.as_ref(), &environment, &canonical);
            if let Some(version) = version.filter(|_| rows.is_empty()) {
                let message = format!("no source has {project} {version}");
                return Err(Failure::new(ErrorCode::NotFound, message)
                    .hint(format!("helper index versions {project} --all")));
            }
            Ok(Told {
                rows,
                notes: search.notes,
                project,
            })
        };
        tools.done(told.await);
        lookups.flush();
    };
    lookups::run(session, desk, work, |session, told| {
        tell(session, told, all, |project, files| Answer {
            project,
            files,
        })
    })
}

/// The newest version first; its files in the order of their pages.
fn rows(
    found: &[Found],
    wanted: Option<&Version>,
    environment: &Environment,
    canonical: &Canonical,
) -> Vec<Row> {
    let mut all: Vec<(&Version, &Found)> = found
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
            url: canonical
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
                .or_else(|| hidden::file(file, environment)),
        })
        .collect()
}
