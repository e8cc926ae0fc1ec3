use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use credential_helper_protocol::Scheme;

use super::{CommandEntry, CommandProtocol, CommandProvider, authorization, kept_for};
use crate::domain::credential::{Answer, Halves, Key, Why};
use crate::provider::child::CommandSpec;
use crate::provider::fake::{call, failed, found};
use crate::provider::{Provider, value};

fn shell(script: &str, protocol: CommandProtocol) -> CommandEntry {
    CommandEntry {
        name: "foo".into(),
        command: CommandSpec {
            command: ["/bin/sh", "-c", script, "mint"].map(String::from).to_vec(),
            env: BTreeMap::new(),
            pass_env: Vec::new(),
            timeout: Duration::from_secs(20),
        },
        protocol,
        ttl: None,
        url: Some("https://h.example/simple/".into()),
        username: Some("ci".into()),
    }
}

fn key() -> Key {
    Key::Repository("foo".into())
}

async fn ask(provider: &CommandProvider) -> Answer {
    let call = call(Duration::from_secs(30));
    provider.find(&key(), &call).await
}

async fn ask_once(script: &str, protocol: CommandProtocol) -> Answer {
    ask(&CommandProvider::new(vec![shell(script, protocol)])).await
}

fn secret(halves: &Halves) -> &str {
    halves.secret.as_ref().unwrap().expose()
}

#[tokio::test]
async fn plain_output_is_the_secret() {
    let halves = found(ask_once("echo s3cret", CommandProtocol::Plain).await);
    assert_eq!(secret(&halves), "s3cret");
    assert_eq!(halves.username.as_deref(), Some("ci"));
    assert_eq!(
        (halves.location.as_str(), halves.expires),
        ("/bin/sh", None)
    );
    for (script, why, words) in [
        (
            "echo s3cret; exit 3",
            Why::Unavailable,
            "ended with status 3",
        ),
        (
            "echo s3cret; kill -9 $$",
            Why::Unavailable,
            "ended by a signal",
        ),
        ("exit 0", Why::Malformed, "printed nothing"),
        (
            "echo s3cret; echo s3cret",
            Why::Malformed,
            "control character",
        ),
        (r"printf 's3cret\377'", Why::Malformed, "not UTF-8"),
        (
            "head -c 32769 /dev/zero | tr '\\0' x",
            Why::Malformed,
            "longer than 32768",
        ),
        (
            "echo s3cret >&2; exit 1",
            Why::Unavailable,
            "ended with status 1",
        ),
    ] {
        let (told, detail) = failed(ask_once(script, CommandProtocol::Plain).await);
        assert_eq!(told, why, "{script}");
        assert!(
            detail.contains(words) && !detail.contains("s3cret"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_credential_helper_is_asked_for_the_url() {
    let script = r#"read -r q; [ "$1 $q" = 'get {"uri":"https://h.example/simple/"}' ] || exit 9
        echo '{"headers":{"authorization":["Basic dTpwOnc="]},"more":1}'"#;
    let halves = found(ask_once(script, CommandProtocol::CredentialHelper).await);
    assert_eq!(
        (halves.username.as_deref(), secret(&halves)),
        (Some("u"), "p:w")
    );
    let script = r#"echo '{"headers":{"Authorization":["Bearer t.t"]},"expires":"2200-01-01T01:00:00+01:00"}'"#;
    let halves = found(ask_once(script, CommandProtocol::CredentialHelper).await);
    assert_eq!(
        (halves.scheme, halves.username.clone()),
        (Scheme::Bearer, None)
    );
    assert_eq!(
        (secret(&halves), halves.expires),
        ("t.t", Some(7_258_118_400))
    );
    for script in ["echo '{}'", r#"echo '{"headers":{"X":["s3cret"]}}'"#] {
        let answer = ask_once(script, CommandProtocol::CredentialHelper).await;
        assert_eq!(answer.word(), "not-found");
    }
    for (script, words) in [
        ("exit 0", "no answer of a credential helper"),
        ("echo s3cret", "no answer of a credential helper"),
        (
            r#"echo '{"headers":{"Authorization":["Digest s3cret"]}}'"#,
            "neither Basic nor Bearer",
        ),
        (
            r#"echo '{"headers":{"Authorization":["Basic s3cret!"]}}'"#,
            "neither Basic nor Bearer",
        ),
        (
            r#"echo '{"headers":{"Authorization":["Bearer s3cret","Bearer b"]}}'"#,
            "more than one",
        ),
        (
            r#"echo '{"headers":{"Authorization":["Bearer s3cret"]},"expires":"soon"}'"#,
            "no RFC 3339",
        ),
        (
            r#"echo '{"headers":{"Authorization":["Bearer s3cret"]},"expires":"2000-01-01T00:00:00Z"}'"#,
            "has expired",
        ),
        (
            r#"echo '{"headers":{"Authorization":["Bearer s3\u001bcret"]}}'"#,
            "control character",
        ),
    ] {
        let (_, detail) = failed(ask_once(script, CommandProtocol::CredentialHelper).await);
        assert!(detail.contains(words) && !detail.contains("s3"), "{detail}");
    }
    let mut entry = shell("exit 0", CommandProtocol::CredentialHelper);
    entry.url = None;
    let (_, detail) = failed(ask(&CommandProvider::new(vec![entry])).await);
    assert!(detail.contains("repositories.foo has no url"), "{detail}");
}

#[test]
fn headers() {
    for (header, expected) in [
        ("Basic dTpw", Some((Some("u"), "p", Scheme::Basic))),
        ("bAsIc  dTo", Some((Some("u"), "", Scheme::Basic))),
        ("Basic dTo=", Some((Some("u"), "", Scheme::Basic))),
        ("Basic dQ==", None),
        ("BEARER t", Some((None, "t", Scheme::Bearer))),
        ("Bearer ", None),
        ("t", None),
    ] {
        let got = authorization(header);
        let got = got.as_ref().map(|(user, text, scheme)| {
            (user.as_ref().map(|u| u.as_str()), text.as_str(), *scheme)
        });
        assert_eq!(got, expected, "{header}");
    }
}

#[test]
fn margins() {
    for (life, kept) in [
        (900, 810),
        (60, 30),
        (20, 10),
        (43_200, 38_880),
        (0, 0),
        (2, 1),
    ] {
        assert_eq!(
            kept_for(Duration::from_secs(life)),
            Duration::from_secs(kept)
        );
    }
}

/// A command that writes a line to a file each time it runs.
fn counting(folder: &Path, rest: &str) -> (std::path::PathBuf, String) {
    let count = folder.join("count");
    let script = format!("echo run >> {}; {rest}", count.display());
    (count, script)
}

fn runs(count: &Path) -> usize {
    std::fs::read_to_string(count)
        .unwrap_or_default()
        .lines()
        .count()
}

#[tokio::test]
async fn what_holds_is_kept_until_it_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (count, script) = counting(folder.path(), "echo s3cret");
    let mut entry = shell(&script, CommandProtocol::Plain);
    entry.ttl = Some(Duration::from_mins(15));
    let provider = CommandProvider::new(vec![entry]);
    let first = found(ask(&provider).await);
    let end = first.expires.unwrap();
    assert!((value::now() + 890..=value::now() + 900).contains(&end));
    assert_eq!(found(ask(&provider).await).expires, Some(end));
    assert_eq!(runs(&count), 1);
    let list = provider.list(&call(Duration::from_secs(1))).await.unwrap();
    assert_eq!((list[0].expires, runs(&count)), (Some(end), 1));
    provider.forget();
    found(ask(&provider).await);
    assert_eq!(runs(&count), 2);
}

#[tokio::test]
async fn what_has_no_life_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (count, script) = counting(folder.path(), "echo s3cret");
    let provider = CommandProvider::new(vec![shell(&script, CommandProtocol::Plain)]);
    found(ask(&provider).await);
    found(ask(&provider).await);
    assert_eq!(runs(&count), 2);
}

#[tokio::test]
async fn two_askers_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, rustix::fs::Mode::RWXU).unwrap();
    let (count, script) = counting(folder.path(), &format!("cat {}", gate.display()));
    let provider = CommandProvider::new(vec![shell(&script, CommandProtocol::Plain)]);
    // Both have begun when the gate is opened: the first is polled before the second, and the
    // command ends only after somebody has written.
    let open = async { tokio::task::spawn_blocking(move || std::fs::write(gate, "s3cret")).await };
    let (first, second, opened) = tokio::join!(ask(&provider), ask(&provider), open);
    opened.unwrap().unwrap();
    assert_eq!(
        (secret(&found(first)), secret(&found(second))),
        ("s3cret", "s3cret")
    );
    assert_eq!(runs(&count), 1);
}

#[tokio::test]
async fn a_stuck_command_ends_with_its_time() {
    let provider = CommandProvider::new(vec![shell("sleep 600", CommandProtocol::Plain)]);
    let short = call(Duration::from_millis(200));
    let (why, detail) = failed(provider.find(&key(), &short).await);
    assert_eq!(why, Why::TimedOut);
    assert!(detail.contains("0.2 s"), "{detail}");
    let mut entry = shell("sleep 600", CommandProtocol::Plain);
    entry.command.timeout = Duration::from_millis(200);
    let (why, _) = failed(ask(&CommandProvider::new(vec![entry])).await);
    assert_eq!(why, Why::TimedOut);
}

#[tokio::test]
async fn within_our_own_command_it_is_passed_over() {
    let mut provider = CommandProvider::new(vec![shell("echo x", CommandProtocol::Plain)]);
    provider.recursing = true;
    assert_eq!(ask(&provider).await.word(), "skipped");
}
