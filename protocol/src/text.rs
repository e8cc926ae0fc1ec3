//! Text from outside: what is refused at the door, and how the rest is shown.

use std::path::Path;

/// Whether the text holds a control character (C0, DEL, C1): such text is refused in every field,
/// because line-based protocols and terminals would read it as something else.
pub fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// The text as it may be shown on a terminal: control characters, line separators and
/// bidirectional marks are written as `\u{..}`.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if hidden {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A path as it may be shown.
pub fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::{has_control, shown};

    #[test]
    fn controls() {
        assert!(has_control("a\rb") && has_control("a\u{9b}b") && has_control("\0"));
        assert!(!has_control("a b\u{e9}"));
    }

    #[test]
    fn escapes_are_visible() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}b"), "a\\u{1b}[2J\\u{202e}b");
    }
}
