//! What an audit is about: what is asked for, and what a lock file has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pep508_rs::VersionOrUrl;

use super::{Asked, Wanted, pin};
use crate::index::audit::Subject;
use crate::index::locked::{Locked, Origin};
use crate::package::PackageName;

/// Collects the names that come from an index, each once; those of direct URLs are left out.
#[derive(Default)]
pub struct Subjects(BTreeMap<PackageName, Subject>);

impl Subjects {
    /// Adds what a file asks for. Pins of a requirements file count as those of a lock file.
    pub fn add(&mut self, asked: &Asked, path: &Path, folder: &Path) {
        let mut by_name: BTreeMap<&PackageName, Vec<&Wanted>> = BTreeMap::new();
        for wanted in &asked.requirements {
            let all = by_name.entry(&wanted.requirement.name).or_default();
            all.push(wanted);
        }
        for (name, all) in by_name {
            let is_direct = |wanted: &&&Wanted| {
                let what = &wanted.requirement.version_or_url;
                matches!(what, Some(VersionOrUrl::Url(_)))
            };
            let indexed: Vec<&Wanted> = all.iter().filter(|one| !is_direct(one)).copied().collect();
            let Some(first) = indexed.first() else {
                continue;
            };
            let range = |wanted: &Wanted| match &wanted.requirement.version_or_url {
                Some(VersionOrUrl::VersionSpecifier(range)) => Some(range.clone()),
                _ => None,
            };
            // Where the requirements differ, no version can be left out.
            let is_one = indexed.iter().all(|one| range(one) == range(first));
            let is_pinned = indexed.iter().all(|one| one.source == first.source);
            let subject = self.entry(name, || file_of(first, path, folder), first.line);
            subject.range = range(first).filter(|_| is_one);
            subject.pin = first.source.clone().filter(|_| is_pinned);
            subject.direct = true;
            let pins = indexed.iter().filter(|one| !one.hashes.is_empty());
            subject.locked.extend(pins.filter_map(|one| pin(one)));
        }
    }

    /// Adds what a lock file has.
    pub fn add_locked(&mut self, locked: Vec<Locked>, path: &Path) {
        for one in locked {
            if one.origin == Origin::Direct {
                continue;
            }
            let name = one.name.clone();
            let subject = self.entry(&name, || path.to_owned(), one.line);
            subject.locked.push(one);
        }
    }

    /// All of them, by name.
    pub fn all(self) -> Vec<Subject> {
        self.0.into_values().collect()
    }

    fn entry(
        &mut self,
        name: &PackageName,
        path: impl FnOnce() -> PathBuf,
        line: usize,
    ) -> &mut Subject {
        self.0.entry(name.clone()).or_insert_with(|| Subject {
            name: name.clone(),
            range: None,
            pin: None,
            locked: Vec::new(),
            direct: false,
            path: path(),
            line,
        })
    }
}

/// The file that a requirement stands in: requirements files include others.
fn file_of(wanted: &Wanted, path: &Path, folder: &Path) -> PathBuf {
    match wanted.from.rsplit_once(':') {
        Some((file, line)) if line.parse() == Ok(wanted.line) => folder.join(file),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::held::Held;
    use super::super::{Around, Asked, Role};
    use super::Subjects;
    use crate::index::locked::{Kind, read};

    #[test]
    fn names_of_indexes_each_once() {
        let digest = "0".repeat(64);
        let files = Held::new(&[
            (
                "a.txt",
                &format!(
                    "a>=1\na>=2\nb==1 --hash=sha256:{digest}\nc @ https://e.org/c.zip\n-r sub/d.txt\n"
                ),
            ),
            ("sub/d.txt", "\nd<2\n"),
        ]);
        let around = Around {
            files: &files,
            variable: &|_| None,
            folder: Path::new("/p"),
        };
        let mut asked = Asked::default();
        let path = Path::new("a.txt");
        asked
            .requirements_file(path, Role::Requirements, &around)
            .unwrap();
        let mut subjects = Subjects::default();
        subjects.add(&asked, &around.folder.join(path), around.folder);
        let lock = "[[package]]\nname='a'\nversion='2'\n[[package]]\nname='e'\nversion='1'\n\
                    [[package]]\nname='own'\nversion='1'\nsource={editable='.'}";
        let locked = read(Kind::Uv, "uv.lock", lock).unwrap();
        subjects.add_locked(locked, Path::new("/p/uv.lock"));
        let told: Vec<String> = subjects
            .all()
            .iter()
            .map(|one| {
                let range = one.range.as_ref().map(ToString::to_string);
                let path = one.path.display();
                format!(
                    "{} {range:?} {} {path}:{} {}",
                    one.name,
                    one.direct,
                    one.line,
                    one.locked.len()
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "a None true /p/a.txt:1 1",
                "b Some(\"==1\") true /p/a.txt:3 1",
                "d Some(\"<2\") true /p/sub/d.txt:2 0",
                "e None false /p/uv.lock:4 1",
            ]
        );
    }
}
