//! What services other than gnome-keyring do, by one that does nothing else.
#![expect(
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the methods have the form that their interface gives them"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use credential_helper::domain::credential::Why;
use credential_helper::provider::Provider as _;
use credential_helper::provider::secret_service::Presence;
use credential_helper_protocol::{ErrorCode, Secret};
use zbus::fdo;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use crate::harness::keyring::{Bus, NAME};
use crate::secret_service::{alice, at, call, failed, run};

const ROOT: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/wallet";
const ITEM: &str = "/org/freedesktop/secrets/collection/wallet/1";

type Attributes = std::collections::HashMap<String, String>;

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text).unwrap()
}

/// The service's own object.
struct Odd {
    collections: Vec<OwnedObjectPath>,
    default: OwnedObjectPath,
    sessions: Arc<AtomicUsize>,
}

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Odd {
    fn read_alias(&self, _name: &str) -> OwnedObjectPath {
        self.default.clone()
    }

    fn search_items(&self, _query: Attributes) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        (Vec::new(), Vec::new())
    }

    /// As `KWallet` answers a public key that is shorter than others.
    fn open_session(
        &self,
        _algorithm: &str,
        _key: OwnedValue,
    ) -> fdo::Result<(OwnedValue, OwnedObjectPath)> {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Err(fdo::Error::InvalidArgs(String::new()))
    }

    #[zbus(property)]
    fn collections(&self) -> Vec<OwnedObjectPath> {
        self.collections.clone()
    }
}

/// A collection with one item.
struct Wallet;

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Wallet {
    fn search_items(&self, _query: Attributes) -> Vec<OwnedObjectPath> {
        vec![path(ITEM)]
    }

    #[zbus(property)]
    fn locked(&self) -> bool {
        false
    }
}

async fn serve(bus: &Bus, odd: Odd) -> zbus::Connection {
    zbus::connection::Builder::address(bus.address().as_str())
        .unwrap()
        .serve_at(ROOT, odd)
        .unwrap()
        .serve_at(COLLECTION, Wallet)
        .unwrap()
        .name(NAME)
        .unwrap()
        .build()
        .await
        .unwrap()
}

#[test]
fn a_service_that_shows_no_collection_yet_has_not_been_asked() {
    run(async {
        let bus = Bus::start();
        let odd = Odd {
            collections: Vec::new(),
            default: path("/"),
            sessions: Arc::default(),
        };
        let _service = serve(&bus, odd).await;
        let provider = at(bus.address());
        let (why, detail) = failed(provider.find(&alice(), &call()).await);
        assert_eq!(why, Why::Unavailable);
        assert!(detail.contains("shows no collection"), "{detail}");
        // Nothing that could be answered with a secret in plain text elsewhere.
        let presence = provider.presence(&call()).await;
        assert!(matches!(presence, Presence::Unknown(_)));
        let secret = Secret::from("one");
        let refused = provider.store(&alice(), &secret, &call()).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Unavailable);
        assert!(provider.list(&call()).await.is_err());
        assert!(provider.erase(&alice(), &call()).await.is_err());
        assert_eq!(provider.state(&call()).await.state, "unavailable");
    });
}

#[test]
fn a_session_that_fails_is_opened_once_more() {
    run(async {
        let bus = Bus::start();
        let sessions = Arc::<AtomicUsize>::default();
        let odd = Odd {
            collections: vec![path(COLLECTION)],
            default: path(COLLECTION),
            sessions: Arc::clone(&sessions),
        };
        let _service = serve(&bus, odd).await;
        let provider = at(bus.address());
        let (why, _) = failed(provider.find(&alice(), &call()).await);
        assert_eq!(why, Why::Malformed);
        assert_eq!(sessions.load(Ordering::Relaxed), 2);
    });
}
