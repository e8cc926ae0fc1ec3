//! The place of the agent's socket that holds, whether it may be trusted, and the way in.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, sockopt};

use crate::address::{Candidate, Rule, candidates};
use crate::code::{ErrorCode, Failure};
use crate::peer;
use crate::surroundings::Surroundings;
use crate::text::shown_path;

/// What `sun_path` holds besides its last NUL: 107 bytes, 103 on macOS.
const LONGEST: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// What is known of a candidate's folder.
#[derive(Debug)]
pub enum Finding {
    /// Ours alone: this is the place.
    Ours(OwnedFd),
    /// Not there, but it can be made.
    Absent,
    /// Another user's, and named by the variable: a socket mounted into a container.
    Foreign(OwnedFd),
    /// Passed over, for this reason.
    Skipped(String),
}

/// The place that holds.
#[derive(Debug)]
pub struct Place {
    /// The socket.
    pub socket: PathBuf,
    /// Which rule named it.
    pub rule: Rule,
    /// A socket mounted from elsewhere: it is told neither variables nor folders nor the bus, and
    /// no agent is started.
    pub foreign: bool,
    /// Who we are.
    uid: u32,
    /// Its folder, once it is there; opened and checked.
    folder: Option<OwnedFd>,
}

/// Every candidate with what is known of it, for `doctor`.
pub fn examine(around: &Surroundings) -> Vec<(Candidate, Finding)> {
    candidates(around)
        .into_iter()
        .map(|candidate| {
            let finding = look(&candidate, around.uid);
            (candidate, finding)
        })
        .collect()
}

/// The first candidate that is ours, can be made ours, or is mounted from elsewhere.
pub fn find(around: &Surroundings) -> Result<Place, Failure> {
    let mut reasons = Vec::new();
    for candidate in candidates(around) {
        let (foreign, folder) = match look(&candidate, around.uid) {
            Finding::Ours(folder) => (false, Some(folder)),
            Finding::Absent => (false, None),
            Finding::Foreign(folder) => (true, Some(folder)),
            Finding::Skipped(reason) => {
                reasons.push(format!("{}: {reason}", shown_path(&candidate.socket)));
                continue;
            }
        };
        return Ok(Place {
            socket: candidate.socket,
            rule: candidate.rule,
            foreign,
            uid: around.uid,
            folder,
        });
    }
    Err(Failure::new(
        ErrorCode::Unavailable,
        format!(
            "there is no place for the agent's socket ({})",
            if reasons.is_empty() {
                "neither XDG_RUNTIME_DIR nor a home is known".to_owned()
            } else {
                reasons.join("; ")
            }
        ),
    )
    .hint("set XDG_RUNTIME_DIR or CREDENTIAL_HELPER_SOCKET, or use --no-agent"))
}

fn parent(socket: &Path) -> Option<&Path> {
    socket
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
}

fn look(candidate: &Candidate, uid: u32) -> Finding {
    let (Some(folder), Some(name)) = (parent(&candidate.socket), candidate.socket.file_name())
    else {
        return Finding::Skipped("not the path of a file".to_owned());
    };
    match open_folder(folder) {
        Ok((fd, stat)) => judge(fd, &stat, candidate.rule, name, uid),
        Err(Errno::NOENT) => {
            if may_make(folder, candidate.rule, uid) {
                Finding::Absent
            } else {
                Finding::Skipped("its folder cannot be made".to_owned())
            }
        }
        Err(Errno::LOOP | Errno::NOTDIR) => {
            Finding::Skipped("its folder is a link or no folder".to_owned())
        }
        Err(error) => Finding::Skipped(format!("its folder cannot be opened: {error}")),
    }
}

fn open_folder(folder: &Path) -> Result<(OwnedFd, Stat), Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let fd = match rustix::fs::openat(CWD, folder, flags, Mode::empty()) {
        // A folder that may be passed through but not listed, as those of mounted sockets are.
        #[cfg(target_os = "linux")]
        Err(Errno::ACCESS) => rustix::fs::openat(CWD, folder, flags | OFlags::PATH, Mode::empty())?,
        other => other?,
    };
    let stat = rustix::fs::fstat(&fd)?;
    Ok((fd, stat))
}

fn judge(fd: OwnedFd, stat: &Stat, rule: Rule, name: &OsStr, uid: u32) -> Finding {
    if stat.st_uid != uid {
        return if rule == Rule::Variable {
            Finding::Foreign(fd)
        } else {
            Finding::Skipped(format!("its folder belongs to user {}", stat.st_uid))
        };
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if !mode.intersects(Mode::RWXG | Mode::RWXO) {
        return Finding::Ours(fd);
    }
    // Root in a container, with only the socket mounted: the folder is an ordinary one of its own.
    if rule == Rule::Variable
        && rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|socket| socket.st_uid != uid)
    {
        return Finding::Foreign(fd);
    }
    Finding::Skipped(format!(
        "its folder is open to others (mode {:04o})",
        stat.st_mode & 0o777
    ))
}

/// Below the state folder all that is missing may be made; elsewhere only the folder itself, so
/// that a runtime folder that the system has not made is not faked. Root, who may write anywhere,
/// makes none in another user's folder unless told so: that user could not use it any more.
fn may_make(folder: &Path, rule: Rule, uid: u32) -> bool {
    use rustix::fs::Access;
    let writable = |path: &Path| rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK);
    let mut above = folder.parent();
    while let Some(path) = above {
        match writable(path) {
            Ok(()) if uid == 0 && rule != Rule::Variable => {
                return rustix::fs::stat(path).is_ok_and(|found| found.st_uid == uid);
            }
            Ok(()) => return true,
            Err(Errno::NOENT) if rule == Rule::State => above = path.parent(),
            Err(_) => return false,
        }
    }
    false
}

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// Nobody listens there: an agent may be started.
    NoAgent,
    /// Somebody may, but it is not to be used, or does not answer.
    Failed(Failure),
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::NoAgent => Self::new(ErrorCode::Unavailable, "no agent is running")
                .hint("run `helper agent start`"),
            ConnectError::Failed(failure) => failure,
        }
    }
}

impl Place {
    /// Makes the folder, for us alone, where it is not there yet; answers with the checked folder.
    pub fn make_folder(&mut self) -> Result<&OwnedFd, Failure> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => self.made_folder()?,
        };
        Ok(self.folder.insert(folder))
    }

    fn made_folder(&self) -> Result<OwnedFd, Failure> {
        let failed = |reason: &str| {
            Failure::new(
                ErrorCode::Unavailable,
                format!(
                    "could not make the folder of {}: {reason}",
                    shown_path(&self.socket)
                ),
            )
            .hint("set CREDENTIAL_HELPER_SOCKET to a path in a folder of your own")
        };
        let folder = parent(&self.socket).ok_or_else(|| failed("it has none"))?;
        let made = DirBuilder::new()
            .mode(0o700)
            .recursive(self.rule == Rule::State)
            .create(folder);
        if let Err(error) = made
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(failed(&error.to_string()));
        }
        // Whoever made it: it is opened without following links, and looked at again.
        let (fd, stat) = open_folder(folder).map_err(|error| failed(&error.to_string()))?;
        let name = self.socket.file_name().unwrap_or_default();
        match judge(fd, &stat, self.rule, name, self.uid) {
            Finding::Ours(folder) => Ok(folder),
            Finding::Skipped(reason) => Err(failed(&reason)),
            Finding::Foreign(_) | Finding::Absent => Err(failed("it belongs to another user")),
        }
    }

    /// Connects and checks who listens, before a byte is sent. `time` bounds the wait for room in
    /// the queue of an agent that is stopped.
    pub fn connect(&self, time: Duration) -> Result<UnixStream, ConnectError> {
        let Some(folder) = &self.folder else {
            return self.connect_to_new(time);
        };
        self.connect_in(folder, time)
    }

    /// The folder was not there when we looked, but somebody may have made it since.
    fn connect_to_new(&self, time: Duration) -> Result<UnixStream, ConnectError> {
        let folder = parent(&self.socket).ok_or(ConnectError::NoAgent)?;
        let (fd, stat) = open_folder(folder).map_err(|_| ConnectError::NoAgent)?;
        let name = self.socket.file_name().unwrap_or_default();
        match judge(fd, &stat, self.rule, name, self.uid) {
            Finding::Ours(folder) => self.connect_in(&folder, time),
            _ => Err(ConnectError::NoAgent),
        }
    }

    fn connect_in(&self, folder: &OwnedFd, time: Duration) -> Result<UnixStream, ConnectError> {
        let failed = |doing: &str, error: Errno| {
            ConnectError::Failed(Failure::new(
                ErrorCode::Unavailable,
                format!("could not {doing} {}: {error}", shown_path(&self.socket)),
            ))
        };
        let address = self.address(folder)?;
        let socket = new_socket().map_err(|error| failed("make a socket for", error))?;
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(time))
            .map_err(|error| failed("set the time limit of", error))?;
        loop {
            match rustix::net::connect(&socket, &address) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::NOENT | Errno::CONNREFUSED) if self.foreign => {
                    return Err(self.nobody_outside());
                }
                Err(Errno::NOENT | Errno::CONNREFUSED) => return Err(ConnectError::NoAgent),
                Err(Errno::AGAIN) => {
                    return Err(ConnectError::Failed(
                        Failure::new(
                            ErrorCode::TimedOut,
                            format!(
                                "the agent at {} does not take connections",
                                shown_path(&self.socket)
                            ),
                        )
                        .hint(
                            "it may be stopped or stuck: end it and try again, or use --no-agent",
                        ),
                    ));
                }
                Err(error) => return Err(failed("connect to", error)),
            }
        }
        self.check_server(&socket, folder)?;
        Ok(UnixStream::from(socket))
    }

    /// An agent started here would not be the one that the socket was mounted from.
    fn nobody_outside(&self) -> ConnectError {
        ConnectError::Failed(
            Failure::new(
                ErrorCode::Unavailable,
                format!(
                    "no agent listens at the mounted socket {}",
                    shown_path(&self.socket)
                ),
            )
            .hint("see whether the agent runs where the socket comes from, and mount it again"),
        )
    }

    fn address(&self, folder: &OwnedFd) -> Result<SocketAddrUnix, ConnectError> {
        let refused = |reason: &str| {
            ConnectError::Failed(Failure::new(
                ErrorCode::Unavailable,
                format!(
                    "could not connect to {}: {reason}",
                    shown_path(&self.socket)
                ),
            ))
        };
        let made = if self.socket.as_os_str().len() <= LONGEST {
            SocketAddrUnix::new(&self.socket)
        } else if cfg!(target_os = "linux") {
            let name = self.socket.file_name().unwrap_or_default();
            SocketAddrUnix::new(in_folder(folder, name))
        } else {
            return Err(refused("the path is too long for a socket"));
        };
        made.map_err(|_| refused("the path is too long for a socket"))
    }

    fn check_server(&self, socket: &OwnedFd, folder: &OwnedFd) -> Result<(), ConnectError> {
        let refused = |reason: String| {
            ConnectError::Failed(
                Failure::new(
                    ErrorCode::Policy,
                    format!(
                        "refused to talk to the agent at {}: {reason}",
                        shown_path(&self.socket)
                    ),
                )
                .hint("only an agent of your own user is asked; see who started that one"),
            )
        };
        let server = peer::of(socket)
            .map_err(|error| refused(format!("its user could not be told: {error}")))?;
        let wanted = if self.foreign {
            let name = self.socket.file_name().unwrap_or_default();
            rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| refused(format!("its owner could not be told: {error}")))?
                .st_uid
        } else {
            self.uid
        };
        if server.uid == wanted {
            Ok(())
        } else {
            Err(refused(format!("it runs as user {}", server.uid)))
        }
    }
}

/// A path through the folder's descriptor: short whatever the folder's own path is.
pub fn in_folder(folder: &impl AsFd, name: &OsStr) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd())).join(name)
}

#[cfg(target_os = "linux")]
fn new_socket() -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
}

#[cfg(not(target_os = "linux"))]
fn new_socket() -> Result<OwnedFd, Errno> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
