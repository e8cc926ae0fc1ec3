//! `helper index versions`: the versions that the sources have, the newest first.

use credential_helper_protocol::Failure;
use serde::Serialize;

use super::found::{Found, search};
use super::rows::{self, Told, tell};
use super::{hidden, package};
use crate::cli::args_index::VersionsArgs;
use crate::cli::lookups::{self, Desk, Ground, given};
use crate::cli::table::Cell;
use crate::cli::{Session, python};
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
    let mut desk = Desk::default();
    let ground = Ground::find(session, &mut desk, &given(&args.sources), &args.sources)?;
    let pin = args.source.clone().or_else(|| ground.pin(&project));
    let (python, all) = (args.python.clone(), args.all);
    let work = async move |tools: lookups::Tools<Told<Row>>| {
        let lookups = ground.lookups(&tools);
        let told = async {
            let environment = python::environment(&python, &ground.around, ground.cache.as_deref());
            let (environment, warning) = environment.await?;
            let mut search = search(&lookups, &project, pin.as_deref(), all).await?;
            search.notes.extend(warning);
            Ok(Told {
                rows: rows(&search.found, &environment),
                notes: search.notes,
                project,
            })
        };
        tools.done(told.await);
        lookups.flush();
    };
    lookups::run(session, desk, work, |session, told| {
        tell(session, told, all, |project, versions| Answer {
            project,
            versions,
        })
    })
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
