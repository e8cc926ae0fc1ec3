//! A line on the terminal that is written again and again while something goes on.

use super::output::Output;

/// Back to the beginning of the line, which is emptied.
const AGAIN: &str = "\r\u{1b}[K";

/// The line; nothing where nobody watches.
#[derive(Default)]
pub(crate) struct Line {
    /// Whether it stands there unfinished.
    open: bool,
}

impl Line {
    /// Writes this text over what stands there.
    pub(crate) fn show(&mut self, out: &mut Output, text: &str) {
        if out.is_watched() && !out.is_json() {
            out.people(&format!("{AGAIN}{text}"));
            self.open = true;
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self, out: &mut Output) {
        if std::mem::take(&mut self.open) {
            out.people(AGAIN);
        }
    }
}
