//! The agent's place: a folder of our own, a lock that is held for life, and a socket that is
//! replaced and removed only under that lock.
//!
//! Everything happens relative to the opened folder, so that nobody can put another one in its
//! place between a check and the use (design 4.4).

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, fstat, mkdirat, open, openat, statat};
use rustix::io::Errno;

/// Why this process does not become the agent.
#[derive(Debug)]
pub enum StartFailure {
    /// Another agent is there and answers.
    AlreadyRunning,
    /// It cannot be done.
    Failed(Failure),
}

impl From<Failure> for StartFailure {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The right to be the agent at a path: the lock.
pub struct Claim {
    path: PathBuf,
    folder: OwnedFd,
    name: OsString,
    lock: File,
}

/// A listening socket that is ours.
pub struct Running {
    claim: Claim,
    device: u64,
    inode: u64,
}

impl Claim {
    /// Takes the lock beside the socket's path; its folder is created where it is missing.
    /// `None` where another process holds it.
    ///
    /// # Errors
    /// Where the folder is not ours alone, or the lock cannot be had for another reason.
    pub fn take(path: &Path) -> Result<Option<Self>, Failure> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Failure::new(
                ErrorCode::Usage,
                format!("cannot listen on {}: it names no file", path.display()),
            ));
        };
        if !path.is_absolute() {
            return Err(Failure::new(
                ErrorCode::Usage,
                format!(
                    "cannot listen on {}: the path is not absolute",
                    path.display()
                ),
            ));
        }
        let folder = own_folder(parent)?;
        let lock_name = Path::new(name).with_extension("lock");
        let lock = open_lock(&folder, &lock_name).map_err(|error| {
            failed("open the lock", &parent.join(&lock_name), &error)
                .hint("remove it if it is not a file of yours")
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self {
                path: path.to_owned(),
                folder,
                name: name.to_owned(),
                lock,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(failed("lock", &parent.join(&lock_name), &error)
                    .hint("set CREDENTIAL_HELPER_SOCKET to a path on a local file system"))
            }
        }
    }

    /// Listens under another name, then takes the path's place: whoever finds the path finds a
    /// socket that already listens, and a stale one is never missing in between.
    ///
    /// # Errors
    /// Where something else than a socket is at the path, or the system refuses.
    pub fn listen(self) -> Result<(Running, UnixListener), Failure> {
        let fail = |error: io::Error| failed("listen on", &self.path, &error);
        match statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Socket => {}
            Ok(_) => {
                return Err(Failure::new(
                    ErrorCode::Unavailable,
                    format!("cannot listen on {}: it is no socket", self.path.display()),
                )
                .hint("remove it, or set CREDENTIAL_HELPER_SOCKET to another path"));
            }
            Err(error) => return Err(fail(error.into())),
        }
        // The name can be fixed: only who holds the lock uses it, so what is there is left over.
        let mut new = self.name.clone();
        new.push(".new");
        let _ = rustix::fs::unlinkat(&self.folder, &new, AtFlags::empty());
        let listener = bind(&self.folder, &new, &self.path).map_err(fail)?;
        let placed = rustix::fs::chmodat(
            &self.folder,
            &new,
            Mode::RUSR | Mode::WUSR,
            AtFlags::empty(),
        )
        .and_then(|()| statat(&self.folder, &new, AtFlags::SYMLINK_NOFOLLOW))
        .and_then(|stat| {
            rustix::fs::renameat(&self.folder, &new, &self.folder, &self.name)?;
            Ok(stat)
        });
        match placed {
            Ok(stat) => {
                let (device, inode) = identity(&stat);
                let running = Running {
                    claim: self,
                    device,
                    inode,
                };
                Ok((running, listener))
            }
            Err(error) => {
                let _ = rustix::fs::unlinkat(&self.folder, &new, AtFlags::empty());
                Err(fail(error.into()))
            }
        }
    }
}

impl Running {
    /// Whether the path still leads to our socket. "Cannot be told" is not "no": an agent does
    /// not leave for that.
    pub fn is_ours(&self) -> bool {
        match rustix::fs::lstat(&self.claim.path) {
            Ok(stat) => identity(&stat) == (self.device, self.inode),
            Err(Errno::NOENT | Errno::NOTDIR) => false,
            Err(_) => true,
        }
    }

    /// Lets every user connect who gets to the socket: by the opened folder, because another one may
    /// stand at its path by now.
    ///
    /// # Errors
    /// The system's.
    pub fn open_to_others(&self) -> io::Result<()> {
        let Claim { folder, name, .. } = &self.claim;
        let everybody = Mode::from_raw_mode(0o666);
        rustix::fs::chmodat(folder, name, everybody, AtFlags::empty())?;
        Ok(())
    }

    /// Removes the socket if it is ours, then gives up the lock, so that the next agent can start
    /// while this one still finishes what it has begun.
    pub fn leave(self) {
        let Claim {
            folder, name, lock, ..
        } = self.claim;
        let found = statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|stat| identity(&stat) == (self.device, self.inode)) {
            let _ = rustix::fs::unlinkat(&folder, &name, AtFlags::empty());
        }
        drop(lock);
    }
}

/// Whether an agent of this user answers at the path.
pub fn answers(path: &Path) -> bool {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return false;
    };
    let Ok(folder) = open(parent, FOLDER | OFlags::NOFOLLOW, Mode::empty()) else {
        return false;
    };
    UnixStream::connect(beside(&folder, name, path)).is_ok()
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::RDONLY)
    .union(OFlags::CLOEXEC);

/// Opens the folder, creating what is missing of the way to it; the last part must be a folder of
/// ours that nobody else may enter, and no link.
fn own_folder(path: &Path) -> Result<OwnedFd, Failure> {
    let folder = open_or_create(path).map_err(|error| {
        failed("open the folder", path, &error.into())
            .hint("a folder of yours that is no link, with mode 0700, is needed")
    })?;
    let stat = fstat(&folder).map_err(|error| failed("check the folder", path, &error.into()))?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(unsafe_folder(path, "it belongs to another user")
            .hint("set CREDENTIAL_HELPER_SOCKET to a path in a folder of yours"));
    }
    if stat.st_mode & 0o077 != 0 {
        return Err(unsafe_folder(path, "other users may enter it")
            .hint(format!("run `chmod 700 {}`", path.display())));
    }
    Ok(folder)
}

fn open_or_create(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = FOLDER | OFlags::NOFOLLOW;
    match open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) => {}
        other => return other,
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::NOENT);
    };
    // Further up a link may be the user's own doing (a home folder on another disk).
    let above = match open(parent, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => open_or_create(parent)?,
        other => other?,
    };
    match mkdirat(&above, name, Mode::RWXU) {
        Ok(()) => {
            let made = openat(&above, name, flags, Mode::empty())?;
            // Whatever the umask says.
            fchmod(&made, Mode::RWXU)?;
            Ok(made)
        }
        Err(Errno::EXIST) => openat(&above, name, flags, Mode::empty()),
        Err(error) => Err(error),
    }
}

fn open_lock(folder: &OwnedFd, name: &Path) -> io::Result<File> {
    let flags =
        OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let lock = openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?;
    let stat = fstat(&lock)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(File::from(lock))
}

fn bind(folder: &OwnedFd, name: &OsStr, path: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(beside(folder, name, path))
}

/// A path to a name in the opened folder itself. It is short, too: a socket's address has room
/// for 107 bytes only (`unix(7)`).
fn beside(folder: &OwnedFd, name: &OsStr, path: &Path) -> PathBuf {
    if cfg!(target_os = "linux") {
        let link = PathBuf::from(format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&folder.as_fd())
        ));
        // Without /proc (a bare chroot) the path itself has to do.
        if link.exists() {
            return link.join(name);
        }
    }
    path.with_file_name(name)
}

#[cfg_attr(
    target_os = "macos",
    expect(clippy::cast_sign_loss, reason = "a device is a signed number there")
)]
#[allow(
    clippy::unnecessary_cast,
    reason = "the types of these fields differ between systems"
)]
fn identity(stat: &rustix::fs::Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let reason = error.kind().to_string();
    Failure::new(
        ErrorCode::Unavailable,
        format!("cannot {what} {}: {reason}", path.display()),
    )
}

fn unsafe_folder(path: &Path, why: &str) -> Failure {
    Failure::new(
        ErrorCode::Policy,
        format!("cannot use the folder {}: {why}", path.display()),
    )
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
