//! Plain-text credentials: where they stand, and their way into the keyring.
//!
//! - [`places`]: where tools keep them; which files of a folder are looked at.
//! - `forms`: which finder reads which file, one line each; `find/`: one finder a form.
//! - [`import`]: stores, reads back, compares; only then `rewrite` changes the file.
//!
//! Knows the protocol's messages only: what is asked of the agent goes through [`import::Store`].
//! A [`Finding`] can be shown as it is: the secret itself is reached by `import` alone.

mod destination;
mod find;
mod finding;
mod forms;
pub mod import;
mod ini;
pub mod places;
mod preview;
mod read;
mod rewrite;
pub mod sarif;
mod tables;
mod urls;
mod value;

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

pub use self::finding::{Finding, Kind};
use self::places::Place;
use self::read::Text;

/// A file that could not be looked at, or not wholly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file or folder.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// By file, in the order of each.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub skipped: Vec<Skipped>,
}

/// Looks at these places.
pub fn scan(places: &places::Places) -> Report {
    let mut report = Report {
        findings: Vec::new(),
        skipped: places.skipped.clone(),
    };
    for place in &places.files {
        match scan_file(place) {
            Ok(findings) => report.findings.extend(findings),
            Err(reason) => report.skipped.push(Skipped {
                path: place.path.clone(),
                reason,
            }),
        }
    }
    report
}

/// What stands in one file.
fn scan_file(place: &Place) -> Result<Vec<Finding>, String> {
    match Text::read(&place.path)? {
        Some(text) => scan_text(place, &text),
        None => Ok(Vec::new()),
    }
}

fn scan_text(place: &Place, text: &Text) -> Result<Vec<Finding>, String> {
    let mut found = (place.form.find)(text)?;
    found.sort_by_key(finding::Found::at);
    let finding = |found| Finding::new(place, text, found);
    Ok(found.into_iter().map(finding).collect())
}

/// A path in JSON, also one that is no UTF-8.
fn as_text<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
