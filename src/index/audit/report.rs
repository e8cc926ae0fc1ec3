//! An audit as it is printed.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::picks::Picks;
use super::rules::{Kind, RULES};
use crate::sarif::{Found, Level, Missed, log};

/// What is wrong with one dependency.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which rule.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Level,
    /// The name of the project.
    pub project: String,
    /// The source that serves it.
    pub served_by: Option<String>,
    /// The other sources that are meant.
    pub also_in: Vec<String>,
    /// What each tool would take.
    pub picks: Picks,
    /// What to do: the lines to write.
    pub fix: String,
    /// What is wrong, in words.
    pub message: String,
    /// The file that names the dependency.
    pub path: PathBuf,
    /// The line there.
    pub line: usize,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Object<'a> {
            rule: &'static str,
            severity: &'static str,
            project: &'a str,
            served_by: Option<&'a str>,
            also_in: &'a [String],
            pip: Option<&'a super::Pick>,
            poetry: Option<&'a super::Pick>,
            uv: Option<&'a super::Pick>,
            fix: &'a str,
            message: &'a str,
            path: String,
            line: usize,
        }
        Object {
            rule: self.kind.id(),
            severity: self.severity.word(),
            project: &self.project,
            served_by: self.served_by.as_deref(),
            also_in: &self.also_in,
            pip: self.picks.pip.as_ref(),
            poetry: self.picks.poetry.as_ref(),
            uv: self.picks.uv.as_ref(),
            fix: &self.fix,
            message: &self.message,
            path: self.path.to_string_lossy().into_owned(),
            line: self.line,
        }
        .serialize(to)
    }
}

/// A source that could not be asked about a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The name.
    pub project: String,
    /// The source.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// An audit.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What is wrong, by name.
    pub findings: Vec<Finding>,
    /// What could not be asked.
    pub skipped: Vec<Skipped>,
}

impl Report {
    /// The report as SARIF; paths are relative to the folder where they lie below it.
    pub fn sarif(&self, folder: Option<&Path>) -> Value {
        let found: Vec<Found<'_>> = self
            .findings
            .iter()
            .map(|one| Found {
                rule: one.kind.rule(),
                level: one.severity,
                text: format!("{}. Fix:\n{}", one.message, one.fix),
                path: &one.path,
                line: one.line,
            })
            .collect();
        let reasons: Vec<String> = self
            .skipped
            .iter()
            .map(|one| {
                format!(
                    "{} was not asked about {}: {}",
                    one.source, one.project, one.reason
                )
            })
            .collect();
        let missed: Vec<Missed<'_>> = reasons
            .iter()
            .map(|reason| Missed { path: None, reason })
            .collect();
        log("helper index audit", &RULES, &found, &missed, folder)
    }
}
