//! The Secret Service provider against a service that behaves as we say: what a keyring with a
//! window does, and one that finds nothing while it is locked (oo7).
#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the form of methods that `zbus::interface` wants"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use credential_helper::domain::credential::{Answer, Why};
use credential_helper::provider::Provider as _;
use credential_helper::provider::secret_service::SecretService;
use credential_helper_protocol::{ErrorCode, Secret};
use tokio::sync::Notify;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, Value};

use crate::harness::keyring::{Bus, LOGIN};
use crate::secret_service::{alice, at, call, call_within, failed, run};

const SESSION: &str = "/org/freedesktop/secrets/session/s1";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/p1";
const ITEM: &str = "/org/freedesktop/secrets/collection/login/1";

/// What the person in front of the screen does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Accepts,
    Dismisses,
    IsAway,
}

pub(crate) struct State {
    locked: AtomicBool,
    has_item: AtomicBool,
    pub(crate) shown: AtomicUsize,
    pub(crate) was_shown: Notify,
    dismissed: AtomicUsize,
}

struct Service(Arc<State>);
struct Collection(Arc<State>);
/// Is removed after a prompt only, as those of `KeePassXC` are.
struct Item;
struct Prompt(Arc<State>, User);

fn path(text: &'static str) -> OwnedObjectPath {
    ObjectPath::from_static_str_unchecked(text).into()
}

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn open_session(
        &self,
        _algorithm: &str,
        _ours: Value<'_>,
    ) -> (Value<'static>, OwnedObjectPath) {
        // Any member of the group: nothing is decrypted here.
        (Value::from(vec![5_u8]), path(SESSION))
    }

    fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        path(LOGIN)
    }

    fn search_items(
        &self,
        _attributes: HashMap<String, String>,
    ) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        let has_item = self.0.has_item.load(Ordering::SeqCst);
        (
            has_item.then(|| path(ITEM)).into_iter().collect(),
            Vec::new(),
        )
    }

    fn unlock(&self, _objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, OwnedObjectPath) {
        (Vec::new(), path(PROMPT))
    }
}

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    fn search_items(&self, _attributes: HashMap<String, String>) -> Vec<OwnedObjectPath> {
        Vec::new()
    }

    fn create_item(
        &self,
        _properties: HashMap<String, Value<'_>>,
        _secret: (OwnedObjectPath, Vec<u8>, Vec<u8>, String),
        _replace: bool,
    ) -> (OwnedObjectPath, OwnedObjectPath) {
        (path("/"), path(PROMPT))
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        self.0.locked.load(Ordering::SeqCst)
    }
}

#[zbus::interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    fn delete(&self) -> OwnedObjectPath {
        path(PROMPT)
    }
}

#[zbus::interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(
        &self,
        _window: &str,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        self.0.shown.fetch_add(1, Ordering::SeqCst);
        self.0.was_shown.notify_one();
        match self.1 {
            User::IsAway => return Ok(()),
            User::Accepts => self.0.locked.store(false, Ordering::SeqCst),
            User::Dismisses => {}
        }
        let dismissed = self.1 == User::Dismisses;
        Self::completed(&emitter, dismissed, Value::from("")).await?;
        Ok(())
    }

    fn dismiss(&self) {
        self.0.dismissed.fetch_add(1, Ordering::SeqCst);
    }

    #[zbus(signal)]
    async fn completed(
        emitter: &SignalEmitter<'_>,
        dismissed: bool,
        result: Value<'_>,
    ) -> zbus::Result<()>;
}

pub(crate) async fn serve(bus: &Bus, state: &Arc<State>, user: User) -> zbus::Connection {
    zbus::connection::Builder::address(bus.address().as_str())
        .unwrap()
        .serve_at("/org/freedesktop/secrets", Service(Arc::clone(state)))
        .unwrap()
        .serve_at(LOGIN, Collection(Arc::clone(state)))
        .unwrap()
        .serve_at(ITEM, Item)
        .unwrap()
        .serve_at(PROMPT, Prompt(Arc::clone(state), user))
        .unwrap()
        .name("org.freedesktop.secrets")
        .unwrap()
        .build()
        .await
        .unwrap()
}

pub(crate) fn state() -> Arc<State> {
    Arc::new(State {
        locked: AtomicBool::new(true),
        has_item: AtomicBool::new(false),
        shown: AtomicUsize::new(0),
        was_shown: Notify::new(),
        dismissed: AtomicUsize::new(0),
    })
}

fn with_user<F: AsyncFnOnce(SecretService, &State)>(user: User, test: F) {
    run(async {
        let (bus, state) = (Bus::start(), state());
        let _service = serve(&bus, &state, user).await;
        test(at(bus.address()), &state).await;
    });
}

#[test]
fn finding_nothing_while_locked_is_not_the_same_as_having_nothing() {
    with_user(User::IsAway, async |provider, state| {
        assert_eq!(
            failed(provider.find(&alice(), &call()).await).0,
            Why::Locked
        );
        state.locked.store(false, Ordering::SeqCst);
        let answer = provider.find(&alice(), &call()).await;
        assert!(matches!(answer, Answer::NotFound));
        // Nobody was asked for any of this.
        assert_eq!(state.shown.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_prompt_that_is_accepted() {
    with_user(User::Accepts, async |provider, state| {
        let mut asking = call();
        asking.prompt = true;
        let answer = provider.find(&alice(), &asking).await;
        assert!(matches!(answer, Answer::NotFound));
        provider.unlock(&call(), None).await.unwrap();
        assert_eq!(state.shown.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_prompt_that_is_dismissed() {
    with_user(User::Dismisses, async |provider, _| {
        let mut asking = call();
        asking.prompt = true;
        let (why, detail) = failed(provider.find(&alice(), &asking).await);
        assert_eq!(why, Why::Locked);
        assert!(detail.contains("dismissed"), "{detail}");
        let refused = provider.unlock(&call(), None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Locked);
    });
}

#[test]
fn nobody_waits_for_a_prompt_that_is_not_theirs() {
    with_user(User::IsAway, async |provider, state| {
        let shown = async {
            state.was_shown.notified().await;
            let short = Duration::from_secs(10);
            tokio::time::timeout(short, provider.find(&alice(), &call())).await
        };
        let asked = call();
        // The window is open for ever: the read that comes meanwhile ends the race.
        tokio::select! {
            _ = provider.unlock(&asked, None) => panic!("nobody answered the prompt"),
            read = shown => assert_eq!(failed(read.unwrap()).0, Why::Locked),
        }
        // Given up, it is not in the way of the next.
        state.locked.store(false, Ordering::SeqCst);
        provider.unlock(&asked, None).await.unwrap();
    });
}

#[test]
fn another_service_has_no_way_in_by_password() {
    with_user(User::Accepts, async |provider, _| {
        let password = Secret::from("password");
        let refused = provider.unlock(&call(), Some(&password)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Unavailable);
        assert!(refused.message.contains("only gnome-keyring"), "{refused}");
    });
}

#[test]
fn a_prompt_that_nobody_answers_is_closed() {
    with_user(User::IsAway, async |provider, state| {
        let provider = provider.with_prompt_time(Duration::from_millis(100));
        let refused = provider.unlock(&call(), None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::TimedOut);
        assert!(refused.message.ends_with("within 0.1 s"), "{refused}");
        assert!(refused.hint.unwrap().contains("--password-stdin"));
        assert_eq!(state.dismissed.load(Ordering::SeqCst), 1);
        let mut asking = call();
        asking.prompt = true;
        assert_eq!(
            failed(provider.find(&alice(), &asking).await).0,
            Why::TimedOut
        );
        assert_eq!(state.dismissed.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn removing_after_a_question() {
    for user in [User::Accepts, User::Dismisses, User::IsAway] {
        with_user(user, async |provider, state| {
            state.locked.store(false, Ordering::SeqCst);
            state.has_item.store(true, Ordering::SeqCst);
            // Somebody who is away is waited for in vain.
            let asked = match user {
                User::IsAway => call_within(Duration::from_secs(5)),
                _ => call(),
            };
            match provider.erase(&alice(), &asked).await {
                Ok(removed) => {
                    assert!(user == User::Accepts);
                    assert_eq!(removed, ["collection login"]);
                }
                Err(refused) => {
                    assert!(user != User::Accepts, "{refused}");
                    assert_eq!(refused.code, ErrorCode::Unavailable);
                }
            }
            let closed = usize::from(user == User::IsAway);
            assert_eq!(state.dismissed.load(Ordering::SeqCst), closed);
            assert_eq!(state.shown.load(Ordering::SeqCst), 1);
        });
    }
}

#[test]
fn storing_waits_for_a_question_as_long_as_for_anything() {
    with_user(User::IsAway, async |provider, state| {
        state.locked.store(false, Ordering::SeqCst);
        let secret = Secret::from("one");
        let short = call_within(Duration::from_secs(5));
        let refused = provider.store(&alice(), &secret, &short).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::TimedOut);
        assert_eq!(state.shown.load(Ordering::SeqCst), 1);
        // Given up, it is not in the way of the next.
        let answer = provider.find(&alice(), &call()).await;
        assert!(matches!(answer, Answer::NotFound));
    });
}

/// The questions of `secret_service` listen with a rule of their own, which zbus takes back in a
/// task: that has to be possible at the end, too.
#[test]
fn the_process_may_end_while_a_question_is_open() {
    let (bus, state) = (Bus::start(), state());
    state.locked.store(false, Ordering::SeqCst);
    let provider = std::rc::Rc::new(at(bus.address()));
    run(async {
        let _service = serve(&bus, &state, User::IsAway).await;
        let asked = std::rc::Rc::clone(&provider);
        tokio::task::spawn_local(async move {
            let secret = Secret::from("one");
            asked.store(&alice(), &secret, &call()).await.is_ok()
        });
        state.was_shown.notified().await;
    });
    provider.forget();
    drop(provider);
}
