//! Where the agent's program is.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use crate::code::{ErrorCode, Failure};
use crate::surroundings::RECURSION;
use crate::text::shown;

/// The program that is the agent and all commands but `get`.
pub const PROGRAM: &str = "helperd";

/// The agent's program: beside the running one, then in `../libexec/credential-helper/`; never on
/// the PATH or in the working folder, where somebody else may have put one.
pub fn program() -> Result<PathBuf, Failure> {
    let failed = |reason: String| {
        Failure::new(
            ErrorCode::Unavailable,
            format!("could not find the program {PROGRAM}: {reason}"),
        )
        .hint("install helper and helperd into the same folder")
    };
    let own = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    // A program that has been replaced while it runs has no path any more, but its folder has.
    let resolved = own.canonicalize().unwrap_or(own);
    let folder = resolved
        .parent()
        .ok_or_else(|| failed("the folder of this program is unknown".to_owned()))?;
    program_from(folder).ok_or_else(|| {
        failed(format!(
            "it is neither in {} nor in ../libexec/credential-helper",
            shown(&folder.to_string_lossy())
        ))
    })
}

fn program_from(folder: &Path) -> Option<PathBuf> {
    let name = format!("{PROGRAM}{EXE_SUFFIX}");
    let beside = folder.join(&name);
    if beside.is_file() {
        return Some(beside);
    }
    let libexec = folder
        .parent()?
        .join("libexec/credential-helper")
        .join(name);
    libexec.is_file().then_some(libexec)
}

/// A program by its name, in the folders that a PATH names. One that is relative would be a folder of
/// whatever project somebody stands in: it is passed over.
pub fn on_path(name: &str, path: &(impl AsRef<std::ffi::OsStr> + ?Sized)) -> Option<PathBuf> {
    let name = format!("{name}{EXE_SUFFIX}");
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|program| is_program(program))
}

/// The same on the PATH of this process.
pub fn on_own_path(name: &str) -> Option<PathBuf> {
    on_path(name, &std::env::var_os("PATH")?)
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 > 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// The next program of this name on the PATH that is not this one, nor another of ours: where there
/// can be no agent, the tool gets what it would get without us. Relative folders are passed over.
#[cfg(unix)]
pub fn next_on_path(name: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let identity = |path: &Path| {
        let found = path.metadata().ok()?;
        Some((found.dev(), found.ino()))
    };
    let own: Vec<_> = [std::env::current_exe().ok(), program().ok()]
        .into_iter()
        .flatten()
        .filter_map(|path| identity(&path))
        .collect();
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|candidate| {
            let executable = candidate
                .metadata()
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
            executable
                && identity(candidate).is_some_and(|found| !own.contains(&found))
                // Another installation of ours: its bridges are links to programs of these names.
                && candidate.canonicalize().is_ok_and(|resolved| {
                    resolved
                        .file_name()
                        .is_some_and(|name| name != "helper" && name != PROGRAM)
                })
                && !is_copy_of_ours(candidate)
        })
}

/// Whether a program is a copy of ours under the tool's name: it holds the name of the mark that it
/// would stop at. Scripts are not read, Python's keyring is one.
#[cfg(unix)]
fn is_copy_of_ours(path: &Path) -> bool {
    use std::io::Read as _;
    let mark = RECURSION.as_bytes();
    let search = || -> std::io::Result<bool> {
        let mut file = std::fs::File::open(path)?;
        let mut buffer = vec![0; 64 * 1024];
        let mut filled = 0;
        loop {
            let count = file.read(&mut buffer[filled..])?;
            filled += count;
            let read = &buffer[..filled];
            if count == 0 || read.starts_with(b"#!") {
                return Ok(false);
            }
            if read.windows(mark.len()).any(|part| part == mark) {
                return Ok(true);
            }
            // The mark may stand across two reads.
            let kept = filled.min(mark.len() - 1);
            buffer.copy_within(filled - kept..filled, 0);
            filled = kept;
        }
    };
    search().unwrap_or(false)
}

/// Becomes [`next_on_path`], marked as asked by us; an error where that fails, `None` where there is
/// no such program.
#[cfg(unix)]
pub fn become_next(name: &str, arguments: &[std::ffi::OsString]) -> Option<Failure> {
    use std::os::unix::process::CommandExt as _;
    let next = next_on_path(name, &std::env::var_os("PATH")?)?;
    let error = std::process::Command::new(&next)
        .args(arguments)
        .env(RECURSION, "1")
        .exec();
    Some(Failure::new(
        ErrorCode::Unavailable,
        format!("could not run {}: {error}", shown(&next.to_string_lossy())),
    ))
}

/// No process can become another one here.
#[cfg(not(unix))]
pub fn become_next(_: &str, _: &[std::ffi::OsString]) -> Option<Failure> {
    None
}

/// The answer to a bridge that the agent's own commands start: it would wait for itself.
pub fn asked_from_within() -> Failure {
    Failure::new(
        ErrorCode::NotFound,
        format!("the agent itself asks here ({RECURSION} is set)"),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{EXE_SUFFIX, PROGRAM, program_from};

    #[cfg(unix)]
    #[test]
    fn the_next_one_is_somebody_elses() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        let (ours, other, copied, plain, real) = (
            folder("ours"),
            folder("other"),
            folder("copied"),
            folder("plain"),
            folder("real"),
        );
        symlink(std::env::current_exe().unwrap(), ours.join("keyring")).unwrap();
        fs::write(other.join("helper"), "").unwrap();
        fs::set_permissions(other.join("helper"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink(other.join("helper"), other.join("keyring")).unwrap();
        fs::copy(std::env::current_exe().unwrap(), copied.join("keyring")).unwrap();
        fs::write(plain.join("keyring"), "").unwrap();
        fs::write(real.join("keyring"), "").unwrap();
        fs::set_permissions(real.join("keyring"), fs::Permissions::from_mode(0o755)).unwrap();
        let next = |folders: &[&std::path::Path]| {
            super::next_on_path("keyring", &std::env::join_paths(folders).unwrap())
        };
        let relative = std::path::Path::new("real");
        let found = next(&[&ours, &other, &copied, &plain, relative, &real]);
        assert_eq!(found, Some(real.join("keyring")));
        assert_eq!(next(&[&ours, &other, &copied, &plain]), None);
    }

    #[test]
    fn looks_beside_then_in_libexec() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("bin");
        let libexec = root.path().join("libexec/credential-helper");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(&libexec).unwrap();
        let name = format!("{PROGRAM}{EXE_SUFFIX}");
        assert_eq!(program_from(&folder), None);
        fs::write(libexec.join(&name), "").unwrap();
        assert_eq!(program_from(&folder), Some(libexec.join(&name)));
        fs::write(folder.join(&name), "").unwrap();
        assert_eq!(program_from(&folder), Some(folder.join(name)));
    }
}
