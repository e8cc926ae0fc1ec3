//! Identity tokens that a program of the CI system hands out.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Secret, limits};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::identity_token;

pub(super) use credential_helper_protocol::program::on_path as find;

/// How long it may take: it asks a server.
const TIME: Duration = Duration::from_secs(20);

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
