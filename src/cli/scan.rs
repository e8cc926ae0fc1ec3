//! `helper scan`: credentials in plain text, without showing them.

use std::path::PathBuf;

use credential_helper_protocol::{ErrorCode, Failure};

use super::Session;
use super::args_scan::{ScanArgs, ScanFormat};
use super::table::Style;
use crate::domain::text::{shown, shown_path};
use crate::scan::places::Places;
use crate::scan::{self, Report, Skipped};

/// How a report is printed; errors are told in the same way.
pub(super) fn format(
    session: &mut Session<'_>,
    asked: Option<ScanFormat>,
) -> Result<ScanFormat, Failure> {
    let format = match (asked, session.out.is_json()) {
        (Some(ScanFormat::Text | ScanFormat::Sarif), true) => {
            return Err(Failure::new(
                ErrorCode::Usage,
                "--json cannot be used together with --format text or sarif",
            ));
        }
        (None, true) => ScanFormat::Json,
        (format, _) => format.unwrap_or(ScanFormat::Text),
    };
    if format != ScanFormat::Text {
        session.out.errors_as_json();
    }
    Ok(format)
}

/// Prints what stands in plain text; status 1 where something does, 3 where that could not be told.
pub(crate) fn run(session: &mut Session<'_>, args: &ScanArgs) -> Result<u8, Failure> {
    let format = format(session, args.format)?;
    let (places, folder) = places(session, &args.paths)?;
    let report = scan::scan(&places);
    match format {
        ScanFormat::Json => session.out.object(&report)?,
        ScanFormat::Sarif => session
            .out
            .object(&scan::sarif::log(&report, folder.as_deref()))?,
        ScanFormat::Text => {
            let text = text(&report, session.out.colours());
            session.out.text(&text)?;
        }
    }
    if format == ScanFormat::Text {
        tell_skipped(session, &report.skipped);
        session.out.note(&counted(report.findings.len()));
    }
    Ok(
        match (report.findings.is_empty(), report.skipped.is_empty()) {
            (false, _) => 1,
            (true, false) => ErrorCode::Unavailable.exit_status(),
            (true, true) => 0,
        },
    )
}

/// What the arguments mean, and the folder that they are given in.
pub(super) fn places(
    session: &Session<'_>,
    paths: &[PathBuf],
) -> Result<(Places, Option<PathBuf>), Failure> {
    let folder = session.context_alone(false)?.folder.map(PathBuf::from);
    let around = session.outside.surroundings();
    let places = if paths.is_empty() {
        Places::of_user(&around, folder.as_deref())
    } else {
        Places::named(paths, folder.as_deref(), &around)?
    };
    Ok((places, folder))
}

/// Says what could not be looked at.
pub(super) fn tell_skipped(session: &mut Session<'_>, skipped: &[Skipped]) {
    for one in skipped {
        let line = format!(
            "{} was not looked at: {}",
            shown_path(&one.path),
            one.reason
        );
        session.out.warning(&line);
    }
}

fn counted(count: usize) -> String {
    match count {
        0 => "no credentials in plain text".to_owned(),
        1 => "1 credential in plain text".to_owned(),
        _ => format!("{count} credentials in plain text"),
    }
}

fn text(report: &Report, colours: bool) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let place = format!("{}:{}", shown_path(&finding.path), finding.line);
        text.push_str(&Style::Strong.paint(&place, colours));
        let what = [
            Some(finding.tool),
            Some(finding.kind.word()),
            finding.origin.as_deref(),
            finding.username.as_deref(),
        ];
        for word in what.into_iter().flatten().filter(|word| !word.is_empty()) {
            text.extend(["  ", &shown(word)]);
        }
        let label = Style::Strong.paint("fix:", colours);
        text.extend(["\n  ", &label, " ", &shown(&finding.fix), "\n"]);
    }
    text
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
