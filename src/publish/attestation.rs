//! Attestations (PEP 740) that stand beside a file: `FILE.NAME.attestation`.
//!
//! They are made and verified by others. Here it is only seen that each is one, and of this file:
//! an index refuses the whole upload otherwise.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::digest::Digests;
use super::distribution::open;

/// One attestation, in bytes: those of Sigstore have some ten thousand.
const SIZE: u64 = 1024 * 1024;

/// The attestations beside a file as the form has them, a JSON array; `None` where there are none.
///
/// # Errors
/// What is wrong with one, by its name.
pub fn beside(path: &Path, digests: &Digests) -> Result<Option<String>, String> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(folder)
        .map_err(|error| format!("looking for its attestations failed ({})", error.kind()))?;
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|other| {
            let inner = other
                .strip_prefix(&name)
                .and_then(|rest| rest.strip_prefix('.'));
            inner.is_some_and(|rest| rest.ends_with(".attestation"))
        })
        .collect();
    found.sort();
    let mut kinds = BTreeSet::new();
    let mut all = Vec::new();
    for other in &found {
        let one = read(&open(&folder.join(other)).map_err(|why| format!("{other}: {why}"))?)
            .ok_or_else(|| format!("{other} is no attestation"))?;
        let statement = statement(&one).ok_or_else(|| format!("{other} is no attestation"))?;
        if !is_of(&statement, &name, digests) {
            return Err(format!("{other} attests another file, or other bytes"));
        }
        if !kinds.insert(statement["predicateType"].to_string()) {
            return Err(format!("{other} attests the same as another one"));
        }
        all.push(one);
    }
    if all.is_empty() {
        return Ok(None);
    }
    Ok(Some(Value::Array(all).to_string()))
}

fn read(file: &File) -> Option<Value> {
    let mut bytes = Vec::new();
    file.take(SIZE + 1).read_to_end(&mut bytes).ok()?;
    let one: Value = serde_json::from_slice(&bytes).ok()?;
    let sound = bytes.len() as u64 <= SIZE
        && one["version"] == 1
        && one["verification_material"].is_object()
        && one["envelope"]["signature"].is_string();
    sound.then_some(one)
}

/// What is attested, without the signature around it.
fn statement(one: &Value) -> Option<Value> {
    let bytes = STANDARD
        .decode(one["envelope"]["statement"].as_str()?)
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether this file is the one subject.
fn is_of(statement: &Value, name: &str, digests: &Digests) -> bool {
    let subjects = statement["subject"].as_array();
    subjects.is_some_and(|all| {
        all.len() == 1
            && all[0]["name"] == name
            && all[0]["digest"]["sha256"] == digests.sha256.as_str()
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::beside;
    use crate::publish::digest::Digests;

    const NAME: &str = "a-1.0.tar.gz";

    fn attestation(name: &str, sha256: &str, kind: &str) -> String {
        let subject = json!([{ "name": name, "digest": { "sha256": sha256 } }]);
        let statement = json!({ "subject": subject, "predicateType": kind }).to_string();
        json!({
            "version": 1,
            "verification_material": { "certificate": "x", "transparency_entries": [] },
            "envelope": { "statement": STANDARD.encode(statement), "signature": "s" },
        })
        .to_string()
    }

    #[test]
    fn those_beside_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |end: &str, text: &str| {
            std::fs::write(folder.path().join(format!("{NAME}{end}")), text).unwrap();
        };
        let digests = Digests {
            sha256: "ab".to_owned(),
            blake2: String::new(),
            size: 0,
        };
        let read = || beside(&folder.path().join(NAME), &digests);
        assert_eq!(read(), Ok(None));
        write(".publish.attestation", &attestation(NAME, "ab", "publish"));
        write(".slsa.attestation", &attestation(NAME, "ab", "slsa"));
        write(".asc", "x");
        std::fs::write(folder.path().join("b-1.0.tar.gz.publish.attestation"), "x").unwrap();
        let all: Value = serde_json::from_str(&read().unwrap().unwrap()).unwrap();
        assert_eq!(all.as_array().unwrap().len(), 2);
        assert_eq!(all[0]["version"], 1);
        for (text, expected) in [
            (attestation(NAME, "ab", "publish"), "the same as another"),
            (
                attestation(NAME, "cd", "other"),
                "another file, or other bytes",
            ),
            (attestation("b-1.0.tar.gz", "ab", "other"), "another file"),
            ("{}".to_owned(), "is no attestation"),
            ("x".to_owned(), "is no attestation"),
        ] {
            write(".third.attestation", &text);
            let why = read().unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }
}
