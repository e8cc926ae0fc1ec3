//! What `scan` found, as SARIF.

use std::path::Path;

use serde_json::Value;

use super::{Finding, Kind, Report};
use crate::sarif::{Found, Level, Missed, Rule, log as form};

const RULES: [(Kind, &str); 4] = [
    (Kind::HttpBasic, "A password in plain text"),
    (Kind::Token, "An API token in plain text"),
    (Kind::Url, "A URL with a password in it"),
    (
        Kind::Variable,
        "A literal secret as the value of a variable",
    ),
];

/// The report as one object; paths are relative to the folder where they lie below it.
pub fn log(report: &Report, folder: Option<&Path>) -> Value {
    let rules = RULES.map(|(kind, text)| Rule {
        id: kind.word(),
        text,
        level: Level::Error,
    });
    let found: Vec<Found<'_>> = report.findings.iter().map(found).collect();
    let missed: Vec<Missed<'_>> = report
        .skipped
        .iter()
        .map(|skipped| Missed {
            path: Some(&skipped.path),
            reason: &skipped.reason,
        })
        .collect();
    form("helper scan", &rules, &found, &missed, folder)
}

fn found(finding: &Finding) -> Found<'_> {
    let rule = RULES
        .iter()
        .position(|(kind, _)| *kind == finding.kind)
        .unwrap_or(0);
    let whose = finding
        .username
        .as_deref()
        .map(|name| format!(" of {name}"))
        .unwrap_or_default();
    let place = finding
        .origin
        .as_deref()
        .map(|origin| format!(" for {origin}"))
        .unwrap_or_default();
    Found {
        rule,
        level: Level::Error,
        text: format!(
            "{}{whose}{place} ({}). {}",
            RULES[rule].1, finding.tool, finding.fix
        ),
        path: &finding.path,
        line: finding.line,
    }
}
