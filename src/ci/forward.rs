//! Signals of a process that stands between a command and whoever started it.

use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};

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

/// Where the handler writes what it was told; -1 while there is none.
static TELLS: AtomicI32 = AtomicI32::new(-1);

/// Two bytes for each signal: its number, and whether the kernel itself sent it.
extern "C" fn tell(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    #[expect(unsafe_code, reason = "a handler of signals")]
    // SAFETY: only async-signal-safe calls; the kernel gives a record, `errno` is left as it was.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let by_kernel = !info.is_null() && (*info).si_code > 0;
        let told = [u8::try_from(signal).unwrap_or(0), u8::from(by_kernel)];
        libc::write(
            TELLS.load(Ordering::Relaxed),
            told.as_ptr().cast(),
            told.len(),
        );
        *errno = before;
    }
}

/// Takes signals and passes them on, whichever thread they reach.
pub struct Forwarder {
    told: io::PipeReader,
    _tells: io::PipeWriter,
    before: Vec<(libc::c_int, libc::sigaction)>,
    mask: libc::sigset_t,
}

impl Forwarder {
    /// Takes the signals: from before the command starts, so that none is lost. What this process was
    /// started to ignore stays ignored, for the command too (`nohup`).
    ///
    /// # Errors
    /// Where there is no pipe.
    pub fn new() -> io::Result<Self> {
        let (told, tells) = io::pipe()?;
        rustix::io::ioctl_fionbio(&tells, true)?;
        TELLS.store(tells.as_raw_fd(), Ordering::Relaxed);
        let mut before = Vec::new();
        #[expect(unsafe_code, reason = "calls of the C library without a safe form")]
        // SAFETY: the records are plain data and are filled before they are read; the handler does
        // nothing that a handler may not.
        let mask = unsafe {
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = tell;
            for signal in PASSED_ON
                .into_iter()
                .chain([libc::SIGCHLD, libc::SIGCONT])
                .chain(real_time())
            {
                let mut old: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, std::ptr::null(), &raw mut old);
                if old.sa_sigaction == libc::SIG_IGN && signal != libc::SIGCHLD {
                    continue;
                }
                let mut new: libc::sigaction = std::mem::zeroed();
                new.sa_sigaction = handler as libc::sighandler_t;
                new.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
                libc::sigaction(signal, &raw const new, std::ptr::null_mut());
                before.push((signal, old));
            }
            // Between fork and exec the command's process still has our handlers.
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut mask: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut mask);
            mask
        };
        Ok(Self {
            told,
            _tells: tells,
            before,
            mask,
        })
    }

    /// The command has the signals that this process had, and does not outlive it where it is killed.
    pub fn prepare(&self, command: &mut Command) {
        let (mask, before) = (self.mask, self.before.clone());
        let parent = rustix::process::getpid().as_raw_nonzero().get();
        #[expect(unsafe_code, reason = "runs between fork and exec")]
        // SAFETY: only async-signal-safe calls, on copies that were made before.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() != parent {
                    libc::_exit(128 + libc::SIGKILL);
                }
                for (signal, old) in &before {
                    let mut own = *old;
                    if own.sa_sigaction != libc::SIG_IGN {
                        own.sa_sigaction = libc::SIG_DFL;
                        own.sa_flags = 0;
                    }
                    libc::sigaction(*signal, &raw const own, std::ptr::null_mut());
                }
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, std::ptr::null_mut());
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
        #[expect(unsafe_code, reason = "a call of the C library without a safe form")]
        // SAFETY: the set was filled by the same call.
        unsafe {
            let mask = &raw const self.mask;
            libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut());
        }
        loop {
            let signal = self.next()?;
            match signal.number {
                // Whoever wakes us may be late: what has become of the command says more.
                libc::SIGCHLD | libc::SIGCONT => {
                    if let Some(status) = changes(pid) {
                        return Ok(status);
                    }
                }
                libc::SIGWINCH => {
                    streams.resize();
                    if !signal.by_kernel {
                        send(pid, signal.number);
                    }
                }
                // A terminal that goes away tells the leader of its session, and nobody else.
                libc::SIGHUP if leads_session() => send(pid, libc::SIGHUP),
                other if !signal.by_kernel => send(pid, other),
                // The terminal sends to all of its foreground job: the command has it.
                _ => {}
            }
        }
    }

    /// Signals are this process's own again.
    pub fn restore(&self) {
        #[expect(unsafe_code, reason = "calls of the C library without a safe form")]
        // SAFETY: the records are those that the same calls filled.
        unsafe {
            for (signal, old) in &self.before {
                libc::sigaction(*signal, old, std::ptr::null_mut());
            }
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.mask,
                std::ptr::null_mut(),
            );
        }
        TELLS.store(-1, Ordering::Relaxed);
    }

    fn next(&self) -> io::Result<Signal> {
        let mut told = [0; 2];
        (&self.told).read_exact(&mut told)?;
        Ok(Signal {
            number: libc::c_int::from(told[0]),
            by_kernel: told[1] != 0,
        })
    }
}

/// For a thread that writes to a terminal: blocked, the terminal's signal for jobs in the background
/// does not keep it from that (`tcsetattr(3)`, `TOSTOP`).
pub(super) fn leave_signals_to_others() {
    #[expect(unsafe_code, reason = "calls of the C library without a safe form")]
    // SAFETY: the set is filled before it is read.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

struct Signal {
    number: libc::c_int,
    by_kernel: bool,
}

/// A leader outside of this process's namespace has the number 0 (`pid_namespaces(7)`), which the safe
/// wrappers take for impossible.
fn leads_session() -> bool {
    #[expect(unsafe_code, reason = "the number may be 0")]
    // SAFETY: takes and returns integers.
    unsafe {
        libc::getsid(0) == libc::getpid()
    }
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
    let mut has_stopped = false;
    loop {
        let mut status = 0;
        #[expect(unsafe_code, reason = "a stopped child is told by no safe call")]
        // SAFETY: the pointer is to a live integer.
        let found = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
        if found != pid {
            if has_stopped {
                go_on(pid);
            }
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
        has_stopped = true;
    }
}

/// A shell gives the terminal to its job's group, which is ours. A command that has made a group of
/// its own (another shell) would be in the background.
fn hand_terminal_over(pid: libc::pid_t) {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else {
        return;
    };
    #[expect(unsafe_code, reason = "a group outside of the namespace is number 0")]
    // SAFETY: the descriptor is open; the calls take and return integers.
    unsafe {
        let (group, own) = (libc::getpgid(pid), libc::getpgrp());
        if group > 0 && own > 0 && group != own && libc::tcgetpgrp(terminal.as_raw_fd()) == own {
            libc::tcsetpgrp(terminal.as_raw_fd(), group);
        }
    }
}

/// Lets the command go on where it is still stopped: a shell wakes its job, of which the command may
/// no longer be a part.
fn go_on(pid: libc::pid_t) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state stands behind the name, which may hold anything (proc_pid_stat(5)).
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    if state.is_some_and(|rest| rest.starts_with('T')) {
        hand_terminal_over(pid);
        send(pid, libc::SIGCONT);
    }
}
