#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::domain::credential::{Answer, Halves, Key, Why};
use crate::domain::url::RepositoryUrl;
use crate::provider::Provider;
use crate::provider::fake::{call, found};
use crate::provider::netrc::Netrc;

async fn ask(text: &str, mode: u32, url: &str, username: Option<&str>) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netrc");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let call = call(Duration::from_secs(5));
    let key = Key::Url {
        url: RepositoryUrl::parse(url).unwrap().0,
        username: username.map(str::to_owned),
    };
    Netrc::new(path).find(&key, &call).await
}

#[tokio::test]
async fn the_account_chooses_and_the_last_wins() {
    let text = "machine h login a password pa\nmachine h login b password pb";
    let secret = |halves: &Halves| halves.secret.as_ref().unwrap().expose().to_owned();
    let last = found(ask(text, 0o600, "https://h/", None).await);
    assert_eq!((secret(&last).as_str(), last.notes.len()), ("pb", 1));
    let one = found(ask(text, 0o600, "https://h/", Some("a")).await);
    assert_eq!((secret(&one).as_str(), one.notes.len()), ("pa", 0));
    let none = ask(text, 0o600, "https://h/", Some("c")).await;
    assert_eq!(none.word(), "not-found");
    let anyone = ask("machine h password p", 0o600, "https://h/", Some("a")).await;
    assert_eq!(anyone.word(), "not-found");
}

#[tokio::test]
async fn a_port_that_is_written_goes_first() {
    let text = "machine h:81 login a password pa\nmachine h login b password pb";
    let halves = found(ask(text, 0o600, "https://h:81/", None).await);
    assert_eq!(halves.username.as_deref(), Some("a"));
    let halves = found(ask(text, 0o600, "https://h:82/", None).await);
    assert_eq!(halves.username.as_deref(), Some("b"));
}

#[tokio::test]
async fn an_open_file_is_read_and_told() {
    let halves = found(ask("machine h login a password p", 0o644, "https://h/", None).await);
    assert!(halves.notes[0].contains("chmod 600"));
}

#[tokio::test]
async fn the_default_entry_is_no_answer() {
    let answer = ask("default login a password p", 0o600, "https://h/", None).await;
    assert_eq!(answer.word(), "not-found");
}

#[tokio::test]
async fn a_broken_secret_is_malformed() {
    let text = "machine h login a password \"s3\u{7}cret\"";
    let Answer::Failed(why, detail) = ask(text, 0o600, "https://h/", None).await else {
        panic!("an answer");
    };
    assert_eq!(why, Why::Malformed);
    assert!(
        detail.contains("line 1") && !detail.contains("s3"),
        "{detail}"
    );
}
