//! `pyproject.toml`, and other TOML files of indexes: URLs, by the key that they stand behind.

use credential_helper_protocol::Operation;

use crate::scan::finding::Found;
use crate::scan::read::Text;
use crate::scan::tables;
use crate::scan::urls::{self, Hit, Use};

/// Keys of index URLs: sources of Poetry and PDM, uv's tables and options.
const INDEXES: [&str; 7] = [
    "url",
    "index-url",
    "extra-index-url",
    "default-index",
    "index",
    "check-url",
    "find-links",
];

/// # Errors
/// Where it is no TOML.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    tables::parse(&text.text)?;
    Ok(found(text))
}

/// Every URL of a text that is TOML.
pub(super) fn found(text: &Text) -> Vec<Found> {
    let hits = urls::hits(&text.text, 0..text.text.len());
    let what = |hit: Hit| {
        let what = used_for(&text.text, &hit);
        hit.found(what)
    };
    hits.into_iter().map(what).collect()
}

fn used_for(text: &str, hit: &Hit) -> Use {
    let line = text[..hit.start].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..hit.start];
    if before.trim_start().starts_with('#') {
        return Use::Other("take the URL out of the comment");
    }
    let before = before.trim_end_matches(['"', '\'']);
    let key = before.trim_end().strip_suffix('=').map(str::trim_end);
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '"');
    match key.map(|key| key[key.trim_end_matches(word).len()..].trim_matches('"')) {
        Some("publish-url") => Use::Index(Some(Operation::Upload)),
        Some(key) if INDEXES.contains(&key) => Use::Index(None),
        _ if is_listed(text, line) => Use::Index(None),
        _ => Use::Other(
            "take the userinfo out of the URL and store it with `helper set NAME USERNAME`",
        ),
    }
}

/// Whether a line belongs to a list of index URLs that was opened above it.
fn is_listed(text: &str, line: usize) -> bool {
    let open = text[..line]
        .lines()
        .rev()
        .find(|above| above.contains('=') || above.trim_start().starts_with('['));
    open.and_then(|above| above.trim_end().strip_suffix('['))
        .and_then(|above| above.trim_end().strip_suffix('='))
        .is_some_and(|key| INDEXES.contains(&key.trim()))
}
