//! The Secret Service of the desktop: gnome-keyring, `KWallet`, `KeePassXC`, oo7.
//!
//! One connection to the session bus and one encrypted session, calls in order. A call that is
//! given up takes its connection along, so that it cannot get in the way of the next; only what
//! listens there stays, until there is a new one.
//!
//! - `address`: where the bus is
//! - `link`: connection, owner of the name, calls
//! - `signals`: what changed
//! - `items`: find, store, erase, list, as Python keyring does
//! - `unlock`: the window, or a password
//! - `guarded`: work that may be given up at any moment
//! - `trouble`: why it could not be asked

mod address;
mod guarded;
mod items;
mod link;
mod signals;
mod trouble;
mod unlock;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, ProviderState, Secret, limits};
use tokio::sync::Mutex;
use tokio::time::timeout;
use zbus::zvariant::OwnedObjectPath;

use super::{Call, Entry, Later, Provider};
use crate::domain::credential::{Answer, Key, ProviderId, Why};
use crate::domain::log::{Line, Log};

pub use super::presence::Presence;
use super::presence::entry;
pub use address::Places;
use link::{COLLECTION, Link, Start};
use signals::{Generation, Watch};
use trouble::{Refusal, Trouble};
use unlock::Asked;

/// The provider.
pub struct SecretService {
    places: Places,
    link: Mutex<Option<Link>>,
    /// Outlives a connection that was given up: that its service went away is heard all the same.
    watch: RefCell<Option<Rc<Watch>>>,
    prompting: Mutex<()>,
    prompt_time: Duration,
    generation: Generation,
    log: OnceCell<Log>,
}

impl Default for SecretService {
    fn default() -> Self {
        Self::new(Places::of_process())
    }
}

impl SecretService {
    /// One that looks for the bus at these places, and then at the client's.
    ///
    /// Its futures listen to signals in a task of their own: they have to be driven in a
    /// [`tokio::task::LocalSet`].
    pub fn new(places: Places) -> Self {
        Self {
            places,
            link: Mutex::new(None),
            watch: RefCell::default(),
            prompting: Mutex::new(()),
            prompt_time: limits::PROMPT_TIME,
            generation: Generation::default(),
            log: OnceCell::new(),
        }
    }

    /// Tells there when the keyring is connected to; the first that is given stays.
    pub fn log_to(&self, log: &Log) {
        let _ = self.log.set(log.clone());
    }

    /// The same with another time for the window than [`limits::PROMPT_TIME`].
    #[must_use]
    pub fn with_prompt_time(mut self, time: Duration) -> Self {
        self.prompt_time = time;
        self
    }

    /// Counts the changes that the service has told of, and every time that some may have been
    /// missed: an answer that was read at another count is old.
    pub fn subscribe(&self) -> Rc<Cell<u64>> {
        self.generation.counter()
    }

    /// Counts the services that went away: who did not answer in time may be replaced by one that
    /// does. Connections that are given up do not count.
    pub fn owners(&self) -> Rc<Cell<u64>> {
        self.generation.owners()
    }

    /// Whether there is a keyring to store in.
    pub async fn presence(&self, call: &Call) -> Presence {
        let asked = self
            .with_link(call, Start::Allowed, async |link| {
                link.default_collection().await
            })
            .await;
        let absent = match asked {
            Ok(Some(_)) => return Presence::Present,
            Ok(None) => items::no_default().detail(),
            Err(Trouble::Absent(why)) => why,
            Err(other) => return Presence::Unknown(other.detail()),
        };
        let elsewhere = async {
            match &call.bus {
                Some(client) => self.places.is_other(client).await && self.places.has_own().await,
                None => false,
            }
        };
        // Where the client has a bus that we do not use, its keyring may be there.
        match timeout(call.time, elsewhere).await {
            Ok(false) => Presence::Absent(absent),
            Ok(true) => Presence::Unknown(
                "the agent's session bus is not yours: restart the agent from this session"
                    .to_owned(),
            ),
            Err(_) => Presence::Unknown(Trouble::TimedOut(call.time).detail()),
        }
    }

    /// Unlocks the default collection: with a password through gnome-keyring's internal
    /// interface, without one by the keyring's own window.
    ///
    /// # Errors
    /// Where it is locked afterwards.
    pub async fn unlock(&self, call: &Call, password: Option<&Secret>) -> Result<(), Failure> {
        let Some(password) = password else {
            return self.unlock_by_prompt(call, None).await;
        };
        let work = async {
            let link = self.open(call, Start::Allowed).await?;
            unlock::with_password(&link, password).await
        };
        match within(call.time, work).await {
            Ok(()) => Ok(()),
            Err(trouble @ Trouble::Locked(_)) => Err(trouble
                .failure("cannot unlock the keyring")
                .hint("check the password: it is the keyring's own, often that of the login")),
            Err(trouble) => Err(trouble.failure("cannot unlock the keyring")),
        }
    }

    /// The window has its own time; who calls may give up earlier.
    async fn unlock_by_prompt(
        &self,
        call: &Call,
        object: Option<&OwnedObjectPath>,
    ) -> Result<(), Failure> {
        let doing = "cannot unlock the keyring";
        // One window at a time; the next finds the keyring open.
        let _one = self.prompting.lock().await;
        let asked = async {
            let link = within(call.time, self.open(call, Start::Allowed)).await?;
            unlock::by_prompt(&link, object, self.prompt_time).await
        };
        let why = match asked.await {
            Ok(Asked::Accepted) => return Ok(()),
            Ok(Asked::Dismissed) => {
                "its prompt was dismissed, or no window could be shown here".to_owned()
            }
            Ok(Asked::Unanswered) => {
                let seconds = self.prompt_time.as_secs_f64();
                let why = format!("{doing}: nobody answered its prompt within {seconds} s");
                return Err(Failure::new(ErrorCode::TimedOut, why).hint(HEADLESS));
            }
            Err(trouble) => return Err(trouble.failure(doing)),
        };
        Err(Failure::new(ErrorCode::Locked, format!("{doing}: {why}")).hint(HEADLESS))
    }

    async fn open(&self, call: &Call, start: Start) -> Result<Link, Trouble> {
        let opened = Link::open(&self.places, call.bus.as_deref(), start, &self.generation).await;
        if let Ok(link) = &opened {
            self.watch.replace(Some(link.watch()));
        }
        if let Some(log) = self.log.get() {
            log.debug(|| {
                let line = Line::new("connected to the keyring");
                match &opened {
                    Ok(_) => line.word("result", "ok"),
                    Err(trouble) => line
                        .word("result", "failed")
                        .text("reason", &trouble.detail()),
                }
            });
        }
        opened
    }

    /// Does something with the connection, one at a time. What was lost (session, service, bus)
    /// is opened again once.
    async fn with_link<T>(
        &self,
        call: &Call,
        start: Start,
        what: impl AsyncFn(&Link) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        within(call.time, async {
            let mut slot = self.link.lock().await;
            // Taken out while it is used: whoever gives up takes the connection along.
            let mut link = match slot.take() {
                Some(link) if link.serves(&self.places, call.bus.as_deref()).await => link,
                _ => self.open(call, start).await?,
            };
            let mut result = what(&link).await;
            if result.as_ref().is_err_and(Trouble::is_passing) {
                drop(link);
                // In a new session also where an object is gone: KWallet says that of an item whose
                // new secret it cannot decrypt.
                link = self.open(call, start).await?;
                result = what(&link).await;
            }
            if !result.as_ref().is_err_and(Trouble::is_passing) {
                *slot = Some(link);
            }
            result
        })
        .await
    }

    /// The same for what a user asked for: may start the service, and unlock it where the user
    /// allowed a prompt.
    async fn ask<T>(
        &self,
        call: &Call,
        what: impl AsyncFn(&Link) -> Result<T, Trouble>,
    ) -> Result<T, Refusal> {
        match self.with_link(call, Start::Allowed, &what).await {
            Err(Trouble::Locked(object)) if call.prompt => {
                self.unlock_by_prompt(call, Some(&object))
                    .await
                    .map_err(Refusal::Prompt)?;
                let again = self.with_link(call, Start::Allowed, &what).await;
                again.map_err(Refusal::Trouble)
            }
            other => other.map_err(Refusal::Trouble),
        }
    }
}

const HEADLESS: &str = "where no window can be shown, pipe the keyring's password to `helper agent unlock --password-stdin`";

/// The part of a call's time in which a question of the keyring about it may be answered.
const PATIENCE: f64 = 0.75;

async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    match timeout(time, work).await {
        Ok(result) => result,
        Err(_) => Err(Trouble::TimedOut(time)),
    }
}

impl Provider for SecretService {
    fn id(&self) -> ProviderId {
        ProviderId::SECRET_SERVICE
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async move {
            let Key::Service { service, username } = key else {
                return Answer::NotFound;
            };
            let found = self
                .ask(call, async |link| {
                    items::find(link, service, username.as_deref()).await
                })
                .await;
            match found {
                Ok(Some(halves)) => Answer::Found(halves),
                Ok(None) => Answer::NotFound,
                Err(Refusal::Trouble(trouble)) => trouble.answer(),
                Err(Refusal::Prompt(failure)) => {
                    let why = match failure.code {
                        ErrorCode::TimedOut => Why::TimedOut,
                        _ => Why::Locked,
                    };
                    Answer::failed(why, failure.message)
                }
            }
        })
    }

    fn list<'a>(&'a self, call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            self.ask(call, async |link| items::list(link).await)
                .await
                .map_err(|refusal| refusal.failure("cannot list the keyring's entries"))
        })
    }

    fn store<'a>(
        &'a self,
        key: &'a Key,
        secret: &'a Secret,
        call: &'a Call,
    ) -> Later<'a, Result<String, Failure>> {
        Box::pin(async move {
            let doing = format!("cannot store {key} in the keyring");
            let (service, username) = entry(key, &doing)?;
            self.ask(call, async |link| {
                items::store(link, service, username, secret).await
            })
            .await
            .map_err(|refusal| refusal.failure(&doing))
        })
    }

    fn erase<'a>(
        &'a self,
        key: &'a Key,
        call: &'a Call,
    ) -> Later<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            let Key::Service { service, username } = key else {
                return Ok(Vec::new());
            };
            self.ask(call, async |link| {
                // Less than the whole: the window is closed before the connection is.
                let patience = call.time.mul_f64(PATIENCE);
                items::erase(link, service, username.as_deref(), patience).await
            })
            .await
            .map_err(|refusal| refusal.failure(&format!("cannot remove {key} from the keyring")))
        })
    }

    fn state<'a>(&'a self, call: &'a Call) -> Later<'a, ProviderState> {
        Box::pin(async move {
            let asked = self
                .with_link(call, Start::Never, async |link| {
                    match link.default_collection().await? {
                        Some(collection) => {
                            let locked = link.locked(&collection, COLLECTION).await?;
                            Ok(Some((locked, items::place(&collection))))
                        }
                        None => Ok(None),
                    }
                })
                .await;
            let (state, detail) = match asked {
                Ok(Some((locked, place))) => (if locked { "locked" } else { "ready" }, place),
                Ok(None) => ("unavailable", items::no_default().detail()),
                Err(Trouble::Absent(why)) => {
                    let client = call.bus.as_deref();
                    let startable = link::can_be_started(&self.places, client);
                    match within(call.time, startable).await {
                        Ok(true) => ("ready", "started when it is needed".to_owned()),
                        _ => ("unavailable", why),
                    }
                }
                Err(trouble) => ("unavailable", trouble.detail()),
            };
            ProviderState {
                name: self.id().word().to_owned(),
                state: state.to_owned(),
                detail: Some(detail),
            }
        })
    }

    fn forget(&self) {
        // The key of the session; whoever uses it right now keeps it until the answer is there.
        if let Ok(mut slot) = self.link.try_lock() {
            *slot = None;
        }
    }
}
