//! The typed client: every method of the interface, over anything that carries messages.
//!
//! Blocking, on the standard library: a program that asks once and ends needs nothing more.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::code::{ErrorCode, Failure};
use crate::message::{
    Asked, BindingList, Changed, ChangedReply, Configure, Context, Credential, Delete, Explanation,
    Got, Listing, Nothing, OpenSocket, OpenedSocket, Question, Report, RestrictedSocket, Set,
    SettingsReply, Status, Trust, Unlock,
};
use crate::{frame, limits};

/// What the client waits beyond the time that the agent was given, so that the agent's own reason
/// arrives instead of ours.
const GRACE: Duration = Duration::from_millis(250);
/// How long an agent may be silent before it is asked whether it still lives. A plug-in command may
/// take its own time; a stopped agent may not.
pub(crate) const SILENCE: Duration = limits::REQUEST_TIME.saturating_add(GRACE);

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

    /// Opens a restricted socket.
    pub fn open_socket(&mut self, open: &OpenSocket) -> Result<RestrictedSocket, Failure> {
        self.call("OpenSocket", open, Kind::Change, limits::REQUEST_TIME)
            .map(|OpenedSocket { socket }| socket)
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

#[cfg(unix)]
#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
