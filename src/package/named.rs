//! What stands before the marker of a requirement (PEP 508): the name, its extras, and versions or
//! a URL.
//!
//! Not by the reader of `pep508_rs`, which puts variables of this process into what it cannot read,
//! and brings the tables of all alphabets into the program for that.

use std::str::FromStr as _;

use pep440_rs::VersionSpecifier;
use pep508_rs::{VerbatimUrl, VersionOrUrl};
use url::Url;

use super::{ExtraName, MarkerTree, PackageName, Requirement, VersionSpecifiers};

/// Ends of files that installers take, which a name may have too: to take it for one would ask an
/// index for what was meant to be a file.
const ARCHIVES: [&str; 12] = [
    ".whl",
    ".tbz",
    ".txz",
    ".tlz",
    ".zip",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tar.xz",
    ".tar.lz",
    ".tar.lzma",
    ".tar.gz",
];

/// Why a text is none.
pub(super) enum Wrong {
    /// At this byte.
    Form(usize),
    /// The URL that begins there.
    Url(usize),
}

/// Reads a requirement up to its marker; with what stands behind the semicolon, if there is one.
pub(super) fn read(text: &str) -> Result<(Requirement, Option<&str>), Wrong> {
    let wrong = |rest: &str| Wrong::Form(text.len() - rest.len());
    let start = text.trim_start();
    let (name, rest) = identifier(start).ok_or(wrong(start))?;
    let name_of = PackageName::from_str(name).map_err(|_| wrong(start))?;
    let (extras, rest) = extras(rest.trim_start()).map_err(wrong)?;
    let rest = rest.trim_start();
    let (version_or_url, behind) = match rest.as_bytes().first() {
        Some(b'@') => {
            let rest = rest[1..].trim_start();
            let (url, behind) = rest.split_at(length_of_url(rest));
            let url = Url::parse(url).map_err(|_| Wrong::Url(text.len() - rest.len()))?;
            (Some(VersionOrUrl::Url(VerbatimUrl::from_url(url))), behind)
        }
        Some(b'(') => {
            let (list, behind) = rest[1..].split_once(')').ok_or(wrong(rest))?;
            (Some(versions(list).map_err(wrong)?), behind)
        }
        Some(b'<' | b'=' | b'>' | b'~' | b'!') => {
            let (list, behind) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
            (Some(versions(list).map_err(wrong)?), behind)
        }
        Some(b';') | None if ARCHIVES.iter().any(|end| name.ends_with(end)) => {
            return Err(wrong(start));
        }
        Some(_) | None => (None, rest),
    };
    let behind = behind.trim_start();
    let marker = behind.strip_prefix(';');
    if marker.is_none() && !behind.is_empty() {
        return Err(wrong(behind));
    }
    let requirement = Requirement {
        name: name_of,
        extras,
        version_or_url,
        marker: MarkerTree::TRUE,
        origin: None,
    };
    Ok((requirement, marker))
}

/// The letters, digits and what may be between them at the start of a text; the rest.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let length = text.bytes().take_while(part).count();
    let begins = text.as_bytes().first()?.is_ascii_alphanumeric();
    begins.then(|| text.split_at(length))
}

/// The extras in brackets, which may be none; the rest. An error is where it ends.
fn extras(text: &str) -> Result<(Vec<ExtraName>, &str), &str> {
    let mut found = Vec::new();
    let Some(mut rest) = text.strip_prefix('[').map(str::trim_start) else {
        return Ok((found, text));
    };
    if let Some(rest) = rest.strip_prefix(']') {
        return Ok((found, rest));
    }
    loop {
        let (extra, behind) = identifier(rest).ok_or(rest)?;
        found.push(ExtraName::from_str(extra).map_err(|_| rest)?);
        let behind = behind.trim_start();
        if let Some(behind) = behind.strip_prefix(']') {
            return Ok((found, behind));
        }
        rest = behind.strip_prefix(',').ok_or(behind)?.trim_start();
    }
}

/// Versions with commas between them. An error is where it ends.
fn versions(list: &str) -> Result<VersionOrUrl<VerbatimUrl>, &str> {
    let read = |one| VersionSpecifier::from_str(one).map_err(|_| one);
    let all: VersionSpecifiers = list.split(',').map(read).collect::<Result<_, _>>()?;
    Ok(VersionOrUrl::VersionSpecifier(all))
}

/// How long the URL is at the start of a text. A space ends it where nothing but a marker or a
/// comment follows: some write paths with spaces. A semicolon or `#` without one before it belongs to
/// the URL.
fn length_of_url(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        match letter {
            '\r' | '\n' => return at,
            ';' | '#' if next.is_some_and(char::is_whitespace) => return at + 1,
            _ if letter.is_whitespace() => {
                let behind = text[at..].trim_start();
                if behind.is_empty() || behind.starts_with([';', '#']) {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use proptest::prelude::*;

    use super::read;
    use crate::package::MarkerTree;

    /// What `pep508_rs` makes of the same text, which stops at some.
    fn theirs(text: &str) -> Option<pep508_rs::Requirement<url::Url>> {
        pep508_rs::Requirement::<url::Url>::from_str(text).ok()
    }

    fn ours(text: &str) -> Option<pep508_rs::Requirement<url::Url>> {
        let (read, marker) = read(text).ok()?;
        let marker = marker.map_or(Some(MarkerTree::TRUE), |text| {
            MarkerTree::from_str(text).ok()
        })?;
        let version_or_url = read.version_or_url.map(|what| match what {
            pep508_rs::VersionOrUrl::VersionSpecifier(range) => {
                pep508_rs::VersionOrUrl::VersionSpecifier(range)
            }
            pep508_rs::VersionOrUrl::Url(url) => pep508_rs::VersionOrUrl::Url(url.to_url()),
        });
        Some(pep508_rs::Requirement {
            name: read.name,
            extras: read.extras,
            version_or_url,
            marker,
            origin: None,
        })
    }

    fn name() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9]([a-z0-9._-]{0,6}[a-z0-9])?|[a-z]\\.(tar\\.gz|whl|zip|TGZ|gz)"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn whole_requirements_are_read_as_by_others(
            name in name(),
            extras in prop_oneof![Just(String::new()), "\\[ ?(a|b-1|C\\.d)?( ?,? ?(e|f_2)){0,2} ?\\]?"],
            versions in prop_oneof![
                Just(String::new()),
                "\\(?( ?(<|<=|==|!=|~=|>|>=|===) ?[0-9](\\.[0-9*]){0,2},?){1,3}\\)?",
                "@ ?(https?://|file:|/|\\./)h(\\.x)?/[a-z;# %]{0,8}",
            ],
            marker in prop_oneof![
                Just(String::new()),
                " ?; ?(os_name|extra|python_version) ?(==|>|in) ?['\"][a-z0-9.]{0,3}['\"] ?(and os_name)?",
            ],
            space in "[ \t\n]{0,2}",
        ) {
            let text = format!("{space}{name}{space}{extras}{space}{versions}{marker}{space}");
            prop_assert_eq!(ours(&text), theirs(&text), "{}", text);
        }

        #[test]
        fn nothing_is_read_that_others_refuse(text in "[a1\\[\\],@(<=>~!); #./:-]{0,16}") {
            // A name that ends in something else, of which the other one is sure that there is none.
            let stops = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter));
            prop_assume!(!stops.clone().any(|name| name.ends_with(['-', '_', '.'])));
            prop_assert_eq!(ours(&text), theirs(&text), "{}", text);
        }
    }
}
