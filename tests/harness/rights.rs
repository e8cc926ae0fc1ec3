//! What this process may do here, tried out. To be root does not say it: the root of a container or of
//! a user namespace has fewer rights.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::keyring::NOBODY;
use super::sandbox::is_root;

/// Set in the child that others try to look into.
const CLOSED: &str = "CREDENTIAL_HELPER_TEST_CLOSED";

/// Whether a process of ours can become another user, and give files to them.
pub fn can_be_another() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        if !is_root() {
            return false;
        }
        let ids = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
        let mut becomes = Command::new("setpriv");
        becomes.args(ids).args(["--clear-groups", "--", "true"]);
        let becomes = becomes.stderr(Stdio::null()).status();
        let file = tempfile::NamedTempFile::new().unwrap();
        becomes.is_ok_and(|status| status.success())
            && std::os::unix::fs::chown(file.path(), Some(NOBODY), Some(NOBODY)).is_ok()
    })
}

/// Whether we can read what modes forbid.
pub fn reads_everything() -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    let none = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(file.path(), none).unwrap();
    std::fs::File::open(file.path()).is_ok()
}

/// Whether we can look into a process that has closed itself (`PR_SET_DUMPABLE`, `proc(5)`): tried with
/// one that is not the agent.
pub fn looks_into_closed() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "harness::rights::a_closed_process"])
            .args(["--nocapture", "--test-threads=1"])
            .env(CLOSED, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut said, mut bytes) = (Vec::new(), [0; 64]);
        let mut output = child.stdout.take().unwrap();
        while !String::from_utf8_lossy(&said).contains(CLOSED) {
            let count = output.read(&mut bytes).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&said));
            said.extend_from_slice(&bytes[..count]);
        }
        let folder = format!("/proc/{}", child.id());
        let can = std::fs::File::open(format!("{folder}/mem")).is_ok()
            && std::fs::read(format!("{folder}/environ")).is_ok()
            && std::fs::read_dir(format!("{folder}/fd")).is_ok();
        drop(child.stdin.take());
        child.wait().unwrap();
        can
    })
}

/// The child of [`looks_into_closed`]; among the other tests it shows nothing.
#[test]
fn a_closed_process() {
    if std::env::var_os(CLOSED).is_none() {
        return;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap();
    // Past what a test harness keeps.
    std::io::Write::write_all(&mut std::io::stdout(), CLOSED.as_bytes()).unwrap();
    std::io::Write::flush(&mut std::io::stdout()).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "it waits for the end of what holds nothing"
    )]
    let mut input = std::io::stdin();
    let _ = input.read_to_end(&mut Vec::new());
}
