//! `helper trust`: binds a repository's name to an origin.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{Asked, BindingList, ErrorCode, Failure, Trust};

use super::Session;
use super::args::TrustArgs;
use super::table::{Cell, table};
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;

/// Adds, removes or lists bindings.
pub(crate) fn run(session: &mut Session<'_>, args: TrustArgs) -> Result<u8, Failure> {
    let context = session.context_alone(session.global.prompt)?;
    if args.list {
        let list = session.agent()?.bindings(&Asked { context })?;
        // What a project declares is nobody's binding.
        let list = BindingList {
            project: None,
            ..list
        };
        return print(session, &list);
    }
    if let Some(name) = &args.name {
        RepositoryName::parse(name)?;
    }
    // Userinfo has no part in an origin, and must not get into a file of bindings.
    let url = args
        .url
        .as_deref()
        .map(RepositoryUrl::parse)
        .transpose()?
        .map(|(url, _)| url);
    let project = match args.project {
        Some(folder) => Some(absolute(session.global.directory.as_deref(), folder)?),
        None => None,
    };
    let subject = match (&args.name, &project) {
        (Some(name), _) => name.clone(),
        (None, Some(folder)) => format!("the project in {folder}"),
        (None, None) => String::new(),
    };
    let trust = Trust {
        name: args.name,
        url: url.as_ref().map(|url| url.as_str().to_owned()),
        project: project.clone(),
        operation: args.operation.map(Into::into),
        context,
    };
    let mut agent = session.agent()?;
    let list = if args.remove {
        agent.untrust(&trust)?
    } else {
        agent.trust(&trust)?
    };
    if session.out.is_json() {
        return print(session, &list);
    }
    let told = match (&url, args.remove, project.is_some()) {
        (_, false, true) => format!("trusted {subject} until its files change"),
        (_, true, true) => format!("took the trust in {subject} back"),
        (Some(url), false, _) => format!("bound {subject} to {}", url.origin()),
        (Some(url), true, _) => format!("removed the binding of {subject} to {}", url.origin()),
        (None, _, _) => format!("removed the bindings of {subject}"),
    };
    session.out.note(&told);
    Ok(0)
}

/// The folder as the agent has to know it.
fn absolute(directory: Option<&Path>, folder: Option<PathBuf>) -> Result<String, Failure> {
    let folder = match (directory, folder) {
        (Some(base), Some(folder)) => base.join(folder),
        (Some(base), None) => base.to_owned(),
        (None, Some(folder)) => folder,
        (None, None) => PathBuf::from("."),
    };
    let failed = |why: String| {
        Failure::new(
            ErrorCode::Usage,
            format!(
                "finding the project folder {} failed: {why}",
                folder.display()
            ),
        )
    };
    let whole = folder
        .canonicalize()
        .map_err(|error| failed(error.kind().to_string()))?;
    if !whole.is_dir() {
        return Err(failed("it is not a folder".to_owned()));
    }
    whole
        .into_os_string()
        .into_string()
        .map_err(|_| failed("its path is not UTF-8".to_owned()))
}

fn print(session: &mut Session<'_>, list: &BindingList) -> Result<u8, Failure> {
    if session.out.is_json() {
        session.out.object(list)?;
        return Ok(0);
    }
    if list.bindings.is_empty() {
        session.out.note("no name is bound");
        return Ok(0);
    }
    let rows: Vec<Vec<Cell>> = list
        .bindings
        .iter()
        .map(|binding| {
            vec![
                Cell::new(&binding.name),
                Cell::new(
                    binding
                        .operation
                        .map_or("both", |operation| operation.word()),
                ),
                Cell::new(&binding.origin),
                Cell::new(&binding.by),
                Cell::maybe(binding.since.as_deref()),
            ]
        })
        .collect();
    let headings = ["NAME", "OPERATION", "ORIGIN", "BY", "SINCE"];
    session
        .out
        .text(&table(&headings, &rows, session.out.colours()))?;
    Ok(0)
}
