//! The files that are read, so that tests can have others.

use std::path::{Path, PathBuf};

use credential_helper_protocol::Failure;
use zeroize::Zeroizing;

use crate::edit::read::named;

/// Entries of a folder that are looked at for members of a workspace.
const ENTRIES: usize = 10_000;

/// Where texts come from.
pub trait Files {
    /// A file's text; `None` where there is none.
    ///
    /// # Errors
    /// Where it is there but cannot be read, is larger than 4 MiB, or no UTF-8.
    fn text(&self, path: &Path) -> Result<Option<Zeroizing<String>>, Failure>;

    /// Whether there is a regular file.
    fn is_file(&self, path: &Path) -> bool;

    /// The folders in a folder, in the order of their names; none where it cannot be read.
    fn folders(&self, path: &Path) -> Vec<PathBuf>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn text(&self, path: &Path) -> Result<Option<Zeroizing<String>>, Failure> {
        named(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn folders(&self, path: &Path) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(path) else {
            return Vec::new();
        };
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .take(ENTRIES)
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect();
        found.sort();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk, Files as _};
    use crate::edit::read::FILE_SIZE;

    #[test]
    fn what_is_no_text_file_is_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert!(Disk.text(&path).unwrap().is_none());
        assert!(Disk.text(&path.join("b")).unwrap().is_none());
        assert!(Disk.text(folder.path()).is_err());
        std::fs::write(&path, b"\xef\xbb\xbfa").unwrap();
        assert_eq!(Disk.text(&path).unwrap().unwrap().as_str(), "a");
        std::fs::write(&path, b"\xff").unwrap();
        assert!(Disk.text(&path).is_err());
        let large = std::fs::File::create(&path).unwrap();
        large.set_len(FILE_SIZE + 1).unwrap();
        let failure = Disk.text(&path).unwrap_err();
        assert!(failure.message.ends_with("larger than 4 MiB"), "{failure}");
    }
}
