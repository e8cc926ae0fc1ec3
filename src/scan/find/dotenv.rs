//! `.env` files: variables of the tools, and URLs.

use crate::scan::find::ci;
use crate::scan::finding::Found;
use crate::scan::read::Text;

/// # Errors
/// None: whatever is no assignment is passed over.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every finder")]
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    Ok(ci::with(
        text,
        "store it with `helper set NAME USERNAME` (or --token) and take the line out",
    ))
}
