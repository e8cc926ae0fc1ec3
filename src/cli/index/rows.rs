//! Rows of what was found: those that can be chosen, or all of them with why not.

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use crate::cli::Session;
use crate::cli::table::{Cell, table};
use crate::package::PackageName;

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
pub(super) struct Told<R> {
    pub(super) project: PackageName,
    pub(super) rows: Vec<R>,
    pub(super) notes: Vec<String>,
}

/// Prints the rows as a table, or the object that is made of them.
pub(super) fn tell<R: Row, A: Serialize>(
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
