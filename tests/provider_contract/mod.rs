//! What every provider promises, as one suite.
//!
//! [`contract`] asks a provider through a [`Planted`] store: a store of the test's own in which it
//! can plant, break and block things. **To add a provider, write a `Planted` for it and one test**,
//! beside the stores of its kind:
//!
//! - `files`: what stands in one file
//! - `commands`: what a program prints
//! - `variables`: what stands in environment variables
//! - `keyrings`: what a keyring keeps
//!
//! The keyrings of macOS and Windows are not here: a test would need the user's own. The userinfo
//! of a URL is no provider; `domain` reads it.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use credential_helper::domain::credential::{Answer, Halves, Key, Why};
use credential_helper::provider::files::Files;
use credential_helper::provider::{Call, Folders, Provider};
use credential_helper_protocol::Variable;

mod commands;
mod files;
#[cfg(target_os = "linux")]
mod keyrings;
mod variables;

/// The account whose secret is planted.
const ACCOUNT: &str = "alice";
/// What an answer may take on a busy machine.
const TIME: Duration = Duration::from_secs(20);
/// What a provider may take that hangs; far below the limit of the test's own.
const SHORT: Duration = Duration::from_secs(1);
/// A secret with everything that some format has to escape.
const AWKWARD: &str = "p\u{e4}$$w\u{f6}rt \u{1f511} \"q\" 'a' \\ # {} =:/@%41";

/// A store of the test's own.
trait Planted {
    /// The provider that reads it.
    fn provider(&self) -> &dyn Provider;

    /// The folders that lead to it.
    fn folders(&self) -> Folders {
        Folders::default()
    }

    /// The variables that the request brings along.
    fn variables(&self) -> BTreeMap<String, Variable> {
        BTreeMap::new()
    }

    /// The key of what is planted, for this account; a key without accounts ignores it.
    fn key(&self, account: &str) -> Key;

    /// Whether the key says an account.
    fn has_accounts(&self) -> bool {
        true
    }

    /// The account of what is planted.
    fn account(&self) -> &str {
        ACCOUNT
    }

    /// A key under which nothing is planted.
    fn unknown(&self) -> Key;

    /// Makes the store whole, with this one secret for [`Self::account`].
    async fn plant(&mut self, secret: &str);

    /// Makes it a store that nobody can understand; `false` where there is no such thing.
    async fn garble(&mut self) -> bool;

    /// Makes it a store that is there but cannot be read, for root too. How that must be told;
    /// `None` where there is no such thing.
    async fn bar(&mut self) -> Option<Why>;

    /// Makes it a store that does not answer. How that must be told; `None` where there is no such
    /// thing.
    async fn hang(&mut self) -> Option<Why>;
}

/// A store, and the files as the agent would read them.
struct Suite<S> {
    store: S,
    files: Files,
}

impl<S: Planted> Suite<S> {
    fn call(&self, time: Duration) -> Call {
        Call {
            variables: self.store.variables(),
            folders: self.store.folders(),
            files: self.files.view(),
            bus: None,
            prompt: false,
            time,
        }
    }

    /// A question begins with nothing kept, as after a change that the agent has seen.
    async fn plant(&mut self, secret: &str) {
        self.store.plant(secret).await;
        self.store.provider().forget();
    }

    async fn ask(&self, key: &Key, time: Duration) -> Answer {
        self.store.provider().find(key, &self.call(time)).await
    }

    async fn found(&self) -> Halves {
        match self.ask(&self.store.key(ACCOUNT), TIME).await {
            Answer::Found(halves) => halves,
            Answer::Failed(_, detail) => panic!("could not ask: {detail}"),
            other => panic!("not found, but {}", other.word()),
        }
    }

    async fn fails(&self, time: Duration, why: Why, what: &str) {
        self.store.provider().forget();
        match self.ask(&self.store.key(ACCOUNT), time).await {
            Answer::Failed(told, detail) => {
                assert_eq!(told, why, "{what}: {detail}");
                assert!(!detail.contains("hunter2"), "{what}: {detail}");
            }
            other => panic!("{what}: {}", other.word()),
        }
    }
}

/// The suite.
async fn contract(store: impl Planted) {
    let files = Files::default();
    let mut suite = Suite { store, files };

    for secret in ["hunter2", AWKWARD, &"x".repeat(32 * 1024)] {
        suite.plant(secret).await;
        let halves = suite.found().await;
        assert_eq!(halves.secret.as_ref().unwrap().expose(), secret);
        assert_eq!(halves.username.as_deref(), Some(suite.store.account()));
        assert!(!halves.location.is_empty());
        assert!(!halves.location.contains(secret));
    }

    suite.plant("hunter2").await;
    if suite.store.has_accounts() {
        let other = suite.ask(&suite.store.key("mallory"), TIME).await;
        assert_eq!(other.word(), "not-found", "another account");
    }
    for key in [
        suite.store.unknown(),
        Key::HttpBasic(vec!["\u{1}".into()]),
        Key::Token(vec!["\u{1}".into()]),
    ] {
        assert_eq!(suite.ask(&key, TIME).await.word(), "not-found", "{key}");
    }

    suite.store.provider().forget();
    suite.files.forget();
    let halves = suite.found().await;
    assert_eq!(halves.secret.unwrap().expose(), "hunter2", "after `forget`");

    let call = suite.call(TIME);
    let list = suite.store.provider().list(&call).await.unwrap();
    assert!(
        list.iter()
            .all(|entry| !format!("{entry:?}").contains("hunter2"))
    );
    let state = suite.store.provider().state(&call).await;
    assert_eq!(state.name, suite.store.provider().id().word());

    for secret in [
        "hunter2\u{7}",
        "hunter2\u{1b}[2J",
        &format!("hunter2{}", "x".repeat(32 * 1024)),
    ] {
        suite.plant(secret).await;
        let what = "a secret that no field may hold";
        suite.fails(TIME, Why::Malformed, what).await;
    }
    suite.plant("hunter2").await;
    if suite.store.garble().await {
        suite.fails(TIME, Why::Malformed, "a garbled store").await;
    }
    suite.plant("hunter2").await;
    if let Some(why) = suite.store.bar().await {
        suite.fails(TIME, why, "a store that cannot be read").await;
    }
    suite.plant("hunter2").await;
    if let Some(why) = suite.store.hang().await {
        let begun = Instant::now();
        suite.fails(SHORT, why, "a store that hangs").await;
        assert!(begun.elapsed() < TIME, "{:?}", begun.elapsed());
    }
}

/// Puts something else in place of a file.
mod instead {
    use std::path::Path;

    pub(super) fn text(path: &Path, text: &str) {
        nothing(path);
        std::fs::write(path, text).unwrap();
    }

    /// Permissions would not keep root out; a folder keeps everybody out.
    pub(super) fn folder(path: &Path) {
        nothing(path);
        std::fs::create_dir(path).unwrap();
    }

    pub(super) fn fifo(path: &Path) {
        nothing(path);
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap();
    }

    fn nothing(path: &Path) {
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_dir(path);
    }
}
