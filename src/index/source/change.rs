//! Adds and removes sources in the files of a project, with everything else kept as it is written.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::address::Address;
use super::{Form, PYPI, Priority, poetry, uv};
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::text::shown;
use crate::domain::toml_text::Document;
use crate::edit::document::{Comment, keep_comment, keep_head};

/// A list of sources in a file of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// In whose words its sources are: Poetry's or uv's.
    pub form: Form,
}

/// A source that is to be added.
#[derive(Clone, Debug)]
pub struct Wish {
    name: String,
    url: Option<String>,
    priority: Priority,
}

impl Wish {
    /// A source as the command line names it.
    ///
    /// # Errors
    /// `usage`: a name or URL that cannot be used, a URL with an account or none at all, a URL for
    /// PyPI.
    pub fn new(name: &str, url: Option<&str>, priority: Option<Priority>) -> Result<Self, Failure> {
        let usage = |message: String| Failure::new(ErrorCode::Usage, message);
        let parsed = RepositoryName::parse(name)?;
        match url {
            Some(_) if parsed.is_pypi() => {
                return Err(usage("the URL of PyPI is fixed".to_owned()).hint(
                    "leave the URL out, or give the source another name and `[mirrors]` of the \
                     helper's config.toml a mirror of PyPI",
                ));
            }
            None if !parsed.is_pypi() => {
                return Err(usage(format!("the source \"{parsed}\" needs a URL"))
                    .hint(format!("helper source add {parsed} https://host/simple/")));
            }
            _ => {}
        }
        if let Some(url) = url {
            let address = Address::parse(url, Some(Path::new("/")))
                .map_err(|why| usage(format!("the URL of \"{parsed}\" {why}")))?;
            if let Some(userinfo) = address.userinfo {
                let user = if userinfo.username.is_empty() {
                    "USERNAME".to_owned()
                } else {
                    shown(&userinfo.username)
                };
                return Err(usage(format!(
                    "the URL of \"{parsed}\" holds an account, which has no place in a project's file"
                ))
                .hint(format!(
                    "add it without, and store the account with `helper set {parsed} {user} --url {}`",
                    address.url
                )));
            }
        }
        Ok(Self {
            name: name.to_owned(),
            url: url.map(|url| url.trim().to_owned()),
            priority: priority.unwrap_or(Priority::Primary),
        })
    }

    /// The keys and values of its entry.
    fn entry(&self, form: Form) -> Result<Vec<(&'static str, Value)>, Failure> {
        let usage = |message: String| Failure::new(ErrorCode::Usage, message);
        let is_pypi = self.url.is_none();
        if form == Form::Poetry {
            let url = self.url.as_deref();
            if url.is_some_and(|url| !url.contains("://")) {
                return Err(usage("a source of Poetry has a URL, not a path".to_owned()));
            }
            let name = if is_pypi { "PyPI" } else { &self.name };
            let url = url.map(|url| ("url", url.into()));
            let priority = ("priority", self.priority.word().into());
            return Ok(std::iter::once(("name", name.into()))
                .chain(url)
                .chain([priority])
                .collect());
        }
        if self.priority == Priority::Supplemental {
            return Err(usage(
                "uv knows no supplemental sources: the first index that has a project provides it"
                    .to_owned(),
            )
            .hint("leave --priority out: indexes are asked in the order of the file, PyPI last"));
        }
        if !uv::is_name(&self.name) {
            return Err(usage(format!(
                "uv takes no index of the name \"{}\": ASCII letters, digits, `-`, `_` and `.` only",
                shown(&self.name)
            )));
        }
        let name = if is_pypi { "pypi" } else { &self.name };
        let url = self.url.as_deref().unwrap_or(PYPI);
        let mut entry = vec![("name", name.into()), ("url", url.into())];
        if is_pypi {
            // Without this it would still be asked last as uv's default index.
            entry.push(("default", true.into()));
        }
        if self.priority == Priority::Explicit {
            entry.push(("explicit", true.into()));
        }
        Ok(entry)
    }
}

impl Place {
    /// Where the list stands in the file.
    fn keys(&self) -> &'static [&'static str] {
        let is_own = self.file.file_name().is_some_and(|name| name == "uv.toml");
        match self.form {
            Form::Poetry => &["tool", "poetry", "source"],
            _ if is_own => &["index"],
            _ => &["tool", "uv", "index"],
        }
    }

    /// Adds a source at the end of the list.
    ///
    /// # Errors
    /// `usage` for a source that the tool does not take or whose name is there already, as names
    /// are compared for credentials; `malformed` where the list cannot be read. The document is
    /// changed all the same then, and must not be written.
    pub fn add(&self, document: &mut DocumentMut, wish: &Wish) -> Result<(), Failure> {
        let entry = wish.entry(self.form)?;
        let wanted = normalize(&wish.name);
        let known = names(document, self.keys());
        if let Some(known) = known.iter().find(|name| normalize(name) == wanted) {
            let known = shown(known);
            return Err(Failure::new(
                ErrorCode::Usage,
                format!("there is a source \"{known}\" already"),
            )
            .hint(format!("remove it first: helper source remove {known}")));
        }
        keep_head(document);
        insert(document, self.keys(), entry)?;
        self.check(document)
    }

    /// Removes the source of this name; its name as it stood there, `None` where there was none.
    pub fn remove(&self, document: &mut DocumentMut, name: &str) -> Option<String> {
        let known = names(document, self.keys());
        let same_case = |own: &&String| own.to_lowercase() == name.to_lowercase();
        let same = |own: &&String| normalize(own) == normalize(name);
        let found = known.iter().find(same_case).or(known.iter().find(same))?;
        take_out(document, self.keys(), found);
        Some(found.clone())
    }

    /// Whether the list can be used, as it is now.
    fn check(&self, document: &DocumentMut) -> Result<(), Failure> {
        let read = Document::parse(&self.file, &document.to_string())?;
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        let file = shown(&self.file.to_string_lossy());
        if self.form == Form::Poetry {
            poetry::declared(&read, folder, &file)?.ordered()?;
            return Ok(());
        }
        let (_, parents) = self.keys().split_last().unwrap_or((&"", &[]));
        if let Some(table) = read.at(parents)? {
            uv::layer(&table, folder, &file)?;
        }
        Ok(())
    }
}

/// Who still names a source that is gone: the projects that are pinned to it.
pub fn pinned(document: &DocumentMut, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |table: Option<&Item>, key: &str| {
        let Some(table) = table.and_then(Item::as_table_like) else {
            return;
        };
        for (project, item) in table.iter() {
            if names_source(item, key, name) {
                found.push(shown(project));
            }
        }
    };
    let at = |keys: &[&str]| crate::edit::document::get(document, keys);
    look(at(&["tool", "uv", "sources"]), "index");
    look(at(&["tool", "poetry", "dependencies"]), "source");
    look(at(&["tool", "poetry", "dev-dependencies"]), "source");
    let groups = at(&["tool", "poetry", "group"]).and_then(Item::as_table_like);
    for (_, group) in groups.into_iter().flat_map(TableLike::iter) {
        let group = group.as_table_like();
        look(group.and_then(|group| group.get("dependencies")), "source");
    }
    found.sort();
    found.dedup();
    found
}

/// Whether an entry, or one of a list of entries, has this name under the key.
fn names_source(item: &Item, key: &str, name: &str) -> bool {
    let is = |table: &dyn TableLike| {
        let value = table.get(key).and_then(Item::as_str);
        value.is_some_and(|value| value.eq_ignore_ascii_case(name))
    };
    if let Some(table) = item.as_table_like() {
        return is(table);
    }
    let inline = item.as_array().into_iter().flatten();
    let tables = item.as_array_of_tables().into_iter().flatten();
    inline
        .filter_map(Value::as_inline_table)
        .any(|table| is(table))
        || tables.into_iter().any(|table| is(table))
}

/// The names in the list, in either form of TOML.
fn names(document: &DocumentMut, keys: &[&str]) -> Vec<String> {
    let Some(item) = crate::edit::document::get(document, keys) else {
        return Vec::new();
    };
    let name = |table: &dyn TableLike| Some(table.get("name")?.as_str()?.to_owned());
    match item {
        Item::ArrayOfTables(tables) => tables.iter().filter_map(|table| name(table)).collect(),
        Item::Value(Value::Array(values)) => values
            .iter()
            .filter_map(|value| name(value.as_inline_table()?))
            .collect(),
        _ => Vec::new(),
    }
}

fn insert(
    document: &mut DocumentMut,
    keys: &[&str],
    entry: Vec<(&'static str, Value)>,
) -> Result<(), Failure> {
    let not_a = |what: &str, keys: &[&str]| {
        let keys = keys.join(".");
        Failure::new(ErrorCode::Malformed, format!("{keys} is not {what}"))
            .hint("correct it by hand, then try again; nothing was changed")
    };
    let empty = document.as_table().is_empty();
    let Some((leaf, parents)) = keys.split_last() else {
        return Ok(());
    };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    // Where a table is written in one line or by dotted keys, a header below it would define it
    // a second time.
    let mut headers = true;
    for (depth, part) in parents.iter().enumerate() {
        if table.get(part).is_none_or(Item::is_none) {
            let mut new = Table::new();
            new.set_implicit(true);
            new.set_dotted(table.is_dotted());
            table.insert(part, Item::Table(new));
        }
        let item = table.get_mut(part);
        let next = item.ok_or_else(|| not_a("a table", &parents[..=depth]))?;
        headers &= matches!(&*next, Item::Table(table) if !table.is_dotted());
        table = next
            .as_table_like_mut()
            .ok_or_else(|| not_a("a table", &parents[..=depth]))?;
    }
    match table.get_mut(leaf) {
        Some(Item::ArrayOfTables(tables)) => tables.push(as_table(entry, false)),
        Some(Item::Value(Value::Array(values))) => push(values, as_inline(entry)),
        None | Some(Item::None) if headers => {
            let mut tables = ArrayOfTables::new();
            tables.push(as_table(entry, empty));
            table.insert(leaf, Item::ArrayOfTables(tables));
        }
        None | Some(Item::None) => {
            let mut values = Array::new();
            values.push(as_inline(entry));
            table.insert(leaf, Item::Value(Value::Array(values)));
        }
        Some(_) => return Err(not_a("a list of tables", keys)),
    }
    Ok(())
}

fn as_table(entry: Vec<(&'static str, Value)>, first: bool) -> Table {
    let mut table = Table::new();
    if !first {
        table.decor_mut().set_prefix("\n");
    }
    for (key, value) in entry {
        table.insert(key, Item::Value(value));
    }
    table
}

fn as_inline(entry: Vec<(&'static str, Value)>) -> InlineTable {
    entry.into_iter().collect()
}

/// Adds a value as the values before it are written: on a line of its own where they are.
fn push(values: &mut Array, value: InlineTable) {
    let mut value = Value::InlineTable(value);
    let last = values.iter().last();
    let prefix = last
        .and_then(|last| last.decor().prefix()?.as_str())
        .unwrap_or_default();
    let indent = prefix.rsplit('\n').next().unwrap_or_default();
    if prefix.contains('\n') {
        value.decor_mut().set_prefix(format!("\n{indent}"));
        values.push_formatted(value);
    } else {
        values.push(value);
    }
}

fn take_out(document: &mut DocumentMut, keys: &[&str], name: &str) {
    let Some((leaf, parents)) = keys.split_last() else {
        return;
    };
    let mut lost = None;
    descend(document.as_table_mut(), parents, &mut |table| {
        let is = |table: &dyn TableLike| table.get("name").and_then(Item::as_str) == Some(name);
        let empty = match table.get_mut(leaf) {
            Some(Item::ArrayOfTables(tables)) => {
                let at = tables.iter().position(|table| is(table));
                if let Some(at) = at {
                    lost = tables.get(at).and_then(Comment::above);
                    tables.remove(at);
                }
                tables.is_empty()
            }
            Some(Item::Value(Value::Array(values))) => {
                let at = values
                    .iter()
                    .position(|value| value.as_inline_table().is_some_and(|table| is(table)));
                if let Some(at) = at {
                    values.remove(at);
                }
                values.is_empty()
            }
            _ => false,
        };
        if empty {
            table.remove(leaf);
        }
    });
    if let Some(comment) = lost {
        keep_comment(document, &comment);
    }
}

/// Calls `act` on the table at the path; tables on the way that no header names go when they become
/// empty.
fn descend(table: &mut dyn TableLike, path: &[&str], act: &mut dyn FnMut(&mut dyn TableLike)) {
    let Some((first, rest)) = path.split_first() else {
        return act(table);
    };
    let Some(item) = table.get_mut(first) else {
        return;
    };
    let unnamed = match &*item {
        Item::Table(table) => table.is_implicit() || table.is_dotted(),
        _ => false,
    };
    let Some(child) = item.as_table_like_mut() else {
        return;
    };
    descend(child, rest, act);
    if child.is_empty() && unnamed {
        table.remove(first);
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
