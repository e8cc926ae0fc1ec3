//! Variables of requirements files: `${NAME}` of capitals, digits and underscores, nothing else (pip,
//! `req/req_file.py`).
//!
//! pip puts any of them in anywhere. Whoever writes the file is not always who runs it: what holds a
//! credential is put in where pip's users have it, before the `@` of a URL, and nowhere else. A path, a
//! query or a host that it stands in would carry it to whoever wrote the line.

use zeroize::Zeroizing;

use crate::domain::variable::{Holds, holds};

/// Why a variable cannot be put in.
pub(super) enum Unusable {
    /// It is not set.
    Unset(String),
    /// It holds a credential, which would stand in the wrong place.
    Misplaced(String),
}

/// A credential that was put in: from here to there.
struct Put {
    from: usize,
    to: usize,
    name: String,
    holds: Holds,
}

/// The line with its variables put in.
///
/// # Errors
/// Where one of them cannot be.
pub(super) fn expanded(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Zeroizing<String>, Unusable> {
    let mut whole = Zeroizing::new(String::with_capacity(text.len()));
    let mut put = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        whole.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner.find('}');
        let part = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_';
        let name = end.map(|end| &inner[..end]);
        if let Some(name) = name.filter(|name| !name.is_empty() && name.chars().all(part)) {
            let value = variable(name).ok_or_else(|| Unusable::Unset(name.to_owned()))?;
            let value = Zeroizing::new(value);
            let from = whole.len();
            let holds = holds(name);
            match holds {
                Some(Holds::Secret) => push_encoded(&mut whole, &value),
                _ => whole.push_str(&value),
            }
            let is_credential = |holds: &Holds| *holds == Holds::Secret || value.contains('@');
            if let Some(holds) = holds.filter(is_credential) {
                put.push(Put {
                    from,
                    to: whole.len(),
                    name: name.to_owned(),
                    holds,
                });
            }
            rest = &inner[name.len() + 1..];
        } else {
            whole.push_str("${");
            rest = inner;
        }
    }
    whole.push_str(rest);
    // Only now, because what other variables hold decides where it stands.
    for one in put {
        let (before, after) = (&whole[..one.from], &whole[one.to..]);
        let is_in_place = match one.holds {
            Holds::Secret => is_before_at(before, after),
            Holds::Urls => is_whole_url(before, after),
        };
        if !is_in_place {
            return Err(Unusable::Misplaced(one.name));
        }
    }
    Ok(whole)
}

/// What would end the part of a URL before the `@`, or the word that the URL is, is encoded.
fn push_encoded(whole: &mut String, value: &str) {
    use std::fmt::Write as _;
    for char in value.chars() {
        let ends = matches!(
            char,
            '/' | '?' | '#' | '\\' | '@' | '\'' | '"' | ';' | '$' | '{' | '}' | '[' | ']'
        );
        if ends || char.is_whitespace() || char.is_control() {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a text does not fail.
                let _ = write!(whole, "%{byte:02X}");
            }
        } else {
            whole.push(char);
        }
    }
}

/// Whether what stands between these is in the part of a URL before the `@`. The URL is the first of
/// its line, and nothing before it can be read as a part of another one.
fn is_before_at(before: &str, after: &str) -> bool {
    let Some((start, authority)) = before.split_once("://") else {
        return false;
    };
    let is_scheme = |char: char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.');
    let lead = start.trim_end_matches(is_scheme);
    let lead = lead.strip_suffix(['"', '\'']).unwrap_or(lead);
    let ends = |char: char| {
        matches!(char, '/' | '?' | '#' | '\\' | '"' | '\'')
            || char.is_whitespace()
            || char.is_control()
    };
    let leads = |char: char| !matches!(char, ':' | '/' | '?' | '#' | '\\' | '"' | '\'' | '%');
    lead.chars().all(leads)
        && !authority.contains(ends)
        && !authority.contains('@')
        && after
            .split(ends)
            .next()
            .is_some_and(|rest| rest.contains('@'))
}

/// Whether the variable is the beginning of a URL that ends where its value does, or goes on with a
/// path: what follows cannot lead it to another host.
fn is_whole_url(before: &str, after: &str) -> bool {
    let starts = before
        .chars()
        .next_back()
        .is_none_or(|char| char.is_whitespace() || matches!(char, '=' | '"' | '\''));
    let ends = after
        .chars()
        .next()
        .is_none_or(|char| char.is_whitespace() || matches!(char, '/' | '"' | '\''));
    let leads = |char: char| !matches!(char, ':' | '/' | '?' | '#' | '\\' | '%');
    starts && ends && before.chars().all(leads)
}
