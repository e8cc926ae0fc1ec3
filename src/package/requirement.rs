//! Requirements (PEP 508) as others write them.

use std::str::FromStr;

use pep508_rs::{Pep508ErrorSource, VerbatimUrl, VersionOrUrl};
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
    let read = pep508_rs::Requirement::<Url>::from_str(text).map_err(|error| {
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

#[cfg(test)]
mod tests {
    use super::parse;

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
