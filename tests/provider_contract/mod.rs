//! What every provider promises, as one suite.
//!
//! [`contract`] asks a provider through a [`Planted`] store: a store of the test's own in which it
//! can plant, break and block things. **To add a provider, write a `Planted` for it and one test at
//! the end of this file.**

#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use credential_helper::domain::credential::{Answer, Halves, Key};
use credential_helper::domain::url::RepositoryUrl;
use credential_helper::provider::child::CommandSpec;
use credential_helper::provider::command::{CommandEntry, CommandProtocol, CommandProvider};
use credential_helper::provider::file::{CredentialFile, FileEntry, FileUsername};
use credential_helper::provider::files::Files;
use credential_helper::provider::keyring_command::KeyringCommand;
use credential_helper::provider::netrc::Netrc;
use credential_helper::provider::uv_store::UvStore;
use credential_helper::provider::{Call, Folders, Provider};
use tempfile::TempDir;

/// The account whose secret is planted.
pub(crate) const ACCOUNT: &str = "alice";
/// What a provider may take that hangs; far below the limit of the test's own.
const TIME: Duration = Duration::from_secs(1);

/// A store of the test's own.
pub(crate) trait Planted {
    /// The provider that reads it.
    fn provider(&self) -> &dyn Provider;

    /// The folders that lead to it.
    fn folders(&self) -> Folders {
        Folders::default()
    }

    /// The key of what is planted, for this account; a key without accounts ignores it.
    fn key(&self, account: &str) -> Key;

    /// Whether the key says an account.
    fn has_accounts(&self) -> bool {
        true
    }

    /// A key under which nothing is planted.
    fn unknown(&self) -> Key;

    /// Makes the store whole, with this one secret for [`ACCOUNT`].
    fn plant(&mut self, secret: &str);

    /// Makes it a store that nobody can understand; `false` where there is no such thing.
    fn garble(&mut self) -> bool;

    /// Makes it a store that is there but cannot be read, for root too.
    fn bar(&mut self) -> bool;

    /// Makes it a store that does not answer.
    fn hang(&mut self) -> bool;
}

/// A secret with everything that some format has to escape.
const AWKWARD: &str = "p\u{e4}$$w\u{f6}rt \u{1f511} \"q\" 'a' \\ # {} =:/@%41";

/// The suite.
pub(crate) async fn contract(mut store: impl Planted) {
    let files = Files::default();
    let call = |folders: Folders| Call {
        variables: BTreeMap::new(),
        folders,
        files: files.view(),
        bus: None,
        prompt: false,
        time: Duration::from_secs(20),
    };

    for secret in ["hunter2", AWKWARD, &"x".repeat(32 * 1024)] {
        store.plant(secret);
        // A question begins with nothing kept, as after a change that the agent has seen.
        store.provider().forget();
        let call = call(store.folders());
        let halves = found(ask(&store, &store.key(ACCOUNT), &call).await);
        assert_eq!(halves.secret.as_ref().unwrap().expose(), secret);
        assert_eq!(halves.username.as_deref(), Some(ACCOUNT));
        assert!(!halves.location.is_empty());
        assert!(!halves.location.contains(secret));
    }

    store.plant("hunter2");
    let call = call(store.folders());
    if store.has_accounts() {
        let other = ask(&store, &store.key("mallory"), &call).await;
        assert_eq!(other.word(), "not-found", "another account");
    }
    for key in [store.unknown(), Key::HttpBasic(vec!["\u{1}".into()])] {
        assert_eq!(ask(&store, &key, &call).await.word(), "not-found", "{key}");
    }

    store.provider().forget();
    files.forget();
    let halves = found(ask(&store, &store.key(ACCOUNT), &call).await);
    assert_eq!(halves.secret.unwrap().expose(), "hunter2", "after `forget`");

    let list = store.provider().list(&call).await.unwrap();
    assert!(
        list.iter()
            .all(|entry| !format!("{entry:?}").contains("hunter2"))
    );
    let state = store.provider().state(&call).await;
    assert_eq!(state.name, store.provider().id().word());

    for secret in [
        "hunter2\u{7}",
        "hunter2\u{1b}[2J",
        &format!("hunter2{}", "x".repeat(32 * 1024)),
    ] {
        store.plant(secret);
        store.provider().forget();
        failed(
            &ask(&store, &store.key(ACCOUNT), &call).await,
            "a secret that no field may hold",
        );
    }
    if store.garble() {
        store.provider().forget();
        failed(
            &ask(&store, &store.key(ACCOUNT), &call).await,
            "a garbled store",
        );
    }
    if store.bar() {
        store.provider().forget();
        failed(
            &ask(&store, &store.key(ACCOUNT), &call).await,
            "a store that cannot be read",
        );
    }
    if store.hang() {
        store.provider().forget();
        let call = Call { time: TIME, ..call };
        let begun = Instant::now();
        failed(
            &ask(&store, &store.key(ACCOUNT), &call).await,
            "a store that hangs",
        );
        assert!(begun.elapsed() < TIME * 5, "{:?}", begun.elapsed());
    }
}

async fn ask(store: &impl Planted, key: &Key, call: &Call) -> Answer {
    store.provider().find(key, call).await
}

fn found(answer: Answer) -> Halves {
    match answer {
        Answer::Found(halves) => halves,
        Answer::Failed(_, detail) => panic!("could not ask: {detail}"),
        other => panic!("not found, but {}", other.word()),
    }
}

fn failed(answer: &Answer, what: &str) {
    match answer {
        Answer::Failed(_, detail) => assert!(!detail.contains("hunter2"), "{what}: {detail}"),
        other => panic!("{what}: {}", other.word()),
    }
}

// ---- the stores ----

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

/// A store that is one file: its form, and what a broken one looks like.
struct OneFile<P> {
    folder: TempDir,
    name: &'static str,
    provider: P,
    form: fn(&str) -> String,
    broken: &'static str,
    by_url: bool,
}

impl<P> OneFile<P> {
    fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }
}

impl<P: Provider> Planted for OneFile<P> {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn folders(&self) -> Folders {
        Folders {
            uv_store: Some(self.folder.path().to_owned()),
            ..Folders::default()
        }
    }

    fn key(&self, account: &str) -> Key {
        if self.by_url {
            by_url("https://h.example/simple/", Some(account))
        } else {
            Key::Repository("foo".into())
        }
    }

    fn has_accounts(&self) -> bool {
        self.by_url
    }

    fn unknown(&self) -> Key {
        if self.by_url {
            by_url("https://other.example/simple/", None)
        } else {
            Key::Repository("bar".into())
        }
    }

    fn plant(&mut self, secret: &str) {
        instead::text(&self.path(), &(self.form)(secret));
    }

    fn garble(&mut self) -> bool {
        instead::text(&self.path(), self.broken);
        true
    }

    fn bar(&mut self) -> bool {
        instead::folder(&self.path());
        true
    }

    fn hang(&mut self) -> bool {
        instead::fifo(&self.path());
        true
    }
}

fn by_url(url: &str, account: Option<&str>) -> Key {
    Key::Url {
        url: RepositoryUrl::parse(url).unwrap().0,
        username: account.map(str::to_owned),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// TOML refuses control characters that are written as they are.
fn toml_quoted(text: &str) -> String {
    let controls = |c: char| match c {
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    quoted(text).chars().map(controls).collect()
}

/// A store that is a program: a shell that prints a file, or does something else.
struct Program<P> {
    folder: TempDir,
    provider: P,
    key: fn(&str) -> Key,
    unknown: Key,
    has_accounts: bool,
}

/// A shell that runs what stands in `script`, a file that the test rewrites: nobody executes it, so
/// that no other thread's copy of a descriptor can make it busy.
fn program(folder: &Path) -> CommandSpec {
    CommandSpec {
        command: vec![
            "/bin/sh".into(),
            folder.join("script").to_string_lossy().into_owned(),
        ],
        env: BTreeMap::from([("FOLDER".into(), folder.to_string_lossy().into_owned())]),
        pass_env: Vec::new(),
        timeout: Duration::from_secs(20),
    }
}

impl<P> Program<P> {
    fn does(&self, script: &str) {
        instead::text(&self.folder.path().join("script"), script);
    }
}

impl<P: Provider> Planted for Program<P> {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn key(&self, account: &str) -> Key {
        (self.key)(account)
    }

    fn has_accounts(&self) -> bool {
        self.has_accounts
    }

    fn unknown(&self) -> Key {
        self.unknown.clone()
    }

    fn plant(&mut self, secret: &str) {
        std::fs::write(self.folder.path().join("secret"), secret).unwrap();
        self.does(
            r#"if [ $# = 0 ] || [ "$*" = "get poetry-repository-foo alice" ]
               then exec cat "$FOLDER/secret"; else exit 1; fi"#,
        );
    }

    fn garble(&mut self) -> bool {
        self.does(r"printf 'hunter2\377'");
        true
    }

    fn bar(&mut self) -> bool {
        self.does("echo hunter2 >&2; exit 70");
        true
    }

    fn hang(&mut self) -> bool {
        self.does("exec sleep 600");
        true
    }
}

// ---- each provider's test ----

#[tokio::test]
async fn uv_store() {
    let form = |secret: &str| {
        format!(
            "[[credential]]\nservice = \"https://h.example\"\nusername = \"alice\"\nscheme = \"basic\"\npassword = {}\n",
            toml_quoted(secret)
        )
    };
    contract(OneFile {
        folder: tempfile::tempdir().unwrap(),
        name: "credentials.toml",
        provider: UvStore,
        form,
        broken: "[[credential]]\nservice = \"https://h.example\npassword = \"hunter2",
        by_url: true,
    })
    .await;
}

#[tokio::test]
async fn netrc() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Netrc::new(folder.path().join("netrc"));
    let form = |secret: &str| {
        format!(
            "machine h.example\n\tlogin alice\n\tpassword {}\n",
            quoted(secret)
        )
    };
    contract(OneFile {
        folder,
        name: "netrc",
        provider,
        form,
        broken: "machine h.example login alice password hunter2 hunter2",
        by_url: true,
    })
    .await;
}

#[tokio::test]
async fn credential_file() {
    let folder = tempfile::tempdir().unwrap();
    let provider = CredentialFile::new(vec![FileEntry {
        name: "foo".into(),
        secret: folder.path().join("secret"),
        username: Some(FileUsername::Text(ACCOUNT.into())),
    }]);
    contract(OneFile {
        folder,
        name: "secret",
        provider,
        form: |secret| format!("{secret}\n"),
        broken: "hunter2\nhunter2\n",
        by_url: false,
    })
    .await;
}

#[tokio::test]
async fn command() {
    let folder = tempfile::tempdir().unwrap();
    let provider = CommandProvider::new(vec![CommandEntry {
        name: "foo".into(),
        command: program(folder.path()),
        protocol: CommandProtocol::Plain,
        ttl: Some(Duration::from_mins(15)),
        url: None,
        username: Some(ACCOUNT.into()),
    }]);
    contract(Program {
        folder,
        provider,
        key: |_| Key::Repository("foo".into()),
        unknown: Key::Repository("bar".into()),
        has_accounts: false,
    })
    .await;
}

#[tokio::test]
async fn keyring_command() {
    let folder = tempfile::tempdir().unwrap();
    let provider = KeyringCommand::new(program(folder.path()));
    let service = |service: &str, account: &str| Key::Service {
        service: service.into(),
        username: Some(account.into()),
    };
    contract(Program {
        folder,
        provider,
        key: |account| Key::Service {
            service: "poetry-repository-foo".into(),
            username: Some(account.into()),
        },
        unknown: service("poetry-repository-bar", ACCOUNT),
        has_accounts: true,
    })
    .await;
}
