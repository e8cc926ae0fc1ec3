//! `helper selftest`: the safety rules, tried out on this machine.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::Session;
use super::args::SelftestArgs;
use super::table::{Cell, table};
use crate::selftest::{Check, Options, Outcome, Report};

/// How long one step may take on a busy machine.
const TIME: Duration = Duration::from_secs(20);
/// With less, a slow start would look like a broken rule.
const LEAST: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a Report,
    failed: usize,
}

/// Prints what was seen; status 1 where a rule does not hold.
pub(crate) fn run(session: &mut Session<'_>, args: &SelftestArgs) -> Result<u8, Failure> {
    if session.global.no_agent {
        return Err(Failure::new(
            ErrorCode::Usage,
            "--no-agent leaves out the agent that `selftest` is about",
        ));
    }
    let report = session.outside.selftest(&Options {
        keyring: args.keyring,
        time: session.global.timeout.unwrap_or(TIME).max(LEAST),
    })?;
    let failed = report.failed();
    if session.out.is_json() {
        session.out.object(&Answer {
            report: &report,
            failed,
        })?;
    } else {
        let rows: Vec<Vec<Cell>> = report.checks.iter().map(row).collect();
        let mut text = table(&["CHECK", "RESULT", "SEEN"], &rows, session.out.colours());
        let Report {
            version,
            date,
            system,
            uid,
            ..
        } = &report;
        let dated = format!("{date}, helper {version}, {system}, uid {uid}\n");
        text.push_str(&dated);
        session.out.text(&text)?;
        let count = |wanted| {
            report
                .checks
                .iter()
                .filter(|one| one.result == wanted)
                .count()
        };
        session.out.note(&format!(
            "{} ok, {failed} failed, {} not here",
            count(Outcome::Ok),
            count(Outcome::NotHere)
        ));
    }
    Ok(u8::from(failed > 0))
}

/// What another user meets: `selftest` runs this in a user namespace.
#[cfg(target_os = "linux")]
pub(crate) fn stranger(session: &mut Session<'_>, folder: &std::path::Path) -> Result<u8, Failure> {
    let told = crate::selftest::stranger_told(folder).map_err(|error| {
        Failure::new(
            ErrorCode::Unavailable,
            format!("cannot act as another user: {}", error.kind()),
        )
    })?;
    session.out.text(&format!("{told}\n"))?;
    Ok(0)
}

fn row(check: &Check) -> Vec<Cell> {
    let word = match check.result {
        Outcome::Ok => "ok",
        Outcome::Failed => "FAILED",
        Outcome::NotHere => "not here",
    };
    vec![
        Cell::new(check.id),
        Cell::word(word),
        Cell::new(&check.seen),
    ]
}
