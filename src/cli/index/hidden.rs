//! Why a file or a version is not chosen from.

use crate::index::project::File;
use crate::package::environment::Environment;
use crate::package::filename::Filename;
use crate::package::order::allows_python;

/// Why a file is not chosen from, in an order that a person would look for it; `None` where it is.
pub(super) fn file(file: &File, environment: &Environment) -> Option<String> {
    if let Some(reason) = &file.yanked {
        return Some(match reason.as_str() {
            "" => "yanked".to_owned(),
            reason => format!("yanked: {reason}"),
        });
    }
    if let Some(range) = &file.requires_python
        && !allows_python(range, environment.python())
    {
        return Some(format!("requires-python: {range}"));
    }
    if let Filename::Wheel(wheel) = &file.name
        && environment.tags().rank(wheel).is_none()
    {
        return Some(format!(
            "tags: {}-{}-{}",
            wheel.python.join("."),
            wheel.abi.join("."),
            wheel.platform.join(".")
        ));
    }
    None
}

/// The same of a version: none where one of its files is chosen from, else what is said of the first
/// that is closest to being one.
pub(super) fn version(files: &[File], environment: &Environment) -> Option<String> {
    let mut reasons = Vec::new();
    for one in files {
        reasons.push(file(one, environment)?);
    }
    // What is yanked was taken back by its owner, whatever else is wrong with it.
    let closeness = |reason: &String| {
        ["tags", "requires-python", "yanked"]
            .iter()
            .position(|word| reason.starts_with(word))
    };
    let first = reasons.iter().min_by_key(|reason| closeness(reason))?;
    if first.starts_with("tags") {
        return Some("tags: none of its wheels fits, and there is no source archive".to_owned());
    }
    Some(first.clone())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::{Environment, File, Filename, version};
    use crate::package::{PackageName, VersionSpecifiers};

    fn file(filename: &str, python: Option<&str>, yanked: Option<&str>) -> File {
        let name = PackageName::from_str("a").unwrap();
        File {
            filename: filename.to_owned(),
            name: Filename::parse(filename, &name).unwrap(),
            url: "https://h/a".parse().unwrap(),
            hashes: std::collections::BTreeMap::new(),
            size: None,
            requires_python: python.map(|range| VersionSpecifiers::from_str(range).unwrap()),
            yanked: yanked.map(str::to_owned),
            uploaded: None,
            metadata: None,
            provenance: None,
        }
    }

    #[test]
    fn reasons() {
        let environment = Environment::fallback()
            .and_then(|one| one.with_python("3.11"))
            .and_then(|one| one.with_platform("x86_64-unknown-linux-gnu", None))
            .unwrap();
        let sdist = |python, yanked| file("a-1.tar.gz", python, yanked);
        let windows = file("a-1-cp311-cp311-win_amd64.whl", None, None);
        let pure = file("a-1-py3-none-any.whl", None, None);
        for (files, reason) in [
            (vec![sdist(None, None)], None),
            (vec![windows.clone(), pure], None),
            (vec![windows.clone(), sdist(None, None)], None),
            (
                vec![windows.clone()],
                Some("tags: none of its wheels fits, and there is no source archive"),
            ),
            (
                vec![sdist(Some(">=3.12"), None)],
                Some("requires-python: >=3.12"),
            ),
            (vec![sdist(None, Some(""))], Some("yanked")),
            (vec![sdist(None, Some("broken"))], Some("yanked: broken")),
            (
                vec![sdist(Some(">=3.12"), None), sdist(None, Some("x"))],
                Some("requires-python: >=3.12"),
            ),
        ] {
            assert_eq!(
                version(&files, &environment).as_deref(),
                reason,
                "{files:?}"
            );
        }
    }
}
