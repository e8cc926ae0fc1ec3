//! Requirements and constraints (pip, "Requirements File Format").

use crate::scan::finding::Found;
use crate::scan::read::Text;
use crate::scan::urls::{self, Hit, Use};

/// # Errors
/// None: whatever is no URL is passed over.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every finder")]
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let hits = urls::hits(&text.text, 0..text.text.len());
    let found = |hit: Hit| {
        let what = used_for(&text.text, &hit);
        hit.found(what)
    };
    Ok(hits.into_iter().map(found).collect())
}

fn used_for(text: &str, hit: &Hit) -> Use {
    let line = text[..hit.start].rfind('\n').map_or(0, |at| at + 1);
    let before = text[line..hit.start].trim_start();
    if before.starts_with('#') || before.contains(" #") {
        return Use::Other("take the URL out of the comment");
    }
    let option = before.split([' ', '\t', '=']).next().unwrap_or_default();
    match option {
        "-i" | "--index-url" | "--pypi-url" | "--extra-index-url" => Use::Index(None),
        _ => Use::File,
    }
}
