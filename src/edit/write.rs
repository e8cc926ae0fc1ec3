//! One change of one file, on a thread that may wait for the disk: find, read, change, replace.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use super::exchange::{Swapped, swap};
use super::folder::{Folder, Leftover, remove_leftovers, temporary_name};
use super::lease::is_being_written;
use super::lines::with_line_ends_of;
use super::read::{self, FILE_SIZE, Unread};
use crate::domain::text::shown;

/// How often a change is made again because another program wrote the file at the same moment.
const ROUNDS: usize = 20;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The file as the user named it.
#[derive(Clone)]
pub(super) struct Place(pub(super) PathBuf);

/// The file behind all links.
pub(super) struct Target {
    pub(super) folder: PathBuf,
    pub(super) folder_exists: bool,
    pub(super) name: OsString,
}

/// Who may read and write the file afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Its owner alone: it may hold a secret. An existing file that is looser is closed too.
    Private,
    /// Everybody may read it, where it is new: a file of a project.
    Shared,
    /// As before, its group too.
    Kept,
}

/// What the file holds, and what it is.
pub(super) struct Content {
    pub(super) text: Zeroizing<String>,
    meta: Metadata,
}

impl Place {
    pub(super) fn fail(&self, code: ErrorCode, why: &str) -> Failure {
        let path = shown(&self.0.to_string_lossy());
        Failure::new(code, format!("cannot change {path}: {why}"))
    }

    /// An error of the operating system, in our words.
    pub(super) fn io(&self, doing: &str, error: &io::Error) -> Failure {
        let (why, hint) = match error.kind() {
            io::ErrorKind::PermissionDenied => (
                "permission denied",
                "see who owns the file and its folder, and their modes",
            ),
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => (
                "there is no space left for it",
                "free some space and try again; the old file is untouched",
            ),
            io::ErrorKind::ReadOnlyFilesystem => (
                "its file system is read-only",
                "mount it for writing, or name another configuration folder",
            ),
            io::ErrorKind::NotADirectory => (
                "a part of its path is a file",
                "see the path of the configuration folder",
            ),
            _ if is_broken_disk(error) => (
                "an input/output error of its disk",
                "see the state of the disk, for instance with `dmesg`",
            ),
            _ if is_loop(error) => ("its links lead in a circle", "remove the link"),
            _ => {
                let why = format!("{doing}: {}", error.kind());
                return self.fail(ErrorCode::Unavailable, &why);
            }
        };
        self.fail(ErrorCode::Unavailable, why).hint(hint)
    }

    /// Follows links to the real file: a link into a folder of dot files stays a link.
    pub(super) fn target(&self) -> Result<Target, Failure> {
        let no_name = || self.fail(ErrorCode::Usage, "it is not the path of a file");
        let real = match std::fs::canonicalize(&self.0) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if std::fs::symlink_metadata(&self.0).is_ok() {
                    return Err(self
                        .fail(
                            ErrorCode::Unavailable,
                            "it is a link to a file that is gone",
                        )
                        .hint("remove the link, or put its file back"));
                }
                let name = self.0.file_name().ok_or_else(no_name)?.to_owned();
                let parent = match self.0.parent() {
                    Some(parent) if parent != Path::new("") => parent,
                    _ => Path::new("."),
                };
                return match std::fs::canonicalize(parent) {
                    Ok(folder) => Ok(Target {
                        folder,
                        folder_exists: true,
                        name,
                    }),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Target {
                        folder: parent.to_owned(),
                        folder_exists: false,
                        name,
                    }),
                    Err(error) => Err(self.io("cannot find its folder", &error)),
                };
            }
            Err(error) => return Err(self.io("cannot follow its path", &error)),
        };
        let name = real.file_name().ok_or_else(no_name)?.to_owned();
        let folder = real.parent().ok_or_else(no_name)?.to_owned();
        Ok(Target {
            folder,
            folder_exists: true,
            name,
        })
    }

    /// Creates the folder (0700), unless the change would leave an empty text empty; then its
    /// result comes back.
    pub(super) fn create_folder_for<T>(
        &self,
        folder: &Path,
        change: &mut impl FnMut(&str) -> Result<(T, Zeroizing<String>), Failure>,
    ) -> Result<Option<T>, Failure> {
        let (result, text) = change("").map_err(|failure| self.of_change(failure))?;
        if text.is_empty() {
            return Ok(Some(result));
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(folder) {
            Ok(()) => Ok(None),
            Err(error) => Err(self.io("cannot create its folder", &error)),
        }
    }

    fn of_change(&self, failure: Failure) -> Failure {
        let message = self.fail(failure.code, &failure.message).message;
        Failure { message, ..failure }
    }

    /// The whole change, under the lock.
    pub(super) fn run<T>(
        &self,
        folder: &Folder,
        name: &OsStr,
        mode: Mode,
        given_up: &AtomicBool,
        mut change: impl FnMut(&str) -> Result<(T, Zeroizing<String>), Failure>,
    ) -> Result<(T, bool), Failure> {
        remove_leftovers(folder);
        for _ in 0..ROUNDS {
            let old = self.read(folder, name)?;
            let text = old.as_ref().map_or("", |old| old.text.as_str());
            let (mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
                Some(text) => (BYTE_ORDER_MARK, text),
                None => ("", text),
            };
            let plain = Zeroizing::new(text.replace("\r\n", "\n"));
            let (result, after) = change(&plain).map_err(|failure| self.of_change(failure))?;
            if *plain == *after {
                if let Some(old) = &old {
                    self.tighten(folder, name, &old.meta, mode)?;
                }
                return Ok((result, false));
            }
            let mut new = Zeroizing::new(String::with_capacity(after.len() * 2 + mark.len()));
            new.push_str(mark);
            with_line_ends_of(text, &after, &mut new);
            if new.len() as u64 > FILE_SIZE {
                return Err(self.fail(ErrorCode::Usage, "it would be larger than 4 MiB"));
            }
            if self.replace(folder, name, old.as_ref(), &new, mode, given_up)? {
                return Ok((result, true));
            }
        }
        Err(self
            .fail(ErrorCode::Unavailable, "another program keeps writing it")
            .hint("end the other program and try again"))
    }

    /// Reads the file if it is one that we may replace.
    pub(super) fn read(&self, folder: &Folder, name: &OsStr) -> Result<Option<Content>, Failure> {
        let file = match folder.open_file(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io("cannot open it", &error)),
            Ok(file) => file,
        };
        let unread = |unread| match unread {
            Unread::Io(doing, error) => self.io(doing, &error),
            Unread::Malformed(why) => self.fail(ErrorCode::Malformed, &why),
        };
        let (meta, text) = read::text(file, |meta| self.check_owner(meta), unread)?;
        Ok(Some(Content { text, meta }))
    }

    /// A file of somebody else would become ours by the rename, and a read-only one writable.
    #[cfg(unix)]
    pub(super) fn check_owner(&self, meta: &Metadata) -> Result<(), Failure> {
        use std::os::unix::fs::MetadataExt;
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(self
                .fail(ErrorCode::Policy, "it belongs to another user")
                .hint("run this as the user who owns it"));
        }
        if meta.mode() & 0o200 == 0 {
            return Err(self
                .fail(ErrorCode::Policy, "it is read-only")
                .hint("make it writable with `chmod u+w` if it should change"));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(super) fn check_owner(&self, meta: &Metadata) -> Result<(), Failure> {
        if meta.permissions().readonly() {
            return Err(self.fail(ErrorCode::Policy, "it is read-only"));
        }
        Ok(())
    }

    /// Closes a file that may hold secrets and that others can read, although its text stays.
    #[cfg(unix)]
    fn tighten(
        &self,
        folder: &Folder,
        name: &OsStr,
        meta: &Metadata,
        mode: Mode,
    ) -> Result<(), Failure> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let wanted = final_mode(Some(meta), mode);
        if meta.mode() & 0o7777 == wanted {
            return Ok(());
        }
        folder
            .open_file(name)
            .and_then(|file| file.set_permissions(std::fs::Permissions::from_mode(wanted)))
            .map_err(|error| self.io("cannot close it to others", &error))
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the same signature as where files have modes"
    )]
    fn tighten(&self, _: &Folder, _: &OsStr, _: &Metadata, _: Mode) -> Result<(), Failure> {
        Ok(())
    }

    /// Puts the new text in the place of the old; false if another program wrote in between.
    pub(super) fn replace(
        &self,
        folder: &Folder,
        name: &OsStr,
        old: Option<&Content>,
        new: &str,
        mode: Mode,
        given_up: &AtomicBool,
    ) -> Result<bool, Failure> {
        let temporary = temporary_name();
        let mut file = folder
            .create(&temporary)
            .map_err(|error| self.io("cannot create a file beside it", &error))?;
        let mut leftover = Leftover::new(folder, &temporary);
        let written = file
            .write_all(new.as_bytes())
            .and_then(|()| dress(&file, old.map(|old| &old.meta), mode))
            .and_then(|()| file.sync_all());
        written.map_err(|error| self.io("cannot write", &error))?;
        drop(file);
        let now = self.read(folder, name)?;
        if now.as_ref().map(|now| now.text.as_bytes()) != old.map(|old| old.text.as_bytes()) {
            return Ok(false);
        }
        if given_up.load(Ordering::Acquire) {
            return Err(self.fail(ErrorCode::TimedOut, "nobody waits for it any more"));
        }
        let text = |name: &OsStr| {
            let written = folder
                .open_file(name)
                .is_ok_and(|file| is_being_written(&file));
            (!written).then(|| Some(self.read(folder, name).ok()??.text))?
        };
        let swapped = swap(
            folder,
            &temporary,
            name,
            old.map(|old| old.text.as_str()),
            new,
            text,
        );
        match swapped.map_err(|error| self.io("cannot replace it", &error))? {
            Swapped::Done => {}
            Swapped::Foreign => return Ok(false),
            Swapped::Stuck => {
                leftover.forget();
                let theirs = shown(&temporary.to_string_lossy());
                let why = format!("what another program wrote meanwhile is in {theirs} beside it");
                return Err(self
                    .fail(ErrorCode::Unavailable, &why)
                    .hint("copy it back before the next change, which removes it"));
            }
        }
        // What it held before; nothing where it was new.
        drop(leftover);
        folder
            .sync()
            .map_err(|error| self.io("it was written, but cannot be synced", &error))?;
        Ok(true)
    }
}

/// An old file keeps its own mode, but nothing beyond the owner's bits where it may hold secrets
/// (Poetry leaves a 0644 `auth.toml` as it is).
#[cfg(unix)]
fn final_mode(old: Option<&Metadata>, mode: Mode) -> u32 {
    use std::os::unix::fs::MetadataExt;
    match (old.map(MetadataExt::mode), mode) {
        (None, Mode::Private) => 0o600,
        (None, Mode::Shared | Mode::Kept) => 0o644,
        (Some(old), Mode::Private) => old & 0o700,
        (Some(old), Mode::Shared) => old & 0o777,
        (Some(old), Mode::Kept) => old & 0o7777,
    }
}

/// Makes the new file what the old one was, as far as that is wanted.
#[cfg(unix)]
fn dress(file: &std::fs::File, old: Option<&Metadata>, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    if let (Some(old), Mode::Kept) = (old, mode)
        && file.metadata()?.gid() != old.gid()
    {
        fchown(file, None, Some(old.gid()))?;
    }
    file.set_permissions(std::fs::Permissions::from_mode(final_mode(old, mode)))
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature as where files have modes"
)]
fn dress(_: &std::fs::File, _: Option<&Metadata>, _: Mode) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

/// The standard library has no word for it.
#[cfg(unix)]
fn is_broken_disk(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EIO)
}

#[cfg(not(unix))]
fn is_broken_disk(_: &io::Error) -> bool {
    false
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}
