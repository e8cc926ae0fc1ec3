//! INI files as Python's configparser reads them: sections, `key = value` or `key: value`, values
//! that go on in indented lines, comments that take whole lines.

use std::ops::Range;

/// One entry.
pub(super) struct Entry {
    pub(super) section: String,
    /// In lower case, as configparser has it.
    pub(super) key: String,
    /// Its value, from the first character to the last.
    pub(super) value: Range<usize>,
    /// Its lines, with their ends.
    pub(super) lines: Range<usize>,
}

/// The entries in order.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let (mut section, mut open) = (String::new(), false);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let begin = start;
        start += line.len();
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        let inner = begin + (line.len() - line.trim_start().len());
        if inner > begin && open {
            if let Some(last) = found.last_mut() {
                if last.value.is_empty() {
                    last.value.start = inner;
                }
                last.value.end = inner + bare.len();
                last.lines.end = start;
            }
            continue;
        }
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.0.clone_into(&mut section);
            open = false;
            continue;
        }
        let Some(at) = bare.find(['=', ':']) else {
            open = false;
            continue;
        };
        let value = bare[at + 1..].trim_start();
        let end = inner + bare.len();
        found.push(Entry {
            section: section.clone(),
            key: bare[..at].trim_end().to_ascii_lowercase(),
            value: end - value.len()..end,
            lines: begin..start,
        });
        open = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn as_configparser_reads_them() {
        let text = "; c\n[a]\nK = v = w\nlist:\n  one\n  # c\n  two\n\n[b]\r\nk: p;#x\r\nnothing\n";
        let seen: Vec<_> = entries(text)
            .iter()
            .map(|entry| {
                (
                    entry.section.clone(),
                    entry.key.clone(),
                    text[entry.value.clone()].to_owned(),
                )
            })
            .collect();
        let own = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            seen,
            [
                own("a", "k", "v = w"),
                own("a", "list", "one\n  # c\n  two"),
                own("b", "k", "p;#x")
            ]
        );
    }
}
