//! Where an index is whose upload URL is known.
//!
//! Only used where nothing the user wrote says it; a wrong guess finds no page, and nothing is
//! compared then.

use crate::domain::url::RepositoryUrl;

/// The indexes that may belong to an upload URL, the likelier first.
pub fn guesses(upload: &RepositoryUrl) -> Vec<RepositoryUrl> {
    let host = upload.origin().host();
    let known = match host {
        "upload.pypi.org" | "pypi.org" => Some("https://pypi.org/simple/"),
        "test.pypi.org" => Some("https://test.pypi.org/simple/"),
        _ => None,
    };
    if let Some(known) = known {
        return RepositoryUrl::bare(known).into_iter().collect();
    }
    let [slash, bare] = upload.slash_forms();
    let last = bare.rsplit('/').next().unwrap_or_default();
    let parent = bare.strip_suffix(last).unwrap_or_default();
    let texts = match last {
        // Uploaded to its simple URL: pypiserver, and what Poetry does with a source's name.
        "simple" | "+simple" => vec![slash],
        // Azure; PyPI and those that copy its path.
        "upload" | "legacy" => vec![format!("{parent}simple/")],
        // GitLab, Artifactory, Nexus, CodeArtifact, Google, pypiserver; devpi.
        _ => vec![format!("{slash}simple/"), format!("{slash}+simple/")],
    };
    texts
        .iter()
        .filter_map(|text| RepositoryUrl::bare(text))
        .collect()
}

/// The page of a project.
pub fn page(index: &RepositoryUrl, project: &str) -> Option<RepositoryUrl> {
    let [slash, _] = index.slash_forms();
    RepositoryUrl::bare(&format!("{slash}{project}/"))
}

/// Whether a public index is meant, which refuses what others take.
pub fn is_public(upload: &RepositoryUrl) -> bool {
    let hosts = ["upload.pypi.org", "pypi.org", "test.pypi.org"];
    hosts.contains(&upload.origin().host())
}

#[cfg(test)]
mod tests {
    use super::{guesses, is_public, page};
    use crate::domain::url::RepositoryUrl;

    fn of(upload: &str) -> Vec<String> {
        let found = guesses(&RepositoryUrl::parse(upload).unwrap().0);
        found.iter().map(|url| url.as_str().to_owned()).collect()
    }

    #[test]
    fn where_indexes_are() {
        for (upload, index) in [
            (
                "https://upload.pypi.org/legacy/",
                "https://pypi.org/simple/",
            ),
            (
                "https://test.pypi.org/legacy/",
                "https://test.pypi.org/simple/",
            ),
            ("https://h/legacy", "https://h/simple/"),
            (
                "https://h/o/_packaging/f/pypi/upload",
                "https://h/o/_packaging/f/pypi/simple/",
            ),
            (
                "https://h/api/v4/projects/1/packages/pypi",
                "https://h/api/v4/projects/1/packages/pypi/simple/",
            ),
            (
                "https://h/artifactory/api/pypi/r",
                "https://h/artifactory/api/pypi/r/simple/",
            ),
            ("https://h/repository/r/", "https://h/repository/r/simple/"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/simple/"),
            (
                "http://127.0.0.1:8080/simple/",
                "http://127.0.0.1:8080/simple/",
            ),
        ] {
            assert_eq!(of(upload)[0], index, "{upload}");
        }
        assert_eq!(of("https://h/user/dev/")[1], "https://h/user/dev/+simple/");
        let index = RepositoryUrl::parse("https://h/simple").unwrap().0;
        assert_eq!(
            page(&index, "a-b").unwrap().as_str(),
            "https://h/simple/a-b/"
        );
        let public = |url| is_public(&RepositoryUrl::parse(url).unwrap().0);
        assert!(public("https://upload.pypi.org/legacy/") && !public("https://pypi.org.example/"));
    }
}
