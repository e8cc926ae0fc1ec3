//! A project's page as JSON (PEP 691, 700, 714, 740, 752, 792).
//!
//! Texts are borrowed from the page; a value of a kind that nobody expects makes its file a doubt,
//! and not the whole page an error.

use std::borrow::Cow;
use std::fmt;

use super::listed::{Listed, Pairs, Sink};
use super::value::{Digests, Value};
use crate::domain::text::shown;
use crate::package::PackageName;
use crate::package::filename::is_project;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The version of the Simple API that is known; a later minor one is read with a doubt (PEP 629).
const KNOWN: (u32, u32) = (1, 5);

/// What a page says beside its files.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The name of its project.
    name: Option<String>,
    /// The status of the project, and its reason.
    pub(super) status: Option<(String, Option<String>)>,
    /// Its namespaces, and whether its owner holds them.
    pub(super) namespaces: Vec<(String, bool)>,
    /// What is wrong with the page itself, and does not make it unusable.
    pub(super) doubt: Option<String>,
}

impl Head {
    /// Holds the name on the page against the project that was asked for.
    pub(super) fn is_of(&self, project: &PackageName) -> Result<(), String> {
        match &self.name {
            Some(name) if !is_project(name, project) => {
                let name: String = shown(name).chars().take(100).collect();
                Err(format!("it answered with the page of {name}"))
            }
            _ => Ok(()),
        }
    }
}

/// The values beside the files, as they are written.
#[derive(Default)]
struct Beside<'a> {
    meta: Value<'a>,
    name: Value<'a>,
    status: Value<'a>,
    namespaces: Value<'a>,
    has_files: bool,
}

/// Reads a page without ever holding all of its entries.
struct Reader<'f, S>(&'f mut S);

impl<'de, S: Sink> DeserializeSeed<'de> for Reader<'_, S> {
    type Value = Beside<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Beside<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Reader<'_, S> {
    type Value = Beside<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Beside<'de>, A::Error> {
        let mut head = Beside::default();
        while let Some(key) = map.next_key::<Value<'de>>()? {
            let Value::Text(key) = key else { continue };
            match &*key {
                "meta" => head.meta = map.next_value()?,
                "name" => head.name = map.next_value()?,
                "project-status" => head.status = map.next_value()?,
                "namespaces" => head.namespaces = map.next_value()?,
                "files" => {
                    map.next_value_seed(Entries(&mut *self.0))?;
                    head.has_files = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(head)
    }
}

struct Entries<'f, S>(&'f mut S);

impl<'de, S: Sink> DeserializeSeed<'de> for Entries<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Entries<'_, S> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a list of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(entry) = list.next_element::<Entry<'de>>()? {
            match listed(entry) {
                Ok(file) => self.0.add(file),
                Err((filename, why)) => self.0.add_bad(&filename, why),
            }
            if self.0.full().is_some() {
                return Err(serde::de::Error::custom("too much"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    filename: Value<'a>,
    #[serde(borrow, default)]
    url: Value<'a>,
    #[serde(borrow, default)]
    hashes: Digests<'a>,
    #[serde(borrow, default, rename = "requires-python")]
    requires_python: Value<'a>,
    #[serde(borrow, default)]
    yanked: Value<'a>,
    #[serde(borrow, default)]
    size: Value<'a>,
    #[serde(borrow, default, rename = "upload-time")]
    uploaded: Value<'a>,
    #[serde(borrow, default, rename = "core-metadata")]
    metadata: Digests<'a>,
    #[serde(borrow, default, rename = "dist-info-metadata")]
    old_metadata: Digests<'a>,
    #[serde(borrow, default)]
    provenance: Value<'a>,
}

/// Reads a page; what it lists goes into the sink.
pub(super) fn read(bytes: &[u8], sink: &mut impl Sink) -> Result<Head, String> {
    // Once for all, instead of once for each text.
    let text = std::str::from_utf8(bytes).map_err(|_| "its page is JSON, but not UTF-8")?;
    let mut from = serde_json::Deserializer::from_str(text);
    let read = Reader(sink).deserialize(&mut from);
    let read = read.and_then(|beside| from.end().map(|()| beside));
    let beside = read.map_err(|error| sink.full().unwrap_or_else(|| trouble(&error)))?;
    let doubt = version(beside.meta.get("api-version"))?;
    if !beside.has_files {
        return Err("its page is JSON, but has no list of files".to_owned());
    }
    let status = beside.status.get_text("status").map(|status| {
        let reason = beside.status.get_text("reason");
        let reason = reason.filter(|reason| !reason.is_empty());
        (status.to_ascii_lowercase(), reason.map(str::to_owned))
    });
    let namespace = |value: &Value<'_>| {
        let owned = matches!(value.get("owned"), Some(Value::Bool(true)));
        Some((value.get_text("name")?.to_owned(), owned))
    };
    let namespaces = match &beside.namespaces {
        Value::List(all) => all.iter().filter_map(namespace).collect(),
        _ => Vec::new(),
    };
    let name = beside.name.text().unwrap_or_default();
    Ok(Head {
        name: name.map(Cow::into_owned),
        status,
        namespaces,
        doubt,
    })
}

/// Where the parser stopped; what it read there is not repeated.
fn trouble(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Eof => "its page is cut off".to_owned(),
        serde_json::error::Category::Data => {
            format!("its page is JSON, but no list of files (line {line}, column {column})")
        }
        _ => format!("its page is no JSON (line {line}, column {column})"),
    }
}

/// Holds the version of the API against the one that is known.
pub(super) fn checked(text: &str) -> Result<Option<String>, String> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let Some((major, minor)) = number(major).zip(number(minor)) else {
        return Err("its page has a version of the Simple API that is none".to_owned());
    };
    if major != KNOWN.0 {
        return Err(format!(
            "its page is of version {major}.{minor} of the Simple API, which is not known here"
        ));
    }
    let newer = minor > KNOWN.1;
    Ok(newer.then(|| {
        format!("its page is of version {major}.{minor} of the Simple API, newer than what is known here")
    }))
}

fn version(value: Option<&Value<'_>>) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) => checked(text),
        Some(_) => Err("its page has a version of the Simple API that is none".to_owned()),
    }
}

type Bad<'a> = (Cow<'a, str>, &'static str);

/// The file that an entry tells of.
fn listed(entry: Entry<'_>) -> Result<Listed<'_>, Bad<'_>> {
    let Ok(Some(filename)) = entry.filename.text() else {
        return Err((
            "a file without a name".into(),
            "it cannot be told what it is",
        ));
    };
    let Ok(Some(url)) = entry.url.text() else {
        return Err((filename, "it has no URL"));
    };
    let hashes = match entry.hashes {
        Digests::Pairs(pairs) => pairs,
        // Mandatory, though they may be empty (PEP 691); older servers leave them out.
        Digests::Null => Pairs::default(),
        _ => return Err((filename, "its digests are none")),
    };
    let metadata = match (entry.metadata, entry.old_metadata) {
        // The newer key decides, also where it says no (PEP 714).
        (Digests::Null, value) | (value, _) => match value {
            Digests::Bool(true) => Some(Pairs::default()),
            Digests::Pairs(pairs) => Some(pairs),
            _ => None,
        },
    };
    let yanked = match entry.yanked {
        Value::Bool(true) => Some(Cow::Borrowed("")),
        // Python's `if`, which indexes were written against: an empty text is no.
        Value::Text(reason) if reason.is_empty() => None,
        Value::Text(reason) => Some(reason),
        Value::Null | Value::Bool(false) => None,
        _ => return Err((filename, "it cannot be told whether it is yanked")),
    };
    let Ok(requires_python) = entry.requires_python.text() else {
        return Err((filename, "its Requires-Python is none (PEP 440)"));
    };
    let size = match entry.size {
        Value::Number(size) => Some(size),
        _ => None,
    };
    Ok(Listed {
        filename,
        url,
        hashes,
        size,
        requires_python,
        yanked,
        uploaded: entry.uploaded.text().unwrap_or_default(),
        metadata,
        provenance: entry.provenance.text().unwrap_or_default(),
    })
}
