//! What other tools call a place, with a real keyring: what they stored is found, what is stored for
//! them is where they look, and nobody gets another account's secret.

use serde_json::{Value, json};

use crate::harness::keyring::Keyring;
use crate::harness::sandbox::{Connection, Foreground, Sandbox};

const EMPTY: &str = "__poetry_source_empty_username__";
const INDEX: &str = "https://h.example/simple/";

/// An agent beside a keyring.
struct Home {
    keyring: Keyring,
    sandbox: Sandbox,
    _agent: Foreground,
}

impl Home {
    fn new() -> Self {
        let keyring = Keyring::start();
        let mut sandbox = Sandbox::new();
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
        let agent = sandbox.run_agent(&[]);
        Self {
            keyring,
            sandbox,
            _agent: agent,
        }
    }

    fn connect(&self) -> Connection {
        self.sandbox.connect()
    }

    fn call(&self, method: &str, parameters: &Value) -> Value {
        self.connect().call(method, parameters)
    }

    /// `username/secret` of a service, or the last word of the error.
    fn get(&self, service: &str, username: Option<&str>) -> String {
        let question =
            json!({ "service": service, "username": username, "context": self.sandbox.context() });
        let reply = self.call("Get", &json!({ "question": question }));
        let Some(credential) = reply.pointer("/parameters/credential") else {
            return word(&reply);
        };
        let part = |name: &str| credential[name].as_str().unwrap_or("None").to_owned();
        format!("{}/{}", part("username"), part("password"))
    }

    fn set(&self, service: &str, username: &str, secret: &str) -> Value {
        self.call(
            "Set",
            &json!({
                "service": service, "username": username, "secret": secret,
                "context": self.sandbox.context(),
            }),
        )
    }

    fn delete(&self, service: &str, username: &str) -> Value {
        let context = self.sandbox.context();
        let delete = json!({ "service": service, "username": username, "context": context });
        self.call("Delete", &delete)
    }

    /// What Python keyring does with this; none where it is not there.
    fn python(&self, code: &str, arguments: &[&str]) -> Option<String> {
        let bus = &self.keyring;
        let code = format!("import keyring, sys; a = sys.argv[1:]; {code}");
        let output = bus.python(&code, arguments)?;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some(
            String::from_utf8(output.stdout)
                .unwrap()
                .trim_end()
                .to_owned(),
        )
    }
}

fn word(reply: &Value) -> String {
    let error = reply["error"]
        .as_str()
        .and_then(|name| name.rsplit('.').next());
    error.unwrap_or("ok").to_owned()
}

#[test]
fn what_is_stored_is_where_python_keyring_looks() {
    let home = Home::new();
    for service in [
        INDEX,
        "https://h.example/legacy/?project",
        "h.example:8443",
        "ghcr.io",
        "my service",
        "uv:https://h.example/uv",
        "http://plain.example/simple/",
    ] {
        for secret in ["old", "s3cret", "s3cret"] {
            let reply = home.set(service, "alice", secret);
            let stored = reply.pointer("/parameters/changed/stored/0/provider");
            assert_eq!(stored, Some(&json!("secret-service")), "{service}: {reply}");
        }
        // One entry, whoever writes it.
        let count = "print(len([i for i in __import__('secretstorage').search_items(__import__('secretstorage').dbus_init(), {'service': a[0]})]))";
        let write = "keyring.set_password(a[0], a[1], 's3cret')";
        let read = "print(keyring.get_password(a[0], a[1]))";
        for (code, expected) in [(read, "s3cret"), (write, ""), (count, "1")] {
            if let Some(said) = home.python(code, &[service, "alice"]) {
                assert_eq!(said, expected, "{service}");
            }
        }
        let expected = match service {
            "http://plain.example/simple/" => "InsecureTransport",
            _ => "alice/s3cret",
        };
        assert_eq!(home.get(service, Some("alice")), expected, "{service}");
        assert_eq!(home.get(service, None), expected, "{service}");
        if expected == "alice/s3cret" {
            for other in ["bob", "__token__", "pypi_token:project:x", EMPTY] {
                assert_eq!(
                    home.get(service, Some(other)),
                    "NotFound",
                    "{service} {other}"
                );
            }
        }
        assert_eq!(word(&home.delete(service, "bob")), "NotFound", "{service}");
        let gone = home.delete(service, "alice");
        assert_eq!(word(&gone), "ok", "{service}: {gone}");
        assert_eq!(
            word(&home.delete(service, "alice")),
            "NotFound",
            "{service}"
        );
        if let Some(said) = home.python(read, &[service, "alice"]) {
            assert_eq!(said, "None", "{service}");
        }
        let context = home.sandbox.context();
        assert!(
            !home
                .sandbox
                .path("home/.config/pypoetry/auth.toml")
                .exists()
        );
        let listed = home.call("List", &json!({ "context": context }));
        assert_eq!(listed.pointer("/parameters/credentials"), Some(&json!([])));
    }
}

#[test]
fn what_other_tools_stored_is_found() {
    let home = Home::new();
    let settings = "[repositories.foo]\nurl = \"https://h.example/simple/\"\npublish-url = \"https://h.example/legacy/\"\n";
    home.sandbox
        .write("home/.config/credential-helper/config.toml", settings);
    let entries = [
        ("https://h.example/simple/", "pip", "by-url"),
        ("h.example", "netloc", "by-host"),
        (
            "https://h.example/legacy/?project",
            "__token__",
            "by-project",
        ),
        ("https://h.example/legacy/", "pypi_token:project:x", "flit"),
        ("pdm-pypi-foo", "pdm", "by-pdm"),
        ("poetry-repository-foo", EMPTY, "empty"),
        ("poetry-repository-foo", "__token__", "token"),
        ("other.example:8443", "docker", "by-port"),
        ("my service", "me", "other"),
    ];
    for (service, username, secret) in entries {
        let write = "keyring.set_password(*a)";
        if home.python(write, &[service, username, secret]).is_none() {
            return;
        }
    }
    for (service, username, expected) in [
        ("https://h.example/simple/", "pip", "pip/by-url"),
        ("https://h.example/simple", "pip", "pip/by-url"),
        ("h.example", "netloc", "netloc/by-host"),
        ("https://h.example/simple/", "netloc", "netloc/by-host"),
        ("https://h.example/simple/", "nobody", "NotFound"),
        (
            "https://h.example/legacy/?project",
            "__token__",
            "__token__/token",
        ),
        (
            "https://h.example/legacy/",
            "pypi_token:project:x",
            "pypi_token:project:x/flit",
        ),
        (
            "https://h.example/legacy/",
            "pypi_token:project:y",
            "NotFound",
        ),
        ("https://h.example/legacy/", "pypi_token:user:x", "NotFound"),
        ("pdm-pypi-foo", "pdm", "pdm/by-pdm"),
        ("pdm-pypi-foo", "__token__", "NotFound"),
        ("poetry-repository-foo", EMPTY, "None/empty"),
        ("poetry-repository-foo", "__token__", "__token__/token"),
        ("poetry-repository-foo", "pip", "pip/by-url"),
        ("other.example:8443", "docker", "docker/by-port"),
        ("other.example", "docker", "NotFound"),
        ("my service", "me", "me/other"),
        ("my service", "you", "NotFound"),
        ("python-poetry-check", "python-poetry", "NotFound"),
    ] {
        assert_eq!(
            home.get(service, Some(username)),
            expected,
            "{service} {username}"
        );
    }
    let context = json!({ "context": home.sandbox.context() });
    let listed = home.call("List", &context);
    let listed = listed.pointer("/parameters/credentials").unwrap();
    let has = |url: &str, username: &str| {
        let entries = listed.as_array().unwrap();
        entries
            .iter()
            .any(|entry| entry["url"] == url && entry["username"] == username)
    };
    assert!(has("https://h.example/simple/", "pip"), "{listed}");
    assert!(has("other.example:8443", "docker"), "{listed}");
    assert!(!listed.to_string().contains("my service"), "{listed}");
}

/// What git or docker stored for the URL does not come before what is stored for the host itself,
/// which alone Python keyring would give.
#[test]
fn a_host_alone_has_its_own_entry_first() {
    let home = Home::new();
    home.set("https://h.example", "bob", "of-git");
    assert_eq!(home.get("h.example", None), "bob/of-git");
    home.set("h.example", "alice", "of-host");
    assert_eq!(home.get("h.example", None), "alice/of-host");
    assert_eq!(home.get("https://h.example", None), "bob/of-git");
    assert_eq!(home.get("h.example", Some("bob")), "bob/of-git");
    assert_eq!(home.get("https://h.example/", Some("alice")), "alice/of-host");
}

#[test]
fn a_project_of_its_own_has_its_own_token() {
    let home = Home::new();
    let url = "https://upload.pypi.org/legacy/";
    home.set(&format!("{url}?project"), "__token__", "of-project");
    assert_eq!(
        home.get(&format!("{url}?project"), Some("__token__")),
        "__token__/of-project"
    );
    assert_eq!(home.get(url, Some("__token__")), "NotFound");
    assert_eq!(
        home.get(&format!("{url}?other"), Some("__token__")),
        "NotFound"
    );
}

#[test]
fn what_hides_an_entry_is_said() {
    let home = Home::new();
    let auth = "[http-basic.foo]\nusername = \"alice\"\npassword = \"older\"\n";
    home.sandbox.write("home/.config/pypoetry/auth.toml", auth);
    let settings = "[repositories.foo]\nurl = \"https://h.example/simple/\"\n";
    home.sandbox
        .write("home/.config/credential-helper/config.toml", settings);
    let reply = home.set(INDEX, "alice", "newer");
    let left = reply.pointer("/parameters/changed/left/0/provider");
    assert_eq!(left, Some(&json!("auth.toml")), "{reply}");
    assert_eq!(home.get(INDEX, Some("alice")), "alice/older");
    let reply = home.set(INDEX, "bob", "his");
    assert_eq!(reply.pointer("/parameters/changed/left"), Some(&json!([])));
    assert_eq!(home.get(INDEX, Some("bob")), "bob/his");
}

#[test]
fn a_locked_keyring_is_no_miss_but_the_check_of_poetry_is() {
    let mut home = Home::new();
    home.set(INDEX, "alice", "s3cret");
    home.keyring.kill();
    home.keyring.restart_locked();
    for service in [INDEX, "h.example", "my service", "poetry-repository-foo"] {
        assert_eq!(home.get(service, Some("alice")), "Locked", "{service}");
        assert_eq!(word(&home.delete(service, "alice")), "Locked", "{service}");
        assert_eq!(
            word(&home.set(service, "alice", "x")),
            "Locked",
            "{service}"
        );
    }
    assert_eq!(
        home.get("python-poetry-check", Some("python-poetry")),
        "NotFound"
    );
    assert_eq!(
        home.get("pdm-repository-__unknown__", Some("__token__")),
        "NotFound"
    );
}
