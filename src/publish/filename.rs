//! What the name of a file says: project, version, tags (PEP 427, PEP 625).

use std::str::FromStr as _;

use crate::domain::name::normalize;
use crate::package::filename::{is_project, version, wheel_parts};
use crate::package::{PackageName, Version};

/// The kind of a distribution, by the words of the upload form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A source archive.
    Sdist,
    /// A wheel.
    Wheel,
}

impl Kind {
    /// The value of the form's `filetype`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sdist => "sdist",
            Self::Wheel => "bdist_wheel",
        }
    }
}

/// A file's name, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filename {
    /// The kind.
    pub kind: Kind,
    /// What stands before the version in a wheel; all but the ending in a source archive.
    stem: String,
    /// The version as written; of a wheel only.
    version: Option<String>,
    /// The Python tag (`py3`, `cp311`, `py2.py3`), or `source`.
    pub python: String,
    /// The platform tag; of a wheel only.
    pub platform: Option<String>,
}

/// The endings that are uploaded.
pub const ENDINGS: [&str; 3] = [".whl", ".tar.gz", ".zip"];

impl Filename {
    /// Reads the name of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some(stem) = name.strip_suffix(".whl") {
            return wheel(stem);
        }
        let stem = [".tar.gz", ".zip"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let stem =
            stem.ok_or("it is neither a wheel (.whl) nor a source archive (.tar.gz, .zip)")?;
        if !stem.contains('-') {
            return Err("its name has no version: NAME-VERSION.tar.gz".to_owned());
        }
        Ok(Self {
            kind: Kind::Sdist,
            stem: stem.to_owned(),
            version: None,
            python: "source".to_owned(),
            platform: None,
        })
    }

    /// Whether the name is that of this project and version.
    pub fn is_of(&self, project: &PackageName, of: &Version) -> bool {
        match &self.version {
            Some(own) => is_project(&self.stem, project) && version(own, true).as_ref() == Some(of),
            // Old names have dashes in project and version: any of them may be the one between.
            None => self.stem.match_indices('-').any(|(at, _)| {
                is_project(&self.stem[..at], project)
                    && version(&self.stem[at + 1..], false).as_ref() == Some(of)
            }),
        }
    }

    /// Whether the name is spelled as PyPI wants it: the project in normal form with `_`, and the
    /// version in normal form where it is a source archive.
    pub fn is_normal(&self, project: &str, version: &Version) -> bool {
        let project = normalize(project).replace('-', "_");
        match self.kind {
            Kind::Wheel => {
                normalize(&self.stem).replace('-', "_") == self.stem && self.stem == project
            }
            Kind::Sdist => self.stem == format!("{project}-{version}"),
        }
    }

    /// Project and version of a wheel.
    pub(super) fn own(&self) -> Option<(PackageName, Version)> {
        let project = PackageName::from_str(&self.stem).ok()?;
        Some((project, version(self.version.as_deref()?, true)?))
    }
}

fn wheel(stem: &str) -> Result<Filename, String> {
    let (name, written, _, tags) = wheel_parts(stem)?;
    if version(written, true).is_none() {
        return Err("the version in its name is none (PEP 440)".to_owned());
    }
    Ok(Filename {
        kind: Kind::Wheel,
        stem: name.to_owned(),
        version: Some(written.to_owned()),
        python: tags[0].to_owned(),
        platform: Some(tags[2].to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Filename, Kind};
    use crate::package::{PackageName, Version};
    use std::str::FromStr as _;

    fn is(name: &str, project: &str, version: &str) -> (bool, bool) {
        let name = Filename::parse(name).unwrap();
        let version = Version::from_str(version).unwrap();
        let project = &PackageName::from_str(project).unwrap();
        (
            name.is_of(project, &version),
            name.is_normal(project.as_ref(), &version),
        )
    }

    #[test]
    fn names() {
        let wheel = Filename::parse("my_pkg-1.0-2b-cp311-abi3-manylinux_2_17_x86_64.whl").unwrap();
        assert_eq!(wheel.kind, Kind::Wheel);
        assert_eq!(wheel.python, "cp311");
        assert_eq!(wheel.platform.as_deref(), Some("manylinux_2_17_x86_64"));
        let (project, version) = wheel.own().unwrap();
        assert_eq!(
            (project.as_ref(), version.to_string().as_str()),
            ("my-pkg", "1.0")
        );
        for (name, project, version, of, normal) in [
            ("my_pkg-1.0-py3-none-any.whl", "My-Pkg", "1.0", true, true),
            ("My_Pkg-1.0-py3-none-any.whl", "My-Pkg", "1.0", true, false),
            ("my_pkg-1.0-py3-none-any.whl", "my-pkg", "1.1", false, true),
            (
                "my_pkg-1.0_1-py3-none-any.whl",
                "my-pkg",
                "1.0.post1",
                true,
                true,
            ),
            ("my_pkg-1.0.tar.gz", "my.pkg", "1.0", true, true),
            ("my-pkg-1.0.tar.gz", "my.pkg", "1.0.0", true, false),
            ("my-pkg-1.0-1.zip", "my.pkg", "1.0.post1", true, false),
            ("my_pkg-1.0.tar.gz", "pkg", "1.0", false, false),
        ] {
            assert_eq!(is(name, project, version), (of, normal), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_distribution() {
        for name in [
            "a-1.0-py3-none.whl",
            "a-1.0-x1-py3-none-any.whl",
            "a-b-py3-none-any.whl",
            "-1.0-py3-none-any.whl",
            "a b-1.0-py3-none-any.whl",
            "a.tar.gz",
            "a-1.0.tar.bz2",
            "a-1.0.exe",
            "METADATA",
        ] {
            assert!(Filename::parse(name).is_err(), "{name}");
        }
    }
}
