//! uv's own store, kept by the agent, with the real uv and an index on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::harness::sandbox::{Ended, PATIENCE, Sandbox, end, gone};
use crate::setup::uv;

/// `alice:pw1`, as Basic.
const ALLOWED: &str = "authorization: Basic YWxpY2U6cHcx";

/// A home whose runtime folder is in memory; nothing where this machine has no such folder.
struct InMemory {
    sandbox: Sandbox,
    run: TempDir,
}

impl InMemory {
    fn new() -> Option<Self> {
        let shared = Path::new("/dev/shm");
        let in_memory = rustix::fs::statfs(shared).is_ok_and(|it| it.f_type == 0x0102_1994);
        if !in_memory {
            eprintln!("/dev/shm is not in memory: uv's store is not tested");
            return None;
        }
        let run = TempDir::new_in(shared).unwrap();
        std::fs::set_permissions(run.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut sandbox = Sandbox::new().without_keyring();
        sandbox.set("SHELL", "/bin/bash");
        // The later of two counts.
        sandbox.set("XDG_RUNTIME_DIR", run.path().to_str().unwrap());
        Some(Self { sandbox, run })
    }

    fn helper(&self, arguments: &[&str]) -> Ended {
        let ended = self.sandbox.helper(arguments);
        assert_eq!(ended.status, 0, "{arguments:?}: {ended:?}");
        ended
    }

    fn set(&self, password: &str, url: &str) {
        let arguments = ["set", "foo", "alice", "--url", url];
        let ended = self.sandbox.helper_fed(&arguments, password);
        assert_eq!(ended.status, 0, "{ended:?}");
    }

    fn file(&self) -> PathBuf {
        self.run
            .path()
            .join("credential-helper/uv/credentials.toml")
    }

    fn pid(&self) -> rustix::process::Pid {
        let status = self.helper(&["agent", "status", "--json"]).stdout;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
        rustix::process::Pid::from_raw(pid).unwrap()
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        let _ = self.sandbox.helper(&["agent", "stop"]);
    }
}

/// An index that has `pkg` 1.0 for alice.
fn index() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a/simple/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream));
        }
    });
    url
}

fn serve(stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next()?.ok()?;
    let mut allowed = false;
    loop {
        let line = lines.next()?.ok()?;
        if line.is_empty() {
            break;
        }
        allowed |= line.eq_ignore_ascii_case(ALLOWED);
    }
    let (status, kind, body) = if !allowed {
        (
            "401 No\r\nWWW-Authenticate: Basic realm=a",
            "text/plain",
            "",
        )
    } else if request.contains("/simple/pkg/") {
        let page = "<a href=\"/a/files/pkg-1.0-py3-none-any.whl\" data-core-metadata=\"true\">pkg-1.0-py3-none-any.whl</a>";
        ("200 OK", "text/html", page)
    } else if request.contains(".metadata ") {
        let metadata = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";
        ("200 OK", "text/plain", metadata)
    } else {
        ("404 No", "text/plain", "")
    };
    let length = body.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok()
}

#[test]
fn uv_needs_nothing_else() {
    let (Some(home), Some(uv)) = (InMemory::new(), uv()) else {
        return;
    };
    let url = index();
    home.set("pw1", &url);
    let told = home.helper(&["setup", "uv", "--store", "foo"]);
    assert!(
        told.stderr.contains("every program of yours can read"),
        "{told:?}"
    );
    let again = home.helper(&["setup", "uv", "--store", "foo"]);
    assert!(again.stderr.starts_with("nothing to do"), "{again:?}");
    let install = || {
        let line = format!(
            ". ~/.bashrc; exec {} pip install --no-cache --dry-run --python python3 --target there --index-url {url} pkg",
            uv.display()
        );
        end(home.sandbox.command("bash").args(["-c", &line]), "")
    };
    let installed = install();
    assert_eq!(installed.status, 0, "{installed:?}");
    assert!(installed.stderr.contains("pkg==1.0"), "{installed:?}");
    home.helper(&["agent", "lock"]);
    let refused = install();
    assert_ne!(refused.status, 0, "{refused:?}");
}

#[test]
fn only_what_was_named_and_only_while_it_may() {
    let Some(home) = InMemory::new() else {
        return;
    };
    let url = "https://h.example/a/simple/";
    home.set("pw1", url);
    let other = ["set", "bar", "bob", "--url", "https://bar.example/simple/"];
    assert_eq!(home.sandbox.helper_fed(&other, "hunter2").status, 0);
    home.helper(&["setup", "uv", "--store", "foo"]);
    let file = home.file();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("service = \"https://h.example/a\"\nusername = \"alice\""),
        "{text}"
    );
    assert!(!text.contains("bob") && !text.contains("hunter2"), "{text}");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    // It follows what is stored, before the command that stores it ends.
    home.set("pw2", url);
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"pw2\""));

    // What stands there is never an answer of ours.
    let folder = file.parent().unwrap().to_str().unwrap();
    let variables = [("UV_CREDENTIALS_DIR", folder)];
    for arguments in [
        ["explain", "https://h.example/a/simple/", "--json"],
        ["explain", "https://h.example/a/simple/", "--no-agent"],
    ] {
        let told = home.sandbox.helper_with(&variables, &arguments);
        assert!(!told.stdout.contains(folder), "{told:?}");
    }

    home.helper(&["agent", "lock"]);
    assert!(!file.parent().unwrap().exists());
    home.helper(&["agent", "unlock"]);
    assert!(file.exists());

    // Killed, it stays; the next start removes it before anybody can ask.
    let pid = home.pid();
    kill_process(pid, Signal::KILL).unwrap();
    assert!(gone(pid, PATIENCE));
    assert!(file.exists());
    let settings = home
        .sandbox
        .path("home/.config/credential-helper/config.toml");
    std::fs::write(&settings, "").unwrap();
    home.helper(&["get", "foo"]);
    assert!(!file.parent().unwrap().exists());

    std::fs::write(&settings, "uv-store = [\"foo\"]\n").unwrap();
    home.helper(&["agent", "reload"]);
    assert!(file.exists());
    let pid = home.pid();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(gone(pid, PATIENCE));
    assert!(!file.parent().unwrap().exists());
}

#[test]
fn undone_it_is_gone() {
    let Some(home) = InMemory::new() else {
        return;
    };
    home.set("pw1", "https://h.example/a/simple/");
    home.helper(&["setup", "uv", "--store", "foo"]);
    assert!(home.file().exists());
    home.helper(&["setup", "uv", "--store", "--undo"]);
    assert!(!home.file().exists());
    let settings = home
        .sandbox
        .path("home/.config/credential-helper/config.toml");
    assert!(!settings.exists() && !home.sandbox.path("home/.bashrc").exists());
}

#[test]
fn never_on_a_disk() {
    let sandbox = Sandbox::new();
    let on_disk = rustix::fs::statfs(sandbox.root()).is_ok_and(|it| it.f_type != 0x0102_1994);
    if !on_disk {
        eprintln!("the temporary folder is in memory: this is not tested");
        return;
    }
    let refused = sandbox.helper(&["setup", "uv", "--store", "foo"]);
    assert_eq!(refused.status, 4, "{refused:?}");
    assert!(refused.stderr.contains("written to no disk"), "{refused:?}");
    // A setting made by hand changes nothing about that.
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        "uv-store = [\"pypi\"]\n",
    );
    assert_eq!(sandbox.helper(&["agent", "start"]).status, 0);
    assert_eq!(sandbox.helper(&["agent", "reload"]).status, 0);
    assert!(
        !sandbox
            .path("run/credential-helper/uv/credentials.toml")
            .exists()
    );
}
