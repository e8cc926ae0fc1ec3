//! Findings as SARIF 2.1.0 (OASIS), which code hosts read: the form alone; what is found, others say.

use std::path::Path;

use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// May be wrong.
    Warning,
    /// Is wrong.
    Error,
}

impl Level {
    /// The word of the form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What it is called.
    pub id: &'static str,
    /// What it is, in one line.
    pub text: &'static str,
    /// How bad it is where nothing else is said.
    pub level: Level,
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// Which of the rules.
    pub rule: usize,
    /// How bad it is.
    pub level: Level,
    /// What was found, and what to do.
    pub text: String,
    /// The file.
    pub path: &'a Path,
    /// The line, from 1; 0 where it is the file as a whole.
    pub line: usize,
}

/// What could not be looked at.
#[derive(Clone, Debug)]
pub struct Missed<'a> {
    /// The file, where it is one.
    pub path: Option<&'a Path>,
    /// Why.
    pub reason: &'a str,
}

/// A run as one object; paths are relative to the folder where they lie below it.
pub fn log(
    tool: &str,
    rules: &[Rule],
    found: &[Found<'_>],
    missed: &[Missed<'_>],
    folder: Option<&Path>,
) -> Value {
    let rules_said: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.text },
                "defaultConfiguration": { "level": rule.level.word() },
            })
        })
        .collect();
    let results: Vec<Value> = found
        .iter()
        .map(|one| {
            let mut place = json!({ "artifactLocation": { "uri": uri(one.path, folder) } });
            if one.line > 0 {
                place["region"] = json!({ "startLine": one.line });
            }
            json!({
                "ruleId": rules.get(one.rule).map(|rule| rule.id),
                "ruleIndex": one.rule,
                "level": one.level.word(),
                "message": { "text": one.text },
                "locations": [{ "physicalLocation": place }],
            })
        })
        .collect();
    let notes: Vec<Value> = missed
        .iter()
        .map(|missed| {
            let mut note = json!({ "level": "warning", "message": { "text": missed.reason } });
            if let Some(path) = missed.path {
                note["locations"] = json!([{
                    "physicalLocation": { "artifactLocation": { "uri": uri(path, folder) } }
                }]);
            }
            note
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": tool,
                "version": credential_helper_protocol::VERSION,
                "rules": rules_said,
            } },
            "invocations": [{
                "executionSuccessful": missed.is_empty(),
                "toolExecutionNotifications": notes,
            }],
            "results": results,
        }],
    })
}

/// A path as a URI reference (RFC 3986).
fn uri(path: &Path, folder: Option<&Path>) -> String {
    let below = folder.and_then(|folder| path.strip_prefix(folder).ok());
    let text = below.unwrap_or(path).to_string_lossy().replace('\\', "/");
    let mut uri = String::with_capacity(text.len() + 8);
    if below.is_none() {
        uri.push_str(if text.starts_with('/') {
            "file://"
        } else {
            "file:///"
        });
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"/-._~".contains(&byte)
            || (byte == b':' && below.is_none())
        {
            uri.push(char::from(byte));
        } else {
            uri.extend(["%", &format!("{byte:02X}")]);
        }
    }
    uri
}
