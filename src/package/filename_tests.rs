use std::str::FromStr as _;

use super::{Filename, Parts, Wrong};
use crate::package::{PackageName, Version};

fn project(name: &str) -> PackageName {
    PackageName::from_str(name).unwrap()
}

fn wheel(text: &str, name: &str) -> super::WheelName {
    match Filename::parse(text, &project(name)).unwrap() {
        Filename::Wheel(wheel) => *wheel,
        Filename::Sdist(_) => panic!("{text}"),
    }
}

#[test]
fn wheels() {
    let found = wheel(
        "My_Pkg-1.0.post1-2b-cp311.CP312-abi3-manylinux_2_17_x86_64.linux_x86_64.whl",
        "my-pkg",
    );
    assert_eq!(found.project, project("my-pkg"));
    assert_eq!(found.version, Version::from_str("1.0.post1").unwrap());
    assert_eq!(found.build, Some((2, "b".to_owned())));
    assert_eq!(found.python, ["cp311", "cp312"]);
    assert_eq!(found.abi, ["abi3"]);
    assert_eq!(found.platform, ["manylinux_2_17_x86_64", "linux_x86_64"]);
    let plain = wheel("oslo.config-1-py3-none-any.whl", "oslo-config");
    assert_eq!(plain.build, None);
    let local = wheel("torch-2.0.0+cu118-cp311-cp311-linux_x86_64.whl", "torch");
    assert_eq!(local.version, Version::from_str("2.0.0+cu118").unwrap());
}

#[test]
fn source_archives() {
    for (text, name, version) in [
        ("my_pkg-1.0.tar.gz", "my-pkg", "1.0"),
        ("My.Pkg-1.0.zip", "my-pkg", "1.0"),
        ("my-pkg-1.0.tar.bz2", "my-pkg", "1.0"),
        ("my-pkg-1.0-1.tgz", "my-pkg", "1.0.post1"),
        ("a-1-2.tar.gz", "a", "1.post2"),
        ("a-1-2.tar.gz", "a-1", "2"),
        ("a-1.0-rc1.tar.xz", "a", "1.0rc1"),
    ] {
        let found = Filename::parse(text, &project(name)).unwrap();
        assert_eq!(
            found,
            Filename::Sdist(Version::from_str(version).unwrap()),
            "{text}"
        );
    }
}

#[test]
fn what_is_none() {
    for (text, expected) in [
        ("a-1.0-py3-none.whl", "is not NAME"),
        ("a-1.0-x1-py3-none-any.whl", "build tag"),
        ("a-1.0-99999999999999999999-py3-none-any.whl", "build tag"),
        ("a-1.0-1-py3-none-any-x.whl", "is not NAME"),
        ("a-b-py3-none-any.whl", "version in its name"),
        ("a-1.0_1-py3-none-any.whl", "version in its name"),
        ("-1.0-py3-none-any.whl", "is not NAME"),
        ("a__b-1.0-py3-none-any.whl", "is not NAME"),
        ("a-1.0-py3..x-none-any.whl", "is not NAME"),
        ("a-1.0--none-any.whl", "is not NAME"),
        ("a-1.0-py3-none-.whl", "is not NAME"),
        ("b-1.0-py3-none-any.whl", "another project"),
        ("a.tar.gz", "another project"),
        ("ab-1.0.tar.gz", "another project"),
        ("a-x.tar.gz", "version in its name"),
        ("a-1.0.exe", "neither a wheel"),
        ("a-1.0-py3.egg", "neither a wheel"),
        ("", "neither a wheel"),
        ("../a-1.0.tar.gz", "none of a file"),
        ("a-1.0\n.tar.gz", "none of a file"),
    ] {
        let why = Filename::parse(text, &project("a")).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }
    let long = format!("a-{}.tar.gz", "1".repeat(300));
    assert!(
        Filename::parse(&long, &project("a"))
            .unwrap_err()
            .contains("too long")
    );
    assert_eq!(
        Parts::of("b-1.tar.gz", &project("a")).unwrap_err(),
        Wrong::Other
    );
}
