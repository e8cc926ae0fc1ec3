//! Pseudo-terminals.

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// Both ends of a new terminal: that of who shows it, and that of the program in it. No program that
/// is started gets them by itself.
///
/// # Errors
/// The system's, which may have none left.
pub fn open() -> io::Result<(OwnedFd, OwnedFd)> {
    let (mut ours, mut theirs) = (-1, -1);
    #[expect(unsafe_code, reason = "no safe wrapper among our dependencies")]
    // SAFETY: both descriptors are written before they are read, the other pointers may be null,
    // and nobody else owns what openpty returns.
    let ends = unsafe {
        let none = std::ptr::null_mut();
        if libc::openpty(
            &raw mut ours,
            &raw mut theirs,
            none,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        ) == -1
        {
            return Err(io::Error::last_os_error());
        }
        (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    };
    for end in [&ends.0, &ends.1] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok(ends)
}
