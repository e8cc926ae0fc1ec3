//! Hatch's `config.toml`: `[publish.index]` and `[publish.index.repos.NAME]`
//! (`hatch/publish/index.py`).

use credential_helper_protocol::Operation;
use toml::de::DeTable;

use super::account::Account;
use super::pyproject;
use crate::scan::finding::Found;
use crate::scan::read::Text;
use crate::scan::tables::{at, pairs, parse, text as text_of};

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
    let known = KNOWN.iter().find(|(known, _)| *known == name);
    let account = Account::read(table, "auth", "user", known.map(|(_, url)| *url))?;
    let by_hand = "give the repository `url` and `user` beside `auth`, then look again";
    Some(account.found(text, account.by_url(Operation::Upload), by_hand))
}
