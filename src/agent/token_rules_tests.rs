//! Tokens of PyPI's on their way out of the whole agent.

use std::time::{Duration, SystemTime};

use super::*;
use crate::domain::token::Token;
use crate::domain::token::tests::{PYPI, TEST_PYPI, with};
use credential_helper_protocol::Secret;

const LEGACY: &str = "https://upload.pypi.org/legacy/";

impl Home {
    /// Tokens that are stored under names.
    fn tokens(self, tokens: &[(&str, &str)]) -> Self {
        let lines = tokens
            .iter()
            .map(|(name, token)| format!("{name} = \"{token}\"\n"));
        let text = format!("[pypi-token]\n{}", lines.collect::<String>());
        self.write("poetry/auth.toml", &text);
        self
    }

    async fn upload(&self, mut question: Value, project: Value) -> Value {
        question["operation"] = json!("upload");
        question["upload"] = project;
        self.call("Get", json!({ "question": question })).await
    }
}

fn credential(reply: &Value) -> &Value {
    assert!(reply.get("error").is_none(), "{}", reply["error"]);
    &reply["parameters"]["credential"]
}

/// The projects of the token in a reply, and how long it is good for.
fn limits(reply: &Value) -> (Vec<String>, Duration) {
    let credential = credential(reply);
    let token = Token::read(&Secret::from(credential["password"].as_str().unwrap()));
    let told = humantime::parse_rfc3339(credential["expires"].as_str().unwrap()).unwrap();
    let epoch = SystemTime::UNIX_EPOCH;
    assert_eq!(told, epoch + Duration::from_secs(token.expires.unwrap()));
    let left = told.duration_since(SystemTime::now()).unwrap_or_default();
    (token.projects().map(str::to_owned).collect(), left)
}

#[tokio::test]
async fn an_upload_gets_a_child_of_the_token() {
    let home = Home::new().tokens(&[("pypi", PYPI), ("testpypi", TEST_PYPI), ("foo", "t0ken")]);
    for question in [
        json!({ "name": "pypi" }),
        json!({ "name": "PyPI", "url": LEGACY }),
        json!({ "url": LEGACY }),
        json!({ "service": LEGACY, "username": "__token__" }),
        json!({ "service": "poetry-repository-pypi", "username": "__token__" }),
        json!({ "name": "testpypi" }),
        json!({ "url": "https://test.pypi.org/legacy/" }),
    ] {
        for _ in 0..2 {
            let reply = home
                .upload(question.clone(), json!({ "project": "My.Foo" }))
                .await;
            let (projects, left) = limits(&reply);
            assert_eq!(projects, ["my-foo"], "{question}");
            let fifteen = Duration::from_mins(15);
            assert!(left <= fifteen && left > fifteen / 2, "{left:?}");
            for token in [PYPI, TEST_PYPI] {
                assert!(!reply.to_string().contains(token));
            }
            assert!(reply.to_string().contains("good for every project"));
        }
    }
    // Each asker gets one of its own: none is kept.
    assert_eq!(home.agent.answers.counts().entries, 0);
    let reply = home
        .upload(json!({ "name": "foo" }), json!({ "project": "foo" }))
        .await;
    assert_eq!(said(&reply), "t0ken");
}

#[tokio::test]
async fn who_names_no_project_or_wants_the_whole_gets_it() {
    let home = Home::new().tokens(&[("pypi", PYPI)]);
    for upload in [
        json!({ "project": "foo", "attenuate": false }),
        json!({ "version": "1.0" }),
        Value::Null,
    ] {
        let reply = home.upload(json!({ "name": "pypi" }), upload).await;
        assert_eq!(said(&reply), PYPI);
        assert_eq!(credential(&reply)["expires"], Value::Null);
    }
    // A question without an operation says nothing of uploads.
    let question = json!({ "name": "pypi", "upload": { "project": "foo" } });
    let reply = home.call("Get", json!({ "question": question })).await;
    assert_eq!(said(&reply), PYPI);
    assert_eq!(credential(&reply)["warnings"], json!([]));
}

#[tokio::test]
async fn a_token_of_the_other_index_stays_here() {
    let home = Home::new().tokens(&[("pypi", TEST_PYPI), ("testpypi", PYPI)]);
    for question in [
        json!({ "name": "pypi" }),
        json!({ "url": LEGACY }),
        json!({ "name": "testpypi", "url": "https://test.pypi.org/legacy/" }),
    ] {
        for project in [Value::Null, json!({ "project": "foo", "attenuate": false })] {
            let reply = home.upload(question.clone(), project).await;
            assert_eq!(said(&reply), "Policy", "{question}");
        }
    }
}

#[tokio::test]
async fn a_refused_child_holds_its_parent_back() {
    let home = Home::new().tokens(&[("pypi", PYPI)]);
    let about = json!({ "name": "pypi" });
    let reply = home
        .upload(about.clone(), json!({ "project": "foo" }))
        .await;
    assert_eq!(limits(&reply).0, ["foo"]);
    let question = json!({
        "name": "pypi", "operation": "upload", "upload": { "project": "foo" }, "context": home.context(),
    });
    let report = json!({ "question": question, "outcome": "unauthorized" });
    assert!(home.call("Report", report).await.get("error").is_none());
    for upload in [
        json!({ "project": "foo" }),
        json!({ "project": "bar" }),
        Value::Null,
    ] {
        let reply = home.upload(about.clone(), upload).await;
        assert_eq!(said(&reply), "Rejected");
    }
}

#[tokio::test]
async fn what_a_token_says_of_its_end_holds_for_the_answer() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let until = |seconds: u64| with(PYPI, &[&format!("[0,{seconds},0]"), r#"[1,["foo"]]"#]);
    let (soon, old, later) = (until(now + 60), until(now - 60), until(now + 864_000));
    let home = Home::new().tokens(&[("pypi", &soon), ("old", &old), ("later", &later)]);
    let reply = home
        .upload(json!({ "name": "pypi" }), json!({ "project": "foo" }))
        .await;
    let (projects, left) = limits(&reply);
    assert_eq!(projects, ["foo"]);
    assert!(left <= Duration::from_mins(1));
    for (name, entries, warned) in [
        ("old", 0, "the token of old has expired"),
        ("later", 1, "[]"),
        ("pypi", 2, "the token of pypi expires in"),
    ] {
        let reply = home.upload(json!({ "name": name }), Value::Null).await;
        assert!(credential(&reply)["expires"].is_string(), "{name}");
        let warnings = credential(&reply)["warnings"].to_string();
        assert!(warnings.contains(warned), "{warnings}");
        assert_eq!(home.agent.answers.counts().entries, entries, "{name}");
    }
    let reply = home
        .upload(json!({ "name": "pypi" }), json!({ "project": "bar" }))
        .await;
    assert_eq!(said(&reply), "Policy");
}

#[tokio::test]
async fn list_says_what_tokens_say() {
    let old = with(PYPI, &["[0,1700000000,0]", r#"[1,["foo"]]"#]);
    let home = Home::new().tokens(&[("pypi", &old), ("a.b", PYPI), ("foo", "t0ken")]);
    let mut context = home.context();
    context["variables"] = json!({
        "POETRY_PYPI_TOKEN_BAR": TEST_PYPI,
        "POETRY_HTTP_BASIC_BAZ_USERNAME": "__token__", "POETRY_HTTP_BASIC_BAZ_PASSWORD": PYPI,
    });
    let reply = home.call("List", json!({ "context": context })).await;
    let told: Vec<String> = reply["parameters"]["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["name"], one["expires"], one["warnings"]))
        .collect();
    let every = |name: &str| {
        format!(
            "\"{name}\" null [\"the token of {name} is good for every project of its account: \
             a token for one project is safer\"]"
        )
    };
    assert_eq!(
        told,
        [
            every("a.b"),
            every("bar"),
            every("baz"),
            "\"foo\" null []".to_owned(),
            "\"pypi\" \"2023-11-14T22:13:20Z\" [\"the token of pypi has expired\"]".to_owned(),
        ]
    );
    let text = reply.to_string();
    assert!(!text.contains(PYPI) && !text.contains(TEST_PYPI) && !text.contains(&old));
}
