//! A project's page, as HTML and as JSON.

use std::str::FromStr as _;
use std::sync::LazyLock;

use url::Url;

use super::page;
use super::project::Project;
use crate::package::PackageName;

/// A page as HTML.
pub fn html(data: &[u8]) {
    target("text/html", data);
}

/// A page as JSON.
pub fn json(data: &[u8]) {
    target("application/vnd.pypi.simple.v1+json", data);
}

fn target(kind: &str, data: &[u8]) {
    let base = Url::parse("https://index.example/simple/foo/").expect("a URL");
    let name = PackageName::from_str("foo").expect("a name");
    let Ok(project) = page::read(kind, data, &base, &name) else {
        return;
    };
    assert_eq!(project.name(), &name);
    for version in project.versions() {
        for file in project.files(version) {
            assert_eq!(file.name.version(), version);
            assert!(
                matches!(file.url.scheme(), "http" | "https"),
                "{}",
                file.url.scheme()
            );
            assert!(file.url.username().is_empty() && file.url.password().is_none());
            assert!(file.url.fragment().is_none());
            assert!(!file.filename.contains(['/', '\\']));
            assert!(!file.filename.chars().any(char::is_control));
            if let Some(provenance) = &file.provenance {
                assert!(matches!(provenance.scheme(), "http" | "https"));
            }
        }
    }
    for doubt in &project.doubts {
        assert!(!doubt.chars().any(char::is_control), "{doubt:?}");
    }
    let kept = Project::from_bytes(&project.to_bytes().into()).expect("what was kept can be read");
    assert_eq!(kept, project, "a page changes in the cache");
}

/// A page as the cache keeps it, with some bytes changed: a place and a value for each.
pub fn kept(data: &[u8]) {
    const PAGE: &str = r#"{"meta":{"api-version":"1.4"},"name":"foo","project-status":{"status":"archived",
        "reason":"old"},"namespaces":[{"name":"f","owner":true}],"files":[
        {"filename":"foo-1.0-py3-none-any.whl","url":"foo-1.0-py3-none-any.whl","hashes":{"md5":"00"},
        "requires-python":">=3.8","yanked":"bad","size":300,"upload-time":"2026-01-01T00:00:00Z",
        "core-metadata":{"blake2b":"0011"},"provenance":"https://h.example/p"},
        {"filename":"foo-1.1.tar.gz","url":"https://files.example/foo-1.1.tar.gz","hashes":{}}]}"#;
    static KEPT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let base = Url::parse("https://index.example/simple/foo/").expect("a URL");
        let name = PackageName::from_str("foo").expect("a name");
        let kind = "application/vnd.pypi.simple.v1+json";
        let page = page::read(kind, PAGE.as_bytes(), &base, &name).expect("a page");
        assert!(page.versions().count() > 0);
        page.to_bytes()
    });
    let mut bytes = KEPT.clone();
    for change in data.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        bytes[place] = change[2];
    }
    let Some(project) = Project::from_bytes(&bytes.into()) else {
        return;
    };
    for version in project.versions() {
        let _ = project.files(version);
    }
    let _ = project.to_bytes();
}
