//! Who can read the agent's memory, and what is left of it when it crashes.

use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use credential_helper_protocol::MemoryState;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use tokio::time::timeout;

use super::Check;
use super::ground::{Ground, Running};
use super::stranger;

/// The ways into the memory of a process, by name.
const WAYS: [(&str, Way); 4] = [
    ("/proc/PID/mem", |pid| open(pid, "mem")),
    ("/proc/PID/environ", |pid| open(pid, "environ")),
    ("process_vm_readv", vm_read),
    ("ptrace", trace),
];

type Way = fn(u32) -> io::Result<()>;

/// Every way into the agent's memory is closed, also to the user whose agent it is.
pub(super) fn memory(agent: &Running, state: Option<&MemoryState>) -> Check {
    const ID: &str = "memory";
    let open: Vec<&str> = WAYS
        .iter()
        .filter(|(_, way)| way(agent.pid).is_ok())
        .map(|(name, _)| *name)
        .collect();
    let dumpable = state.is_none_or(|state| state.dumpable);
    let root = rustix::process::geteuid().is_root();
    if dumpable {
        Check::failed(
            ID,
            "the agent is dumpable: any program of yours can read it",
        )
    } else if open.is_empty() {
        let names: Vec<&str> = WAYS.iter().map(|(name, _)| *name).collect();
        let control = if control() {
            "a shell of yours can be read"
        } else {
            "here no process can be read at all"
        };
        Check::ok(ID, format!("{} are refused; {control}", names.join(", ")))
    } else if root {
        Check::not_here(
            ID,
            "root may always read; run it as an ordinary user (the agent is not dumpable)",
        )
    } else {
        Check::failed(ID, format!("the agent can be read by {}", open.join(", ")))
    }
}

/// Whether the memory of an ordinary process of the user can be read: otherwise it is not the agent
/// that closes it.
fn control() -> bool {
    let child = Command::new("/bin/sh")
        .args(["-c", "echo; read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return false;
    };
    // Until it is the shell it is closed, as this process is: it comes from there.
    let begun = child.stdout.take();
    let begun = begun.is_some_and(|mut said| said.read_exact(&mut [0]).is_ok());
    let read = begun && open(child.id(), "mem").is_ok();
    drop(child.stdin.take());
    let _ = child.wait();
    read
}

fn open(pid: u32, what: &str) -> io::Result<()> {
    let mut file = std::fs::File::open(format!("/proc/{pid}/{what}"))?;
    // Before Linux 6.x some refusals come with the first byte only; the memory's first page is
    // never there.
    match file.read(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

#[expect(unsafe_code, reason = "a system call without a safe form")]
fn vm_read(pid: u32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut byte = 0_u8;
    let local = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    // An address that no process has: whether it may be asked for is checked first.
    let remote = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(1),
        iov_len: 1,
    };
    // SAFETY: `local` describes one live byte; the remote address is only looked at by the kernel.
    let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    let error = io::Error::last_os_error();
    if read < 0 && error.raw_os_error() != Some(libc::EFAULT) {
        return Err(error);
    }
    Ok(())
}

/// In a thread of its own: what is traced is let go when its tracer ends (`ptrace(2)`). `SEIZE`
/// does not stop it.
#[expect(unsafe_code, reason = "a system call without a safe form")]
fn trace(pid: u32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    let seize = move || {
        let none = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: with this request the pointers are not followed.
        let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, none, none) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    let thread = std::thread::Builder::new().spawn(seize)?;
    thread
        .join()
        .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

/// Whether the agent's memory stays out of the swap.
pub(super) fn swap(state: Option<&MemoryState>) -> Check {
    const ID: &str = "swap";
    let Some(state) = state else {
        return Check::failed(ID, "the agent does not say how it is");
    };
    let locked = format!("{} KiB are locked in memory", state.locked_bytes / 1024);
    if state.lock == "all" {
        return Check::ok(ID, format!("{locked}: all"));
    }
    let limit = getrlimit(Resource::Memlock).current.map_or_else(
        || "unlimited".to_owned(),
        |bytes| format!("{} KiB", bytes / 1024),
    );
    Check::not_here(
        ID,
        format!(
            "{locked}, {} of it: the limit is {limit} (`ulimit -l`)",
            state.lock
        ),
    )
}

/// A crash leaves nothing: the limit is 0 and cannot be raised, and an abort makes no core file.
/// Ends the agent.
pub(super) async fn core(ground: &Ground, mut agent: Running) -> Check {
    const ID: &str = "core";
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", agent.pid));
    let limits = limits.unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    if !matches!(words.as_slice(), [.., "0", "0", "bytes"]) {
        return Check::failed(ID, "the limit of core files of the agent is not 0");
    }
    let aborted = i32::try_from(agent.pid)
        .ok()
        .and_then(Pid::from_raw)
        .is_some_and(|pid| kill_process(pid, Signal::ABORT).is_ok());
    let ended = timeout(stranger::TIME, agent.child.wait()).await;
    let Ok(Ok(status)) = ended else {
        return Check::failed(ID, "the agent did not end when it was aborted");
    };
    if !aborted || status.signal() != Some(Signal::ABORT.as_raw()) {
        return Check::failed(ID, "the agent ended in another way than by the abort");
    }
    let left =
        std::fs::read_dir(ground.path("project")).is_ok_and(|mut files| files.next().is_some());
    if status.core_dumped() || left {
        return Check::failed(ID, "an abort of the agent made a core file");
    }
    Check::ok(
        ID,
        "the limit is 0 and cannot be raised; an abort left nothing",
    )
}
