//! Whether the system has a keyring to store in.

/// Whether there is a keyring to store in. Only [`Presence::Absent`] lets a secret be written in
/// plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is one, open or locked.
    Present,
    /// There is none, and why that is certain.
    Absent(String),
    /// That could not be told.
    Unknown(String),
}
