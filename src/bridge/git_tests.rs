use credential_helper_protocol::{Changed, Credential, ErrorCode, Failure, Scheme, Secret};
use proptest::prelude::*;

use crate::bridge::fake::{Fake, Ran, said};

fn of(username: Option<&str>, password: Option<&str>) -> Credential {
    Credential {
        username: username.map(str::to_owned),
        password: password.map(Secret::from),
        origin: Some("https://h.example".to_owned()),
        provider: "secret-service".to_owned(),
        location: "https://h.example".to_owned(),
        ..Credential::default()
    }
}

fn alice() -> Credential {
    of(Some("alice"), Some("s3cret"))
}

fn token(expires: Option<&str>) -> Credential {
    Credential {
        scheme: Scheme::Bearer,
        expires: expires.map(str::to_owned),
        ..of(None, Some("t0ken"))
    }
}

fn git(
    operation: &str,
    input: &str,
    credential: Result<Credential, Failure>,
) -> (Ran, Vec<String>) {
    let mut fake = Fake::with_input(input);
    fake.credential = credential;
    let ran = said("git-credential-helper", &[operation], &mut fake);
    (ran, fake.calls)
}

fn silent() -> Ran {
    Ran {
        status: 0,
        out: String::new(),
        err: String::new(),
    }
}

fn not_found() -> Failure {
    Failure::new(ErrorCode::NotFound, "nothing is stored")
}

const HERE: &str = "protocol=https\nhost=h.example\n";

#[test]
fn what_is_asked() {
    for (input, expected) in [
        ("", "service=https://h.example"),
        ("path=a/b.git\n", "service=https://h.example/a/b.git"),
        ("path=\n", "service=https://h.example"),
        (
            "username=alice\n",
            "service=https://h.example username=alice",
        ),
        ("username=\n", "service=https://h.example"),
        // What was decoded is encoded again; a query is none.
        (
            "path=a b/%/?x#y\\ä\n",
            "service=https://h.example/a%20b/%25/%3Fx%23y%5C%C3%A4",
        ),
        ("unknown=1\nstate[]=x:1\n", "service=https://h.example"),
        ("wwwauth[]=Basic\trealm=x\n", "service=https://h.example"),
        // An empty line ends it.
        ("\npath=a\n", "service=https://h.example"),
    ] {
        let (ran, calls) = git("get", &format!("{HERE}{input}"), Err(not_found()));
        assert_eq!(ran, silent(), "{input}");
        assert_eq!(calls, [format!("get {expected}")], "{input}");
    }
    let (_, calls) = git("get", "protocol=http\nhost=[::1]:8080", Err(not_found()));
    assert_eq!(calls, ["get service=http://[::1]:8080"]);
}

#[test]
fn what_is_answered() {
    let announced = "capability[]=authtype\ncapability[]=state\n";
    let expires = Some("2030-01-01T00:00:00Z");
    let until = Credential {
        expires: expires.map(str::to_owned),
        ..alice()
    };
    for (input, credential, expected) in [
        ("", alice(), "username=alice\npassword=s3cret\n"),
        (announced, alice(), "username=alice\npassword=s3cret\n"),
        (
            "",
            until,
            "username=alice\npassword=s3cret\npassword_expiry_utc=1893456000\n",
        ),
        // Poetry's empty username; git wants both.
        ("", of(None, Some("p")), "username=\npassword=p\n"),
        (
            "username=bob\n",
            of(None, Some("p")),
            "username=bob\npassword=p\n",
        ),
        // A username alone: git goes on with it.
        ("", of(Some("alice"), None), "username=alice\n"),
        ("", of(None, None), ""),
        // Only who announced it can be told of a bearer token.
        ("", token(None), ""),
        ("capability[]=state\n", token(None), ""),
        ("capability[]=authtype\ncapability[]=\n", token(None), ""),
        (
            announced,
            token(None),
            "capability[]=authtype\nauthtype=Bearer\ncredential=t0ken\n",
        ),
        (
            announced,
            token(expires),
            "capability[]=authtype\nauthtype=Bearer\ncredential=t0ken\nephemeral=1\n\
             password_expiry_utc=1893456000\n",
        ),
    ] {
        let (ran, _) = git("get", &format!("{HERE}{input}"), Ok(credential));
        let expected = Ran {
            out: expected.to_owned(),
            ..silent()
        };
        assert_eq!(ran, expected, "{input}");
    }
}

#[test]
fn operations() {
    let (ran, calls) = git("capability", "", Err(not_found()));
    assert_eq!(ran.out, "version 0\ncapability authtype\n");
    assert_eq!((ran.status, calls.len()), (0, 0));
    let (ran, calls) = git("later", HERE, Ok(alice()));
    assert_eq!((ran, calls.len()), (silent(), 0));
    let mut fake = Fake::with_input(HERE);
    assert_eq!(said("git-credential-helper", &[], &mut fake).status, 2);
    // The user's own arguments stand before the operation.
    fake.credential = Ok(alice());
    let ran = said("git-credential-helper", &["--x", "get"], &mut fake);
    assert_eq!(ran.out, "username=alice\npassword=s3cret\n");
}

#[test]
fn what_is_no_business_of_ours() {
    for input in [
        "",
        "\n",
        "protocol=https\n",
        "host=h\n",
        "protocol=ssh\nhost=h\n",
        "protocol=cert\nhost=\npath=/x\n",
        "protocol=smtp\nhost=h:25\nusername=a\npassword=p\n",
    ] {
        for operation in ["get", "store", "erase"] {
            let (ran, calls) = git(operation, input, Ok(alice()));
            assert_eq!((ran, calls.len()), (silent(), 0), "{operation} {input}");
        }
    }
}

#[test]
fn what_git_would_never_say() {
    let long = format!("{HERE}path={}\n", "a".repeat(65_531));
    for input in [
        "protocol=https\nhost=h\r\n",
        "protocol=https\nhost=h\nusername=a\rb\n",
        "protocol=https\nhost=h\npassword=hunter2\0\n",
        "protocol=https\nhost=h\npath=a\u{1b}[2J\n",
        "protocol=https\nhost=h\nother=\u{85}\n",
        "protocol=https\nhost=h\nhunter2\n",
        "protocol=https\nhost=evil\nhost=h\n",
        "protocol=https\nhost=h/evil\n",
        "protocol=https\nhost=user@h\n",
        "protocol=https\nhost=h?x\n",
        "protocol=https\nhost=h#x\n",
        "protocol=https\nhost=h\\x\n",
        "protocol=https\nhost=h%2fx\n",
        "protocol=https\nhost=h x\n",
        "protocol=https\nhost=\n",
        "protocol=https\nhost=:80\n",
        &long,
    ] {
        for operation in ["get", "store", "erase"] {
            let (ran, calls) = git(operation, input, Ok(alice()));
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{input:?}");
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
            assert!(!ran.err.contains("hunter2") && !ran.err.contains("evil"));
            assert!(calls.is_empty(), "{input:?}");
        }
    }
}

#[test]
fn what_came_back_is_held_against_the_question() {
    let elsewhere = |origin: Option<&str>| Credential {
        origin: origin.map(str::to_owned),
        ..alice()
    };
    for (input, credential) in [
        (HERE, elsewhere(None)),
        (HERE, elsewhere(Some("http://h.example"))),
        (HERE, elsewhere(Some("https://h.example:8443"))),
        (HERE, elsewhere(Some("https://evil.example"))),
        ("protocol=https\nhost=h.example\nusername=bob\n", alice()),
    ] {
        let (ran, _) = git("get", input, Ok(credential.clone()));
        assert_eq!((ran.status, ran.out.as_str()), (4, ""), "{input}");
        assert!(!ran.err.contains("s3cret"), "{}", ran.err);
        let (ran, calls) = git(
            "erase",
            &format!("{input}password=s3cret\n"),
            Ok(credential),
        );
        assert_eq!((ran, calls.len()), (silent(), 1));
    }
    // The same place in other words.
    let input = "protocol=https\nhost=H.Example:443\n";
    assert_eq!(git("get", input, Ok(alice())).0.out.lines().count(), 2);
}

#[test]
fn no_control_character_goes_out() {
    for credential in [
        of(Some("a\nhost=evil"), Some("p")),
        of(Some("a"), Some("p\rq")),
        of(Some("a"), Some("p\0")),
        of(Some("a"), Some(&"p".repeat(70_000))),
    ] {
        let (ran, _) = git("get", HERE, Ok(credential));
        assert_eq!((ran.status, ran.out.as_str()), (3, ""));
    }
}

#[test]
fn errors_are_one_line_and_git_goes_on() {
    for (code, status) in [
        (ErrorCode::Locked, 3),
        (ErrorCode::Unavailable, 3),
        (ErrorCode::TimedOut, 3),
        (ErrorCode::Rejected, 5),
        // Refused by a rule: a miss that is told.
        (ErrorCode::OriginChanged, 0),
        (ErrorCode::InsecureTransport, 0),
        (ErrorCode::Policy, 0),
    ] {
        let (ran, _) = git("get", HERE, Err(Failure::new(code, "it is so")));
        let expected = Ran {
            status,
            out: String::new(),
            err: "helper: it is so\n".to_owned(),
        };
        assert_eq!(ran, expected);
    }
}

const STORE: &str = "protocol=https\nhost=h.example\npath=a\nusername=alice\npassword=s3cret\n";
const ASKED: &str = "get service=https://h.example/a username=alice";
const SET: &str = "set service=https://h.example/a username=alice secret=s3cret";

#[test]
fn what_is_stored() {
    let made = Credential {
        provider: "command".to_owned(),
        ..of(Some("alice"), Some("another"))
    };
    let ending = Credential {
        expires: Some("2030-01-01T00:00:00Z".to_owned()),
        ..of(Some("alice"), Some("another"))
    };
    let locked = Failure::new(ErrorCode::Locked, "the keyring is locked");
    for (credential, stores) in [
        (Err(not_found()), true),
        (Err(locked), true),
        (Ok(of(Some("alice"), Some("another"))), true),
        (Ok(of(Some("alice"), None)), true),
        // Here already.
        (Ok(alice()), false),
        // A new one each time: what was given before is not the user's.
        (Ok(made), false),
        (Ok(ending), false),
    ] {
        let (ran, calls) = git("store", STORE, credential);
        assert_eq!(ran, silent());
        let expected: &[&str] = if stores { &[ASKED, SET] } else { &[ASKED] };
        assert_eq!(calls, expected);
    }
}

#[test]
fn what_is_not_stored() {
    for input in [
        "protocol=https\nhost=h.example\npassword=p\n".to_owned(),
        "protocol=https\nhost=h.example\nusername=a\n".to_owned(),
        "protocol=https\nhost=h.example\nusername=a\npassword=\n".to_owned(),
        format!("{STORE}password_expiry_utc=1893456000\n"),
        format!("{STORE}password_expiry_utc=1\n"),
        format!("{STORE}ephemeral=1\n"),
        format!("{STORE}authtype=Basic\ncredential=YTpi\n"),
    ] {
        let (ran, calls) = git("store", &input, Err(not_found()));
        assert_eq!((ran, calls.len()), (silent(), 0), "{input}");
    }
}

#[test]
fn what_cannot_be_stored_is_told() {
    let mut fake = Fake::with_input(STORE);
    fake.changed = Err(Failure::new(ErrorCode::Locked, "the keyring is locked"));
    let ran = said("git-credential-helper", &["store"], &mut fake);
    let err = "helper: the keyring is locked\n";
    assert_eq!((ran.status, ran.err.as_str()), (3, err));
    fake.changed = Ok(Changed {
        warnings: vec!["something still hides it".to_owned()],
        ..Changed::default()
    });
    let ran = said("git-credential-helper", &["store"], &mut fake);
    let err = "helper: warning: something still hides it\n";
    assert_eq!((ran.status, ran.err.as_str()), (0, err));
}

#[test]
fn what_was_refused_is_reported_and_stays_stored() {
    let report = "report service=https://h.example/a username=alice outcome=unauthorized";
    let (ran, calls) = git("erase", STORE, Ok(alice()));
    assert_eq!(calls, [ASKED, report]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(ran.err.contains("refused") && !ran.err.contains("s3cret"));
    let named = Credential {
        name: Some("foo".to_owned()),
        ..alice()
    };
    let (ran, _) = git("erase", STORE, Ok(named));
    assert!(ran.err.contains("`helper set foo alice`"), "{}", ran.err);
    // Without a password everything of the place is meant.
    let (_, calls) = git("erase", HERE, Ok(alice()));
    assert_eq!(calls.len(), 2);
    // Never ours: typed, or another helper's.
    for credential in [
        Ok(of(Some("alice"), Some("another"))),
        Err(not_found()),
        Err(Failure::new(ErrorCode::Rejected, "held back")),
        Err(Failure::new(ErrorCode::Locked, "locked")),
    ] {
        let (ran, calls) = git("erase", STORE, credential);
        assert_eq!(ran, silent());
        assert_eq!(calls, [ASKED]);
    }
}

proptest! {
    #[test]
    fn anything_may_come(input in "\\PC*|[a-z=\\n\\r\\x00\\[\\]]{0,200}|(protocol=https\\nhost=h.example\\n)?([a-z\\[\\]]{0,12}=[^\\n]{0,20}\\n){0,6}", operation in "get|store|erase") {
        let secret = "unguessable-7f3a";
        let input = format!("{input}\nx={secret}");
        let (ran, _) = git(&operation, &input, Ok(alice()));
        prop_assert!(!ran.err.contains(secret));
        prop_assert!(!ran.out.chars().any(|c| c.is_control() && c != '\n'));
        for line in ran.out.lines() {
            prop_assert!(line.contains('='));
        }
    }

    #[test]
    fn what_goes_out_is_one_line_each(username in "\\PC*|[ -~\\n\\r\\t\\x00\\x1b]{0,40}", password in "\\PC*|[ -~\\n\\r\\x7f]{0,40}") {
        let (ran, _) = git("get", HERE, Ok(of(Some(&username), Some(&password))));
        let control = username.chars().chain(password.chars()).any(char::is_control);
        if control {
            prop_assert_eq!((ran.status, ran.out.as_str()), (3, ""));
        } else {
            prop_assert_eq!(ran.out, format!("username={username}\npassword={password}\n"));
        }
    }

    #[test]
    fn a_path_stays_within_its_host(path in "[^\\n]{0,60}") {
        let (_, calls) = git("get", &format!("{HERE}path={path}\n"), Err(not_found()));
        for call in calls {
            let url = call.strip_prefix("get service=").unwrap_or_default();
            let rest = url.strip_prefix("https://h.example").unwrap_or("?");
            prop_assert!(rest.is_empty() || rest.starts_with('/'));
            prop_assert!(!rest.contains(['?', '#', '\\', ' ']));
        }
    }
}
