//! Whether files are the same, wherever they lie.

use std::collections::BTreeMap;

use crate::index::locked::Locked;
use crate::index::project::Project;
use crate::package::Version;

/// How the files of two sources compare: one answer for all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// They share files, and all that they share are the same: one is a mirror of the other.
    Yes,
    /// There is a file that both have with different bytes.
    No,
    /// They share no file.
    Unknown,
}

/// The SHA-256 digests of all files, by name.
fn digests(project: &Project) -> BTreeMap<&str, &str> {
    let files = project
        .versions()
        .flat_map(|version| project.files(version));
    files
        .filter_map(|file| Some((file.filename.as_str(), file.hashes.get("sha256")?.as_str())))
        .collect()
}

/// How the files of two sources compare.
pub(super) fn same(one: &Project, other: &Project) -> Same {
    let (ours, theirs) = (digests(one), digests(other));
    let mut answer = Same::Unknown;
    for (name, digest) in &ours {
        match theirs.get(name) {
            Some(other) if other == digest => answer = Same::Yes,
            Some(_) => return Same::No,
            None => {}
        }
    }
    answer
}

/// A file that both have with different bytes.
pub(super) fn differing(one: &Project, other: &Project) -> Option<String> {
    let (ours, theirs) = (digests(one), digests(other));
    ours.iter()
        .find(|(name, digest)| theirs.get(*name).is_some_and(|other| other != *digest))
        .map(|(name, _)| (*name).to_owned())
}

/// Whether the source has a file of the lock file, with its bytes.
pub(super) fn has_same_bytes(locked: &Locked, version: &Version, project: &Project) -> bool {
    let served = project.files(version);
    let mut digests = locked.files.iter().flat_map(|file| &file.hashes);
    digests.any(|(kind, hex)| served.iter().any(|file| file.hashes.get(kind) == Some(hex)))
        && !has_other_bytes(locked, version, project)
}

/// Whether the source's files of a version are not those of the lock file: one that both name has
/// another digest, or, where the lock file has digests alone, none of them is there.
pub(super) fn has_other_bytes(locked: &Locked, version: &Version, project: &Project) -> bool {
    let served = project.files(version);
    let mut alone = Vec::new();
    for file in &locked.files {
        if file.filename.is_empty() {
            alone.extend(&file.hashes);
            continue;
        }
        let own = served.iter().find(|own| own.filename == file.filename);
        let differs = own.is_some_and(|own| {
            file.hashes
                .iter()
                .any(|(kind, hex)| own.hashes.get(kind).is_some_and(|own| own != hex))
        });
        if differs {
            return true;
        }
    }
    let is_known = |kind: &String| served.iter().any(|file| file.hashes.contains_key(kind));
    alone.retain(|(kind, _)| is_known(kind));
    !alone.is_empty()
        && !alone.iter().any(|(kind, hex)| {
            served
                .iter()
                .any(|file| file.hashes.get(*kind) == Some(*hex))
        })
}
