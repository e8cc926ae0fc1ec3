use credential_helper_protocol::{Changed, Credential, ErrorCode, Failure, Listed, Scheme, Secret};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bridge::fake::{Fake, said};

fn of(username: Option<&str>, password: Option<&str>) -> Credential {
    Credential {
        username: username.map(str::to_owned),
        password: password.map(Secret::from),
        name: Some("crates".to_owned()),
        origin: Some("https://h.example".to_owned()),
        provider: "secret-service".to_owned(),
        ..Credential::default()
    }
}

fn not_found() -> Failure {
    Failure::new(ErrorCode::NotFound, "nothing is stored")
}

/// Says one line; the answer, as it was written.
fn cargo(fake: &mut Fake, line: &str) -> String {
    fake.lines = [line.to_owned()].into();
    fake.written.clear();
    let ran = said("cargo-credential-helper", &["--cargo-plugin"], fake);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    fake.lines.clear();
    let answer = fake.written.strip_prefix("{\"v\":[1]}\n").unwrap();
    let answer = answer.strip_suffix('\n').unwrap();
    assert!(!answer.contains('\n'), "{answer}");
    answer.to_owned()
}

fn answered(fake: &mut Fake, request: &Value) -> Value {
    let answer = cargo(fake, &request.to_string());
    serde_json::from_str(&answer).unwrap()
}

const INDEX: &str = "sparse+https://h.example/index/";

fn get(operation: &str) -> Value {
    json!({ "v": 1, "kind": "get", "operation": operation, "args": [],
        "registry": { "index-url": INDEX, "name": "my", "headers": ["WWW-Authenticate: Cargo"] } })
}

fn kind(kind: &str) -> Value {
    json!({ "v": 1, "kind": kind, "registry": { "index-url": INDEX, "name": "my" } })
}

#[test]
fn the_token_is_the_whole_header() {
    let bearer = Credential {
        scheme: Scheme::Bearer,
        ..of(None, Some("t0ken"))
    };
    for (credential, token) in [
        (of(Some("__token__"), Some("t0ken")), "t0ken"),
        (of(None, Some("t0ken")), "t0ken"),
        (of(None, Some("Token abc")), "Token abc"),
        (bearer, "Bearer t0ken"),
        (of(Some("alice"), Some("s3cret")), "Basic YWxpY2U6czNjcmV0"),
    ] {
        let mut fake = Fake {
            credential: Ok(credential),
            ..Fake::default()
        };
        let expected = json!({ "Ok": { "kind": "get", "token": token, "cache": "session",
            "operation_independent": false } });
        assert_eq!(answered(&mut fake, &get("read")), expected);
        let asked = format!("get service={INDEX} operation=read");
        assert_eq!(fake.calls, [asked]);
    }
    let mut fake = Fake {
        credential: Ok(Credential {
            expires: Some("2030-01-01T00:00:00Z".to_owned()),
            ..of(None, Some("t"))
        }),
        ..Fake::default()
    };
    let answer = answered(&mut fake, &get("read"));
    assert_eq!(answer["Ok"]["cache"], "expires");
    assert_eq!(answer["Ok"]["expiration"], 1_893_456_000);
}

#[test]
fn what_it_is_for() {
    let mut fake = Fake {
        credential: Ok(of(None, Some("t"))),
        ..Fake::default()
    };
    let mut publish = get("publish");
    publish["name"] = json!("sample");
    publish["vers"] = json!("0.1.0");
    publish["cksum"] = json!("ab");
    answered(&mut fake, &publish);
    let asked = format!("get service={INDEX} operation=upload project=sample");
    assert_eq!(fake.calls, [asked]);
    for operation in ["yank", "unyank", "owners"] {
        fake.calls.clear();
        answered(&mut fake, &get(operation));
        assert!(
            fake.calls[0].contains("operation=upload"),
            "{:?}",
            fake.calls
        );
    }
    let git = json!({ "v": 1, "kind": "get", "operation": "read",
        "registry": { "index-url": "https://h.example/index.git" } });
    fake.calls.clear();
    assert_eq!(answered(&mut fake, &git)["Ok"]["token"], "t");
    assert_eq!(
        fake.calls,
        ["get service=https://h.example/index.git operation=read"]
    );
}

#[test]
fn reasons() {
    let error = |kind: &str| json!({ "Err": { "kind": kind } });
    let mut fake = Fake::default();
    assert_eq!(answered(&mut fake, &get("read")), error("not-found"));
    fake.credential = Ok(of(Some("alice"), None));
    assert_eq!(answered(&mut fake, &get("read")), error("not-found"));
    fake.credential = Ok(of(None, Some("t")));
    fake.calls.clear();
    for (request, expected) in [
        (get("later"), "operation-not-supported"),
        (kind("later"), "operation-not-supported"),
    ] {
        assert_eq!(answered(&mut fake, &request), error(expected));
    }
    for url in [
        "ssh://git@h.example/index",
        "file:///srv/index",
        "nothing",
        "",
    ] {
        let mut request = get("read");
        request["registry"]["index-url"] = json!(url);
        assert_eq!(
            answered(&mut fake, &request),
            error("url-not-supported"),
            "{url}"
        );
    }
    assert!(fake.calls.is_empty());
    let locked = Failure::new(ErrorCode::Locked, "the keyring is locked").hint("open it");
    fake.credential = Err(locked);
    let expected = json!({ "Err": { "kind": "other", "message": "the keyring is locked",
        "caused-by": ["hint: open it"] } });
    assert_eq!(answered(&mut fake, &get("read")), expected);
    fake.no_agent = true;
    assert_eq!(answered(&mut fake, &get("read"))["Err"]["kind"], "other");
}

#[test]
fn an_index_that_readers_take_for_different_hosts_is_refused() {
    let mut fake = Fake {
        credential: Ok(of(None, Some("t"))),
        ..Fake::default()
    };
    let mut request = get("read");
    request["registry"]["index-url"] = json!("sparse+https://evil.example\\@h.example/index/");
    assert_eq!(answered(&mut fake, &request)["Err"]["kind"], "other");
    assert!(fake.calls.is_empty());
}

#[test]
fn what_is_refused() {
    for (credential, written) in [
        (of(None, Some("t\n{\"Ok\"")), "control character"),
        (
            Credential {
                origin: Some("https://evil.example".to_owned()),
                ..of(None, Some("s3cret"))
            },
            "is not one of my",
        ),
        (
            Credential {
                origin: None,
                ..of(None, Some("s3cret"))
            },
            "is not one of my",
        ),
    ] {
        let mut fake = Fake {
            credential: Ok(credential),
            ..Fake::default()
        };
        let answer = answered(&mut fake, &get("read"));
        assert_eq!(answer["Err"]["kind"], "other");
        let message = answer["Err"]["message"].as_str().unwrap();
        assert!(message.contains(written), "{message}");
        assert!(!message.contains("s3cret"));
    }
    // A rule keeps it back: another provider may have one.
    let mut fake = Fake {
        credential: Err(Failure::new(ErrorCode::InsecureTransport, "in the clear")),
        lines: [get("read").to_string()].into(),
        ..Fake::default()
    };
    let ran = said("cargo-credential-helper", &["--cargo-plugin"], &mut fake);
    assert!(fake.written.contains("not-found"), "{}", fake.written);
    assert_eq!(ran.err, "helper: in the clear\n");
}

#[test]
fn what_is_stored_for_a_host_is_not_for_an_index_there() {
    let unnamed = |username: Option<&str>| Credential {
        name: None,
        ..of(username, Some("s3cret"))
    };
    let listed = |url: &str, username: &str| Listed {
        url: Some(url.to_owned()),
        username: Some(username.to_owned()),
        ..Listed::default()
    };
    let index = "https://h.example/index/";
    for (credential, listing, found) in [
        (unnamed(Some("alice")), vec![], false),
        (unnamed(Some("alice")), vec![listed(INDEX, "alice")], false),
        (unnamed(None), vec![listed(INDEX, "__token__")], false),
        (
            unnamed(Some("__token__")),
            vec![listed("h.example", "__token__")],
            false,
        ),
        (
            unnamed(Some("__token__")),
            vec![listed(INDEX, "alice")],
            false,
        ),
        (
            unnamed(Some("__token__")),
            vec![listed(INDEX, "__token__")],
            true,
        ),
        (
            unnamed(Some("__token__")),
            vec![listed(index, "__token__")],
            true,
        ),
    ] {
        let mut fake = Fake {
            credential: Ok(credential),
            ..Fake::default()
        };
        fake.listing.credentials = listing;
        let answer = answered(&mut fake, &get("read"));
        assert_eq!(answer["Ok"]["token"] == "s3cret", found, "{answer}");
        assert_eq!(answer["Err"]["kind"] == "not-found", !found, "{answer}");
        let first = format!("get service={INDEX} operation=read");
        let second = format!("get service={INDEX} username=__token__ operation=read");
        assert_eq!(fake.calls[..2], [first, second]);
    }
}

#[test]
fn login_and_logout() {
    let mut fake = Fake::default();
    let mut login = kind("login");
    login["token"] = json!("t0ken");
    let done = |kind: &str| json!({ "Ok": { "kind": kind } });
    assert_eq!(answered(&mut fake, &login), done("login"));
    let set = format!("set service={INDEX} username=__token__ secret=t0ken");
    assert_eq!(fake.calls, [set.as_str()]);
    // Without a token a person is asked.
    let mut fake = Fake::with_input("t0ken\n");
    login["token"] = Value::Null;
    login["login-url"] = json!("https://h.example/me");
    assert_eq!(answered(&mut fake, &login), done("login"));
    assert_eq!(
        fake.calls,
        ["secret token for my (see https://h.example/me)", &set]
    );
    let mut fake = Fake::default();
    let answer = answered(&mut fake, &login);
    assert_eq!(answer["Err"]["message"], "the token for my is empty");
    // Nobody's secret is in the name of the place.
    let mut fake = Fake::with_input("t");
    login["registry"] = json!({ "index-url": "sparse+https://u:hunter2@h.example/" });
    answered(&mut fake, &login);
    assert!(
        fake.calls[0].contains("token for https://h.example/"),
        "{:?}",
        fake.calls
    );

    let mut fake = Fake::default();
    assert_eq!(answered(&mut fake, &kind("logout")), done("logout"));
    assert_eq!(
        fake.calls,
        [format!("delete service={INDEX} username=__token__")]
    );
    fake.changed = Err(not_found());
    let missing = json!({ "Err": { "kind": "not-found" } });
    assert_eq!(answered(&mut fake, &kind("logout")), missing);
    fake.changed = Err(Failure::new(ErrorCode::Locked, "the keyring is locked"));
    assert_eq!(answered(&mut fake, &kind("logout"))["Err"]["kind"], "other");
    fake.changed = Ok(Changed::default());
}

#[test]
fn the_beginning_and_the_end() {
    let mut fake = Fake::default();
    let ran = said("cargo-credential-helper", &["--cargo-plugin"], &mut fake);
    assert_eq!((ran.status, fake.written.as_str()), (0, "{\"v\":[1]}\n"));
    let ran = said("cargo-credential-helper", &[], &mut fake);
    assert_eq!(ran.status, 2);
    for line in [
        "hunter2",
        "{",
        "[]",
        "",
        r#"{"v":1,"kind":["hunter2"]}"#,
        r#"{"v":2,"kind":"get"}"#,
    ] {
        let answer = cargo(&mut fake, line);
        assert!(answer.contains("\"kind\":\"other\""), "{answer}");
        assert!(!answer.contains("hunter2"));
    }
    assert!(fake.calls.is_empty());
}

proptest! {
    #[test]
    fn anything_may_come(line in "\\PC*|[ -~\\r\\x00]{0,80}|\\{\"v\":1,\"(kind|token|registry)\":\"[^\"\\n]{0,9}\"\\}") {
        let secret = "unguessable-7f3a";
        let answer = cargo(&mut Fake::default(), &format!("{line}{secret}"));
        prop_assert!(!answer.contains(secret));
        prop_assert!(!answer.chars().any(char::is_control));
        prop_assert!(serde_json::from_str::<Value>(&answer).is_ok());
    }

    #[test]
    fn no_control_character_goes_out(username in "\\PC*|[ -~\\n\\r\\x1b]{0,20}", password in "\\PC*|[ -~\\n\\x00]{0,20}") {
        let mut fake = Fake { credential: Ok(of(Some(&username), Some(&password))), ..Fake::default() };
        let answer = answered(&mut fake, &get("read"));
        if let Some(token) = answer["Ok"]["token"].as_str() {
            prop_assert!(!token.chars().any(char::is_control));
        }
    }
}
