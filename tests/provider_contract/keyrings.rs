//! The store that is a keyring: a real gnome-keyring, on a bus of its own.

use credential_helper::domain::credential::{Key, Why};
use credential_helper::provider::secret_service::{Places, SecretService};
use credential_helper::provider::{Call, Folders, Provider, files, value};
use credential_helper_protocol::Secret;

use super::{ACCOUNT, Planted, TIME, contract};
use crate::harness::keyring::{Client, Keyring, LOGIN};

const SERVICE: &str = "poetry-repository-foo";

/// A keyring, and another program that uses it.
struct OneKeyring {
    keyring: Keyring,
    client: Client,
    provider: SecretService,
    locked: bool,
}

impl OneKeyring {
    async fn start() -> Self {
        let keyring = Keyring::start();
        let client = keyring.client().await;
        let provider = SecretService::new(Places {
            own: Some(keyring.address()),
            runtime: None,
        });
        Self {
            keyring,
            client,
            provider,
            locked: false,
        }
    }

    /// As another program would: whatever the bytes are.
    async fn replace(&self, secret: &[u8]) {
        let attributes = [("service", SERVICE), ("username", ACCOUNT)];
        let items = self.client.search(&attributes).await;
        assert_eq!(items.len(), 1, "one entry, whoever wrote it");
        self.client.set_secret(&items[0], secret).await;
    }
}

impl Planted for OneKeyring {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn key(&self, account: &str) -> Key {
        Key::Service {
            service: SERVICE.into(),
            username: Some(account.into()),
        }
    }

    fn unknown(&self) -> Key {
        Key::Service {
            service: "poetry-repository-bar".into(),
            username: Some(ACCOUNT.into()),
        }
    }

    /// By the provider itself, but for what it would not give back.
    async fn plant(&mut self, secret: &str) {
        if std::mem::take(&mut self.locked) {
            self.client.unlock(LOGIN).await;
        }
        if value::secret(secret).is_err() {
            return self.replace(secret.as_bytes()).await;
        }
        let call = Call {
            variables: std::collections::BTreeMap::new(),
            folders: Folders::default(),
            files: files::View::default(),
            bus: None,
            prompt: false,
            time: TIME,
        };
        let key = self.key(ACCOUNT);
        let secret = Secret::from(secret);
        self.provider.store(&key, &secret, &call).await.unwrap();
    }

    async fn garble(&mut self) -> bool {
        self.replace(b"hunter2\xff").await;
        true
    }

    async fn bar(&mut self) -> Option<Why> {
        self.client.lock(LOGIN).await;
        self.locked = true;
        Some(Why::Locked)
    }

    async fn hang(&mut self) -> Option<Why> {
        self.keyring.stop();
        Some(Why::TimedOut)
    }
}

#[tokio::test]
async fn secret_service() {
    // The provider listens to signals in a task of its own.
    let tasks = tokio::task::LocalSet::new();
    tasks
        .run_until(async { contract(OneKeyring::start().await).await })
        .await;
}
