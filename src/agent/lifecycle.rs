//! The life of the agent's process, from the first signal handler to the last wiped byte.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure};
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::clock::{Clock, Moment};
use super::server::{Ending, Handler, Server, Traffic};
pub use super::socket::StartFailure;
use super::socket::{Claim, Running, answers};
use super::{activation, detach, hardening, resident};

/// How often the agent looks whether the socket's path is still its own.
pub const CHECK_EVERY: Duration = Duration::from_mins(1);
/// How long after the last message an agent counts as idle that is to leave when idle.
const LEAVE_AFTER: Duration = Duration::from_secs(2);
/// How long after the last message an agent is at rest.
const REST_AFTER: Duration = Duration::from_secs(10);
/// How long a start waits for an agent that has the lock and does not answer: it is starting, or
/// about to end.
const OTHER_TIME: Duration = Duration::from_secs(2);
/// How long blocking work (a read on a dead network share) may hold up the end.
const END_TIME: Duration = Duration::from_millis(100);

/// Who started the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// A client that needed it.
    Client,
    /// A person, in the foreground or with `agent start`.
    Hand,
    /// The service manager, for a socket of its own.
    Activation,
}

impl StartedBy {
    /// The word in `status`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Hand => "hand",
            Self::Activation => "activation",
        }
    }
}

/// How to run.
pub struct Config {
    /// The socket's path; absolute.
    pub socket: PathBuf,
    /// Who starts it. [`StartedBy::Activation`] is found out, not given.
    pub started_by: StartedBy,
    /// After how long without a request it ends; never where unset.
    pub idle_exit: Option<Duration>,
    /// Whether it leaves the process that started it, and says `ready` on standard output.
    pub detached: bool,
    /// How often it looks whether the socket is still its own ([`CHECK_EVERY`]).
    pub check_every: Duration,
    /// The clock.
    pub clock: Clock,
}

impl Config {
    /// A run in the foreground that ends only when told to.
    pub fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            started_by: StartedBy::Hand,
            idle_exit: None,
            detached: false,
            check_every: CHECK_EVERY,
            clock: Clock::Real,
        }
    }
}

/// Why an agent stays although nobody asks it anything.
#[derive(Clone, Copy, Debug)]
pub enum Hold {
    /// It is locked: the next one would not be.
    Locked,
    /// It has restricted sockets: the next one would not open them.
    Sockets,
    /// uv reads the store that it keeps, and asks nobody.
    Store,
}

/// What the agent knows of its own life, and what it may decide about it.
pub struct Control {
    /// The clock.
    pub clock: Clock,
    /// When it started.
    pub started: Moment,
    /// Who started it.
    pub started_by: StartedBy,
    /// Its socket's path.
    pub socket: PathBuf,
    /// After how long without a request it ends.
    pub idle_exit: Option<Duration>,
    /// What goes on at its sockets.
    pub traffic: Rc<Traffic>,
    leave: Cell<bool>,
    hold: Cell<u8>,
    changed: Notify,
}

impl Control {
    fn new(config: &Config, started_by: StartedBy) -> Self {
        let by_activation = started_by == StartedBy::Activation;
        Self {
            clock: config.clock.clone(),
            started: config.clock.now(),
            started_by,
            socket: config.socket.clone(),
            idle_exit: config.idle_exit.filter(|_| !by_activation),
            traffic: Rc::new(Traffic::new(config.clock.clone())),
            leave: Cell::new(false),
            hold: Cell::new(0),
            changed: Notify::new(),
        }
    }

    /// Ends the agent as soon as nobody needs it: a newer build is there.
    pub fn leave_when_idle(&self) {
        self.leave.set(true);
        self.changed.notify_one();
    }

    /// Neither idleness nor a newer build ends the agent while there is a reason to stay.
    pub fn hold(&self, why: Hold, hold: bool) {
        let reasons = self.hold.get();
        let reason = 1 << why as u8;
        self.hold.set(if hold {
            reasons | reason
        } else {
            reasons & !reason
        });
        self.changed.notify_one();
    }

    /// Whether nobody has asked anything for a while.
    fn is_at_rest(&self) -> bool {
        let quiet = self.clock.now().since(self.traffic.last());
        self.traffic.busy() == 0 && quiet >= REST_AFTER
    }

    /// How long it is until idleness ends the agent; none where nothing can.
    fn left(&self) -> Option<Duration> {
        let traffic = &self.traffic;
        let limit = if self.leave.get() {
            let rest = if traffic.open() == 0 {
                Duration::ZERO
            } else {
                LEAVE_AFTER
            };
            self.idle_exit.map_or(rest, |idle| idle.min(rest))
        } else {
            self.idle_exit?
        };
        if self.hold.get() != 0 || traffic.busy() > 0 {
            return None;
        }
        Some(limit.saturating_sub(self.clock.now().since(traffic.last())))
    }
}

/// Runs the agent: claims its place, makes its handler, serves until something ends it.
///
/// The process should be [hardened](hardening::harden) already. The handler is made when the
/// place is ours, inside the runtime, before anyone can connect.
///
/// # Errors
/// Where another agent is there, or the place cannot be used. A detached run has told it to
/// whoever started it.
pub fn run<H, M>(config: &Config, make: M) -> Result<Ending, StartFailure>
where
    H: Handler + 'static,
    M: FnOnce(&Rc<Control>) -> Result<Rc<H>, Failure>,
{
    if config.detached {
        detach::begin().map_err(|error| internal("leave the client", &error))?;
    }
    // For the socket and everything else that is created from here on.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let result = with_runtime(config, make);
    if config.detached
        && let Err(failure) = &result
    {
        detach::report(Err(failure));
    }
    result
}

fn with_runtime<H, M>(config: &Config, make: M) -> Result<Ending, StartFailure>
where
    H: Handler + 'static,
    M: FnOnce(&Rc<Control>) -> Result<Rc<H>, Failure>,
{
    hardening::few_arenas();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .thread_keep_alive(Duration::from_secs(2))
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| internal("start", &error))?;
    let result = runtime.block_on(live(config, make));
    // Drops every task, and with the last of them what the handler kept.
    runtime.shutdown_timeout(END_TIME);
    result
}

async fn live<H, M>(config: &Config, make: M) -> Result<Ending, StartFailure>
where
    H: Handler + 'static,
    M: FnOnce(&Rc<Control>) -> Result<Rc<H>, Failure>,
{
    // Before there is a socket that the default action of a signal would leave behind.
    let mut signals = Signals::new().map_err(|error| internal("watch for signals", &error))?;
    hardening::outlive_file_limits();
    let handed = if config.detached {
        None
    } else {
        activation::listener().map_err(|error| internal("take the socket over", &error))?
    };
    let place = match handed {
        Some(listener) => Place::Handed(listener),
        None => Place::Claimed(tokio::select! {
            claim = claim(config) => claim?,
            () = signals.next() => return Ok(Ending::Signal),
        }),
    };
    let started_by = match place {
        Place::Handed(_) => StartedBy::Activation,
        Place::Claimed(_) => config.started_by,
    };
    let control = Rc::new(Control::new(config, started_by));
    let handler = make(&control)?;
    let (running, listener) = match place {
        Place::Handed(listener) => (None, listener),
        Place::Claimed(claim) => {
            let (running, listener) = claim.listen()?;
            (Some(running), listener)
        }
    };
    // From here on the socket is removed whatever happens.
    let running = Cell::new(running);
    let ending = match nonblocking(listener) {
        Err(error) => Err(internal("listen", &error)),
        Ok(listener) => {
            hardening::lock_memory();
            resident::give_back();
            if config.detached {
                detach::report(Ok(()));
            } else {
                activation::ready();
            }
            let server = Rc::new(Server::new(handler, control.traffic.clone()));
            let shutdown = async {
                tokio::select! {
                    biased;
                    () = signals.next() => Ending::Signal,
                    ending = watch_over(&control, &running, config.check_every) => ending,
                }
            };
            let closing = |_| {
                if !config.detached {
                    activation::stopping();
                }
                if let Some(running) = running.take() {
                    running.leave();
                }
            };
            Ok(server.serve(listener, shutdown, closing).await)
        }
    };
    if let Some(running) = running.take() {
        running.leave();
    }
    ending
}

enum Place {
    Handed(std::os::unix::net::UnixListener),
    Claimed(Claim),
}

/// The lock, waiting for an agent that has it and does not answer.
async fn claim(config: &Config) -> Result<Claim, StartFailure> {
    let patience = async {
        loop {
            if let Some(claim) = Claim::take(&config.socket)? {
                return Ok(claim);
            }
            if answers(&config.socket) {
                return Err(StartFailure::AlreadyRunning);
            }
            // There is nothing to wait on: the lock has no event, and the other agent's socket
            // may come or never come.
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(OTHER_TIME, patience)
        .await
        .unwrap_or(Err(StartFailure::AlreadyRunning))
}

/// Ends when the socket is no longer ours, or nobody needs it.
async fn watch_over(
    control: &Control,
    running: &Cell<Option<Running>>,
    check_every: Duration,
) -> Ending {
    loop {
        let left = control.left();
        if left.is_some_and(|left| left.is_zero()) {
            return Ending::Idle;
        }
        // Timers stand still while the machine sleeps; the clock does not. So none is long.
        let nap = left.map_or(check_every, |left| left.min(check_every));
        tokio::select! {
            () = sleep(nap) => {}
            () = control.changed.notified() => {}
            // Who is to leave at the first idle moment has to notice it; and how long is left is
            // not known while there is work.
            () = control.traffic.freed(), if control.leave.get() || control.traffic.busy() > 0 => {}
        }
        let socket = running.take();
        let ours = socket.as_ref().is_none_or(Running::is_ours);
        running.set(socket);
        if !ours {
            return Ending::Replaced;
        }
        hardening::lock_memory();
        if control.is_at_rest() {
            resident::give_back();
        }
    }
}

/// The signals that ask for an end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

fn nonblocking(listener: std::os::unix::net::UnixListener) -> std::io::Result<UnixListener> {
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn internal(what: &str, error: &std::io::Error) -> StartFailure {
    let reason = error.kind();
    StartFailure::Failed(Failure::new(
        ErrorCode::Unavailable,
        format!("cannot {what}: {reason}"),
    ))
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
