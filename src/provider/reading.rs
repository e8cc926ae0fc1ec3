//! Reading one file, whatever stands at its path; blocks, so not for the main thread.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::stamp::Found;
use crate::edit::read::{is_absence, open, whole};

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
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
    let found = found_file(&meta);
    if known.is_some_and(|known| found == Found::Settled(known)) {
        return Ok(Reading::Same);
    }
    let bytes = whole(file, &meta)?;
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
