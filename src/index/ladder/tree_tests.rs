use std::str::FromStr as _;

use super::{Tree, metadata};
use crate::package::metadata::Metadata;
use crate::package::{Requirement, VersionSpecifiers};

struct One(&'static str, String);

impl Tree for One {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        Ok((self.0 == path).then(|| self.1.clone().into_bytes()))
    }
}

fn pyproject(text: &str) -> Result<(Metadata, Vec<u8>), String> {
    metadata(&One("pyproject.toml", text.to_owned()))
}

#[test]
fn what_is_static() {
    let (found, raw) = pyproject(
        "[project]\nname = 'A.b'\nversion = '1.0'\nrequires-python = '>=3.8'\ndynamic = ['readme']\n\
         dependencies = ['x>=1']\n[project.optional-dependencies]\nE = ['y; python_version > \"3\"']\n",
    )
    .unwrap();
    assert_eq!(found.name.as_ref(), "a-b");
    assert_eq!(
        found.requires_python,
        VersionSpecifiers::from_str(">=3.8").ok()
    );
    let wanted = ["x>=1", "y ; python_version > '3' and extra == 'e'"];
    assert_eq!(
        found.requires,
        wanted.map(|text| Requirement::from_str(text).unwrap())
    );
    assert_eq!(found.extras.len(), 1);
    // Written down and read again, it is the same.
    assert_eq!(Metadata::parse_static(&raw).unwrap(), found);
    let info = "Metadata-Version: 2.2\nName: a\nVersion: 1\nRequires-Dist: x\n";
    let (found, _) = metadata(&One("PKG-INFO", info.to_owned())).unwrap();
    assert_eq!(found.requires.len(), 1);
}

#[test]
fn what_only_a_build_can_tell() {
    let head = "[project]\nname = 'a'\nversion = '1'\n";
    for (text, expected) in [
        (String::new(), "no [project]"),
        ("[tool.poetry]\nname = 'a'\n".to_owned(), "no [project]"),
        ("x = 'secret".to_owned(), "no TOML"),
        (
            "[project]\nname = 'a'\ndynamic = ['version']\n".to_owned(),
            "version is dynamic",
        ),
        (
            format!("{head}dynamic = ['dependencies']\n"),
            "dependencies is dynamic",
        ),
        (
            format!("{head}dynamic = 'dependencies'\n"),
            "project.dynamic",
        ),
        (
            format!("{head}dependencies = 'x'\n"),
            "project.dependencies",
        ),
        (
            format!("{head}dependencies = ['secret x']\n"),
            "project.dependencies",
        ),
        (
            format!("{head}requires-python = 'x'\n"),
            "project.requires-python",
        ),
        (
            format!("{head}optional-dependencies = []\n"),
            "project.optional-dependencies",
        ),
        (
            "[project]\nname = 3\nversion = '1'\n".to_owned(),
            "project.name",
        ),
        ("[project]\nname = 'a'\n".to_owned(), "project.version"),
    ] {
        let why = pyproject(&text).unwrap_err();
        assert!(
            why.contains(expected) && !why.contains("secret"),
            "{text}: {why}"
        );
    }
    let nothing = metadata(&One("setup.py", String::new())).unwrap_err();
    assert!(nothing.contains("only a build"));
}
