//! Findings as SARIF 2.1.0 (OASIS), which code hosts read.

use std::path::Path;

use serde_json::{Value, json};

use super::{Finding, Kind, Report};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
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
    let rules: Vec<Value> = RULES
        .iter()
        .map(|(kind, text)| {
            json!({ "id": kind.word(), "shortDescription": { "text": text }, "defaultConfiguration": { "level": "error" } })
        })
        .collect();
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| result(finding, folder))
        .collect();
    let notes: Vec<Value> = report
        .skipped
        .iter()
        .map(|skipped| {
            json!({
                "level": "warning",
                "message": { "text": skipped.reason },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&skipped.path, folder) } } }],
            })
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "helper scan",
                "version": credential_helper_protocol::VERSION,
                "rules": rules,
            } },
            "invocations": [{
                "executionSuccessful": report.skipped.is_empty(),
                "toolExecutionNotifications": notes,
            }],
            "results": results,
        }],
    })
}

fn result(finding: &Finding, folder: Option<&Path>) -> Value {
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
    let text = format!(
        "{}{whose}{place} ({}). {}",
        RULES[rule].1, finding.tool, finding.fix
    );
    json!({
        "ruleId": finding.kind.word(),
        "ruleIndex": rule,
        "level": "error",
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.path, folder) },
            "region": { "startLine": finding.line },
        } }],
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
