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

use credential_helper::domain::credential::{Answer, Key, Why};
use credential_helper::provider::Provider as _;
use credential_helper::provider::secret_service::SecretService;
use credential_helper_protocol::{ErrorCode, Secret};
use tokio::sync::Notify;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, Value};

use crate::harness::keyring::{Bus, LOGIN};
use crate::secret_service::{at, call, failed, run};

const SESSION: &str = "/org/freedesktop/secrets/session/s1";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/p1";

#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Accepts,
    Dismisses,
    IsAway,
}

struct State {
    locked: AtomicBool,
    shown: AtomicUsize,
    was_shown: Notify,
}

struct Service;
struct Collection(Arc<State>);
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
        (Vec::new(), Vec::new())
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

    #[zbus(property)]
    fn locked(&self) -> bool {
        self.0.locked.load(Ordering::SeqCst)
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

    #[zbus(signal)]
    async fn completed(
        emitter: &SignalEmitter<'_>,
        dismissed: bool,
        result: Value<'_>,
    ) -> zbus::Result<()>;
}

fn with_user<F: AsyncFnOnce(&SecretService, &State)>(user: User, test: F) {
    run(async {
        let bus = Bus::start();
        let state = Arc::new(State {
            locked: AtomicBool::new(true),
            shown: AtomicUsize::new(0),
            was_shown: Notify::new(),
        });
        let _service = zbus::connection::Builder::address(bus.address().as_str())
            .unwrap()
            .serve_at("/org/freedesktop/secrets", Service)
            .unwrap()
            .serve_at(LOGIN, Collection(Arc::clone(&state)))
            .unwrap()
            .serve_at(PROMPT, Prompt(Arc::clone(&state), user))
            .unwrap()
            .name("org.freedesktop.secrets")
            .unwrap()
            .build()
            .await
            .unwrap();
        test(&at(bus.address()), &state).await;
    });
}

fn key() -> Key {
    Key::Service {
        service: "poetry-repository-foo".to_owned(),
        username: Some("alice".to_owned()),
    }
}

#[test]
fn finding_nothing_while_locked_is_not_the_same_as_having_nothing() {
    with_user(User::IsAway, async |provider, state| {
        assert_eq!(failed(provider.find(&key(), &call()).await).0, Why::Locked);
        state.locked.store(false, Ordering::SeqCst);
        let answer = provider.find(&key(), &call()).await;
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
        let answer = provider.find(&key(), &asking).await;
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
        let (why, detail) = failed(provider.find(&key(), &asking).await);
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
            tokio::time::timeout(short, provider.find(&key(), &call())).await
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
