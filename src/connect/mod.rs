//! A client for this process: the running agent, one that it starts, or the same agent inside this
//! process (`--no-agent`).

use std::time::Duration;

use credential_helper_protocol::caller;
pub use credential_helper_protocol::caller::{About, CallerOptions};
use credential_helper_protocol::client::{Client, Transport};
use credential_helper_protocol::surroundings::{NO_AGENT, Surroundings};
use credential_helper_protocol::{
    Asked, BindingList, Changed, Configure, Context, Credential, Delete, Explanation, Failure,
    Listing, OpenSocket, Question, Report, RestrictedSocket, Set, SettingsReply, Status, Trust,
    Unlock,
};

#[cfg(not(unix))]
use self::elsewhere as platform;
use self::inside::Inside;
#[cfg(unix)]
use self::unix as platform;
use crate::domain::log::Log;

#[cfg(not(unix))]
mod elsewhere;
mod inside;
#[cfg(unix)]
mod mounted;
#[cfg(unix)]
mod unix;

/// How the agent is reached.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Does the work inside this process.
    pub no_agent: bool,
    /// `--timeout`: caps every wait.
    pub timeout: Option<Duration>,
    /// Where it is told what is done.
    pub log: Log,
}

/// How `helper agent run` runs.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// A client started it: own session, one line on standard output when it is ready, ends when
    /// idle.
    pub detached: bool,
    /// A client starts it: variables belong to requests, not to the agent.
    pub by_client: bool,
    /// Where the agent tells what it does.
    pub log: Log,
}

/// The agent's methods, wherever it runs.
pub trait Agent {
    /// The credential of a repository.
    fn get(&mut self, question: &Question) -> Result<Credential, Failure>;
    /// The whole search for it, without the secret.
    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure>;
    /// What is stored or set, without secrets.
    fn list(&mut self, asked: &Asked) -> Result<Listing, Failure>;
    /// Stores a credential.
    fn set(&mut self, set: &Set) -> Result<Changed, Failure>;
    /// Removes one.
    fn delete(&mut self, delete: &Delete) -> Result<Changed, Failure>;
    /// Reads, writes or removes one of Poetry's settings.
    fn configure(&mut self, configure: &Configure) -> Result<SettingsReply, Failure>;
    /// Poetry's settings, without secrets.
    fn settings(&mut self, asked: &Asked) -> Result<SettingsReply, Failure>;
    /// Binds a name, or trusts a project.
    fn trust(&mut self, trust: &Trust) -> Result<BindingList, Failure>;
    /// Takes that back.
    fn untrust(&mut self, trust: &Trust) -> Result<BindingList, Failure>;
    /// Every binding there is.
    fn bindings(&mut self, asked: &Asked) -> Result<BindingList, Failure>;
    /// What a server said about a credential.
    fn report(&mut self, report: &Report) -> Result<(), Failure>;
    /// Forgets every secret and answers nothing until [`Agent::unlock`].
    fn lock(&mut self) -> Result<(), Failure>;
    /// Lifts that, and asks the keyring to unlock.
    fn unlock(&mut self, unlock: &Unlock) -> Result<(), Failure>;
    /// How the agent is.
    fn status(&mut self) -> Result<Status, Failure>;
    /// Opens a restricted socket.
    fn open_socket(&mut self, open: &OpenSocket) -> Result<RestrictedSocket, Failure>;
    /// Reads settings and bindings again.
    fn reload(&mut self) -> Result<(), Failure>;
    /// Ends the agent.
    fn stop(&mut self) -> Result<(), Failure>;
}

impl<T: Transport> Agent for Client<T> {
    fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        Self::get(self, question)
    }

    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        Self::explain(self, question)
    }

    fn list(&mut self, asked: &Asked) -> Result<Listing, Failure> {
        Self::list(self, asked)
    }

    fn set(&mut self, set: &Set) -> Result<Changed, Failure> {
        Self::set(self, set)
    }

    fn delete(&mut self, delete: &Delete) -> Result<Changed, Failure> {
        Self::delete(self, delete)
    }

    fn configure(&mut self, configure: &Configure) -> Result<SettingsReply, Failure> {
        Self::configure(self, configure)
    }

    fn settings(&mut self, asked: &Asked) -> Result<SettingsReply, Failure> {
        Self::settings(self, asked)
    }

    fn trust(&mut self, trust: &Trust) -> Result<BindingList, Failure> {
        Self::trust(self, trust)
    }

    fn untrust(&mut self, trust: &Trust) -> Result<BindingList, Failure> {
        Self::untrust(self, trust)
    }

    fn bindings(&mut self, asked: &Asked) -> Result<BindingList, Failure> {
        Self::bindings(self, asked)
    }

    fn report(&mut self, report: &Report) -> Result<(), Failure> {
        Self::report(self, report)
    }

    fn lock(&mut self) -> Result<(), Failure> {
        Self::lock(self)
    }

    fn unlock(&mut self, unlock: &Unlock) -> Result<(), Failure> {
        Self::unlock(self, unlock)
    }

    fn status(&mut self) -> Result<Status, Failure> {
        Self::status(self)
    }

    fn open_socket(&mut self, open: &OpenSocket) -> Result<RestrictedSocket, Failure> {
        Self::open_socket(self, open)
    }

    fn reload(&mut self) -> Result<(), Failure> {
        Self::reload(self)
    }

    fn stop(&mut self) -> Result<(), Failure> {
        Self::stop(self)
    }
}

/// The agent that answers: the running one, one that is started, or one in this process.
///
/// # Errors
/// Where neither can be had.
pub fn connect(options: &Options) -> Result<Box<dyn Agent>, Failure> {
    let around = Surroundings::of_process();
    if options.no_agent || around.set(NO_AGENT).is_some() {
        return Ok(Box::new(Client::new(Inside::new(&around, &options.log)?)));
    }
    platform::connect(around, &options.log)
}

/// The running agent; `None` where there is none. Never starts one.
///
/// # Errors
/// Where somebody listens who is not to be used.
pub fn running(options: &Options) -> Result<Option<Box<dyn Agent>>, Failure> {
    platform::running(Surroundings::of_process(), &options.log)
}

/// Serves until the agent ends.
///
/// # Errors
/// Where another agent is running, or the socket cannot be had.
pub fn run_agent(options: &RunOptions) -> Result<(), Failure> {
    platform::run(options)
}

/// Starts an agent that outlives this process and keeps its variables (rule 3.1 b); returns when it
/// answers.
///
/// # Errors
/// Where it does not start.
pub fn start_agent(options: &Options) -> Result<Box<dyn Agent>, Failure> {
    platform::start(Surroundings::of_process(), &options.log)
}

/// The context of a question that this process asks. What of it goes where is the business of
/// whoever sends it: a mounted socket is told nothing of this process.
///
/// # Errors
/// `usage` for variables or folders that cannot be sent.
pub fn context(about: About<'_>, options: &CallerOptions) -> Result<Context, Failure> {
    caller::context(about, options)
}
