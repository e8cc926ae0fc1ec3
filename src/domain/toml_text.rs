//! Reading TOML without quoting it.
//!
//! Files like `auth.toml` hold secrets, and a parser's own message repeats the line it stumbled
//! over. So the parser's text is thrown away: an error names the file, the line and the key, in our
//! own words. What is kept of the file is wiped when it is dropped.

use std::path::Path;

use credential_helper_protocol::Failure;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use zeroize::Zeroizing;

use super::credential::Why;
use super::text::{has_control, shown};

/// Why a file could not be read, in our own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFailure {
    /// The kind.
    pub why: Why,
    /// `cannot read PATH: ...`
    pub detail: String,
}

impl From<FileFailure> for Failure {
    fn from(failure: FileFailure) -> Self {
        Self::new(failure.why.code(), failure.detail)
    }
}

/// A TOML file, parsed.
pub struct Document {
    file: String,
    root: Node,
}

/// One value of a document, with the place where it stands.
#[derive(Clone)]
pub struct Item<'a> {
    file: &'a str,
    path: String,
    node: &'a Node,
}

struct Node {
    line: usize,
    value: Value,
}

/// Tables keep the order of the file: the first repository in its file is preferred.
enum Value {
    Text(Zeroizing<String>),
    Boolean(bool),
    Number(Option<f64>),
    Date,
    Array(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Document {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// `Malformed` with the line, where it is no TOML.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FileFailure> {
        let file = shown(&path.to_string_lossy());
        let lines = Lines::new(text);
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(text.len(), |span| span.start);
            malformed(format!("{file} line {} is not valid TOML", lines.at(at)))
        })?;
        let root = Node {
            line: 1,
            value: table_value(table.into_inner(), &lines),
        };
        Ok(Self { file, root })
    }

    /// The whole document, a table.
    pub fn root(&self) -> Item<'_> {
        Item {
            file: &self.file,
            path: String::new(),
            node: &self.root,
        }
    }

    /// The value at a path of keys; `None` where any of them is missing.
    ///
    /// # Errors
    /// Where one of the keys on the way is no table.
    pub fn at(&self, keys: &[&str]) -> Result<Option<Item<'_>>, FileFailure> {
        let mut item = self.root();
        for key in keys {
            match item.get(key)? {
                Some(next) => item = next,
                None => return Ok(None),
            }
        }
        Ok(Some(item))
    }
}

impl<'a> Item<'a> {
    /// The value of a key of this table.
    ///
    /// # Errors
    /// Where this is no table.
    pub fn get(&self, key: &str) -> Result<Option<Self>, FileFailure> {
        let Value::Table(entries) = &self.node.value else {
            return Err(self.must_be("a table"));
        };
        let found = entries.iter().find(|(own, _)| own == key);
        Ok(found.map(|(own, node)| self.child(own, node)))
    }

    /// The keys and values of this table, in the order of the file.
    ///
    /// # Errors
    /// Where this is no table.
    pub fn entries(&self) -> Result<Vec<(&'a str, Self)>, FileFailure> {
        let Value::Table(entries) = &self.node.value else {
            return Err(self.must_be("a table"));
        };
        let pair = |(key, node): &'a (String, Node)| (key.as_str(), self.child(key, node));
        Ok(entries.iter().map(pair).collect())
    }

    /// The values of this array.
    ///
    /// # Errors
    /// Where this is no array.
    pub fn elements(&self) -> Result<Vec<Self>, FileFailure> {
        let Value::Array(nodes) = &self.node.value else {
            return Err(self.must_be("an array"));
        };
        let element = |(at, node): (usize, &'a Node)| Item {
            file: self.file,
            path: format!("{}[{at}]", self.path),
            node,
        };
        Ok(nodes.iter().enumerate().map(element).collect())
    }

    /// The text of this string; may be a secret.
    ///
    /// # Errors
    /// Where this is no string, or one with control characters: these are refused in every field.
    pub fn text(&self) -> Result<&'a str, FileFailure> {
        match &self.node.value {
            Value::Text(text) if has_control(text) => Err(self.fails("holds a control character")),
            Value::Text(text) => Ok(text),
            _ => Err(self.must_be("a string in quotes")),
        }
    }

    /// The value of this boolean.
    ///
    /// # Errors
    /// Where this is no boolean.
    pub fn boolean(&self) -> Result<bool, FileFailure> {
        match self.node.value {
            Value::Boolean(value) => Ok(value),
            _ => Err(self.must_be("true or false")),
        }
    }

    /// The value of this number.
    ///
    /// # Errors
    /// Where this is no finite number.
    pub fn number(&self) -> Result<f64, FileFailure> {
        match self.node.value {
            Value::Number(Some(value)) if value.is_finite() => Ok(value),
            _ => Err(self.must_be("a number")),
        }
    }

    /// Whether this is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.node.value, Value::Table(_))
    }

    /// Whether this is an array.
    pub fn is_array(&self) -> bool {
        matches!(self.node.value, Value::Array(_))
    }

    /// Whether this is a string.
    pub fn is_text(&self) -> bool {
        matches!(self.node.value, Value::Text(_))
    }

    /// Whether this is a boolean.
    pub fn is_boolean(&self) -> bool {
        matches!(self.node.value, Value::Boolean(_))
    }

    /// The line on which it stands, from 1.
    pub fn line(&self) -> usize {
        self.node.line
    }

    /// Its keys, joined by dots; keys that are not bare stand in quotes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same value with this path in its errors: for keys that may hold a secret themselves.
    #[must_use]
    pub fn called(&self, path: &str) -> Self {
        Item {
            path: path.to_owned(),
            ..self.clone()
        }
    }

    /// `FILE line N: PATH TEXT`. The text is ours and never holds the value.
    pub fn says(&self, text: &str) -> String {
        let path = if self.path.is_empty() {
            "the file"
        } else {
            &self.path
        };
        format!("{} line {}: {path} {text}", self.file, self.node.line)
    }

    /// A failure that says the same.
    pub fn fails(&self, text: &str) -> FileFailure {
        malformed(self.says(text))
    }

    /// A failure that says which type is expected.
    pub fn must_be(&self, what: &str) -> FileFailure {
        self.fails(&format!("must be {what}"))
    }

    fn child(&self, key: &str, node: &'a Node) -> Self {
        let bare = !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let key = if bare {
            key.to_owned()
        } else {
            format!("\"{}\"", shown(key))
        };
        let path = if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        };
        Item {
            file: self.file,
            path,
            node,
        }
    }
}

fn malformed(detail: String) -> FileFailure {
    FileFailure {
        why: Why::Malformed,
        detail,
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(ends.collect())
    }

    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|begin| *begin <= offset) + 1
    }
}

/// The parser sorts tables by key; the places in the text give the order of the file back.
fn table_value(table: DeTable<'_>, lines: &Lines) -> Value {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| {
            let at = key.span().start;
            let node = node(value, lines.at(at), lines);
            (at, (key.into_inner().into_owned(), node))
        })
        .collect();
    entries.sort_by_key(|(at, _)| *at);
    Value::Table(entries.into_iter().map(|(_, entry)| entry).collect())
}

fn array_value(array: DeArray<'_>, lines: &Lines) -> Value {
    let element = |value: Spanned<DeValue<'_>>| {
        let line = lines.at(value.span().start);
        node(value, line, lines)
    };
    Value::Array(array.into_iter().map(element).collect())
}

fn node(value: Spanned<DeValue<'_>>, line: usize, lines: &Lines) -> Node {
    let value = match value.into_inner() {
        // A string without escapes is a part of the text, which its owner wipes.
        DeValue::String(text) => Value::Text(Zeroizing::new(text.into_owned())),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Integer(number) => {
            let read = i64::from_str_radix(number.as_str(), number.radix()).ok();
            // Settings are small numbers; a larger one is no number here.
            let small = read.and_then(|value| i32::try_from(value).ok());
            Value::Number(small.map(f64::from))
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().ok()),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(array) => array_value(array, lines),
        DeValue::Table(table) => table_value(table, lines),
    };
    Node { line, value }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Document;

    fn parse(text: &str) -> Result<Document, String> {
        Document::parse(Path::new("auth.toml"), text).map_err(|failure| failure.detail)
    }

    #[test]
    fn errors_name_the_place_and_not_the_text() {
        for (text, expected) in [
            ("a = \"hunter2", "auth.toml line 1 is not valid TOML"),
            (
                "[http-basic.foo]\r\nusername = \"u\"\r\npassword = hunter2\r\n",
                "auth.toml line 3 is not valid TOML",
            ),
            (
                "[a]\nx = \"hunter2\"\nx = \"hunter2\"\n",
                "auth.toml line 3 is not valid TOML",
            ),
            ("\n\n[hunter2", "auth.toml line 3 is not valid TOML"),
        ] {
            let error = parse(text).err().unwrap();
            assert_eq!(error, expected, "{text}");
        }
    }

    #[test]
    fn types_are_named() {
        let text = "[http-basic.foo]\r\nusername = \"u\"\r\npassword = 1234\r\n[a.\"my.repo\"]\n\
                    x = \"a\\u0007b\"\ny = [true, 2]\nn = 99999999999\n";
        let document = parse(text).unwrap();
        let at = |keys: &[&str]| document.at(keys).unwrap().unwrap();
        let detail = |failure: super::FileFailure| failure.detail;
        let password = at(&["http-basic", "foo", "password"]);
        assert_eq!(
            password.text().map_err(detail).unwrap_err(),
            "auth.toml line 3: http-basic.foo.password must be a string in quotes"
        );
        let odd = at(&["a", "my.repo"]);
        assert_eq!(
            odd.get("x")
                .unwrap()
                .unwrap()
                .text()
                .map_err(detail)
                .unwrap_err(),
            "auth.toml line 5: a.\"my.repo\".x holds a control character"
        );
        let list = odd.get("y").unwrap().unwrap();
        assert_eq!(
            list.elements().unwrap()[1]
                .boolean()
                .map_err(detail)
                .unwrap_err(),
            "auth.toml line 6: a.\"my.repo\".y[1] must be true or false"
        );
        assert!(odd.get("n").unwrap().unwrap().number().is_err());
        let below = document.at(&["http-basic", "foo", "username", "x"]);
        assert_eq!(
            below.map_err(detail).err().unwrap(),
            "auth.toml line 2: http-basic.foo.username must be a table"
        );
        assert!(document.at(&["nothing", "x"]).unwrap().is_none());
    }

    #[test]
    fn tables_keep_the_order_of_the_file() {
        let document = parse("[r.b]\n[r.a]\n[r.c]\n[z]\n[r.b.x]\n").unwrap();
        let entries = document.at(&["r"]).unwrap().unwrap().entries().unwrap();
        let keys: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["b", "a", "c"]);
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let text = format!("a = {}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse(&text).is_err());
        let dotted = format!("{}a = 1", "a.".repeat(5000));
        assert!(parse(&dotted).is_err());
    }
}
