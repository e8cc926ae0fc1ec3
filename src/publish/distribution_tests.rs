use std::path::Path;

use super::{Distribution, together};
use crate::package::archive::samples::{
    member, metadata, sdist, tar_gz, tar_member, wheel, wheel_members, write, zip,
};

#[test]
fn a_wheel_and_a_source_archive() {
    let folder = tempfile::tempdir().unwrap();
    let one = Distribution::read(&wheel(folder.path(), "my_pkg", "1.0")).unwrap();
    assert_eq!(
        (&*one.project, &*one.version.to_string()),
        ("my-pkg", "1.0")
    );
    assert_eq!(one.metadata.one("description"), Some("long\n"));
    assert_eq!(
        (one.name.kind.word(), &*one.name.python),
        ("bdist_wheel", "py3")
    );
    assert_eq!(one.digests.sha256.len(), 64);
    assert_eq!(one.findings, []);
    let two = Distribution::read(&sdist(folder.path(), "my_pkg", "1.0")).unwrap();
    assert_eq!(
        (two.name.kind.word(), &*two.name.python),
        ("sdist", "source")
    );
    assert_eq!(two.findings, []);
    let info = member("my_pkg-1.0/PKG-INFO", &metadata("my_pkg", "1.0", ""));
    let zipped = write(folder.path(), "my_pkg-1.0.zip", &zip(&[info]));
    let three = Distribution::read(&zipped).unwrap();
    assert_eq!(three.name.kind.word(), "sdist");
    assert_eq!(together(&[one.clone(), two.clone()], true), []);
    let both = together(&[two, three], true);
    assert!(
        both[0]
            .1
            .contains("is a source archive of the same version"),
        "{both:?}"
    );
    assert!(together(&[one.clone(), one], false)[0].1.contains("twice"));
}

#[test]
fn several_versions_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| Distribution::read(path).unwrap();
    let old = read(&wheel(folder.path(), "a", "1.0"));
    let new = read(&wheel(folder.path(), "a", "1.1"));
    let other = read(&wheel(folder.path(), "b", "2.0"));
    assert_eq!(together(&[old.clone(), other], false), []);
    let wrong = together(&[old, new], false);
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].1.contains("a 1.1 and 1.0") || wrong[0].1.contains("a 1.0 and 1.1"));
}

#[test]
fn what_must_not_be_sent() {
    let folder = tempfile::tempdir().unwrap();
    let text = metadata("a", "1.0", "");
    let wheel = |metadata: &str| zip(&wheel_members("a-1.0", metadata));
    let whole = wheel(&text);
    let mut two = wheel_members("a-1.0", &text);
    two.extend(wheel_members("b-1.0", &text).into_iter().skip(1));
    let name = "a-1.0-py3-none-any.whl";
    let info = |text: &str| tar_gz(&[tar_member("a-1.0/PKG-INFO", b'0', text.as_bytes())]);
    for (name, bytes, expected) in [
        (name, whole[..whole.len() - 1].to_vec(), "cut off"),
        (
            name,
            [whole.clone(), b"x".to_vec()].concat(),
            "after its end",
        ),
        (name, text.clone().into_bytes(), "no zip archive"),
        (
            name,
            wheel(&metadata("b", "1.0", "")),
            "the metadata says b 1.0",
        ),
        (
            name,
            wheel(&metadata("a", "1.1", "")),
            "the metadata says a 1.1",
        ),
        (
            name,
            wheel(&metadata("a", "one", "")),
            "version in its metadata",
        ),
        (
            name,
            wheel(&metadata("-a", "1.0", "")),
            "name in its metadata",
        ),
        (name, zip(&[member("a.py", "")]), "no .dist-info"),
        (name, zip(&two), "more than one .dist-info"),
        (
            name,
            zip(&wheel_members("b-1.0", &text)),
            "is not in a-1.0.dist-info",
        ),
        (
            name,
            zip(&[member("a-1.0.dist-info/WHEEL", "")]),
            "no a-1.0.dist-info/METADATA",
        ),
        (
            "b-1.0-py3-none-any.whl",
            whole.clone(),
            "is not in b-1.0.dist-info",
        ),
        (
            "a-1.0.tar.gz",
            info(&metadata("b", "1.0", "")),
            "the metadata says b 1.0",
        ),
        ("a-1.0.tar.gz", tar_gz(&[]), "no NAME-VERSION/PKG-INFO"),
        ("a-1.0.tar.gz", whole.clone(), "no gzip"),
        ("a-1.0.zip", whole.clone(), "no NAME-VERSION/PKG-INFO"),
        ("a-1.0.txt", whole.clone(), "neither a wheel"),
    ] {
        let path = write(folder.path(), name, &bytes);
        let why = Distribution::read(&path).unwrap_err();
        assert!(why.contains(expected), "{name}: {why}");
    }
    let missing = Distribution::read(&folder.path().join("c-1.0-py3-none-any.whl"));
    assert_eq!(missing.unwrap_err(), "there is no such file");
    let not_a_file = folder.path().join("d-1.0-py3-none-any.whl");
    std::fs::create_dir(&not_a_file).unwrap();
    assert!(
        Distribution::read(&not_a_file)
            .unwrap_err()
            .contains("regular file")
    );
}
