//! The daemon: one thread, one task a connection.
//!
//! [`server`] brings the bytes, [`connection`] decodes them, [`answers`] keeps and coalesces,
//! [`drive`] asks the providers. The agent's own code opens no network connection.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use credential_helper_protocol::{
    Context, ErrorCode, Explanation, Failure, Question, SettingsReply, Variable, limits,
};

use self::answers::{Answers, Bytes};
use self::askers::Askers;
use self::breaker::Breakers;
use self::clock::{Clock, Moment};
use self::drive::Drive;
use self::known::Own;
use self::registry::Registry;
use self::rejected::Rejected;
use crate::domain::credential::ProviderId;
use crate::domain::log::Log;
use crate::provider::files::Files;
use crate::provider::{Call, Folders};

#[cfg(unix)]
mod activation;
pub mod allocator;
pub mod answers;
mod ask;
pub mod askers;
pub mod breaker;
#[cfg(unix)]
mod buffer;
pub mod bulk;
mod call;
pub mod change;
mod checked;
pub mod clock;
pub mod configure;
pub mod connection;
mod declared;
pub mod delete;
#[cfg(unix)]
mod detach;
pub mod drive;
pub mod get;
#[cfg(unix)]
pub mod hardening;
pub mod known;
#[cfg(unix)]
pub mod lifecycle;
pub mod list;
mod lock;
#[cfg(unix)]
pub mod managed_store;
#[cfg(not(unix))]
mod no_store;
#[cfg(unix)]
pub mod peer;
mod place;
#[cfg(unix)]
pub mod process;
mod question;
pub mod registry;
pub mod rejected;
pub mod reply;
#[cfg(unix)]
mod resident;
#[cfg(unix)]
mod restricted;
#[cfg(unix)]
mod served;
#[cfg(unix)]
pub mod server;
pub mod service;
mod service_change;
#[cfg(unix)]
pub mod socket;
#[cfg(unix)]
mod sockets;
pub mod status;
#[cfg(unix)]
mod stream;
mod token;
pub mod told;
#[cfg(unix)]
mod traffic;
pub mod trust;
mod version;

#[cfg(unix)]
pub use self::served::Served;

/// How long the text of a file that nobody asks for is kept.
const KEEP_FILES: Duration = Duration::from_mins(10);

/// What an agent is started with.
pub struct Parts {
    /// Where its own files are.
    pub own: Own,
    /// How it came to run, as a word: `client`, `hand` or `activation`.
    pub started_by: &'static str,
    /// Its socket.
    pub socket: Option<PathBuf>,
    /// Variables of its own, where a person started it.
    pub variables: Option<BTreeMap<String, Variable>>,
    /// After how much time without a request it ends.
    pub idle_exit: Option<Duration>,
    /// Its clock.
    pub clock: Clock,
    /// Where it tells what it does.
    pub log: Log,
    /// Whether it answers from the variables of a question alone.
    pub only_variables: bool,
    /// Its own life, where it is a process of its own.
    #[cfg(unix)]
    pub control: Option<Rc<lifecycle::Control>>,
}

/// The agent's state.
pub struct Agent {
    parts: Parts,
    files: Files,
    registry: Registry,
    breakers: Breakers,
    answers: Answers,
    rejected: Rejected,
    askers: Askers,
    locked: Cell<bool>,
    locking: Notify,
    keyring_owners: Rc<Cell<u64>>,
    seen_owners: Cell<u64>,
    started: Moment,
    #[cfg(unix)]
    sockets: sockets::Sockets,
    #[cfg(unix)]
    store: Option<managed_store::Store>,
}

impl Agent {
    /// An agent that has asked nothing yet.
    pub fn new(mut parts: Parts) -> Self {
        // A process that ends with its answer has nothing to watch for.
        let files = if parts.socket.is_some() {
            Files::watching()
        } else {
            Files::default()
        };
        files.log_to(&parts.log);
        let registry = if parts.only_variables {
            Registry::only_variables()
        } else {
            Registry::new(parts.variables.take())
        };
        registry.log_to(&parts.log);
        let keyring_owners = registry.keyring.owners();
        let clock = parts.clock.clone();
        Self {
            #[cfg(unix)]
            store: managed_store::Store::of(parts.control.as_deref()),
            answers: Answers::new(
                clock.clone(),
                files.clone(),
                registry.keyring.subscribe(),
                parts.log.clone(),
            ),
            breakers: Breakers::new(clock.clone()),
            rejected: Rejected::new(clock.clone()),
            askers: Askers::new(clock.clone()),
            started: clock.now(),
            locked: Cell::new(false),
            locking: Notify::new(),
            seen_owners: Cell::new(keyring_owners.get()),
            keyring_owners,
            parts,
            files,
            registry,
            #[cfg(unix)]
            sockets: sockets::Sockets::default(),
        }
    }

    /// Lets restricted sockets answer from this agent.
    #[cfg(unix)]
    pub fn allow_sockets(self: &Rc<Self>) {
        self.sockets.of(self);
    }

    /// The kept answer to this message, if it still holds: the way of nearly every question.
    pub fn quick(&self, message: &[u8]) -> Option<Bytes> {
        if self.locked.get() || !self.rejected.is_empty() {
            return None;
        }
        self.answers.find(message)
    }

    /// Where it tells what it does.
    pub(super) fn log(&self) -> &Log {
        &self.parts.log
    }

    fn own(&self) -> &Own {
        &self.parts.own
    }

    fn drive(&self) -> Drive<'_> {
        Drive {
            own: &self.parts.own,
            registry: &self.registry,
            breakers: &self.breakers,
            askers: &self.askers,
            log: &self.parts.log,
        }
    }

    /// # Errors
    /// `locked` while `lock` holds.
    fn not_locked(&self) -> Result<(), Failure> {
        if self.locked.get() {
            Err(locked())
        } else {
            Ok(())
        }
    }

    /// What providers may know of a request.
    ///
    /// # Errors
    /// `other-settings` for a client with other folders, `usage` for broken ones.
    fn call(&self, context: &Context) -> Result<Call, Failure> {
        question::check_context(context)?;
        let own = self.own();
        let differs = |theirs: &Option<String>, ours: &PathBuf| {
            theirs
                .as_ref()
                .is_some_and(|theirs| Path::new(theirs) != ours)
        };
        if differs(&context.settings, &own.settings) || differs(&context.state, &own.state) {
            return Err(known::other_settings());
        }
        self.note_version(context.version.as_deref());
        let folder = |path: &Option<String>| path.as_ref().map(PathBuf::from);
        Ok(Call {
            variables: context.variables.clone(),
            folders: Folders {
                project: None,
                poetry: folder(&context.poetry),
                uv: folder(&context.uv),
                uv_store: self.uv_store(folder(&context.uv_store)),
            },
            files: self.files.view(),
            bus: context.bus.clone(),
            prompt: context.prompt,
            time: limits::REQUEST_TIME,
        })
    }

    /// A client of a newer build makes this agent leave when it is idle.
    fn note_version(&self, theirs: Option<&str>) {
        if theirs.is_some_and(version::is_newer) {
            self.leave_when_idle();
        }
    }

    #[cfg(unix)]
    fn leave_when_idle(&self) {
        if let Some(control) = &self.parts.control {
            control.leave_when_idle();
        }
    }

    /// A locked agent neither leaves when idle nor gives way to another build.
    #[cfg(unix)]
    fn hold(&self, hold: bool) {
        if let Some(control) = &self.parts.control {
            control.hold(lifecycle::Hold::Locked, hold);
        }
    }

    #[cfg(unix)]
    fn open_sockets(&self) -> Vec<credential_helper_protocol::RestrictedSocket> {
        self.sockets.list()
    }

    #[cfg(not(unix))]
    fn open_sockets(&self) -> Vec<credential_helper_protocol::RestrictedSocket> {
        Vec::new()
    }

    #[cfg(unix)]
    fn connections(&self) -> u64 {
        self.parts
            .control
            .as_ref()
            .map_or(0, |control| control.traffic.open() as u64)
    }

    #[cfg(not(unix))]
    fn leave_when_idle(&self) {}

    #[cfg(not(unix))]
    fn hold(&self, _hold: bool) {}

    #[cfg(not(unix))]
    fn connections(&self) -> u64 {
        0
    }

    /// Waits for work that `lock` cancels.
    ///
    /// # Errors
    /// `locked`, or what the work says.
    pub async fn unless_locked<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.not_locked()?;
        tokio::select! {
            biased;
            () = self.locking.notified() => Err(locked()),
            result = work => result,
        }
    }

    /// Wipes what has outlived its limits.
    pub fn sweep(&self) {
        self.answers.sweep();
        self.files.forget_unused(KEEP_FILES);
    }

    /// Everything that was kept is old: a store was changed by us.
    fn changed(&self) {
        self.answers.forget();
    }

    /// A keyring that is there anew is asked again, whatever its breaker says.
    fn notice_keyring(&self) {
        let now = self.keyring_owners.get();
        if self.seen_owners.replace(now) != now {
            self.breakers.answered(ProviderId::SYSTEM_KEYRING);
        }
    }

    /// `Explain`: the whole search.
    ///
    /// # Errors
    /// For a question that cannot be read, and while locked.
    pub async fn explain(&self, question: &Question) -> Result<Explanation, Failure> {
        self.not_locked()?;
        if question::parse(question)?.is_nothing() {
            return Ok(service::no_search());
        }
        let mut call = self.call(&question.context)?;
        self.notice_keyring();
        let resolved = self.drive().resolve(question, &mut call, true).await?;
        self.not_locked()?;
        Ok(resolved.into_explanation())
    }

    /// `Settings`: Poetry's settings.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub async fn poetry_settings(&self, context: &Context) -> Result<SettingsReply, Failure> {
        let mut call = self.call(context)?;
        known::find_project(&mut call, context.folder.as_deref()).await?;
        let settings = crate::provider::poetry::settings(&call, context.keyring_enabled.as_deref())
            .await
            .map_err(|failure| Failure::new(failure.why.code(), failure.detail))?;
        Ok(SettingsReply {
            settings,
            changed: None,
        })
    }

    /// What is answered while locked reads files too: none of them stays in memory.
    fn forget_if_locked(&self) {
        if self.locked.get() {
            self.registry.forget();
            self.files.forget();
        }
    }
}

fn locked() -> Failure {
    Failure::new(ErrorCode::Locked, "the agent is locked")
        .hint("unlock it with `helper agent unlock`")
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod rules_tests;
