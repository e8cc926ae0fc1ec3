//! uv's own store, `credentials.toml` (uv `crates/uv-auth/src/store.rs`).

use std::ops::Range;

use credential_helper_protocol::Secret;
use toml::de::DeTable;

use crate::domain::url::RepositoryUrl;
use crate::scan::finding::{Edit, Found, Kind, Target, Way};
use crate::scan::read::Text;
use crate::scan::tables::{get, parse, tables, text as text_of};
use crate::scan::value::is_reference;

/// # Errors
/// Where it is no TOML.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let root = parse(&text.text)?;
    let entries = tables(&root, "credential");
    let found = entries
        .iter()
        .enumerate()
        .filter_map(|(at, (entry, span))| {
            let next = entries.get(at + 1).map(|(_, span)| span.start);
            credential(text, entry, span.start..next.unwrap_or(text.text.len()))
        });
    Ok(found.collect())
}

fn credential(text: &Text, entry: &DeTable<'_>, whole: Range<usize>) -> Option<Found> {
    let bearer = text_of(entry, "scheme") == Some("bearer");
    let secret = get(entry, if bearer { "token" } else { "password" })?;
    let value = secret.text().filter(|value| !is_reference(value))?;
    let url = text_of(entry, "service").and_then(RepositoryUrl::bare);
    let username = text_of(entry, "username").filter(|name| !name.is_empty());
    let way = match (&url, username) {
        (Some(url), Some(_)) if !bearer => Way::Move {
            to: Target::Scope(url.as_str().to_owned()),
            edits: vec![Edit::cut(lines(&text.text, whole))],
        },
        _ if bearer => Way::ByHand("a bearer token has no place in a keyring; uv keeps it here"),
        _ => Way::ByHand("uv cannot use this entry; remove it with `uv auth logout`"),
    };
    Some(Found {
        kind: if bearer { Kind::Token } else { Kind::HttpBasic },
        spans: vec![secret.inner(&text.text)],
        secret: Secret::from(value),
        username: username.map(str::to_owned),
        origin: url.map(|url| url.origin().to_string()),
        way,
    })
}

/// The lines of an entry: from its header to its last pair; comments behind that belong to what
/// comes next.
fn lines(text: &str, whole: Range<usize>) -> Range<usize> {
    let start = text[..whole.start].rfind('\n').map_or(0, |at| at + 1);
    // The next header's line is no part of this entry.
    let stop = text[..whole.end].rfind('\n').map_or(whole.end, |at| at + 1);
    let stop = if whole.end == text.len() {
        whole.end
    } else {
        stop
    };
    let mut end = start;
    let mut at = start;
    for line in text[start..stop].split_inclusive('\n') {
        at += line.len();
        let bare = line.trim();
        if !bare.is_empty() && !bare.starts_with('#') {
            end = at;
        }
    }
    // One empty line between entries is enough.
    let rest = &text[end..];
    let bare = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'));
    start..bare.map_or(end, |bare| text.len() - bare.len())
}
