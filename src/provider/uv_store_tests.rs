use credential_helper_protocol::Scheme;

use super::{UvStore, find_in};
use crate::domain::credential::{Answer, Halves, Key};
use crate::domain::url::RepositoryUrl;
use crate::provider::fake;
use crate::provider::{Call, Folders, Provider};

fn entry(service: &str, username: &str, password: &str) -> String {
    format!(
        "[[credential]]\nservice = \"{service}\"\nusername = \"{username}\"\nscheme = \"basic\"\npassword = \"{password}\"\n\n"
    )
}

fn ask(text: &str, url: &str, username: Option<&str>) -> Result<Option<Halves>, (usize, String)> {
    find_in(text, &RepositoryUrl::parse(url).unwrap().0, username)
}

fn secret(text: &str, url: &str, username: Option<&str>) -> Option<String> {
    let halves = ask(text, url, username).unwrap()?;
    Some(halves.secret.unwrap().expose().to_owned())
}

#[test]
fn the_longest_service_wins() {
    let text = [
        entry("https://h", "root", "p-root"),
        entry("https://h/a", "a", "p-a"),
        entry("https://h/a/b/", "ab", "p-ab"),
        entry("https://h:8443/a", "port", "p-port"),
        entry("http://h/a", "clear", "p-clear"),
        entry("bare.example/x", "bare", "p-bare"),
    ]
    .concat();
    for (url, username, expected) in [
        ("https://h/a/b/simple/", None, Some("p-ab")),
        ("https://H:443/a/b", None, Some("p-ab")),
        ("https://h/a/bc/", None, Some("p-a")),
        ("https://h/ab/", None, Some("p-root")),
        ("https://h/a/b/", Some("root"), Some("p-root")),
        ("https://h/a/b/", Some("nobody"), None),
        ("https://h:8443/a/x", None, Some("p-port")),
        ("https://h:8443/b", None, None),
        ("http://h/a/", None, Some("p-clear")),
        ("http://h/", None, None),
        ("https://sub.h/a", None, None),
        ("https://bare.example/x/simple", None, Some("p-bare")),
    ] {
        assert_eq!(secret(&text, url, username).as_deref(), expected, "{url}");
    }
}

#[test]
fn bearer_has_no_account() {
    let text = "[[credential]]\nservice = \"https://h/a\"\nscheme = \"bearer\"\ntoken = \"t\"\n";
    let halves = ask(text, "https://h/a/x", None).unwrap().unwrap();
    assert_eq!((halves.scheme, halves.username), (Scheme::Bearer, None));
    assert_eq!(halves.secret.unwrap().expose(), "t");
    assert!(ask(text, "https://h/a/x", Some("u")).unwrap().is_none());
}

#[test]
fn a_token_that_has_ended_is_passed_over() {
    let of = |end: &str| {
        let text = format!(
            "[[credential]]\nservice = \"https://h/\"\nscheme = \"bearer\"\ntoken = \"t\"\nexpires-at = \"{end}\"\n"
        );
        ask(&text, "https://h/", None)
            .unwrap()
            .map(|halves| halves.expires)
    };
    assert_eq!(of("2000-01-01T00:00:00Z"), None);
    assert_eq!(of("2200-01-01T00:00:00Z"), Some(Some(7_258_118_400)));
}

#[test]
fn two_as_long_are_named() {
    let text = entry("https://h/a", "u1", "p1") + &entry("https://h/a/", "u2", "p2");
    let (line, words) = ask(&text, "https://h/a/x", None).err().unwrap();
    assert_eq!(line, 1);
    assert!(
        words.contains("https://h/a of u1") && words.contains("of u2"),
        "{words}"
    );
    assert_eq!(
        secret(&text, "https://h/a/x", Some("u2")).as_deref(),
        Some("p2")
    );
    let twice = entry("https://h/a", "u", "old") + &entry("https://h/a", "u", "new");
    assert_eq!(secret(&twice, "https://h/a", None).as_deref(), Some("new"));
}

#[test]
fn faults_name_line_and_key_and_nothing_of_the_text() {
    let head = "[[credential]]\nservice = \"https://h/\"\n";
    for (text, line, words) in [
        (
            format!("{head}username = \"u\"\npassword = 's3cret"),
            4,
            "not valid TOML",
        ),
        (
            format!("{head}username = \"u\"\npassword = 53"),
            4,
            "credential.password must be a string",
        ),
        (
            format!("{head}password = 's3cret'"),
            1,
            "credential.username is missing",
        ),
        (
            format!("{head}username = 'u'\ntoken = 's3cret'"),
            1,
            "credential.token is only",
        ),
        (
            format!("{head}scheme = 'bearer'\npassword = 's3cret'"),
            1,
            "only for scheme",
        ),
        (
            format!("{head}scheme = 'bearer'"),
            1,
            "credential.token is missing",
        ),
        (
            format!("{head}scheme = 's3cret'\nusername='u'"),
            1,
            "credential.scheme must be",
        ),
        (
            format!("{head}username = 'u'\npassword = \"s3cret\\u0007\""),
            1,
            "control character",
        ),
        ("credential = 's3cret'".to_owned(), 1, "list of tables"),
        (
            "[[credential]]\nservice = 'ftp://s3cret/'".to_owned(),
            1,
            "no http or https URL",
        ),
        (
            "[[credential]]\nusername = 'u'".to_owned(),
            1,
            "credential.service is missing",
        ),
    ] {
        let (at, told) = ask(&text, "https://h/", None).err().expect(&text);
        assert_eq!(at, line, "{text}");
        assert!(told.contains(words) && !told.contains("s3cret"), "{told}");
    }
}

fn call(folder: &std::path::Path) -> Call {
    Call {
        folders: Folders {
            uv_store: Some(folder.to_owned()),
            ..Folders::default()
        },
        ..fake::call(std::time::Duration::from_secs(5))
    }
}

/// `uv auth login` holds the lock while a person types.
#[tokio::test]
async fn the_lock_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("credentials.toml"),
        entry("https://h/", "u", "p"),
    )
    .unwrap();
    let lock = std::fs::File::create(folder.path().join("credentials.toml.lock")).unwrap();
    lock.lock().unwrap();
    let url = RepositoryUrl::parse("https://h/simple/").unwrap().0;
    let key = Key::Url {
        url,
        username: None,
    };
    let answer = UvStore.find(&key, &call(folder.path())).await;
    let Answer::Found(halves) = answer else {
        panic!("{}", answer.word());
    };
    assert_eq!(halves.username.as_deref(), Some("u"));
}

#[tokio::test]
async fn an_emptied_file_is_read_again() {
    let reads = std::cell::Cell::new(0);
    let text = async |full: usize| {
        reads.set(0);
        let read = async || {
            reads.set(reads.get() + 1);
            let text = if reads.get() < full { "" } else { "full" };
            Ok(Some(std::rc::Rc::new(text.to_owned().into())))
        };
        super::written(read).await.unwrap().unwrap().to_string()
    };
    assert_eq!((text(1).await.as_str(), reads.get()), ("full", 1));
    assert_eq!((text(2).await.as_str(), reads.get()), ("full", 2));
    assert_eq!((text(9).await.as_str(), reads.get()), ("", 3));
}
