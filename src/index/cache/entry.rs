//! The form of a file of the cache: a mark, the length of its head, the head, and what it keeps.

use serde::{Deserialize, Serialize};

use crate::http::Validators;

/// Begins every file; ends with the number of this form.
const MARK: &[u8; 4] = b"chc\x01";
/// The longest head.
const HEAD: usize = 256 * 1024;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The page of a project, read.
    Page,
    /// The metadata of a file.
    Metadata,
}

impl Kind {
    /// The word used in JSON, and the name of the folder.
    pub fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Metadata => "metadata",
        }
    }
}

/// What is known of an answer besides its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What it is.
    pub kind: Kind,
    /// What was asked for.
    pub url: String,
    /// Who read it: no secret, and nothing from which one can be told.
    pub identity: String,
    /// What the source is called.
    pub source: String,
    /// When it came, in seconds since 1970.
    pub stored: u64,
    /// Until when it holds without being asked for again; as `stored`.
    pub fresh: u64,
    /// By what the server tells whether it still holds.
    pub validators: Validators,
    /// The headers of the answer that say how long it holds.
    pub said: Vec<(String, String)>,
}

impl Head {
    /// Its bytes, with the mark.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        bytes.extend([0; 4]);
        let mut bytes = postcard::to_extend(self, bytes).unwrap_or_default();
        let length = u32::try_from(bytes.len().saturating_sub(8)).unwrap_or(u32::MAX);
        if let Some(place) = bytes.get_mut(4..8) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        bytes
    }

    /// Reads a head; and where it ends. `None` for another form.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let rest = bytes.strip_prefix(MARK)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let head = rest.get(..length).filter(|_| length <= HEAD)?;
        Some((postcard::from_bytes(head).ok()?, 8 + length))
    }
}
