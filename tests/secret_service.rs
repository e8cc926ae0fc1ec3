//! The Secret Service provider against a real gnome-keyring.

use std::collections::HashMap;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use credential_helper::domain::credential::{Answer, EMPTY_USERNAME, Halves, Key, Why};
use credential_helper::provider::secret_service::{Places, Presence, SecretService};
use credential_helper::provider::{Call, Folders, Provider as _, files};
use credential_helper_protocol::{ErrorCode, Secret};
use zbus::zvariant::OwnedObjectPath;

use crate::harness::keyring::{Bus, Client, Keyring, LOGIN, PASSWORD, SESSION};

pub(crate) const SERVICE: &str = "poetry-repository-foo";
pub(crate) const ALICE: [(&str, &str); 2] = [("service", SERVICE), ("username", "alice")];
/// The limit of design 5.1 for an ordinary request.
const TIME: Duration = Duration::from_secs(2);

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

pub(crate) fn call_within(time: Duration) -> Call {
    Call {
        variables: std::collections::BTreeMap::new(),
        folders: Folders::default(),
        files: files::View::default(),
        bus: None,
        prompt: false,
        time,
    }
}

/// Enough for a busy machine.
pub(crate) fn call() -> Call {
    call_within(Duration::from_secs(30))
}

pub(crate) fn at(address: String) -> SecretService {
    SecretService::new(Places {
        own: Some(address),
        runtime: None,
    })
}

pub(crate) fn key(service: &str, username: Option<&str>) -> Key {
    Key::Service {
        service: service.to_owned(),
        username: username.map(str::to_owned),
    }
}

pub(crate) fn alice() -> Key {
    key(SERVICE, Some("alice"))
}

fn found(answer: Answer) -> Halves {
    match answer {
        Answer::Found(halves) => halves,
        Answer::Failed(why, detail) => panic!("{}: {detail}", why.word()),
        other => panic!("{}", other.word()),
    }
}

pub(crate) fn failed(answer: Answer) -> (Why, String) {
    match answer {
        Answer::Failed(why, detail) => (why, detail),
        other => panic!("{}", other.word()),
    }
}

async fn secret(provider: &SecretService, key: &Key) -> String {
    let halves = found(provider.find(key, &call()).await);
    halves.secret.unwrap().expose().to_owned()
}

async fn store(provider: &SecretService, key: &Key, secret: &str) -> String {
    let secret = Secret::from(secret);
    provider.store(key, &secret, &call()).await.unwrap()
}

/// Waits until the provider has heard of something.
async fn heard(counter: &std::cell::Cell<u64>, before: u64) {
    tokio::time::timeout(Duration::from_secs(30), async {
        while counter.get() == before {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("no signal arrived");
}

fn with_keyring<F: AsyncFnOnce(&mut Keyring, &SecretService, &Client)>(test: F) {
    run(async {
        let mut keyring = Keyring::start();
        let provider = at(keyring.address());
        let client = keyring.client().await;
        test(&mut keyring, &provider, &client).await;
    });
}

#[test]
fn found_and_not_found() {
    with_keyring(async |_, provider, client| {
        client.item(LOGIN, &ALICE, b"one").await;
        let halves = found(provider.find(&alice(), &call()).await);
        assert_eq!(halves.secret.unwrap().expose(), "one");
        assert_eq!(halves.location, "collection login");
        assert!(halves.notes.is_empty());
        // Without an account: the first one, with its name.
        let halves = found(provider.find(&key(SERVICE, None), &call()).await);
        assert_eq!(halves.username.as_deref(), Some("alice"));
        for absent in [
            key(SERVICE, Some("bob")),
            key("poetry-repository-fo", None),
            Key::Repository("foo".to_owned()),
        ] {
            assert_eq!(provider.find(&absent, &call()).await.word(), "not-found");
        }
        assert_eq!(provider.presence(&call()).await, Presence::Present);
        assert_eq!(provider.state(&call()).await.state, "ready");
    });
}

#[test]
fn every_text_survives() {
    with_keyring(async |_, provider, _| {
        let long = "x".repeat(32 * 1024);
        let texts = ["", "p\u{e4}ss \u{20ac} \"\\", long.as_str()];
        let keys = [
            key("https://\u{e4}.example/simple/", Some("\u{e9}t\u{e9}")),
            key(SERVICE, Some(EMPTY_USERNAME)),
        ];
        for key in &keys {
            for text in texts {
                assert_eq!(store(provider, key, text).await, "collection login");
                assert_eq!(secret(provider, key).await, text);
            }
        }
    });
}

#[test]
fn what_is_no_text_is_malformed() {
    with_keyring(async |_, provider, client| {
        client.item(LOGIN, &ALICE, b"\xff\xfe\0raw").await;
        let (why, detail) = failed(provider.find(&alice(), &call()).await);
        assert_eq!(why, Why::Malformed);
        assert!(!detail.contains("raw"));
    });
}

#[test]
fn locked_is_told_at_once_and_a_password_opens() {
    with_keyring(async |_, provider, client| {
        client.item(LOGIN, &ALICE, b"one").await;
        client.lock(LOGIN).await;
        // Who had waited for somebody to open it would be told that it was too late.
        let (why, detail) = failed(provider.find(&alice(), &call()).await);
        assert_eq!(
            (why, detail.as_str()),
            (Why::Locked, "collection login is locked")
        );
        // What is not there cannot be told either.
        let absent = provider.find(&key("absent", None), &call()).await;
        assert_eq!(absent.word(), "locked");
        assert_eq!(provider.state(&call()).await.state, "locked");
        assert_eq!(provider.presence(&call()).await, Presence::Present);
        let refused = provider
            .store(&alice(), &Secret::from("two"), &call())
            .await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Locked);
        let refused = provider.erase(&alice(), &call()).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Locked);

        let wrong = Secret::from("wrong");
        let refused = provider.unlock(&call(), Some(&wrong)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Locked);
        let right = Secret::from(PASSWORD);
        provider.unlock(&call(), Some(&right)).await.unwrap();
        assert_eq!(secret(provider, &alice()).await, "one");
        // Again: nothing to do.
        provider.unlock(&call(), Some(&wrong)).await.unwrap();
        provider.unlock(&call(), None).await.unwrap();
    });
}

#[test]
fn without_a_display_a_prompt_fails_with_the_way_out() {
    with_keyring(async |_, provider, client| {
        client.item(LOGIN, &ALICE, b"one").await;
        client.lock(LOGIN).await;
        let refused = provider.unlock(&call(), None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Locked, "{refused}");
        assert!(refused.hint.unwrap().contains("--password-stdin"));
        let mut asking = call();
        asking.prompt = true;
        let (why, detail) = failed(provider.find(&alice(), &asking).await);
        assert_eq!(why, Why::Locked, "{detail}");
    });
}

#[test]
fn locked_since_the_start() {
    with_keyring(async |keyring, provider, client| {
        client.item(LOGIN, &ALICE, b"one").await;
        keyring.kill();
        keyring.restart_locked();
        for key in [alice(), key(SERVICE, None)] {
            assert_eq!(provider.find(&key, &call()).await.word(), "locked");
        }
        let refused = provider.list(&call()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Locked);
        let right = Secret::from(PASSWORD);
        provider.unlock(&call(), Some(&right)).await.unwrap();
        assert_eq!(secret(provider, &alice()).await, "one");
    });
}

#[test]
fn changes_by_other_programs_are_seen() {
    with_keyring(async |_, provider, client| {
        let counter = provider.subscribe();
        let item = client.item(LOGIN, &ALICE, b"one").await;
        assert_eq!(secret(provider, &alice()).await, "one");
        // SetSecret sends no signal: the next question sees it all the same.
        client.set_secret(&item, b"two").await;
        assert_eq!(secret(provider, &alice()).await, "two");
        for change in 0..3 {
            let before = counter.get();
            match change {
                0 => drop(client.item(LOGIN, &[("service", "other")], b"x").await),
                1 => client.lock(LOGIN).await,
                _ => client.unlock(LOGIN).await,
            }
            heard(&counter, before).await;
        }
        assert_eq!(secret(provider, &alice()).await, "two");
    });
}

#[test]
fn a_daemon_that_dies_and_comes_back() {
    with_keyring(async |keyring, provider, _| {
        store(provider, &alice(), "one").await;
        let counter = provider.subscribe();
        let before = counter.get();
        keyring.kill();
        heard(&counter, before).await;
        let (why, detail) = failed(provider.find(&alice(), &call()).await);
        assert_eq!(why, Why::Unavailable);
        assert!(
            detail.contains("nothing on the session bus provides"),
            "{detail}"
        );
        assert!(matches!(
            provider.presence(&call()).await,
            Presence::Absent(_)
        ));
        assert_eq!(provider.state(&call()).await.state, "unavailable");
        keyring.restart();
        assert_eq!(secret(provider, &alice()).await, "one");
        // Between two questions, unnoticed: session and owner are others.
        keyring.kill();
        keyring.restart();
        assert_eq!(secret(provider, &alice()).await, "one");
    });
}

#[test]
fn a_daemon_that_hangs_is_given_up() {
    with_keyring(async |keyring, provider, _| {
        store(provider, &alice(), "one").await;
        keyring.stop();
        let (asked, key) = (call_within(TIME), alice());
        let ask = async || {
            let answer = provider.find(&key, &asked).await;
            (failed(answer).0, Instant::now())
        };
        // Both wait for their own time only, not for each other's: they end together.
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!((first.0, second.0), (Why::TimedOut, Why::TimedOut));
        assert!(second.1.duration_since(first.1) < TIME);
        assert!(first.1.duration_since(second.1) < TIME);
        assert!(matches!(
            provider
                .presence(&call_within(Duration::from_millis(200)))
                .await,
            Presence::Unknown(_)
        ));
        let refused = provider
            .store(
                &key,
                &Secret::from("two"),
                &call_within(Duration::from_millis(200)),
            )
            .await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::TimedOut);
        keyring.resume();
        assert!(matches!(
            secret(provider, &key).await.as_str(),
            "one" | "two"
        ));
    });
}

#[test]
fn only_a_service_that_went_away_makes_one_worth_asking_again() {
    with_keyring(async |keyring, provider, _| {
        store(provider, &alice(), "one").await;
        let owners = provider.owners();
        keyring.stop();
        for _ in 0..2 {
            let asked = call_within(Duration::from_millis(200));
            let (why, _) = failed(provider.find(&alice(), &asked).await);
            assert_eq!(why, Why::TimedOut);
            assert_eq!(owners.get(), 0);
        }
        keyring.kill();
        heard(&owners, 0).await;
        keyring.restart();
        assert_eq!(secret(provider, &alice()).await, "one");
        assert_eq!(owners.get(), 1);
    });
}

#[test]
fn the_bus_goes_away() {
    with_keyring(async |keyring, provider, _| {
        store(provider, &alice(), "one").await;
        let counter = provider.subscribe();
        let before = counter.get();
        keyring.bus().kill();
        heard(&counter, before).await;
        let (why, detail) = failed(provider.find(&alice(), &call()).await);
        assert_eq!(
            (why, detail.as_str()),
            (Why::Unavailable, "there is no D-Bus session bus here")
        );
    });
}

#[test]
fn no_bus_then_the_clients_then_our_own() {
    run(async {
        let nowhere = tempfile::tempdir().unwrap();
        let own = nowhere.path().join("run");
        std::fs::create_dir(&own).unwrap();
        let provider = SecretService::new(Places {
            own: Some(format!("unix:path={}/none", nowhere.path().display())),
            runtime: Some(own.clone()),
        });
        assert_eq!(
            failed(provider.find(&alice(), &call()).await).0,
            Why::Unavailable
        );
        assert!(matches!(
            provider.presence(&call()).await,
            Presence::Absent(_)
        ));

        let keyring = Keyring::start();
        let client = keyring.client().await;
        client.item(LOGIN, &ALICE, b"one").await;
        let mut asked = call();
        asked.bus = Some(keyring.address());
        assert_eq!(
            found(provider.find(&alice(), &asked).await).location,
            "collection login"
        );
        // Another client, without a bus, is not answered from this one.
        assert_eq!(
            failed(provider.find(&alice(), &call()).await).0,
            Why::Unavailable
        );

        // A bus of our own appears: it is the one from now on, and the client's is another.
        let bus = Bus::start();
        std::os::unix::fs::symlink(bus.socket(), own.join("bus")).unwrap();
        assert_eq!(
            failed(provider.find(&alice(), &asked).await).0,
            Why::Unavailable
        );
        assert!(matches!(
            provider.presence(&asked).await,
            Presence::Unknown(_)
        ));
        assert!(matches!(
            provider.presence(&call()).await,
            Presence::Absent(_)
        ));
    });
}

#[test]
fn a_bus_that_never_answers() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("bus");
        let _listener = UnixListener::bind(&socket).unwrap();
        let provider = at(format!("unix:path={}", socket.display()));
        let asked = call_within(Duration::from_millis(300));
        assert_eq!(
            failed(provider.find(&alice(), &asked).await).0,
            Why::TimedOut
        );
        assert!(matches!(
            provider.presence(&asked).await,
            Presence::Unknown(_)
        ));
    });
}

/// L15: who owns the keyring's bus name has to be of our uid, its session is encrypted, and the bus is the agent's own: an impostor is told to be one.
/// Also: `secret_service::no_bus_then_the_clients_then_our_own`, `secret_service_odd::a_session_that_fails_is_opened_once_more`
#[test]
fn l15_another_users_keyring_is_refused() {
    run(async {
        let bus = Bus::start_for_everybody();
        let Some(_impostor) = bus.impostor().await else {
            return;
        };
        let provider = at(bus.address());
        let (why, detail) = failed(provider.find(&alice(), &call()).await);
        assert_eq!(why, Why::Unavailable);
        assert!(detail.contains("another user (uid 65534)"), "{detail}");
        assert!(matches!(
            provider.presence(&call()).await,
            Presence::Unknown(_)
        ));
    });
}

#[test]
fn the_process_may_end_at_any_moment() {
    let keyring = Keyring::start();
    let provider = std::rc::Rc::new(at(keyring.address()));
    run(async {
        store(&provider, &alice(), "one").await;
        let asked = std::rc::Rc::clone(&provider);
        keyring.stop();
        tokio::task::spawn_local(async move { asked.find(&alice(), &call()).await.word() });
        tokio::task::yield_now().await;
    });
    // The runtime is gone, and took the question that was under way with it.
    provider.forget();
    drop(provider);
}

#[test]
fn a_service_is_started_for_a_question_only() {
    run(async {
        let bus = Bus::start_with_activation();
        let provider = at(bus.address());
        let state = provider.state(&call()).await;
        assert_eq!(state.detail.as_deref(), Some("started when it is needed"));
        let state = provider.state(&call()).await;
        assert_eq!(state.detail.as_deref(), Some("started when it is needed"));
        // A new keyring has no default collection: nothing is there, and nothing can be stored.
        assert_eq!(provider.find(&alice(), &call()).await.word(), "not-found");
        assert!(matches!(
            provider.presence(&call()).await,
            Presence::Absent(_)
        ));
        let refused = provider
            .store(&alice(), &Secret::from("one"), &call())
            .await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Unavailable);
    });
}

#[test]
fn duplicates_are_told_and_the_first_is_used() {
    with_keyring(async |keyring, provider, client| {
        client.item(LOGIN, &ALICE, b"one").await;
        client.item(LOGIN, &ALICE, b"two").await;
        client
            .item(
                LOGIN,
                &[("service", SERVICE), ("username", "bob")],
                b"three",
            )
            .await;
        for key in [alice(), key(SERVICE, Some("alice"))] {
            let halves = found(provider.find(&key, &call()).await);
            assert_eq!(halves.notes.len(), 1);
            assert!(halves.notes[0].starts_with("2 entries for poetry-repository-foo user alice"));
        }
        let ours = secret(provider, &alice()).await;
        let code = "import keyring, sys; print(keyring.get_password(*sys.argv[1:3]), end='')";
        if let Some(theirs) = keyring.python(code, &[SERVICE, "alice"]) {
            assert_eq!(String::from_utf8_lossy(&theirs.stdout), ours);
        }
        // Stored where it is read from.
        store(provider, &alice(), "new").await;
        assert_eq!(secret(provider, &alice()).await, "new");
        assert_eq!(client.search(&ALICE).await.len(), 2);
        // All of them go.
        assert_eq!(provider.erase(&alice(), &call()).await.unwrap().len(), 2);
        assert_eq!(provider.find(&alice(), &call()).await.word(), "not-found");
        let all = provider.erase(&key(SERVICE, None), &call()).await.unwrap();
        assert_eq!(all, ["collection login"]);
        assert!(
            provider
                .erase(&key(SERVICE, None), &call())
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn other_collections_come_second() {
    with_keyring(async |_, provider, client| {
        let other = client.collection("other").await;
        client.item(&other, &ALICE, b"other").await;
        let halves = found(provider.find(&alice(), &call()).await);
        assert_eq!(halves.location, "collection other");
        // Locked, it may hold the answer; what it does not hold is still told.
        client.lock(&other).await;
        assert_eq!(provider.find(&alice(), &call()).await.word(), "locked");
        assert_eq!(
            provider.find(&key("absent", None), &call()).await.word(),
            "not-found"
        );
        client.item(LOGIN, &ALICE, b"login").await;
        assert_eq!(secret(provider, &alice()).await, "login");
        // Nothing is removed while a part of it is locked.
        let refused = provider.erase(&alice(), &call()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Locked);
        assert_eq!(secret(provider, &alice()).await, "login");
    });
}

#[test]
fn what_is_listed() {
    with_keyring(async |keyring, provider, client| {
        store(provider, &key(SERVICE, Some(EMPTY_USERNAME)), "one").await;
        let other = client.collection("other").await;
        client.item(&other, &ALICE, b"other").await;
        let listed = provider.list(&call()).await.unwrap();
        let mut accounts: Vec<_> = listed
            .iter()
            .map(|entry| (entry.username.as_deref().unwrap(), entry.locked))
            .collect();
        accounts.sort_unstable();
        assert_eq!(accounts, [("", false), ("alice", false)]);
        // Closed since the keyring's start, a collection shows nothing but that it is there.
        keyring.kill();
        keyring.restart();
        let listed = provider.list(&call()).await.unwrap();
        let (closed, open): (Vec<_>, Vec<_>) = listed.into_iter().partition(|entry| entry.locked);
        assert_eq!((closed.len(), open.len()), (1, 1));
        assert_eq!(closed[0].location, "collection other");
        assert_eq!((&closed[0].name, closed[0].has_secret), (&None, false));
    });
}

#[test]
fn five_hundred_entries() {
    with_keyring(async |_, provider, client| {
        // In memory: on disk the daemon writes its whole file anew for each.
        client.alias("default", SESSION).await;
        for n in 0..500 {
            let service = format!("poetry-repository-r{n}");
            let attributes = [("service", service.as_str()), ("username", "ci")];
            client.item(SESSION, &attributes, service.as_bytes()).await;
        }
        client
            .item(SESSION, &[("service", "mail"), ("username", "me")], b"no")
            .await;
        let asked = call();
        let listed = provider.list(&asked).await.unwrap();
        assert_eq!(listed.len(), 500);
        assert!(
            listed
                .iter()
                .all(|entry| entry.name.is_some() && !entry.locked)
        );
        let halves = found(
            provider
                .find(&key("poetry-repository-r250", None), &asked)
                .await,
        );
        assert_eq!(halves.secret.unwrap().expose(), "poetry-repository-r250");
    });
}

/// The attributes of an item, without the schema that gnome-keyring gives sooner or later to one
/// that was written without.
async fn written(client: &Client, item: &OwnedObjectPath) -> HashMap<String, String> {
    let mut attributes: HashMap<String, String> = client.property(item, "Attributes").await;
    if let Some(schema) = attributes.remove("xdg:schema") {
        assert_eq!(schema, "org.freedesktop.Secret.Generic");
    }
    attributes
}

#[test]
fn an_entry_is_written_as_python_writes_it() {
    with_keyring(async |keyring, provider, client| {
        store(provider, &alice(), "one").await;
        let item = client.search(&ALICE).await.swap_remove(0);
        let label: String = client.property(&item, "Label").await;
        assert_eq!(label, "Password for 'alice' on 'poetry-repository-foo'");
        let attributes = written(client, &item).await;
        let expected = [
            ("service", SERVICE),
            ("username", "alice"),
            ("application", "Python keyring library"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(attributes, HashMap::from(expected));
        let set = "import keyring, sys; keyring.set_password(*sys.argv[1:4])";
        if keyring.python(set, &[SERVICE, "bob", "two"]).is_some() {
            let bob = [("service", SERVICE), ("username", "bob")];
            let item = client.search(&bob).await.swap_remove(0);
            let mut theirs = written(client, &item).await;
            theirs.insert("username".to_owned(), "alice".to_owned());
            assert_eq!(theirs, attributes);
        }
    });
}

/// Three programs write in every order: one entry, and the last word counts for all of them.
#[test]
fn no_order_of_writing_makes_duplicates() {
    with_keyring(async |keyring, provider, client| {
        let set = "import keyring, sys; keyring.set_password(*sys.argv[1:4])";
        let get = "import keyring, sys; print(keyring.get_password(*sys.argv[1:3]), end='')";
        // Each program writes before and after each of the others.
        for (round, order) in ["hth", "tht", "hph", "php", "thp", "pht"]
            .iter()
            .enumerate()
        {
            let service = format!("https://r{round}.example/simple/");
            let key = key(&service, Some("alice"));
            let attributes = [("service", service.as_str()), ("username", "alice")];
            for (step, who) in order.chars().enumerate() {
                let text = format!("{round}.{step} \u{e4}");
                let written = match who {
                    'h' => {
                        store(provider, &key, &text).await;
                        None
                    }
                    't' => {
                        let mut arguments = vec!["store", "--label=x"];
                        arguments.extend(["service", &service, "username", "alice"]);
                        Some(keyring.secret_tool(&arguments, &text))
                    }
                    _ => Some(keyring.python(set, &[&service, "alice", &text])),
                };
                match written {
                    Some(Some(output)) => assert!(output.status.success(), "{output:?}"),
                    // That program is not here.
                    Some(None) => break,
                    None => {}
                }
                assert_eq!(client.search(&attributes).await.len(), 1, "{order} {step}");
                assert_eq!(secret(provider, &key).await, text);
                let arguments = ["lookup", "service", &service, "username", "alice"];
                if let Some(output) = keyring.secret_tool(&arguments, "") {
                    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
                }
                if let Some(output) = keyring.python(get, &[&service, "alice"]) {
                    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
                }
            }
        }
    });
}
