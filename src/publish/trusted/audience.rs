//! Whether an index may name an audience.
//!
//! An identity token is good wherever its audience is. An index that may name any could ask for one
//! with which it then logs in to PyPI, or to a cloud, as the job. Other uploaders ask for whatever is
//! named.

use url::Url;

use crate::domain::url::Origin;

/// Words that belong to somebody, and the hosts that may name them.
const WORDS: [(&str, &[&str]); 5] = [
    ("pypi", &["pypi.org", "www.pypi.org", "upload.pypi.org"]),
    ("testpypi", &["test.pypi.org"]),
    ("sigstore", &[]),
    ("vault", &[]),
    ("kubernetes", &[]),
];

/// Whether the index at this origin is the one that tokens for this audience are for: it is a word
/// that is nobody else's, its own host or the domain above it, or allowed by the user.
pub(super) fn is_own(audience: &str, index: &Origin, allowed: &[String]) -> bool {
    if allowed.iter().any(|one| one == audience) {
        return true;
    }
    let lower = audience.to_ascii_lowercase();
    if let Some((_, hosts)) = WORDS.iter().find(|(word, _)| *word == lower) {
        // What runs on this machine may stand in for them, as tests do.
        return hosts.contains(&index.host()) || index.is_loopback();
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if lower.chars().all(is_word) {
        return true;
    }
    let host = if lower.contains("://") {
        let url = Url::parse(&lower).ok();
        url.and_then(|url| url.host_str().map(str::to_owned))
    } else {
        lower.split(['/', ':']).next().map(str::to_owned)
    };
    host.is_some_and(|host| {
        let above = index.host().strip_suffix(&*host);
        above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.') && host.contains('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_own;
    use crate::domain::url::RepositoryUrl;

    #[test]
    fn whose_audiences_they_are() {
        let own = |audience: &str, index: &str| {
            let url = RepositoryUrl::parse(index).unwrap().0;
            is_own(
                audience,
                url.origin(),
                &["https://allowed.example".to_owned()],
            )
        };
        for (audience, index) in [
            ("pypi", "https://upload.pypi.org/legacy/"),
            ("testpypi", "https://test.pypi.org/legacy/"),
            ("acme-index", "https://up.example.org/"),
            ("up.example.org", "https://up.example.org/"),
            ("https://UP.example.org/x", "https://up.example.org/"),
            ("example.org", "https://up.example.org/"),
            ("https://allowed.example", "https://up.example.org/"),
            ("pypi", "http://127.0.0.1:8/"),
        ] {
            assert!(own(audience, index), "{audience} {index}");
        }
        for audience in [
            "pypi",
            "PyPI",
            "testpypi",
            "sigstore",
            "sts.amazonaws.com",
            "api://AzureADTokenExchange",
            "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            "https://github.com/o",
            "npm:registry.npmjs.org",
            "https://org",
            "le.org",
            "example.org.evil",
            "://",
            ".org",
            "x.up.example.org",
        ] {
            assert!(!own(audience, "https://up.example.org/"), "{audience}");
        }
        assert!(!own("sts.amazonaws.com", "http://127.0.0.1:8/"));
        assert!(!own("testpypi", "https://upload.pypi.org/legacy/"));
        assert!(!own("pypi", "https://pypi.org.evil.example/"));
    }
}
