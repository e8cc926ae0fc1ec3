//! `auth.toml` of Poetry, read and changed; the helper's own settings and bindings.

use std::path::Path;

use credential_helper_protocol::Secret;

use super::Entry;
use super::poetry::{http_basic, list, token};
use super::poetry_edit::{
    set_http_basic, set_token, unset_http_basic, unset_password, unset_token,
};
use super::settings_read;
use super::trust_text;
use crate::domain::name::RepositoryName;
use crate::domain::toml_text::Document;
use crate::edit;

const PLACE: &str = "auth.toml";
const NAMES: [&str; 4] = ["foo", "my.repo", "my", "PyPI"];

fn read(text: &str) -> Option<Document> {
    match Document::parse(Path::new(PLACE), text) {
        Ok(document) => Some(document),
        Err(failure) => {
            let line = failure.detail.strip_prefix("auth.toml line ");
            let line = line.and_then(|rest| rest.strip_suffix(" is not valid TOML"));
            let line: usize = line.expect("our words").parse().expect("a number");
            assert!(line >= 1 && line <= text.matches('\n').count() + 1);
            None
        }
    }
}

/// Every text in the tables of secrets that is long enough to be known again.
fn secrets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(table) = text.parse::<toml::Table>() else {
        return found;
    };
    fn walk(value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::String(text) if text.len() > 7 => found.push(text.clone()),
            toml::Value::Table(table) => table.values().for_each(|value| walk(value, found)),
            toml::Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    for section in ["http-basic", "pypi-token"] {
        if let Some(value) = table.get(section) {
            walk(value, &mut found);
        }
    }
    // A key may say the same.
    found.retain(|secret| text.matches(secret.as_str()).count() == 1);
    found
}

fn entries(document: &Document) -> Option<Vec<Entry>> {
    list(document, Path::new(PLACE)).ok()
}

/// Poetry's `auth.toml`.
pub fn auth_toml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(document) = read(text) else {
        assert!(edit::parse(text).is_err(), "what cannot be read is changed");
        return;
    };
    let secrets = secrets(text);
    let quotes_nothing = |told: &str| {
        assert!(
            secrets.iter().all(|secret| !told.contains(secret.as_str())),
            "an error quotes"
        );
    };
    for name in NAMES {
        for found in [
            http_basic(&document, name, PLACE),
            token(&document, name, PLACE),
        ] {
            if let Err(failure) = found {
                quotes_nothing(&failure.detail);
            }
        }
    }
    if let Err(failure) = list(&document, Path::new(PLACE)) {
        quotes_nothing(&failure.detail);
    }
    for name in NAMES {
        let name = RepositoryName::parse(name).expect("a name");
        changed(text, &name);
    }
}

/// Each change does what it says, and nothing to other names.
fn changed(text: &str, name: &RepositoryName) {
    let Ok(original) = edit::parse(text) else {
        return;
    };
    let before = read(text).as_ref().and_then(entries);
    let kept = |after: &Document, what: &str| {
        let Some(before) = &before else { return };
        let after = entries(after).unwrap_or_else(|| panic!("{what} made the file unreadable"));
        let others = |list: &[Entry]| -> Vec<Entry> {
            let other = |entry: &&Entry| entry.name.as_deref() != Some(name.as_str());
            list.iter().filter(other).cloned().collect()
        };
        let (mut old, mut new) = (others(before), others(&after));
        let key = |entry: &Entry| (entry.name.clone(), entry.username.clone(), entry.is_token);
        old.sort_by_key(key);
        new.sort_by_key(key);
        assert_eq!(old, new, "{what} changed another name");
    };
    let secret = Secret::from("s3cret \"'\\ \u{e9}");
    let mut doc = original.clone();
    if set_http_basic(&mut doc, name, "us\"er", Some(&secret)).is_ok() {
        let after = read(&doc.to_string()).expect("what was written can be read");
        let found = http_basic(&after, name.as_str(), PLACE);
        let found = found.ok().flatten().expect("what was stored is there");
        assert_eq!(found.username.as_deref(), Some("us\"er"));
        assert!(found.secret.is_some_and(|own| own.same(&secret)));
        kept(&after, "storing");
        let mut again = doc.clone();
        assert!(set_http_basic(&mut again, name, "us\"er", Some(&secret)).is_ok());
        assert_eq!(again.to_string(), doc.to_string(), "storing twice");
        unset_password(&mut doc, name);
        let after = read(&doc.to_string()).expect("what was written can be read");
        let found = http_basic(&after, name.as_str(), PLACE).ok().flatten();
        assert!(
            found.is_some_and(|found| found.secret.is_none()),
            "a password stays"
        );
        kept(&after, "dropping the password");
    }
    let mut doc = original.clone();
    if set_token(&mut doc, name, &secret).is_ok() {
        let after = read(&doc.to_string()).expect("what was written can be read");
        let found = token(&after, name.as_str(), PLACE).ok().flatten();
        assert!(
            found
                .and_then(|found| found.secret)
                .is_some_and(|own| own.same(&secret))
        );
        kept(&after, "storing a token");
    }
    let mut doc = original.clone();
    unset_http_basic(&mut doc, name.as_str(), None);
    let after = read(&doc.to_string()).expect("what was written can be read");
    if let Ok(found) = http_basic(&after, name.as_str(), PLACE) {
        assert!(found.is_none(), "what was removed is there");
    }
    kept(&after, "removing");
    let mut doc = original;
    unset_token(&mut doc, name.as_str());
    let after = read(&doc.to_string()).expect("what was written can be read");
    if let Ok(found) = token(&after, name.as_str(), PLACE) {
        assert!(found.is_none(), "a token that was removed is there");
    }
    kept(&after, "removing a token");
}

/// The helper's `config.toml` and `trust.toml`.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(document) = read(text) {
        // Of these no value is repeated but repositories' names and programs.
        let _ = settings_read::read(&document, Path::new("/home/user"));
    }
    if let Ok(record) = trust_text::parse(text) {
        for binding in &record.bindings {
            let (again, userinfo) = crate::domain::url::RepositoryUrl::parse(binding.url.as_str())
                .expect("a binding's URL is one");
            assert!(userinfo.is_none() && again.origin() == binding.url.origin());
        }
    }
}
