use credential_helper_protocol::{Credential, ErrorCode, Failure, Listed, Scheme, Secret, Skipped};
use proptest::prelude::*;

use crate::bridge::fake::{Fake, Ran, said};

fn of(username: Option<&str>, password: Option<&str>) -> Credential {
    Credential {
        username: username.map(str::to_owned),
        password: password.map(Secret::from),
        origin: Some("https://h.example:5000".to_owned()),
        provider: "secret-service".to_owned(),
        location: "h.example:5000".to_owned(),
        ..Credential::default()
    }
}

fn alice() -> Credential {
    of(Some("alice"), Some("s3cret"))
}

fn not_found() -> Failure {
    Failure::new(ErrorCode::NotFound, "nothing is stored")
}

fn docker(fake: &mut Fake, action: &str) -> Ran {
    said("docker-credential-helper", &[action], fake)
}

fn asked(action: &str, input: &str, credential: Result<Credential, Failure>) -> (Ran, Vec<String>) {
    let mut fake = Fake::with_input(input);
    fake.credential = credential;
    (docker(&mut fake, action), fake.calls)
}

fn says(status: u8, out: &str) -> Ran {
    Ran {
        status,
        out: out.to_owned(),
        err: String::new(),
    }
}

const MISSING: &str = "credentials not found in native keychain\n";

#[test]
fn get() {
    for input in ["h.example:5000", " h.example:5000\n"] {
        let (ran, calls) = asked("get", input, Ok(alice()));
        let object = r#"{"ServerURL":"h.example:5000","Username":"alice","Secret":"s3cret"}"#;
        assert_eq!(ran, says(0, &format!("{object}\n")));
        assert_eq!(calls, ["get service=h.example:5000"]);
    }
    let hub = Credential {
        origin: Some("https://index.docker.io".to_owned()),
        ..of(Some("<token>"), Some("t"))
    };
    let (ran, calls) = asked("get", "https://index.docker.io/v1/", Ok(hub));
    let object = r#"{"ServerURL":"https://index.docker.io/v1/","Username":"<token>","Secret":"t"}"#;
    assert_eq!(ran, says(0, &format!("{object}\n")));
    assert_eq!(calls, ["get service=https://index.docker.io/v1/"]);
    // An entry under exactly this text.
    let exact = Credential {
        origin: None,
        ..alice()
    };
    assert_eq!(asked("get", "registry/team", Ok(exact)).0.status, 0);
}

/// `docker pull poetry-repository-example.org/x`: a name leads nowhere, a host of that name somewhere.
#[test]
fn a_host_that_is_called_like_a_repository_gets_nothing() {
    for (origin, name) in [
        (None, "example.org"),
        (Some("https://example.org"), "example.org"),
    ] {
        for action in ["get", "erase"] {
            let credential = Credential {
                origin: origin.map(str::to_owned),
                name: Some(name.to_owned()),
                ..alice()
            };
            let (ran, calls) = asked(action, "poetry-repository-example.org", Ok(credential));
            assert!(!ran.out.contains("s3cret"), "{}", ran.out);
            assert_eq!(calls, ["get service=poetry-repository-example.org"]);
        }
    }
}

#[test]
fn get_without_an_answer() {
    let bearer = Credential {
        scheme: Scheme::Bearer,
        ..alice()
    };
    for credential in [
        Err(not_found()),
        Ok(of(None, Some("s"))),
        Ok(of(Some("u"), None)),
        Ok(bearer),
    ] {
        let (ran, _) = asked("get", "h.example:5000", credential);
        assert_eq!(ran, says(1, MISSING));
    }
    // A rule keeps it back: docker goes on without.
    let refused = Failure::new(ErrorCode::InsecureTransport, "in the clear");
    let (ran, _) = asked("get", "h.example:5000", Err(refused));
    let told = "helper: in the clear\n";
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (1, MISSING, told)
    );
    let locked = Failure::new(ErrorCode::Locked, "the keyring is locked").hint("open it");
    let (ran, _) = asked("get", "h.example:5000", Err(locked));
    assert_eq!(ran, says(1, "the keyring is locked; open it\n"));
    for origin in ["https://evil.example:5000", "https://h.example"] {
        let elsewhere = Credential {
            origin: Some(origin.to_owned()),
            ..alice()
        };
        let (ran, _) = asked("get", "h.example:5000", Ok(elsewhere));
        assert_eq!(ran.status, 1);
        assert!(!ran.out.contains("s3cret"), "{}", ran.out);
    }
}

#[test]
fn input_that_is_none() {
    for (action, input, expected) in [
        ("get", "", "no credentials server URL\n"),
        ("get", " \n", "no credentials server URL\n"),
        ("erase", "", "no credentials server URL\n"),
        (
            "store",
            r#"{"Username":"u","Secret":"s"}"#,
            "no credentials server URL\n",
        ),
        (
            "store",
            r#"{"ServerURL":"h","Username":"","Secret":"s"}"#,
            "no credentials username\n",
        ),
    ] {
        let (ran, calls) = asked(action, input, Ok(alice()));
        assert_eq!(ran, says(1, expected));
        assert!(calls.is_empty());
    }
    for (action, input) in [
        ("get", "h\nevil"),
        ("get", "h\u{1b}[2J"),
        ("erase", "h\0"),
        ("store", "hunter2"),
        ("store", r#"["hunter2"]"#),
        (
            "store",
            r#"{"ServerURL":"h","Username":"u","Secret":["hunter2"]}"#,
        ),
        (
            "store",
            r#"{"ServerURL":"h","Username":"u\n","Secret":"hunter2"}"#,
        ),
        (
            "store",
            r#"{"ServerURL":"h\r","Username":"u","Secret":"hunter2"}"#,
        ),
        ("forget", "h"),
        ("", ""),
    ] {
        let (ran, calls) = asked(action, input, Ok(alice()));
        assert_eq!((ran.status, ran.out.lines().count()), (1, 1), "{}", ran.out);
        assert!(!ran.out.contains("hunter2") && ran.err.is_empty());
        assert!(calls.is_empty(), "{calls:?}");
    }
    let ran = said(
        "docker-credential-helper",
        &["get", "x"],
        &mut Fake::default(),
    );
    assert_eq!(ran.status, 1);
}

const STORE: &str =
    "{\"ServerURL\":\"h.example:5000\",\"Username\":\"alice\",\"Secret\":\"s3cret\"}\n";
const ASKED: &str = "get service=h.example:5000";
const SET: &str = "set service=h.example:5000 username=alice secret=s3cret";

#[test]
fn store() {
    let made = Credential {
        provider: "command".to_owned(),
        ..of(Some("alice"), Some("another"))
    };
    for (credential, stores) in [
        (Err(not_found()), true),
        (Ok(of(Some("alice"), Some("another"))), true),
        (Ok(alice()), false),
        (Ok(made), false),
    ] {
        let (ran, calls) = asked("store", STORE, credential);
        assert_eq!(ran, says(0, ""));
        let expected: &[&str] = if stores { &[ASKED, SET] } else { &[ASKED] };
        assert_eq!(calls, expected);
    }
    // Docker knows one account of a server.
    let (_, calls) = asked("store", STORE, Ok(of(Some("bob"), Some("s3cret"))));
    let delete = "delete service=h.example:5000 username=bob";
    assert_eq!(calls, [ASKED, SET, delete]);
    let mut fake = Fake::with_input(STORE);
    fake.changed = Err(Failure::new(ErrorCode::Locked, "the keyring is locked"));
    assert_eq!(
        docker(&mut fake, "store"),
        says(1, "the keyring is locked\n")
    );
}

#[test]
fn erase() {
    let (ran, calls) = asked("erase", "h.example:5000", Err(not_found()));
    assert_eq!(ran, says(0, ""));
    assert_eq!(calls, [ASKED]);
    // The fake never runs out: a store that gives back what was erased does not keep us for ever.
    let (ran, calls) = asked("erase", "h.example:5000", Ok(alice()));
    assert_eq!(ran, says(0, ""));
    assert_eq!(calls.len(), 16);
    assert_eq!(calls[1], "delete service=h.example:5000 username=alice");
    let mut fake = Fake::with_input("h.example:5000");
    fake.credential = Ok(Credential {
        name: Some("foo".to_owned()),
        ..alice()
    });
    fake.changed = Err(not_found());
    let ran = docker(&mut fake, "erase");
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("not stored by docker"), "{}", ran.out);
    assert!(ran.out.contains("`helper delete foo`"), "{}", ran.out);
    let locked = Failure::new(ErrorCode::Locked, "the keyring is locked");
    let (ran, _) = asked("erase", "h.example:5000", Err(locked));
    assert_eq!(ran, says(1, "the keyring is locked\n"));
}

#[test]
fn list_and_version() {
    let mut fake = Fake::with_input("unused");
    assert_eq!(docker(&mut fake, "list"), says(0, "{}\n"));
    let listed = |name: Option<&str>, url: Option<&str>, username: Option<&str>| Listed {
        name: name.map(str::to_owned),
        url: url.map(str::to_owned),
        username: username.map(str::to_owned),
        ..Listed::default()
    };
    fake.listing.credentials = vec![
        listed(None, Some("https://index.docker.io/v1/"), Some("alice")),
        listed(None, Some("h:5000"), Some("bob")),
        listed(None, Some("h:5000"), Some("second")),
        listed(
            Some("foo"),
            Some("https://pypi.example/simple/"),
            Some("carol"),
        ),
        listed(None, Some("https://pypi.example/simple/"), Some("erin")),
        listed(None, Some("https://git.example"), Some("frank")),
        listed(None, None, Some("dave")),
        listed(None, Some("h2"), None),
    ];
    let ran = docker(&mut fake, "list");
    let object = r#"{"h:5000":"bob","https://index.docker.io/v1/":"alice"}"#;
    assert_eq!(ran, says(0, &format!("{object}\n")));
    fake.listing.skipped = vec![Skipped {
        provider: "secret-service".to_owned(),
        reason: "is locked".to_owned(),
    }];
    let ran = docker(&mut fake, "list");
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (0, "helper: warning: secret-service: is locked\n")
    );
    let ran = docker(&mut fake, "version");
    assert!(
        ran.out
            .starts_with("docker-credential-helper (credential-helper) ")
    );
}

proptest! {
    #[test]
    fn anything_may_come(input in "\\PC*|[ -~\\n\\r\\x00]{0,80}|\\{\"(ServerURL|Username|Secret)\":\"[^\"]{0,9}\"\\}", action in "get|store|erase") {
        let secret = "unguessable-7f3a";
        let (ran, _) = asked(&action, &format!("{input}{secret}"), Err(not_found()));
        prop_assert!(!ran.out.contains(secret) && !ran.err.contains(secret));
        prop_assert!(!ran.out.chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn what_goes_out_is_read_back(username in "\\PC+", password in "\\PC*") {
        let (ran, _) = asked("get", "h.example:5000", Ok(of(Some(&username), Some(&password))));
        let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        prop_assert_eq!(value["Username"].as_str(), Some(username.as_str()));
        prop_assert_eq!(value["Secret"].as_str(), Some(password.as_str()));
    }
}
