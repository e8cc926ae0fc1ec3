//! Puts a new text in the place of a file's old one: all at once, with the file's own mode, through
//! a link to the real file, and only if the file still holds what was read.

use std::fs::{File, Metadata, TryLockError};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};

use super::path_text;
use super::read::Text;

/// The name of a temporary file: this, 16 hexadecimal digits, and its end; as other changes of the
/// helper's have it.
const TEMPORARY: &str = ".credential-helper-";
const TEMPORARY_END: &str = ".tmp";

fn fail(path: &Path, code: ErrorCode, why: &str) -> Failure {
    Failure::new(code, format!("cannot change {}: {why}", path_text(path)))
}

fn io_failure(path: &Path, doing: &str, error: &io::Error) -> Failure {
    fail(
        path,
        ErrorCode::Unavailable,
        &format!("{doing}: {}", error.kind()),
    )
    .hint("see who owns the file and its folder, and their modes")
}

/// Whether a file may be changed at all, and where it really is.
///
/// # Errors
/// `policy` for a file of somebody else or a read-only one, `unavailable` where it cannot be found.
pub(super) fn check(path: &Path) -> Result<PathBuf, Failure> {
    let real = std::fs::canonicalize(path)
        .map_err(|error| io_failure(path, "cannot follow its path", &error))?;
    let meta =
        std::fs::metadata(&real).map_err(|error| io_failure(path, "cannot look at it", &error))?;
    check_owner(path, &meta)?;
    Ok(real)
}

/// A file of somebody else would become ours by the rename, and a read-only one writable.
#[cfg(unix)]
fn check_owner(path: &Path, meta: &Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(fail(path, ErrorCode::Policy, "it belongs to another user")
            .hint("run this as the user who owns it, or take the secret out by hand"));
    }
    if meta.mode() & 0o200 == 0 {
        return Err(fail(path, ErrorCode::Policy, "it is read-only")
            .hint("make it writable with `chmod u+w` if it should change"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(path: &Path, meta: &Metadata) -> Result<(), Failure> {
    if meta.permissions().readonly() {
        return Err(fail(path, ErrorCode::Policy, "it is read-only"));
    }
    Ok(())
}

/// Replaces the text of a file.
///
/// # Errors
/// Where it cannot be done, or the file has changed; the file is then as it was.
pub(super) fn replace(old: &Text, new: &str) -> Result<(), Failure> {
    let path = &old.path;
    let real = check(path)?;
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(fail(path, ErrorCode::Usage, "it is not the path of a file"));
    };
    // Others of ours lock the folder; uv locks a file beside its store.
    let mut locks = Vec::new();
    #[cfg(unix)]
    locks.push(folder.to_owned());
    let mut beside = name.to_owned();
    beside.push(".lock");
    if name == "credentials.toml" && folder.join(&beside).exists() {
        locks.push(folder.join(&beside));
    }
    let held: Vec<File> = locks
        .iter()
        .map(|lock| take(path, lock))
        .collect::<Result<_, _>>()?;
    remove_leftovers(folder);
    let random = RandomState::new().hash_one(std::process::id());
    let temporary = folder.join(format!("{TEMPORARY}{random:016x}{TEMPORARY_END}"));
    let result = write(path, &real, &temporary, old, new);
    if result.is_err() {
        // It may never have been there.
        let _ = std::fs::remove_file(&temporary);
    }
    drop(held);
    result
}

/// Removes what killed runs have left: whoever writes such a file holds the lock as long as it is
/// there, and so do we.
fn remove_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let middle = name
            .to_str()
            .and_then(|name| name.strip_prefix(TEMPORARY))
            .and_then(|name| name.strip_suffix(TEMPORARY_END));
        if middle
            .is_some_and(|word| word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn take(path: &Path, lock: &Path) -> Result<File, Failure> {
    let file = File::open(lock).map_err(|error| io_failure(path, "cannot lock it", &error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(fail(
            path,
            ErrorCode::Unavailable,
            "another program is changing it",
        )
        .hint("try again when that program has ended")),
        // Some file systems have no such locks; what another program writes is noticed all the same.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn write(path: &Path, real: &Path, temporary: &Path, old: &Text, new: &str) -> Result<(), Failure> {
    let meta =
        std::fs::metadata(real).map_err(|error| io_failure(path, "cannot look at it", &error))?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(temporary)
        .map_err(|error| io_failure(path, "cannot create a file beside it", &error))?;
    let written = file
        .write_all(new.as_bytes())
        .and_then(|()| like(&file, &meta))
        .and_then(|()| file.sync_all());
    written.map_err(|error| io_failure(path, "cannot write", &error))?;
    drop(file);
    let now = Text::read(real).map_err(|why| fail(path, ErrorCode::Unavailable, &why))?;
    if now.is_none_or(|now| *now.text != *old.text) {
        return Err(fail(
            path,
            ErrorCode::Unavailable,
            "another program has changed it meanwhile",
        )
        .hint("run the same again"));
    }
    std::fs::rename(temporary, real)
        .map_err(|error| io_failure(path, "cannot replace it", &error))?;
    #[cfg(unix)]
    if let Some(folder) = real.parent() {
        // Where a folder cannot be synced, there is nothing more to do (fsync(2)).
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Gives a file the group and the mode of the one that it replaces.
#[cfg(unix)]
fn like(file: &File, meta: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    if file.metadata()?.gid() != meta.gid() {
        fchown(file, None, Some(meta.gid()))?;
    }
    file.set_permissions(std::fs::Permissions::from_mode(meta.mode() & 0o7777))
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature as where files have modes"
)]
fn like(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::super::read::Text;
    use super::replace;

    #[test]
    fn the_mode_and_a_link_stay() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        std::fs::write(&real, "old").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real", &link).unwrap();
        std::fs::write(
            home.path().join(".credential-helper-0123456789abcdef.tmp"),
            "x",
        )
        .unwrap();
        let old = Text::read(&link).unwrap().unwrap();
        replace(&old, "new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(std::fs::metadata(&real).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_changed_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("f");
        std::fs::write(&path, "old").unwrap();
        let old = Text::read(&path).unwrap().unwrap();
        std::fs::write(&path, "other").unwrap();
        assert!(
            replace(&old, "new")
                .unwrap_err()
                .message
                .contains("meanwhile")
        );
        let lock = std::fs::File::open(home.path()).unwrap();
        lock.lock().unwrap();
        assert!(
            replace(&old, "new")
                .unwrap_err()
                .message
                .contains("another program")
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(
            replace(&old, "new")
                .unwrap_err()
                .message
                .contains("read-only")
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "other");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
