//! Lines: where one is, and how it ends. A file that was written on Windows, or by two editors,
//! keeps its own line ends.

/// Appends `new`, whose lines end with LF, with the line ends of `old`: lines before and after the
/// change keep theirs exactly, changed ones get the more frequent one.
pub(super) fn with_line_ends_of(old: &str, new: &str, out: &mut String) {
    if !old.contains("\r\n") {
        out.push_str(new);
        return;
    }
    let old: Vec<Line<'_>> = old.split_inclusive('\n').map(Line::of).collect();
    let new: Vec<Line<'_>> = new.split_inclusive('\n').map(Line::of).collect();
    let crlf = old.iter().filter(|line| line.end == "\r\n").count();
    let usual = if crlf * 2 >= old.len() { "\r\n" } else { "\n" };
    let same = |(a, b): &(&Line<'_>, &Line<'_>)| a.text == b.text;
    let before = old.iter().zip(&new).take_while(same).count();
    let rest = old.len().min(new.len()) - before;
    let pairs = old.iter().rev().zip(new.iter().rev());
    let after = pairs.take(rest).take_while(same).count();
    for (at, line) in new.iter().enumerate() {
        let partner = if at < before {
            old.get(at)
        } else {
            let from_end = new.len() - at;
            (from_end <= after).then(|| &old[old.len() - from_end])
        };
        out.push_str(line.text);
        if line.end == "\n" {
            let end = partner.map_or(usual, |partner| partner.end);
            out.push_str(if end.is_empty() { usual } else { end });
        }
    }
}

struct Line<'a> {
    text: &'a str,
    end: &'static str,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        if let Some(text) = line.strip_suffix("\r\n") {
            return Line { text, end: "\r\n" };
        }
        match line.strip_suffix('\n') {
            Some(text) => Line { text, end: "\n" },
            None => Line {
                text: line,
                end: "",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_line_ends_of;

    fn joined(old: &str, new: &str) -> String {
        let mut out = String::new();
        with_line_ends_of(old, new, &mut out);
        out
    }

    #[test]
    fn table() {
        for (old, new, expected) in [
            ("a\nb\n", "a\nc\n", "a\nc\n"),
            ("a\r\nb\r\n", "a\nc\nb\n", "a\r\nc\r\nb\r\n"),
            ("a\r\nb", "a\nb\nc\n", "a\r\nb\r\nc\r\n"),
            ("a\nb\r\nc\r\n", "a\nx\nb\nc\n", "a\nx\r\nb\r\nc\r\n"),
            ("a\nb\nc\nd\r\n", "a\nx\nc\nd\n", "a\nx\nc\nd\r\n"),
            ("a\r\na\r\n", "a\n", "a\r\n"),
            ("a\r\n", "a\na\na\n", "a\r\na\r\na\r\n"),
            ("a\r\n", "", ""),
        ] {
            assert_eq!(joined(old, new), expected, "{old:?} {new:?}");
        }
    }
}
