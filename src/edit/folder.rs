//! The folder of a file that is being changed: opened once, locked, and then used through its
//! descriptor, so that everything happens in the folder that was locked.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use super::exchange::Names;

/// Where a folder itself cannot be locked (Windows; NFS, which locks only what is open for
/// writing), this file in it is.
const LOCK_FILE: &str = ".credential-helper.lock";
/// The name of a temporary file: this, 16 hexadecimal digits, and [`TEMPORARY_END`].
const TEMPORARY_START: &str = ".credential-helper-";
const TEMPORARY_END: &str = ".tmp";

/// An open folder.
pub(super) struct Folder {
    path: PathBuf,
    #[cfg(unix)]
    handle: File,
    lock: Option<File>,
}

impl Folder {
    /// Opens a folder that exists.
    #[cfg(unix)]
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let handle = File::options()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(&path)?;
        Ok(Self {
            path,
            handle,
            lock: None,
        })
    }

    /// Opens a folder that exists.
    #[cfg(not(unix))]
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        if !std::fs::metadata(&path)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path, lock: None })
    }

    /// Takes the lock if nobody else holds it; it is held until the folder is dropped. A folder's
    /// own descriptor leaves no file behind, and ends with its process however that ends.
    pub(super) fn try_lock(&mut self) -> io::Result<bool> {
        #[cfg(unix)]
        match self.handle.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) if !cannot_lock_folders(&error) => return Err(error),
            Err(TryLockError::Error(_)) => {}
        }
        self.try_lock_file()
    }

    fn try_lock_file(&mut self) -> io::Result<bool> {
        let file = match self.lock.take() {
            Some(file) => file,
            None => lock_file(&self.path)?,
        };
        let got = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        self.lock = Some(file);
        Ok(got)
    }
}

/// NFS turns flock into a lock that needs a descriptor open for writing, which no folder has
/// (flock(2), "NFS details"); some file systems have no locks at all on folders.
#[cfg(unix)]
fn cannot_lock_folders(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EBADF | libc::EINVAL | libc::EOPNOTSUPP | libc::ENOLCK | libc::EISDIR)
    )
}

fn lock_file(folder: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    }
    options.open(folder.join(LOCK_FILE))
}

#[cfg(unix)]
impl Folder {
    /// Opens a file of the folder for reading: no link is followed, a FIFO is not waited for.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.handle, name, flags, Mode::empty())?;
        Ok(file.into())
    }

    /// Creates a file that nobody else can read and that was not there before.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags};
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.handle, name, flags, mode)?;
        Ok(file.into())
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        let flags = rustix::fs::AtFlags::empty();
        Ok(rustix::fs::unlinkat(&self.handle, name, flags)?)
    }

    /// The names in the folder.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        use std::os::unix::ffi::OsStrExt;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.handle)? {
            names.push(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned());
        }
        Ok(names)
    }

    /// Makes a rename last. File systems that cannot sync a folder say so with `EINVAL` or
    /// `ENOTSUP` (fsync(2)): there is nothing more to do on them.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.handle.sync_all() {
            Err(error) if !cannot_lock_folders(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(not(unix))]
impl Folder {
    /// Opens a file of the folder for reading.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    /// Creates a file that was not there before; the profile folder's rights are inherited.
    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        File::options()
            .write(true)
            .create_new(true)
            .open(self.path.join(name))
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    /// The names in the folder.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(&self.path)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    /// Renames are journalled; a folder has no descriptor to sync.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the same signature as where folders can be synced"
    )]
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Names for Folder {
    #[cfg(unix)]
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    #[cfg(not(unix))]
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    #[cfg(target_os = "linux")]
    fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.rename_with(from, to, rustix::fs::RenameFlags::NOREPLACE)
    }

    #[cfg(not(target_os = "linux"))]
    fn rename_new(&self, _: &OsStr, _: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(target_os = "linux")]
    fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()> {
        self.rename_with(one, other, rustix::fs::RenameFlags::EXCHANGE)
    }

    #[cfg(not(target_os = "linux"))]
    fn exchange(&self, _: &OsStr, _: &OsStr) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(target_os = "linux")]
impl Folder {
    fn rename_with(
        &self,
        from: &OsStr,
        to: &OsStr,
        flags: rustix::fs::RenameFlags,
    ) -> io::Result<()> {
        let handle = &self.handle;
        Ok(rustix::fs::renameat_with(handle, from, handle, to, flags)?)
    }
}

/// Removes the temporary file when the way to its rename ends early.
pub(super) struct Leftover<'a>(Option<(&'a Folder, &'a OsStr)>);

impl<'a> Leftover<'a> {
    /// Of this file.
    pub(super) fn new(folder: &'a Folder, name: &'a OsStr) -> Self {
        Self(Some((folder, name)))
    }

    /// The file has its place now.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Leftover<'_> {
    fn drop(&mut self) {
        if let Some((folder, name)) = self.0 {
            // Where even this fails, the next edit removes it.
            let _ = folder.remove(name);
        }
    }
}

/// Removes the temporary files of killed runs. Every writer holds the lock as long as its file is
/// there, and so do we: what has our name now belongs to nobody.
pub(super) fn remove_leftovers(folder: &Folder) {
    for name in folder.names().unwrap_or_default() {
        if is_temporary(&name) {
            let _ = folder.remove(&name);
        }
    }
}

fn is_temporary(name: &OsStr) -> bool {
    name.to_str()
        .and_then(|name| name.strip_prefix(TEMPORARY_START))
        .and_then(|name| name.strip_suffix(TEMPORARY_END))
        .is_some_and(|middle| middle.len() == 16 && middle.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A name that nobody has: the random keys of the standard library's maps are what is random. It
/// need not be secret, since the file is only ever created new (`O_EXCL`).
pub(super) fn temporary_name() -> OsString {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{TEMPORARY_START}{random:016x}{TEMPORARY_END}").into()
}

#[cfg(test)]
mod tests {
    use super::{Folder, is_temporary, temporary_name};

    #[test]
    fn one_holder_at_a_time_by_either_lock() {
        let home = tempfile::tempdir().unwrap();
        let open = || Folder::open(home.path().to_owned()).unwrap();
        for lock in [Folder::try_lock, Folder::try_lock_file] {
            let (mut first, mut second) = (open(), open());
            assert!(lock(&mut first).unwrap());
            assert!(!lock(&mut second).unwrap() && !lock(&mut second).unwrap());
            drop(first);
            assert!(lock(&mut second).unwrap());
        }
    }

    #[test]
    fn temporary_names_are_known_again_and_never_the_same() {
        let (one, two) = (temporary_name(), temporary_name());
        assert!(is_temporary(&one) && is_temporary(&two) && one != two);
        assert!(!is_temporary(super::LOCK_FILE.as_ref()));
    }
}
