//! TOML that people and tools write about packages, with the place of each value.
//!
//! A URL in such a file may hold a password, and a parser's own message repeats the line it stumbled
//! over: what is wrong is said by file, line and key.

use std::path::Path;

use credential_helper_protocol::Failure;

use crate::domain::text::shown;
use crate::domain::toml_text;

/// A file, parsed.
pub struct Document {
    file: String,
    inner: toml_text::Document,
}

/// A value of a document.
#[derive(Clone)]
pub struct Item<'a>(toml_text::Item<'a>);

impl Document {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// `malformed`, with the line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Failure> {
        Ok(Self {
            file: shown(file),
            inner: toml_text::Document::parse(Path::new(file), text)?,
        })
    }

    /// The file, as it is called in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The whole.
    pub fn root(&self) -> Item<'_> {
        Item(self.inner.root())
    }

    /// The value that these keys lead to; `None` where one of them is not there.
    ///
    /// # Errors
    /// Where something on the way is no table.
    pub fn at(&self, keys: &[&str]) -> Result<Option<Item<'_>>, Failure> {
        Ok(self.inner.at(keys)?.map(Item))
    }
}

impl<'a> Item<'a> {
    /// The value under a key of this table.
    ///
    /// # Errors
    /// Where this is no table.
    pub fn get(&self, key: &str) -> Result<Option<Self>, Failure> {
        Ok(self.0.get(key)?.map(Self))
    }

    /// The entries of this table, in the order of the file.
    ///
    /// # Errors
    /// Where this is no table.
    pub fn entries(&self) -> Result<Vec<(&'a str, Self)>, Failure> {
        let entries = self.0.entries()?.into_iter();
        Ok(entries.map(|(key, item)| (key, Self(item))).collect())
    }

    /// The elements of this list.
    ///
    /// # Errors
    /// Where this is no list.
    pub fn list(&self) -> Result<Vec<Self>, Failure> {
        Ok(self.0.elements()?.into_iter().map(Self).collect())
    }

    /// The elements of this list; this value itself where it is none.
    ///
    /// # Errors
    /// Never, but for what a list has.
    pub fn one_or_more(self) -> Result<Vec<Self>, Failure> {
        if self.0.is_array() {
            self.list()
        } else {
            Ok(vec![self])
        }
    }

    /// This text.
    ///
    /// # Errors
    /// Where it is none, or holds a control character.
    pub fn text(&self) -> Result<&'a str, Failure> {
        Ok(self.0.text()?)
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
        let Some(item) = self.get(key)? else {
            return Ok(Vec::new());
        };
        item.list()?.iter().map(Self::text).collect()
    }

    /// Whether the value under a key is true; false where it is not there.
    ///
    /// # Errors
    /// Where this is no table, or that neither true nor false.
    pub fn is_set(&self, key: &str) -> Result<bool, Failure> {
        match self.get(key)? {
            Some(item) => Ok(item.0.boolean()?),
            None => Ok(false),
        }
    }

    /// Whether this is a text.
    pub fn is_text(&self) -> bool {
        self.0.is_text()
    }

    /// Whether this is a table.
    pub fn is_table(&self) -> bool {
        self.0.is_table()
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.0.line()
    }

    /// The value as the domain reads it.
    pub fn inner(&self) -> &toml_text::Item<'a> {
        &self.0
    }

    /// Where this stands: file, line and keys.
    pub fn place(&self) -> String {
        self.0.says("").trim_end().to_owned()
    }

    /// An error about this value.
    pub fn wrong(&self, what: &str) -> Failure {
        let path = format!("{}:", self.0.path());
        self.0.called(&path).fails(what).into()
    }

    /// That this is of another kind than it has to be.
    pub fn must_be(&self, what: &str) -> Failure {
        self.0.must_be(what).into()
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
            list.list().unwrap()[0].text().unwrap_err().message,
            "f.toml line 2: b.\"x y\".c[0] must be a string in quotes"
        );
        let second = &list.list().unwrap()[1];
        assert_eq!(second.place(), "f.toml line 3: b.\"x y\".c[1]");
        assert_eq!(
            second.wrong("it is odd").message,
            "f.toml line 3: b.\"x y\".c[1]: it is odd"
        );
        let below = document.at(&["a", "d", "e"]).err().unwrap();
        assert_eq!(below.message, "f.toml line 5: a.d must be a table");
        assert!(document.at(&["none", "e"]).unwrap().is_none());
        let failure = Document::parse("f.toml", "a = 1\nb = 'hunter2")
            .err()
            .unwrap();
        assert_eq!(failure.message, "f.toml line 2 is not valid TOML");
    }
}
