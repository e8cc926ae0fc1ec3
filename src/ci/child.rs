//! Runs the command: this process becomes it, or stays to mask what it prints.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Command;

#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;
#[cfg(target_os = "linux")]
use std::os::unix::process::ExitStatusExt as _;
#[cfg(target_os = "linux")]
use std::process::ExitStatus;

#[cfg(target_os = "linux")]
use super::forward::Forwarder;
#[cfg(target_os = "linux")]
use super::mask::Mask;
#[cfg(target_os = "linux")]
use super::stream::Streams;

/// A command with its whole environment.
pub struct Program {
    /// The program and its arguments; never empty.
    pub words: Vec<OsString>,
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it starts; unset for here.
    pub folder: Option<PathBuf>,
}

impl Program {
    fn command(&self) -> io::Result<Command> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        Ok(command)
    }

    /// Becomes the command: its signals, its terminal and its exit status are its own. Returns only
    /// if that failed.
    #[cfg(unix)]
    pub fn become_it(&self) -> io::Error {
        use std::os::unix::process::CommandExt as _;
        match self.command() {
            Ok(mut command) => command.exec(),
            Err(error) => error,
        }
    }

    /// Runs the command to its end: here no process can become another.
    ///
    /// # Errors
    /// Where the command cannot be started.
    #[cfg(not(unix))]
    pub fn run(&self) -> io::Result<std::process::ExitStatus> {
        self.command()?.status()
    }

    /// Runs the command, masks what it prints, and tells how it ended.
    ///
    /// The command stays in this process's group and session, so that the terminal's signals and
    /// its job control are the command's own; signals that somebody sends to this process are passed
    /// on, those of the terminal are not, because the command had them already.
    ///
    /// # Errors
    /// Where the command cannot be started.
    #[cfg(target_os = "linux")]
    pub fn run_masked(&self, mask: &Mask, to: [BorrowedFd<'_>; 2]) -> io::Result<Masked> {
        let forwarder = Forwarder::new()?;
        let mut streams = Streams::new(to)?;
        let mut command = self.command()?;
        let [out, err] = streams.for_child()?;
        command.stdout(out).stderr(err);
        forwarder.prepare(&mut command);
        std::thread::scope(|scope| {
            let _told = Told(&streams);
            let pumps = streams.pump(scope, mask);
            let status = pumps.as_ref().map_or(Ok(None), |_| {
                let mut child = command.spawn()?;
                // It holds the command's ends of the streams, which would never end.
                drop(command);
                forwarder.until_the_end(&mut child, &streams).map(Some)
            });
            // From here on a signal ends this process as it would any other.
            forwarder.restore();
            streams.child_has_ended()?;
            let mut lost = None;
            for pump in pumps? {
                if let Ok(Err(error)) = pump.join() {
                    lost = Some(error);
                }
            }
            let status = status?.ok_or(io::ErrorKind::Other)?;
            Ok(Masked { status, lost })
        })
    }
}

/// Tells the pumps that there is nothing to wait for, should this thread fail: the scope waits for
/// them before the process can end, and with it the command.
#[cfg(target_os = "linux")]
struct Told<'a>(&'a Streams);

#[cfg(target_os = "linux")]
impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.child_has_ended();
        }
    }
}

/// How a command ended whose output was masked.
#[cfg(target_os = "linux")]
pub struct Masked {
    /// Its own end.
    pub status: ExitStatus,
    /// Why some of what it printed could not be passed on.
    pub lost: Option<io::Error>,
}

/// Ends this process as the command ended: with its status, or by its signal.
#[cfg(target_os = "linux")]
pub fn end_like(status: ExitStatus) -> u8 {
    if let Some(signal) = status.signal() {
        let no_core = rustix::process::Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, no_core);
        #[expect(unsafe_code, reason = "calls of the C library without a safe form")]
        // SAFETY: nothing of this process runs at the signal.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        // The first process of a container does not die of a signal.
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}
