//! Signals of a process that stands between a command and whoever started it.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus};

use super::stream::Streams;

/// What is passed on when somebody sends it. Those that are missing are the kernel's alone, or
/// cannot be caught.
const PASSED_ON: [libc::c_int; 14] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGPWR,
    libc::SIGWINCH,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGURG,
    libc::SIGIO,
];

/// Holds signals back and passes them on. From its making to [`Forwarder::restore`] they are blocked.
pub struct Forwarder {
    signals: OwnedFd,
    before: libc::sigset_t,
}

impl Forwarder {
    /// Blocks what is passed on: from before the command starts, so that none is lost.
    ///
    /// # Errors
    /// Where the system has no descriptors for signals.
    pub fn new() -> io::Result<Self> {
        #[expect(unsafe_code, reason = "calls of the C library without a safe form")]
        // SAFETY: the sets are plain data and are filled before they are read; the descriptor is
        // nobody else's.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in PASSED_ON.into_iter().chain(real_time()) {
                libc::sigaddset(&raw mut set, signal);
            }
            for signal in [libc::SIGCHLD, libc::SIGCONT] {
                libc::sigaddset(&raw mut set, signal);
            }
            // Whoever ignores the end of its children would never be told of it.
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            if libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) != 0 {
                return Err(io::Error::last_os_error());
            }
            let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC);
            if fd == -1 {
                return Err(io::Error::last_os_error());
            }
            Ok(Self {
                signals: OwnedFd::from_raw_fd(fd),
                before,
            })
        }
    }

    /// The command has the signals that this process had, and does not outlive it where it is killed.
    pub fn prepare(&self, command: &mut Command) {
        let before = self.before;
        let parent = rustix::process::getpid().as_raw_nonzero().get();
        #[expect(unsafe_code, reason = "runs between fork and exec")]
        // SAFETY: only async-signal-safe calls, on a copy of the set.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() != parent {
                    libc::_exit(128 + libc::SIGKILL);
                }
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
                Ok(())
            });
        }
    }

    /// Passes signals on until the command has ended; stops when it stops.
    ///
    /// # Errors
    /// Where signals cannot be read.
    pub fn until_the_end(&self, child: &mut Child, streams: &Streams) -> io::Result<ExitStatus> {
        let pid = libc::pid_t::try_from(child.id()).unwrap_or(libc::pid_t::MAX);
        loop {
            let signal = self.next()?;
            match signal.number {
                libc::SIGCHLD => {
                    if let Some(status) = changes(pid) {
                        return Ok(status);
                    }
                }
                libc::SIGCONT => go_on(pid),
                libc::SIGWINCH => {
                    streams.resize();
                    if !signal.by_kernel {
                        send(pid, signal.number);
                    }
                }
                other if !signal.by_kernel => send(pid, other),
                // The terminal sends to all of its foreground job: the command has it.
                _ => {}
            }
        }
    }

    /// Signals are this process's own again.
    pub fn restore(&self) {
        #[expect(unsafe_code, reason = "a call of the C library without a safe form")]
        // SAFETY: the set was filled by the same call.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                std::ptr::null_mut(),
            );
        }
    }

    fn next(&self) -> io::Result<Signal> {
        #[expect(unsafe_code, reason = "the kernel writes a plain record")]
        // SAFETY: the pointer and the size are those of one record, which any bytes are valid for.
        unsafe {
            let mut info: libc::signalfd_siginfo = std::mem::zeroed();
            let size = size_of::<libc::signalfd_siginfo>();
            loop {
                let count = libc::read(self.signals.as_raw_fd(), (&raw mut info).cast(), size);
                if usize::try_from(count) == Ok(size) {
                    return Ok(Signal {
                        number: info.ssi_signo.cast_signed(),
                        by_kernel: info.ssi_code > 0,
                    });
                }
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

struct Signal {
    number: libc::c_int,
    by_kernel: bool,
}

fn real_time() -> std::ops::RangeInclusive<libc::c_int> {
    libc::SIGRTMIN()..=libc::SIGRTMAX()
}

fn send(pid: libc::pid_t, signal: libc::c_int) {
    #[expect(unsafe_code, reason = "any signal, also real-time ones")]
    // SAFETY: the process is our child and was not waited for: nobody else has its number.
    unsafe {
        libc::kill(pid, signal);
    }
}

/// What became of the command: its end, or that it stopped. One `SIGCHLD` may stand for several
/// changes.
fn changes(pid: libc::pid_t) -> Option<ExitStatus> {
    loop {
        let mut status = 0;
        #[expect(unsafe_code, reason = "a stopped child is told by no safe call")]
        // SAFETY: the pointer is to a live integer.
        let found = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
        if found != pid {
            return None;
        }
        if !libc::WIFSTOPPED(status) {
            return Some(ExitStatus::from_raw(status));
        }
        // Whoever started us has to see that the job has stopped; we go on when it goes on.
        #[expect(unsafe_code, reason = "a call of the C library without a safe form")]
        // SAFETY: stops this process, nothing else.
        unsafe {
            libc::raise(libc::SIGSTOP);
        }
        go_on(pid);
    }
}

/// Lets the command go on where it is still stopped: a shell wakes its job, of which the command may
/// no longer be a part.
fn go_on(pid: libc::pid_t) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state stands behind the name, which may hold anything (proc_pid_stat(5)).
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    if state.is_some_and(|rest| rest.starts_with('T')) {
        send(pid, libc::SIGCONT);
    }
}
