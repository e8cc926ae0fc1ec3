//! A netrc that is never on disk: a memory file, held by a small process of its own.
//!
//! The tools open it as `/proc/PID/fd/N`. An inherited descriptor would not do: Python closes
//! descriptors in the programs it starts. The holder is another program start and not a copy of this
//! process, so that it holds nothing but the file: it has to be dumpable for others of the user to
//! open that path (`proc_pid_fd(5)`). It is no child of the command, which may wait for all of its
//! children, and no member of its terminal's job; it ends with the process that asked for it.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::process::{PidfdFlags, getpid, pidfd_open};

/// The word on the command line that starts the holder.
pub const COMMAND: &str = "exec-netrc";

/// `CLOSE_RANGE_CLOEXEC` (`close_range(2)`).
const CLOEXEC_ONLY: libc::c_uint = 4;

/// Puts the text into a memory file and starts its holder; the path that opens it, for as long as
/// this process lives, also after it has become another program.
///
/// # Errors
/// Where the system has no memory files or process descriptors, and where no process can be started.
pub fn hold(text: &[u8]) -> io::Result<PathBuf> {
    let memory =
        rustix::fs::memfd_create("netrc", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut memory = std::fs::File::from(memory);
    memory.write_all(text)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&memory, seals)?;
    let life = pidfd_open(getpid(), PidfdFlags::empty())?;
    let pid = start(memory.as_raw_fd(), life.as_raw_fd())?;
    Ok(PathBuf::from(format!(
        "/proc/{pid}/fd/{}",
        memory.as_raw_fd()
    )))
}

fn start(memory: RawFd, life: RawFd) -> io::Result<i32> {
    let (mut told, tells) = io::pipe()?;
    let tells_raw = tells.as_raw_fd();
    // This very program, also where its file has been replaced.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("helperd")
        .args([COMMAND, &memory.to_string(), &life.to_string()])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[expect(unsafe_code, reason = "runs between fork and exec")]
    // SAFETY: only async-signal-safe calls are made, on descriptors that this process owns.
    unsafe {
        command.pre_exec(move || between(tells_raw, [memory, life]));
    }
    let mut first = command.spawn()?;
    drop(tells);
    first.wait()?;
    let mut pid = [0; 4];
    told.read_exact(&mut pid)?;
    Ok(i32::from_ne_bytes(pid))
}

/// Forks once more and lets the first child tell the second's pid and end: the holder is nobody's
/// child then.
fn between(tells: RawFd, kept: [RawFd; 2]) -> io::Result<()> {
    #[expect(unsafe_code, reason = "calls of the C library without a safe form")]
    // SAFETY: all calls are async-signal-safe; the pointer and the length are those of one array.
    unsafe {
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()),
            0 => {}
            pid => {
                let bytes = pid.to_ne_bytes();
                libc::write(tells, bytes.as_ptr().cast(), bytes.len());
                libc::_exit(0);
            }
        }
        if libc::setsid() == -1 {
            return Err(io::Error::last_os_error());
        }
        // What is open by accident ends here; a kernel before 5.11 leaves it to the holder.
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, CLOEXEC_ONLY);
        for fd in kept {
            if libc::fcntl(fd, libc::F_SETFD, 0) == -1 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// What the holder does: keeps one descriptor open until the process that the other stands for ends.
///
/// # Errors
/// For numbers that are no such descriptors.
pub fn run(memory: RawFd, life: RawFd) -> io::Result<()> {
    let limit = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(rustix::process::Resource::Core, limit)?;
    // A program that its user may not read starts undumpable.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?;
    close_all_but([memory, life])?;
    #[expect(unsafe_code, reason = "descriptors by number")]
    // SAFETY: this process was started with these descriptors, and nothing else here owns them; a
    // number that is closed makes `poll` fail.
    let life = unsafe { BorrowedFd::borrow_raw(life) };
    loop {
        match poll(&mut [PollFd::from_borrowed_fd(life, PollFlags::IN)], None) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the command's own pipes are must not be kept open by a process that nobody knows of.
fn close_all_but(kept: [RawFd; 2]) -> io::Result<()> {
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !kept.contains(fd)) {
        // The listing's own descriptor is closed already.
        #[expect(unsafe_code, reason = "descriptors by number")]
        // SAFETY: nothing in this process uses them.
        unsafe {
            if libc::fcntl(fd, libc::F_GETFD) != -1 {
                drop(OwnedFd::from_raw_fd(fd));
            }
        }
    }
    Ok(())
}
