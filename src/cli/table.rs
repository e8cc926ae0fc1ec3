//! Tables for people: columns as wide as their widest cell, the last one as it comes.

use crate::domain::text::shown;

/// How a cell looks where there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    #[default]
    Plain,
    /// Headings.
    Strong,
    /// Less important.
    Dim,
    /// As it should be.
    Good,
    /// To be looked at.
    Warning,
    /// Wrong.
    Problem,
}

impl Style {
    /// The text with its colour, where there are colours.
    pub(crate) fn paint(self, text: &str, colours: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Problem => "31",
        };
        if colours && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// The look of a state or an answer, by its word in the protocol.
    pub(crate) fn of_word(word: &str) -> Self {
        match word {
            "active" | "found" | "ready" | "allowed" | "ok" => Self::Good,
            "locked" | "shadowed" | "username-only" | "timed-out" | "open" | "unbound"
            | "warning" => Self::Warning,
            "unavailable" | "malformed" | "changed" | "insecure" | "refused" | "problem"
            | "FAILED" => Self::Problem,
            "skipped" | "off" | "not-found" | "not here" => Self::Dim,
            _ => Self::Plain,
        }
    }
}

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell with this text, made safe to show.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: shown(text),
            style: Style::Plain,
        }
    }

    /// A cell with a word of the protocol.
    pub(crate) fn word(text: &str) -> Self {
        Self {
            text: shown(text),
            style: Style::of_word(text),
        }
    }

    /// A cell that may be unknown.
    pub(crate) fn maybe(text: Option<&str>) -> Self {
        Self::new(text.unwrap_or("-"))
    }
}

/// The table as text: a line of headings, then the rows.
pub(crate) fn table(headings: &[&str], rows: &[Vec<Cell>], colours: bool) -> String {
    let head: Vec<Cell> = headings
        .iter()
        .map(|heading| Cell {
            text: (*heading).to_owned(),
            style: Style::Strong,
        })
        .collect();
    lines(std::iter::once(&head).chain(rows), colours)
}

/// The rows alone.
pub(crate) fn lines<'a>(
    rows: impl Iterator<Item = &'a Vec<Cell>> + Clone,
    colours: bool,
) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.clone() {
        for (at, cell) in row.iter().enumerate() {
            let width = cell.text.chars().count();
            match widths.get_mut(at) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        for (at, cell) in row.iter().enumerate().take(last.map_or(0, |at| at + 1)) {
            text.push_str(&cell.style.paint(&cell.text, colours));
            if Some(at) != last {
                let gap = widths[at] - cell.text.chars().count() + 2;
                text.push_str(&" ".repeat(gap));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Cell, Style, table};

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = [
            vec![Cell::new("foo"), Cell::word("active"), Cell::default()],
            vec![Cell::new("longer"), Cell::new("x"), Cell::maybe(None)],
        ];
        assert_eq!(
            table(&["NAME", "STATE", "END"], &rows, false),
            "NAME    STATE   END\nfoo     active\nlonger  x       -\n"
        );
    }

    #[test]
    fn colours_do_not_count_as_width() {
        let rows = [vec![Cell::word("active"), Cell::new("x")]];
        assert!(table(&["A", "B"], &rows, true).ends_with("\u{1b}[32mactive\u{1b}[0m  x\n"));
        assert_eq!(Style::Good.paint("a", false), "a");
    }

    #[test]
    fn cells_cannot_speak_to_the_terminal() {
        let rows = [vec![Cell::new("a\u{1b}[2J")]];
        assert_eq!(table(&["A"], &rows, false), "A\na\\u{1b}[2J\n");
    }
}
