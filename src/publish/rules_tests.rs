use crate::package::archive::samples::{
    member, metadata, tar_gz, tar_member, wheel_members, write, zip,
};
use crate::publish::distribution::Distribution;

fn of_wheel(name: &str, fields: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut parts = name.split('-');
    let (project, version) = (parts.next().unwrap(), parts.next().unwrap());
    let text = metadata(project, version, fields).replace("2.1", "2.4");
    let bytes = zip(&wheel_members(&format!("{project}-{version}"), &text));
    let path = write(folder.path(), name, &bytes);
    let found = Distribution::read(&path).unwrap();
    found.refused(true).map(str::to_owned).collect()
}

#[test]
fn fields() {
    let long = "s".repeat(513);
    for (fields, expected) in [
        (format!("Summary: {long}\n"), "longer than 512"),
        ("Summary: a\n b\n".to_owned(), "more than one line"),
        (
            "Description-Content-Type: text/html\n".to_owned(),
            "not rendered",
        ),
        (
            "Description-Content-Type: text/markdown; charset=latin-1\n".to_owned(),
            "not in UTF-8",
        ),
        (
            "Requires-Dist: b @ https://h/b.whl\n".to_owned(),
            "by its URL",
        ),
        (
            "Classifier: Private :: Do Not Upload\n".to_owned(),
            "not to be published",
        ),
        ("Requires-Python: 3.9\n".to_owned(), "no set of versions"),
        ("Requires-Python: >=3.x\n".to_owned(), "no set of versions"),
        ("Dynamic: Version\n".to_owned(), "dynamic"),
        ("Home-page: www.example.org\n".to_owned(), "no http(s) URL"),
        ("Project-URL: Docs, ftp://h/\n".to_owned(), "no http(s) URL"),
        (
            format!("Project-URL: {}, https://h/\n", "l".repeat(33)),
            "longer than 32",
        ),
        (
            "License: MIT\nLicense-Expression: MIT\n".to_owned(),
            "only one",
        ),
        ("License-File: LICENSE\n".to_owned(), "is not in it"),
    ] {
        let found = of_wheel("a-1.0-py3-none-any.whl", &fields);
        assert_eq!(found.len(), 1, "{fields}: {found:?}");
        assert!(found[0].contains(expected), "{fields}: {found:?}");
    }
    let sound = "Summary: s\nRequires-Python: >=3.9,!=3.10.*,<4\nHome-page: UNKNOWN\n\
                 Project-URL: Docs, https://h/\nDescription-Content-Type: text/markdown; charset=UTF-8\n\
                 Requires-Dist: b>=1; extra == 'x@y'\n";
    assert_eq!(
        of_wheel("a-1.0-py3-none-any.whl", sound),
        Vec::<String>::new()
    );
}

#[test]
fn names_and_tags() {
    for (name, expected) in [
        ("a-1.0+x-py3-none-any.whl", "local part"),
        (
            "a-1.0-cp311-cp311-linux_x86_64.whl",
            "platform tag linux_x86_64",
        ),
        ("A-1.0-py3-none-any.whl", "normal form"),
    ] {
        let found = of_wheel(name, "");
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        assert!(found[0].contains(expected), "{name}: {found:?}");
    }
    let both = "a-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
    assert_eq!(of_wheel(both, ""), Vec::<String>::new());
}

#[test]
fn archives() {
    let folder = tempfile::tempdir().unwrap();
    let text = metadata("a", "1.0", "");
    let mut members = wheel_members("a-1.0", &text);
    members.pop();
    members[0].descriptor = true;
    let path = write(folder.path(), "a-1.0-py3-none-any.whl", &zip(&members));
    let found = Distribution::read(&path).unwrap();
    let refused: Vec<&str> = found.refused(true).collect();
    assert_eq!(
        refused,
        ["its archive has data descriptors", "it has no RECORD"]
    );
    assert_eq!(found.refused(false).count(), 0);
    let info = tar_member("a-1.0/PKG-INFO", b'0', text.as_bytes());
    let stray = tar_member("b/c", b'0', b"");
    let path = write(folder.path(), "a-1.0.tar.gz", &tar_gz(&[info, stray]));
    let found = Distribution::read(&path).unwrap();
    assert_eq!(
        found.refused(true).collect::<Vec<_>>(),
        ["not everything in it is in one folder: b/c"]
    );
    let mut members = wheel_members("a-1.0", &text);
    let mut zeros = member("a/zeros", &"\0".repeat(65 * 1024 * 1024));
    zeros.method = 8;
    members.push(zeros);
    let path = write(folder.path(), "a-1.0-py3-none-any.whl", &zip(&members));
    let found = Distribution::read(&path).unwrap();
    assert_eq!(
        found.refused(true).collect::<Vec<_>>(),
        ["it unpacks to more than 50 times its size"]
    );
}
