//! `helper index versions`: the versions that the sources have, the newest first.

use credential_helper_protocol::Failure;
use serde::Serialize;

use super::found::Found;
use super::{hidden, package, rows};
use crate::cli::Session;
use crate::cli::args_index::VersionsArgs;
use crate::cli::table::Cell;
use crate::package::Version;
use crate::package::environment::Environment;

#[derive(Serialize)]
struct Answer {
    project: String,
    versions: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    version: String,
    source: String,
    files: usize,
    requires_python: Option<String>,
    /// The reason, which may be empty.
    yanked: Option<String>,
    uploaded: Option<String>,
    hidden: Option<String>,
}

impl rows::Row for Row {
    const WHAT: &str = "versions";
    const HEADINGS: &[&str] = &["VERSION", "SOURCE", "FILES", "PYTHON", "UPLOADED"];

    fn hidden(&self) -> Option<&str> {
        self.hidden.as_deref()
    }

    fn cells(&self) -> Vec<Cell> {
        let day = self.uploaded.as_deref().and_then(|time| time.get(..10));
        vec![
            Cell::new(&self.version),
            Cell::new(&self.source),
            Cell::new(&self.files.to_string()),
            Cell::maybe(self.requires_python.as_deref()),
            Cell::maybe(day),
        ]
    }
}

/// Prints the versions.
pub(super) fn run(session: &mut Session<'_>, args: &VersionsArgs) -> Result<u8, Failure> {
    let project = package(&args.package)?;
    rows::list(
        session,
        project,
        &args.wanted,
        |basis| Ok(rows(basis.found, basis.environment)),
        |project, versions| Answer { project, versions },
    )
}

/// The newest first; of one version, the sources in their order.
fn rows(found: &[Found], environment: &Environment) -> Vec<Row> {
    let mut all: Vec<(&Version, &Found)> = found
        .iter()
        .flat_map(|one| {
            one.listing
                .project
                .versions()
                .map(move |version| (version, one))
        })
        .collect();
    all.sort_by(|a, b| b.0.cmp(a.0));
    let rows = all.into_iter().map(|(version, one)| {
        let files = one.listing.project.files(version);
        let range = files.iter().find_map(|file| file.requires_python.as_ref());
        // A version is yanked when all of its files are (PEP 592).
        let yanked: Option<Vec<&String>> = files.iter().map(|file| file.yanked.as_ref()).collect();
        Row {
            version: version.to_string(),
            source: one.listing.source.to_string(),
            files: files.len(),
            requires_python: range.map(ToString::to_string),
            yanked: yanked.and_then(|reasons| reasons.first().map(|reason| (*reason).clone())),
            uploaded: files
                .iter()
                .filter_map(|file| file.uploaded)
                .min()
                .map(|time| time.to_string()),
            hidden: one
                .hidden
                .clone()
                .or_else(|| hidden::version(files, environment)),
        }
    });
    rows.collect()
}
