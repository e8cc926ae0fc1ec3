//! `helper doctor`: what can be wrong, and what to do about it.

use credential_helper_protocol::caller::CallerOptions;
use credential_helper_protocol::{Asked, Failure, limits};
use serde::Serialize;

use super::Session;
use super::args::DoctorArgs;
use super::table::{Cell, Style, lines};
use crate::connect::{self, About, Options};
use crate::doctor::{self, Check, Connected, Outcome};
use crate::domain::text::shown;

#[derive(Serialize)]
struct Answer<'a> {
    checks: &'a [Check],
    problems: usize,
    warnings: usize,
}

/// Makes every check; `offline` leaves the requests to repositories out.
pub(crate) fn checks(
    options: &Options,
    caller: &CallerOptions,
    offline: bool,
) -> Result<Vec<Check>, Failure> {
    let context = connect::context(About::All, caller)?;
    let asked = Asked {
        context: context.clone(),
    };
    let mut agent = Connected::new(options.clone(), asked);
    let looked_at = doctor::Options {
        time: options.timeout.unwrap_or(limits::REQUEST_TIME),
        ..doctor::Options::of_process(context, offline)
    };
    doctor::run(&looked_at, &mut agent)
}

/// Prints what was found; status 1 where there are problems.
pub(crate) fn run(session: &mut Session<'_>, args: &DoctorArgs) -> Result<u8, Failure> {
    let caller = session.caller(session.global.prompt);
    let checks = session
        .outside
        .checks(&session.options(), &caller, args.offline)?;
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
