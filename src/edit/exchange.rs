//! A new file takes the place of another one, and what comes out is looked at: a program that takes
//! no lock can write between our last look and any rename.
//!
//! Linux exchanges two names in one step (renameat2(2), `RENAME_EXCHANGE`): both files have a name at
//! every moment, and what somebody wrote too late for our look lies under ours, where it is seen and
//! put back. Where the file system or the system has no such call, a rename is what there is.

use std::ffi::OsStr;
use std::io;

use zeroize::Zeroizing;

/// How often two programs may write within the time between two exchanges of ours.
const EXCHANGES: usize = 20;

/// What a text in the place of another comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Swapped {
    /// It is in its place, and the old one is gone.
    Done,
    /// Another program wrote meanwhile, and its file is in the place.
    Foreign,
    /// Another program's file is under the name of ours, and cannot be put back.
    Stuck,
}

/// What happens to a folder's names; tests let others write in between.
pub(super) trait Names {
    /// Puts one file in the place of another.
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()>;
    /// Puts a file where none is: `AlreadyExists` where one is.
    fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()>;
    /// Exchanges two files that are there.
    fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()>;
}

/// Puts `temporary`, which holds `new`, in the place of `name`, where `old` was seen last. `text`
/// reads a file: nothing for one that cannot be read or that somebody is writing. What has the name
/// `temporary` afterwards is no longer wanted, except after [`Swapped::Stuck`].
///
/// # Errors
/// The system's; the file is the old one then.
pub(super) fn swap(
    names: &impl Names,
    temporary: &OsStr,
    name: &OsStr,
    old: Option<&str>,
    new: &str,
    text: impl Fn(&OsStr) -> Option<Zeroizing<String>>,
) -> io::Result<Swapped> {
    let Some(old) = old else {
        return match names.rename_new(temporary, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Swapped::Foreign),
            Err(error) if is_unknown(&error) => {
                names.rename(temporary, name).map(|()| Swapped::Done)
            }
            other => other.map(|()| Swapped::Done),
        };
    };
    match names.exchange(temporary, name) {
        // It was removed after our look; the next look sees that.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Swapped::Foreign),
        Err(error) if is_unknown(&error) => {
            return names.rename(temporary, name).map(|()| Swapped::Done);
        }
        other => other?,
    }
    if text(temporary).is_some_and(|under| *under == old) {
        return Ok(Swapped::Done);
    }
    Ok(put_back(names, temporary, name, new, text))
}

/// Takes our file out again. What comes out then is ours, or something newer of another program,
/// which is put back in its turn. What cannot be read at the moment may be either: the two change
/// places until it can.
fn put_back(
    names: &impl Names,
    temporary: &OsStr,
    name: &OsStr,
    new: &str,
    text: impl Fn(&OsStr) -> Option<Zeroizing<String>>,
) -> Swapped {
    let mut placed = Some(Zeroizing::new(new.to_owned()));
    for _ in 0..EXCHANGES {
        let under = text(temporary);
        match names.exchange(temporary, name) {
            // Somebody removed the file after they wrote it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Swapped::Foreign,
            Err(_) => return Swapped::Stuck,
            Ok(()) => {}
        }
        let out = text(temporary);
        if out.is_some() && out == placed {
            return Swapped::Foreign;
        }
        placed = under;
    }
    let back = names.rename(temporary, name);
    back.map_or(Swapped::Stuck, |()| Swapped::Foreign)
}

/// The call, or this form of it, is not there: the system, its file system, or a filter of system
/// calls does not have it (renameat2(2): `EINVAL`, `ENOSYS`; FUSE and network file systems).
fn is_unknown(error: &io::Error) -> bool {
    #[cfg(unix)]
    let unknown = matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP | libc::EPERM)
    );
    #[cfg(not(unix))]
    let unknown = false;
    unknown || error.kind() == io::ErrorKind::Unsupported
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
