//! The service manager's side: sockets it hands over, and what it wants to hear.

use std::io;
use std::os::unix::net::UnixListener;

/// The socket that systemd listens on for us, where this process was started for one
/// (`sd_listen_fds(3)`).
///
/// # Errors
/// Where something was handed over that is no listening Unix socket.
#[cfg(not(target_os = "macos"))]
pub(super) fn listener() -> io::Result<Option<UnixListener>> {
    use std::os::fd::{BorrowedFd, FromRawFd};

    use rustix::net::{AddressFamily, SocketType, sockopt};

    let mut given = sd_notify::listen_fds()?;
    let Some(raw) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(io::Error::other("more than one socket was handed over"));
    }
    #[expect(unsafe_code, reason = "the number comes from the environment")]
    // SAFETY: borrowed for the checks below only, which fail where it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(raw) };
    let right = sockopt::socket_domain(borrowed)? == AddressFamily::UNIX
        && sockopt::socket_type(borrowed)? == SocketType::STREAM
        && sockopt::socket_acceptconn(borrowed)?;
    if !right {
        return Err(io::Error::other("it is no listening Unix socket"));
    }
    #[expect(unsafe_code, reason = "the number comes from the environment")]
    // SAFETY: it is open, of the right kind, and handed over to this process (LISTEN_PID) to own.
    let listener = unsafe { UnixListener::from_raw_fd(raw) };
    listener.set_nonblocking(true)?;
    Ok(Some(listener))
}

/// There is no systemd here.
#[cfg(target_os = "macos")]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
pub(super) fn listener() -> io::Result<Option<UnixListener>> {
    Ok(None)
}

/// Tells the service manager, where one wants to know, that requests are answered from now on.
pub(super) fn ready() {
    #[cfg(not(target_os = "macos"))]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// Tells it that the end has begun.
pub(super) fn stopping() {
    #[cfg(not(target_os = "macos"))]
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
}
