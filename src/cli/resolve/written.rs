//! What a resolution is written as, and where.

use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;
use zeroize::Zeroizing;

use super::command;
use crate::cli::args_resolve::{Format, ResolveArgs};
use crate::cli::{Session, work};
use crate::domain::log::Line;
use crate::domain::text::shown;
use crate::edit::{Mode, edit_text};
use crate::index::locked::Kind as LockKind;
use crate::index::source::{Kind, Priority, Sources};
use crate::package::{MarkerTree, VersionSpecifiers};
use crate::resolve::output::{json, pylock, requirements};
use crate::resolve::solve::Resolution;

/// What is written.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    pub(super) format: Format,
    pub(super) hashes: bool,
    pub(super) requires_python: Option<&'a VersionSpecifiers>,
    pub(super) environments: &'a [MarkerTree],
}

/// The format that was asked for.
///
/// # Errors
/// `usage`, where two are.
pub(super) fn format(session: &mut Session<'_>, args: &ResolveArgs) -> Result<Format, Failure> {
    let by_name = || match &args.output_file {
        Some(path) if LockKind::of(path) == Some(LockKind::Pylock) => Format::Pylock,
        _ => Format::Requirements,
    };
    let to_file = args.output_file.is_some();
    if args.format == Some(Format::Json) {
        session.out.errors_as_json();
    }
    match args.format {
        Some(Format::Requirements | Format::Pylock) if session.out.is_json() && !to_file => {
            Err(Failure::new(
                ErrorCode::Usage,
                "--json cannot be used together with another --format, unless -o takes that",
            ))
        }
        Some(format) => Ok(format),
        None if session.out.is_json() && !to_file => Ok(Format::Json),
        None => Ok(by_name()),
    }
}

/// Writes it; the exit status.
pub(super) fn write(
    session: &mut Session<'_>,
    args: &ResolveArgs,
    form: &Form<'_>,
    sources: &Sources,
    resolution: &Resolution,
    folder: &Path,
) -> Result<u8, Failure> {
    for warning in &resolution.warnings {
        session.out.warning(warning);
    }
    for doubt in &resolution.doubts {
        session
            .log
            .info(|| Line::new("left out").text("what", doubt));
    }
    let canonical = sources.canonical();
    let command = command::line(args);
    let command = (!args.no_header).then_some(command.as_str());
    let object = || json::answer(resolution, &canonical);
    let text = match form.format {
        Format::Json if args.output_file.is_none() => {
            session.out.object(&object())?;
            return Ok(0);
        }
        Format::Json => serde_json::to_string(&object())
            .map(|text| text + "\n")
            .map_err(|_| Failure::new(ErrorCode::Internal, "writing the answer as JSON failed"))?,
        Format::Pylock => {
            let head = pylock::Head {
                canonical: &canonical,
                command,
                environments: form.environments,
                requires_python: form.requires_python,
            };
            let (text, left_out) = pylock::text(resolution, &head)?;
            for warning in left_out {
                session.out.warning(&warning);
            }
            text
        }
        Format::Requirements => {
            if form.hashes {
                warn(session, resolution);
            }
            let urls = if args.emit_index_url {
                urls(sources)
            } else {
                Vec::new()
            };
            requirements::text(
                resolution,
                &requirements::Style {
                    command,
                    hashes: form.hashes,
                    annotate: !args.no_annotate,
                    index: args.emit_index_annotation,
                    sources: &urls,
                },
            )
        }
    };
    let Some(file) = &args.output_file else {
        session.out.text(&text)?;
        return Ok(0);
    };
    let changed = save(&folder.join(file), text)?;
    if session.out.is_json() {
        session.out.object(&object())?;
        return Ok(0);
    }
    let what = if changed {
        "wrote"
    } else {
        "nothing changes in"
    };
    let count = resolution.packages.len();
    let file = shown(&file.to_string_lossy());
    session
        .out
        .note(&format!("{what} {file}: {count} packages"));
    Ok(0)
}

/// pip refuses a file of which some packages have digests and others none.
fn warn(session: &mut Session<'_>, resolution: &Resolution) {
    for package in requirements::without_hashes(resolution) {
        let source = package.source().map_or("its URL", |source| source);
        session.out.warning(&format!(
            "{source} has no digest for {} {}: pip refuses it beside packages that have some",
            package.name, package.version
        ));
    }
}

/// The sources as options of pip.
fn urls(sources: &Sources) -> Vec<(&'static str, Url)> {
    let counting = sources
        .all
        .iter()
        .filter(|source| source.priority != Priority::Explicit);
    let mut indexes = Vec::new();
    let mut links = Vec::new();
    for source in counting {
        let url = source.canonical.clone();
        match source.kind {
            Kind::Index | Kind::LocalIndex(_) => indexes.push((source.priority, url)),
            Kind::Flat | Kind::Local(_) => links.push(("--find-links", url)),
        }
    }
    // The default is pip's index, the others are extra; without one, the last is.
    let main = indexes
        .iter()
        .position(|(priority, _)| *priority == Priority::Default)
        .unwrap_or(indexes.len().saturating_sub(1));
    let mut all = Vec::new();
    if !indexes.is_empty() {
        all.push(("--index-url", indexes.remove(main).1));
    }
    all.extend(
        indexes
            .into_iter()
            .map(|(_, url)| ("--extra-index-url", url)),
    );
    all.extend(links);
    all
}

/// Writes the file whole or not at all; whether it was another one before.
fn save(path: &Path, text: String) -> Result<bool, Failure> {
    let runtime = work::runtime()?;
    let text = Zeroizing::new(text);
    let written = edit_text(path, Mode::Shared, move |_| Ok(((), text.clone())));
    let ((), changed) = runtime.block_on(written)?;
    Ok(changed)
}
