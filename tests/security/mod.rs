//! The security table: a test is named after the row that it holds (`l5_...`), and its comment has the
//! row's rule. Tests of other subjects that hold a row are named so where they stand; unit tests that do
//! are listed behind `Also:`. `tests/security/table` runs them all and writes `docs/security-tests.md`.

#[cfg(feature = "net")]
mod archives;
mod files;
#[cfg(feature = "net")]
mod http;
mod local;
mod memory;
mod other_user;
mod protocol;
mod table;

/// Says why something is not tested on this machine; the table has it as the row's result.
pub fn not_here(reason: &str) {
    eprintln!("not here: {reason}");
}
