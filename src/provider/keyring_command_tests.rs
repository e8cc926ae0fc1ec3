use std::collections::BTreeMap;
use std::time::Duration;

use super::KeyringCommand;
use crate::domain::credential::{Answer, Key, Why};
use crate::provider::Provider;
use crate::provider::child::CommandSpec;
use crate::provider::fake::{call, found};

fn keyring(script: &str) -> KeyringCommand {
    KeyringCommand::new(CommandSpec {
        command: ["/bin/sh", "-c", script, "keyring"]
            .map(String::from)
            .to_vec(),
        env: BTreeMap::new(),
        pass_env: Vec::new(),
        timeout: Duration::from_secs(20),
    })
}

async fn ask(keyring: &KeyringCommand, service: &str, username: Option<&str>) -> Answer {
    let call = call(Duration::from_secs(30));
    let key = Key::Service {
        service: service.to_owned(),
        username: username.map(str::to_owned),
    };
    keyring.find(&key, &call).await
}

#[tokio::test]
async fn the_command_line_is_that_of_python() {
    let echo = keyring(r#"echo "$#:$*""#);
    for (service, username, expected) in [
        (
            "poetry-repository-foo",
            "u",
            "3:get poetry-repository-foo u",
        ),
        ("https://h/", "a b", "3:get https://h/ a b"),
        ("h", "-u", "4:get -- h -u"),
    ] {
        let halves = found(ask(&echo, service, Some(username)).await);
        assert_eq!(halves.secret.unwrap().expose(), expected);
        assert_eq!(halves.username.as_deref(), Some(username));
    }
    let creds = keyring(
        r#"[ "$*" = "--mode creds --output json get h" ] && echo '{"username": "u", "password": "p\u00e4"}'"#,
    );
    let halves = found(ask(&creds, "h", None).await);
    assert_eq!(halves.username.as_deref(), Some("u"));
    assert_eq!(halves.secret.unwrap().expose(), "p\u{e4}");
    let marked = keyring("echo $CREDENTIAL_HELPER_RECURSION$PYTHON_KEYRING_BACKEND");
    assert_eq!(
        found(ask(&marked, "h", Some("u")).await)
            .secret
            .unwrap()
            .expose(),
        "1"
    );
}

#[tokio::test]
async fn nothing_there_is_not_a_failure_and_a_failure_not_nothing() {
    for (script, expected) in [
        ("exit 1", None),
        ("echo '[Information] looking' >&2; exit 1", None),
        (
            "echo 'Traceback (most recent call last):' >&2; echo 's3cret' >&2; exit 1",
            Some((Why::Unavailable, "run it by hand")),
        ),
        (
            "echo 'Traceback (most recent call last):' >&2; echo 'keyring.errors.KeyringLocked: x' >&2; exit 1",
            Some((Why::Locked, "locked")),
        ),
        ("echo s3cret; exit 1", Some((Why::Unavailable, "status 1"))),
        ("exit 0", Some((Why::Malformed, "printed nothing"))),
        (
            "echo usage >&2; exit 2",
            Some((Why::Unavailable, "status 2")),
        ),
        (
            "printf 's3\\007cret'",
            Some((Why::Malformed, "control character")),
        ),
    ] {
        match (ask(&keyring(script), "h", Some("u")).await, expected) {
            (Answer::NotFound, None) => {}
            (Answer::Failed(why, detail), Some((wanted, words))) => {
                assert_eq!(why, wanted, "{script}");
                assert!(detail.contains(words) && !detail.contains("s3"), "{detail}");
            }
            (other, _) => panic!("{script}: {}", other.word()),
        }
    }
    let Answer::Failed(why, detail) = ask(&keyring("echo s3cret"), "h", None).await else {
        panic!("an answer");
    };
    assert_eq!(why, Why::Malformed);
    assert!(!detail.contains("s3cret"), "{detail}");
}

#[tokio::test]
async fn within_our_own_command_it_is_passed_over() {
    let mut keyring = keyring("echo x");
    keyring.recursing = true;
    assert_eq!(ask(&keyring, "h", Some("u")).await.word(), "skipped");
}
