//! Requirements (PEP 508) as others write them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::str::FromStr;

use super::bounded::bounded;
use super::named::{self, Wrong};
use super::{MarkerTree, Requirement, Version};

/// How deep parentheses may be nested: the reader of markers calls itself for each.
const DEEPEST: usize = 64;
/// How many markers are remembered, and how long one is that is not.
const MARKERS: usize = 1024;
const LONG: usize = 256;

/// Reads a requirement as it stands.
///
/// # Errors
/// What is wrong, in words that quote nothing of the text.
pub fn parse(text: &str) -> Result<Requirement, String> {
    sound_requirement(text)?;
    let (mut read, marker) = named::read(text).map_err(|wrong| match wrong {
        Wrong::Form(at) => no_requirement(at),
        Wrong::Url(at) => format!("its URL cannot be read (character {})", at + 1),
    })?;
    if let Some(marker) = marker {
        let marker = marker.trim_start();
        let start = text.len() - marker.len();
        let marker = readable(&spaced_lists(marker))?.into_owned();
        let known = known_marker(marker.trim_end());
        read.marker = known.map_err(|within| no_requirement(start + within))?;
    }
    Ok(read)
}

fn no_requirement(at: usize) -> String {
    let place = at + 1;
    format!("it is no requirement as PEP 508 has it (character {place})")
}

/// A marker that the reader can be let at; the same few are written hundreds of times, and reading
/// one takes longer than the rest of its requirement. An error is where it cannot be read.
fn known_marker(text: &str) -> Result<MarkerTree, usize> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, MarkerTree>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(marker) = known.get(text) {
            return Ok(marker.clone());
        }
        let marker = MarkerTree::from_str(text).map_err(|error| error.start)?;
        if known.len() < MARKERS && text.len() < LONG {
            known.insert(text.to_owned(), marker.clone());
        }
        Ok(marker)
    })
}

/// Reads a marker.
///
/// # Errors
/// What is wrong, in words that quote nothing of the text.
pub fn marker(text: &str) -> Result<MarkerTree, String> {
    sound(text)?;
    MarkerTree::from_str(&readable(&spaced_lists(text))?).map_err(|error| {
        let place = error.start + 1;
        format!("it is no marker as PEP 508 has it (character {place})")
    })
}

/// A marker as the reader of `pep508_rs` takes it.
fn readable(text: &str) -> Result<Cow<'_, str>, String> {
    bounded(text)?;
    quoted_once(text)?;
    let text = spaced(text);
    Ok(match compatible(&text)? {
        Cow::Owned(text) => Cow::Owned(text),
        Cow::Borrowed(_) => text,
    })
}

/// Whether no text in a marker holds a single quotation mark: `pep508_rs` writes all of them in single
/// ones, and what was a text would be read as a marker.
fn quoted_once(text: &str) -> Result<(), String> {
    let mut open = None;
    for letter in text.bytes().filter(|byte| matches!(byte, b'"' | b'\'')) {
        match open {
            None => open = Some(letter),
            Some(own) if own == letter => open = None,
            Some(b'"') => {
                return Err("a text in its marker holds a single quotation mark".to_owned());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// A marker with white space between `and`, `or` and an opening bracket.
fn spaced(text: &str) -> Cow<'_, str> {
    if !text.contains("and(") && !text.contains("or(") {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len() + 8);
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') if whole.ends_with("and") || whole.ends_with("or") => whole.push(' '),
            _ => {}
        }
        whole.push(letter);
    }
    Cow::Owned(whole)
}

/// A marker without `~= "3.0"`, which the reader takes for `~= "3"` and stops the process, and
/// `~= "3.10.0"` for `~= "3.10"`: in their place two comparisons that mean the same.
fn compatible(text: &str) -> Result<Cow<'_, str>, String> {
    let mut whole = Cow::Borrowed(text);
    let operator = "~=";
    for at in between_texts(text, operator).into_iter().rev() {
        let left = text[..at].trim_end();
        let right = text[at + operator.len()..].trim_start();
        let part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
        let key = &left[left.trim_end_matches(part).len()..];
        let quote = right
            .chars()
            .next()
            .filter(|letter| matches!(letter, '\'' | '"'));
        let value = quote.and_then(|quote| right[1..].split_once(quote));
        let Some((value, rest)) = value.filter(|_| !key.is_empty()) else {
            return Err("`~=` stands between a marker's name and a quoted version".to_owned());
        };
        let Ok(version) = Version::from_str(value) else {
            continue;
        };
        if let [prefix @ .., 0] = version.release() {
            if prefix.is_empty() {
                continue;
            }
            let prefix: Vec<String> = prefix.iter().map(u64::to_string).collect();
            let (prefix, epoch) = (prefix.join("."), version.epoch());
            let start = left.len() - key.len();
            let end = text.len() - rest.len();
            let both = format!("({key} >= '{version}' and {key} == '{epoch}!{prefix}.*')");
            whole.to_mut().replace_range(start..end, &both);
        }
    }
    Ok(whole)
}

/// Where this stands in a marker, and not in one of its quoted texts.
fn between_texts(text: &str, wanted: &str) -> Vec<usize> {
    let mut open = None;
    let mut places = Vec::new();
    for (at, letter) in text.char_indices() {
        match open {
            Some(own) if own == letter => open = None,
            None if matches!(letter, '\'' | '"') => open = Some(letter),
            None if text[at..].starts_with(wanted) => places.push(at),
            Some(_) | None => {}
        }
    }
    places
}

/// Whether the reader of markers can be let at a text: it takes letters beyond ASCII for single
/// bytes and stops the process, and a thousand parentheses are a thousand calls.
fn sound(text: &str) -> Result<(), String> {
    if !text.is_ascii() {
        return Err("it has a letter beyond ASCII".to_owned());
    }
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err("its parentheses are nested too deep".to_owned());
        }
    }
    Ok(())
}

/// The same of requirements, of which URLs may have any letter; and whether the project and its
/// extras end in a letter or digit, which is worth words of its own.
fn sound_requirement(text: &str) -> Result<(), String> {
    let part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let between = |letter: char| letter.is_whitespace() || matches!(letter, '[' | ']' | ',');
    let end = text.find(|letter| !part(letter) && !between(letter));
    let (head, rest) = text.split_at(end.unwrap_or(text.len()));
    if head
        .split(between)
        .any(|name| name.ends_with(['-', '_', '.']))
    {
        return Err("a name in it does not end in a letter or digit".to_owned());
    }
    sound(head)?;
    match (rest.strip_prefix('@'), rest.split_once(';')) {
        (Some(_), Some((_, marker))) => sound(marker),
        (Some(_), None) => Ok(()),
        (None, _) => sound(rest),
    }
}

/// Puts spaces in place of the commas and bars of `python_version in "3.8, 3.9"`: PEP 508 only says
/// that the text contains the version, `pep508_rs` takes no separator but a space, and leaves a
/// comparison out that it cannot read.
fn spaced_lists(text: &str) -> Cow<'_, str> {
    if !text.contains(" in") || !text.contains("python") {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['\'', '"']) {
        let quote = &rest[open..=open];
        let Some(length) = rest[open + 1..].find(quote) else {
            break;
        };
        let (before, inner) = (&rest[..open], &rest[open + 1..open + 1 + length]);
        let mut words = before.split_whitespace().rev();
        let is_in = words.next() == Some("in");
        let key = match words.next() {
            Some("not") => words.next(),
            other => other,
        };
        let key = key.map(|key| key.trim_start_matches('('));
        whole.push_str(before);
        whole.push_str(quote);
        if is_in && matches!(key, Some("python_version" | "python_full_version")) {
            whole.push_str(&inner.replace([',', '|'], " "));
        } else {
            whole.push_str(inner);
        }
        whole.push_str(quote);
        rest = &rest[open + length + 2..];
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use proptest::prelude::*;

    use super::{marker, parse};

    proptest! {
        /// Metadata are other people's text: none of it stops the process.
        #[test]
        fn no_text_stops_the_reader(text in "[a@;'\"()\\[\\]<>=~! ,.1é٣\u{a0}-]{0,30}", rest in ".{0,12}") {
            for text in [
                format!("{text}{rest}"),
                format!("a{text}"),
                format!("a ; {text}"),
                format!("a @ https://é.example/{text}{rest} ; {text}"),
                format!("a ; os_name == 'é{text}' and {rest}"),
                format!("a ; python_version in 'é{text}'{rest}"),
                format!("a[{text}] >= {rest}"),
                format!("a ; extra == \"{text}{rest}\""),
            ] {
                let _ = parse(&text);
            }
            for text in [
                format!("{text}{rest}"),
                format!("os_name == 'a' {text}{rest}"),
                format!("os_name == 'é' {text}"),
                format!("'{text}' {rest}"),
                format!("python_version < '3'{text}{rest}"),
            ] {
                let _ = marker(&text);
            }
        }
    }

    proptest! {
        #[test]
        fn no_comparison_stops_the_reader(
            key in "python_version|python_full_version|implementation_version|os_name|platform_release",
            operator in "==|!=|<|<=|>|>=|~=|===|in|not in",
            value in "[0-9]{1,2}(\\.[0-9]{1,2}){0,4}((a|rc|\\.post|\\.dev)[0-3])?(\\+a)?(\\.\\*)?",
            quote in "['\"]",
            space in " {0,2}",
        ) {
            let value = format!("{quote}{value}{quote}");
            for text in [
                format!("{key}{space} {operator} {space}{value}"),
                format!("{value} {operator} {space}{key}"),
                format!("({key} {operator} {value}){space}or {key} ~={space}{value} and {key} != {value}"),
            ] {
                let _ = marker(&text);
                let _ = parse(&format!("a;{text}"));
                let _ = parse(&format!("a @ https://example.org/{space};{text}"));
            }
        }
    }

    #[test]
    fn compatible_releases_keep_their_zeros() {
        for (text, meaning) in [
            (
                "python_version ~= '3.0'",
                "python_version >= '3.0' and python_version == '3.*'",
            ),
            (
                "(python_full_version~=\"3.10.0\" or os_name == 'nt')",
                "(python_full_version >= '3.10' and python_full_version == '3.10.*') or os_name == 'nt'",
            ),
            (
                "python_version ~= '3.0' and implementation_version ~= '7.3.0'",
                "python_version == '3.*' and implementation_version >= '7.3' and implementation_version == '7.3.*'",
            ),
            (
                "python_version ~= '3.8'",
                "python_version >= '3.8' and python_version == '3.*'",
            ),
        ] {
            let expected = marker(meaning).unwrap();
            assert_eq!(marker(text).unwrap(), expected, "{text}");
            assert_eq!(
                parse(&format!("a>=1 ; {text}")).unwrap().marker,
                expected,
                "{text}"
            );
        }
        assert!(marker("'3.0' ~= python_version").is_err());
        // In a text it is no operator.
        let text = "os_name == 'a ~='";
        assert_eq!(marker(text).unwrap().try_to_string().unwrap(), text);
        for text in [
            "os_name == \"a~=\"3.0\" b\"",
            "os_name == 'a~='3.0' b'",
            "os_name == \"a ~= \"17.0.7.0\" and os_name == \"b\"",
        ] {
            assert!(marker(text).is_err(), "{text}");
        }
        assert!(parse("a ~= 1.0").is_ok());
    }

    #[test]
    fn deep_nesting_is_refused() {
        let nested = |depth| format!("{}os_name == 'a'{}", "(".repeat(depth), ")".repeat(depth));
        assert!(marker(&nested(20)).is_ok());
        assert!(marker(&nested(100_000)).is_err());
        assert!(parse(&format!("a ; {}", nested(100_000))).is_err());
        assert!(marker(&"(".repeat(1_000_000)).is_err());
    }

    #[test]
    fn lists_of_versions_have_any_separator() {
        let expected = marker("python_version == '3.8' or python_version == '3.9'").unwrap();
        for text in [
            "python_version in '3.8 3.9'",
            "(python_version in \"3.8,3.9\")",
            "python_version in '3.8 | 3.9'",
        ] {
            assert_eq!(marker(text).unwrap(), expected, "{text}");
        }
        let not = marker("python_version not in '3.8, 3.9'").unwrap();
        assert_eq!(not, expected.negate());
        let other = parse("a ; platform_version in 'b, c' and python_version == '3'").unwrap();
        assert!(other.to_string().contains("'b, c'"), "{other}");
    }

    /// The marker is read by itself, and remembered: that changes nothing.
    #[test]
    fn a_marker_by_itself_means_the_same() {
        for text in [
            "a;os_name=='nt'",
            "a[b,c] >=1,<2 ; python_version < '3.9' and extra == 'x'",
            "a (>=1) ; extra == 'x'",
            "a ; extra == \"x\" ",
            "a;\tos_name == 'a;b'",
        ] {
            let whole = pep508_rs::Requirement::<url::Url>::from_str(text).unwrap();
            for _ in 0..2 {
                let read = parse(text).unwrap();
                assert_eq!(read.marker, whole.marker, "{text}");
                assert_eq!(read.extras, whole.extras, "{text}");
                assert_eq!(read.to_string(), whole.to_string(), "{text}");
            }
        }
        for text in ["a ;", "a ; x", "a >= ; os_name == 'a'", "; os_name == 'a'"] {
            assert!(parse(text).is_err(), "{text}");
        }
        // What is wrong is told as it is of the whole.
        let text = "a ; os_name ==";
        let theirs = pep508_rs::Requirement::<url::Url>::from_str(text).unwrap_err();
        let place = format!("(character {})", theirs.start + 1);
        assert!(parse(text).unwrap_err().ends_with(&place), "{place}");
    }

    #[test]
    fn a_text_that_holds_a_single_quotation_mark_is_refused() {
        let text = "a ; sys_platform == \"x' or os_name == 'posix\"";
        let why = parse(text).unwrap_err();
        assert_eq!(why, "a text in its marker holds a single quotation mark");
        let other = parse("a ; sys_platform == 'x\"'").unwrap().to_string();
        assert_eq!(parse(&other).unwrap().to_string(), other);
        assert!(parse("a @ https://example.org/it's ; os_name == \"nt\"").is_ok());
    }

    /// A semicolon without a space before it belongs to the URL (PEP 508).
    #[test]
    fn what_looks_like_a_marker_in_a_url_stays() {
        let text = "a @ https://example.org/a;x and(y)#b ; os_name == 'a' and(sys_platform == 'b')";
        let read = parse(text).unwrap().to_string();
        let url = "https://example.org/a;x%20and(y)#b";
        assert!(read.starts_with(&format!("a @ {url} ; ")), "{read}");
        assert_eq!(parse(&read).unwrap().to_string(), read);
    }

    #[test]
    fn variables_stay_what_they_are() {
        let read = parse("a @ https://example.org/${PATH}/a-1.tar.gz").unwrap();
        assert!(!read.to_string().contains(&std::env::var("PATH").unwrap()));
        assert!(read.to_string().contains("PATH"));
    }

    #[test]
    fn an_error_quotes_nothing() {
        for text in ["a @ hunter2", "a >= hunter2", "a[hunter2", "hunter2 !"] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
