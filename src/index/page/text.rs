//! What HTML and URLs hide in their letters: tags, attributes, character references, percent signs.
//!
//! Pages of indexes are a flat list of links, so tags are read one after the other and no tree is
//! built: a hostile page costs no more memory than an honest one. What is written here follows the
//! tokenisation of the HTML standard (13.2.5) as far as such pages go.

use std::borrow::Cow;

/// Attributes of one tag that are looked at.
const ATTRIBUTES: usize = 32;
/// Elements whose content holds no tags.
const RAW: [&str; 4] = ["script", "style", "title", "textarea"];

/// An opening tag: its name, and its attributes as they are written.
#[derive(Debug, Default)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Tag<'a> {
    /// Whether it has this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value of an attribute; empty where it has none. The first counts.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut all = self.attributes.iter();
        let (_, value) = all.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(unescaped(value))
    }
}

/// The opening tags of a page.
pub(super) struct Tags<'a> {
    rest: &'a str,
    tag: Tag<'a>,
}

impl<'a> Tags<'a> {
    /// Of this page.
    pub(super) fn of(page: &'a str) -> Self {
        Self {
            rest: page,
            tag: Tag::default(),
        }
    }

    /// The next one; comments and what stands in scripts are skipped.
    pub(super) fn next(&mut self) -> Option<&Tag<'a>> {
        loop {
            let at = self.rest.find('<')?;
            self.rest = &self.rest[at + 1..];
            if let Some(comment) = self.rest.strip_prefix("!--") {
                self.rest = &comment[comment.find("-->")? + 3..];
            } else if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.read()?;
                if let Some(raw) = RAW.iter().find(|raw| self.tag.is(raw)) {
                    self.rest = behind_end(self.rest, raw)?;
                }
                return Some(&self.tag);
            }
        }
    }

    /// Reads a tag of which the bracket is read already; `None` at the end of the page.
    fn read(&mut self) -> Option<()> {
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/');
        let end = self.rest.find(is_end)?;
        self.tag.name = &self.rest[..end];
        self.tag.attributes.clear();
        let mut rest = &self.rest[end..];
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if let Some(after) = rest.strip_prefix('>') {
                self.rest = after;
                return Some(());
            }
            // The first letter belongs to a name, whatever it is.
            let first = rest.chars().next()?.len_utf8();
            let end = rest[first..].find(|c: char| is_end(c) || c == '=')? + first;
            let name = &rest[..end];
            rest = rest[end..].trim_start_matches(|c: char| c.is_ascii_whitespace());
            let mut value = "";
            if let Some(after) = rest.strip_prefix('=') {
                let after = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
                (value, rest) = match after.chars().next()? {
                    quote @ ('"' | '\'') => after[1..].split_once(quote)?,
                    _ => after.split_at(after.find(|c: char| c.is_ascii_whitespace() || c == '>')?),
                };
            }
            if self.tag.attributes.len() < ATTRIBUTES {
                self.tag.attributes.push((name, value));
            }
        }
    }
}

/// What stands behind the end of an element.
fn behind_end<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let at = rest.find("</")?;
        rest = &rest[at + 2..];
        let found = rest.get(..name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return Some(rest);
        }
    }
}

/// A value with its character references resolved: the numeric ones, and those that pages of
/// indexes use by name.
pub(super) fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (c, length) = reference(rest).unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character at the start, and how long its reference is.
fn reference(text: &str) -> Option<(char, usize)> {
    const NAMED: [(&str, char); 8] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", '\u{a0}'),
        ("plus", '+'),
        ("equals", '='),
    ];
    let body = &text[1..];
    if let Some(digits) = body.strip_prefix('#') {
        let (digits, radix, before) = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16, 3),
            None => (digits, 10, 2),
        };
        let end = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        let c = u32::from_str_radix(&digits[..end], radix)
            .ok()
            .and_then(char::from_u32)?;
        let closed = usize::from(digits[end..].starts_with(';'));
        return Some((c, before + end + closed));
    }
    NAMED.iter().find_map(|(name, c)| {
        let rest = body.strip_prefix(name)?;
        // Without its semicolon it is one only where no word goes on (`&ltd`).
        let closed = rest.starts_with(';');
        let open = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '=');
        (closed || open).then_some((*c, 1 + name.len() + usize::from(closed)))
    })
}

/// A segment of a path without percent signs.
pub(in crate::index) fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let pair = pair.and_then(|pair| std::str::from_utf8(pair).ok());
        let is_hex = |pair: &&str| pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = pair
            .filter(is_hex)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
