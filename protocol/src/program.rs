//! Where the agent's program is.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use crate::code::{ErrorCode, Failure};
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{EXE_SUFFIX, PROGRAM, program_from};

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
