//! The forms in which variables are printed or handed over to a CI system: one file each, text in
//! wiped buffers. A value that a reader of the form would change is refused.

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use super::spellings::Spelling;
use super::variables::Plan;

mod azure;
mod dotenv;
mod fish;
mod github;
mod json;
mod powershell;
mod sh;
mod shell;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// POSIX shells: `export`, to be evaluated.
    Sh,
    /// fish: `set -gx`, to be sourced.
    Fish,
    /// `PowerShell`: `$env:`, to be evaluated.
    PowerShell,
    /// A file of `NAME=VALUE` lines.
    Dotenv,
    /// One object.
    Json,
    /// GitHub, Forgejo and Gitea Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Azure Pipelines.
    Azure,
    /// `CircleCI`.
    CircleCi,
    /// Buildkite.
    Buildkite,
}

/// What is handed over.
#[derive(Default)]
pub struct Handed {
    /// For standard output.
    pub stdout: Zeroizing<Vec<u8>>,
    /// To append to the file that this variable names, after standard output was written.
    pub file: Option<(&'static str, Zeroizing<Vec<u8>>)>,
    /// For the standard input of `buildkite-agent redactor add`, before anything is written.
    pub redactions: Option<Zeroizing<Vec<u8>>>,
    /// For people: one line each.
    pub notes: Vec<String>,
}

/// What a form needs beside the variables.
pub struct Surroundings<'a> {
    /// The spellings that are to be masked.
    pub masks: &'a [Spelling],
    /// Of the variables to take out, those that are there.
    pub stale: &'a [String],
    /// Hexadecimal digits that nobody can guess.
    pub random: &'a str,
}

/// The variables in a form.
///
/// # Errors
/// `usage`, where the form cannot hold a value.
pub fn hand_over(
    format: Format,
    plan: &Plan,
    around: &Surroundings<'_>,
) -> Result<Handed, Failure> {
    match format {
        Format::Sh | Format::Gitlab => Ok(sh::text(plan, around.stale)),
        Format::Fish => Ok(fish::text(plan, around.stale)),
        Format::PowerShell => Ok(powershell::text(plan, around.stale)),
        Format::Dotenv => dotenv::text(plan),
        Format::Json => json::text(plan, around.stale),
        Format::Github => github::text(plan, around),
        Format::Azure => azure::text(plan, around),
        Format::CircleCi => {
            let mut handed = sh::text(plan, around.stale);
            handed.notes.push(
                "CircleCI masks only what its own settings hold: keep these values out of the log"
                    .to_owned(),
            );
            handed.file = Some(("BASH_ENV", std::mem::take(&mut handed.stdout)));
            Ok(handed)
        }
        Format::Buildkite => {
            let mut handed = sh::text(plan, around.stale);
            handed.redactions = Some(json::list(around.masks)?);
            Ok(handed)
        }
    }
}

/// A buffer of which no copy stays behind when it grows.
#[derive(Default)]
pub(super) struct Out(Zeroizing<Vec<u8>>);

impl Out {
    pub(super) fn push(&mut self, text: &str) {
        let (have, need) = (self.0.capacity(), self.0.len() + text.len());
        if have < need {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * need + 4096));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]));
    }

    pub(super) fn done(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// Whether a shell can export a variable of this name.
fn is_exportable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// What is said of the names that a form cannot have.
fn left_out(names: &[&str]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "left out, because no shell can export such a name: {}; Poetry 2.4 and newer reads no other spelling: use `helper exec`",
        names.join(", ")
    )]
}

/// What is said of variables that a step should not have: it sets some for the next step, and takes
/// none out.
fn stays(stale: &[String]) -> Vec<String> {
    if stale.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "these variables say something else, and one step cannot take them out of the next: {}",
        stale.join(", ")
    )]
}

fn refused(name: &str, form: &str, why: &str) -> Failure {
    Failure::new(
        ErrorCode::Usage,
        format!("writing {name} as {form} failed: its value {why}"),
    )
    .hint("use `helper exec`, or `helper env --format json`")
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
