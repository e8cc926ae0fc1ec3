//! The transport over the agent's socket.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use zeroize::Zeroizing;

use crate::client::{SILENCE, Transport};
use crate::code::{ErrorCode, Failure};
use crate::message::Nothing;
use crate::{frame, limits};

/// How long a silent agent has to give a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);

/// Opens a connection: to the running agent, or to one that is started for it.
pub type Open = Box<dyn FnMut() -> Result<UnixStream, Failure>>;

/// A transport over the agent's socket.
pub struct SocketTransport {
    stream: UnixStream,
    open: Open,
    gone: bool,
}

/// Why a call over a socket failed.
enum CallError {
    /// The other side ended or closed.
    Gone,
    /// Nothing came in time.
    Late,
    /// The reply is longer than allowed.
    Long,
    /// Anything else.
    Broken(io::Error),
}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => Self::Gone,
            io::ErrorKind::TimedOut => Self::Late,
            io::ErrorKind::InvalidData => Self::Long,
            _ => Self::Broken(error),
        }
    }
}

impl SocketTransport {
    /// A transport over a connection that is open and whose other end has been checked; `open`
    /// opens another one.
    pub fn new(stream: UnixStream, open: Open) -> Self {
        Self {
            stream,
            open,
            gone: false,
        }
    }

    /// A transport over the first connection that `open` makes.
    pub fn open(mut open: Open) -> Result<Self, Failure> {
        Ok(Self::new(open()?, open))
    }

    fn exchange(
        &mut self,
        message: &[u8],
        deadline: Instant,
    ) -> Result<Zeroizing<Vec<u8>>, CallError> {
        send(&self.stream, message, deadline)?;
        let Self { stream, open, .. } = self;
        let mut reader = Waiting {
            stream,
            deadline,
            lives: &mut || open().is_ok_and(|other| gives_sign_of_life(&other)),
        };
        frame::read(&mut reader, limits::REPLY_MESSAGE)?.ok_or(CallError::Gone)
    }
}

impl Transport for SocketTransport {
    fn call(&mut self, message: &[u8], time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let started = Instant::now();
        self.gone = false;
        self.exchange(message, started + time).map_err(|error| {
            // A reply that comes later would be taken for the reply to the next call.
            let _ = self.stream.shutdown(std::net::Shutdown::Both);
            match error {
                CallError::Gone => {
                    self.gone = true;
                    Failure::new(ErrorCode::Unavailable, "the agent ended before it replied")
                        .hint("try again; `helper agent status` tells whether one is running")
                }
                CallError::Late => Failure::new(
                    ErrorCode::TimedOut,
                    format!(
                        "the agent did not reply within {:.1} s",
                        started.elapsed().as_secs_f32()
                    ),
                )
                .hint("it may be stuck: try `helper agent status`, or --no-agent"),
                CallError::Long => Failure::new(
                    ErrorCode::Malformed,
                    "the agent's reply is longer than allowed",
                )
                .hint("client and agent may be of different versions: run `helper agent stop`"),
                CallError::Broken(error) => Failure::new(
                    ErrorCode::Unavailable,
                    format!("the connection to the agent failed: {error}"),
                )
                .hint("try again, or use --no-agent"),
            }
        })
    }

    fn reached_again(&mut self) -> bool {
        if !self.gone {
            return false;
        }
        let Ok(stream) = (self.open)() else {
            return false;
        };
        self.stream = stream;
        self.gone = false;
        true
    }
}

/// Waits until the stream is ready; whether it became so before `until`.
fn ready(stream: &UnixStream, flags: PollFlags, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left).map_err(io::Error::other)?;
        match rustix::event::poll(&mut [PollFd::new(stream, flags)], Some(&time)) {
            Ok(0) if left.is_zero() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

fn send(stream: &UnixStream, mut message: &[u8], deadline: Instant) -> io::Result<()> {
    // Without SIGPIPE and without waiting; a message nearly always fits into the socket's buffer.
    #[cfg(target_os = "linux")]
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    #[cfg(not(target_os = "linux"))]
    let flags = SendFlags::DONTWAIT;
    while !message.is_empty() {
        match rustix::net::send(stream, message, flags) {
            Ok(count) => message = &message[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if !ready(stream, PollFlags::OUT, deadline)? {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads under one deadline, and gives up early on an agent that shows no sign of life.
struct Waiting<'a> {
    stream: &'a UnixStream,
    deadline: Instant,
    lives: &'a mut dyn FnMut() -> bool,
}

impl Read for Waiting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let until = self.deadline.min(Instant::now() + SILENCE);
            if ready(self.stream, PollFlags::IN, until)? {
                let (count, _) = rustix::net::recv(self.stream, &mut *buffer, RecvFlags::empty())?;
                return Ok(count);
            }
            if until == self.deadline || !(self.lives)() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// Whether the agent answers at all, on a connection of its own.
fn gives_sign_of_life(stream: &UnixStream) -> bool {
    let deadline = Instant::now() + SIGN_OF_LIFE;
    let Ok(message) = frame::encode(&frame::Call {
        method: "org.varlink.service.GetInfo".to_owned(),
        parameters: Nothing {},
        oneway: false,
    }) else {
        return false;
    };
    send(stream, &message, deadline).is_ok()
        && ready(stream, PollFlags::IN, deadline).unwrap_or(false)
}
