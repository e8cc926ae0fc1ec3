//! Files that are read: never a FIFO or device, never without an end.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use crate::domain::text::shown;
use crate::edit::FILE_SIZE;

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
        let fail = |what: &str| {
            let message = format!("cannot read {}: {what}", shown(&path.to_string_lossy()));
            Failure::new(ErrorCode::Unavailable, message)
        };
        let file = match open(path) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(fail(&error.kind().to_string())),
            Ok(file) => file,
        };
        let meta = file
            .metadata()
            .map_err(|error| fail(&error.kind().to_string()))?;
        if !meta.is_file() {
            return Err(fail("it is no regular file"));
        }
        let room = usize::try_from(meta.len().min(FILE_SIZE)).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
        file.take(FILE_SIZE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| fail(&error.kind().to_string()))?;
        if bytes.len() as u64 > FILE_SIZE {
            return Err(fail("it is larger than 4 MiB"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| fail("it is no UTF-8 text"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Ok(Some(Zeroizing::new(text.to_owned())))
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

/// Opens without waiting for a writer, and without taking a terminal.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::{Disk, FILE_SIZE, Files as _};

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
