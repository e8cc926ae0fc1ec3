//! `.pypirc`: twine, flit, hatch and distutils (packaging.python.org, "The .pypirc file").

use credential_helper_protocol::{Operation, Secret};

use crate::domain::url::RepositoryUrl;
use crate::scan::finding::{Edit, Found, Kind, Target, Way};
use crate::scan::ini::{self, Entry};
use crate::scan::read::Text;
use crate::scan::urls::{self, Use};
use crate::scan::value::is_reference;

/// Where the sections belong that name no URL (twine `utils.py`).
const KNOWN: [(&str, &str); 3] = [
    ("pypi", "https://upload.pypi.org/legacy/"),
    ("server-login", "https://upload.pypi.org/legacy/"),
    ("testpypi", "https://test.pypi.org/legacy/"),
];

/// # Errors
/// None: whatever is no entry is passed over.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every finder")]
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let entries = ini::entries(&text.text);
    let mut found = Vec::new();
    for entry in &entries {
        let value = &text.text[entry.value.clone()];
        match entry.key.as_str() {
            "password" if !is_reference(value) => found.push(password(text, &entries, entry)),
            "repository" => {
                let hits = urls::hits(&text.text, entry.value.clone());
                let upload = Use::Index(Some(Operation::Upload));
                found.extend(hits.into_iter().map(|hit| hit.found(upload)));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn password(text: &Text, entries: &[Entry], entry: &Entry) -> Found {
    let other = |key: &str| {
        let mut same = entries.iter().filter(|own| own.section == entry.section);
        let own = same.find(|own| own.key == key)?;
        Some(&text.text[own.value.clone()]).filter(|value| !value.is_empty())
    };
    let known = KNOWN.iter().find(|(section, _)| *section == entry.section);
    let url = other("repository").or(known.map(|(_, url)| *url));
    let url = url.and_then(RepositoryUrl::bare);
    let username = other("username").filter(|name| !is_reference(name));
    let secret = &text.text[entry.value.clone()];
    let way = match (&url, username) {
        _ if secret.contains('\n') => {
            Way::ByHand("write the password on one line, then look again")
        }
        (Some(url), Some(_)) => Way::Move {
            to: Target::Url {
                url: url.as_str().to_owned(),
                operation: Some(Operation::Upload),
                section: Some(entry.section.clone()),
            },
            edits: vec![Edit::cut(entry.lines.clone())],
        },
        (_, None) => Way::ByHand("name the account with `username = ...`, then look again"),
        (None, _) => Way::ByHand("name the URL with `repository = ...`, then look again"),
    };
    Found {
        kind: Kind::of(username),
        spans: vec![entry.value.clone()],
        secret: Secret::from(secret),
        username: username.map(str::to_owned),
        origin: url.map(|url| url.origin().to_string()),
        way,
    }
}
