//! `helper source`: the package sources of a project.

use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::Session;
use super::args_source::{AddArgs, RemoveArgs, ShowArgs, SourceCommand, SourcePriority};
use super::lookups::folder;
use super::table::{Cell, table};
use super::work::runtime;
use crate::domain::text::shown;
use crate::edit::{Mode, edit};
use crate::index::source::change::{Place, Wish, pinned};
use crate::index::source::{Form, Options, Priority, Source, Sources, places};

/// The sources, for programs.
#[derive(Serialize)]
struct Answer<'a> {
    sources: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    name: Option<&'a str>,
    url: &'a str,
    priority: &'static str,
    form: &'static str,
}

impl<'a> Told<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            name: source.name.as_deref(),
            url: source.canonical.as_str(),
            priority: source.priority.word(),
            form: source.form.word(),
        }
    }
}

/// Runs a command about package sources.
pub(crate) fn run(session: &mut Session<'_>, command: &SourceCommand) -> Result<u8, Failure> {
    let folder = folder(session)?;
    match command {
        SourceCommand::Add(args) => add(session, &folder, args),
        SourceCommand::Remove(args) => remove(session, &folder, args),
        SourceCommand::Show(args) => show(session, &folder, args),
    }
}

fn add(session: &mut Session<'_>, folder: &Path, args: &AddArgs) -> Result<u8, Failure> {
    let priority = args.priority.map(|priority| match priority {
        SourcePriority::Primary => Priority::Primary,
        SourcePriority::Supplemental => Priority::Supplemental,
        SourcePriority::Explicit => Priority::Explicit,
    });
    let wish = Wish::new(&args.name, args.url.as_deref(), priority)?;
    let Some(place) = places(folder)?.into_iter().next() else {
        return Ok(0);
    };
    let name = shown(&args.name);
    let (file, form) = (shown(&place.file.to_string_lossy()), place.form.word());
    let target = place.file.clone();
    runtime()?.block_on(edit(&target, Mode::Shared, move |document| {
        place.add(document, &wish)
    }))?;
    session.out.note(&format!(
        "added the source {name} to {file}, as {form} reads it"
    ));
    after(session, folder)
}

fn remove(session: &mut Session<'_>, folder: &Path, args: &RemoveArgs) -> Result<u8, Failure> {
    let name = shown(&args.name);
    let mut removed = false;
    for place in places(folder)? {
        let Some((found, left)) = take_out(&place, &args.name)? else {
            continue;
        };
        removed = true;
        let file = shown(&place.file.to_string_lossy());
        let found = shown(&found);
        session
            .out
            .note(&format!("removed the source {found} from {file}"));
        if !left.is_empty() {
            let left = left.join(", ");
            session
                .out
                .warning(&format!("still pinned to {found} in {file}: {left}"));
        }
    }
    if !removed {
        return Err(unknown(&name));
    }
    after(session, folder)
}

/// Removes a source; its name as it stood there, and what is still pinned to it.
fn take_out(place: &Place, name: &str) -> Result<Option<(String, Vec<String>)>, Failure> {
    let (list, name) = (place.clone(), name.to_owned());
    let (found, _) = runtime()?.block_on(edit(&place.file, Mode::Shared, move |document| {
        let found = list.remove(document, &name);
        Ok(found.map(|found| {
            let left = pinned(document, &found);
            (found, left)
        }))
    }))?;
    Ok(found)
}

fn show(session: &mut Session<'_>, folder: &Path, args: &ShowArgs) -> Result<u8, Failure> {
    let sources = Sources::of(folder, &Options::default(), &session.outside.surroundings())?;
    for warning in &sources.warnings {
        session.out.warning(warning);
    }
    let Some(name) = &args.name else {
        return print(session, &sources, &declared(&sources));
    };
    let found = sources.named(name).filter(|source| is_declared(source));
    match found {
        Some(source) => print(session, &sources, &[source.as_ref()]),
        None => Err(unknown(&shown(name))),
    }
}

/// What holds after a change, for programs.
fn after(session: &mut Session<'_>, folder: &Path) -> Result<u8, Failure> {
    if session.out.is_json() {
        let around = session.outside.surroundings();
        let sources = Sources::of(folder, &Options::default(), &around)?;
        return print(session, &sources, &declared(&sources));
    }
    Ok(0)
}

fn print(session: &mut Session<'_>, sources: &Sources, shown: &[&Source]) -> Result<u8, Failure> {
    let told: Vec<Told<'_>> = shown.iter().map(|source| Told::new(source)).collect();
    if session.out.is_json() {
        session.out.object(&Answer { sources: told })?;
        return Ok(0);
    }
    let mut all = sources.all.iter();
    if let Some(implied) = all.find(|source| source.form == Form::BuiltIn) {
        let (name, priority) = (implied.label(), implied.priority.word());
        session
            .out
            .note(&format!("{name} is implied as {priority}"));
    }
    if told.is_empty() {
        session.out.note("the project declares no sources");
        return Ok(0);
    }
    let rows: Vec<Vec<Cell>> = told
        .iter()
        .zip(shown)
        .map(|(told, source)| {
            vec![
                Cell::maybe(told.name),
                Cell::new(told.priority),
                Cell::new(told.url),
                Cell::new(&source.place),
            ]
        })
        .collect();
    let headings = ["NAME", "PRIORITY", "URL", "PLACE"];
    let text = table(&headings, &rows, session.out.colours());
    session.out.text(&text)?;
    Ok(0)
}

fn declared(sources: &Sources) -> Vec<&Source> {
    let all = sources.all.iter().map(AsRef::as_ref);
    all.filter(|source| is_declared(source)).collect()
}

/// Whether a file of Poetry's or uv's words names it.
fn is_declared(source: &Source) -> bool {
    matches!(source.form, Form::Poetry | Form::Uv)
}

fn unknown(name: &str) -> Failure {
    Failure::new(
        ErrorCode::NotFound,
        format!("there is no source \"{name}\" in this project"),
    )
    .hint("see `helper source show`")
}
