//! Puts a new text in the place of a file's old one, only where the file still holds what was read.

use std::fs::{File, TryLockError};
use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};

use super::read::Text;
use crate::domain::text::shown_path;
use crate::edit;

/// Replaces the text of a file.
///
/// # Errors
/// Where it cannot be done, or the file has changed; the file is then as it was.
pub(super) fn replace(old: &Text, new: &str) -> Result<(), Failure> {
    let _uv = lock_of_uv(&old.path)?;
    edit::swap(&old.path, &old.text, new)
}

/// uv locks a file beside its store while it changes that.
fn lock_of_uv(path: &Path) -> Result<Option<File>, Failure> {
    // Links are followed as the change follows them, which also says why it cannot.
    let Ok(real) = std::fs::canonicalize(path) else {
        return Ok(None);
    };
    let lock = real.with_added_extension("lock");
    if !real.ends_with("credentials.toml") || !lock.exists() {
        return Ok(None);
    }
    let fail = |why: &str| {
        let message = format!("cannot change {}: {why}", shown_path(path));
        Failure::new(ErrorCode::Unavailable, message)
    };
    let file =
        File::open(&lock).map_err(|error| fail(&format!("cannot lock it: {}", error.kind())))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(fail("another program is changing it")
                .hint("try again when that program has ended"))
        }
        // Some file systems have no such locks; what another program writes is noticed all the same.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
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
