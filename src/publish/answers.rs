//! What servers say after an upload, as data, and what that means.
//!
//! 403 and 409 mean different things on different servers. A row only says what is likely: whether
//! the same bytes are there already is told by the index alone.

use crate::domain::text::shown;
use crate::http::Answer;

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The file was taken.
    Taken,
    /// A file of this name is there, with these bytes or others.
    There,
    /// A file of this name was there once; none may have it again.
    Used,
    /// The name lies in a namespace of somebody else (PEP 752).
    Reserved,
    /// The credential is wrong, or there was none.
    Unauthorized,
    /// The account may not do this.
    Forbidden,
    /// This is no URL for uploads.
    NotForUploads,
    /// The file is larger than the server takes.
    TooLarge,
    /// The server may take it later.
    Later,
    /// The server refuses the file, and says why.
    Refused,
}

/// A row: of one server, an answer and what it means.
pub struct Row {
    /// Who answers so.
    pub server: &'static str,
    status: (u16, u16),
    /// Words in the answer, in lower case, of which one is there; none: any answer.
    says: &'static [&'static str],
    /// What it means.
    pub meaning: Meaning,
}

const fn row(
    server: &'static str,
    status: (u16, u16),
    says: &'static [&'static str],
    meaning: Meaning,
) -> Row {
    Row {
        server,
        status,
        says,
        meaning,
    }
}

/// The first row that fits holds.
pub const ROWS: [Row; 27] = [
    row("any", (200, 299), &[], Meaning::Taken),
    row("any", (300, 399), &[], Meaning::NotForUploads),
    row(
        "PyPI",
        (400, 400),
        &["has already been used", "previously been used"],
        Meaning::Used,
    ),
    row("PyPI", (400, 400), &["file already exists"], Meaning::There),
    row(
        "Nexus",
        (400, 400),
        &["updating asset", "cannot be updated"],
        Meaning::There,
    ),
    row(
        "GitLab",
        (400, 400),
        &["already been taken"],
        Meaning::There,
    ),
    row(
        "Google",
        (400, 400),
        &["requested entity already exists"],
        Meaning::There,
    ),
    row("any", (400, 400), &["already exist"], Meaning::There),
    row(
        "PyPI",
        (401, 403),
        &["invalid or non-existent authentication"],
        Meaning::Unauthorized,
    ),
    row("any", (401, 401), &[], Meaning::Unauthorized),
    row(
        "Artifactory",
        (403, 403),
        &["overwrite artifact", "delete/overwrite"],
        Meaning::There,
    ),
    row("Azure", (403, 403), &["already contains"], Meaning::There),
    row("devpi", (403, 405), &["mirror"], Meaning::NotForUploads),
    row("any", (403, 403), &[], Meaning::Forbidden),
    row("any", (404, 405), &[], Meaning::NotForUploads),
    row("any", (408, 408), &[], Meaning::Later),
    row(
        "PEP 752",
        (409, 409),
        &["reserved", "namespace"],
        Meaning::Reserved,
    ),
    row(
        "devpi",
        (409, 409),
        &["already exists in non-volatile index"],
        Meaning::There,
    ),
    row(
        "pypiserver",
        (409, 409),
        &["already exists"],
        Meaning::There,
    ),
    row("CodeArtifact, Azure", (409, 409), &[], Meaning::There),
    row("any", (413, 413), &[], Meaning::TooLarge),
    row("any", (425, 425), &[], Meaning::Later),
    row("any", (429, 429), &[], Meaning::Later),
    row("any", (400, 499), &[], Meaning::Refused),
    // Not implemented, HTTP version: later is no better.
    row("any", (501, 501), &[], Meaning::Refused),
    row("any", (505, 505), &[], Meaning::Refused),
    row("any", (500, 599), &[], Meaning::Later),
];

/// What an answer means.
pub fn meaning(status: u16, words: &str) -> Meaning {
    let words = words.to_lowercase();
    let fits = |row: &&Row| {
        (row.status.0..=row.status.1).contains(&status)
            && (row.says.is_empty() || row.says.iter().any(|said| words.contains(said)))
    };
    ROWS.iter()
        .find(fits)
        .map_or(Meaning::Refused, |row| row.meaning)
}

/// How much of a server's words is shown.
const SHOWN: usize = 300;

/// The words of an answer, on one line: of JSON the message, of HTML what a reader sees.
pub fn words(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.content);
    let text = match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) => json(&value).unwrap_or_default(),
        Err(_) if text.trim_start().starts_with('<') => seen(&text),
        Err(_) => text.into_owned(),
    };
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    let mut short: String = line.chars().take(SHOWN).collect();
    if short.len() < line.len() {
        short.push_str("...");
    }
    shown(&short)
}

/// The field in which servers say it: PyPI and RFC 9457, devpi, GitLab, Nexus, Google.
fn json(value: &serde_json::Value) -> Option<String> {
    let plain = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Object(inner) => {
            let text = inner.get("message")?.as_str()?;
            Some(text.to_owned())
        }
        _ => None,
    };
    let fields = ["code", "message", "detail", "title", "error", "errors"];
    let all = fields.iter().filter_map(|field| plain(value.get(field)?));
    let all: Vec<String> = all.collect();
    if all.is_empty() {
        let first = value.get("errors")?.get(0)?;
        return plain(first);
    }
    // PyPI's code is the whole sentence, devpi's message.
    all.into_iter().max_by_key(String::len)
}

/// HTML without its tags, heads and scripts.
fn seen(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        out.push(' ');
        rest = &rest[at..];
        let lower = rest.get(..8).unwrap_or(rest).to_ascii_lowercase();
        let hidden = [
            ("<style", "</style"),
            ("<script", "</script"),
            ("<title", "</title"),
            ("<!--", "--"),
        ];
        if let Some((_, end)) = hidden.iter().find(|(begin, _)| lower.starts_with(begin)) {
            rest = rest.find(end).map_or("", |at| &rest[at..]);
        }
        rest = rest.split_once('>').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#39;", "'"),
        ("&#039;", "'"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(out, |text, (entity, plain)| text.replace(entity, plain))
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
