//! `pip.conf` and `pip.ini`: URLs of indexes and places of files (pip `configuration.py`).

use crate::scan::finding::Found;
use crate::scan::ini;
use crate::scan::read::Text;
use crate::scan::urls::{self, Use};

/// # Errors
/// None: whatever is no entry is passed over.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every finder")]
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    let mut seen = 0;
    for entry in ini::entries(&text.text) {
        let what = match entry.key.as_str() {
            "index-url" | "extra-index-url" | "index_url" | "extra_index_url" => Use::Index(None),
            "find-links" | "find_links" => Use::File,
            _ => Use::Other("take the userinfo out of the URL"),
        };
        // Between entries stand comments.
        found.extend(comments(text, seen, entry.value.start));
        seen = entry.value.end;
        let hits = urls::hits(&text.text, entry.value);
        found.extend(hits.into_iter().map(|hit| hit.found(what)));
    }
    found.extend(comments(text, seen, text.text.len()));
    Ok(found)
}

fn comments(text: &Text, from: usize, to: usize) -> Vec<Found> {
    let hits = urls::hits(&text.text, from..to.max(from));
    let what = Use::Other("take the URL out of the comment");
    hits.into_iter().map(|hit| hit.found(what)).collect()
}
