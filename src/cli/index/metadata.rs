//! `helper index metadata`: what a version says of itself.

use std::fmt::Write as _;

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::{Map, Value};

use super::found::search;
use super::package_and_version;
use crate::cli::Session;
use crate::cli::args_index::MetadataArgs;
use crate::cli::lookups::{self, Desk, Ground, given};
use crate::domain::text::shown;
use crate::index::project::File;
use crate::package::filename::Filename;
use crate::package::metadata;

#[derive(Serialize)]
struct Answer {
    project: String,
    version: String,
    source: String,
    from: String,
    metadata: Map<String, Value>,
}

/// Prints the metadata of one of its files: all files of a version are taken to say the same.
pub(super) fn run(session: &mut Session<'_>, args: &MetadataArgs) -> Result<u8, Failure> {
    let (project, version) = package_and_version(&args.package)?;
    let Some(version) = version else {
        let message = format!("which version of {project}?");
        return Err(Failure::new(ErrorCode::Usage, message).hint(format!(
            "as in {project}==1.2; helper index versions {project}"
        )));
    };
    let mut desk = Desk::default();
    let ground = Ground::find(session, &mut desk, &given(&args.sources), &args.sources)?;
    let pin = args.source.clone().or_else(|| ground.pin(&project));
    let work = async move |tools: lookups::Tools<Answer>| {
        let lookups = ground.lookups(&tools);
        let told = async {
            let search = search(&lookups, &project, pin.as_deref(), false).await?;
            let best = search.found.iter().find_map(|found| {
                let files = found.listing.project.files(&version).iter();
                Some((found, files.min_by_key(|file| effort(file))?))
            });
            let Some((found, file)) = best else {
                let message = format!("no source has {project} {version}");
                return Err(Failure::new(ErrorCode::NotFound, message)
                    .hint(format!("helper index versions {project} --all")));
            };
            let (raw, from) = lookups.written(&found.listing, file).await?;
            Ok(Answer {
                project: project.to_string(),
                version: version.to_string(),
                source: found.listing.source.to_string(),
                from: from.to_string(),
                metadata: metadata::json(&raw),
            })
        };
        tools.done(told.await);
        lookups.flush();
    };
    lookups::run(session, desk, work, |session, answer| {
        tell(session, &answer)
    })
}

/// What stands beside a file is the least to read, a source archive the most.
fn effort(file: &File) -> u8 {
    match (&file.metadata, &file.name) {
        (Some(_), Filename::Wheel(_)) => 0,
        (Some(_), Filename::Sdist(_)) => 1,
        (None, Filename::Wheel(_)) => 2,
        (None, Filename::Sdist(_)) => 3,
    }
}

fn tell(session: &mut Session<'_>, answer: &Answer) -> Result<u8, Failure> {
    if session.out.is_json() {
        session.out.object(answer)?;
        return Ok(0);
    }
    let mut text = String::new();
    let mut put = |key: &str, value: &Value| {
        // A description is a document of its own.
        if let Some(value) = value.as_str().filter(|_| key != "description") {
            let lines: Vec<String> = value.lines().map(shown).collect();
            let _ = writeln!(text, "{key}: {}", lines.join("\n    "));
        }
    };
    for (key, value) in &answer.metadata {
        match value {
            Value::Array(all) => all.iter().for_each(|one| put(key, one)),
            one => put(key, one),
        }
    }
    session.out.text(&text)?;
    let source = shown(&answer.source);
    session
        .out
        .note(&format!("from {source} ({})", answer.from));
    Ok(0)
}
