use std::collections::BTreeSet;
use std::str::FromStr as _;
use std::sync::Arc;

use url::Url;

use super::{json, pylock, requirements};
use crate::index::offers::{Listing, Rule};
use crate::index::project::{File, Project};
use crate::index::source::Canonical;
use crate::package::filename::Filename;
use crate::package::{ExtraName, MarkerTree, PackageName, Version, VersionSpecifiers};
use crate::resolve::solve::{Asker, Edge, Origin, Resolution, Resolved};

fn head(canonical: &Canonical) -> pylock::Head<'_> {
    pylock::Head {
        canonical,
        command: None,
        environments: &[],
        requires_python: None,
    }
}

fn name(text: &str) -> PackageName {
    PackageName::from_str(text).unwrap()
}

fn version(text: &str) -> Version {
    Version::from_str(text).unwrap()
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn marker(text: &str) -> MarkerTree {
    MarkerTree::from_str(text).unwrap()
}

/// A file at the private index; its digest is made of this letter.
fn file(project: &str, filename: &str, place: &str, letter: &str) -> File {
    File {
        filename: filename.to_owned(),
        name: Filename::parse(filename, &name(project)).unwrap(),
        url: url(place),
        hashes: [("sha256".to_owned(), letter.repeat(64))].into(),
        size: Some(1000),
        requires_python: None,
        yanked: None,
        uploaded: Some("2026-01-02T03:04:05.678Z".parse().unwrap()),
        metadata: None,
        provenance: None,
    }
}

fn package(project: &str, of: &str, files: Vec<File>, from: Vec<Asker>) -> Resolved {
    Resolved {
        name: name(project),
        version: version(of),
        origin: Origin::Index(Listing {
            source: Arc::from("acme"),
            index: Arc::new(url("https://pypi.example.org/acme/simple/")),
            cutoff: None,
            project: Arc::new(Project::new(name(project), files)),
        }),
        marker: MarkerTree::TRUE,
        extras: BTreeSet::new(),
        requires: Vec::new(),
        requires_python: None,
        from,
        yanked: None,
        digests: Vec::new(),
    }
}

fn sample() -> Resolution {
    let base = "https://files.example.org";
    let wheel = "anyio-4.3.0-py3-none-any.whl";
    let sdist = "anyio-4.3.0.tar.gz";
    let mut anyio = package(
        "anyio",
        "4.3.0",
        vec![
            file("anyio", wheel, &format!("{base}/b/{wheel}"), "b"),
            file("anyio", sdist, &format!("{base}/a/{sdist}"), "a"),
        ],
        vec![
            Asker::Package(name("zebra")),
            Asker::Input("requirements.in:3".to_owned()),
            Asker::Input("requirements.in:7".to_owned()),
            Asker::Input("pyproject.toml line 5: project.dependencies[0]".to_owned()),
        ],
    );
    anyio.requires_python = Some(VersionSpecifiers::from_str(">=3.8").unwrap());
    anyio.extras = [ExtraName::from_str("trio").unwrap()].into();
    let mut old = package(
        "zebra",
        "1.0+local.1",
        vec![file(
            "zebra",
            "zebra-1.0+local.1.tar.gz",
            &format!("{base}/zebra-1.0%2Blocal.1.tar.gz"),
            "c",
        )],
        vec![Asker::Package(name("anyio"))],
    );
    old.marker = marker("python_full_version < '3.9' and sys_platform == 'win32'");
    let mut new = old.clone();
    new.version = version("2.0");
    new.origin = Origin::Index(Listing {
        source: Arc::from("acme"),
        index: Arc::new(url("https://pypi.example.org/acme/simple/")),
        cutoff: None,
        project: Arc::new(Project::new(
            name("zebra"),
            vec![file(
                "zebra",
                "zebra-2.0-py3-none-any.whl",
                "https://files.example.org/download?id=7",
                "d",
            )],
        )),
    });
    new.marker = marker("python_full_version >= '3.9'");
    anyio.requires = vec![Edge {
        name: name("zebra"),
        version: version("2.0"),
        extras: [ExtraName::from_str("x").unwrap()].into(),
        marker: new.marker.clone(),
    }];
    Resolution {
        packages: vec![anyio, old, new],
        rule: Rule::IndexPriority,
        requires_python: None,
        forks: Vec::new(),
        warnings: Vec::new(),
        doubts: Vec::new(),
    }
}

/// A direct URL, alone.
fn direct(place: &str) -> Resolution {
    let mut package = package("foo", "1.0", Vec::new(), Vec::new());
    package.origin = Origin::Direct(url(place));
    Resolution {
        packages: vec![package],
        ..sample()
    }
}

#[test]
fn requirements_with_everything() {
    let sources = [(
        "--index-url",
        url("https://u:hunter2@pypi.example.org/simple/"),
    )];
    let style = requirements::Style {
        command: Some("helper resolve -r requirements.in"),
        hashes: true,
        annotate: true,
        index: true,
        sources: &sources,
    };
    let expected = format!(
        "\
# This file was made by the following command:
#    helper resolve -r requirements.in
--index-url https://pypi.example.org/simple/

anyio==4.3.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via
    #   -r requirements.in
    #   pyproject.toml: project.dependencies
    #   zebra
    # from https://pypi.example.org/acme/simple/
zebra==1.0+local.1 ; python_full_version < '3.9' and sys_platform == 'win32' \\
    --hash=sha256:{c}
    # via anyio
    # from https://pypi.example.org/acme/simple/
zebra==2.0 ; python_full_version >= '3.9' \\
    --hash=sha256:{d}
    # via anyio
    # from https://pypi.example.org/acme/simple/
",
        a = "a".repeat(64),
        b = "b".repeat(64),
        c = "c".repeat(64),
        d = "d".repeat(64),
    );
    assert_eq!(requirements::text(&sample(), &style), expected);
}

#[test]
fn requirements_alone() {
    let style = requirements::Style::default();
    assert_eq!(
        requirements::text(&sample(), &style),
        "anyio==4.3.0\n\
         zebra==1.0+local.1 ; python_full_version < '3.9' and sys_platform == 'win32'\n\
         zebra==2.0 ; python_full_version >= '3.9'\n"
    );
    let mut none = sample();
    none.packages.clear();
    assert_eq!(requirements::text(&none, &style), "");
}

/// Of what pip does not take nothing is written, and it can be told.
#[test]
fn digests_that_pip_does_not_take() {
    let mut resolution = sample();
    let mut weak = file(
        "zebra",
        "zebra-2.0.tar.gz",
        "https://h/zebra-2.0.tar.gz",
        "d",
    );
    weak.hashes = [("md5".to_owned(), "d".repeat(32))].into();
    resolution.packages[2] = package("zebra", "2.0", vec![weak], Vec::new());
    let style = requirements::Style {
        hashes: true,
        ..requirements::Style::default()
    };
    assert!(!requirements::text(&resolution, &style).contains("md5"));
    let bad: Vec<String> = requirements::without_hashes(&resolution)
        .iter()
        .map(|package| package.version.to_string())
        .collect();
    assert_eq!(bad, ["2.0"]);
}

#[test]
fn a_lock() {
    let environments = [
        marker("sys_platform == 'win32'"),
        marker("sys_platform == 'linux'"),
    ];
    let range = VersionSpecifiers::from_str(">=3.8").unwrap();
    let canonical = Canonical::default();
    let head = pylock::Head {
        canonical: &canonical,
        command: Some("helper resolve --universal"),
        environments: &environments,
        requires_python: Some(&range),
    };
    let (text, left_out) = pylock::text(&sample(), &head).unwrap();
    assert!(left_out.is_empty());
    let expected = format!(
        "\
# This file was made by the following command:
#    helper resolve --universal
lock-version = \"1.0\"
environments = [
    \"sys_platform == 'win32'\",
    \"sys_platform == 'linux'\",
]
requires-python = \">=3.8\"
created-by = \"credential-helper\"

[[packages]]
name = \"anyio\"
version = \"4.3.0\"
requires-python = \">=3.8\"
index = \"https://pypi.example.org/acme/simple/\"
sdist = {{ upload-time = 2026-01-02T03:04:05.678Z, url = \"https://files.example.org/a/anyio-4.3.0.tar.gz\", size = 1000, hashes = {{ sha256 = \"{a}\" }} }}
wheels = [
    {{ upload-time = 2026-01-02T03:04:05.678Z, url = \"https://files.example.org/b/anyio-4.3.0-py3-none-any.whl\", size = 1000, hashes = {{ sha256 = \"{b}\" }} }},
]

[[packages]]
name = \"zebra\"
version = \"1.0+local.1\"
marker = \"python_full_version < '3.9' and sys_platform == 'win32'\"
index = \"https://pypi.example.org/acme/simple/\"
sdist = {{ upload-time = 2026-01-02T03:04:05.678Z, url = \"https://files.example.org/zebra-1.0%2Blocal.1.tar.gz\", size = 1000, hashes = {{ sha256 = \"{c}\" }} }}

[[packages]]
name = \"zebra\"
version = \"2.0\"
marker = \"python_full_version >= '3.9'\"
index = \"https://pypi.example.org/acme/simple/\"
wheels = [
    {{ name = \"zebra-2.0-py3-none-any.whl\", upload-time = 2026-01-02T03:04:05.678Z, url = \"https://files.example.org/download?id=7\", size = 1000, hashes = {{ sha256 = \"{d}\" }} }},
]
",
        a = "a".repeat(64),
        b = "b".repeat(64),
        c = "c".repeat(64),
        d = "d".repeat(64),
    );
    assert_eq!(text, expected);
    let read: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!(read["packages"].as_array().unwrap().len(), 3);
}

#[test]
fn a_lock_needs_digests() {
    let mut resolution = sample();
    let mut bare = file(
        "zebra",
        "zebra-2.0.tar.gz",
        "https://h/zebra-2.0.tar.gz",
        "d",
    );
    bare.hashes.clear();
    let known = file(
        "zebra",
        "zebra-2.0-py3-none-any.whl",
        "file:///srv/zebra.whl",
        "d",
    );
    resolution.packages[2] = package("zebra", "2.0", vec![bare.clone(), known], Vec::new());
    let canonical = Canonical::default();
    let head = head(&canonical);
    let (text, left_out) = pylock::text(&resolution, &head).unwrap();
    assert!(
        text.contains("{ name = \"zebra-2.0-py3-none-any.whl\", "),
        "{text}"
    );
    assert!(text.contains("path = \"/srv/zebra.whl\""), "{text}");
    assert_eq!(
        left_out,
        ["zebra-2.0.tar.gz of acme has no digest and is left out"]
    );
    resolution.packages[2] = package("zebra", "2.0", vec![bare], Vec::new());
    let failure = pylock::text(&resolution, &head).unwrap_err();
    assert!(
        failure
            .message
            .contains("the digest of no file of zebra 2.0 of acme is known")
    );
}

#[test]
fn direct_urls() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let digest = "e".repeat(64);
    for (place, line) in [
        (
            format!("https://u:hunter2@h/foo-1.0.tar.gz#sha256={digest}&subdirectory=a"),
            Some(format!(
                "version = \"1.0\"\narchive = {{ url = \"https://h/foo-1.0.tar.gz\", \
                 hashes = {{ sha256 = \"{digest}\" }}, subdirectory = \"a\" }}\n"
            )),
        ),
        (
            format!("git+ssh://git:hunter2@h/a/foo.git@{commit}#subdirectory=a"),
            Some(format!(
                "name = \"foo\"\nvcs = {{ type = \"git\", url = \"ssh://git@h/a/foo.git\", \
                 commit-id = \"{commit}\", subdirectory = \"a\" }}\n"
            )),
        ),
        (
            "file:///srv/foo".to_owned(),
            Some("name = \"foo\"\ndirectory = { path = \"/srv/foo\" }\n".to_owned()),
        ),
        ("git+https://h/foo.git@main".to_owned(), None),
        ("git+ssh://git@h/foo.git".to_owned(), None),
        ("https://h/foo-1.0.tar.gz".to_owned(), None),
    ] {
        let canonical = Canonical::default();
        let text = pylock::text(&direct(&place), &head(&canonical));
        match (text, line) {
            (Ok((text, _)), Some(line)) => assert!(text.ends_with(&line), "{text}"),
            (Err(failure), None) => assert!(failure.hint.is_some(), "{failure:?}"),
            (text, _) => panic!("{place}: {text:?}"),
        }
        let text = requirements::text(&direct(&place), &requirements::Style::default());
        assert!(
            text.starts_with("foo @ ") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[test]
fn an_object() {
    let resolution = sample();
    let object = serde_json::to_value(json::answer(&resolution, &Canonical::default())).unwrap();
    let anyio = &object["packages"][0];
    for (key, value) in [
        ("name", serde_json::json!("anyio")),
        ("version", serde_json::json!("4.3.0")),
        ("source", serde_json::json!("acme")),
        ("marker", serde_json::Value::Null),
        ("extras", serde_json::json!(["trio"])),
        (
            "requires",
            serde_json::json!(["zebra[x]==2.0 ; python_full_version >= '3.9'"]),
        ),
    ] {
        assert_eq!(anyio[key], value, "{key}");
    }
    assert_eq!(anyio["files"][1]["filename"], "anyio-4.3.0.tar.gz");
    assert_eq!(anyio["files"][1]["hashes"]["sha256"], "a".repeat(64));
    assert_eq!(object["rule"], "index priority");
    let object = serde_json::to_value(json::answer(
        &direct("https://u:hunter2@h/f.whl"),
        &Canonical::default(),
    ))
    .unwrap();
    assert_eq!(object["packages"][0]["url"], "https://h/f.whl");
}
