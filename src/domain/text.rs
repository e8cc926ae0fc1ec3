//! Text from outside: the same rules as at the client's door.

pub use credential_helper_protocol::text::{has_control, shown, shown_path};

/// A word as a shell takes it, for lines that a user may copy.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    let word = shown(word);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The line of a place in a text, from 1.
pub fn line_at(text: &[u8], at: usize) -> usize {
    text[..at.min(text.len())]
        .split(|byte| *byte == b'\n')
        .count()
}
