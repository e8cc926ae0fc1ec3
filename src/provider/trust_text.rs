//! The text of `trust.toml`: read with our own errors, and changed in place.

use credential_helper_protocol::{ErrorCode, Failure, Operation};
use toml_edit::{ArrayOfTables, Document, DocumentMut, Item, Table, value};

use super::trust_file::{TrustRecord, TrustedProject};
use crate::domain::binding::{Binding, BoundBy};
use crate::domain::name::RepositoryName;
use crate::domain::text::line_at;
use crate::domain::url::RepositoryUrl;
use crate::edit::document::{Comment, keep_comment, keep_head};

/// The tables of bindings.
pub(super) const BINDING: &str = "binding";
/// The tables of trusted projects.
pub(super) const PROJECT: &str = "project";

pub(super) fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "read",
        Operation::Upload => "upload",
    }
}

pub(super) fn table_of(binding: &Binding) -> Table {
    let mut table = Table::new();
    fill(&mut table, binding);
    table
}

pub(super) fn fill(table: &mut Table, binding: &Binding) {
    put(table, "name", &binding.name);
    put(table, "url", binding.url.as_str());
    if let Some(operation) = binding.operation {
        put(table, "operation", word(operation));
    }
    put(table, "by", binding.by.word());
    if binding.allow_http {
        table["allow-http"] = value(true);
    }
    if let Some(since) = &binding.since {
        put(table, "since", since);
    }
}

pub(super) fn put(table: &mut Table, key: &str, text: &str) {
    if table.get(key).and_then(Item::as_str) != Some(text) {
        table[key] = value(text);
    }
}

/// The list of tables of a name, created where there is none.
pub(super) fn tables<'a>(
    doc: &'a mut DocumentMut,
    name: &str,
) -> Result<&'a mut ArrayOfTables, Failure> {
    keep_head(doc);
    doc.entry(name)
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::Malformed,
                format!("{name} must be written as [[{name}]]"),
            )
        })
}

pub(super) fn remove_tables(
    doc: &mut DocumentMut,
    name: &str,
    places: &[usize],
) -> Result<(), Failure> {
    for at in places.iter().rev() {
        let list = tables(doc, name)?;
        let comment = list.get(*at).and_then(Comment::above);
        list.remove(*at);
        if list.is_empty() {
            doc.remove(name);
        }
        if let Some(comment) = comment {
            keep_comment(doc, &comment);
        }
    }
    Ok(())
}

/// Parses the document that is being changed as [`load`] would, for the same rules and lines.
pub(super) fn parse_again(doc: &DocumentMut) -> Result<TrustRecord, Failure> {
    parse(&doc.to_string()).map_err(|wrong| {
        Failure::new(ErrorCode::Malformed, wrong)
            .hint("correct it by hand; until then nothing that needs it is answered")
    })
}

/// The error is `line N: ...` in our words.
pub(super) fn parse(text: &str) -> Result<TrustRecord, String> {
    let at = |span: Option<std::ops::Range<usize>>| {
        line_at(text.as_bytes(), span.map_or(0, |span| span.start))
    };
    let doc = Document::parse(text)
        .map_err(|error| format!("line {} is not valid TOML", at(error.span())))?;
    let mut record = TrustRecord::default();
    for name in [BINDING, PROJECT] {
        let list = match doc.as_table().get(name) {
            None => continue,
            Some(Item::ArrayOfTables(list)) => list,
            Some(item) => {
                return Err(format!(
                    "line {}: {name} must be written as [[{name}]]",
                    at(item.span())
                ));
            }
        };
        for table in list {
            let entry = Entry {
                name,
                table,
                line: at(table.span()),
            };
            if name == BINDING {
                record.bindings.push(entry.binding(&at)?);
            } else {
                record.projects.push(TrustedProject {
                    folder: entry.required("folder", &at)?.into(),
                    sha256: entry.required("sha256", &at)?.to_owned(),
                    since: entry.text("since", &at)?.map(str::to_owned),
                });
            }
        }
    }
    Ok(record)
}

type At<'a> = dyn Fn(Option<std::ops::Range<usize>>) -> usize + 'a;

struct Entry<'a> {
    name: &'static str,
    table: &'a Table,
    line: usize,
}

impl<'a> Entry<'a> {
    fn wrong(&self, key: &str, at: &At<'_>, what: &str) -> String {
        let span = self.table.get(key).and_then(Item::span);
        let line = if span.is_some() { at(span) } else { self.line };
        format!("line {line}: {}.{key} {what}", self.name)
    }

    fn text(&self, key: &str, at: &At<'_>) -> Result<Option<&'a str>, String> {
        match self.table.get(key) {
            None => Ok(None),
            Some(item) => match item.as_str() {
                Some(text) => Ok(Some(text)),
                None => Err(self.wrong(key, at, "must be a string in quotes")),
            },
        }
    }

    fn required(&self, key: &str, at: &At<'_>) -> Result<&'a str, String> {
        self.text(key, at)?
            .ok_or_else(|| self.wrong(key, at, "is missing"))
    }

    fn binding(&self, at: &At<'_>) -> Result<Binding, String> {
        let name = RepositoryName::parse(self.required("name", at)?)
            .map_err(|_| self.wrong("name", at, "is no name of a repository"))?;
        let Ok((url, None)) = RepositoryUrl::parse(self.required("url", at)?) else {
            return Err(self.wrong("url", at, "must be an http or https URL without userinfo"));
        };
        let operation = match self.text("operation", at)? {
            None => None,
            Some("read") => Some(Operation::Read),
            Some("upload") => Some(Operation::Upload),
            Some(_) => return Err(self.wrong("operation", at, "must be \"read\" or \"upload\"")),
        };
        let word = self.required("by", at)?;
        let by = [BoundBy::Set, BoundBy::Trust, BoundBy::FirstUse]
            .into_iter()
            .find(|by| by.word() == word)
            .ok_or_else(|| self.wrong("by", at, "must be \"set\", \"trust\" or \"first-use\""))?;
        let allow_http = match self.table.get("allow-http") {
            None => false,
            Some(item) => item
                .as_bool()
                .ok_or_else(|| self.wrong("allow-http", at, "must be true or false"))?,
        };
        Ok(Binding {
            name: name.normalized(),
            operation,
            url,
            by,
            allow_http,
            since: self.text("since", at)?.map(str::to_owned),
        })
    }
}
