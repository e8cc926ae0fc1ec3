//! The typed client: every method of the interface, over anything that carries messages.
//!
//! Blocking, on the standard library: a program that asks once and ends needs nothing more.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::code::{ErrorCode, Failure};
use crate::message::{
    Asked, BindingList, Changed, ChangedReply, Configure, Context, Credential, Delete, Explanation,
    Got, Listing, Nothing, Question, Report, Set, SettingsReply, Status, Trust, Unlock,
};
use crate::{frame, limits};

/// What the client waits beyond the time that the agent was given, so that the agent's own reason
/// arrives instead of ours.
const GRACE: Duration = Duration::from_millis(250);
/// How long an agent may be silent before it is asked whether it still lives, and how long it has
/// to say so. A plug-in command may take its own time; a stopped agent may not.
const SILENCE: Duration = Duration::from_secs(6);
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Carries one message there and one back.
pub trait Transport {
    /// Sends a whole message (with its NUL) and waits for the reply (without it).
    fn call(&mut self, message: &[u8], time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure>;

    /// Whether the last call failed because the other side went away before it replied, and has
    /// now been reached anew: then a call that changes nothing may be sent once more.
    fn reached_again(&mut self) -> bool {
        false
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn call(&mut self, message: &[u8], time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
        (**self).call(message, time)
    }

    fn reached_again(&mut self) -> bool {
        (**self).reached_again()
    }
}

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

/// How long the client waits for a question in this context.
fn time(context: &Context) -> Duration {
    match context.timeout_ms {
        Some(given) => Duration::from_millis(given) + GRACE,
        None if context.prompt => limits::PROMPT_TIME + SILENCE,
        None => LONGEST,
    }
}

/// Where no time was given: what plug-in commands may add up to. Silence ends the wait earlier.
const LONGEST: Duration = Duration::from_millis(*limits::TIMEOUT_MS.end());

/// Whether a call may be repeated after the agent went away in the middle of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Change,
}

/// Every method of the interface, typed.
pub struct Client<T> {
    transport: T,
}

impl<T: Transport> Client<T> {
    /// A client over this transport.
    pub fn new(transport: T) -> Self {
        Self { transport }
    }

    /// The credential of a repository.
    pub fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        let time = time(&question.context);
        self.call("Get", AskFor { question }, Kind::Read, time)
            .map(|got: Got| got.credential)
    }

    /// The whole search for it.
    pub fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        let time = time(&question.context);
        self.call("Explain", AskFor { question }, Kind::Read, time)
    }

    /// What is stored or set.
    pub fn list(&mut self, asked: &Asked) -> Result<Listing, Failure> {
        self.call("List", asked, Kind::Read, time(&asked.context))
    }

    /// Stores a credential.
    pub fn set(&mut self, set: &Set) -> Result<Changed, Failure> {
        self.call("Set", set, Kind::Change, time(&set.context))
            .map(|reply: ChangedReply| reply.changed)
    }

    /// Removes a credential.
    pub fn delete(&mut self, delete: &Delete) -> Result<Changed, Failure> {
        self.call("Delete", delete, Kind::Change, time(&delete.context))
            .map(|reply: ChangedReply| reply.changed)
    }

    /// Reads, writes or removes one of Poetry's settings.
    pub fn configure(&mut self, configure: &Configure) -> Result<SettingsReply, Failure> {
        let kind = if configure.values.is_empty() && !configure.unset {
            Kind::Read
        } else {
            Kind::Change
        };
        self.call("Configure", configure, kind, time(&configure.context))
    }

    /// Poetry's settings, without secrets.
    pub fn settings(&mut self, asked: &Asked) -> Result<SettingsReply, Failure> {
        self.call("Settings", asked, Kind::Read, time(&asked.context))
    }

    /// Binds a name to an origin, or trusts a project's files.
    pub fn trust(&mut self, trust: &Trust) -> Result<BindingList, Failure> {
        self.call("Trust", trust, Kind::Change, time(&trust.context))
    }

    /// Takes that back.
    pub fn untrust(&mut self, trust: &Trust) -> Result<BindingList, Failure> {
        self.call("Untrust", trust, Kind::Change, time(&trust.context))
    }

    /// Every binding.
    pub fn bindings(&mut self, asked: &Asked) -> Result<BindingList, Failure> {
        self.call("Bindings", asked, Kind::Read, time(&asked.context))
    }

    /// Tells what a server said about a credential.
    pub fn report(&mut self, report: &Report) -> Result<(), Failure> {
        let time = time(&report.question.context);
        self.nothing("Report", report, Kind::Change, time)
    }

    /// Forgets every secret until `unlock`.
    pub fn lock(&mut self) -> Result<(), Failure> {
        self.nothing("Lock", Nothing {}, Kind::Change, limits::REQUEST_TIME)
    }

    /// Lifts the lock, and asks the keyring to unlock: as long as a person may take.
    pub fn unlock(&mut self, unlock: &Unlock) -> Result<(), Failure> {
        let time = match unlock.context.timeout_ms {
            Some(_) => time(&unlock.context),
            None => limits::PROMPT_TIME + SILENCE,
        };
        self.nothing("Unlock", unlock, Kind::Change, time)
    }

    /// What the agent says about itself.
    pub fn status(&mut self) -> Result<Status, Failure> {
        self.call("Status", Nothing {}, Kind::Read, limits::REQUEST_TIME)
    }

    /// Reads settings and bindings again.
    pub fn reload(&mut self) -> Result<(), Failure> {
        self.nothing("Reload", Nothing {}, Kind::Change, limits::REQUEST_TIME)
    }

    /// Ends the agent.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.nothing("Stop", Nothing {}, Kind::Change, limits::REQUEST_TIME)
    }

    fn nothing(
        &mut self,
        method: &str,
        parameters: impl Serialize,
        kind: Kind,
        time: Duration,
    ) -> Result<(), Failure> {
        self.call(method, parameters, kind, time)
            .map(|Nothing {}| ())
    }

    fn call<R: for<'a> Deserialize<'a>>(
        &mut self,
        method: &str,
        parameters: impl Serialize,
        kind: Kind,
        time: Duration,
    ) -> Result<R, Failure> {
        let message = frame::encode_call(method, parameters).map_err(|_| {
            Failure::new(
                ErrorCode::Internal,
                format!("could not write the call {method} as a message"),
            )
        })?;
        if message.len() > limits::REQUEST_MESSAGE {
            return Err(Failure::new(
                ErrorCode::Usage,
                format!("the call {method} is longer than the agent accepts"),
            )
            .hint("fewer or shorter values in the arguments and the environment"));
        }
        let started = Instant::now();
        let reply = match self.transport.call(&message, time) {
            Err(_) if kind == Kind::Read && self.transport.reached_again() => {
                let left = time.saturating_sub(started.elapsed());
                self.transport.call(&message, left)
            }
            other => other,
        }?;
        frame::decode_reply(&reply)
    }
}

/// `Ask` without a copy of the question, which may hold secrets.
#[derive(Serialize)]
struct AskFor<'a> {
    question: &'a Question,
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
