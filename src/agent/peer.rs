//! Who is at the other end of a connection, as the kernel tells it.

use std::cell::OnceCell;
use std::io;

use credential_helper_protocol::Process;
use tokio::net::UnixStream;

/// The process at the other end, as it was when it connected.
#[derive(Debug)]
pub struct Peer {
    /// Its effective user.
    pub uid: u32,
    /// Its process; 0 where the kernel does not tell (another pid namespace).
    pub pid: u32,
    /// The connection's serial number: no two connections of one agent have the same.
    pub connection: u64,
    process: OnceCell<Option<Process>>,
}

impl Peer {
    /// Asks the kernel.
    pub(crate) fn of(stream: &UnixStream, connection: u64) -> io::Result<Self> {
        let known = stream.peer_cred()?;
        let pid = known.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok(Self::new(known.uid(), pid.unwrap_or(0), connection))
    }

    /// A peer whose identity is known already.
    pub fn new(uid: u32, pid: u32, connection: u64) -> Self {
        Self {
            uid,
            pid,
            connection,
            process: OnceCell::new(),
        }
    }

    /// The process with its start time, so that a later one with the same pid is another.
    ///
    /// Looked up when first asked for: few requests need it, and it costs more than all the rest
    /// of an answer that is kept.
    pub fn process(&self) -> Option<Process> {
        *self.process.get_or_init(|| {
            let start = started(self.pid)?;
            Some(Process {
                pid: self.pid,
                start,
            })
        })
    }
}

/// When a process started, in clock ticks since boot: field 22 of `/proc/PID/stat` (`proc(5)`).
#[cfg(target_os = "linux")]
pub fn started(pid: u32) -> Option<u64> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    start_field(&text)
}

/// Nothing here tells it.
#[cfg(not(target_os = "linux"))]
pub fn started(_pid: u32) -> Option<u64> {
    None
}

/// The second field is the program's name in parentheses, which may hold spaces and parentheses
/// itself: counting begins behind the last one.
#[cfg(target_os = "linux")]
fn start_field(stat: &[u8]) -> Option<u64> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::{Peer, start_field, started};

    #[test]
    fn names_do_not_shift_the_fields() {
        let line = b"7 (a) 1 2) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        assert_eq!(start_field(line), Some(4711));
        assert_eq!(start_field(b"7 (a"), None);
        assert_eq!(start_field(b"7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_a_start() {
        let here = Peer::new(0, std::process::id(), 1);
        assert_eq!(here.process().unwrap().start, started(here.pid).unwrap());
        assert!(Peer::new(0, 0, 1).process().is_none());
    }
}
