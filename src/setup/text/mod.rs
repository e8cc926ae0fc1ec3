//! Texts of other tools' files: one thing goes in, and out again, and all else stays as it is.
//!
//! Pure functions from text to text. Lines end with LF here; whoever writes the file gives them
//! back their own ends.

pub mod ini;
pub mod json;
pub mod lines;
pub mod toml;

use super::change::Made;

/// What becomes of a text into which something is put.
#[derive(Debug, PartialEq, Eq)]
pub enum Put {
    /// It holds that already.
    Already,
    /// It says something else in that place; what, in a few words.
    Taken(String),
    /// The new text.
    New(String, Made),
}

/// What becomes of a text from which something is taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Take {
    /// It does not hold it any more.
    Gone,
    /// It says something else in that place.
    Changed,
    /// The new text.
    New(String),
}
