//! TOML with the places of its values, so that one of them can be taken out and all else stays.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Edit;
use crate::domain::text::line_at;

/// A value with the place of its key.
#[derive(Clone)]
pub(super) struct Pair<'a> {
    pub(super) name: String,
    key: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

/// Parses a text; of the parser's own message, which quotes the line, nothing is passed on.
///
/// # Errors
/// With the line.
pub(super) fn parse(text: &str) -> Result<DeTable<'_>, String> {
    DeTable::parse(text)
        .map(Spanned::into_inner)
        .map_err(|error| {
            let at = error.span().map_or(text.len(), |span| span.start);
            format!("line {} is not valid TOML", line_at(text.as_bytes(), at))
        })
}

/// The pairs of a table.
pub(super) fn pairs<'a>(table: &'a DeTable<'a>) -> Vec<Pair<'a>> {
    let pair = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| Pair {
        name: AsRef::<std::borrow::Cow<'_, str>>::as_ref(key).to_string(),
        key: key.span(),
        value,
    };
    table.iter().map(pair).collect()
}

/// One pair of a table.
pub(super) fn get<'a>(table: &'a DeTable<'a>, name: &str) -> Option<Pair<'a>> {
    pairs(table).into_iter().find(|pair| pair.name == name)
}

/// The text of a key that is there and is a text.
pub(super) fn text<'a>(table: &'a DeTable<'a>, name: &str) -> Option<&'a str> {
    table.iter().find_map(|(key, value)| {
        let own: &std::borrow::Cow<'_, str> = key.as_ref();
        (own == name).then(|| value.get_ref().as_str()).flatten()
    })
}

/// The table at a path of keys.
pub(super) fn at<'a>(table: &'a DeTable<'a>, path: &[&str]) -> Option<&'a DeTable<'a>> {
    let Some((first, rest)) = path.split_first() else {
        return Some(table);
    };
    at(get(table, first)?.table()?, rest)
}

impl<'a> Pair<'a> {
    /// Its value, where that is a table.
    pub(super) fn table(&self) -> Option<&'a DeTable<'a>> {
        self.value.get_ref().as_table()
    }

    /// Its value, where that is a text.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.value.get_ref().as_str()
    }

    /// Where its value stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Where a value that is a text stands, without its quotes.
    pub(super) fn inner(&self, text: &str) -> Range<usize> {
        let span = self.span();
        let raw = &text[span.clone()];
        let quotes = ["\"\"\"", "'''", "\"", "'"]
            .iter()
            .find(|quotes| raw.starts_with(**quotes))
            .map_or(0, |quotes| quotes.len());
        if raw.len() < 2 * quotes {
            return span;
        }
        span.start + quotes..span.end - quotes
    }

    /// The text without this pair; a comment behind it stays.
    pub(super) fn cut(&self, text: &str) -> Edit {
        let end = self.span().end;
        let line = text[..self.key.start].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[line..self.key.start];
        // A pair of an inline table has a brace or a comma before it; keys with either in quotes
        // are seen as such a pair too, and then the result is no TOML and is not written.
        let Some(open) = before.rfind(['{', ',']) else {
            let rest = &text[end..];
            let rest = &rest[..rest.find('\n').map_or(rest.len(), |at| at + 1)];
            let bare = rest.trim_start();
            let stop = if bare.is_empty() {
                end + rest.len()
            } else {
                end + rest.len() - bare.len()
            };
            return Edit::cut(line..stop);
        };
        let open = line + open;
        let rest = &text[end..];
        let bare = rest.trim_start();
        if let Some(after) = bare.strip_prefix(',') {
            return Edit::cut(open + 1..text.len() - after.len());
        }
        let start = if text[open..].starts_with(',') {
            open
        } else {
            open + 1
        };
        Edit::cut(start..end)
    }
}

/// The elements of an array of tables.
pub(super) fn tables<'a>(
    table: &'a DeTable<'a>,
    name: &str,
) -> Vec<(&'a DeTable<'a>, Range<usize>)> {
    let Some(pair) = get(table, name) else {
        return Vec::new();
    };
    let Some(array) = pair.value.get_ref().as_array() else {
        return Vec::new();
    };
    let element =
        |element: &'a Spanned<DeValue<'a>>| Some((element.get_ref().as_table()?, element.span()));
    array.iter().filter_map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::{at, get, parse};

    #[test]
    fn a_pair_is_cut_out_and_the_rest_stays() {
        for (text, path, left) in [
            (
                "[a]\nu = 1\np = \"x\"\nz = 2\n",
                &["a"][..],
                "[a]\nu = 1\nz = 2\n",
            ),
            (
                "[a]\np = \"x\"  # why\nz = 2\n",
                &["a"],
                "[a]\n# why\nz = 2\n",
            ),
            ("a.p = 'x'\r\na.z = 2\r\n", &["a"], "a.z = 2\r\n"),
            ("a = { u = 1, p = \"x\" }\n", &["a"], "a = { u = 1 }\n"),
            ("a = { p = \"x\", u = 1 }\n", &["a"], "a = { u = 1 }\n"),
            ("a = { p = \"x\" }\n", &["a"], "a = { }\n"),
            ("p = \"\"\"x\ny\"\"\"\nz = 1", &[], "z = 1"),
            ("p = \"x\"", &[], ""),
        ] {
            let table = parse(text).unwrap();
            let pair = get(at(&table, path).unwrap(), "p").unwrap();
            let edit = pair.cut(text);
            let mut new = text.to_owned();
            new.replace_range(edit.range, &edit.new);
            assert_eq!(new, left, "{text}");
            parse(&new).unwrap();
        }
    }

    #[test]
    fn the_parser_is_not_quoted() {
        assert_eq!(
            parse("a = 1\nhunter2 = = x").unwrap_err(),
            "line 2 is not valid TOML"
        );
    }
}
