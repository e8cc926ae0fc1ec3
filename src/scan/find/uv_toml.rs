//! `uv.toml`: the URLs of indexes.

use crate::scan::find::pyproject;
use crate::scan::finding::Found;
use crate::scan::read::Text;

/// # Errors
/// Where it is no TOML.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    pyproject::find(text)
}
