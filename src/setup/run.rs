//! Programs that are asked or told something, with a limit on their time.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure};

/// How long a program may take: a Python that starts on a cold disk.
const TIME: Duration = Duration::from_secs(20);

/// Runs a program to its end, without standard input.
///
/// # Errors
/// Where it cannot be run or does not end.
pub(super) async fn output(
    program: &Path,
    arguments: &[&OsStr],
    what: &str,
) -> Result<Output, Failure> {
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let failed = |code, why: &str| {
        Failure::new(
            code,
            format!("could not {what} with {}: {why}", program.display()),
        )
    };
    match tokio::time::timeout(TIME, command.output()).await {
        Err(_) => Err(failed(ErrorCode::TimedOut, "it did not end within 20 s")),
        Ok(Err(error)) => Err(failed(ErrorCode::Unavailable, &error.kind().to_string())),
        Ok(Ok(output)) => Ok(output),
    }
}
