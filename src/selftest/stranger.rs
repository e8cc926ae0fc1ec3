//! Another user: knocks at the agent's door, or waits behind a door where the agent should be.
//!
//! Only root can become another user, or who is root in a user namespace. One thread of a process
//! does, by its own system calls: the program need not be readable for that user, and nothing of
//! ours changes its owner.

use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
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
const NOT_ROOT: &str = "only root, or a user with subordinate ids (subuid(5), newuidmap), can act as \
                        another user: run it once with sudo";

/// What a stranger meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// The file modes keep them out.
    Denied,
    /// They were let in and sent away without a word.
    Closed,
    /// They were answered.
    Answered,
    /// Something else.
    Other,
}

impl Met {
    const ALL: [(Self, &str); 4] = [
        (Self::Denied, "refused-by-the-modes"),
        (Self::Closed, "sent-away-by-the-agent"),
        (Self::Answered, "answered"),
        (Self::Other, "something-else"),
    ];

    fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(met, _)| *met == self);
        found.map_or("", |(_, word)| word)
    }

    fn of_word(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, own)| *own == word);
        found.map(|(met, _)| *met)
    }
}

/// Another user is refused twice: by the modes of folder and socket, and where these are open, by
/// the agent itself.
pub(super) fn knocks(ground: &Ground) -> Check {
    const ID: &str = "other-user";
    let folder = ground.socket_folder();
    let root = rustix::process::geteuid().is_root();
    let (met, who) = if root {
        (try_both(&folder).ok(), format!("uid {STRANGER}"))
    } else {
        let who = "a user of a user namespace";
        (in_namespace(ground, &folder), who.to_owned())
    };
    match met {
        None if root => Check::not_here(ID, "this root may not act as another user"),
        None => Check::not_here(ID, NOT_ROOT),
        Some((Met::Denied, Met::Closed)) => Check::ok(
            ID,
            format!(
                "{who} is refused by the modes of the socket and, with these open, by the agent"
            ),
        ),
        Some((closed, open)) => Check::failed(
            ID,
            format!(
                "{who}: {}; with the modes of the socket open: {}",
                closed.word(),
                open.word()
            ),
        ),
    }
}

/// An ordinary user is root in a user namespace of their own, and has other users there, where the
/// system has given them some. `None` where it has not.
fn in_namespace(ground: &Ground, folder: &Path) -> Option<(Met, Met)> {
    let output = Command::new("unshare")
        .args(["--user", "--map-auto", "--map-root-user", "--"])
        .arg(&ground.helperd)
        .arg("selftest-stranger")
        .arg(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let mut words = said.split_whitespace().map(Met::of_word);
    match (words.next(), words.next(), words.next()) {
        (Some(Some(closed)), Some(Some(open)), None) => Some((closed, open)),
        _ => None,
    }
}

/// What the process in a namespace of its own runs: the words of what a stranger meets.
///
/// # Errors
/// Where there is no other user, or the modes cannot be changed.
pub fn told(folder: &Path) -> io::Result<String> {
    let (closed, open) = try_both(folder)?;
    Ok(format!("{} {}", closed.word(), open.word()))
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
        Err(_) => return Met::Other,
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
            _ => Met::Other,
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
