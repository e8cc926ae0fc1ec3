//! Who is at the other end of a socket, as the kernel tells it.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The process at the other end, at the moment it connected (a client) or listened (a server).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user.
    pub uid: u32,
    /// Its process; unset where it lives in a process namespace that we cannot see.
    pub pid: Option<u32>,
}

/// The other end of a connected Unix socket. Ask before the first byte is read or written.
#[cfg(target_os = "linux")]
pub fn of(stream: &impl AsFd) -> io::Result<Peer> {
    // Not rustix: its process id cannot be zero, and the kernel says zero for a foreign namespace.
    let mut found = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let size = size_of::<libc::ucred>();
    let mut length = libc::socklen_t::try_from(size).map_err(io::Error::other)?;
    #[expect(unsafe_code, reason = "SO_PEERCRED without rustix, see above")]
    // SAFETY: the descriptor is borrowed for the call, and pointer and length describe `found`.
    let result = unsafe {
        libc::getsockopt(
            stream.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut found).cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    if usize::try_from(length) != Ok(size) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Peer {
        uid: found.uid,
        pid: u32::try_from(found.pid).ok().filter(|pid| *pid != 0),
    })
}

/// The other end of a connected Unix socket. Ask before the first byte is read or written.
#[cfg(not(target_os = "linux"))]
pub fn of(stream: &impl AsFd) -> io::Result<Peer> {
    let (mut uid, mut gid) = (0, 0);
    let socket = stream.as_fd().as_raw_fd();
    #[expect(unsafe_code, reason = "the standard library has no getpeereid")]
    // SAFETY: the descriptor is borrowed for the call; both pointers are to live integers.
    let result = unsafe { libc::getpeereid(socket, &raw mut uid, &raw mut gid) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Peer {
        uid,
        pid: process(socket),
    })
}

#[cfg(target_os = "macos")]
fn process(socket: std::os::fd::RawFd) -> Option<u32> {
    let mut pid: libc::pid_t = 0;
    let mut length = libc::socklen_t::try_from(size_of::<libc::pid_t>()).ok()?;
    #[expect(unsafe_code, reason = "the standard library has no LOCAL_PEERPID")]
    // SAFETY: the descriptor is open for the call, and pointer and length describe `pid`.
    let result = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_LOCAL,
            libc::LOCAL_PEERPID,
            (&raw mut pid).cast(),
            &raw mut length,
        )
    };
    (result == 0)
        .then(|| u32::try_from(pid).ok())
        .flatten()
        .filter(|pid| *pid != 0)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn process(_: std::os::fd::RawFd) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_pair_is_ourselves() {
        let (left, _right) = UnixStream::pair().unwrap();
        let peer = super::of(&left).unwrap();
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(peer.pid, Some(std::process::id()));
    }
}
