//! A restricted socket: what a container gets of it, and what it does not.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::keyring::{Keyring, NOBODY};
use crate::harness::rights::can_be_another;
use crate::harness::sandbox::{Connection, Ended, HELPER, PATIENCE, Sandbox, end, gone};

/// A home with two repositories, and a socket that gives one of them.
struct Outside {
    sandbox: Sandbox,
    socket: PathBuf,
}

impl Outside {
    fn new(more: &[&str]) -> Self {
        let sandbox = Sandbox::new().without_keyring();
        // For the agent itself, whose variables are not its clients'.
        let off = sandbox.helper(&["config", "keyring.enabled", "false"]);
        assert_eq!(off.status, 0, "{off:?}");
        for (name, password) in [("ci", "ci-secret"), ("home", "home-secret")] {
            let url = format!("https://{name}.example.org/simple/");
            let set = ["set", name, "alice", "--url", &url];
            let ended = sandbox.helper_fed(&set, password);
            assert_eq!(ended.status, 0, "{ended:?}");
        }
        let token = sandbox.helper_fed(&["set", "ci", "--token"], "ci-token");
        assert_eq!(token.status, 0, "{token:?}");
        let outside = Self {
            socket: sandbox.path("box/agent.sock"),
            sandbox,
        };
        let opened = outside.open(more);
        assert_eq!(opened.status, 0, "{opened:?}");
        outside
    }

    fn open(&self, more: &[&str]) -> Ended {
        let path = self.socket.to_str().unwrap();
        let words = ["agent", "socket", "--path", path, "--names", "CI"];
        self.sandbox.helper(&[&words[..], more].concat())
    }

    /// `helper` as it runs in a container of the same user: with an empty home of its own.
    fn inside(&self, arguments: &[&str]) -> Ended {
        let home = self.sandbox.path("inside");
        std::fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(HELPER);
        command.env_clear().env("HOME", &home).current_dir(&home);
        command.env("CREDENTIAL_HELPER_SOCKET", &self.socket);
        end(command.args(arguments), "")
    }

    fn ask(&self, question: &Value) -> Value {
        let question = json!({ "question": question });
        Connection::to(&self.socket).call_patiently("Get", &question)
    }
}

fn word(reply: &Value) -> &str {
    let error = reply["error"].as_str().unwrap_or("found");
    error.rsplit('.').next().unwrap()
}

#[test]
fn gives_its_names_by_name_and_by_url() {
    let outside = Outside::new(&[]);
    for about in [
        "ci",
        "https://ci.example.org/simple/pkg/",
        "https://ci.example.org/files/x",
    ] {
        let ended = outside.inside(&["get", about]);
        assert_eq!(
            ended.stdout, "username=alice\npassword=ci-secret\n",
            "{about}: {ended:?}"
        );
    }
    let lines = outside.sandbox.helper(&["agent", "status", "--json"]);
    let status: Value = serde_json::from_str(&lines.stdout).unwrap();
    assert_eq!(status["sockets"][0]["names"], json!(["ci"]));
    assert_eq!(status["sockets"][0]["operation"], "read");
}

#[test]
fn a_command_gets_the_named_ones_in_its_variables() {
    let outside = Outside::new(&[]);
    for more in [&[][..], &["--only"], &["--operation", "read"]] {
        let words = [&["exec", "ci"], more, &["--", "env"]].concat();
        let ended = outside.inside(&words);
        let line = "UV_INDEX_CI_PASSWORD=ci-secret\n";
        assert!(ended.stdout.contains(line), "{more:?}: {ended:?}");
        assert!(!ended.stdout.contains("ci-token"), "{more:?}: {ended:?}");
    }
    for (words, status) in [
        (&["exec", "home", "--only"][..], 4),
        (&["exec", "ci", "home"], 4),
        (&["exec", "ci", "--operation", "upload"], 4),
        // What there is, it does not say.
        (&["exec"], 4),
    ] {
        let ended = outside.inside(&[words, &["--", "env"]].concat());
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (status, ""),
            "{words:?}: {ended:?}"
        );
    }
    assert_eq!(outside.open(&["--operation", "upload"]).status, 0);
    let ended = outside.inside(&["exec", "ci", "--only", "--", "env"]);
    let line = "POETRY_PYPI_TOKEN_CI=ci-token\n";
    assert!(ended.stdout.contains(line), "{ended:?}");
    assert!(!ended.stdout.contains("ci-secret"), "{ended:?}");
}

/// L19: a restricted socket reads its names for one operation, and refuses every other method.
/// Also: `restricted::what_is_there_for_others_cannot_be_told_from_what_is_not`, `restricted::another_user_only_where_it_is_named`
#[test]
fn l19_refuses_everything_else() {
    let outside = Outside::new(&[]);
    let other = outside.inside(&["get", "home"]);
    assert_eq!((other.status, other.stdout.as_str()), (4, ""), "{other:?}");
    // Nobody learns what else is stored: a URL of another repository is one of none.
    for url in [
        "https://home.example.org/simple/",
        "https://none.example.org/",
    ] {
        let ended = outside.inside(&["get", url]);
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (1, ""),
            "{url}: {ended:?}"
        );
    }
    let upload = outside.inside(&["get", "ci", "--operation", "upload"]);
    assert_eq!(
        (upload.status, upload.stdout.as_str()),
        (4, ""),
        "{upload:?}"
    );
    let token = outside.inside(&["get", "ci", "--username", "__token__"]);
    assert_eq!((token.status, token.stdout.as_str()), (1, ""), "{token:?}");
    let mut connection = Connection::to(&outside.socket);
    for (method, parameters) in [
        ("List", json!({})),
        ("Explain", json!({"question": {"name": "ci"}})),
        ("Set", json!({"name": "ci", "secret": "x"})),
        ("Delete", json!({"name": "ci"})),
        ("Configure", json!({"key": "http-basic.ci", "values": []})),
        ("Settings", json!({})),
        (
            "Trust",
            json!({"name": "ci", "url": "https://evil.example.org/"}),
        ),
        ("Untrust", json!({"name": "ci"})),
        ("Bindings", json!({})),
        (
            "Report",
            json!({"question": {"name": "ci"}, "outcome": "unauthorized"}),
        ),
        ("Lock", json!({})),
        ("Unlock", json!({})),
        ("Reload", json!({})),
        ("Stop", json!({})),
        ("OpenSocket", json!({"path": "/x", "names": ["home"]})),
    ] {
        let reply = connection.call(method, &parameters);
        assert_eq!(word(&reply), "Policy", "{method}: {reply}");
    }
    let status = connection.call("Status", &json!({}));
    assert_eq!(status["parameters"]["socket"], Value::Null);
    assert_eq!(status["parameters"]["providers"], json!([]));
}

#[test]
fn what_a_container_says_of_itself_counts_for_nothing() {
    let outside = Outside::new(&[]);
    let context = json!({
        "folder": outside.sandbox.root(),
        "poetry": "/nowhere",
        "settings": "/nowhere",
        "state": "/nowhere",
        "bus": "unix:path=/nowhere",
        "prompt": true,
        "variables": {
            "POETRY_HTTP_BASIC_CI_USERNAME": "mallory",
            "POETRY_HTTP_BASIC_CI_PASSWORD": "mallory",
        },
    });
    let reply = outside.ask(&json!({"name": "ci", "context": context}));
    let credential = &reply["parameters"]["credential"];
    assert_eq!(credential["username"], "alice", "{reply}");
    assert_eq!(credential["password"], "ci-secret");
}

/// PyPI's token of a test, made with `pymacaroons`.
const TOKEN: &str = "pypi-AgEIcHlwaS5vcmcCJDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQAABiCRMiUBcqZcqml_SWQJhIb0Wzo4vW6fJp3EHAdjgpmeYA";

#[test]
fn an_upload_from_a_container_gets_a_token_for_its_project() {
    let outside = Outside::new(&[]);
    let set = outside
        .sandbox
        .helper_fed(&["set", "pypi", "--token"], TOKEN);
    assert_eq!(set.status, 0, "{set:?}");
    let path = outside.sandbox.path("box/upload.sock");
    let words = ["--names", "pypi", "--operation", "upload", "--path"];
    let words = [&["agent", "socket"], &words[..], &[path.to_str().unwrap()]].concat();
    assert_eq!(outside.sandbox.helper(&words).status, 0);
    // Whether the whole token goes out is not the container's to say.
    for upload in [
        json!({"project": "foo"}),
        json!({"project": "foo", "attenuate": false}),
    ] {
        let question = json!({"name": "pypi", "upload": upload});
        let reply = Connection::to(&path).call("Get", &json!({"question": question}));
        assert_eq!(word(&reply), "found", "{reply}");
        assert!(reply["parameters"]["credential"]["expires"].is_string());
        assert!(!reply.to_string().contains(TOKEN));
    }
}

#[test]
fn services_of_other_tools_lead_to_its_names_only() {
    let outside = Outside::new(&[]);
    for (service, expected) in [
        ("poetry-repository-ci", "found"),
        ("https://ci.example.org/simple/pkg", "found"),
        ("ci.example.org", "found"),
        ("poetry-repository-home", "NotFound"),
        ("https://home.example.org/simple/", "NotFound"),
        ("home.example.org", "NotFound"),
        ("another program", "NotFound"),
    ] {
        let reply = outside.ask(&json!({"service": service}));
        assert_eq!(word(&reply), expected, "{service}: {reply}");
    }
    let reply = outside.ask(&json!({"service": "poetry-repository-ci", "username": "__token__"}));
    assert_eq!(word(&reply), "NotFound", "{reply}");
}

#[test]
fn what_is_not_there_is_not_there_the_second_time() {
    let outside = Outside::new(&[]);
    let question = json!({"name": "ci", "username": "nobody"});
    let first = outside.ask(&question);
    assert_eq!(word(&first), "NotFound", "{first}");
    assert_eq!(outside.ask(&question), first);
}

/// In a keyring the token for uploads is an account of the repository like any other.
#[test]
fn no_url_asks_a_keyring_for_the_token_of_uploads() {
    let keyring = Keyring::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    let url = "https://ci.example.org/simple/";
    let set = ["set", "ci", "--token", "--url", url];
    assert_eq!(sandbox.helper_fed(&set, "ci-token").status, 0);
    let outside = Outside {
        socket: sandbox.path("box/agent.sock"),
        sandbox,
    };
    assert_eq!(outside.open(&[]).status, 0);
    for text in [
        "https://__token__@ci.example.org/simple/",
        "https://%5F_token__@ci.example.org/simple/",
        "https://__token__@ci.example.org/",
    ] {
        for field in ["url", "service"] {
            let reply = outside.ask(&json!({ field: text }));
            assert_eq!(word(&reply), "NotFound", "{field} {text}: {reply}");
        }
    }
    assert_eq!(outside.open(&["--operation", "upload"]).status, 0);
    let reply = outside.ask(&json!({ "url": "https://__token__@ci.example.org/simple/" }));
    let credential = &reply["parameters"]["credential"];
    assert_eq!(credential["password"], "ci-token", "{reply}");
}

/// What PDM and twine stored for uploads stands under words and URLs of their own.
#[test]
fn a_socket_for_reading_does_not_give_what_is_stored_for_uploads() {
    let keyring = Keyring::start();
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        "[repositories.ci]\nurl = \"https://ci.example.org/simple/\"\npublish-url = \"https://ci.example.org/legacy/\"\n",
    );
    let outside = Outside {
        socket: sandbox.path("box/agent.sock"),
        sandbox,
    };
    assert_eq!(outside.open(&[]).status, 0);
    let legacy = "https://ci.example.org/legacy/";
    let project = "https://ci.example.org/legacy/?project";
    for service in ["pdm-repository-ci", legacy, project] {
        let set = json!({ "service": service, "username": "__token__", "secret": "for-uploads",
            "context": outside.sandbox.context() });
        let reply = outside.sandbox.connect().call_patiently("Set", &set);
        assert_eq!(reply["error"], Value::Null, "{reply}");
    }
    let rows = [
        ("service", "pdm-repository-ci"),
        ("service", legacy),
        ("service", "https://ci.example.org/legacy"),
        ("service", project),
        ("url", legacy),
    ];
    for (field, text) in rows {
        let reply = outside.ask(&json!({ field: text }));
        let word = word(&reply);
        assert!(["Policy", "NotFound"].contains(&word), "{text}: {reply}");
    }
    // Nobody declares this one.
    let unknown = "https://ci.example.org/more/?project";
    let set = json!({ "service": unknown, "username": "__token__", "secret": "for-uploads",
        "context": outside.sandbox.context() });
    outside.sandbox.connect().call_patiently("Set", &set);
    let reply = outside.ask(&json!({ "service": unknown }));
    assert_eq!(word(&reply), "Policy", "{reply}");
    assert_eq!(outside.open(&["--operation", "upload"]).status, 0);
    for (field, text) in rows {
        let reply = outside.ask(&json!({ field: text }));
        let credential = &reply["parameters"]["credential"];
        assert_eq!(credential["password"], "for-uploads", "{text}: {reply}");
    }
}

#[test]
fn connections_that_say_nothing_are_in_nobodys_way() {
    let outside = Outside::new(&[]);
    let silent: Vec<UnixStream> = (0..100)
        .map(|_| UnixStream::connect(&outside.socket).unwrap())
        .collect();
    let status = outside.sandbox.helper(&["agent", "status", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    // Our own question is one of them.
    assert!(status["connections"].as_u64().unwrap() <= 65, "{status}");
    assert_eq!(outside.sandbox.helper(&["get", "ci"]).status, 0);
    drop(silent);
    assert_eq!(outside.inside(&["get", "ci"]).status, 0);
}

/// Neither the words nor the reason of an answer tell that there is something for other names.
#[test]
fn what_is_there_for_others_cannot_be_told_from_what_is_not() {
    let outside = Outside::new(&[]);
    let rows = [
        (
            "service",
            "poetry-repository-home",
            "poetry-repository-none",
        ),
        ("service", "home.example.org", "none.example.org"),
        (
            "url",
            "https://home.example.org/simple/",
            "https://none.example.org/simple/",
        ),
        // The name is bound to https.
        (
            "url",
            "http://home.example.org/simple/",
            "http://none.example.org/simple/",
        ),
    ];
    for (field, there, absent) in rows {
        let there = outside.ask(&json!({ field: there }));
        let absent = outside.ask(&json!({ field: absent }));
        assert_eq!(there, absent, "{field}");
    }
}

#[test]
fn a_name_does_not_lead_to_another_url_nor_a_url_to_another_name() {
    let outside = Outside::new(&[]);
    for (name, url) in [
        ("ci", "https://evil.example.org/simple/"),
        ("ci", "https://home.example.org/simple/"),
        ("home", "https://ci.example.org/simple/"),
    ] {
        let reply = outside.ask(&json!({"name": name, "url": url}));
        assert!(
            ["NotFound", "Policy"].contains(&word(&reply)),
            "{name} {url}: {reply}"
        );
    }
    let reply = outside.ask(&json!({"name": "ci", "url": "https://ci.example.org/simple/"}));
    assert_eq!(word(&reply), "found", "{reply}");
    // Nothing was bound by these questions.
    let trust = outside.sandbox.helper(&["trust", "--list", "--json"]);
    assert!(!trust.stdout.contains("evil"), "{trust:?}");
}

#[test]
fn ends_with_its_time() {
    let outside = Outside::new(&["--ttl", "4s"]);
    let mut connection = Connection::to(&outside.socket);
    let first = connection.call("Get", &json!({"question": {"name": "ci"}}));
    assert_eq!(word(&first), "found", "{first}");
    // The agent closes what is open when the time is over; until then nothing comes.
    let mut rest = Vec::new();
    connection.0.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
    assert!(!outside.socket.exists());
    // The agent itself goes on, and opens it anew.
    assert_eq!(outside.sandbox.helper(&["get", "ci"]).status, 0);
    assert_eq!(outside.open(&[]).status, 0);
    assert_eq!(outside.inside(&["get", "ci"]).status, 0);
}

#[test]
fn opened_again_it_has_the_new_terms() {
    let outside = Outside::new(&[]);
    assert_eq!(outside.open(&["--operation", "upload"]).status, 0);
    let reply = outside.ask(&json!({"name": "ci"}));
    assert_eq!(
        reply["parameters"]["credential"]["password"], "ci-token",
        "{reply}"
    );
    assert_eq!(
        word(&outside.ask(&json!({"name": "ci", "operation": "read"}))),
        "Policy"
    );
}

#[test]
fn locked_with_the_agent_and_gone_with_it() {
    let outside = Outside::new(&[]);
    assert_eq!(outside.sandbox.helper(&["agent", "lock"]).status, 0);
    let locked = outside.inside(&["get", "ci"]);
    assert_eq!(
        (locked.status, locked.stdout.as_str()),
        (3, ""),
        "{locked:?}"
    );
    assert_eq!(outside.sandbox.helper(&["agent", "unlock"]).status, 0);
    assert_eq!(outside.inside(&["get", "ci"]).status, 0);
    assert_eq!(outside.sandbox.helper(&["agent", "stop"]).status, 0);
    assert!(!outside.socket.exists());
}

#[test]
fn a_killed_agents_socket_gives_way_to_the_next() {
    let outside = Outside::new(&[]);
    let agent = outside.sandbox.agent().unwrap();
    rustix::process::kill_process(agent, rustix::process::Signal::KILL).unwrap();
    // A process has its locks until it is gone.
    assert!(gone(agent, PATIENCE));
    assert_eq!(outside.open(&[]).status, 0);
    assert_eq!(outside.inside(&["get", "ci"]).status, 0);
}

#[test]
fn wrong_wishes_are_refused() {
    let outside = Outside::new(&[]);
    let open = std::fs::Permissions::from_mode(0o755);
    let folder = outside.sandbox.path("open");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, open).unwrap();
    let path = folder.join("agent.sock");
    let path = path.to_str().unwrap();
    let rows: [(&[&str], u8); 4] = [
        (&["--path", path, "--names", "ci"], 4),
        (&["--path", "box/x.sock", "--names", "c\u{7}i"], 2),
        (&["--path", "box/x.sock", "--names", "ci", "--ttl", "0s"], 2),
        (
            &["--path", "box/x.sock", "--names", "ci", "--ttl", "1year"],
            2,
        ),
    ];
    for (words, status) in rows {
        let ended = outside
            .sandbox
            .helper(&[&["agent", "socket"], words].concat());
        assert_eq!(ended.status, i32::from(status), "{words:?}: {ended:?}");
    }
    assert_eq!(
        outside
            .sandbox
            .helper(&["agent", "socket", "--path", path])
            .status,
        2
    );
}

/// As another user, without anything of ours.
fn as_nobody(outside: &Outside, arguments: &[&str]) -> Ended {
    let mut command = Command::new("setpriv");
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .current_dir("/");
    command.env("CREDENTIAL_HELPER_SOCKET", &outside.socket);
    command.arg(format!("--reuid={NOBODY}"));
    command.args(["--clear-groups", "--", HELPER]);
    end(command.args(arguments), "")
}

#[test]
fn another_user_only_where_it_is_named() {
    if !can_be_another() {
        return crate::security::not_here("this user cannot be somebody else");
    }
    let outside = Outside::new(&[]);
    // As a container's mount does: the way to the socket is open, the socket is not.
    for folder in outside.socket.ancestors().skip(1) {
        if folder.starts_with(outside.sandbox.root()) {
            let open = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(folder, open).unwrap();
        }
    }
    std::fs::set_permissions(&outside.socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = as_nobody(&outside, &["get", "ci"]);
    assert!(
        refused.status != 0 && refused.stdout.is_empty(),
        "{refused:?}"
    );
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(outside.socket.parent().unwrap(), private).unwrap();
    assert_eq!(outside.open(&["--uid", "65534"]).status, 0);
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(outside.socket.parent().unwrap(), open).unwrap();
    let allowed = as_nobody(&outside, &["get", "ci"]);
    assert_eq!(
        allowed.stdout, "username=alice\npassword=ci-secret\n",
        "{allowed:?}"
    );
}

#[test]
fn the_root_of_a_user_namespace_of_the_same_user() {
    let outside = Outside::new(&[]);
    let mut probe = Command::new("unshare");
    if !probe
        .args(["-r", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("left out: this system makes no user namespaces");
        return;
    }
    let mut command = Command::new("unshare");
    command
        .env_clear()
        .env("HOME", outside.sandbox.path("inside"));
    command.env("CREDENTIAL_HELPER_SOCKET", &outside.socket);
    let ended = end(command.args(["-r", HELPER, "get", "ci"]), "");
    assert_eq!(
        ended.stdout, "username=alice\npassword=ci-secret\n",
        "{ended:?}"
    );
}
