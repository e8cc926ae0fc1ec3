//! Requirements (PEP 508) as others write them.

use std::borrow::Cow;
use std::str::FromStr;

use pep508_rs::{MarkerTree, Pep508ErrorSource, VerbatimUrl, VersionOrUrl};
use url::Url;

use super::Requirement;

/// Reads a requirement as it stands.
///
/// Not by the `FromStr` of [`Requirement`]: that puts the variables of this process into URLs, and
/// so a package's metadata could carry any of them to a server of its choice.
///
/// # Errors
/// What is wrong, in words that quote nothing of the text.
pub fn parse(text: &str) -> Result<Requirement, String> {
    let read = pep508_rs::Requirement::<Url>::from_str(&spaced_lists(text)).map_err(|error| {
        let what = match error.message {
            Pep508ErrorSource::UrlError(_) => "its URL cannot be read",
            Pep508ErrorSource::String(_) | Pep508ErrorSource::UnsupportedRequirement(_) => {
                "it is no requirement as PEP 508 has it"
            }
        };
        format!("{what} (character {})", error.start + 1)
    })?;
    Ok(Requirement {
        name: read.name,
        extras: read.extras,
        version_or_url: read.version_or_url.map(|what| match what {
            VersionOrUrl::VersionSpecifier(range) => VersionOrUrl::VersionSpecifier(range),
            VersionOrUrl::Url(url) => VersionOrUrl::Url(VerbatimUrl::from_url(url)),
        }),
        marker: read.marker,
        origin: None,
    })
}

/// Reads a marker.
///
/// # Errors
/// That it is none, without its text.
pub fn marker(text: &str) -> Result<MarkerTree, String> {
    MarkerTree::parse_str::<Url>(&spaced_lists(text))
        .map_err(|_| "it is no marker as PEP 508 has it".to_owned())
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
    use super::{marker, parse};

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
