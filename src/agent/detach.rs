//! Leaving the client that started us: nothing of it is kept but a pipe, until we have said
//! through it whether we are ready.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::socket::StartFailure;

/// Begins a life of our own: no terminal, no folder, no descriptors of the client's.
///
/// To be called before this process has opened anything.
pub(super) fn begin() -> io::Result<()> {
    // Fails where we lead a session already, which is what it is for.
    let _ = rustix::process::setsid();
    rustix::process::chdir("/")?;
    close_others();
    let null = null()?;
    replace(&null, libc::STDIN_FILENO)?;
    replace(&null, libc::STDERR_FILENO)
}

/// Says on standard output how the start went, and lets go of it.
pub(super) fn report(result: Result<(), &StartFailure>) {
    let line = match result {
        // Who asked for an agent has one.
        Ok(()) | Err(StartFailure::AlreadyRunning) => "ready\n".to_owned(),
        Err(StartFailure::Failed(failure)) => {
            let text: String = failure
                .message
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            format!("error: {text}\n")
        }
    };
    // Let go first, through another descriptor: who has read the line finds nothing held.
    let pipe = io::stdout().as_fd().try_clone_to_owned();
    if let Ok(null) = null() {
        let _ = replace(&null, libc::STDOUT_FILENO);
    }
    // One write of a short line into an empty pipe is whole or not at all; where nobody listens
    // any more there is nothing to do about it.
    if let Ok(pipe) = pipe {
        let _ = rustix::io::write(pipe, line.as_bytes());
    }
}

fn null() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/null")
}

#[expect(unsafe_code, reason = "the standard descriptors have no owner in std")]
fn replace(with: &File, descriptor: RawFd) -> io::Result<()> {
    // SAFETY: 0, 1 and 2 are open for the life of the process; nobody relies on what they name.
    if unsafe { libc::dup2(with.as_raw_fd(), descriptor) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A pipe of the client's that stayed open here would keep its reader waiting for our whole life.
#[expect(
    unsafe_code,
    reason = "these descriptors have no owner in this process"
)]
fn close_others() {
    #[cfg(target_os = "linux")]
    // SAFETY: called before anything was opened here: all these are inherited.
    if unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) } == 0 {
        return;
    }
    let folder = if cfg!(target_os = "linux") {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let open: Vec<RawFd> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        // SAFETY: as above; the folder's own descriptor is closed already, which is no error
        // that matters.
        unsafe { libc::close(number) };
    }
}
