//! Whether somebody has a file open for writing: what they still write would be lost with the file.

use std::fs::File;

/// A lease for reading is given on a file that nobody has open for writing, and on no other
/// (fcntl(2), "Leases"). It is asked for and given back at once. A file system without leases says
/// nothing, and so do we.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "system calls without a safe form")]
pub(super) fn is_being_written(file: &File) -> bool {
    use std::os::fd::AsRawFd;
    /// Not in the C library's bindings for every system (asm-generic/fcntl.h).
    const F_SETSIG: libc::c_int = 10;
    let descriptor = file.as_raw_fd();
    // Who opens the file for writing in between waits until the lease is given back, and we are told
    // by a signal: one that does nothing, in place of SIGIO, which ends a process.
    // SAFETY: the descriptor is open, and these calls take numbers alone.
    unsafe {
        if libc::fcntl(descriptor, F_SETSIG, libc::SIGURG) != 0 {
            return false;
        }
        if libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_RDLCK) != 0 {
            return std::io::Error::last_os_error().kind() == std::io::ErrorKind::WouldBlock;
        }
        libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_UNLCK);
    }
    false
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_being_written(_: &File) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::is_being_written;
    use std::fs::File;

    #[test]
    fn only_while_somebody_may_write() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("auth.toml");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        assert!(is_being_written(&reader));
        drop(writer);
        assert!(!is_being_written(&reader) && !is_being_written(&reader));
        assert!(!is_being_written(&File::open(&path).unwrap()));
        // Nothing is held on to.
        drop(File::options().append(true).open(&path).unwrap());
    }
}
