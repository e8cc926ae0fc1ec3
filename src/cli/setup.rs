//! `helper setup`: shows what it changes, changes it, takes it back.

use std::path::PathBuf;

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::args_setup::SetupArgs;
use super::table::{Cell, Style, table};
use super::{Session, work};
use crate::bridge;
use crate::domain::text::shown;
use crate::setup::apply::{self, Look, Undone};
use crate::setup::record::{Entry, Record};
use crate::setup::tools::{self, TOOLS, Wish};
use crate::setup::uv::{self, STORE};
use crate::setup::{Around, Change, Plan, path};

#[derive(Serialize)]
struct Answer<'a> {
    tool: &'a str,
    changes: Vec<Told>,
    notes: &'a [String],
}

/// A change, for people and programs.
#[derive(Serialize)]
struct Told {
    kind: &'static str,
    path: String,
    lines: Vec<String>,
    result: &'static str,
}

impl Told {
    fn new(change: &Change, result: &'static str) -> Self {
        Self {
            kind: change.kind(),
            path: change.place(),
            lines: change.lines(),
            result,
        }
    }
}

#[derive(Serialize)]
struct ListAnswer {
    tools: Vec<Tool>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    about: &'static str,
    set_up: bool,
}

/// Does what was asked for.
pub(crate) fn run(session: &mut Session<'_>, args: &SetupArgs) -> Result<u8, Failure> {
    let runtime = work::runtime()?;
    let around = around(session)?;
    let record = Record::in_folder(&around.state);
    let Some(tool) = args.tool.as_deref() else {
        return list(session, &runtime.block_on(record.entries())?);
    };
    let word = if args.store { STORE } else { tool };
    if args.undo {
        return runtime.block_on(undo(session, args, word, &record));
    }
    let plan = runtime.block_on(plan(args, tool, &around, &record))?;
    let looks = runtime.block_on(apply::look(&plan))?;
    show(session, args, &plan, &looks)?;
    if !args.dry_run {
        runtime.block_on(apply::make(&plan, &looks, &record))?;
        if args.store {
            session.outside.connect(&session.options())?.reload()?;
        }
    }
    Ok(0)
}

fn around(session: &Session<'_>) -> Result<Around, Failure> {
    let context = session.context_alone(false)?;
    let folder = |path: Option<String>, what: &str| {
        path.map(PathBuf::from).ok_or_else(|| {
            let message = format!("the folder of {what} is not known");
            Failure::new(ErrorCode::Usage, message).hint("set HOME")
        })
    };
    Ok(Around {
        process: Surroundings::of_process(),
        settings: folder(context.settings, "the helper's settings")?,
        state: folder(context.state, "the helper's state")?,
        uv: context.uv.map(PathBuf::from),
        working: folder(context.folder, "this shell")?,
        helper: program()?,
        bridges: bridge::ALL.iter().map(|bridge| bridge.name).collect(),
    })
}

/// What the links lead to: the fast door beside the running program, or where packages have it;
/// else this program, which does everything too.
fn program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| {
        let message = format!("cannot tell where this program is: {}", error.kind());
        Failure::new(ErrorCode::Unavailable, message)
    })?;
    let name = format!("helper{}", std::env::consts::EXE_SUFFIX);
    let folder = own.parent();
    // `libexec/credential-helper/helperd` and `bin/helper`.
    let prefix = folder.and_then(|folder| folder.parent()?.parent());
    let beside = folder.map(|folder| folder.join(&name));
    let apart = prefix.map(|prefix| prefix.join("bin").join(&name));
    let found = beside.into_iter().chain(apart).find(|path| path.is_file());
    Ok(found.unwrap_or(own))
}

async fn plan(
    args: &SetupArgs,
    tool: &str,
    around: &Around,
    record: &Record,
) -> Result<Plan, Failure> {
    if args.store {
        if tool != "uv" {
            let message = format!("--store is uv's own: {tool} has none");
            return Err(Failure::new(ErrorCode::Usage, message));
        }
        if args.names.is_empty() {
            let message = "--store needs the NAMEs of the repositories that go into it";
            return Err(Failure::new(ErrorCode::Usage, message)
                .hint("for example `helper setup uv --store foo`"));
        }
        let folder = store_folder(&around.process)?;
        return uv::store(&args.names, &folder, around);
    }
    let entries = record.entries().await?;
    let by_us = |entry: &Entry| path::is_step(&entry.change);
    let wish = Wish {
        tool: tool.to_owned(),
        hosts: args.names.clone(),
        python: args.python.clone(),
        project: args.project,
        on_path_by_us: entries.iter().any(by_us),
    };
    tools::plan(&wish, around).await
}

/// The folder of the store, beside the agent's socket.
#[cfg(unix)]
fn store_folder(around: &Surroundings) -> Result<PathBuf, Failure> {
    let socket = credential_helper_protocol::place::find(around)?.socket;
    crate::agent::managed_store::folder_in_memory(&socket)
}

#[cfg(not(unix))]
fn store_folder(_: &Surroundings) -> Result<PathBuf, Failure> {
    let message = "there is no agent on this system that could keep uv's store";
    Err(Failure::new(ErrorCode::Unavailable, message))
}

fn list(session: &mut Session<'_>, entries: &[Entry]) -> Result<u8, Failure> {
    let is = |name: &str| {
        entries
            .iter()
            .any(|entry| entry.tools.iter().any(|tool| tool == name))
    };
    if session.out.is_json() {
        let tools = TOOLS.map(|(name, about)| Tool {
            name,
            about,
            set_up: is(name),
        });
        session.out.object(&ListAnswer {
            tools: tools.into(),
        })?;
        return Ok(0);
    }
    let rows = TOOLS.map(|(name, about)| {
        let state = if is(name) { "set up" } else { "" };
        vec![Cell::new(name), Cell::new(state), Cell::new(about)]
    });
    let colours = session.out.colours();
    session
        .out
        .text(&table(&["TOOL", "STATE", ""], &rows, colours))?;
    Ok(0)
}

fn show(
    session: &mut Session<'_>,
    args: &SetupArgs,
    plan: &Plan,
    looks: &[Look],
) -> Result<(), Failure> {
    let told: Vec<Told> = plan
        .changes
        .iter()
        .zip(looks)
        .map(|(change, look)| {
            let result = match look {
                Look::Already | Look::Taken(_) => "already",
                Look::Needed(_) if args.dry_run => "needed",
                Look::Needed(_) => "made",
            };
            Told::new(change, result)
        })
        .collect();
    print(session, &plan.tool, told, &plan.notes, "+")?;
    say_if_dry(session, args);
    Ok(())
}

fn say_if_dry(session: &mut Session<'_>, args: &SetupArgs) {
    if args.dry_run && !session.out.is_json() {
        session.out.note("nothing was changed (--dry-run)");
    }
}

/// The changes on standard output, one place after the other, and what to know on standard error.
fn print(
    session: &mut Session<'_>,
    tool: &str,
    changes: Vec<Told>,
    notes: &[String],
    sign: &str,
) -> Result<(), Failure> {
    if session.out.is_json() {
        return session.out.object(&Answer {
            tool,
            changes,
            notes,
        });
    }
    let colours = session.out.colours();
    let mut text = String::new();
    let mut place = None;
    let quiet = |told: &&Told| told.result != "already" && told.result != "gone";
    for told in changes.iter().filter(quiet) {
        if place != Some(&told.path) {
            let label = Style::Strong.paint(&shown(&told.path), colours);
            text.extend([label.as_ref(), "\n"]);
            place = Some(&told.path);
        }
        let sign = if matches!(told.result, "left" | "needed-by-others") {
            " "
        } else {
            sign
        };
        for line in &told.lines {
            text.extend(["  ", sign, " ", &shown(line), "\n"]);
        }
        match told.result {
            "left" => text.push_str("    left as it is: it was changed since\n"),
            "needed-by-others" => text.push_str("    left as it is: another tool needs it\n"),
            _ => {}
        }
    }
    if text.is_empty() {
        let word = if sign == "+" {
            "nothing to do"
        } else {
            "nothing to undo"
        };
        session.out.note(&format!("{word}: {tool}"));
        return Ok(());
    }
    session.out.text(&text)?;
    for note in notes {
        session.out.note(note);
    }
    Ok(())
}

async fn undo(
    session: &mut Session<'_>,
    args: &SetupArgs,
    tool: &str,
    record: &Record,
) -> Result<u8, Failure> {
    let mut told = Vec::new();
    let about = |change: &Change| args.names.iter().any(|name| change.is_about(name));
    let mut entries = apply::to_undo(tool, record).await?;
    entries.retain(|entry| args.names.is_empty() || about(&entry.change));
    for entry in entries {
        let result = if args.dry_run {
            "needed"
        } else {
            match apply::undo(tool, &entry, record).await? {
                Undone::Taken => "undone",
                Undone::Gone => "gone",
                Undone::Left => "left",
                Undone::Needed => "needed-by-others",
            }
        };
        told.push(Told::new(&entry.change, result));
    }
    print(session, tool, told, &[], "-")?;
    say_if_dry(session, args);
    if args.store
        && !args.dry_run
        && let Some(mut agent) = session.outside.running(&session.options())?
    {
        agent.reload()?;
    }
    Ok(0)
}
