//! Projects that say their dependencies twice: what Poetry locks, and what we ask for.

use std::path::Path;

use credential_helper::package::Version;
use pep508_rs::{MarkerEnvironment, VersionOrUrl};
use serde_json::{Value, json};

use super::{ranges, read};

/// In what our reading of a project differs from Poetry's.
pub fn differs(
    case: &Value,
    text: &str,
    folder: &Path,
    environments: &[MarkerEnvironment],
    versions: &[String],
) -> Option<String> {
    let asked = read(text.to_owned(), folder);
    let error = case["error"].as_str();
    let asked = match (asked, error) {
        (Err(_), Some(_)) => return None,
        // Ranges that exclude each other are the resolution's to tell.
        (Ok(_), Some(error)) if error.contains("incompatible constraints") => return None,
        (Ok(_), Some(error)) if error.contains("configuration is invalid") => return None,
        (Ok(_), Some(error)) => return Some(format!("taken, and Poetry says {error}")),
        // Poetry takes an empty table for an answer.
        (Err(failure), None) if failure.message.contains("are dynamic") => return None,
        (Err(failure), None) => return Some(format!("refused: {failure}")),
        (Ok(asked), None) => asked,
    };
    let mut lines: Vec<String> = asked
        .requirements
        .iter()
        .map(|wanted| {
            let requirement = &wanted.requirement;
            let url = match &requirement.version_or_url {
                Some(VersionOrUrl::Url(url)) => Some(url.to_string()),
                _ => None,
            };
            let ranges = ranges(wanted);
            let allows: Vec<&String> = versions
                .iter()
                .filter(|version| {
                    let version: Version = version.parse().unwrap();
                    url.is_none() && ranges.contains(&version)
                })
                .collect();
            let holds: String = environments
                .iter()
                .map(|one| {
                    if requirement.marker.evaluate(one, &[]) {
                        '1'
                    } else {
                        '0'
                    }
                })
                .collect();
            let mut extras: Vec<String> =
                requirement.extras.iter().map(ToString::to_string).collect();
            extras.sort();
            json!([requirement.name, extras, url, wanted.source, allows, holds]).to_string()
        })
        .collect();
    // Poetry may lock for the same dependency more than once.
    lines.sort();
    lines.dedup();
    let theirs: Vec<String> = case["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let line: Value = serde_json::from_str(line.as_str().unwrap()).unwrap();
            line.to_string()
        })
        .collect();
    let mut theirs = theirs;
    theirs.sort();
    theirs.dedup();
    (lines != theirs).then(|| {
        format!(
            "ours:\n  {}\n  Poetry:\n  {}",
            lines.join("\n  "),
            theirs.join("\n  ")
        )
    })
}
