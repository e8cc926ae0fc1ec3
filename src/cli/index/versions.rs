//! `helper index versions`: the versions that the sources have, the newest first.

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::found::{Found, search};
use super::{hidden, package};
use crate::cli::args_index::VersionsArgs;
use crate::cli::lookups::{self, Desk, Ground, given};
use crate::cli::table::{Cell, table};
use crate::cli::{Session, python};
use crate::package::environment::Environment;
use crate::package::{PackageName, Version};

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

/// What there is, whatever of it is shown.
struct Told {
    project: PackageName,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// Prints the versions.
pub(super) fn run(session: &mut Session<'_>, args: &VersionsArgs) -> Result<u8, Failure> {
    let project = package(&args.package)?;
    let mut desk = Desk::default();
    let ground = Ground::find(session, &mut desk, &given(&args.sources), &args.sources)?;
    let pin = args.source.clone().or_else(|| ground.pin(&project));
    let (python, all) = (args.python.clone(), args.all);
    let work = async move |tools: lookups::Tools<Told>| {
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
        tell(session, told, all)
    })
}

fn tell(session: &mut Session<'_>, mut told: Told, all: bool) -> Result<u8, Failure> {
    for note in &told.notes {
        session.out.note(note);
    }
    let count = told.rows.len();
    if !all {
        told.rows.retain(|row| row.hidden.is_none());
    }
    if told.rows.is_empty() {
        let message = format!(
            "{} has {count} versions, and none of them can be chosen",
            told.project
        );
        let hint = format!("helper index versions {} --all says why", told.project);
        return Err(Failure::new(ErrorCode::NotFound, message).hint(hint));
    }
    if session.out.is_json() {
        session.out.object(&Answer {
            project: told.project.to_string(),
            versions: told.rows,
        })?;
        return Ok(0);
    }
    let mut headings = vec!["VERSION", "SOURCE", "FILES", "PYTHON", "UPLOADED"];
    if all {
        headings.push("HIDDEN");
    }
    let cells: Vec<Vec<Cell>> = told
        .rows
        .iter()
        .map(|row| {
            let day = row.uploaded.as_deref().and_then(|time| time.get(..10));
            let mut cells = vec![
                Cell::new(&row.version),
                Cell::new(&row.source),
                Cell::new(&row.files.to_string()),
                Cell::maybe(row.requires_python.as_deref()),
                Cell::maybe(day),
            ];
            if let Some(why) = &row.hidden {
                cells.push(Cell::new(why));
            }
            cells
        })
        .collect();
    let text = table(&headings, &cells, session.out.colours());
    session.out.text(&text)?;
    Ok(0)
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
