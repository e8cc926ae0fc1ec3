//! The whole agent without a socket, held against the safety rules by somebody who means it ill.

use std::path::Path;
use std::rc::Rc;

use credential_helper_protocol::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::clock::Clock;
use super::connection::{Caller, Then, answer};
use super::known::Own;
use super::rejected::Who;
use super::{Agent, Parts};
use crate::domain::log::Log;
use crate::domain::name::RepositoryName;

#[path = "origin_model_tests.rs"]
mod origin_model;

const CALLER: Caller = Caller {
    who: Who::Connection(1),
    pid: 0,
};

const GOOD: &str = "https://good.example/simple/";
const EVIL: &str = "https://evil.example/simple/";
const PYPI: &str = "https://pypi.org/simple/";

/// An agent in a home of its own, without a keyring.
struct Home {
    root: TempDir,
    agent: Agent,
}

impl Home {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let own = Own {
            settings: root.path().join("settings"),
            state: root.path().join("state"),
            home: root.path().to_owned(),
        };
        let agent = Agent::new(Parts {
            own,
            started_by: "hand",
            socket: None,
            variables: None,
            idle_exit: None,
            clock: Clock::Real,
            log: Log::default(),
            only_variables: false,
            #[cfg(unix)]
            control: None,
        });
        let home = Self { root, agent };
        home.write("project/pyproject.toml", "[project]\nname = \"x\"\n");
        home
    }

    fn path(&self, below: &str) -> String {
        let path = self.root.path().join(below);
        path.to_str().unwrap().to_owned()
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.root.path().join(below);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(&path, text).unwrap();
        // As if it had been left alone for a while: only then is an answer kept.
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let before = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
        file.set_modified(before).unwrap();
    }

    /// A command answers for a name, and waits for a writer that never comes.
    #[cfg(target_os = "linux")]
    fn never_answers(&self, name: &str) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let fifo = self.path("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let settings = format!("[repositories.{name}]\ncommand = [\"/bin/cat\", \"{fifo}\"]\n");
        self.write("settings/config.toml", &settings);
    }

    /// A secret that is stored under a name.
    fn stored(self, name: &str) -> Self {
        let text = format!("[http-basic.{name}]\nusername = \"alice\"\npassword = \"s3cret\"\n");
        self.write("poetry/auth.toml", &text);
        self
    }

    fn context(&self) -> Value {
        json!({
            "folder": self.path("project"), "poetry": self.path("poetry"), "uv": self.path("uv"),
            "uv_store": self.path("store"), "keyring_enabled": "false",
        })
    }

    async fn raw(&self, call: &Value) -> (Option<Value>, Then) {
        let message = serde_json::to_vec(call).unwrap();
        let (bytes, then) = Box::pin(answer(&self.agent, &message, CALLER)).await;
        let value = bytes.map(|bytes| serde_json::from_slice(&bytes[..bytes.len() - 1]).unwrap());
        (value, then)
    }

    async fn call(&self, method: &str, mut parameters: Value) -> Value {
        if parameters.get("question").is_some() {
            if parameters["question"].get("context").is_none() {
                parameters["question"]["context"] = self.context();
            }
        } else if parameters.get("context").is_none() {
            parameters["context"] = self.context();
        }
        let method = format!("io.credentialhelper.Agent1.{method}");
        let call = json!({ "method": method, "parameters": parameters });
        self.raw(&call).await.0.unwrap()
    }

    async fn get(&self, question: Value) -> String {
        said(&self.call("Get", json!({ "question": question })).await)
    }

    async fn bind(&self, name: &str, url: &str) {
        let reply = self
            .call("Trust", json!({ "name": name, "url": url }))
            .await;
        assert!(reply.get("error").is_none(), "{reply}");
    }
}

/// The secret of a reply, or the last word of its error.
fn said(reply: &Value) -> String {
    let secret = reply.pointer("/parameters/credential/password");
    let error = reply["error"]
        .as_str()
        .and_then(|name| name.rsplit('.').next());
    secret
        .and_then(Value::as_str)
        .or(error)
        .unwrap_or_default()
        .to_owned()
}

fn poetry_source(name: &str, url: &str) -> String {
    format!("[[tool.poetry.source]]\nname = \"{name}\"\nurl = \"{url}\"\n")
}

fn uv_index(name: &str, url: &str) -> String {
    format!("[[tool.uv.index]]\nname = \"{name}\"\nurl = \"{url}\"\n")
}

#[tokio::test]
async fn every_url_that_a_project_declares_for_a_name_counts() {
    let home = Home::new().stored("foo");
    home.bind("foo", GOOD).await;
    home.write("project/pyproject.toml", &poetry_source("foo", GOOD));
    assert_eq!(home.get(json!({ "name": "foo" })).await, "s3cret");
    for (one, two) in [(GOOD, EVIL), (EVIL, GOOD)] {
        let text = [poetry_source("foo", one), uv_index("Foo", two)].concat();
        home.write("project/pyproject.toml", &text);
        assert_eq!(
            home.get(json!({ "name": "foo" })).await,
            "OriginChanged",
            "{one}"
        );
        // Who says where it is for is checked for that.
        assert_eq!(
            home.get(json!({ "name": "foo", "url": GOOD })).await,
            "s3cret"
        );
    }
}

#[tokio::test]
async fn several_urls_do_not_bind_a_name_by_first_use() {
    let home = Home::new().stored("foo");
    let text = [poetry_source("foo", GOOD), uv_index("foo", EVIL)].concat();
    home.write("project/pyproject.toml", &text);
    assert_eq!(home.get(json!({ "name": "foo" })).await, "Policy");
    assert!(!home.root.path().join("state/trust.toml").exists());
    home.bind("foo", GOOD).await;
    home.bind("foo", EVIL).await;
    assert_eq!(home.get(json!({ "name": "foo" })).await, "s3cret");
}

/// A URL that is refused to variables alone does not hide one that is refused to what is stored, nor
/// the other way round.
#[tokio::test]
async fn of_several_urls_the_strictest_counts_for_each_kind_of_place() {
    const OTHER: &str = "https://other.example/simple/";
    let variables = json!({
        "POETRY_HTTP_BASIC_FOO_USERNAME": "alice", "POETRY_HTTP_BASIC_FOO_PASSWORD": "var",
    });
    // Bound by first use or by the user's own Poetry: stored secrets may go there, variables may not.
    for by_poetry in [false, true] {
        let home = Home::new().stored("foo");
        if by_poetry {
            let text = format!("[repositories.foo]\nurl = \"{GOOD}\"\n");
            home.write("poetry/config.toml", &text);
        } else {
            home.write("project/pyproject.toml", &poetry_source("foo", GOOD));
            assert_eq!(home.get(json!({ "name": "foo" })).await, "s3cret");
        }
        home.bind("foo", OTHER).await;
        let mut context = home.context();
        context["variables"] = variables.clone();
        for (declared, stored, variable) in [
            (&[GOOD][..], "s3cret", "s3cret"),
            (&[OTHER], "s3cret", "var"),
            (&[GOOD, OTHER], "s3cret", "s3cret"),
            (&[OTHER, GOOD], "s3cret", "s3cret"),
            (&[GOOD, EVIL], "OriginChanged", "OriginChanged"),
            (&[EVIL, GOOD], "OriginChanged", "OriginChanged"),
            (&[OTHER, EVIL], "OriginChanged", "OriginChanged"),
            (&[EVIL, OTHER], "OriginChanged", "OriginChanged"),
            (&[GOOD, OTHER, EVIL], "OriginChanged", "OriginChanged"),
            (&[EVIL, GOOD, OTHER], "OriginChanged", "OriginChanged"),
        ] {
            let text: String = declared.iter().map(|url| uv_index("foo", url)).collect();
            home.write("project/pyproject.toml", &text);
            let said = home.get(json!({ "name": "foo" })).await;
            assert_eq!(said, stored, "{declared:?}");
            let said = home.get(json!({ "name": "foo", "context": context })).await;
            assert_eq!(said, variable, "{declared:?} with variables");
        }
    }
}

/// The mirror of the same: what is stored is refused where variables may go.
#[tokio::test]
async fn variables_of_another_name_bound_by_hand_hide_nothing() {
    let home = Home::new().stored("foo+bar");
    home.bind("foo-bar", GOOD).await;
    for declared in [[GOOD, EVIL], [EVIL, GOOD]] {
        let text = declared.map(|url| uv_index("foo+bar", url)).concat();
        home.write("project/pyproject.toml", &text);
        let variables = json!({
            "POETRY_HTTP_BASIC_FOO_BAR_USERNAME": "a", "POETRY_HTTP_BASIC_FOO_BAR_PASSWORD": "var",
        });
        let mut context = home.context();
        context["variables"] = variables;
        let question = json!({ "name": "foo+bar", "context": context });
        assert_eq!(home.get(question).await, "OriginChanged", "{declared:?}");
    }
}

/// What is stored under a URL belongs to its origin: who asks by name alone may go to the others.
#[tokio::test]
async fn of_several_urls_none_gets_what_is_stored_under_another() {
    let home = Home::new();
    home.write(
        "netrc",
        "machine good.example login alice password s3cret\n",
    );
    let settings = format!("netrc = \"{}\"\n", home.path("netrc"));
    home.write("settings/config.toml", &settings);
    for (declared, expected) in [
        (&[GOOD][..], "s3cret"),
        (&[GOOD, EVIL], "Policy"),
        (&[EVIL, GOOD], "Policy"),
    ] {
        let text: String = declared.iter().map(|url| uv_index("foo", url)).collect();
        home.write("project/pyproject.toml", &text);
        let said = home.get(json!({ "name": "foo" })).await;
        assert_eq!(said, expected, "{declared:?}");
        let question = json!({ "name": "foo", "url": GOOD });
        assert_eq!(home.get(question).await, "s3cret");
    }
}

/// A token of PyPI's names goes to none of several URLs unless it may go to all.
#[tokio::test]
async fn of_several_urls_a_token_goes_to_all_or_none() {
    let home = Home::new();
    home.write("poetry/auth.toml", "[pypi-token]\npypi = \"pypi-abc\"\n");
    let added = "https://mirror.example/simple/";
    home.bind("pypi", added).await;
    for declared in [[PYPI, added], [added, PYPI]] {
        let text = declared.map(|url| uv_index("pypi", url)).concat();
        home.write("project/pyproject.toml", &text);
        let said = home.get(json!({ "name": "pypi" })).await;
        assert_eq!(said, "OriginChanged", "{declared:?}");
    }
}

#[tokio::test]
async fn a_project_that_cannot_be_read_does_not_open_its_names() {
    let home = Home::new().stored("foo");
    home.bind("foo", GOOD).await;
    let deep = format!("x = {}{}\n", "[".repeat(200), "]".repeat(200));
    for text in [
        // Other parsers may make something of it.
        [deep, poetry_source("foo", EVIL)].concat(),
        poetry_source("foo", "https://evil.example/a b/"),
        poetry_source("foo", "https://evil%2eexample/"),
        uv_index("Foo", "https://evil.example/\\\\x/"),
        format!("[project]\nname = \"x\"\n#{}", "x".repeat(4 * 1024 * 1024)),
    ] {
        home.write("project/pyproject.toml", &text);
        let said = home.get(json!({ "name": "foo" })).await;
        assert_eq!(said, "Malformed", "{}", &text[..60.min(text.len())]);
        assert_eq!(
            home.get(json!({ "name": "foo", "url": GOOD })).await,
            "s3cret"
        );
        assert_eq!(
            home.get(json!({ "name": "foo", "url": EVIL })).await,
            "OriginChanged"
        );
    }
    // An entry of another name is not in the way.
    home.write(
        "project/pyproject.toml",
        &poetry_source("bar", "https://evil.example/a b/"),
    );
    assert_eq!(home.get(json!({ "name": "foo" })).await, "s3cret");
}

#[tokio::test]
async fn trust_in_a_project_does_not_reach_above_it() {
    let home = Home::new().stored("foo");
    home.write(
        "project/pyproject.toml",
        "[tool.uv.workspace]\nmembers = [\"*\"]\n",
    );
    home.write("project/member/pyproject.toml", "[project]\nname = \"m\"\n");
    home.bind("foo", GOOD).await;
    let mut context = home.context();
    context["folder"] = json!(home.path("project/member"));
    let trust = json!({ "project": home.path("project/member"), "context": context });
    let trusted = home.call("Trust", trust).await;
    assert!(trusted.get("error").is_none(), "{trusted}");
    // What the trusted folder declares holds; what changes above it was never looked at.
    let above = [
        "[tool.uv.workspace]\nmembers = [\"*\"]\n".to_owned(),
        uv_index("foo", EVIL),
    ];
    home.write("project/pyproject.toml", &above.concat());
    let question = json!({ "name": "foo", "url": EVIL, "context": context });
    assert_eq!(home.get(question).await, "OriginChanged");
}

#[tokio::test]
async fn a_token_of_pypi_goes_to_pypi_only_however_it_is_stored() {
    let added = "https://mirror.example/simple/";
    for (username, secret, expected) in [
        ("__token__", "abc", "OriginChanged"),
        ("alice", "pypi-AgEIcHlwaS5vcmc", "OriginChanged"),
        ("alice", "s3cret", "s3cret"),
    ] {
        let home = Home::new();
        let text =
            format!("[http-basic.pypi]\nusername = \"{username}\"\npassword = \"{secret}\"\n");
        home.write("poetry/auth.toml", &text);
        home.bind("pypi", added).await;
        let said = home.get(json!({ "name": "pypi", "url": added })).await;
        assert_eq!(said, expected, "{username}");
        let own = json!({ "name": "pypi", "url": "https://upload.pypi.org/legacy/" });
        assert_eq!(home.get(own).await, secret);
    }
}

#[tokio::test]
async fn folders_are_absolute_and_texts_plain() {
    let home = Home::new().stored("foo");
    for field in ["folder", "poetry", "uv", "uv_store", "settings", "state"] {
        for bad in ["relative", "", "../x", "/a\nb", "/a\u{0}b"] {
            let mut context = home.context();
            context[field] = json!(bad);
            let question = json!({ "name": "foo", "context": context });
            assert_eq!(home.get(question).await, "Usage", "{field} {bad:?}");
        }
    }
    for field in ["bus", "keyring_enabled", "version"] {
        let mut context = home.context();
        context[field] = json!("a\u{1b}b");
        let question = json!({ "name": "foo", "context": context });
        assert_eq!(home.get(question).await, "Usage", "{field}");
    }
}

#[tokio::test]
async fn a_call_without_a_reply_leaves_none_behind() {
    let home = Home::new().stored("foo");
    let call = json!({
        "method": "io.credentialhelper.Agent1.Get", "oneway": true,
        "parameters": { "question": { "name": "foo", "context": home.context() } },
    });
    for _ in 0..2 {
        assert_eq!(home.raw(&call).await, (None, Then::Continue));
        // The way of kept answers: a reply here would be taken for that of the next call.
        assert!(
            home.agent
                .quick(&serde_json::to_vec(&call).unwrap())
                .is_none()
        );
    }
}

#[tokio::test]
async fn what_is_no_call_ends_the_connection() {
    let home = Home::new();
    let deep = format!(
        "{{\"method\":\"x\",\"parameters\":{}{}}}",
        "[".repeat(20),
        "]".repeat(20)
    );
    let array = "[\"org.varlink.service.GetInfo\",null,false]";
    for message in [
        "sentinel",
        "",
        "[]",
        array,
        "{}",
        "{\"method\":1}",
        deep.as_str(),
    ] {
        let (bytes, then) = Box::pin(answer(&home.agent, message.as_bytes(), CALLER)).await;
        assert!(bytes.is_none() && then == Then::Close, "{message}");
    }
}

#[tokio::test]
async fn nothing_is_kept_in_memory_while_locked() {
    let home = Home::new().stored("foo");
    assert_eq!(home.get(json!({ "name": "foo" })).await, "s3cret");
    home.call("Lock", json!({})).await;
    for method in ["Settings", "Bindings"] {
        let reply = home.call(method, json!({})).await;
        assert!(reply.get("error").is_none(), "{reply}");
        assert_eq!(home.agent.files.kept(), 0, "{method}");
    }
    let configured = json!({ "key": "http-basic.foo", "values": ["alice", "new"] });
    assert_eq!(said(&home.call("Configure", configured).await), "Locked");
}

#[tokio::test]
async fn a_url_is_not_called_unknown_while_a_file_that_may_name_it_is_broken() {
    for file in ["state/trust.toml", "uv/uv.toml", "project/pyproject.toml"] {
        let home = Home::new();
        home.write(file, "x = [\n");
        assert_eq!(
            home.get(json!({ "url": GOOD })).await,
            "Malformed",
            "{file}"
        );
        assert_eq!(
            home.get(json!({ "name": "bar", "url": GOOD })).await,
            match file {
                "state/trust.toml" => "Malformed",
                _ => "NotFound",
            }
        );
    }
}

#[tokio::test]
async fn a_name_with_thousands_of_urls_does_not_keep_the_agent_busy() {
    let home = Home::new().stored("foo");
    home.bind("foo", "https://h.example/").await;
    let mut text = String::new();
    for at in 0..20_000 {
        text.push_str(&uv_index("foo", &format!("https://h.example/{at}/")));
    }
    home.write("project/pyproject.toml", &text);
    let begun = std::time::Instant::now();
    let said = home.get(json!({ "name": "bar" })).await;
    assert_eq!(said, "Malformed");
    assert!(begun.elapsed() < std::time::Duration::from_mins(1));
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_that_was_minted_anew_is_not_taken_for_the_refused_one() {
    let home = Home::new();
    home.write(
        "mint",
        "echo x >>\"$0.count\"\nwc -l <\"$0.count\" | tr -d ' '\n",
    );
    let program = home.path("mint");
    let settings = format!(
        "[repositories.foo]\nurl = \"{GOOD}\"\ncommand = [\"/bin/sh\", \"{program}\"]\nttl = \"15m\"\n"
    );
    home.write("settings/config.toml", &settings);
    let question = json!({ "name": "foo" });
    assert_eq!(home.get(question.clone()).await, "1");
    assert_eq!(home.get(question.clone()).await, "1");
    let report = json!({ "question": question, "outcome": "unauthorized" });
    let reply = home.call("Report", report).await;
    assert!(reply.get("error").is_none(), "{reply}");
    assert_eq!(home.get(question).await, "2");
}

#[tokio::test]
async fn a_refused_secret_is_held_back_from_every_question_of_its_repository() {
    let home = Home::new().stored("foo");
    home.bind("foo", GOOD).await;
    let page = json!({ "url": "https://good.example/simple/a/" });
    assert_eq!(home.get(page.clone()).await, "s3cret");
    let report = json!({ "question": page, "outcome": "unauthorized" });
    home.call("Report", report).await;
    for question in [
        page,
        json!({ "url": "https://good.example/simple/b/" }),
        json!({ "name": "foo", "url": GOOD }),
    ] {
        assert_eq!(home.get(question.clone()).await, "Rejected", "{question}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn lock_cancels_secrets_on_their_way_to_a_file_and_reports() {
    let home = Home::new().stored("foo");
    let configured = json!({ "key": "http-basic.foo", "values": ["alice", "new"] });
    // Both are still on their way when the lock comes: the report reads a store that is busy, and
    // the change waits for another writer.
    home.never_answers("busy");
    let report = json!({ "question": { "name": "busy" }, "outcome": "unauthorized" });
    let folder = std::fs::File::open(home.path("poetry")).unwrap();
    folder.lock().unwrap();
    let (configured, reported, _) = tokio::join!(
        home.call("Configure", configured),
        home.call("Report", report),
        home.call("Lock", json!({})),
    );
    assert_eq!(said(&configured), "Locked");
    assert_eq!(said(&reported), "Locked");
    assert!(home.agent.rejected.is_empty());
    let text = std::fs::read_to_string(home.path("poetry/auth.toml")).unwrap();
    assert!(text.contains("s3cret"));
}

#[tokio::test]
async fn null_and_a_missing_field_mean_the_same() {
    let home = Home::new().stored("foo");
    let context = home.context();
    let mut with_nulls = context.clone();
    for field in [
        "variables",
        "prompt",
        "timeout_ms",
        "parent",
        "bus",
        "settings",
    ] {
        with_nulls[field] = Value::Null;
    }
    let question = json!({
        "name": "foo", "url": null, "username": null, "operation": null, "upload": null,
        "context": with_nulls,
    });
    assert_eq!(home.get(question).await, "s3cret");
    for (method, parameters) in [
        (
            "Configure",
            json!({ "key": "keyring.enabled", "values": null, "unset": null, "local": null }),
        ),
        (
            "Trust",
            json!({ "name": "foo", "url": GOOD, "project": null, "operation": null }),
        ),
        ("Bindings", json!({ "context": null })),
    ] {
        let reply = home.call(method, parameters).await;
        assert!(reply.get("error").is_none(), "{method}: {reply}");
    }
    let call = json!({
        "method": "io.credentialhelper.Agent1.Status", "parameters": null, "oneway": null,
    });
    let (reply, _) = home.raw(&call).await;
    assert!(reply.is_some_and(|reply| reply.get("error").is_none()));
}

#[tokio::test]
async fn settings_that_may_hold_a_secret_do_not_outlive_a_lock() {
    let home = Home::new();
    let settings = "[repositories.foo]\ncommand = [\"/bin/true\"]\nenv = { KEY = \"sentinel\" }\n";
    home.write("settings/config.toml", settings);
    let alive = async || {
        let call = home.agent.call(&Context::default()).unwrap();
        let settings = super::known::settings(home.agent.own(), &call)
            .await
            .unwrap();
        Rc::downgrade(&settings)
    };
    home.call("List", json!({})).await;
    let before = alive().await;
    assert!(before.upgrade().is_some());
    home.call("Lock", json!({})).await;
    assert!(before.upgrade().is_none());
    home.call("Status", json!({})).await;
    home.call("Bindings", json!({})).await;
    assert_eq!(home.agent.files.kept(), 0);
    assert!(!crate::provider::settings::is_kept());
}

#[tokio::test]
async fn a_project_does_not_say_what_is_deleted() {
    let home = Home::new();
    home.bind("foo", GOOD).await;
    let text = [
        poetry_source("foo", "https://bank.example/simple/"),
        uv_index("foo", "https://good.example/other/"),
    ];
    home.write("project/pyproject.toml", &text.concat());
    let context = serde_json::from_value(home.context()).unwrap();
    let (_, known) = home.agent.known(&context).await.unwrap();
    let name = RepositoryName::parse("foo").unwrap();
    let services = super::delete::services(&name, &known);
    assert!(services.contains(&GOOD.to_owned()));
    assert!(services.contains(&"https://good.example/other".to_owned()));
    assert!(
        !services.iter().any(|service| service.contains("bank")),
        "{services:?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_in_a_hurry_closes_no_provider_to_others() {
    use crate::domain::credential::ProviderId;
    let home = Home::new();
    home.never_answers("foo");
    let mut context = home.context();
    context["timeout_ms"] = json!(100);
    for _ in 0..3 {
        let question = json!({ "name": "foo", "context": context });
        assert_eq!(home.get(question).await, "TimedOut");
    }
    for id in [
        ProviderId::COMMAND,
        ProviderId::AUTH_TOML,
        ProviderId::UV_STORE,
    ] {
        assert_eq!(home.agent.breakers.open(id), None, "{id}");
    }
}

#[tokio::test]
async fn a_project_with_thousands_of_credentials_does_not_keep_the_agent_busy() {
    let home = Home::new();
    let text: Vec<String> = (0..20_000)
        .map(|at| format!("[http-basic.n{at}]\nusername = \"a\"\npassword = \"p\"\n"))
        .collect();
    let text = text.concat();
    home.write("project/poetry.toml", &text);
    let begun = std::time::Instant::now();
    let reply = home.call("List", json!({})).await;
    // More than one reply may hold; what matters is that it was told soon.
    assert!(
        said(&reply) == "Internal" || reply.get("error").is_none(),
        "{reply}"
    );
    assert!(begun.elapsed() < std::time::Duration::from_mins(1));
}

#[tokio::test]
async fn what_trust_has_allowed_set_accepts() {
    let home = Home::new();
    let url = "http://plain.example/simple/";
    let set = json!({ "name": "foo", "username": "alice", "secret": "s3cret", "url": url });
    assert_eq!(
        said(&home.call("Set", set.clone()).await),
        "InsecureTransport"
    );
    // The hint of that error.
    home.bind("foo", url).await;
    let reply = home.call("Set", set).await;
    assert!(reply.get("error").is_none(), "{reply}");
    assert_eq!(
        home.get(json!({ "name": "foo", "url": url })).await,
        "s3cret"
    );
}

#[path = "service_rules_tests.rs"]
mod service_rules;

#[path = "token_rules_tests.rs"]
mod token_rules;
