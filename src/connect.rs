//! A client for this process: the running agent, one that it starts, or the same agent inside this
//! process (`--no-agent`).

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::caller;
pub use credential_helper_protocol::caller::{About, CallerOptions};
use credential_helper_protocol::client::{Client, Transport};
use credential_helper_protocol::surroundings::{NO_AGENT, Surroundings};
use credential_helper_protocol::{
    Asked, BindingList, Changed, Configure, Context, Credential, Delete, ErrorCode, Explanation,
    Failure, INTERFACE_NAME, Listing, Question, Report, Set, SettingsReply, Status, Trust, Unlock,
};
use zeroize::Zeroizing;

use crate::agent::clock::Clock;
use crate::agent::known::Own;
use crate::agent::rejected::Who;
use crate::agent::{self, Parts, connection};

/// How the agent is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Does the work inside this process.
    pub no_agent: bool,
    /// `--timeout`: caps every wait.
    pub timeout: Option<Duration>,
    /// How much is logged to standard error: 0, 1 or 2.
    pub verbose: u8,
}

/// How `helper agent run` runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// A client started it: own session, one line on standard output when it is ready, ends when
    /// idle.
    pub detached: bool,
    /// A client starts it: variables belong to requests, not to the agent.
    pub by_client: bool,
    /// How much is logged: 0, 1 or 2.
    pub verbose: u8,
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
        return Ok(Box::new(Client::new(Inside::new(&around)?)));
    }
    platform::connect(around)
}

/// The running agent; `None` where there is none. Never starts one.
///
/// # Errors
/// Where somebody listens who is not to be used.
pub fn running(_options: &Options) -> Result<Option<Box<dyn Agent>>, Failure> {
    platform::running(Surroundings::of_process())
}

/// Serves until the agent ends.
///
/// # Errors
/// Where another agent is running, or the socket cannot be had.
pub fn run_agent(options: RunOptions) -> Result<(), Failure> {
    platform::run(options)
}

/// Starts an agent that outlives this process and keeps its variables (rule 3.1 b); returns when it
/// answers.
///
/// # Errors
/// Where it does not start.
pub fn start_agent(_options: &Options) -> Result<Box<dyn Agent>, Failure> {
    platform::start(Surroundings::of_process())
}

/// The context of a question that this process asks. A socket that was mounted from elsewhere is
/// told nothing of this process.
///
/// # Errors
/// `usage` for variables or folders that cannot be sent.
pub fn context(about: About<'_>, options: &CallerOptions) -> Result<Context, Failure> {
    let around = Surroundings::of_process();
    if platform::is_foreign(&around) {
        return Ok(caller::bare(options));
    }
    caller::context_in(&around, about, options)
}

/// The agent inside this process: the same code that serves a socket, without one.
struct Inside {
    runtime: tokio::runtime::LocalRuntime,
    agent: Rc<agent::Agent>,
}

impl Inside {
    fn new(around: &Surroundings) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(16)
            .build_local(tokio::runtime::LocalOptions::default())
            .map_err(|error| {
                Failure::new(
                    ErrorCode::Internal,
                    format!("cannot start the work: {error}"),
                )
            })?;
        let parts = parts(around, "hand")?;
        let agent = runtime.block_on(async { Rc::new(agent::Agent::new(parts)) });
        Ok(Self { runtime, agent })
    }
}

impl Transport for Inside {
    fn call(&mut self, message: &[u8], _time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let message = message.strip_suffix(b"\0").unwrap_or(message);
        let work = connection::answer(&self.agent, message, Who::Connection(0));
        let (bytes, _) = self.runtime.block_on(work);
        let mut bytes = bytes.map(|bytes| (*bytes).clone()).unwrap_or_default();
        bytes.pop();
        Ok(bytes)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // A read on a dead network share, or a stuck keyring, must not hold up the end.
        let replacement = tokio::runtime::Builder::new_current_thread()
            .build_local(tokio::runtime::LocalOptions::default());
        if let Ok(replacement) = replacement {
            std::mem::replace(&mut self.runtime, replacement).shutdown_background();
        }
    }
}

/// What an agent of this process's surroundings is made of.
fn parts(around: &Surroundings, started_by: &'static str) -> Result<Parts, Failure> {
    let missing = |what: &str| {
        Failure::new(ErrorCode::Unavailable, format!("{what} is not known"))
            .hint("set HOME, or CREDENTIAL_HELPER_CONFIG_DIR and XDG_STATE_HOME")
    };
    let here = std::env::current_dir().ok();
    let settings = around
        .settings_folder(here.as_deref())
        .ok_or_else(|| missing("the folder of the settings"))?;
    let state = around
        .state_folder()
        .ok_or_else(|| missing("the folder of the bindings"))?;
    let home = around.home.clone().unwrap_or_else(|| PathBuf::from("/"));
    Ok(Parts {
        own: Own {
            settings,
            state,
            home,
        },
        started_by,
        socket: None,
        variables: None,
        idle_exit: None,
        clock: Clock::Real,
        #[cfg(unix)]
        control: None,
    })
}

/// Whether a reply says that the agent has other settings than this client.
fn is_other_settings(reply: &[u8]) -> bool {
    reply.starts_with(format!("{{\"error\":\"{INTERFACE_NAME}.OtherSettings\"").as_bytes())
}

#[cfg(unix)]
mod platform {
    //! The agent over its socket.

    use std::os::unix::net::UnixStream;

    use credential_helper_protocol::place::{self, ConnectError, Place};
    use credential_helper_protocol::program::program;
    use credential_helper_protocol::socket::SocketTransport;
    use credential_helper_protocol::{limits, start as starting};

    use super::{
        Agent, Client, Duration, ErrorCode, Failure, Inside, Rc, RunOptions, Surroundings,
        Transport, Zeroizing, is_other_settings, parts,
    };
    use crate::agent::lifecycle::{self, Config, StartFailure, StartedBy};
    use crate::agent::{Agent as Core, Served, hardening};
    use crate::provider::environment;
    use crate::provider::settings::IdleExit;

    /// How long an agent that a client started stays without a request, where the settings do not
    /// say.
    const IDLE_EXIT: Duration = Duration::from_secs(60 * 60);

    /// The agent over its socket; where it has other settings, the work is done in this process.
    struct Reached {
        socket: SocketTransport,
        inside: Option<Inside>,
        around: Rc<Surroundings>,
    }

    impl Transport for Reached {
        fn call(&mut self, message: &[u8], time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
            if let Some(inside) = &mut self.inside {
                return inside.call(message, time);
            }
            let reply = self.socket.call(message, time)?;
            if !is_other_settings(&reply) {
                return Ok(reply);
            }
            self.inside
                .insert(Inside::new(&self.around)?)
                .call(message, time)
        }

        fn reached_again(&mut self) -> bool {
            self.inside.is_none() && self.socket.reached_again()
        }
    }

    fn reached(around: Surroundings, place: Place, stream: UnixStream) -> Box<dyn Agent> {
        let around = Rc::new(around);
        let again = around.clone();
        let mut place = place;
        let open = Box::new(move || starting::connect_or_start(&again, &mut place));
        let socket = SocketTransport::new(stream, open);
        Box::new(Client::new(Reached {
            socket,
            inside: None,
            around,
        }))
    }

    pub(super) fn connect(around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
        // Where no place can be had, the work is done without an agent.
        let Ok(mut place) = place::find(&around) else {
            return Ok(Box::new(Client::new(Inside::new(&around)?)));
        };
        let stream = starting::connect_or_start(&around, &mut place)?;
        Ok(reached(around, place, stream))
    }

    pub(super) fn running(around: Surroundings) -> Result<Option<Box<dyn Agent>>, Failure> {
        let Ok(place) = place::find(&around) else {
            return Ok(None);
        };
        match place.connect(limits::REQUEST_TIME) {
            Ok(stream) => Ok(Some(reached(around, place, stream))),
            Err(ConnectError::NoAgent) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn start(around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
        let mut place = place::find(&around)?;
        let program = program()?;
        let stream = starting::start(&around, &mut place, &program, starting::Starter::Hand)?;
        Ok(reached(around, place, stream))
    }

    pub(super) fn is_foreign(around: &Surroundings) -> bool {
        place::find(around).is_ok_and(|place| place.foreign)
    }

    pub(super) fn run(options: RunOptions) -> Result<(), Failure> {
        hardening::harden();
        let around = Surroundings::of_process();
        let place = place::find(&around)?;
        let by_hand = !options.by_client;
        let mut parts = parts(&around, "hand")?;
        // Variables of an agent that a person or a job starts are its own; nobody may read them
        // from outside afterwards.
        parts.variables = by_hand
            .then(environment::take_own)
            .filter(|own| !own.is_empty());
        hardening::wipe_variables(|name| {
            credential_helper_protocol::variable::repository_part(name).is_some()
        });
        let config = Config {
            started_by: if by_hand {
                StartedBy::Hand
            } else {
                StartedBy::Client
            },
            idle_exit: if by_hand { None } else { idle_exit(&parts)? },
            detached: options.detached,
            ..Config::new(place.socket.clone())
        };
        lifecycle::run(&config, |control| {
            hardening::lock_memory();
            parts.started_by = control.started_by.word();
            parts.socket = Some(control.socket.clone());
            parts.idle_exit = control.idle_exit;
            parts.control = Some(control.clone());
            Ok(Rc::new(Served(Rc::new(Core::new(parts)))))
        })
        .map(|_| ())
        .map_err(|failure| match failure {
            StartFailure::AlreadyRunning => {
                Failure::new(ErrorCode::Unavailable, "an agent is running already")
                    .hint("see `helper agent status`")
            }
            StartFailure::Failed(failure) => failure,
        })
    }

    /// What the settings say; a file that cannot be read is told at the first question.
    fn idle_exit(parts: &super::Parts) -> Result<Option<Duration>, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build_local(tokio::runtime::LocalOptions::default())
            .map_err(|error| {
                Failure::new(
                    ErrorCode::Internal,
                    format!("cannot start the agent: {error}"),
                )
            })?;
        let view = crate::provider::files::Files::default().view();
        let load = crate::provider::settings::load(&view, &parts.own.settings, &parts.own.home);
        let set = runtime
            .block_on(load)
            .ok()
            .and_then(|settings| settings.idle_exit);
        Ok(match set {
            None => Some(IDLE_EXIT),
            Some(IdleExit::Never) => None,
            Some(IdleExit::After(time)) => Some(time),
        })
    }
}

#[cfg(not(unix))]
mod platform {
    //! Where there is no agent yet, every command works as with `--no-agent`.

    use super::{Agent, Client, ErrorCode, Failure, Inside, RunOptions, Surroundings};

    pub(super) fn connect(around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
        Ok(Box::new(Client::new(Inside::new(&around)?)))
    }

    pub(super) fn running(_around: Surroundings) -> Result<Option<Box<dyn Agent>>, Failure> {
        Ok(None)
    }

    pub(super) fn run(_options: RunOptions) -> Result<(), Failure> {
        Err(none())
    }

    pub(super) fn start(_around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
        Err(none())
    }

    pub(super) fn is_foreign(_around: &Surroundings) -> bool {
        false
    }

    fn none() -> Failure {
        Failure::new(
            ErrorCode::Unavailable,
            "there is no agent on this platform yet",
        )
        .hint("every command works without one")
    }
}
