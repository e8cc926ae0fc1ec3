//! The applier: looks whether changes are needed, makes them, takes them back.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use super::change::{Change, Edit, Made};
use super::record::{Entry, Record};
use super::text::{Put, Take, json};
use super::{Plan, git, links, package};
use crate::domain::text::shown;
use crate::edit::{Mode, edit_text};

/// What becomes of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is so already.
    Already,
    /// It has to be made, with this around it.
    Needed(Made),
    /// Something else is there, which is not ours to change.
    Taken(String),
}

/// What became of an undone change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It was taken back.
    Taken,
    /// It was gone before.
    Gone,
    /// It was changed by somebody, and stays.
    Left,
    /// Another tool needs it, and it stays.
    Needed,
}

/// What each change of a plan needs.
///
/// # Errors
/// `policy` where the user has decided otherwise; where something cannot be read. Nothing was
/// changed.
pub async fn look(plan: &Plan) -> Result<Vec<Look>, Failure> {
    let mut all = Vec::new();
    for change in &plan.changes {
        let look = look_at(change).await?;
        if let Look::Taken(what) = &look {
            let message = format!(
                "{} has {} already: nothing was changed",
                shown(&change.place()),
                shown(what)
            );
            return Err(Failure::new(ErrorCode::Policy, message)
                .hint("if the helper should take its place, remove that by hand first"));
        }
        all.push(look);
    }
    Ok(all)
}

/// Makes what is needed, and records it.
///
/// # Errors
/// Where a change cannot be made; those before it were.
pub async fn make(plan: &Plan, looks: &[Look], record: &Record) -> Result<(), Failure> {
    for (change, look) in plan.changes.iter().zip(looks) {
        let (tool, wanted) = (plan.tool.clone(), change.clone());
        let needed = match look {
            Look::Needed(made) => Some(made.clone()),
            _ => None,
        };
        let made = needed.clone();
        record
            .update(move |entries| note(entries, &tool, &wanted, made.as_ref()))
            .await?;
        if needed.is_some() {
            make_one(change).await?;
        }
    }
    Ok(())
}

/// Notes that a tool needs a change; what was there before us is not noted.
fn note(entries: &mut Vec<Entry>, tool: &str, change: &Change, made: Option<&Made>) {
    let old = entries.iter().position(|one| one.change.replaces(change));
    match (old, made) {
        (Some(at), made) => {
            let entry = &mut entries[at];
            entry.change = change.clone();
            if let Some(made) = made {
                // Folders that we made once are still ours.
                let folders = entry.made.folders.max(made.folders);
                entry.made = Made {
                    folders,
                    ..made.clone()
                };
            }
            if !entry.tools.iter().any(|other| other == tool) {
                entry.tools.push(tool.to_owned());
            }
        }
        (None, Some(made)) => entries.push(Entry {
            tools: vec![tool.to_owned()],
            change: change.clone(),
            made: made.clone(),
        }),
        (None, None) => {}
    }
}

/// What undoing a tool would do, in the order in which it does.
///
/// # Errors
/// Where the record cannot be read.
pub async fn to_undo(tool: &str, record: &Record) -> Result<Vec<Entry>, Failure> {
    let mut entries = record.entries().await?;
    entries.retain(|entry| entry.tools.iter().any(|other| other == tool));
    entries.reverse();
    Ok(entries)
}

/// Takes a recorded change back, unless another tool needs it.
///
/// # Errors
/// Where it cannot be taken back; it stays recorded.
pub async fn undo(tool: &str, entry: &Entry, record: &Record) -> Result<Undone, Failure> {
    let undone = if entry.tools.len() > 1 {
        Undone::Needed
    } else {
        let undone = take_one(&entry.change, &entry.made).await?;
        if undone == Undone::Taken {
            remove_folders(&entry.change, entry.made.folders);
        }
        undone
    };
    let (tool, change) = (tool.to_owned(), entry.change.clone());
    record
        .update(move |entries| {
            for entry in entries.iter_mut().filter(|one| one.change == change) {
                entry.tools.retain(|other| *other != tool);
            }
            entries.retain(|entry| !entry.tools.is_empty());
        })
        .await?;
    Ok(undone)
}

async fn look_at(change: &Change) -> Result<Look, Failure> {
    match change {
        Change::File { path, edit, .. } => look_in_file(path, edit).await,
        Change::Link { path, target } => links::look(path, target),
        Change::Git { helper } => git::look(helper).await,
        Change::Package { folder, .. } => package::look(folder),
    }
}

async fn make_one(change: &Change) -> Result<(), Failure> {
    match change {
        Change::File {
            path,
            edit,
            private,
        } => put_in_file(path, edit, *private).await,
        Change::Link { path, target } => links::make(path, target),
        Change::Git { helper } => git::make(helper).await,
        Change::Package { folder, .. } => package::make(folder),
    }
}

async fn take_one(change: &Change, made: &Made) -> Result<Undone, Failure> {
    match change {
        Change::File { path, edit, .. } => take_from_file(path, edit, made).await,
        Change::Link { path, target } => links::take(path, target),
        Change::Git { helper } => git::take(helper, made).await,
        Change::Package { folder, .. } => package::take(folder),
    }
}

/// The text with an end to its last line, and whether that was missing.
fn ended(text: &str) -> (String, bool) {
    let missing = !text.is_empty() && !text.ends_with('\n');
    let end = if missing { "\n" } else { "" };
    (format!("{text}{end}"), missing)
}

/// JSON has no lines.
fn has_lines(edit: &Edit) -> bool {
    !matches!(edit, Edit::Json { .. })
}

fn put(edit: &Edit, text: &str) -> Result<Put, Failure> {
    let (whole, missing) = if has_lines(edit) {
        ended(text)
    } else {
        (text.to_owned(), false)
    };
    Ok(match edit.put(&whole)? {
        Put::New(new, made) => Put::New(
            new,
            Made {
                line_end: missing,
                ..made
            },
        ),
        other => other,
    })
}

async fn look_in_file(path: &Path, edit: &Edit) -> Result<Look, Failure> {
    let file = std::fs::symlink_metadata(path).is_err();
    let folders = missing_folders(path);
    let edit = edit.clone();
    let look = move |text: &str| {
        let look = match put(&edit, text)? {
            Put::Already => Look::Already,
            Put::Taken(what) => Look::Taken(what),
            Put::New(_, made) => Look::Needed(Made {
                file,
                folders,
                ..made
            }),
        };
        Ok((look, Zeroizing::new(text.to_owned())))
    };
    edit_text(path, Mode::Shared, look)
        .await
        .map(|(look, _)| look)
}

async fn put_in_file(path: &Path, edit: &Edit, private: bool) -> Result<(), Failure> {
    let edit = edit.clone();
    let change = move |text: &str| {
        let new = match put(&edit, text)? {
            Put::New(new, _) => new,
            Put::Already => text.to_owned(),
            Put::Taken(_) => {
                let why = "it was changed at the same moment";
                return Err(Failure::new(ErrorCode::Unavailable, why).hint("try again"));
            }
        };
        Ok(((), Zeroizing::new(new)))
    };
    let mode = if private { Mode::Private } else { Mode::Shared };
    edit_text(path, mode, change).await.map(|_| ())
}

async fn take_from_file(path: &Path, edit: &Edit, made: &Made) -> Result<Undone, Failure> {
    if std::fs::metadata(path).is_err() {
        return Ok(Undone::Gone);
    }
    let (own, around) = (edit.clone(), made.clone());
    let change = move |text: &str| {
        let (whole, _) = if has_lines(&own) {
            ended(text)
        } else {
            (text.to_owned(), false)
        };
        Ok(match own.take(&whole, &around)? {
            Take::Gone => ((Undone::Gone, false), Zeroizing::new(text.to_owned())),
            Take::Changed => ((Undone::Left, false), Zeroizing::new(text.to_owned())),
            Take::New(mut new) => {
                if around.line_end && new.ends_with('\n') {
                    new.pop();
                }
                let empty = new.is_empty() || (!has_lines(&own) && json::is_empty(&new));
                ((Undone::Taken, empty), Zeroizing::new(new))
            }
        })
    };
    let ((undone, empty), _) = edit_text(path, Mode::Shared, change).await?;
    if undone == Undone::Taken && empty && made.file {
        std::fs::remove_file(path).map_err(|error| {
            Failure::new(
                ErrorCode::Unavailable,
                format!("cannot remove {}: {}", path.display(), error.kind()),
            )
        })?;
    }
    Ok(undone)
}

/// How many folders above a path are not there yet.
pub(super) fn missing_folders(path: &Path) -> usize {
    let above = path.ancestors().skip(1);
    above
        .take_while(|folder| std::fs::symlink_metadata(folder).is_err())
        .count()
}

/// Removes the folders that were made for a change, as long as nothing is in them.
fn remove_folders(change: &Change, count: usize) {
    let path: &PathBuf = match change {
        Change::File { path, .. } | Change::Link { path, .. } => path,
        Change::Git { .. } | Change::Package { .. } => return,
    };
    for folder in path.ancestors().skip(1).take(count) {
        if std::fs::remove_dir(folder).is_err() {
            return;
        }
    }
}
