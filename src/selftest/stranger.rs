//! Another user: knocks at the agent's door, or waits behind a door where the agent should be.
//!
//! Only root can become another user. One thread of this process does, by its own system calls:
//! the program need not be readable for that user, and nothing of ours changes its owner.

use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::Check;
use super::ground::Ground;

/// `nobody`, as most systems have it; who it is does not matter.
const STRANGER: u32 = 65_534;
/// The agent's socket, in its folder.
const SOCKET: &str = "agent.sock";
/// How long the agent may think about a stranger.
pub(super) const TIME: Duration = Duration::from_secs(5);
/// A call that the agent answers to everybody whom it lets in.
const HELLO: &[u8] = b"{\"method\":\"org.varlink.service.GetInfo\"}\0";
/// Why there is no other user.
pub(super) const NOT_ROOT: &str = "only root can act as another user: run it once with sudo";

/// What a stranger meets.
#[derive(Debug, PartialEq, Eq)]
enum Met {
    /// The file modes keep them out.
    Denied,
    /// They were let in and sent away without a word.
    Closed,
    /// They were answered.
    Answered,
    /// Something else.
    Other(io::ErrorKind),
}

/// Another user is refused twice: by the modes of folder and socket, and where these are open, by
/// the agent itself.
pub(super) fn knocks(ground: &Ground) -> Check {
    const ID: &str = "other-user";
    if !rustix::process::geteuid().is_root() {
        return Check::not_here(ID, NOT_ROOT);
    }
    match try_both(&ground.socket_folder()) {
        Err(error) => Check::not_here(
            ID,
            format!("this root cannot act as another user: {}", error.kind()),
        ),
        Ok((Met::Denied, Met::Closed)) => Check::ok(
            ID,
            format!(
                "uid {STRANGER} is refused by the modes of the socket and, with these open, by the agent"
            ),
        ),
        Ok((Met::Answered, _)) => Check::failed(ID, format!("uid {STRANGER} was answered")),
        Ok((_, Met::Answered)) => Check::failed(
            ID,
            format!("with the modes of the socket open, uid {STRANGER} was answered"),
        ),
        Ok((closed, open)) => Check::failed(
            ID,
            format!("uid {STRANGER}: {}, then {}", word(&closed), word(&open)),
        ),
    }
}

fn word(met: &Met) -> String {
    match met {
        Met::Denied => "refused by the modes".to_owned(),
        Met::Closed => "sent away by the agent".to_owned(),
        Met::Answered => "answered".to_owned(),
        Met::Other(kind) => kind.to_string(),
    }
}

fn try_both(folder: &Path) -> io::Result<(Met, Met)> {
    // By its descriptor: the way to it may be closed to others, which is not what is tried here.
    let opened = File::open(folder)?;
    let socket = folder.join(SOCKET);
    let closed = as_stranger(|| knock(&opened))?;
    let modes = |of_folder, of_socket| {
        std::fs::set_permissions(folder, Permissions::from_mode(of_folder))?;
        std::fs::set_permissions(&socket, Permissions::from_mode(of_socket))
    };
    modes(0o711, 0o666)?;
    let open = as_stranger(|| knock(&opened));
    modes(0o700, 0o600)?;
    Ok((closed, open?))
}

fn knock(folder: &File) -> Met {
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Met::Denied,
        Err(error) => return Met::Other(error.kind()),
    };
    let mut answer = [0];
    let asked = stream
        .set_read_timeout(Some(TIME))
        .and_then(|()| stream.write_all(HELLO))
        .and_then(|()| stream.read(&mut answer));
    match asked {
        Ok(0) => Met::Closed,
        Ok(_) => Met::Answered,
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Met::Closed,
            kind => Met::Other(kind),
        },
    }
}

/// Lets another user be the one who listens at a socket that was made already: what a client is
/// told of the server is who called `listen` (`unix(7)`, `SO_PEERCRED`).
pub(super) fn listen(socket: &OwnedFd) -> io::Result<()> {
    as_stranger(|| rustix::net::listen(socket.as_fd(), 8))??;
    Ok(())
}

/// Does something in a thread that is another user.
fn as_stranger<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let become_them = || -> io::Result<()> {
        let (gid, uid) = (Gid::from_raw(STRANGER), Uid::from_raw(STRANGER));
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        Ok(())
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| become_them().map(|()| work()));
        thread
            .join()
            .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    })
}
