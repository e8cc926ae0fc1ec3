//! A project's page of an index, read for one thing: the SHA-256 of each file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::http::Answer;

/// The files of a project, by name, each with its SHA-256 where the page has it.
pub type Files = BTreeMap<String, Option<String>>;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    filename: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// Reads a page of the Simple API, as JSON (PEP 691) or HTML (PEP 503); `None` for anything else: a
/// page to log in, for example.
pub fn files(answer: &Answer) -> Option<Files> {
    if answer.cut {
        return None;
    }
    match answer.content_type.as_str() {
        "application/vnd.pypi.simple.v1+json" => {
            let page: Page = serde_json::from_slice(&answer.content).ok()?;
            let files = page.files.into_iter();
            Some(
                files
                    .map(|file| {
                        let sha256 = file
                            .hashes
                            .get("sha256")
                            .map(|hash| hash.to_ascii_lowercase());
                        (file.filename, sha256)
                    })
                    .collect(),
            )
        }
        "application/vnd.pypi.simple.v1+html" | "text/html" => {
            html(&String::from_utf8_lossy(&answer.content))
        }
        _ => None,
    }
}

/// Every link: its file is the last segment of its path, its digest the fragment.
fn html(text: &str) -> Option<Files> {
    // A form to log in is HTML too, and lists no file for another reason.
    if text.contains("<form") || text.contains("<FORM") {
        return None;
    }
    let mut found = Files::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let Some(tag) = rest.strip_prefix(['a', 'A']) else {
            continue;
        };
        rest = tag;
        if !rest.starts_with(|c: char| c.is_ascii_whitespace()) {
            continue;
        }
        let Some(href) = href(rest) else {
            continue;
        };
        let href = href.replace("&amp;", "&");
        let (path, fragment) = href.split_once('#').unwrap_or((&href, ""));
        let path = path.split('?').next().unwrap_or_default();
        let name = decoded(path.rsplit('/').next().unwrap_or_default());
        if !name.is_empty() {
            let sha256 = fragment.strip_prefix("sha256=");
            found.insert(name, sha256.map(str::to_ascii_lowercase));
        }
    }
    Some(found)
}

/// The value of `href` in what follows `<a`, up to the end of the tag.
fn href(tag: &str) -> Option<&str> {
    let mut rest = tag;
    loop {
        rest = rest.trim_start();
        if rest.starts_with('>') {
            return None;
        }
        let end = rest.find(['=', '>', ' ', '\t', '\n', '\r'])?;
        let name = &rest[..end];
        rest = rest[end..].trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            if name.is_empty() {
                return None;
            }
            continue;
        };
        let value = value.trim_start();
        let (found, after) = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split_once(quote)?,
            _ => value.split_at(value.find(['>', ' ', '\t', '\n', '\r'])?),
        };
        if name.eq_ignore_ascii_case("href") {
            return Some(found);
        }
        rest = after;
    }
}

/// A path's segment without percent signs.
fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = segment.get(at + 1..at + 3);
        let byte = pair
            .filter(|_| bytes[at] == b'%')
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Files, files};
    use crate::http::Answer;

    fn read(content_type: &str, text: &str) -> Option<Files> {
        files(&Answer {
            status: 200,
            content_type: content_type.to_owned(),
            content: text.as_bytes().to_vec(),
            ..Answer::default()
        })
    }

    fn expected(files: &[(&str, Option<&str>)]) -> Files {
        let own =
            |(name, hash): &(&str, Option<&str>)| ((*name).to_owned(), hash.map(str::to_owned));
        files.iter().map(own).collect()
    }

    #[test]
    fn json() {
        let kind = "application/vnd.pypi.simple.v1+json";
        let text = r#"{"meta": {"api-version": "1.9"}, "name": "a", "files": [
            {"filename": "a-1.tar.gz", "url": "x", "hashes": {"sha256": "AB"}, "size": 3},
            {"filename": "a-2.tar.gz", "url": "y", "hashes": {"md5": "0"}}]}"#;
        let wanted = expected(&[("a-1.tar.gz", Some("ab")), ("a-2.tar.gz", None)]);
        assert_eq!(read(kind, text).unwrap(), wanted);
        assert_eq!(read(kind, "<html>"), None);
        assert_eq!(read("application/json", text), None);
    }

    #[test]
    fn html() {
        let text = "<!DOCTYPE html><html><body><h1>Links</h1>\
            <a class=\"b\" href=\"../../f/a-1%2Bx.tar.gz?t=1&amp;u=2#sha256=AB\">other</a><br/>\n\
            <A data-yanked HREF='https://h/a-2.tar.gz#md5=0'>a-2</A>\
            <a href=a-3.tar.gz>a-3</a><abbr>x</abbr><a>none</a><a name=x>none</a></body></html>";
        let wanted = expected(&[
            ("a-1+x.tar.gz", Some("ab")),
            ("a-2.tar.gz", None),
            ("a-3.tar.gz", None),
        ]);
        assert_eq!(read("text/html", text).unwrap(), wanted);
        assert_eq!(
            read("application/vnd.pypi.simple.v1+html", "<html></html>").unwrap(),
            expected(&[])
        );
        assert_eq!(
            read("text/html", "<form action=/login><input></form>"),
            None
        );
        assert_eq!(read("text/plain", text), None);
    }

    #[test]
    fn a_page_that_is_cut_off_is_none() {
        let answer = Answer {
            status: 200,
            content_type: "text/html".to_owned(),
            cut: true,
            ..Answer::default()
        };
        assert_eq!(files(&answer), None);
        for text in [
            "<a",
            "<a ",
            "<a href",
            "<a href=",
            "<a href=\"x",
            "<a x",
            "<a =",
            "<a = >",
        ] {
            assert_eq!(read("text/html", text).unwrap(), expected(&[]), "{text}");
        }
    }
}
