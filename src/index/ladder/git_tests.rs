use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

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

/// A server that sends whoever asks on to another, or is that other: one that begins to talk as git's
/// servers do. What it was asked, it tells.
fn leads(to: Option<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let record = heads.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let answer = match &to {
                Some(to) => {
                    format!("302 Found\r\nlocation: {to}{path}\r\ncontent-length: 0\r\n\r\n")
                }
                None if head.starts_with("GET") => {
                    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
                    let hash = "a".repeat(40);
                    let refs = [
                        line("# service=git-upload-pack\n"),
                        "0000".to_owned(),
                        line(&format!(
                            "{hash} HEAD\0shallow symref=HEAD:refs/heads/main\n"
                        )),
                        line(&format!("{hash} refs/heads/main\n")),
                        "0000".to_owned(),
                    ]
                    .concat();
                    let kind = "application/x-git-upload-pack-advertisement";
                    format!(
                        "200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{refs}",
                        refs.len()
                    )
                }
                None => "404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            };
            record.lock().unwrap().push(head);
            let answer = answer.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            let _ = stream.write_all(format!("HTTP/1.1 {answer}").as_bytes());
        }
    });
    (address, heads)
}

/// git itself sends the header of one origin to whatever origin that redirects to.
#[test]
fn an_account_follows_no_redirect() {
    let (away, asked_away) = leads(None);
    let (home, asked_home) = leads(Some(away.clone()));
    // Without one, git goes where it is led: so the way is there.
    let open = place(&format!("git+{home}/r.git")).unwrap();
    assert!(run(Commit::fetch(&open)).is_err());
    assert!(
        asked_away
            .lock()
            .unwrap()
            .iter()
            .any(|head| head.starts_with("POST"))
    );
    asked_away.lock().unwrap().clear();
    asked_home.lock().unwrap().clear();
    for path in ["r", "r.git"] {
        let with = home.replace("//", "//me:hunter2@");
        let place = place(&format!("git+{with}/{path}")).unwrap();
        let why = run(Commit::fetch(&place)).err().unwrap();
        assert!(why.contains("no redirect is followed"), "{why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
    let asked = asked_home.lock().unwrap();
    assert!(
        asked
            .iter()
            .all(|head| head.contains("Authorization: Basic bWU6aHVudGVyMg=="))
    );
    assert!(
        asked
            .iter()
            .any(|head| head.starts_with("GET /r.git/info/refs"))
    );
    assert_eq!(*asked_away.lock().unwrap(), [""; 0]);
}

/// A server that would lead from `r` to `r.git` need not.
#[test]
fn an_account_finds_the_whole_name() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "."]);
    std::fs::write(
        folder.path().join("pyproject.toml"),
        "[project]\nname = 'a'\nversion = '1'\n",
    )
    .unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "-m", "1"]);
    git(folder.path(), &["tag", "v1"]);
    // It is read as plain files are.
    git(folder.path(), &["update-server-info"]);
    let mut files = Vec::new();
    let mut folders = vec![folder.path().join(".git")];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder.path().join(".git")).unwrap();
                let bytes = std::fs::read(&path).unwrap();
                files.push((format!("r.git/{}", name.display()), bytes));
            }
        }
    }
    let files: Vec<(&str, Vec<u8>)> = files
        .iter()
        .map(|(name, bytes)| (&**name, bytes.clone()))
        .collect();
    let server = Server::start(Ranges::Ignored, &files);
    let url = server.url("r").replace("//", "//me:hunter2@");
    let commit = run(Commit::fetch(&place(&format!("git+{url}@v1")).unwrap())).unwrap();
    assert_eq!(metadata(&commit).unwrap().0.version.to_string(), "1");
    // A name that is there is the first that is tried, and no account needs another.
    assert!(
        server.asked()[0].starts_with("r/info/refs"),
        "{:?}",
        server.asked()
    );
    let open = place(&format!("git+{}@v1", server.url("r"))).unwrap();
    assert!(run(Commit::fetch(&open)).is_err());
}
