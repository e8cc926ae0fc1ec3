//! `helper doctor`: what can be wrong, and what to do about it.

use credential_helper_protocol::caller::CallerOptions;
use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::Session;
use super::table::{Cell, Style, lines};
use crate::connect::Options;
use crate::domain::text::shown;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// As it should be.
    Ok,
    /// Works, but should be looked at.
    Warning,
    /// Does not work, or is not safe.
    Problem,
    /// Could not be checked here.
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// Which check, a stable word: `socket`, `bus`, `repository`...
    pub(crate) id: &'static str,
    /// What was looked at: a path, a repository's name.
    pub(crate) subject: Option<String>,
    /// How it ended.
    pub(crate) result: Outcome,
    /// What was seen, in our own words.
    pub(crate) message: String,
    /// What to do.
    pub(crate) fix: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    checks: &'a [Check],
    problems: usize,
    warnings: usize,
}

// SEAM: replaced by the checks.
/// Makes every check.
pub(crate) fn checks(options: &Options, caller: &CallerOptions) -> Result<Vec<Check>, Failure> {
    let _ = (options, caller);
    Err(Failure::new(
        ErrorCode::Unavailable,
        "checking: this build has no checks",
    ))
}

/// Prints what was found; status 1 where there are problems.
pub(crate) fn run(session: &mut Session<'_>) -> Result<u8, Failure> {
    let checks = session
        .outside
        .checks(&session.options(), &session.caller(session.global.prompt))?;
    let count = |wanted| checks.iter().filter(|check| check.result == wanted).count();
    let (problems, warnings) = (count(Outcome::Problem), count(Outcome::Warning));
    if session.out.is_json() {
        session.out.object(&Answer {
            checks: &checks,
            problems,
            warnings,
        })?;
    } else {
        let colours = session.out.colours();
        session.out.text(&text(&checks, colours))?;
        session.out.note(&format!(
            "{}, {}",
            counted(problems, "problem"),
            counted(warnings, "warning")
        ));
    }
    Ok(u8::from(problems > 0))
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn text(checks: &[Check], colours: bool) -> String {
    let rows: Vec<Vec<Cell>> = checks
        .iter()
        .map(|check| {
            let what = match &check.subject {
                Some(subject) => format!("{} {subject}", check.id),
                None => check.id.to_owned(),
            };
            vec![
                Cell::word(check.result.word()),
                Cell::new(&what),
                Cell::new(&check.message),
            ]
        })
        .collect();
    let table = lines(rows.iter(), colours);
    let mut text = String::new();
    for (line, check) in table.lines().zip(checks) {
        text.push_str(line);
        text.push('\n');
        if let Some(fix) = &check.fix {
            let label = Style::Strong.paint("fix:", colours);
            text.extend(["         ", &label, " ", &shown(fix), "\n"]);
        }
    }
    text
}
