//! Hatch's `config.toml`: `[publish.index]` and `[publish.index.repos.NAME]`
//! (`hatch/publish/index.py`).

use credential_helper_protocol::{Operation, Secret};
use toml::de::DeTable;

use crate::domain::url::RepositoryUrl;
use crate::scan::find::pyproject;
use crate::scan::finding::{Found, Kind, Target, Way};
use crate::scan::read::Text;
use crate::scan::tables::{at, get, pairs, parse, text as text_of};
use crate::scan::value::is_reference;

/// Repositories that Hatch knows without a URL.
const KNOWN: [(&str, &str); 2] = [
    ("main", "https://upload.pypi.org/legacy/"),
    ("test", "https://test.pypi.org/legacy/"),
];

/// # Errors
/// Where it is no TOML.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let root = parse(&text.text)?;
    let mut found = pyproject::found(text);
    if let Some(index) = at(&root, &["publish", "index"]) {
        let repo = text_of(index, "repo").unwrap_or("main");
        found.extend(entry(text, index, repo));
        for pair in at(index, &["repos"]).map(pairs).unwrap_or_default() {
            found.extend(
                pair.table()
                    .and_then(|table| entry(text, table, &pair.name)),
            );
        }
    }
    Ok(found)
}

fn entry(text: &Text, table: &DeTable<'_>, name: &str) -> Option<Found> {
    let secret = get(table, "auth")?;
    let value = secret.text().filter(|value| !is_reference(value))?;
    let known = KNOWN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, url)| *url);
    let url = text_of(table, "url")
        .or(known)
        .and_then(|url| RepositoryUrl::parse(url).ok());
    let username = text_of(table, "user").filter(|name| !is_reference(name));
    let way = match (&url, username) {
        (Some((url, _)), Some(_)) => Way::Move {
            to: Target::Url {
                url: url.as_str().to_owned(),
                operation: Some(Operation::Upload),
                section: None,
            },
            edits: vec![secret.cut(&text.text)],
        },
        _ => Way::ByHand("give the repository `url` and `user` beside `auth`, then look again"),
    };
    Some(Found {
        kind: if username == Some("__token__") {
            Kind::Token
        } else {
            Kind::HttpBasic
        },
        spans: vec![secret.inner(&text.text)],
        secret: Secret::from(value),
        username: username.map(str::to_owned),
        origin: url.map(|(url, _)| url.origin().to_string()),
        way,
    })
}
