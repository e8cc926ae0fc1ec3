//! Reading from and writing to a connection, with as few system calls as it takes.

use std::io;

use credential_helper_protocol::limits;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

/// Reads what is there; 0 at the end.
///
/// A read that does not fill the buffer has emptied the socket (`epoll(7)`, question 9): the
/// readiness is given back at once, which saves the read that would only say so.
pub(super) async fn read(stream: &UnixStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        let mut count = None;
        let tried = stream.try_io(Interest::READABLE, || {
            let read = rustix::io::read(stream, &mut *bytes)?;
            count = Some(read);
            if read > 0 && read < bytes.len() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        match (count, tried) {
            (Some(count), _) => return Ok(count),
            (None, Err(error)) if again(&error) => {}
            (None, Err(error)) => return Err(error),
            (None, Ok(())) => return Ok(0),
        }
    }
}

/// Writes all of it; the deadline is for peers that do not read what they asked for.
pub(super) async fn write(stream: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    let mut sent = 0;
    let mut until = None;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match stream.try_write(rest) {
            Ok(count) => sent += count,
            Err(error) if again(&error) => {
                let until = *until.get_or_insert_with(|| Instant::now() + limits::MESSAGE_TIME);
                timeout_at(until, stream.writable()).await??;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Waits until the peer is gone. One that has only ended its own sending still wants the answer.
#[cfg(target_os = "linux")]
pub(super) async fn gone(stream: &UnixStream) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    // Of all that can be waited for, this interest alone wakes for a closed side without waking
    // for every message that the peer sends ahead.
    let closed = stream.ready(Interest::PRIORITY).await;
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    let asked = poll(&mut fds, Some(&Timespec::default()));
    if closed.is_err() || asked.is_ok() && fds[0].revents().contains(PollFlags::HUP) {
        return;
    }
    std::future::pending::<()>().await;
}

/// Elsewhere a peer that goes away is noticed when the answer is written.
#[cfg(not(target_os = "linux"))]
pub(super) async fn gone(_stream: &UnixStream) {
    std::future::pending::<()>().await;
}
