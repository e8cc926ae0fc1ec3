//! Real git over `git http-backend`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::server::{Request, Response, Server, basic};
use super::{called, home};
use crate::harness::keyring::{Keyring, find};
use crate::harness::sandbox::{Ended, HELPER, Sandbox, end};

const NAME: &str = "git-credential-helper";

/// The header that each repository wants, by the first part of its path.
type Accounts = Arc<Mutex<Vec<(&'static str, String)>>>;

/// git with our helper alone, and two repositories on one host.
struct Git {
    sandbox: Sandbox,
    accounts: Accounts,
    server: Server,
}

impl Git {
    fn start(keyring: &Keyring) -> Option<Self> {
        let backend = backend()?;
        let sandbox = home(keyring);
        let accounts: Accounts = Arc::new(Mutex::new(vec![
            ("/one.git", basic("alice", "p1")),
            ("/two.git", basic("bob", "p2")),
        ]));
        let root = sandbox.path("served");
        std::fs::create_dir(&root).unwrap();
        let wanted = Arc::clone(&accounts);
        let folder = root.clone();
        let server = Server::start(move |request| {
            let accounts = wanted.lock().unwrap();
            let own = accounts
                .iter()
                .find(|(path, _)| request.path.starts_with(path));
            if request.header("authorization") != own.map(|(_, header)| header.as_str()) {
                return Response::unauthorized("Basic realm=\"here\"");
            }
            drop(accounts);
            serve(&backend, &folder, request)
        });
        let git = Self {
            sandbox,
            accounts,
            server,
        };
        let helper = called(&git.sandbox, NAME);
        git.sandbox.write(
            "home/.gitconfig",
            &format!(
                "[user]\nname = a\nemail = a@h.example\n[credential]\nhelper = {}\nuseHttpPath = true\n",
                helper.display()
            ),
        );
        assert_eq!(git.git(&["init", "--quiet", "work"]).status, 0);
        let commit = [
            "-C",
            "work",
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "x",
        ];
        assert_eq!(git.git(&commit).status, 0);
        for name in ["one.git", "two.git"] {
            let to = root.join(name);
            let copy = ["clone", "--quiet", "--bare", "work", to.to_str().unwrap()];
            assert_eq!(git.git(&copy).status, 0);
        }
        Some(git)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command("git");
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .args(arguments);
        command
    }

    fn git(&self, arguments: &[&str]) -> Ended {
        end(&mut self.command(arguments), "")
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.server.url())
    }

    /// Whether a repository can be reached, and what was said.
    fn reach(&self, path: &str) -> Ended {
        self.git(&["ls-remote", &self.url(path)])
    }

    fn approve(&self, path: &str, username: &str, password: &str) -> Ended {
        let host = self.server.host();
        let input = format!(
            "protocol=http\nhost={host}\npath={path}\nusername={username}\npassword={password}\n\n"
        );
        end(&mut self.command(&["credential", "approve"]), &input)
    }

    fn wants(&self, at: usize, username: &str, password: &str) {
        self.accounts.lock().unwrap()[at].1 = basic(username, password);
    }
}

/// git's own server; `None`, and a line that says so, where it is not installed.
fn backend() -> Option<PathBuf> {
    let found = find("git").and_then(|git| {
        let output = Command::new(git).arg("--exec-path").output().ok()?;
        let folder = String::from_utf8(output.stdout).ok()?;
        Some(Path::new(folder.trim()).join("git-http-backend"))
    });
    let found = found.filter(|path| path.is_file());
    if found.is_none() {
        eprintln!("git is not installed: its bridge is not tested with it");
    }
    found
}

/// Runs the server's program as RFC 3875 says.
fn serve(backend: &Path, root: &Path, request: &Request) -> Response {
    let mut command = Command::new(backend);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("HOME", root)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REMOTE_USER", "somebody")
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    for (variable, header) in [
        ("CONTENT_TYPE", "content-type"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    let mut child = command.spawn().unwrap();
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), &request.body);
    let output = child.wait_with_output().unwrap().stdout;
    let split = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8_lossy(&output[..split]).into_owned();
    let mut response = Response::of(200, &output[split + 4..]);
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        match name {
            "Status" => response.status = value[..3].parse().unwrap(),
            _ => response.headers.push((name.to_owned(), value.to_owned())),
        }
    }
    response
}

fn assert_reached(ended: &Ended) {
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.stdout.contains("HEAD"), "{ended:?}");
    assert_eq!(ended.stderr, "", "{ended:?}");
}

#[test]
fn two_repositories_on_one_host_have_their_own_credentials() {
    let keyring = Keyring::start();
    let Some(git) = Git::start(&keyring) else {
        return;
    };
    for (path, username, password) in [("one.git", "alice", "p1"), ("two.git", "bob", "p2")] {
        let approved = git.approve(path, username, password);
        assert_eq!((approved.status, approved.stderr.as_str()), (0, ""));
    }
    for path in ["one.git", "two.git"] {
        assert_reached(&git.reach(path));
        let cloned = git.git(&["clone", "--quiet", &git.url(path), &format!("copy-{path}")]);
        assert_eq!(
            (cloned.status, cloned.stderr.as_str()),
            (0, ""),
            "{cloned:?}"
        );
    }
    // Each got its own and none of the other.
    let seen = git.server.seen();
    let sent = |header: &String| seen.iter().flatten().any(|own| own == header);
    assert!(sent(&basic("alice", "p1")) && sent(&basic("bob", "p2")));
    let lookup = [
        "lookup",
        "service",
        &git.url("one.git"),
        "username",
        "alice",
    ];
    if let Some(found) = keyring.secret_tool(&lookup, "") {
        assert_eq!(found.stdout, b"p1");
    }
    // The account in the URL is the one that is wanted.
    let with = |account: &str| git.url("one.git").replace("//", &format!("//{account}@"));
    assert_reached(&git.git(&["ls-remote", &with("alice")]));
    assert_eq!(git.git(&["ls-remote", &with("carol")]).status, 128);
}

#[test]
fn what_a_server_took_is_stored() {
    let keyring = Keyring::start();
    let Some(git) = Git::start(&keyring) else {
        return;
    };
    let asked = git.reach("one.git");
    assert_eq!(asked.status, 128);
    assert!(!asked.stderr.contains("helper:"), "{asked:?}");
    // A person who is asked.
    let script = "#!/bin/sh\ncase $1 in User*) echo alice;; *) echo p1;; esac\n";
    let person = git.sandbox.program("person", script);
    let url = git.url("one.git");
    let mut command = git.command(&["ls-remote", &url]);
    assert_reached(&end(command.env("GIT_ASKPASS", &person), ""));
    assert_reached(&git.reach("one.git"));
    assert_ne!(git.reach("two.git").status, 0);
    // What is given from elsewhere is not stored a second time.
    let stored = end(
        git.sandbox
            .command(HELPER)
            .args(["set", "two", "bob", "--url", &git.url("two.git")]),
        "p2\n",
    );
    assert_eq!(stored.status, 0, "{stored:?}");
    assert_reached(&git.reach("two.git"));
    let lookup = ["lookup", "service", &git.url("two.git")];
    if let Some(found) = keyring.secret_tool(&lookup, "") {
        assert_eq!(found.stdout, b"");
    }
}

#[test]
fn a_refused_password_stays_stored_and_is_read_anew() {
    let keyring = Keyring::start();
    let Some(git) = Git::start(&keyring) else {
        return;
    };
    assert_eq!(git.approve("one.git", "alice", "old").status, 0);
    let refused = git.reach("one.git");
    assert_eq!(refused.status, 128);
    assert!(
        refused.stderr.contains("Authentication failed"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("helper: "), "{refused:?}");
    assert!(!refused.stderr.contains("old\n"), "{refused:?}");
    let lookup = [
        "lookup",
        "service",
        &git.url("one.git"),
        "username",
        "alice",
    ];
    if let Some(found) = keyring.secret_tool(&lookup, "") {
        assert_eq!(found.stdout, b"old");
    }
    // Another program corrects it, and nothing tells the agent.
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let client = keyring.client().await;
        let service = git.url("one.git");
        let items = client.search(&[("service", &service)]).await;
        client.set_secret(&items[0], b"p1").await;
    });
    assert_reached(&git.reach("one.git"));
    // The server's password changes, and a person types the new one.
    git.wants(0, "alice", "p3");
    assert_eq!(git.reach("one.git").status, 128);
    assert_eq!(git.approve("one.git", "alice", "p3").status, 0);
    assert_reached(&git.reach("one.git"));
}

#[test]
fn without_an_agent_and_with_a_locked_one() {
    let keyring = Keyring::start();
    let Some(git) = Git::start(&keyring) else {
        return;
    };
    assert_eq!(git.approve("one.git", "alice", "p1").status, 0);
    // Whoever needs a dead one starts another.
    let agent = git.sandbox.agent().unwrap();
    rustix::process::kill_process(agent, rustix::process::Signal::KILL).unwrap();
    assert!(crate::harness::sandbox::gone(
        agent,
        crate::harness::sandbox::PATIENCE
    ));
    assert_reached(&git.reach("one.git"));
    assert_ne!(git.sandbox.agent(), Some(agent));
    assert_eq!(git.sandbox.helper(&["agent", "stop"]).status, 0);
    let url = git.url("one.git");
    let mut alone = git.command(&["ls-remote", &url]);
    assert_reached(&end(alone.env("CREDENTIAL_HELPER_NO_AGENT", "1"), ""));
    assert_eq!(git.sandbox.agent(), None);
    assert_eq!(git.sandbox.helper(&["agent", "lock"]).status, 0);
    let locked = git.reach("one.git");
    assert_eq!(locked.status, 128);
    assert!(
        locked.stderr.contains("helper: the agent is locked\n"),
        "{locked:?}"
    );
    assert!(
        locked.stderr.contains("terminal prompts disabled"),
        "{locked:?}"
    );
    // What git was given by somebody else is still used.
    let with = url.replace("//", "//alice:p1@");
    let other = git.git(&["ls-remote", &with]);
    assert_eq!(other.status, 0, "{other:?}");
}

#[test]
fn a_bearer_token_goes_to_git_that_knows_of_them() {
    let keyring = Keyring::start();
    let Some(git) = Git::start(&keyring) else {
        return;
    };
    git.accounts.lock().unwrap()[0].1 = "Bearer t0ken".to_owned();
    git.sandbox.write(
        "home/.local/share/uv/credentials/credentials.toml",
        &format!(
            "[[credential]]\nservice = \"{}\"\nscheme = \"bearer\"\ntoken = \"t0ken\"\n",
            git.url("one.git")
        ),
    );
    let version = git.git(&["version"]).stdout;
    let number = |at| {
        version
            .split(['.', ' '])
            .nth(at)
            .and_then(|part| part.parse().ok())
    };
    // Git learned of it in 2.46.
    if (number(2), number(3)) >= (Some(2_u32), Some(46_u32)) {
        assert_reached(&git.reach("one.git"));
    }
    let host = git.server.host();
    let input = format!("protocol=http\nhost={host}\npath=one.git\n");
    let mut command = git.sandbox.command(called(&git.sandbox, NAME));
    let silent = end(command.arg("get"), &input);
    assert_eq!(
        (
            silent.status,
            silent.stdout.as_str(),
            silent.stderr.as_str()
        ),
        (0, "", "")
    );
    let mut command = git.sandbox.command(called(&git.sandbox, NAME));
    let told = end(
        command.arg("get"),
        &format!("capability[]=authtype\n{input}"),
    );
    let expected = "capability[]=authtype\nauthtype=Bearer\ncredential=t0ken\n";
    assert_eq!((told.status, told.stdout.as_str()), (0, expected));
}
