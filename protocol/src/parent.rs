//! The process that started this one, as the kernel tells it (rule 3.9): a bridge is a new process
//! for each question, its parent is the tool that asks them all.

use crate::message::Process;

/// The parent, known by its id and start; `None` where the system does not tell both.
#[cfg(target_os = "linux")]
pub fn parent() -> Option<Process> {
    use std::io::Read as _;
    let pid = u32::try_from(rustix::process::getppid()?.as_raw_nonzero().get()).ok()?;
    // One read gives the whole line: it is below a kilobyte.
    let mut line = [0; 1024];
    let mut file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let length = file.read(&mut line).ok()?;
    let start = start_time(line.get(..length)?)?;
    Some(Process { pid, start })
}

/// The parent, known by its id and start; `None` where the system does not tell both.
#[cfg(not(target_os = "linux"))]
pub fn parent() -> Option<Process> {
    None
}

/// Field 22 of `/proc/PID/stat` (`proc_pid_stat(5)`). The name in field 2 may hold anything, so fields
/// are counted from its last bracket.
#[cfg(target_os = "linux")]
fn start_time(line: &[u8]) -> Option<u64> {
    let after = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(after + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{parent, start_time};

    #[test]
    fn the_start_stands_after_any_name() {
        let line = b"7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9";
        assert_eq!(start_time(line), Some(4242));
        assert_eq!(start_time(b"7 (a"), None);
    }

    #[test]
    fn a_test_has_a_parent() {
        let found = parent().unwrap();
        assert!(found.pid > 0 && found.start > 0);
        assert_eq!(parent(), Some(found));
    }
}
