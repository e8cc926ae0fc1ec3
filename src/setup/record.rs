//! What was made, for `--undo`: `setup.json` in the state folder (0600).
//!
//! A change is written down before it is made: whoever is killed in between leaves an entry for
//! something that is not there, which undoing passes over.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::change::{Change, Made};
use crate::edit::{Mode, edit_text};

/// One change that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The tools that need it; it goes with the last of them.
    pub tools: Vec<String>,
    /// The change.
    pub change: Change,
    /// What was made around it.
    #[serde(default)]
    pub made: Made,
}

#[derive(Default, Serialize, Deserialize)]
struct Document {
    #[serde(default)]
    made: Vec<Entry>,
}

/// The record.
pub struct Record(PathBuf);

impl Record {
    /// The one in this state folder.
    pub fn in_folder(state: &Path) -> Self {
        Self(state.join("setup.json"))
    }

    /// Every entry, in the order in which they were made.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub async fn entries(&self) -> Result<Vec<Entry>, Failure> {
        self.change(|_| ()).await.map(|(_, entries)| entries)
    }

    /// Changes the entries.
    ///
    /// # Errors
    /// Where the record cannot be read or written.
    pub async fn update(
        &self,
        change: impl FnMut(&mut Vec<Entry>) + Send + 'static,
    ) -> Result<(), Failure> {
        self.change(change).await.map(|_| ())
    }

    async fn change(
        &self,
        mut change: impl FnMut(&mut Vec<Entry>) + Send + 'static,
    ) -> Result<(bool, Vec<Entry>), Failure> {
        let (entries, written) = edit_text(&self.0, Mode::Private, move |text| {
            let mut document = read(text)?;
            let before = document.made.clone();
            change(&mut document.made);
            let new = if document.made == before {
                text.to_owned()
            } else {
                let mut new = serde_json::to_string_pretty(&document)
                    .map_err(|_| Failure::new(ErrorCode::Internal, "it cannot be written"))?;
                new.push('\n');
                new
            };
            Ok((document.made, Zeroizing::new(new)))
        })
        .await?;
        Ok((written, entries))
    }
}

fn read(text: &str) -> Result<Document, Failure> {
    if text.trim().is_empty() {
        return Ok(Document::default());
    }
    serde_json::from_str(text).map_err(|error| {
        Failure::new(
            ErrorCode::Malformed,
            format!("line {} is not what was written there", error.line()),
        )
        .hint("it says what `helper setup` changed: correct or remove it, then try again")
    })
}
