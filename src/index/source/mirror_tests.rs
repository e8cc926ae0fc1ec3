use std::str::FromStr as _;
use std::sync::Arc;

use url::Url;

use crate::index::source::address::Address;
use crate::index::source::{Canonical, Form, Source};
use crate::package::filename::{Filename, WheelName};
use crate::package::{PackageName, Version};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn mirrored(canonical: &str, mirror: &str) -> Arc<Source> {
    let address = Address::parse(canonical, None).unwrap();
    let mut source = address.index(Form::Uv, "a".to_owned());
    source.url = url(mirror);
    Arc::new(source)
}

fn wheel(tags: &[&str]) -> Filename {
    Filename::Wheel(Box::new(WheelName {
        project: PackageName::from_str("foo-bar").unwrap(),
        version: Version::from_str("1").unwrap(),
        build: None,
        python: tags.iter().map(ToString::to_string).collect(),
        abi: vec!["none".to_owned()],
        platform: vec!["any".to_owned()],
    }))
}

#[test]
fn indexes_get_their_own_url_back() {
    let canonical = Canonical::of(&[
        mirrored("https://pypi.org/simple/", "https://m/simple"),
        mirrored("https://a/simple/", "https://a/simple/"),
    ]);
    for (asked, told) in [
        ("https://m/simple/", "https://pypi.org/simple/"),
        ("https://m/simple", "https://pypi.org/simple/"),
        ("https://a/simple/", "https://a/simple/"),
        ("https://m/simple/more/", "https://m/simple/more/"),
    ] {
        assert_eq!(canonical.index(&url(asked)).as_str(), told);
    }
}

/// Files of PyPI by its own paths, else in the form that it redirects.
#[test]
fn files_of_pypi() {
    let all = Canonical::of(&[mirrored(
        "https://pypi.org/simple/",
        "https://m/root/pypi/+simple/",
    )]);
    let hash = "ab/cd/".to_owned() + &"0".repeat(60);
    let own = format!("https://files.pythonhosted.org/packages/{hash}/foo_bar-1.tar.gz");
    let sdist = Filename::Sdist(Version::from_str("1").unwrap());
    let index = url("https://pypi.org/simple/");
    let project = PackageName::from_str("foo-bar").unwrap();
    let file = |at: &str, filename: &str, name: &Filename| {
        let found = all.file(&index, &url(at), &project, filename, name);
        found.map(|url| url.to_string()).unwrap_or_default()
    };
    let name = "foo_bar-1.tar.gz";
    for at in [
        own.clone(),
        format!("https://m/packages/{hash}/{name}"),
        format!("https://cdn/a/packages/packages/{hash}/{name}"),
    ] {
        assert_eq!(file(&at, name, &sdist), own, "{at}");
    }
    for at in [
        "https://m/root/pypi/+f/abc/def/foo_bar-1.tar.gz",
        "https://m/repository/packages/foo-bar/1/foo_bar-1.tar.gz",
    ] {
        assert_eq!(
            file(at, name, &sdist),
            "https://files.pythonhosted.org/packages/source/f/foo-bar/foo_bar-1.tar.gz"
        );
    }
    assert_eq!(
        file(
            "https://m/x.whl",
            "foo_bar-1-py2.py3-none-any.whl",
            &wheel(&["py2", "py3"])
        ),
        "https://files.pythonhosted.org/packages/py2.py3/f/foo-bar/foo_bar-1-py2.py3-none-any.whl"
    );
}

/// Files of other indexes by the prefix of the index.
#[test]
fn files_of_other_indexes() {
    let all = Canonical::of(&[mirrored("https://a/team/simple/", "https://m/a/+simple")]);
    let project = PackageName::from_str("foo-bar").unwrap();
    let file = |index: &str, at: &str| {
        let found = all.file(&url(index), &url(at), &project, "x.whl", &wheel(&["py3"]));
        found.map(|url| url.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    let own = "https://a/team/simple";
    assert_eq!(
        file(own, "https://m/a/f/x.whl"),
        some("https://a/team/f/x.whl")
    );
    assert_eq!(
        file(own, "https://a/team/f/x.whl"),
        some("https://a/team/f/x.whl")
    );
    // Where the index itself has them cannot be told.
    assert_eq!(file(own, "https://m/b/x.whl"), None);
    assert_eq!(file(own, "https://cdn/x.whl"), None);
    assert_eq!(
        file("https://other/", "https://cdn/x.whl"),
        some("https://cdn/x.whl")
    );
}
