//! Links to the helper, by whose names it is chosen as a bridge.

use std::io;
use std::path::Path;

use credential_helper_protocol::program::PROGRAM;
use credential_helper_protocol::{ErrorCode, Failure};

use super::apply::{Look, Undone, missing_folders};
use super::change::Made;

fn fail(path: &Path, why: &str) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!("cannot make the link {}: {why}", path.display()),
    )
}

pub(super) fn look(path: &Path, target: &Path) -> Result<Look, Failure> {
    let made = Made {
        folders: missing_folders(path),
        ..Made::default()
    };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Look::Needed(made)),
        Err(error) => Err(fail(path, &error.kind().to_string())),
        Ok(meta) if !meta.is_symlink() => Ok(Look::Taken("it is a file".to_owned())),
        Ok(_) => {
            let now =
                std::fs::read_link(path).map_err(|error| fail(path, &error.kind().to_string()))?;
            Ok(if now == target {
                Look::Already
            } else if is_ours(&now) {
                // Of a helper that was somewhere else.
                Look::Needed(made)
            } else {
                Look::Taken(format!("it leads to {}", now.display()))
            })
        }
    }
}

fn is_ours(target: &Path) -> bool {
    let name = target.file_name().and_then(|name| name.to_str());
    name == Some("helper") || name == Some(PROGRAM)
}

#[cfg(unix)]
pub(super) fn make(path: &Path, target: &Path) -> Result<(), Failure> {
    let failed = |error: &io::Error| fail(path, &error.kind().to_string());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(fail(path, "it is not the path of a link"));
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    // By a rename: whoever looks sees the old link or the new one.
    let mut temporary = std::ffi::OsString::from(".credential-helper-");
    temporary.push(name);
    let temporary = folder.join(temporary);
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    std::os::unix::fs::symlink(target, &temporary)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|error| failed(&error))
}

#[cfg(not(unix))]
pub(super) fn make(path: &Path, _: &Path) -> Result<(), Failure> {
    Err(fail(path, "bridges are not set up on this system yet"))
}

pub(super) fn take(path: &Path, target: &Path) -> Result<Undone, Failure> {
    match std::fs::read_link(path) {
        Ok(now) if now == target => {}
        Ok(now) if is_ours(&now) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Undone::Gone),
        _ => return Ok(Undone::Left),
    }
    std::fs::remove_file(path)
        .map(|()| Undone::Taken)
        .map_err(|error| fail(path, &error.kind().to_string()))
}
