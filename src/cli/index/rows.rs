//! Rows of what was found: those that can be chosen, or all of them with why not.

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::found::{Found, search};
use crate::cli::args_index::ListOptions;
use crate::cli::lookups::{self, Desk, Ground, given};
use crate::cli::table::{Cell, table};
use crate::cli::{Session, python};
use crate::index::source::Canonical;
use crate::package::PackageName;
use crate::package::environment::Environment;

/// A row of an answer.
pub(super) trait Row {
    /// What the rows are: the command's name, too.
    const WHAT: &str;
    /// What stands above the columns.
    const HEADINGS: &[&str];

    /// Why it is not chosen from.
    fn hidden(&self) -> Option<&str>;

    /// Its columns.
    fn cells(&self) -> Vec<Cell>;
}

/// What there is, whatever of it is shown.
struct Told<R> {
    project: PackageName,
    rows: Vec<R>,
    notes: Vec<String>,
}

/// What rows are made of.
pub(super) struct Basis<'a> {
    pub(super) project: &'a PackageName,
    pub(super) found: &'a [Found],
    /// What may be chosen is chosen for.
    pub(super) environment: &'a Environment,
    /// Where the sources really have their files.
    pub(super) canonical: &'a Canonical,
}

/// Asks the sources for a project, and prints the rows of what they have as a table, or the object
/// that is made of them.
pub(super) fn list<R: Row + Send + 'static, A: Serialize>(
    session: &mut Session<'_>,
    project: PackageName,
    wanted: &ListOptions,
    rows: impl FnOnce(&Basis<'_>) -> Result<Vec<R>, Failure> + Send,
    object: impl FnOnce(String, Vec<R>) -> A,
) -> Result<u8, Failure> {
    let mut desk = Desk::default();
    let ground = Ground::find(session, &mut desk, &given(&wanted.sources), &wanted.sources)?;
    let pin = wanted.source.clone().or_else(|| ground.pin(&project));
    let (python, all) = (wanted.python.clone(), wanted.all);
    let canonical = ground.sources.canonical();
    let work = async move |tools: lookups::Tools<Told<R>>| {
        let lookups = ground.lookups(&tools);
        let told = async {
            let environment = python::environment(&python, &ground.around, ground.cache.as_deref());
            let (environment, warning) = environment.await?;
            let mut search = search(&lookups, &project, pin.as_deref(), all).await?;
            search.notes.extend(warning);
            let rows = rows(&Basis {
                project: &project,
                found: &search.found,
                environment: &environment,
                canonical: &canonical,
            })?;
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
        tell(session, told, all, object)
    })
}

fn tell<R: Row, A: Serialize>(
    session: &mut Session<'_>,
    mut told: Told<R>,
    all: bool,
    object: impl FnOnce(String, Vec<R>) -> A,
) -> Result<u8, Failure> {
    for note in &told.notes {
        session.out.note(note);
    }
    let (project, count, what) = (&told.project, told.rows.len(), R::WHAT);
    if !all {
        told.rows.retain(|row| row.hidden().is_none());
    }
    if told.rows.is_empty() {
        let message = format!("{project} has {count} {what}, and none of them can be chosen");
        let hint = format!("helper index {what} {project} --all says why");
        return Err(Failure::new(ErrorCode::NotFound, message).hint(hint));
    }
    if session.out.is_json() {
        session
            .out
            .object(&object(project.to_string(), told.rows))?;
        return Ok(0);
    }
    let mut headings = R::HEADINGS.to_vec();
    if all {
        headings.push("HIDDEN");
    }
    let cells = told.rows.iter().map(|row| {
        let mut cells = row.cells();
        cells.extend(row.hidden().map(Cell::new));
        cells
    });
    let cells: Vec<Vec<Cell>> = cells.collect();
    let text = table(&headings, &cells, session.out.colours());
    session.out.text(&text)?;
    Ok(0)
}
