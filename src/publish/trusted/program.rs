//! Identity tokens that a program of the CI system hands out.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Secret, limits};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::identity_token;

/// How long it may take: it asks a server.
const TIME: Duration = Duration::from_secs(20);

/// A program by its name, in the folders that the job's PATH names. One that is relative would be a
/// folder of whatever project the job stands in.
pub(super) fn find(name: &str, path: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(OsStr::new(path))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|program| is_program(program))
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

/// What the program prints. Its environment is the job's, from which it knows whom to ask; what it
/// complains of is not shown: it may hold what it was given.
pub(super) async fn token(program: &Path, arguments: &[&str]) -> Result<Secret, Failure> {
    let name = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let failed = |code, why: String| {
        let message = format!("asking {name} for an identity token failed: {why}");
        Failure::new(code, message).hint("run it in the job to see what it says")
    };
    let cannot = |error: &std::io::Error| failed(ErrorCode::Unavailable, error.kind().to_string());
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot(&error))?;
    // Of its whole size at once: a buffer that grows would leave pieces behind.
    let mut printed = Zeroizing::new(Vec::with_capacity(limits::SECRET + 64));
    let stdout = child.stdout.take();
    let whole = async {
        if let Some(stdout) = stdout {
            let most = limits::SECRET as u64 + 63;
            stdout.take(most).read_to_end(&mut printed).await?;
        }
        child.wait().await
    };
    let ended = tokio::time::timeout(TIME, whole).await.map_err(|_| {
        let why = format!("no answer within {} s", TIME.as_secs());
        failed(ErrorCode::TimedOut, why)
    })?;
    let status = ended.map_err(|error| cannot(&error))?;
    if !status.success() {
        let why = status.code().map_or_else(
            || "it was ended by a signal".to_owned(),
            |code| format!("it ended with status {code}"),
        );
        return Err(failed(ErrorCode::Unavailable, why));
    }
    identity_token(&printed, &name)
}
