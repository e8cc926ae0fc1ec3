//! JSON files: docker's `config.json`. The text stays as it is, but for the member.

use credential_helper_protocol::{ErrorCode, Failure};
use serde::de::IgnoredAny;

use super::super::change::Made;
use super::{Put, Take};

/// A member of an object, by its places in the text.
struct Member {
    key: String,
    start: usize,
    value: usize,
    end: usize,
}

/// The text with a string in the object, or in an object in it.
///
/// # Errors
/// `malformed`.
pub fn put(text: &str, object: Option<&str>, key: &str, value: &str) -> Result<Put, Failure> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let member = format!("{}: {}", quoted(key), quoted(value));
    if text.trim().is_empty() {
        let (new, section) = match object {
            None => (format!("{{\n\t{member}\n}}\n"), false),
            Some(name) => (
                format!("{{\n\t{}: {{\n\t\t{member}\n\t}}\n}}\n", quoted(name)),
                true,
            ),
        };
        let made = Made {
            section,
            ..Made::default()
        };
        return Ok(Put::New(new, made));
    }
    let root = members(text, check(text)?)?;
    let Some(name) = object else {
        return Ok(put_into(text, check(text)?, &root, key, value, &member));
    };
    let Some(inner) = root.iter().find(|one| one.key == name) else {
        let member = format!("{}: {{{member}}}", quoted(name));
        let new = with(text, check(text)?, &root, &member);
        let made = Made {
            section: true,
            ..Made::default()
        };
        return Ok(Put::New(new, made));
    };
    if !text[inner.value..].starts_with('{') {
        return Ok(Put::Taken(format!("\"{name}\" is no object")));
    }
    let inside = members(text, inner.value)?;
    Ok(put_into(text, inner.value, &inside, key, value, &member))
}

/// The text without it, and without the inner object where that was made for it.
///
/// # Errors
/// `malformed`.
pub fn take(
    text: &str,
    object: Option<&str>,
    key: &str,
    value: &str,
    made: &Made,
) -> Result<Take, Failure> {
    if text.trim().is_empty() {
        return Ok(Take::Gone);
    }
    let root = members(text, check(text)?)?;
    let (inside, outer) = match object {
        None => (root, None),
        Some(name) => {
            let Some(at) = root.iter().position(|one| one.key == name) else {
                return Ok(Take::Gone);
            };
            if !text[root[at].value..].starts_with('{') {
                return Ok(Take::Changed);
            }
            (members(text, root[at].value)?, Some((root, at)))
        }
    };
    let Some(at) = inside.iter().position(|one| one.key == key) else {
        return Ok(Take::Gone);
    };
    if string(&text[inside[at].value..inside[at].end]).as_deref() != Some(value) {
        return Ok(Take::Changed);
    }
    if let Some((root, outer)) = outer.filter(|_| made.section && inside.len() == 1) {
        return Ok(Take::New(without(text, &root, outer)));
    }
    Ok(Take::New(without(text, &inside, at)))
}

/// Whether nothing is left in an object that was made for one member.
pub fn is_empty(text: &str) -> bool {
    text.chars().filter(|c| !c.is_whitespace()).eq("{}".chars())
}

fn put_into(
    text: &str,
    open: usize,
    inside: &[Member],
    key: &str,
    value: &str,
    member: &str,
) -> Put {
    match inside.iter().find(|one| one.key == key) {
        None => Put::New(with(text, open, inside, member), Made::default()),
        Some(one) => match string(&text[one.value..one.end]) {
            Some(other) if other == value => Put::Already,
            Some(other) => Put::Taken(format!("\"{key}\": \"{other}\"")),
            None => Put::Taken(format!("\"{key}\" is no text")),
        },
    }
}

/// Adds a member after the last one, on a line of its own where those are.
fn with(text: &str, open: usize, inside: &[Member], member: &str) -> String {
    let (at, new) = match inside.last() {
        None => (open + 1, member.to_owned()),
        Some(last) => {
            let before = &text[..last.start];
            let space = &before[before.trim_end().len()..];
            (last.end, format!(",{space}{member}"))
        }
    };
    format!("{}{new}{}", &text[..at], &text[at..])
}

fn without(text: &str, inside: &[Member], at: usize) -> String {
    let (start, end) = match (at.checked_sub(1), inside.get(at + 1)) {
        (Some(before), _) => (inside[before].end, inside[at].end),
        (None, Some(next)) => (inside[at].start, next.start),
        (None, None) => (inside[at].start, inside[at].end),
    };
    format!("{}{}", &text[..start], &text[end..])
}

fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn malformed(text: &str, at: usize) -> Failure {
    let line = crate::domain::text::line_at(text.as_bytes(), at);
    Failure::new(
        ErrorCode::Malformed,
        format!("line {line} is not a valid JSON object"),
    )
    .hint("correct that line by hand, then try again; nothing was changed")
}

/// Where the object begins. Nothing of the parser's own message is passed on.
fn check(text: &str) -> Result<usize, Failure> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let lines = text.split_inclusive('\n').take(error.line().max(1) - 1);
        malformed(text, lines.map(str::len).sum())
    })?;
    let start = text.len() - text.trim_start().len();
    if text[start..].starts_with('{') {
        Ok(start)
    } else {
        Err(malformed(text, start))
    }
}

/// The members of the object that begins there, in a text that is known to be JSON.
fn members(text: &str, open: usize) -> Result<Vec<Member>, Failure> {
    let bytes = text.as_bytes();
    let skip = |mut at: usize, what: &[u8]| {
        while bytes.get(at).is_some_and(|byte| what.contains(byte)) {
            at += 1;
        }
        at
    };
    let mut found = Vec::new();
    let mut at = skip(open + 1, b" \t\r\n");
    while bytes.get(at) == Some(&b'"') {
        let start = at;
        let after = value_end(bytes, at);
        let key = string(&text[start..after]).ok_or_else(|| malformed(text, start))?;
        let value = skip(after, b" \t\r\n:");
        let end = value_end(bytes, value);
        found.push(Member {
            key,
            start,
            value,
            end,
        });
        at = skip(end, b" \t\r\n,");
    }
    Ok(found)
}

/// Where the value that begins there ends.
fn value_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => continue,
            }
            if in_string || depth > 0 || escaped {
                continue;
            }
            return at + 1;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::super::{Put, Take};
    use super::{Made, is_empty, put, take};

    #[test]
    fn a_member_goes_in_and_out() {
        for (object, old, new) in [
            (None, "{}", "{\"k\": \"v\"}"),
            (None, "{\n}\n", "{\"k\": \"v\"\n}\n"),
            (
                None,
                "{\n\t\"auths\": {\"h\": {\"auth\": \"a}\\\"b\"}},\n\t\"x\": [1, 2]\n}",
                "{\n\t\"auths\": {\"h\": {\"auth\": \"a}\\\"b\"}},\n\t\"x\": [1, 2],\n\t\"k\": \"v\"\n}",
            ),
            (
                Some("o"),
                "{\"a\": true}",
                "{\"a\": true,\"o\": {\"k\": \"v\"}}",
            ),
            (
                Some("o"),
                "{\"o\": {\"h\": \"w\"}, \"a\": null}",
                "{\"o\": {\"h\": \"w\",\"k\": \"v\"}, \"a\": null}",
            ),
            (Some("o"), "{\"o\": {}}", "{\"o\": {\"k\": \"v\"}}"),
        ] {
            let Put::New(text, made) = put(old, object, "k", "v").unwrap() else {
                panic!("{old}")
            };
            assert_eq!(text, new);
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            assert_eq!(put(&text, object, "k", "v").unwrap(), Put::Already);
            let back = take(&text, object, "k", "v", &made).unwrap();
            assert_eq!(back, Take::New(old.to_owned()));
            assert_eq!(take(old, object, "k", "v", &made).unwrap(), Take::Gone);
            let theirs = new.replace("\"v\"", "\"w\"");
            let taken = put(&theirs, object, "k", "v").unwrap();
            assert_eq!(taken, Put::Taken("\"k\": \"w\"".to_owned()));
            let changed = take(&theirs, object, "k", "v", &made).unwrap();
            assert_eq!(changed, Take::Changed);
        }
    }

    #[test]
    fn a_new_file_goes_with_its_member() {
        for object in [None, Some("o")] {
            let Put::New(text, made) = put("", object, "k", "v").unwrap() else {
                panic!()
            };
            let Take::New(left) = take(&text, object, "k", "v", &made).unwrap() else {
                panic!("{text}")
            };
            assert!(is_empty(&left), "{left}");
        }
        // The first member, with others behind it.
        let made = Made::default();
        let left = take("{\"k\": \"v\", \"a\": 1}", None, "k", "v", &made).unwrap();
        assert_eq!(left, Take::New("{\"a\": 1}".to_owned()));
    }

    #[test]
    fn what_is_no_object_is_refused_without_quoting_it() {
        for text in ["[1]", "{\"a\": \"hunter2}", "{\"a\" 1}", "hunter2"] {
            let failure = put(text, None, "k", "v").unwrap_err();
            assert!(!failure.message.contains("hunter2"), "{failure}");
        }
        let taken = put("{\"o\": 1}", Some("o"), "k", "v").unwrap();
        assert_eq!(taken, Put::Taken("\"o\" is no object".to_owned()));
    }
}
