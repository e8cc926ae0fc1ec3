//! Pins: what an earlier resolution chose, in any form of file.

use std::path::Path;

use credential_helper_protocol::Failure;
use pep440_rs::Operator;
use pep508_rs::VersionOrUrl;

use super::{Around, Asked, Role, Wanted, direct};
use crate::domain::text::shown;
use crate::index::locked::{self, Kind, Locked, LockedFile, Origin};

/// The pins of a lock file or of a requirements file; `None` where there is no such file. Lines of a
/// requirements file that pin nothing are left out.
///
/// # Errors
/// Where the file cannot be read, or is wrong.
pub fn pins(path: &Path, around: &Around<'_>) -> Result<Option<Vec<Locked>>, Failure> {
    let path = direct::normal(&around.folder.join(path));
    let name = shown(&path.to_string_lossy());
    let Some(text) = around.files.text(&path)? else {
        return Ok(None);
    };
    if let Some(kind) = Kind::of(&path) {
        return locked::read(kind, &name, &text).map(Some);
    }
    let mut asked = Asked::default();
    asked.requirements_file(&path, Role::Requirements, around)?;
    Ok(Some(asked.requirements.iter().filter_map(pin).collect()))
}

/// A requirement as a pin; `None` where it allows more than one version.
pub fn pin(wanted: &Wanted) -> Option<Locked> {
    let requirement = &wanted.requirement;
    let (version, origin) = match requirement.version_or_url.as_ref()? {
        VersionOrUrl::Url(_) => (None, Origin::Direct),
        VersionOrUrl::VersionSpecifier(specifiers) => {
            let exact =
                |operator: &Operator| matches!(operator, Operator::Equal | Operator::ExactEqual);
            let pin = specifiers.iter().find(|one| exact(one.operator()))?;
            (Some(pin.version().clone()), Origin::Unsaid)
        }
    };
    let files = wanted.hashes.iter().filter_map(|hash| {
        let (kind, hex) = hash.split_once(':')?;
        Some(LockedFile {
            filename: String::new(),
            hashes: [(kind.to_owned(), hex.to_owned())].into(),
        })
    });
    Some(Locked {
        name: requirement.name.clone(),
        version,
        origin,
        files: files.collect(),
        marker: requirement.marker.clone(),
        line: wanted.line,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::held::Held;
    use super::{Around, pins};

    #[test]
    fn pins_of_both_kinds_of_file() {
        let digest = "0".repeat(64);
        let text = format!(
            "-i https://e.org\na==1 --hash=sha256:{digest}\nb>=1\nc @ https://e.org/c.zip\n"
        );
        let files = Held::new(&[
            ("requirements.txt", &text),
            ("uv.lock", "[[package]]\nname='a'\nversion='2'"),
        ]);
        let around = Around {
            files: &files,
            variable: &|_| None,
            folder: Path::new("/p"),
        };
        let found = pins(Path::new("requirements.txt"), &around)
            .unwrap()
            .unwrap();
        let names: Vec<String> = found
            .iter()
            .map(|one| {
                format!(
                    "{} {:?} {} {}",
                    one.name,
                    one.version,
                    one.line,
                    one.files.len()
                )
            })
            .collect();
        assert_eq!(names, ["a Some(\"1\") 2 1", "c None 4 0"]);
        let found = pins(Path::new("uv.lock"), &around).unwrap().unwrap();
        assert_eq!(found[0].version.as_ref().unwrap().to_string(), "2");
        assert!(pins(Path::new("no.txt"), &around).unwrap().is_none());
    }
}
