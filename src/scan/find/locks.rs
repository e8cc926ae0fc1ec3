//! Lock files and Pipfile: what the tool copied into them from its sources.

use crate::scan::finding::Found;
use crate::scan::read::Text;
use crate::scan::urls::{self, Use};

const LOCKED: &str = "take the userinfo out of the source's URL and lock again; \
                      a lock file is committed: replace the secret on the server";
const PIPFILE: &str = "take the userinfo out of the source's URL and store it with \
                       `helper set NAME USERNAME`; a Pipfile is committed: replace the secret on the server";

/// # Errors
/// None: whatever is no URL is passed over.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every finder")]
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let pipfile = text.path.file_name().is_some_and(|name| name == "Pipfile");
    let what = Use::Other(if pipfile { PIPFILE } else { LOCKED });
    let hits = urls::hits(&text.text, 0..text.text.len());
    Ok(hits.into_iter().map(|hit| hit.found(what)).collect())
}
