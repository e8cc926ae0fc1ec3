use std::path::Path;
use std::str::FromStr as _;

use bytes::Bytes;
use proptest::prelude::*;
use url::Url;

use super::{FILES, Flat, PAGE, VERSIONS, read};
use crate::index::project::{File, Project};
use crate::package::{PackageName, Version, VersionSpecifiers};

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML: &str = "text/html; charset=UTF-8";
const BASE: &str = "https://h.example/simple/my-pkg/";
const SHA256: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn unpacked(bytes: &[u8]) -> Option<Project> {
    Project::from_bytes(&Bytes::copy_from_slice(bytes))
}

fn name(text: &str) -> PackageName {
    PackageName::from_str(text).unwrap()
}

fn page(kind: &str, text: &str) -> Result<Project, String> {
    read(
        kind,
        text.as_bytes(),
        &Url::parse(BASE).unwrap(),
        &name("my-pkg"),
    )
}

fn json(files: &str) -> Result<Project, String> {
    page(
        JSON,
        &format!(r#"{{"meta": {{"api-version": "1.4"}}, "name": "my-pkg", "files": [{files}]}}"#),
    )
}

fn all(project: &Project) -> Vec<&File> {
    let versions = project.versions();
    versions
        .flat_map(|version| project.files(version))
        .collect()
}

fn one(project: &Project) -> &File {
    let files = all(project);
    assert_eq!(
        (files.len(), project.doubts.len()),
        (1, 0),
        "{:?}",
        project.doubts
    );
    files[0]
}

#[test]
fn json_whole() {
    let text = format!(
        r#"{{"_last-serial": 7, "meta": {{"api-version": "1.5", "_x": [{{}}]}}, "name": "My.Pkg",
        "versions": ["1.0"], "alternate-locations": [], "tracks": null,
        "project-status": {{"status": "archived", "reason": "no \"more\""}},
        "namespaces": [{{"name": "my", "owned": true}}, {{"name": "x"}}, 3],
        "files": [{{
            "filename": "my_pkg-1.0-py3-none-any.whl",
            "url": "https://user:secret@files.example/a/my_pkg-1.0-py3-none-any.whl?t=1#sha256=00",
            "hashes": {{"sha256": "{}", "MD5": "0123456789abcdef0123456789abcdef", "new": "ab"}},
            "requires-python": ">=3.8,!=3.9.*", "size": 12, "yanked": "bad \u00e9",
            "upload-time": "2024-01-02T03:04:05.000006Z", "gpg-sig": false,
            "core-metadata": {{"sha256": "{SHA256}"}}, "data-dist-info-metadata": false,
            "provenance": "https://files.example/p", "unknown": {{"a": [1.5, -1, null]}}
        }}]}}"#,
        SHA256.to_uppercase()
    );
    let project = page(JSON, &text).unwrap();
    assert_eq!(
        project.status,
        Some(("archived".to_owned(), Some("no \"more\"".to_owned())))
    );
    assert_eq!(
        project.namespaces,
        [("my".to_owned(), true), ("x".to_owned(), false)]
    );
    let file = one(&project);
    assert_eq!(file.filename, "my_pkg-1.0-py3-none-any.whl");
    assert_eq!(
        file.url.as_str(),
        "https://files.example/a/my_pkg-1.0-py3-none-any.whl?t=1"
    );
    assert_eq!(file.hashes["sha256"], SHA256);
    assert_eq!(file.hashes["md5"], "0123456789abcdef0123456789abcdef");
    assert_eq!((file.hashes["new"].as_str(), file.size), ("ab", Some(12)));
    let python = VersionSpecifiers::from_str(">=3.8,!=3.9.*").unwrap();
    assert_eq!(file.requires_python.as_ref(), Some(&python));
    assert_eq!(file.yanked.as_deref(), Some("bad é"));
    assert_eq!(
        file.uploaded.unwrap().to_string(),
        "2024-01-02T03:04:05.000006Z"
    );
    assert_eq!(file.metadata.as_ref().unwrap()["sha256"], SHA256);
    assert_eq!(
        file.provenance.as_ref().unwrap().as_str(),
        "https://files.example/p"
    );
}

/// devpi: version 1.0, no sizes, an empty Requires-Python, URLs relative to the page.
#[test]
fn json_as_devpi_has_it() {
    let project = page(
        JSON,
        r#"{"meta":{"api-version":"1.0"},"name":"my-pkg","files":[{"filename":"my_pkg-1.tar.gz",
        "url":"../../+f/ab/my_pkg-1.tar.gz","hashes":{},"requires-python":"","yanked":false}]}"#,
    );
    let project = project.unwrap();
    let file = one(&project);
    assert_eq!(file.url.as_str(), "https://h.example/+f/ab/my_pkg-1.tar.gz");
    assert_eq!(
        (file.size, &file.requires_python, &file.yanked),
        (None, &None, &None)
    );
    assert!(file.hashes.is_empty() && file.metadata.is_none());
}

#[test]
fn metadata_beside_a_file() {
    for (keys, wanted) in [
        (r#""core-metadata": true"#, Some(0)),
        (
            r#""core-metadata": false, "dist-info-metadata": true"#,
            None,
        ),
        (
            r#""core-metadata": null, "dist-info-metadata": true"#,
            Some(0),
        ),
        (
            r#""dist-info-metadata": {"md5": "0123456789abcdef0123456789abcdef"}"#,
            Some(1),
        ),
        (r#""data-dist-info-metadata": true"#, None),
        (r#""core-metadata": {}"#, Some(0)),
    ] {
        let project = json(&format!(
            r#"{{"filename": "my_pkg-1.tar.gz", "url": "a", {keys}}}"#
        ));
        let project = project.unwrap();
        let found = one(&project)
            .metadata
            .as_ref()
            .map(std::collections::BTreeMap::len);
        assert_eq!(found, wanted, "{keys}");
    }
}

#[test]
fn yanked() {
    for (value, wanted) in [
        ("true", Some("")),
        ("false", None),
        ("null", None),
        ("\"\"", None),
        ("\"x\"", Some("x")),
    ] {
        let file = format!(r#"{{"filename": "my_pkg-1.tar.gz", "url": "a", "yanked": {value}}}"#);
        assert_eq!(
            one(&json(&file).unwrap()).yanked.as_deref(),
            wanted,
            "{value}"
        );
    }
}

/// A bad file is left out and named; the others stay.
#[test]
fn one_bad_file_of_many() {
    for (file, expected) in [
        (
            r#"{"filename": "my_pkg-one.tar.gz", "url": "a"}"#,
            "my_pkg-one.tar.gz: the version",
        ),
        (
            r#"{"filename": "my_pkg-1-py3-none.whl", "url": "a"}"#,
            "is not NAME",
        ),
        (
            r#"{"filename": "other-1.tar.gz", "url": "a"}"#,
            "another project",
        ),
        (
            r#"{"filename": "../my_pkg-1.tar.gz", "url": "a"}"#,
            "none of a file",
        ),
        (r#"{"filename": "my_pkg-1.tar.gz"}"#, "has no URL"),
        (r#"{"filename": "my_pkg-1.tar.gz", "url": 1}"#, "has no URL"),
        (r#"{"url": "a"}"#, "a file without a name"),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "https://[x/"}"#,
            "URL is none",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "file:///etc/passwd"}"#,
            "none that can be asked",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "data:text/plain,x"}"#,
            "none that can be asked",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "a", "hashes": {"sha256": "ab"}}"#,
            "digests is none",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "a", "hashes": {"md5": "zz"}}"#,
            "digests is none",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "a", "hashes": [1]}"#,
            "digests are none",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "a", "core-metadata": {"sha256": "x"}}"#,
            "of its metadata",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "a", "yanked": 3}"#,
            "yanked",
        ),
        (
            r#"{"filename": "my_pkg-1.tar.gz", "url": "a", "requires-python": 3}"#,
            "Requires-Python",
        ),
    ] {
        let sound = r#"{"filename": "my_pkg-2.tar.gz", "url": "b"}"#;
        let project = json(&format!("{file}, {sound}")).unwrap();
        assert_eq!(all(&project).len(), 1, "{file}");
        assert_eq!(project.doubts.len(), 1, "{file}");
        assert!(
            project.doubts[0].contains(expected),
            "{file}: {:?}",
            project.doubts
        );
    }
}

#[test]
fn specifiers_that_cannot_be_read_are_none_and_told_once() {
    let file = |version: u32| {
        format!(
            r#"{{"filename": "my_pkg-{version}.tar.gz", "url": "a", "requires-python": ">=three"}}"#
        )
    };
    let mended = r#"{"filename": "my_pkg-3.tar.gz", "url": "a", "requires-python": ">=3.6.*"}"#;
    let project = json(&format!("{}, {}, {mended}", file(1), file(2))).unwrap();
    let found: Vec<_> = all(&project)
        .iter()
        .map(|file| file.requires_python.clone())
        .collect();
    assert_eq!(
        found,
        [None, None, VersionSpecifiers::from_str(">=3.6").ok()]
    );
    assert_eq!(
        project.doubts,
        ["my_pkg-1.tar.gz: its Requires-Python \">=three\" is none (PEP 440)"]
    );
}

#[test]
fn what_no_installer_takes_is_left_out_without_a_word() {
    let files = r#"{"filename": "my_pkg-1.exe", "url": "a"}, {"filename": "my_pkg-1-py2.7.egg", "url": "a"}"#;
    let project = json(files).unwrap();
    assert!(all(&project).is_empty() && project.doubts.is_empty());
}

#[test]
fn what_is_no_page() {
    for (kind, text, expected) in [
        (JSON, "", "cut off"),
        (JSON, r#"{"files": ["#, "cut off"),
        (JSON, "<html>", "no JSON"),
        (JSON, r#"{"message": "log in"}"#, "no list of files"),
        (JSON, r#"{"files": {"a": "secret"}}"#, "no list of files"),
        (JSON, "[]", "no list of files"),
        (JSON, r#"{"files": [3]}"#, "no list of files"),
        (JSON, r#"{"files": []} x"#, "no JSON"),
        (
            JSON,
            r#"{"name": "other", "files": []}"#,
            "with the page of other",
        ),
        (
            JSON,
            r#"{"meta": {"api-version": "2.0"}, "files": []}"#,
            "version 2.0",
        ),
        (
            JSON,
            r#"{"meta": {"api-version": "x"}, "files": []}"#,
            "that is none",
        ),
        (
            JSON,
            r#"{"meta": {"api-version": 1.0}, "files": []}"#,
            "that is none",
        ),
        (
            "application/vnd.pypi.simple.v2+json",
            "{}",
            "not known here",
        ),
        (
            "application/json",
            r#"{"files": []}"#,
            "application/json, which is no page",
        ),
        ("text/plain", "x", "text/plain"),
        ("", "x", "no Content-Type"),
        (
            HTML,
            "<form action=/login><input name=password></form>",
            "a form",
        ),
        (
            HTML,
            "<html><script src=app.js></script><div id=root></div>",
            "for people",
        ),
        (
            HTML,
            "<h1>Sign in</h1><a href=/auth/login>here</a>",
            "for people",
        ),
        (
            HTML,
            "<meta name='pypi:repository-version' content='2.0'>",
            "version 2.0",
        ),
    ] {
        let why = page(kind, text).unwrap_err();
        assert!(why.contains(expected), "{kind} {text}: {why}");
        assert!(!why.contains("secret"));
    }
    let newer = page(JSON, r#"{"meta": {"api-version": "1.99"}, "files": []}"#).unwrap();
    assert!(newer.doubts[0].contains("newer"));
    assert!(page(JSON, r#"{"files": []}"#).unwrap().doubts.is_empty());
}

#[test]
fn html_as_servers_write_it() {
    let text = format!(
        "<!DOCTYPE html><html><head><title>Links for my-pkg</title>\
        <meta name=\"pypi:repository-version\" content=\"1.3\">\
        <meta name=\"pypi:project-status\" content=\"deprecated\">\
        <meta name=\"pypi:project-status-reason\" content=\"use &lt;b&gt;\"></head><body>\n\
        <a rel=internal href=\"../../f/my_pkg-1%2Bx-py3-none-any.whl?t=1&amp;u=2#sha256={SHA256}&amp;egg=x\" \
        data-requires-python=\"&gt;=3.8\" data-core-metadata=\"sha256={SHA256}\" \
        data-dist-info-metadata=\"true\" data-yanked=\"\" data-size=5 \
        data-upload-time='2024-01-02T03:04:05Z' data-provenance=\"https://h/p\">other name</a><br/>\n\
        <A DATA-YANKED=why HREF='https://cdn.example/my_pkg-2.tar.gz#md5=0123456789ABCDEF0123456789abcdef'>x</A>\
        <a href=my_pkg-3.zip data-core-metadata=''>x</a>\
        <a href=\"my_pkg-4.tar.gz#main\" data-dist-info-metadata=true>x</a>\
        <a href=\"../\">up</a><a>none</a><a name=x>none</a>"
    );
    let project = page(HTML, &text).unwrap();
    assert_eq!(project.doubts, Vec::<String>::new());
    assert_eq!(
        project.status,
        Some(("deprecated".to_owned(), Some("use <b>".to_owned())))
    );
    let files = all(&project);
    assert_eq!(files.len(), 4);
    assert_eq!(files[0].filename, "my_pkg-1+x-py3-none-any.whl");
    assert_eq!(
        files[0].url.as_str(),
        "https://h.example/f/my_pkg-1%2Bx-py3-none-any.whl?t=1&u=2"
    );
    assert_eq!(files[0].hashes["sha256"], SHA256);
    assert_eq!(files[0].metadata.as_ref().unwrap()["sha256"], SHA256);
    assert_eq!(
        (files[0].yanked.as_deref(), files[0].size),
        (Some(""), Some(5))
    );
    assert!(files[0].requires_python.is_some() && files[0].uploaded.is_some());
    assert!(files[0].provenance.is_some());
    assert_eq!(files[1].yanked.as_deref(), Some("why"));
    assert_eq!(files[1].hashes["md5"], "0123456789abcdef0123456789abcdef");
    assert_eq!(
        (&files[2].metadata, &files[2].hashes),
        (&None, &crate::index::project::Hashes::default())
    );
    assert!(files[3].metadata.as_ref().unwrap().is_empty() && files[3].hashes.is_empty());
}

#[test]
fn html_base() {
    let link = "<a href=\"my_pkg-1.tar.gz\">x</a>";
    for (text, wanted) in [
        (
            format!("<base href=\"https://o.example/f/\">{link}"),
            "https://o.example/f/my_pkg-1.tar.gz",
        ),
        (
            format!("<base href=\"../x/\">{link}"),
            "https://h.example/simple/x/my_pkg-1.tar.gz",
        ),
        (
            format!("<base target=_blank>{link}"),
            "https://h.example/simple/my-pkg/my_pkg-1.tar.gz",
        ),
        (
            format!("<base href=\"file:///etc/\">{link}"),
            "https://h.example/simple/my-pkg/my_pkg-1.tar.gz",
        ),
        (
            format!("<a href=\"my_pkg-0.exe\">x</a><base href=\"/x/\">{link}"),
            "https://h.example/simple/my-pkg/my_pkg-1.tar.gz",
        ),
    ] {
        assert_eq!(
            one(&page(HTML, &text).unwrap()).url.as_str(),
            wanted,
            "{text}"
        );
    }
}

/// A page without links is a project without files; listings of web servers lead upwards.
#[test]
fn html_without_files() {
    for text in [
        "",
        "<!DOCTYPE html><html><head><title>Links for my-pkg</title></head><body></body></html>",
        "<h1>Index of /simple/my-pkg</h1><a href=\"?C=N;O=D\">Name</a><a href=\"../\">Parent Directory</a>",
    ] {
        let project = page(HTML, text).unwrap();
        assert!(
            all(&project).is_empty() && project.doubts.is_empty(),
            "{text}"
        );
    }
    // A form to search stands beside files on some servers.
    let searched = "<form><input></form><a href=my_pkg-1.tar.gz>x</a><a href=/about>y</a>";
    assert_eq!(all(&page(HTML, searched).unwrap()).len(), 1);
}

#[test]
fn absurd_pages() {
    let base = Url::parse(BASE).unwrap();
    let large = vec![b' '; PAGE + 1];
    assert!(
        read(JSON, &large, &base, &name("a"))
            .unwrap_err()
            .contains("24 MiB")
    );
    assert!(
        Flat::read(HTML, &large, &base)
            .unwrap_err()
            .contains("24 MiB")
    );
    let many = "{},".repeat(FILES);
    assert!(
        json(&format!("{many}{{}}"))
            .unwrap_err()
            .contains("60000 files")
    );
    let links = "<a href=a.b>".repeat(FILES + 1);
    assert!(page(HTML, &links).unwrap_err().contains("60000 files"));
    let versions = (0..=VERSIONS)
        .map(|number| format!(r#"{{"filename": "my_pkg-{number}.zip", "url": "a"}}"#));
    let versions: Vec<String> = versions.collect();
    assert!(
        json(&versions.join(","))
            .unwrap_err()
            .contains("50000 versions")
    );
    let project = json("{},".repeat(49_999).trim_end_matches(',')).unwrap();
    assert_eq!(project.doubts.len(), 21);
    assert_eq!(project.doubts[20], "and 49979 more");
    let deep = "[".repeat(100_000);
    assert!(page(JSON, &deep).is_err() && json(&format!(r#"{{"x": {deep}"#)).is_err());
    let long = format!(
        r#"{{"filename": "my_pkg-1.tar.gz", "url": "{}"}}"#,
        "a".repeat(20_000)
    );
    assert!(json(&long).unwrap().doubts[0].contains("too long"));
}

#[test]
fn all_projects_on_one_page() {
    let text = "<a href=my_pkg-1.tar.gz>x</a><a href=other-1-py3-none-any.whl>x</a>\
                <a href=my_pkg-2-py3-none-any.whl>x</a><a href=my_pkg-x.tar.gz>x</a><a href=readme.txt>";
    let flat = Flat::read(
        "text/html",
        text.as_bytes(),
        &Url::parse("https://h/links").unwrap(),
    )
    .unwrap();
    let project = flat.project(&name("my-pkg")).unwrap();
    let names: Vec<&str> = all(&project)
        .iter()
        .map(|file| file.filename.as_str())
        .collect();
    assert_eq!(names, ["my_pkg-1.tar.gz", "my_pkg-2-py3-none-any.whl"]);
    assert_eq!(all(&project)[0].url.as_str(), "https://h/my_pkg-1.tar.gz");
    assert_eq!(project.doubts.len(), 1);
    assert!(flat.project(&name("other")).unwrap().doubts.is_empty());
    assert_eq!(flat.project(&name("none")), None);
    let listed = r#"{"files": [{"filename": "my_pkg-1.tar.gz", "url": "f/my_pkg-1.tar.gz"}]}"#;
    let flat = Flat::read(
        JSON,
        listed.as_bytes(),
        &Url::parse("https://h/links").unwrap(),
    )
    .unwrap();
    assert_eq!(
        all(&flat.project(&name("my-pkg")).unwrap())[0].url.as_str(),
        "https://h/f/my_pkg-1.tar.gz"
    );
    assert!(Flat::read("text/html", b"<form>", &Url::parse("https://h/").unwrap()).is_err());
}

#[test]
fn a_folder_and_a_page_that_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("my_pkg-1+x-py3-none-any.whl"), "abc").unwrap();
    std::fs::write(path("my_pkg-2.tar.gz"), "").unwrap();
    std::fs::write(path("other.txt"), "").unwrap();
    std::fs::create_dir(path("my_pkg-3.tar.gz")).unwrap();
    let flat = Flat::local(folder.path()).unwrap();
    let project = flat.project(&name("my-pkg")).unwrap();
    assert_eq!(project.versions().count(), 2);
    let version = Version::from_str("1+x").unwrap();
    let file = &project.files(&version)[0];
    assert_eq!(file.size, Some(3));
    assert_eq!(
        std::fs::read(file.url.to_file_path().unwrap()).unwrap(),
        b"abc"
    );
    std::fs::write(path("links.html"), "<a href=my_pkg-2.tar.gz>x</a>").unwrap();
    let flat = Flat::local(&path("links.html")).unwrap();
    let project = flat.project(&name("my-pkg")).unwrap();
    assert!(
        all(&project)[0]
            .url
            .to_file_path()
            .unwrap()
            .ends_with("my_pkg-2.tar.gz")
    );
    assert!(
        Flat::local(&path("nowhere"))
            .unwrap_err()
            .contains("no such folder")
    );
    assert!(Flat::local(Path::new("/dev/null")).is_err());
}

/// What a cache keeps is the same project again; damaged, it is none.
#[test]
fn kept_and_read_again() {
    let file = |version: u32, python: &str| {
        format!(
            r#"{{"filename": "my_pkg-{version}-py3-none-any.whl", "url": "https://h/f/my_pkg-{version}-py3-none-any.whl",
            "hashes": {{"sha256": "{SHA256}", "md5": "0123456789abcdef0123456789abcdef"}}, "requires-python": "{python}",
            "yanked": "x", "core-metadata": true, "size": 3, "upload-time": "2024-01-02T03:04:05Z"}}"#
        )
    };
    let text = format!("{}, {}, {{}}", file(2, ">=3.8"), file(1, ">=3.7"));
    let mut project = json(&text).unwrap();
    project.status = Some(("archived".to_owned(), None));
    project.namespaces = vec![("a".to_owned(), true)];
    let bytes = project.to_bytes();
    let again = unpacked(&bytes).unwrap();
    assert_eq!(again, project);
    assert_eq!(again.to_bytes(), bytes);
    let owned = all(&project).into_iter().cloned().collect();
    let mut made = Project::new(name("my-pkg"), owned);
    (made.status, made.namespaces) = (project.status.clone(), project.namespaces.clone());
    made.doubts = project.doubts.clone();
    assert_eq!(made, project);
    assert_eq!(unpacked(&made.to_bytes()).unwrap(), project);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(unpacked(&damaged), None, "{at}");
        assert_eq!(unpacked(&bytes[..at]), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No bytes make a reader panic.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let base = Url::parse(BASE).unwrap();
        for kind in [JSON, HTML] {
            let _ = read(kind, &bytes, &base, &name("my-pkg"));
            let _ = Flat::read(kind, &bytes, &base);
        }
        let _ = unpacked(&bytes);
    }

    /// Nor does text that is nearly a page.
    #[test]
    fn nearly_html(text in "(<(a|A|base|meta|script|!--|/a|form)|[ \t\n=>/'\"#&;%]|href|data-yanked|my_pkg-1.tar.gz|https://|é|&gt|--|\u{0}){0,60}") {
        let _ = page(HTML, &text);
    }

    #[test]
    fn nearly_json(text in "([\\[\\]{},:\"]|\"(files|filename|url|hashes|meta|yanked|size)\"|my_pkg-1.tar.gz|null|true|[0-9]|\\\\u00e9|é){0,60}") {
        let _ = page(JSON, &text);
        let _ = json(&text);
    }

    /// Whatever was read can be kept.
    #[test]
    fn kept(version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,2}", reason in ".{0,20}", size in any::<Option<u64>>()) {
        let entry = serde_json::json!({
            "filename": format!("my_pkg-{version}.tar.gz"), "url": "x", "yanked": reason, "size": size,
        });
        let project = json(&entry.to_string()).unwrap();
        prop_assert_eq!(all(&project).len(), 1);
        prop_assert_eq!(unpacked(&project.to_bytes()), Some(project));
    }
}
