//! `python` and `platform` of a dependency, as a marker of PEP 508.

use pep440_rs::Version;
use pep508_rs::MarkerTree;

use super::constraint::{Constraint, Part, release_after};
use crate::package::requirement::marker as parse;

/// `python = "^3.9"` (`create_nested_marker` of poetry-core). `python_version` has two numbers, so
/// that a bound with three, and one that leaves its own version out, is one of the full version.
///
/// # Errors
/// What is wrong, without the text.
pub(super) fn python(text: &str) -> Result<MarkerTree, String> {
    let constraint = Constraint::parse(text)?;
    let mut any = MarkerTree::FALSE;
    for parts in constraint.parts() {
        let mut all = MarkerTree::TRUE;
        for part in parts {
            all.and(python_part(part)?);
        }
        any.or(all);
    }
    Ok(any)
}

fn python_part(part: &Part) -> Result<MarkerTree, String> {
    let compare = |operator: &str, version: &Version| {
        let release = version.only_release();
        let (key, release) = match (operator, release.release().len()) {
            (">" | "<=", length) if length < 3 => {
                let mut numbers = release.release().to_vec();
                numbers.resize(3, 0);
                ("python_full_version", Version::new(numbers))
            }
            (_, length) if length >= 3 => ("python_full_version", release),
            _ => ("python_version", release),
        };
        parse(&format!("{key} {operator} '{release}'"))
    };
    let or = |mut one: MarkerTree, other: MarkerTree| {
        one.or(other);
        one
    };
    Ok(match part {
        Part::Any => MarkerTree::TRUE,
        Part::Range(low, high) => {
            let mut both = MarkerTree::TRUE;
            if let Some((low, with)) = low {
                both.and(compare(if *with { ">=" } else { ">" }, low)?);
            }
            if let Some((high, with)) = high {
                both.and(compare(if *with { "<=" } else { "<" }, high)?);
            }
            both
        }
        Part::Exactly(version) => compare("==", version)?,
        Part::Not(version) => or(compare("<", version)?, compare(">", version)?),
        Part::Prefix(version) => {
            let mut both = compare(">=", version)?;
            both.and(compare("<", &release_after(version))?);
            both
        }
        Part::NotPrefix(version) => or(
            compare("<", version)?,
            compare(">=", &release_after(version))?,
        ),
    })
}

/// `platform = "linux || darwin"` (`constraints/generic/parser.py` of poetry-core).
///
/// # Errors
/// What is wrong, without the text.
pub(super) fn platform(text: &str) -> Result<MarkerTree, String> {
    if text.trim() == "*" {
        return Ok(MarkerTree::TRUE);
    }
    let mut any = MarkerTree::FALSE;
    for one in text.replace("||", "|").split('|') {
        let mut all = MarkerTree::TRUE;
        for token in one.split(',') {
            let token = token.trim();
            let (operator, value) = match token.strip_prefix("!=") {
                Some(value) => ("!=", value),
                None => ("==", token.trim_start_matches('=')),
            };
            let value = value.trim();
            if value.is_empty() || value.contains(['\'', '"', '\\']) {
                return Err("it is no name of a platform".to_owned());
            }
            all.and(parse(&format!("sys_platform {operator} '{value}'"))?);
        }
        any.or(all);
    }
    Ok(any)
}
