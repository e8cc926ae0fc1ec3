use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::{CredentialFile, FileEntry, FileUsername};
use crate::domain::credential::{Answer, Halves, Key, Why};
use crate::provider::Provider;
use crate::provider::fake::{call, failed, found};

/// What an answer may take on a busy machine.
const TIME: Duration = Duration::from_secs(5);

fn entry(secret: &Path, username: Option<FileUsername>) -> FileEntry {
    FileEntry {
        name: "foo".into(),
        secret: secret.to_owned(),
        username,
    }
}

async fn ask(entry: FileEntry) -> Answer {
    let provider = CredentialFile::new(vec![entry]);
    provider
        .find(&Key::Repository("foo".into()), &call(TIME))
        .await
}

#[tokio::test]
async fn one_line_end_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    for (text, expected) in [
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        (" a b ", " a b "),
    ] {
        std::fs::write(&path, text).unwrap();
        let halves = found(ask(entry(&path, None)).await);
        assert_eq!(halves.secret.unwrap().expose(), expected);
        assert_eq!(halves.location, path.to_string_lossy());
    }
    for text in ["", "\n", "a\n\n", "a\nb", "a\u{1b}[2J"] {
        std::fs::write(&path, text).unwrap();
        let (why, detail) = failed(ask(entry(&path, None)).await);
        assert_eq!(why, Why::Malformed, "{text:?}");
        assert!(detail.contains("secret: it"), "{detail}");
    }
}

#[tokio::test]
async fn a_missing_file_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (why, _) = failed(ask(entry(&folder.path().join("secret"), None)).await);
    assert_eq!(why, Why::Unavailable);
    let (why, _) = failed(ask(entry(Path::new("secret"), None)).await);
    assert_eq!(why, Why::Malformed);
}

/// Kubernetes: `secret` is a link to `..data/secret`, and `..data` is turned to a new folder.
#[tokio::test]
async fn a_turned_link_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, user, secret) in [("..1", "old", "s-old"), ("..2", "new", "s-new")] {
        std::fs::create_dir(at(version)).unwrap();
        std::fs::write(at(version).join("username"), user).unwrap();
        std::fs::write(at(version).join("password"), secret).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/username", at("username")).unwrap();
    symlink("..data/password", at("password")).unwrap();
    let username = Some(FileUsername::File(at("username")));
    let provider = CredentialFile::new(vec![entry(&at("password"), username)]);
    let call = call(TIME);
    let key = Key::Repository("foo".into());
    let pair = |halves: Halves| {
        let secret = halves.secret.unwrap().expose().to_owned();
        (halves.username.unwrap(), secret)
    };
    let old = pair(found(provider.find(&key, &call).await));
    assert_eq!(old, ("old".into(), "s-old".into()));
    symlink("..2", at("..next")).unwrap();
    std::fs::rename(at("..next"), at("..data")).unwrap();
    let new = pair(found(provider.find(&key, &call).await));
    assert_eq!(new, ("new".into(), "s-new".into()));
}

#[tokio::test]
async fn names_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "s").unwrap();
    let provider = CredentialFile::new(vec![entry(&path, Some(FileUsername::Text("ci".into())))]);
    let ask = async |name: &str| {
        provider
            .find(&Key::Repository(name.into()), &call(TIME))
            .await
            .word()
    };
    assert_eq!(ask("foo").await, "found");
    assert_eq!(ask("Foo").await, "not-found");
    let list = provider.list(&call(TIME)).await.unwrap();
    assert_eq!(list[0].username.as_deref(), Some("ci"));
    assert!(list[0].has_secret);
}
