//! Reading one file, whatever stands at its path; blocks, so not for the main thread.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::stamp::Found;
use crate::edit::FILE_SIZE;

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

/// A file where a folder should be: there is no such file either.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

pub(super) fn found_file(meta: &std::fs::Metadata) -> Found {
    // Only its kind was asked for, but what replaces it may be of another.
    if settled(meta) {
        Found::Settled(identity(meta))
    } else {
        Found::Fresh(identity(meta))
    }
}

/// What was read.
pub(super) enum Reading {
    /// There is none.
    Absent,
    /// It is the one that is known already.
    Same,
    /// Its content.
    New(Found, Zeroizing<String>),
}

/// Opens without blocking (a FIFO would wait for a writer), then checks what it has opened. `known`
/// is the identity of a content that was read when the file had been left alone for long enough.
pub(super) fn read_file(path: &Path, known: Option<Identity>) -> io::Result<Reading> {
    let file = match open(path) {
        Err(error) if is_absence(&error) => return Ok(Reading::Absent),
        other => other?,
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if meta.len() > FILE_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let found = found_file(&meta);
    if known.is_some_and(|known| found == Found::Settled(known)) {
        return Ok(Reading::Same);
    }
    let room = usize::try_from(meta.len()).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    file.take(FILE_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Reading::New(found, Zeroizing::new(text.to_owned())))
}

/// Whether the file is old enough that a later write must show in its times: file systems count
/// in ticks of some milliseconds.
fn settled(meta: &std::fs::Metadata) -> bool {
    meta.modified()
        .ok()
        .and_then(|time| SystemTime::now().duration_since(time).ok())
        .is_some_and(|age| age > Duration::from_millis(50))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
/// Of the file that these facts are of.
pub(super) fn identity(meta: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.len(),
        modified: meta.modified().ok(),
        changed: (meta.ctime(), meta.ctime_nsec()),
    }
}

#[cfg(not(unix))]
/// Of the file that these facts are of.
pub(super) fn identity(meta: &std::fs::Metadata) -> Identity {
    Identity {
        device: 0,
        inode: 0,
        size: meta.len(),
        modified: meta.modified().ok(),
        changed: (0, 0),
    }
}
