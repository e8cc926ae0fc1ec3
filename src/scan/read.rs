//! A file's text, with the place it was read from.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::edit::read::present;

/// A file's text; wiped when it is dropped.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) path: PathBuf,
    pub(super) text: Zeroizing<String>,
}

impl Text {
    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// Why it cannot be read, in our words.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let text = present(path)?;
        Ok(text.map(|text| Self {
            path: path.to_owned(),
            text,
        }))
    }
}
