//! System calls that fail, or kill, at a point that we choose.

use std::process::{Command, Stdio};

use super::has;
use crate::harness::rights::looks_into_closed;
use crate::harness::sandbox::Sandbox;

/// `strace` before a program, with one injection (`fsync:signal=KILL:when=2`).
pub(super) fn strace(sandbox: &Sandbox, injection: &str) -> Command {
    let calls = injection.split(':').next().unwrap_or_default();
    let mut command = sandbox.command("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
    command.arg(format!("trace={calls}"));
    command.arg("-e").arg(format!("inject={injection}"));
    command
}

/// The same for an agent, which makes these calls at its start too: only in the folder of
/// `auth.toml`. `None` where that cannot be told apart: not everybody may look at what an agent
/// has open.
pub(super) fn strace_in_folder(sandbox: &Sandbox, injection: &str) -> Option<Command> {
    let mut command = strace(sandbox, injection);
    if ["renameat2:", "unlinkat:", "flock:"]
        .iter()
        .any(|call| injection.starts_with(call))
    {
        if !looks_into_closed() {
            return None;
        }
        command.arg("-P").arg(sandbox.path("home/.config/pypoetry"));
    }
    Some(command)
}

/// Whether programs may be traced here; a line says so where they may not.
pub(super) fn can_trace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "true"]);
    let can = has("strace") && command.stderr(Stdio::null()).status().unwrap().success();
    if !can {
        eprintln!("programs may not be traced here: this part is not tested");
    }
    can
}
