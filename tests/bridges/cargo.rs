//! Real cargo with a registry on loopback.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::server::{Response, Server, basic};
use super::{called, home};
use crate::harness::keyring::Keyring;
use crate::harness::sandbox::{Ended, Sandbox, end};

const NAME: &str = "cargo-credential-helper";

/// A registry that wants this header, and cargo with our provider alone.
struct Cargo {
    sandbox: Sandbox,
    server: Server,
    wanted: Arc<Mutex<String>>,
    program: PathBuf,
}

impl Cargo {
    /// `None`, and a line that says so, where the tests are run without cargo.
    fn start(keyring: &Keyring) -> Option<Self> {
        // The one that runs the tests; beside it is the compiler.
        let Some(program) = std::env::var_os("CARGO").map(PathBuf::from) else {
            eprintln!("CARGO is not set: cargo's bridge is not tested with it");
            return None;
        };
        let wanted = Arc::new(Mutex::new("t0ken".to_owned()));
        let header = Arc::clone(&wanted);
        let server = Server::start(move |request| {
            if request.header("authorization") != Some(header.lock().unwrap().as_str()) {
                return Response::unauthorized("Cargo login_url=\"https://h.example/me\"");
            }
            let host = request.header("host").unwrap_or_default();
            match request.path.as_str() {
                "/index/config.json" => {
                    let api = format!("http://{host}");
                    let config = json!({ "dl": api, "api": api, "auth-required": true });
                    Response::of(200, config.to_string())
                }
                "/index/sa/mp/sample" => {
                    let package = json!({ "name": "sample", "vers": "1.0.0", "deps": [],
                        "cksum": "0".repeat(64), "features": {}, "yanked": false });
                    Response::of(200, format!("{package}\n"))
                }
                "/api/v1/crates/sample/1.0.0/yank" if request.method == "DELETE" => {
                    Response::of(200, "{\"ok\":true}")
                }
                _ => Response::of(404, ""),
            }
        });
        let sandbox = home(keyring);
        let index = format!("sparse+{}/index/", server.url());
        sandbox.write(
            "home/.cargo/config.toml",
            &format!(
                "[registry]\nglobal-credential-providers = [{:?}]\n[registries.my]\nindex = {index:?}\n",
                called(&sandbox, NAME)
            ),
        );
        sandbox.write(
            "project/Cargo.toml",
            "[package]\nname = \"a\"\nedition = \"2021\"\n[dependencies]\n\
             sample = { version = \"1\", registry = \"my\" }\n",
        );
        sandbox.write("project/src/lib.rs", "");
        Some(Self {
            sandbox,
            server,
            wanted,
            program,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(&self.program);
        command
            .env("CARGO_HOME", self.sandbox.path("home/.cargo"))
            .env("RUSTC", self.program.with_file_name("rustc"))
            .args(arguments);
        command
    }

    fn cargo(&self, arguments: &[&str], input: &str) -> Ended {
        end(&mut self.command(arguments), input)
    }

    /// Reads the index, as if for the first time.
    fn read(&self) -> Ended {
        let _ = std::fs::remove_file(self.sandbox.path("project/Cargo.lock"));
        let _ = std::fs::remove_dir_all(self.sandbox.path("home/.cargo/registry"));
        self.server.seen();
        self.cargo(&["generate-lockfile"], "")
    }
}

fn assert_done(ended: &Ended) {
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn login_read_yank_logout() {
    let keyring = Keyring::start();
    let Some(cargo) = Cargo::start(&keyring) else {
        return;
    };
    let missing = cargo.read();
    assert_eq!(missing.status, 101, "{missing:?}");
    assert!(missing.stderr.contains("no token found"), "{missing:?}");

    assert_done(&cargo.cargo(&["login", "--registry", "my"], "t0ken\n"));
    assert_done(&cargo.read());
    let sent = cargo.server.seen();
    assert!(sent.contains(&Some("t0ken".to_owned())), "{sent:?}");
    assert_done(&cargo.cargo(&["yank", "--registry", "my", "sample@1.0.0"], ""));
    let service = format!("sparse+{}/index/", cargo.server.url());
    let lookup = ["lookup", "service", &service, "username", "__token__"];
    if let Some(found) = keyring.secret_tool(&lookup, "") {
        assert_eq!(found.stdout, b"t0ken");
    }
    // No other file of cargo's has it.
    assert!(!cargo.sandbox.path("home/.cargo/credentials.toml").exists());

    assert_done(&cargo.cargo(&["logout", "--registry", "my"], ""));
    let missing = cargo.read();
    assert!(missing.stderr.contains("no token found"), "{missing:?}");
    let again = cargo.cargo(&["logout", "--registry", "my"], "");
    assert!(
        again.stderr.contains("not currently logged in"),
        "{again:?}"
    );
}

#[test]
fn an_account_is_a_whole_header_and_a_lock_is_told() {
    let keyring = Keyring::start();
    let Some(cargo) = Cargo::start(&keyring) else {
        return;
    };
    *cargo.wanted.lock().unwrap() = basic("alice", "s3cret");
    let url = format!("{}/index/", cargo.server.url());
    let set = ["set", "crates", "alice", "--url", &url];
    assert_done(&cargo.sandbox.helper_fed(&set, "s3cret\n"));
    assert_done(&cargo.read());
    assert_done(&cargo.sandbox.helper(&["agent", "lock"]));
    let locked = cargo.read();
    assert_eq!(locked.status, 101, "{locked:?}");
    assert!(locked.stderr.contains("the agent is locked"), "{locked:?}");
    assert!(
        locked.stderr.contains("`helper agent unlock`"),
        "{locked:?}"
    );
}

/// An index says where cargo sends its token: what is there for the whole host is not for that.
#[test]
fn an_account_of_the_host_is_not_given() {
    let keyring = Keyring::start();
    let Some(cargo) = Cargo::start(&keyring) else {
        return;
    };
    let host = cargo.server.host();
    cargo.sandbox.write(
        "home/.config/credential-helper/config.toml",
        "netrc = \"~/.netrc\"\n",
    );
    let netrc = "machine 127.0.0.1 login alice password s3cret\n";
    let netrc = cargo.sandbox.write("home/.netrc", netrc);
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(netrc, private).unwrap();
    let input = format!("protocol=http\nhost={host}\n");
    let git = called(&cargo.sandbox, "git-credential-helper");
    let got = end(cargo.sandbox.command(git).arg("get"), &input);
    assert_eq!(got.stdout, "username=alice\npassword=s3cret\n", "{got:?}");
    let missing = cargo.read();
    assert!(missing.stderr.contains("no token found"), "{missing:?}");
    assert_eq!(cargo.server.seen().iter().flatten().count(), 0);
}
