//! Where the agent listens, and whom a client talks to.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, socket_with};

use super::Check;
use super::ground::Ground;
use super::stranger;

/// Folder and socket are the user's, and nobody else's.
pub(super) fn places(ground: &Ground) -> Check {
    const ID: &str = "socket";
    let folder = ground.socket_folder();
    let socket = folder.join("agent.sock");
    let (Ok(folder), Ok(socket)) = (folder.symlink_metadata(), socket.symlink_metadata()) else {
        return Check::failed(ID, "the agent's socket cannot be looked at");
    };
    let us = rustix::process::geteuid().as_raw();
    let modes = (folder.mode() & 0o777, socket.mode() & 0o777);
    let seen = format!(
        "folder {:04o} of uid {}, socket {:04o} of uid {}",
        modes.0,
        folder.uid(),
        modes.1,
        socket.uid()
    );
    let kinds = folder.is_dir() && socket.file_type().is_socket();
    if kinds && modes == (0o700, 0o600) && folder.uid() == us && socket.uid() == us {
        Check::ok(ID, seen)
    } else {
        Check::failed(ID, seen)
    }
}

/// A place that somebody else may have taken: a client says nothing there, not even what it wants.
pub(super) async fn squatting(ground: &Ground) -> Check {
    const ID: &str = "squatting";
    let mut held = Vec::new();
    let mut left_out = "";
    for trap in [Trap::Open, Trap::Link, Trap::Server] {
        let name = trap.name();
        let (listener, socket) = match trap.set(ground) {
            Ok(Some(set)) => set,
            Ok(None) => {
                left_out = "; a server of another user: only as root";
                continue;
            }
            Err(error) => return Check::not_here(ID, format!("{name}: {}", error.kind())),
        };
        let socket = socket.to_string_lossy();
        let variables = [
            ("CREDENTIAL_HELPER_SOCKET", &*socket),
            ("POETRY_HTTP_BASIC_PROBE_USERNAME", "probe"),
            ("POETRY_HTTP_BASIC_PROBE_PASSWORD", &ground.secret),
        ];
        if let Err(why) = ground
            .helper(&["get", "probe", "--timeout", "2"], &variables)
            .await
        {
            return Check::failed(ID, format!("{name}: {why}"));
        }
        match received(&listener) {
            Ok(0) => held.push(name),
            Ok(count) => {
                return Check::failed(ID, format!("{name}: a client sent {count} bytes there"));
            }
            Err(error) => return Check::failed(ID, format!("{name}: {}", error.kind())),
        }
    }
    Check::ok(
        ID,
        format!("a client sent nothing to {}{left_out}", held.join(", ")),
    )
}

/// A place where a client must say nothing.
#[derive(Clone, Copy)]
enum Trap {
    /// Others may put something into the folder.
    Open,
    /// The folder is a link.
    Link,
    /// The server is another user's.
    Server,
}

impl Trap {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "a folder that is open to others",
            Self::Link => "a folder that is a link",
            Self::Server => "a server of another user",
        }
    }

    /// Lays it out: the listener, and the path that a client is given. `None` where only root can.
    fn set(self, ground: &Ground) -> io::Result<Option<(UnixListener, PathBuf)>> {
        let make = |name: &str| {
            let folder = ground.path("squat").join(name);
            DirBuilder::new().mode(0o700).create(&folder)?;
            io::Result::Ok(folder)
        };
        let (listener, folder) = match self {
            Self::Open => {
                let folder = make("open")?;
                let listener = UnixListener::bind(folder.join(SOCKET))?;
                std::fs::set_permissions(&folder, Permissions::from_mode(0o777))?;
                (listener, folder)
            }
            Self::Link => {
                let (folder, link) = (make("folder")?, ground.path("squat/link"));
                let listener = UnixListener::bind(folder.join(SOCKET))?;
                std::os::unix::fs::symlink(&folder, &link)?;
                (listener, link)
            }
            Self::Server if !rustix::process::geteuid().is_root() => return Ok(None),
            Self::Server => {
                let folder = make("server")?;
                let socket = bound(&folder.join(SOCKET))?;
                stranger::listen(&socket)?;
                (UnixListener::from(socket), folder)
            }
        };
        listener.set_nonblocking(true)?;
        Ok(Some((listener, folder.join(SOCKET))))
    }
}

const SOCKET: &str = "agent.sock";

/// A socket at a path at which nobody listens yet.
fn bound(path: &Path) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// How many bytes came, over all connections. The clients have ended: nothing is waited for.
fn received(listener: &UnixListener) -> io::Result<usize> {
    let mut bytes = Vec::new();
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nonblocking(true)?;
                match stream.read_to_end(&mut bytes) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                    Err(error) => return Err(error),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(bytes.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
