//! The command's standard output and error on their way through the mask.
//!
//! Where standard output is a terminal, the command gets a terminal too: programs print in colour, and
//! line by line. It is for output alone; the terminal that the command reads from and that sends
//! signals stays the real one. Standard error is never such a terminal: shells take it for the one
//! that their jobs belong to (bash, `initialize_job_control`), and open the real one where it is none.
//! Where both are the same file, they share one way, so that their order stays.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::process::Stdio;
use std::thread::{Scope, ScopedJoinHandle};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, OutputModes};

use super::mask::{Mask, Stream};
use super::pty;

/// How much is read at once: what the largest pipe of an ordinary user holds is a few of these.
const CHUNK: usize = 256 * 1024;
const PIPE: libc::c_int = 1024 * 1024;

/// One way: from the command to one of our own descriptors.
struct Way {
    from: File,
    to: OwnedFd,
    /// The command's end, until it has it.
    theirs: Option<OwnedFd>,
    is_terminal: bool,
}

/// Both ways, or the one that both take.
pub struct Streams {
    ways: Vec<Way>,
    ended: OwnedFd,
}

impl Streams {
    /// To these two: this process's standard output and error.
    ///
    /// # Errors
    /// Where descriptors cannot be made.
    pub fn new([out, err]: [BorrowedFd<'_>; 2]) -> io::Result<Self> {
        let terminal = rustix::termios::isatty(out);
        let mut ways = vec![Way::new(out, terminal)?];
        if terminal || !same(out, err) {
            ways.push(Way::new(err, false)?);
        }
        let ended = rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?;
        Ok(Self { ways, ended })
    }

    /// The command's standard output and error.
    ///
    /// # Errors
    /// Where descriptors cannot be duplicated.
    pub fn for_child(&mut self) -> io::Result<[Stdio; 2]> {
        let mut ends = Vec::new();
        for way in &mut self.ways {
            ends.extend(way.theirs.take());
        }
        let mut ends = ends.into_iter();
        let out = ends.next().ok_or(io::ErrorKind::InvalidInput)?;
        let err = match ends.next() {
            Some(err) => err,
            None => out.try_clone()?,
        };
        Ok([out.into(), err.into()])
    }

    /// Starts to pump; a thread each, so that who does not read one does not hold up the other.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn pump<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        mask: &'env Mask,
    ) -> io::Result<Vec<ScopedJoinHandle<'scope, io::Result<()>>>> {
        self.ways
            .iter()
            .map(|way| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, move || way.pump(mask, self.ended.as_fd()))
            })
            .collect()
    }

    /// The command has ended: what it has printed is still passed on, what its own children print
    /// from now on is not waited for.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub fn child_has_ended(&self) -> io::Result<()> {
        rustix::io::write(&self.ended, &1_u64.to_ne_bytes())?;
        Ok(())
    }

    /// The terminal has another size now.
    pub fn resize(&self) {
        for way in self.ways.iter().filter(|way| way.is_terminal) {
            if let Ok(size) = rustix::termios::tcgetwinsize(&way.to) {
                let _ = rustix::termios::tcsetwinsize(&way.from, size);
            }
        }
    }
}

impl Way {
    fn new(to: BorrowedFd<'_>, is_terminal: bool) -> io::Result<Self> {
        let to = to.try_clone_to_owned()?;
        widen(to.as_fd());
        let (from, theirs) = if is_terminal {
            terminal(&to)?
        } else {
            let (from, theirs) = io::pipe()?;
            widen(from.as_fd());
            (from.into(), theirs.into())
        };
        Ok(Self {
            from: File::from(from),
            to,
            theirs: Some(theirs),
            is_terminal,
        })
    }

    fn pump(&self, mask: &Mask, ended: BorrowedFd<'_>) -> io::Result<()> {
        super::forward::leave_signals_to_others();
        let mut stream = Stream::new(mask, CHUNK);
        let mut write = |bytes: &[u8]| write_all(&self.to, bytes);
        let passed = loop {
            if !self.wait(ended) {
                break Ok(());
            }
            let space = stream.space();
            let most = space.len().min(CHUNK);
            match (&self.from).read(&mut space[..most]) {
                Ok(0) => break Ok(()),
                Ok(count) => {
                    if let Err(error) = stream.took(count, &mut write) {
                        break Err(error);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A terminal whose other end is closed says EIO (pty(7)).
                Err(_) => break Ok(()),
            }
        };
        let passed = passed.and_then(|()| stream.end(&mut write));
        match passed {
            // Where nobody reads us the command is told so, by the end of its own pipe.
            Err(error) => {
                self.close();
                match error.kind() {
                    io::ErrorKind::BrokenPipe => Ok(()),
                    _ => Err(error),
                }
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether there is something to read, or an end; `false` when there is nothing and the command
    /// has ended.
    fn wait(&self, ended: BorrowedFd<'_>) -> bool {
        loop {
            let mut both = [
                PollFd::new(&self.from, PollFlags::IN),
                PollFd::from_borrowed_fd(ended, PollFlags::IN),
            ];
            match poll(&mut both, None) {
                Err(Errno::INTR) => continue,
                Err(_) => return false,
                Ok(_) => {}
            }
            if !both[0].revents().is_empty() {
                return true;
            }
            // What came between the look and the end.
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let mut own = [PollFd::new(&self.from, PollFlags::IN)];
            return poll(&mut own, Some(&now)).is_ok_and(|count| count > 0);
        }
    }

    /// Closes the descriptor that the command's output comes from, in place: the number is taken by
    /// something that is always at its end.
    fn close(&self) {
        if let Ok(null) = File::open("/dev/null") {
            #[expect(
                unsafe_code,
                reason = "replaces a descriptor that is borrowed elsewhere"
            )]
            // SAFETY: both are open descriptors of ours; the number stays valid.
            unsafe {
                libc::dup3(null.as_raw_fd(), self.from.as_raw_fd(), libc::O_CLOEXEC);
            }
        }
    }
}

/// Lets a pipe hold as much as is allowed: fewer, larger steps. Anything else stays as it is.
fn widen(pipe: BorrowedFd<'_>) {
    #[expect(unsafe_code, reason = "no safe wrapper among our dependencies")]
    // SAFETY: the descriptor is open; the calls take and return integers.
    unsafe {
        // One that somebody has made wider yet is not made narrower.
        if libc::fcntl(pipe.as_raw_fd(), libc::F_GETPIPE_SZ) < PIPE {
            libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, PIPE);
        }
    }
}

/// A terminal for output, as wide as the real one, which does the work on line ends.
fn terminal(real: &OwnedFd) -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = pty::open()?;
    let mut modes = rustix::termios::tcgetattr(&theirs)?;
    modes.output_modes.remove(OutputModes::OPOST);
    rustix::termios::tcsetattr(&theirs, OptionalActions::Now, &modes)?;
    if let Ok(size) = rustix::termios::tcgetwinsize(real) {
        let _ = rustix::termios::tcsetwinsize(&theirs, size);
    }
    Ok((ours, theirs))
}

/// Whether both are the same file: what is written stays in order then.
fn same(a: BorrowedFd<'_>, b: BorrowedFd<'_>) -> bool {
    match (rustix::fs::fstat(a), rustix::fs::fstat(b)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}

fn write_all(to: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            // Somebody has made the terminal or pipe non-blocking: wait as a blocking one would.
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(to, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
