//! What keeps other programs out of this process's memory, and secrets out of its remains.
//!
//! None of it stops the agent where it cannot be had; `status` says what was obtained.

use credential_helper_protocol::MemoryState;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The first thing in `main`, in the foreground too: no other process of the user may read this
/// one's memory, a crash leaves no core file, and no child gains rights that we do not have.
pub fn harden() {
    #[cfg(target_os = "linux")]
    {
        let _ =
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        no_new_privileges();
    }
    #[cfg(target_os = "macos")]
    deny_attach();
    // The hard limit: a soft one could be raised again.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    room_for_connections();
}

/// Makes a write beyond the limit on files (`RLIMIT_FSIZE`) an error like a full disk's, which by
/// default ends the process (setrlimit(2)). A handler, not `SIG_IGN`: children do not inherit it.
///
/// Where signals can be watched for (a tokio runtime with its driver).
pub fn outlive_file_limits() {
    let kind = tokio::signal::unix::SignalKind::from_raw(libc::SIGXFSZ);
    // The handler stays when its stream is dropped.
    let _ = tokio::signal::unix::signal(kind);
}

/// Every connection needs a descriptor, and files and children must still get theirs when all
/// connections are taken; the usual limit of 1,024 stands for programs that call `select`.
fn room_for_connections() {
    let wanted = credential_helper_protocol::limits::CONNECTIONS as u64 + 256;
    let now = getrlimit(Resource::Nofile);
    if now.current.is_some_and(|current| current < wanted) {
        let current = now.maximum.map_or(wanted, |most| most.min(wanted));
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(current),
                maximum: now.maximum,
            },
        );
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a system call without a safe form at hand")]
fn no_new_privileges() {
    // The kernel looks at whole words: an `int` would leave half of each undefined.
    let (yes, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, yes, none, none, none) };
}

#[cfg(target_os = "macos")]
#[expect(unsafe_code, reason = "a system call without a safe form")]
fn deny_attach() {
    // SAFETY: with this request the other arguments are not looked at.
    unsafe { libc::ptrace(libc::PT_DENY_ATTACH, 0, std::ptr::null_mut(), 0) };
}

/// Keeps glibc from giving each helper thread a heap of its own, which would stay.
#[cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "a call of the C library without a safe form")
)]
pub(super) fn few_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes numbers only.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Keeps memory out of the swap, as far as the limits allow. May be called again, for what was
/// allocated since.
pub fn lock_memory() {
    #[cfg(target_os = "linux")]
    linux::lock_memory();
}

/// What `status` says.
pub fn memory_state() -> MemoryState {
    let core_limit = getrlimit(Resource::Core).maximum;
    #[cfg(target_os = "linux")]
    {
        let locked_bytes = linux::status_number("VmLck:").unwrap_or(0) * 1024;
        let lock = if linux::all_is_locked() {
            "all"
        } else if locked_bytes > 0 {
            "part"
        } else {
            "none"
        };
        let dumpable = !matches!(
            rustix::process::dumpable_behavior(),
            Ok(rustix::process::DumpableBehavior::NotDumpable)
        );
        MemoryState {
            dumpable,
            core_limit,
            locked_bytes,
            lock: lock.to_owned(),
        }
    }
    #[cfg(not(target_os = "linux"))]
    MemoryState {
        dumpable: !cfg!(target_os = "macos"),
        core_limit,
        locked_bytes: 0,
        lock: "none".to_owned(),
    }
}

#[cfg(target_os = "linux")]
pub use linux::wipe_variables;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) use linux::with_unlocked_data;

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{CStr, c_char, c_void};
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::mm::{MlockAllFlags, MlockFlags, mlock_with, mlockall};
    use rustix::process::{Resource, getrlimit};
    use zeroize::Zeroize;

    /// Whether everything is locked, what is yet to come included.
    static ALL: AtomicBool = AtomicBool::new(false);

    pub(super) fn all_is_locked() -> bool {
        ALL.load(Ordering::Relaxed)
    }

    /// With `MCL_ONFAULT` only pages in use are locked: without it the whole program would be
    /// read in. `MCL_FUTURE` makes every allocation beyond `RLIMIT_MEMLOCK` fail, which would end
    /// the process: it is only for who has no such limit (`mlock(2)`).
    pub(super) fn lock_memory() {
        if all_is_locked() {
            return;
        }
        let everything = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        if getrlimit(Resource::Memlock).current.is_none() && mlockall(everything).is_ok() {
            ALL.store(true, Ordering::Relaxed);
            return;
        }
        // Smaller ones first: the limit counts whole mappings, and threads' stacks are large.
        let mut ranges = data();
        ranges.sort_by_key(|(_, length)| *length);
        for (start, length) in ranges {
            lock_range(start, length);
        }
    }

    /// Where data of this process lie: the heap, and what was asked of the system by itself, which
    /// musl's heap consists of.
    fn data() -> Vec<(usize, usize)> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        maps.lines().filter_map(private_data).collect()
    }

    /// Does what cannot be done to locked memory, and locks again.
    #[cfg(target_env = "gnu")]
    pub(in crate::agent) fn with_unlocked_data(work: impl FnOnce()) {
        for (start, length) in data() {
            let start = std::ptr::with_exposed_provenance_mut::<c_void>(start);
            #[expect(unsafe_code, reason = "the range is given as an address")]
            // SAFETY: unlocking changes nothing that a program can see.
            let _ = unsafe { rustix::mm::munlock(start, length) };
        }
        work();
        for (start, length) in data() {
            lock_range(start, length);
        }
    }

    /// Start and length of a mapping that this process alone writes to, and no file. Not the main
    /// stack: one that is locked and has to grow beyond the limit ends the process.
    pub(super) fn private_data(line: &str) -> Option<(usize, usize)> {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        if fields.next() != Some("rw-p") || !matches!(fields.nth(3), None | Some("[heap]")) {
            return None;
        }
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        Some((start, end.checked_sub(start)?))
    }

    #[expect(unsafe_code, reason = "the range is given as an address")]
    fn lock_range(start: usize, length: usize) {
        let start = std::ptr::with_exposed_provenance_mut::<c_void>(start);
        // SAFETY: locking changes nothing that a program can see; a range that is no longer
        // mapped is an error of the call.
        let _ = unsafe { mlock_with(start, length, MlockFlags::ONFAULT) };
    }

    /// A number of `/proc/self/status`; memory is counted in KiB there.
    pub(super) fn status_number(key: &str) -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    }

    /// Wipes the variables whose names are wanted from the block that the process was started
    /// with (which is what `/proc/PID/environ` shows) and from the environment; says how many.
    /// Their values have to be read before.
    ///
    /// Does nothing once there is a second thread, which might be reading them.
    pub fn wipe_variables(wanted: impl Fn(&str) -> bool) -> usize {
        if status_number("Threads:") != Some(1) {
            return 0;
        }
        #[expect(unsafe_code, reason = "the environment block is the C library's")]
        // SAFETY: no other thread exists; `environ` is an array of pointers to writable strings,
        // ended by a null pointer, or null itself (environ(7)).
        unsafe {
            wipe_block(environ, wanted)
        }
    }

    #[expect(unsafe_code, reason = "the environment block is the C library's")]
    unsafe extern "C" {
        static mut environ: *mut *mut c_char;
    }

    /// # Safety
    /// `block` is null, or points to pointers to writable strings, ended by a null pointer, which
    /// nobody else uses meanwhile.
    #[expect(unsafe_code, reason = "the environment block is the C library's")]
    unsafe fn wipe_block(block: *mut *mut c_char, wanted: impl Fn(&str) -> bool) -> usize {
        if block.is_null() {
            return 0;
        }
        let (mut from, mut to, mut wiped) = (block, block, 0);
        // SAFETY: as promised; `to` never overtakes `from`, and the end is moved as well.
        unsafe {
            loop {
                let entry = *from;
                *to = entry;
                if entry.is_null() {
                    return wiped;
                }
                from = from.add(1);
                let bytes = CStr::from_ptr(entry).to_bytes();
                let name = bytes.split(|byte| *byte == b'=').next();
                if name
                    .and_then(|name| std::str::from_utf8(name).ok())
                    .is_some_and(&wanted)
                {
                    let length = bytes.len();
                    std::slice::from_raw_parts_mut(entry.cast::<u8>(), length).zeroize();
                    wiped += 1;
                } else {
                    to = to.add(1);
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[path = "hardening_tests.rs"]
mod tests;
