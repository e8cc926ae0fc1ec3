//! Questions in other tools' words, held against the safety rules.

use serde_json::{Value, json};

use super::{EVIL, GOOD, Home, poetry_source, said};

const EMPTY: &str = "__poetry_source_empty_username__";

impl Home {
    /// The secret of a service, asked for by the process with this number.
    async fn service(&self, service: &str, username: Option<&str>, parent: u32) -> String {
        let mut context = self.context();
        if parent > 0 {
            context["parent"] = json!({ "pid": parent, "start": 1 });
        }
        let question = json!({ "service": service, "username": username, "context": context });
        self.get(question).await
    }

    async fn asked(&self, service: &str) -> String {
        self.service(service, None, 0).await
    }

    fn repositories(&self, text: &str) {
        self.write("settings/config.toml", text);
    }

    fn accounts(&self, list: &[(&str, &str, &str)]) {
        let text: Vec<String> = list
            .iter()
            .map(|(name, user, secret)| {
                format!("[http-basic.{name}]\nusername = \"{user}\"\npassword = \"{secret}\"\n")
            })
            .collect();
        self.write("poetry/auth.toml", &text.concat());
    }
}

#[tokio::test]
async fn every_spelling_of_a_place_leads_to_its_repository() {
    let home = Home::new().stored("foo");
    home.bind("foo", GOOD).await;
    for service in [
        "poetry-repository-foo",
        "pdm-pypi-foo",
        "pdm-repository-foo",
        GOOD,
        "https://good.example/simple",
        "https://GOOD.example:443/simple",
        "uv:https://good.example/simple/",
        "pip:https://good.example/simple/",
        "sparse+https://good.example/simple/",
        "https://good.example/simple/?project",
        "https://good.example/simple/x/",
        "good.example",
        "good.example:443",
        "pip:good.example",
        "https://good.example",
    ] {
        assert_eq!(home.asked(service).await, "s3cret", "{service}");
        assert_eq!(
            home.service(service, Some("alice"), 7).await,
            "s3cret",
            "{service}"
        );
        for other in [
            "bob",
            "__token__",
            "pypi_token:project:x",
            "pypi_token:user:alice",
            EMPTY,
        ] {
            let said = home.service(service, Some(other), 0).await;
            assert_eq!(said, "NotFound", "{service} {other}");
        }
    }
    for service in [
        "poetry-repository-bar",
        "pdm-repository-__unknown__",
        "python-poetry-check",
        "http://good.example/simple/",
        "https://good.example.evil.example/simple/",
        "good.example:8443",
        "good.example:80",
        "evil.example",
        "rattler",
        "my service",
        "",
    ] {
        let said = home.asked(service).await;
        let expected = match service {
            "http://good.example/simple/" => "InsecureTransport",
            _ => "NotFound",
        };
        assert_eq!(said, expected, "{service}");
    }
}

#[tokio::test]
async fn a_service_is_checked_like_a_typed_name() {
    let home = Home::new().stored("foo");
    home.bind("foo", GOOD).await;
    home.write("project/pyproject.toml", &poetry_source("foo", EVIL));
    for service in [
        "poetry-repository-foo",
        "pdm-pypi-foo",
        EVIL,
        "evil.example",
    ] {
        let said = home.asked(service).await;
        assert!(
            matches!(said.as_str(), "OriginChanged" | "NotFound"),
            "{service}: {said}"
        );
    }
    home.write("project/pyproject.toml", &poetry_source("foo", GOOD));
    assert_eq!(home.asked("poetry-repository-foo").await, "s3cret");
}

#[tokio::test]
async fn what_may_not_be_asked() {
    let home = Home::new().stored("foo");
    for question in [
        json!({ "service": "a\nb" }),
        json!({ "service": "a", "username": "b\n" }),
        json!({ "service": "https://h/", "name": "foo" }),
        json!({ "service": "https://h/", "url": GOOD }),
        json!({ "service": "x".repeat(9000) }),
    ] {
        assert_eq!(home.get(question.clone()).await, "Usage", "{question}");
    }
    for (method, parameters) in [
        ("Set", json!({ "service": GOOD, "secret": "s" })),
        (
            "Set",
            json!({ "service": "python-poetry-check", "username": "a", "secret": "s" }),
        ),
        (
            "Set",
            json!({ "service": GOOD, "name": "foo", "username": "a", "secret": "s" }),
        ),
        (
            "Set",
            json!({ "service": GOOD, "username": "a", "secret": "s\n" }),
        ),
        ("Set", json!({ "service": GOOD, "username": "a" })),
        (
            "Set",
            json!({ "service": GOOD, "username": "a", "secret": "s", "url": GOOD }),
        ),
        ("Delete", json!({ "service": GOOD })),
        ("Delete", json!({ "service": "poetry-repository-foo" })),
        (
            "Delete",
            json!({ "service": GOOD, "name": "foo", "username": "a" }),
        ),
    ] {
        let reply = home.call(method, parameters.clone()).await;
        assert_eq!(said(&reply), "Usage", "{method} {parameters}");
    }
}

#[tokio::test]
async fn without_a_keyring_only_names_are_stored() {
    let home = Home::new();
    let set = |service: &str| json!({ "service": service, "username": "alice", "secret": "n3w" });
    for service in [GOOD, "good.example", "my service"] {
        assert_eq!(said(&home.call("Set", set(service)).await), "Unavailable");
        let delete = json!({ "service": service, "username": "alice" });
        assert_eq!(said(&home.call("Delete", delete).await), "Unavailable");
    }
    let reply = home.call("Set", set("poetry-repository-foo")).await;
    assert!(reply.get("error").is_none(), "{reply}");
    assert_eq!(home.asked("poetry-repository-foo").await, "n3w");
    let delete = |user: &str| json!({ "service": "poetry-repository-foo", "username": user });
    assert_eq!(said(&home.call("Delete", delete("bob")).await), "NotFound");
    let reply = home.call("Delete", delete("alice")).await;
    assert!(reply.get("error").is_none(), "{reply}");
    assert_eq!(home.asked("poetry-repository-foo").await, "NotFound");
    // Poetry's spelling of an empty username.
    let mut empty = set("poetry-repository-foo");
    empty["username"] = json!(EMPTY);
    home.call("Set", empty).await;
    assert_eq!(
        home.service("poetry-repository-foo", Some(EMPTY), 0).await,
        "n3w"
    );
    assert_eq!(
        home.service("poetry-repository-foo", Some("alice"), 0)
            .await,
        "NotFound"
    );
    let reply = home.call("Delete", delete(EMPTY)).await;
    assert!(reply.get("error").is_none(), "{reply}");
}

#[tokio::test]
async fn tokens_answer_for_uploads_and_for_their_own_account() {
    let home = Home::new();
    home.write(
        "poetry/auth.toml",
        "[http-basic.foo]\nusername = \"alice\"\npassword = \"basic\"\n[pypi-token]\nfoo = \"token\"\npypi = \"pypi-x\"\n",
    );
    home.repositories(
        "[repositories.foo]\nurl = \"https://good.example/simple/\"\npublish-url = \"https://good.example/legacy/\"\n",
    );
    for (service, username, expected) in [
        (GOOD, None, "basic"),
        (GOOD, Some("__token__"), "token"),
        ("https://good.example/legacy/", None, "token"),
        ("https://good.example/legacy", Some("__token__"), "token"),
        ("https://good.example/legacy/?project", None, "token"),
        ("https://good.example/legacy/", Some("alice"), "basic"),
        ("poetry-repository-foo", Some("__token__"), "token"),
        ("poetry-repository-foo", None, "basic"),
        ("pdm-pypi-foo", None, "basic"),
        ("pdm-repository-foo", None, "token"),
        ("good.example", Some("__token__"), "token"),
        ("https://upload.pypi.org/legacy/", None, "pypi-x"),
        (
            "https://upload.pypi.org/legacy/",
            Some("__token__"),
            "pypi-x",
        ),
        (
            "https://upload.pypi.org/legacy/",
            Some("pypi_token:project:x"),
            "NotFound",
        ),
        (
            "https://test.pypi.org/legacy/",
            Some("__token__"),
            "NotFound",
        ),
    ] {
        let said = home.service(service, username, 0).await;
        assert_eq!(said, expected, "{service} {username:?}");
    }
}

#[tokio::test]
async fn a_host_is_answered_where_it_is_unambiguous() {
    let home = Home::new();
    home.repositories(
        "[repositories.a]\nurl = \"https://h.example/a/simple/\"\n[repositories.b]\nurl = \"https://h.example/b/simple/\"\n",
    );
    home.accounts(&[("a", "alice", "pw-a"), ("b", "bob", "pw-b")]);
    for service in ["h.example", "https://h.example/", "https://h.example"] {
        assert_eq!(home.asked(service).await, "NotFound", "{service}");
        // Only one of them is known to be hers.
        assert_eq!(home.service(service, Some("alice"), 0).await, "pw-a");
        assert_eq!(home.service(service, Some("bob"), 0).await, "pw-b");
        assert_eq!(
            home.service(service, Some("__token__"), 0).await,
            "NotFound"
        );
    }
    // After a URL there, of the same process.
    let (a, b) = ("https://h.example/a/simple/", "https://h.example/b/simple/");
    assert_eq!(home.service(a, None, 7).await, "pw-a");
    assert_eq!(home.service("h.example", None, 7).await, "pw-a");
    assert_eq!(home.service("h.example", None, 8).await, "NotFound");
    assert_eq!(home.service(b, None, 7).await, "pw-b");
    assert_eq!(home.service("h.example", None, 7).await, "pw-b");
    assert_eq!(home.service("https://h.example/", None, 7).await, "pw-b");
    assert_eq!(home.service(a, None, 7).await, "pw-a");
    assert_eq!(home.service("h.example", None, 7).await, "pw-a");
    // The same credential for all of them.
    home.accounts(&[("a", "alice", "pw"), ("b", "alice", "pw")]);
    assert_eq!(home.asked("h.example").await, "pw");
    home.accounts(&[("a", "alice", "pw")]);
    assert_eq!(home.asked("h.example").await, "NotFound");
    // Nothing of all this binds a name.
    assert!(!home.root.path().join("state/trust.toml").exists());
}

#[tokio::test]
async fn https_secrets_are_not_given_to_who_goes_there_in_the_clear() {
    let home = Home::new().stored("foo");
    home.repositories("[repositories.foo]\nurl = \"https://good.example/simple/\"\n");
    assert_eq!(home.service("good.example", None, 7).await, "s3cret");
    let plain = home.service("http://good.example/simple/", None, 7).await;
    assert_eq!(plain, "InsecureTransport");
    for service in ["good.example", "pip:good.example", "http://good.example"] {
        let said = home.service(service, None, 7).await;
        assert!(
            matches!(said.as_str(), "NotFound" | "InsecureTransport"),
            "{service}: {said}"
        );
    }
    assert_eq!(home.service("good.example", None, 8).await, "s3cret");
}

#[tokio::test]
async fn a_name_with_many_urls_on_a_host_is_not_compared() {
    let home = Home::new();
    let text: Vec<String> = (0..100)
        .map(|at| poetry_source(&format!("n{at}"), &format!("https://h.example/{at}/")))
        .collect();
    home.write("project/pyproject.toml", &text.concat());
    let begun = std::time::Instant::now();
    for username in [None, Some("alice")] {
        assert_eq!(home.service("h.example", username, 7).await, "NotFound");
    }
    assert!(begun.elapsed() < std::time::Duration::from_mins(1));
}

#[tokio::test]
async fn answers_are_kept_for_all_processes_but_not_for_who_comes_again() {
    let home = Home::new().stored("foo");
    home.repositories("[repositories.foo]\nurl = \"https://good.example/simple/\"\n");
    let hits = async || {
        let status = home.call("Status", json!({})).await;
        status
            .pointer("/parameters/cache/hits")
            .and_then(Value::as_u64)
            .unwrap()
    };
    assert_eq!(home.service(GOOD, None, 7).await, "s3cret");
    let before = hits().await;
    assert_eq!(home.service(GOOD, None, 8).await, "s3cret");
    assert_eq!(hits().await, before + 1);
    assert_eq!(home.service(GOOD, None, 7).await, "s3cret");
    assert_eq!(hits().await, before + 1);
    assert_eq!(home.asked(GOOD).await, "s3cret");
    assert_eq!(home.asked(GOOD).await, "s3cret");
    assert_eq!(hits().await, before + 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_is_minted_anew_for_who_comes_again() {
    let home = Home::new();
    home.write(
        "mint",
        "echo x >>\"$0.count\"\nwc -l <\"$0.count\" | tr -d ' '\n",
    );
    let program = home.path("mint");
    home.repositories(&format!(
        "[repositories.foo]\nurl = \"{GOOD}\"\ncommand = [\"/bin/sh\", \"{program}\"]\nusername = \"ci\"\nttl = \"15m\"\n[repositories.bar]\nurl = \"https://good.example/bar/\"\n"
    ));
    assert_eq!(home.service(GOOD, Some("ci"), 7).await, "1");
    assert_eq!(home.service(GOOD, Some("ci"), 8).await, "1");
    assert_eq!(home.service(GOOD, Some("ci"), 7).await, "2");
    // Once within ten seconds; and not where something else of the host was asked in between.
    assert_eq!(home.service(GOOD, Some("ci"), 7).await, "2");
    assert_eq!(
        home.service("https://good.example/bar/", Some("ci"), 8)
            .await,
        "NotFound"
    );
    assert_eq!(home.service(GOOD, Some("ci"), 8).await, "2");
    assert_eq!(home.service(GOOD, Some("alice"), 9).await, "NotFound");
}

#[tokio::test]
async fn userinfo_of_a_service_is_used_for_its_own_account() {
    let home = Home::new();
    let url = "https://bob:t3xt@good.example/simple/";
    assert_eq!(home.asked(url).await, "t3xt");
    assert_eq!(home.service(url, Some("bob"), 0).await, "t3xt");
    assert_eq!(home.service(url, Some("alice"), 0).await, "NotFound");
    let explained = home
        .call("Explain", json!({ "question": { "service": url } }))
        .await;
    assert!(!explained.to_string().contains("t3xt"), "{explained}");
    let asked = json!({ "question": { "service": "https://good.example/?token=t3xt" } });
    let explained = home.call("Explain", asked).await;
    assert!(explained.to_string().contains("good.example"));
    assert!(!explained.to_string().contains("t3xt"), "{explained}");
    let stored = json!({ "service": url, "username": "bob", "secret": "x" });
    let reply = home.call("Set", stored).await;
    assert!(!reply.to_string().contains("t3xt"), "{reply}");
}

#[tokio::test]
async fn a_refusal_of_a_service_is_reported_like_others() {
    let home = Home::new().stored("foo");
    home.bind("foo", GOOD).await;
    let mut context = home.context();
    context["parent"] = json!({ "pid": 7, "start": 1 });
    let question = json!({ "service": GOOD, "username": "alice", "context": context });
    assert_eq!(home.get(question.clone()).await, "s3cret");
    let report = json!({ "question": question, "outcome": "unauthorized" });
    let reply = home.call("Report", report).await;
    assert!(reply.get("error").is_none(), "{reply}");
    assert_eq!(home.get(question).await, "Rejected");
    assert_eq!(
        home.service("poetry-repository-foo", Some("alice"), 7)
            .await,
        "Rejected"
    );
    assert_eq!(home.service(GOOD, Some("alice"), 8).await, "s3cret");
    let nothing = json!({ "service": "python-poetry-check", "context": home.context() });
    let report = json!({ "question": nothing, "outcome": "unauthorized" });
    assert!(home.call("Report", report).await.get("error").is_none());
    home.call("Lock", json!({})).await;
    for service in [GOOD, "poetry-repository-foo", "good.example", "my service"] {
        assert_eq!(home.asked(service).await, "Locked", "{service}");
    }
}
