//! The Secret Service provider against the other keyrings, as far as they are installed:
//! `KeePassXC`, `KWallet`, oo7. `tests/run --all-keyrings` installs what Debian has of them.
//!
//! None of them needs a display here: Qt has a platform without one (`offscreen`).

use std::cell::Cell;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use credential_helper::domain::credential::{Answer, EMPTY_USERNAME, Key, Why};
use credential_helper::provider::Provider as _;
use credential_helper::provider::secret_service::{Presence, SecretService};
use credential_helper_protocol::{ErrorCode, Secret};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::keyring::{Bus, Keyring, NAME, PASSWORD, begun, find};
use crate::harness::sandbox::{PATIENCE, Sandbox};
use crate::secret_service::{ALICE, SERVICE, alice, at, call_within, failed, key, run};

/// `KeePassXC` has been seen to need 8 s for its first answer.
const WARM_UP: Duration = Duration::from_mins(1);

/// A program that ends with the test.
struct Program(Child);

impl Program {
    /// SIGTERM, and waits.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Set by `tests/run --all-keyrings`: these are programs of others, with windows and faults of their
/// own, so that a change here is not held against them unasked.
const ASKED: &str = "CREDENTIAL_HELPER_TEST_ALL_KEYRINGS";

/// The program; `None`, and a line that says so, where it is not asked for or not installed.
fn installed(program: &str) -> Option<PathBuf> {
    if std::env::var_os(ASKED).is_none() {
        eprintln!("{program} is not tested: `tests/run --all-keyrings` does that");
        return None;
    }
    let path = find(program);
    if path.is_none() {
        eprintln!("{program} is not installed: this keyring is not tested");
    }
    path
}

/// Waits until the keyring has read its file: before, it has no collection, or a locked one.
async fn becomes(provider: &SecretService, wanted: &str) {
    let counter = provider.subscribe();
    let waiting = async {
        loop {
            let before = counter.get();
            if provider.state(&call_within(WARM_UP)).await.state == wanted {
                return;
            }
            changed(&counter, before).await;
        }
    };
    tokio::time::timeout(WARM_UP, waiting).await.unwrap();
}

/// The same for a keyring that tells nobody: it is asked until it is so.
async fn becomes_unheard(provider: &SecretService, wanted: &str) {
    let waiting = async { while provider.state(&call_within(WARM_UP)).await.state != wanted {} };
    tokio::time::timeout(WARM_UP, waiting).await.unwrap();
}

async fn changed(counter: &Cell<u64>, before: u64) {
    while counter.get() == before {
        tokio::task::yield_now().await;
    }
}

async fn secret(provider: &SecretService, key: &Key) -> Option<String> {
    match provider.find(key, &call_within(WARM_UP)).await {
        Answer::Found(halves) => Some(halves.secret.unwrap().expose().to_owned()),
        Answer::NotFound => None,
        Answer::Failed(why, detail) => panic!("{}: {detail}", why.word()),
        Answer::Skipped(_) => panic!("skipped"),
    }
}

async fn store(provider: &SecretService, key: &Key, text: &str) {
    let secret = Secret::from(text);
    let stored = provider.store(key, &secret, &call_within(WARM_UP)).await;
    stored.unwrap();
}

/// Whether Python may replace an entry. `KeePassXC` 2.7.4 lets Python and secret-tool wait for ever
/// for a question that it does not show; `SetSecret`, which we use, it does at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    MayReplace,
    MayRead,
}

/// How often Python is asked: of the sessions of `KWallet` 5.103 one in 128 has two different keys
/// (`Trouble::Garbled`), with which Python reads an empty secret, another text or none.
const TRIES: usize = 3;

/// A Python program that is expected to say this. Our own connections are served meanwhile.
async fn python(bus: &Bus, code: &str, arguments: &[&str], expected: &str) {
    let mut said = Vec::new();
    for _ in 0..TRIES {
        let Some(command) = bus.python_command(code, arguments) else {
            return;
        };
        let mut command = tokio::process::Command::from(command);
        let running = command.kill_on_drop(true).output();
        let output = tokio::time::timeout(WARM_UP, running)
            .await
            .expect("Python waits for ever")
            .unwrap();
        if output.status.success() && output.stdout == expected.as_bytes() {
            return;
        }
        said.push(output);
    }
    panic!("{said:?}");
}

/// What holds for every keyring: found, not found, stored once whoever stores, removed, locked.
async fn holds(bus: &Bus, provider: SecretService, others: Others) {
    let client = bus.client().await;
    let presence = provider.presence(&call_within(WARM_UP)).await;
    assert_eq!(presence, Presence::Present);
    assert_eq!(secret(&provider, &alice()).await, None);
    for text in ["one", "zw\u{f6}lf \u{20ac}", ""] {
        store(&provider, &alice(), text).await;
        assert_eq!(secret(&provider, &alice()).await.as_deref(), Some(text));
        assert_eq!(client.search(&ALICE).await.len(), 1, "{text}");
    }
    let token = key("https://a.example/simple/", Some("__token__"));
    store(&provider, &token, &"x".repeat(32 * 1024)).await;
    assert_eq!(secret(&provider, &token).await.unwrap().len(), 32 * 1024);
    let nobody = key("poetry-repository-bar", Some(EMPTY_USERNAME));
    store(&provider, &nobody, "empty").await;
    assert_eq!(secret(&provider, &nobody).await.as_deref(), Some("empty"));
    // Without an account: the one that is there.
    assert_eq!(
        secret(&provider, &key("poetry-repository-bar", None))
            .await
            .as_deref(),
        Some("empty")
    );

    let get = "import keyring, sys; print(keyring.get_password(*sys.argv[1:3]), end='')";
    store(&provider, &alice(), "for python").await;
    python(bus, get, &[SERVICE, "alice"], "for python").await;
    if others == Others::MayReplace {
        // Each call is a session of its own.
        let set = "import keyring, sys; keyring.set_password(*sys.argv[1:4]); print(keyring.get_password(*sys.argv[1:3]), end='')";
        python(bus, set, &[SERVICE, "alice", "python"], "python").await;
        if bus.python_command(set, &[]).is_some() {
            assert_eq!(secret(&provider, &alice()).await.as_deref(), Some("python"));
        }
    }
    assert_eq!(client.search(&ALICE).await.len(), 1);

    let listed = provider.list(&call_within(WARM_UP)).await.unwrap();
    let mut accounts: Vec<_> = listed
        .iter()
        .map(|entry| entry.username.as_deref().unwrap())
        .collect();
    accounts.sort_unstable();
    assert_eq!(accounts, ["", "__token__", "alice"]);

    let removed = provider.erase(&token, &call_within(WARM_UP)).await.unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(secret(&provider, &token).await, None);

    client.lock(&client.default_collection().await).await;
    // KeePassXC says that it is done, and then closes its database.
    becomes(&provider, "locked").await;
    for hidden in [alice(), key(SERVICE, None), key("absent", None)] {
        let answer = provider.find(&hidden, &call_within(WARM_UP)).await;
        assert_eq!(failed(answer).0, Why::Locked);
    }
    let text = Secret::from("two");
    let refused = provider.store(&alice(), &text, &call_within(WARM_UP)).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::Locked);
    let state = provider.state(&call_within(WARM_UP)).await;
    assert_eq!(state.state, "locked");
}

/// A database with one group, which `KeePassXC` shows to other programs because of its custom data.
const DATABASE: &str = r#"<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<KeePassFile><Meta><CustomData><Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key>
<Value>{10111213-1415-1617-1819-1a1b1c1d1e1f}</Value></Item></CustomData></Meta>
<Root><Group><UUID>AAECAwQFBgcICQoLDA0ODw==</UUID><Name>Root</Name>
<Group><UUID>EBESExQVFhcYGRobHB0eHw==</UUID><Name>Secrets</Name></Group>
</Group></Root></KeePassFile>"#;

#[test]
fn keepassxc() {
    let (Some(keepassxc), Some(cli)) = (installed("keepassxc"), installed("keepassxc-cli")) else {
        return;
    };
    let bus = Bus::start();
    let home = bus.home();
    let settings = home.join(".config/keepassxc");
    std::fs::create_dir_all(&settings).unwrap();
    // Without it `KeePassXC` does not start.
    std::fs::create_dir_all(home.join(".cache/keepassxc")).unwrap();
    std::fs::write(
        settings.join("keepassxc.ini"),
        "[General]\nConfigVersion=2\nSingleInstance=false\nUpdateCheckMessageShown=true\n\
         [GUI]\nCheckForUpdates=false\n\
         [FdoSecrets]\nEnabled=true\nShowNotification=false\nConfirmAccessItem=false\n\
         ConfirmDeleteItem=false\n",
    )
    .unwrap();
    std::fs::write(home.join("t.xml"), DATABASE).unwrap();
    let import = ["import", "--set-password", "--decryption-time", "100"];
    let mut command = bus.command(cli);
    command.args(import).args(["t.xml", "t.kdbx"]);
    let mut import = begun(&mut command, &format!("{PASSWORD}\n{PASSWORD}\n"));
    assert!(import.wait().unwrap().success(), "no database was made");
    let mut program = bus
        .command(keepassxc)
        .args(["--pw-stdin", "t.kdbx"])
        .env("QT_QPA_PLATFORM", "offscreen")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = program.stdin.take().unwrap();
    writeln!(stdin, "{PASSWORD}").unwrap();
    let _program = Program(program);
    bus.wait_for(NAME);
    run(async {
        let provider = at(bus.address());
        becomes(&provider, "ready").await;
        holds(&bus, provider, Others::MayRead).await;
    });
}

#[test]
fn kwallet() {
    let Some(kwallet) = installed("kwalletd5") else {
        return;
    };
    let bus = Bus::start();
    let home = bus.home();
    std::fs::create_dir_all(home.join(".config")).unwrap();
    std::fs::create_dir_all(home.join(".local/share/kwalletd")).unwrap();
    std::fs::write(
        home.join(".config/kwalletrc"),
        "[Wallet]\nEnabled=true\nFirst Use=false\nUse One Wallet=true\n\
         Default Wallet=kdewallet\nPrompt on Open=false\nClose When Idle=false\nLeave Open=true\n\
         [org.freedesktop.secrets]\napiEnabled=true\n",
    )
    .unwrap();
    std::fs::write(
        home.join(".local/share/kwalletd/kdewallet.salt"),
        [b's'; 56],
    )
    .unwrap();
    // It shows a wallet that was there when it started: the first time it makes one.
    let first = Program(start_kwallet(&bus, bus.command(&kwallet)));
    bus.wait_for("org.kde.kwalletd5");
    run(wallet_is_open(&bus));
    first.end();
    let _second = Program(start_kwallet(&bus, bus.command(&kwallet)));
    bus.wait_for(NAME);
    run(async {
        let provider = at(bus.address());
        // It is locked for other programs until one of them unlocks it, also when it is open: then
        // it asks nobody.
        becomes(&provider, "locked").await;
        provider.unlock(&call_within(WARM_UP), None).await.unwrap();
        holds(&bus, provider, Others::MayReplace).await;
    });
}

/// As its PAM module starts it, so that no window asks for a password: the hash of the password
/// comes through a pipe, the environment through a connection to a socket. Any hash will do, as
/// long as it is the same each time.
fn start_kwallet(bus: &Bus, mut command: Command) -> Child {
    let path = bus.home().join("kwallet.sock");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let mut environment = UnixStream::connect(&path).unwrap();
    environment
        .write_all(b"QT_QPA_PLATFORM=offscreen\n")
        .unwrap();
    let (hash, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'h'; 56]).unwrap();
    command
        .args(["--pam-login", "1", "2"])
        .env("PAM_KWALLET5_LOGIN", &path)
        .env("QT_QPA_PLATFORM", "offscreen")
        .stdin(Stdio::null())
        .stdout(OwnedFd::from(hash))
        .stderr(OwnedFd::from(listener))
        .spawn()
        .unwrap()
}

async fn wallet_is_open(bus: &Bus) {
    let bus = zbus::connection::Builder::address(bus.address().as_str())
        .unwrap()
        .build()
        .await
        .unwrap();
    let name = "org.kde.kwalletd5";
    let waiting = async {
        loop {
            let reply = bus
                .call_method(
                    Some(name),
                    "/modules/kwalletd5",
                    Some("org.kde.KWallet"),
                    "isOpen",
                    &("kdewallet",),
                )
                .await
                .unwrap();
            if reply.body().deserialize::<bool>().unwrap() {
                return;
            }
        }
    };
    tokio::time::timeout(WARM_UP, waiting).await.unwrap();
}

/// The built programs, with a keyring that is open before and after, and locked in between.
async fn through_the_agent(bus: &Bus) {
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &bus.address());
    let absent = sandbox.helper(&["get", "foo"]);
    assert_eq!(absent.status, 1, "{absent:?}");
    let stored = sandbox.helper_fed(&["set", "foo", "alice", "--json"], "s3cret\n");
    assert_eq!(stored.status, 0, "{stored:?}");
    assert!(stored.stdout.contains("\"secret-service\""), "{stored:?}");
    let found = sandbox.helper(&["get", "foo"]);
    assert_eq!(
        found.stdout, "username=alice\npassword=s3cret\n",
        "{found:?}"
    );
    let client = bus.client().await;
    let collection = client.default_collection().await;
    client.lock(&collection).await;
    // Its signal may come a moment after its answer.
    let start = Instant::now();
    while sandbox.helper(&["get", "foo"]).status == 0 {
        assert!(start.elapsed() < PATIENCE, "still open");
    }
    for question in [["get", "foo"], ["get", "bar"], ["delete", "foo"]] {
        let locked = sandbox.helper(&question);
        assert_eq!(locked.status, 3, "{locked:?}");
        assert!(locked.stderr.contains("locked"), "{locked:?}");
    }
    client.unlock(&collection).await;
    let deleted = sandbox.helper(&["delete", "foo"]);
    assert_eq!(deleted.status, 0, "{deleted:?}");
    let absent = sandbox.helper(&["get", "foo"]);
    assert_eq!(absent.status, 1, "{absent:?}");
}

#[test]
fn oo7() {
    let Some(oo7) = installed("oo7-daemon") else {
        return;
    };
    if rustix::process::geteuid().is_root() {
        eprintln!("oo7-daemon ends at once for root: this keyring is not tested");
        return;
    }
    // It opens a keyring that is there, but does not make one without a window.
    let mut keyring = Keyring::start();
    // The file is written with the first entry.
    let seeded = keyring.secret_tool(&["store", "--label=seed", "service", "seed"], "x");
    if seeded.is_none() {
        return;
    }
    keyring.kill();
    let bus = keyring.bus();
    let program = begun(bus.command(oo7).arg("-l"), PASSWORD);
    let _program = Program(program);
    bus.wait_for(NAME);
    run(async {
        let provider = at(bus.address());
        becomes_unheard(&provider, "ready").await;
        through_the_agent(bus).await;
        holds(bus, provider, Others::MayReplace).await;
    });
}
