use std::path::Path;
use std::process::Command;

use url::Url;

use super::{Commit, Place};
use crate::index::fetch::test_sources::run;
use crate::index::ladder::test_server::{Ranges, Server};
use crate::index::ladder::tree::{Tree as _, metadata};

fn place(text: &str) -> Result<Place, String> {
    Place::of(&Url::parse(text).unwrap()).unwrap()
}

#[test]
fn urls_of_commits() {
    for (text, repository, revision, folder) in [
        ("git+https://h/r.git", "https://h/r.git", "HEAD", ""),
        ("git+https://h/r.git@v1.0", "https://h/r.git", "v1.0", ""),
        (
            "git+ssh://git@h/r.git@a/b#subdirectory=x/y&egg=z",
            "ssh://git@h/r.git",
            "HEAD",
            "",
        ),
        (
            "git+https://h/r@main#egg=z&subdirectory=/x/y/",
            "https://h/r",
            "main",
            "x/y/",
        ),
        ("git+file:///r@feature%2Fa", "file:///r", "feature/a", ""),
    ] {
        let found = place(text).unwrap();
        if text.contains("ssh") {
            // A branch with a slash, and a name in front of the host.
            assert_eq!(
                (found.revision.as_str(), found.folder.as_str()),
                ("a/b", "x/y/")
            );
            continue;
        }
        assert_eq!(found.repository.as_str(), repository);
        assert_eq!(
            (found.revision.as_str(), found.folder.as_str()),
            (revision, folder),
            "{text}"
        );
    }
    for text in [
        "git+ext://h/x",
        "git+https://h/r@",
        "git+https://h/r@--upload-pack=x",
        "git+https://h/r@a:b",
        "git+https://h/r@a%20b",
        "git+https://h/r#subdirectory=../x",
        "git+https://h/r#subdirectory=a//b",
    ] {
        assert!(place(text).is_err(), "{text}");
    }
    assert_eq!(Place::of(&Url::parse("https://h/r.git").unwrap()), None);
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let ended = Command::new("git")
        .current_dir(folder)
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@h.example",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .env_remove("GIT_DIR")
        .output()
        .unwrap();
    assert!(ended.status.success(), "{arguments:?}");
    String::from_utf8(ended.stdout).unwrap().trim().to_owned()
}

/// By branch, tag, whole and short hash; also one that is no longer the newest.
#[test]
fn commits() {
    let folder = tempfile::tempdir().unwrap();
    git(
        folder.path(),
        &["init", "--quiet", "--initial-branch=main", "."],
    );
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let write = |version: &str| {
        let text = format!("[project]\nname = 'a'\nversion = '{version}'\n");
        std::fs::write(folder.path().join("sub/pyproject.toml"), text).unwrap();
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "--quiet", "-m", version]);
        git(folder.path(), &["rev-parse", "HEAD"])
    };
    let first = write("1");
    git(folder.path(), &["tag", "v1"]);
    write("2");
    let url = Url::from_directory_path(folder.path()).unwrap();
    let url = url.as_str().trim_end_matches('/');
    for (revision, version) in [
        ("", "2"),
        ("@main", "2"),
        ("@v1", "1"),
        (&format!("@{first}"), "1"),
        (&format!("@{}", &first[..9]), "1"),
    ] {
        let place = place(&format!("git+{url}{revision}#subdirectory=sub")).unwrap();
        let commit = run(Commit::fetch(&place)).unwrap();
        let (found, _) = metadata(&commit).unwrap();
        assert_eq!(found.version.to_string(), version, "{revision}");
        let at = run(commit.checked_out()).unwrap();
        assert!(at.join("pyproject.toml").is_file());
        drop(commit);
        assert!(!at.exists());
    }
    let elsewhere = run(Commit::fetch(&place(&format!("git+{url}")).unwrap())).unwrap();
    assert_eq!(elsewhere.read("pyproject.toml"), Ok(None));
    let nowhere = run(Commit::fetch(
        &place(&format!("git+{url}@nowhere")).unwrap(),
    ));
    assert!(nowhere.err().unwrap().contains("no such revision"));
    let none = run(Commit::fetch(&place("git+file:///nowhere/at/all").unwrap()));
    assert!(none.err().unwrap().contains("could not fetch"));
}

/// What stands before the host goes to the server, and neither on a command line nor into words.
#[test]
fn accounts() {
    let server = Server::start(Ranges::Sent, &[]);
    let url = server.url("r.git").replace("//", "//me:hunter%202@");
    let place = place(&format!("git+{url}")).unwrap();
    assert!(!format!("{place:?}").contains("hunter"));
    assert!(!place.repository.as_str().contains("hunter"));
    let why = run(Commit::fetch(&place)).err().unwrap();
    assert!(why.contains("could not fetch"), "{why}");
    let sent = server.header("authorization");
    // `me:hunter 2`
    assert_eq!(
        sent[0].as_deref(),
        Some("Basic bWU6aHVudGVyIDI="),
        "{:?}",
        server.asked()
    );
}
