//! TOML that people and tools write about packages, with the place of each value.
//!
//! A URL in such a file may hold a password, and a parser's own message repeats the line it stumbled
//! over: what is wrong is said by file, line and key.

use credential_helper_protocol::{ErrorCode, Failure};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::text::shown;

/// A file, parsed.
pub struct Document<'a> {
    file: String,
    ends: Vec<usize>,
    root: Spanned<DeValue<'a>>,
}

/// A value of a document.
#[derive(Clone)]
pub struct Item<'a> {
    document: &'a Document<'a>,
    path: String,
    at: usize,
    value: &'a DeValue<'a>,
}

impl<'a> Document<'a> {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// `malformed`, with the line.
    pub fn parse(file: &str, text: &'a str) -> Result<Self, Failure> {
        let file = shown(file);
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        match DeTable::parse(text) {
            Ok(table) => {
                let span = table.span();
                let root = Spanned::new(span, DeValue::Table(table.into_inner()));
                Ok(Self { file, ends, root })
            }
            Err(error) => {
                let at = error.span().map_or(text.len(), |span| span.start);
                let line = ends.partition_point(|end| *end < at) + 1;
                Err(Failure::new(
                    ErrorCode::Malformed,
                    format!("{file}: line {line} is not valid TOML"),
                ))
            }
        }
    }

    /// The file, as it is called in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The whole.
    pub fn root(&'a self) -> Item<'a> {
        Item {
            document: self,
            path: String::new(),
            at: 0,
            value: self.root.get_ref(),
        }
    }

    /// The value that these keys lead to; `None` where one of them is not there.
    ///
    /// # Errors
    /// Where something on the way is no table.
    pub fn at(&'a self, keys: &[&str]) -> Result<Option<Item<'a>>, Failure> {
        let mut item = self.root();
        for key in keys {
            match item.get(key)? {
                Some(inner) => item = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(item))
    }
}

impl<'a> Item<'a> {
    fn inner(&self, path: String, at: usize, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            document: self.document,
            path,
            at,
            value: value.get_ref(),
        }
    }

    fn below(&self, key: &str) -> String {
        let bare = !key.is_empty()
            && key
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_'));
        let key = if bare {
            key.to_owned()
        } else {
            format!("\"{}\"", shown(key))
        };
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn table(&self) -> Result<&'a DeTable<'a>, Failure> {
        self.value.as_table().ok_or_else(|| self.must_be("a table"))
    }

    /// The value under a key of this table.
    ///
    /// # Errors
    /// Where this is no table.
    pub fn get(&self, key: &str) -> Result<Option<Self>, Failure> {
        let found = self.table()?.get_key_value(key);
        Ok(found.map(|(name, value)| self.inner(self.below(key), name.span().start, value)))
    }

    /// The entries of this table, in the order of the file.
    ///
    /// # Errors
    /// Where this is no table.
    pub fn entries(&self) -> Result<Vec<(&'a str, Self)>, Failure> {
        let mut entries: Vec<(&str, Self)> = self
            .table()?
            .iter()
            .map(|(key, value)| {
                let name: &str = key.get_ref().as_ref();
                (name, self.inner(self.below(name), key.span().start, value))
            })
            .collect();
        entries.sort_by_key(|(_, item)| item.at);
        Ok(entries)
    }

    /// The elements of this list.
    ///
    /// # Errors
    /// Where this is no list.
    pub fn list(&self) -> Result<Vec<Self>, Failure> {
        let list = self
            .value
            .as_array()
            .ok_or_else(|| self.must_be("a list"))?;
        let element = |(at, value): (usize, &'a Spanned<DeValue<'a>>)| {
            let path = format!("{}[{at}]", self.path);
            self.inner(path, value.span().start, value)
        };
        Ok(list.iter().enumerate().map(element).collect())
    }

    /// The texts of this list.
    ///
    /// # Errors
    /// Where this is no list of texts.
    pub fn texts(&self) -> Result<Vec<&'a str>, Failure> {
        self.list()?.iter().map(Self::text).collect()
    }

    /// This text.
    ///
    /// # Errors
    /// Where it is none.
    pub fn text(&self) -> Result<&'a str, Failure> {
        self.value
            .as_str()
            .ok_or_else(|| self.must_be("a text in quotes"))
    }

    /// The text under a key.
    ///
    /// # Errors
    /// Where this is no table, or that no text.
    pub fn text_of(&self, key: &str) -> Result<Option<&'a str>, Failure> {
        self.get(key)?.map(|item| item.text()).transpose()
    }

    /// The texts under a key; none where it is not there.
    ///
    /// # Errors
    /// Where this is no table, or that no list of texts.
    pub fn texts_of(&self, key: &str) -> Result<Vec<&'a str>, Failure> {
        self.get(key)?.map_or(Ok(Vec::new()), |item| item.texts())
    }

    /// Whether the value under a key is true; false where it is not there.
    ///
    /// # Errors
    /// Where this is no table, or that neither true nor false.
    pub fn is_set(&self, key: &str) -> Result<bool, Failure> {
        let Some(item) = self.get(key)? else {
            return Ok(false);
        };
        item.value
            .as_bool()
            .ok_or_else(|| item.must_be("true or false"))
    }

    /// Whether this is a text.
    pub fn is_text(&self) -> bool {
        self.value.is_str()
    }

    /// Whether this is a table.
    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// Whether this is a list.
    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// A whole number that is not negative.
    pub fn number(&self) -> Option<u64> {
        let number = self.value.as_integer()?;
        u64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// The keys that lead here.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.document.ends.partition_point(|end| *end < self.at) + 1
    }

    /// Where this stands: file, line and keys.
    pub fn place(&self) -> String {
        format!("{}:{} {}", self.document.file, self.line(), self.path)
    }

    /// An error about this value.
    pub fn wrong(&self, what: &str) -> Failure {
        Failure::new(ErrorCode::Malformed, format!("{}: {what}", self.place()))
    }

    /// That this is of another kind than it has to be.
    pub fn must_be(&self, what: &str) -> Failure {
        self.wrong(&format!("it must be {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn places_are_told_and_texts_are_not() {
        let text = "[b.\"x y\"]\nc = [1,\n  'hunter2']\n[a]\nd = 'hunter2'\n";
        let document = Document::parse("f.toml", text).unwrap();
        let keys: Vec<&str> = document
            .root()
            .entries()
            .unwrap()
            .iter()
            .map(|(key, _)| *key)
            .collect();
        assert_eq!(keys, ["b", "a"]);
        let list = document.at(&["b", "x y", "c"]).unwrap().unwrap();
        assert_eq!(
            list.texts().unwrap_err().message,
            "f.toml:2 b.\"x y\".c[0]: it must be a text in quotes"
        );
        assert_eq!(list.list().unwrap()[1].place(), "f.toml:3 b.\"x y\".c[1]");
        let below = document.at(&["a", "d", "e"]).err().unwrap();
        assert_eq!(below.message, "f.toml:5 a.d: it must be a table");
        assert!(document.at(&["none", "e"]).unwrap().is_none());
        let failure = Document::parse("f.toml", "a = 1\nb = 'hunter2")
            .err()
            .unwrap();
        assert_eq!(failure.message, "f.toml: line 2 is not valid TOML");
    }
}
