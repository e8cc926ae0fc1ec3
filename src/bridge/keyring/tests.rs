use std::ffi::{OsStr, OsString};

use credential_helper_protocol::{
    Changed, Credential, ErrorCode, Failure, Place, Scheme, Secret, limits,
};

use crate::bridge::fake::{Fake, Ran, said};
use crate::bridge::{Bridge, Trouble};

fn alice() -> Credential {
    Credential {
        username: Some("alice".to_owned()),
        password: Some(Secret::from("s3cret")),
        provider: "auth.toml".to_owned(),
        ..Credential::default()
    }
}

fn holding(credential: Credential) -> Fake {
    Fake {
        credential: Ok(credential),
        ..Fake::default()
    }
}

/// Words are split at blanks; `''` is an empty one.
fn run(line: &str, fake: &mut Fake) -> Ran {
    let words = line
        .split_whitespace()
        .map(|word| if word == "''" { "" } else { word });
    said("keyring", &words.collect::<Vec<_>>(), fake)
}

fn ran(status: u8, out: &str, err: &str) -> Ran {
    Ran {
        status,
        out: out.to_owned(),
        err: err.to_owned(),
    }
}

#[test]
fn every_dialect() {
    let plain = "s3cret\n";
    let lines = "alice\ns3cret\n";
    let object = "{\"username\": \"alice\", \"password\": \"s3cret\"}\n";
    for (line, asked, out) in [
        // pip from 26.2 on, pipenv and pipx with it.
        (
            "--mode=creds --output=json get https://h/simple/",
            "get service=https://h/simple/",
            object,
        ),
        (
            "--mode=creds --output=json get h:8443 alice",
            "get service=h:8443 username=alice",
            object,
        ),
        // pip from 23.1 on; uv and pixi with a username; uv publish.
        (
            "get https://h/simple alice",
            "get service=https://h/simple username=alice",
            plain,
        ),
        // uv with `authenticate = "always"`.
        (
            "get http://h:8080 --mode creds",
            "get service=http://h:8080",
            lines,
        ),
        // PDM.
        (
            "--mode=creds get pdm-pypi-foo ''",
            "get service=pdm-pypi-foo",
            lines,
        ),
        (
            "--mode=password get pdm-repository-foo alice",
            "get service=pdm-repository-foo username=alice",
            plain,
        ),
        // A person.
        (
            "get --output json s alice",
            "get service=s username=alice",
            "{\"password\": \"s3cret\"}\n",
        ),
        (
            "--mo=creds --o json --keyring-b some.Backend -p/x -b y get s",
            "get service=s",
            object,
        ),
        ("get -- s alice", "get service=s username=alice", plain),
        ("get s ''", "get service=s", plain),
    ] {
        let mut fake = holding(alice());
        assert_eq!(run(line, &mut fake), ran(0, out, ""), "{line}");
        assert_eq!(fake.calls, [asked], "{line}");
    }
}

#[test]
fn a_miss_is_silent() {
    let nothing = ran(1, "", "");
    for line in [
        "get s alice",
        "get s --mode creds",
        "--output=json get s alice",
    ] {
        assert_eq!(run(line, &mut Fake::default()), nothing, "{line}");
    }
    // What is no answer to the question is none.
    let only_username = Credential {
        password: None,
        ..alice()
    };
    let no_username = Credential {
        username: None,
        ..alice()
    };
    for (line, credential) in [
        ("get s alice", only_username.clone()),
        ("get s --mode creds", only_username),
        ("get s bob", alice()),
        ("get s Alice", alice()),
        ("get s pypi_token:project:x", alice()),
        ("get s __token__", alice()),
        ("get s __poetry_source_empty_username__", alice()),
        ("--mode creds get s bob", alice()),
        ("get s bob", no_username),
    ] {
        let mut fake = holding(credential);
        assert_eq!(run(line, &mut fake), nothing, "{line}");
        assert_eq!(fake.calls.len(), 1, "{line}");
    }
}

#[test]
fn the_empty_username_has_a_name() {
    for username in [None, Some(""), Some("__poetry_source_empty_username__")] {
        let mut fake = holding(Credential {
            username: username.map(str::to_owned),
            ..alice()
        });
        let ran = run("get s __poetry_source_empty_username__", &mut fake);
        assert_eq!((ran.status, ran.out.as_str()), (0, "s3cret\n"));
    }
}

#[test]
fn what_could_not_be_asked_is_one_line_and_a_hint() {
    for code in [
        ErrorCode::Usage,
        ErrorCode::Locked,
        ErrorCode::Unavailable,
        ErrorCode::TimedOut,
        ErrorCode::Malformed,
        ErrorCode::OriginChanged,
        ErrorCode::Policy,
        ErrorCode::InsecureTransport,
        ErrorCode::Rejected,
        ErrorCode::Internal,
    ] {
        let failure = Failure::new(code, "the keyring is locked").hint("run `helper agent unlock`");
        let expected = ran(
            1,
            "",
            "helper: the keyring is locked\nhint: run `helper agent unlock`\n",
        );
        let mut fake = Fake {
            credential: Err(failure.clone()),
            changed: Err(failure),
            ..Fake::with_input("pw\n")
        };
        for line in ["get s u", "get s --mode=creds", "set s u", "del s u"] {
            assert_eq!(run(line, &mut fake), expected, "{line}");
        }
    }
}

#[test]
fn without_an_agent_the_next_one_is_asked() {
    for line in ["get s u", "set s u", "del s u"] {
        let mut fake = Fake {
            no_agent: true,
            ..Fake::with_input("pw")
        };
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let bridge = Bridge::called(OsStr::new("keyring")).unwrap();
        let said = bridge.run(&arguments, &mut fake);
        assert!(
            bridge.next && matches!(said, Err(Trouble::NoAgent(_))),
            "{line}"
        );
    }
}

#[test]
fn json_as_python_writes_it() {
    let object = |username: &str, password: &str| {
        let mut fake = holding(Credential {
            username: Some(username.to_owned()),
            password: Some(Secret::from(password)),
            ..Credential::default()
        });
        run("--mode=creds --output=json get s", &mut fake).out
    };
    assert_eq!(
        object("\u{e4}\u{20ac}\u{1f511}", "a\"\\/<~\u{7f}"),
        "{\"username\": \"\\u00e4\\u20ac\\ud83d\\udd11\", \"password\": \"a\\\"\\\\/<~\\u007f\"}\n"
    );
    assert_eq!(
        object("", "\r\n\t\u{8}\u{c}\0\u{1b}\u{2028}"),
        "{\"username\": \"\", \"password\": \"\\r\\n\\t\\b\\f\\u0000\\u001b\\u2028\"}\n"
    );
}

#[test]
fn what_is_no_line_is_not_printed_as_one() {
    for value in [
        "hunter2\n",
        "hun\rter2",
        "hunter2\0",
        "\u{1b}[2Jhunter2",
        "hun\u{2028}ter2",
    ] {
        let secret = Credential {
            password: Some(Secret::from(value)),
            ..alice()
        };
        let username = Credential {
            username: Some(value.to_owned()),
            ..alice()
        };
        for (line, credential) in [
            ("get s alice", &secret),
            ("get s --mode creds", &secret),
            ("get s --mode creds", &username),
        ] {
            let ran = run(line, &mut holding(credential.clone()));
            assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{value:?}");
            assert!(ran.err.contains("control character"), "{}", ran.err);
            assert!(!ran.err.contains("ter2"), "{}", ran.err);
        }
    }
}

#[test]
fn without_a_username() {
    let credential = Credential {
        username: None,
        ..alice()
    };
    let mut fake = holding(credential);
    assert_eq!(
        run("--mode=creds --output=json get s", &mut fake).out,
        "{\"username\": \"\", \"password\": \"s3cret\"}\n"
    );
    // uv reads the first two lines, whatever they hold.
    assert_eq!(run("get s --mode creds", &mut fake).out, "\ns3cret\n");
    // PDM takes the empty line off, and then gives the keyring up for the rest of its run.
    let for_pdm = run("--mode=creds get s ''", &mut fake);
    assert_eq!((for_pdm.status, for_pdm.out.as_str()), (1, ""));
    assert!(
        for_pdm.err.contains("two lines are wanted"),
        "{}",
        for_pdm.err
    );
    // A bearer token with a Basic header would be something else.
    let mut fake = holding(Credential {
        username: None,
        scheme: Scheme::Bearer,
        ..alice()
    });
    for line in ["--mode=creds --output=json get s", "get s --mode creds"] {
        let ran = run(line, &mut fake);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{line}");
        assert!(ran.err.contains("bearer token") && !ran.err.contains("s3cret"));
    }
    assert_eq!(run("get s ''", &mut fake).out, "s3cret\n");
}

#[test]
fn warnings_are_for_people() {
    let mut fake = holding(Credential {
        warnings: vec!["halves from two places".to_owned()],
        ..alice()
    });
    assert_eq!(
        run("get s alice", &mut fake),
        ran(0, "s3cret\n", "helper: warning: halves from two places\n")
    );
}

#[test]
fn set_and_del() {
    let place = Place {
        provider: "secret-service".to_owned(),
        location: "login".to_owned(),
    };
    let done = Changed {
        stored: vec![place.clone()],
        removed: vec![place],
        ..Changed::default()
    };
    for (line, calls) in [
        (
            "set https://h/ alice",
            &[
                "secret Password for 'alice' in 'https://h/'",
                "set service=https://h/ username=alice secret=pw",
            ][..],
        ),
        (
            "del https://h/ alice",
            &["delete service=https://h/ username=alice"],
        ),
        (
            "--mode creds del s alice",
            &["delete service=s username=alice"],
        ),
        ("del s ''", &["delete service=s username="]),
    ] {
        let mut fake = Fake {
            changed: Ok(done.clone()),
            ..Fake::with_input("pw\n")
        };
        assert_eq!(run(line, &mut fake), ran(0, "", ""), "{line}");
        assert_eq!(fake.calls, calls, "{line}");
    }
    let mut fake = Fake {
        changed: Ok(Changed {
            left: vec![Place {
                provider: "auth.toml".to_owned(),
                location: "/a/auth.toml".to_owned(),
            }],
            ..Changed::default()
        }),
        ..Fake::with_input("pw")
    };
    assert_eq!(
        run("set s u", &mut fake).err,
        "helper: warning: auth.toml (/a/auth.toml) still answers and was left alone\n"
    );
    let mut fake = Fake {
        changed: Err(Failure::new(ErrorCode::NotFound, "nothing is stored")),
        ..Fake::default()
    };
    assert_eq!(
        run("del s u", &mut fake),
        ran(1, "", "helper: nothing is stored\n")
    );
    let mut fake = Fake::with_input("\n");
    let empty = run("set s u", &mut fake);
    assert_eq!((empty.status, fake.calls.len()), (1, 1), "{}", empty.err);
    let gone = run("del s u", &mut Fake::default());
    assert_eq!((gone.status, gone.out.as_str()), (1, ""));
    assert_eq!(
        gone.err,
        "helper: could not remove a password: the service holds no such account\n"
    );
}

#[test]
fn what_is_too_long_or_no_text_is_not_asked() {
    let long = |length| OsString::from("x".repeat(length));
    #[cfg(unix)]
    let no_text: OsString = std::os::unix::ffi::OsStringExt::from_vec(b"hunter2\xff".to_vec());
    let mut rows = vec![
        (
            vec!["get".into(), long(limits::URL + 1), "u".into()],
            "is longer than 8192 bytes",
        ),
        (
            vec!["del".into(), "s".into(), long(limits::USERNAME + 1)],
            "is longer than 1024 bytes",
        ),
    ];
    #[cfg(unix)]
    rows.push((
        vec!["get".into(), no_text.clone(), "u".into()],
        "is not UTF-8",
    ));
    for (arguments, why) in rows {
        let mut fake = holding(alice());
        let bridge = Bridge::called(OsStr::new("keyring")).unwrap();
        let Ok(said) = bridge.run(&arguments, &mut fake) else {
            panic!("{why}");
        };
        assert_eq!((said.status, said.out.len()), (1, 0), "{why}");
        assert!(
            said.err.contains(why) && !said.err.contains("hunter2"),
            "{}",
            said.err
        );
        assert!(fake.calls.is_empty());
    }
}

#[test]
fn what_needs_no_agent() {
    for (line, status, out, err) in [
        (
            "--list-backends",
            0,
            "credential_helper.bridge.Keyring (priority: 20)\n",
            "",
        ),
        (
            "--list-backends get",
            0,
            "credential_helper.bridge.Keyring (priority: 20)\n",
            "",
        ),
        (
            "diagnose",
            0,
            "config path: /settings/config.toml (absent)\ndata root: /state\n",
            "",
        ),
        (
            "--disable get s u",
            1,
            "",
            "helper: could not disable the keyring: this is the bridge of helper, which has no such setting\n\
             hint: take its folder out of PATH, or run `poetry config keyring.enabled false` for the system keyring\n",
        ),
        (
            "--print-completion bash",
            1,
            "",
            "helper: could not print completions: there are none for the bridge keyring\n\
             hint: `helper completions` has those of helper\n",
        ),
    ] {
        let mut fake = Fake::default();
        assert_eq!(run(line, &mut fake), ran(status, out, err), "{line}");
        assert!(fake.calls.is_empty());
    }
    for line in ["-h", "--he", "get -h", "-hp /x", "-hh", "--foo -h"] {
        let help = run(line, &mut Fake::default());
        assert_eq!((help.status, help.err.as_str()), (0, ""), "{line}");
        assert!(help.out.starts_with("usage: keyring "), "{line}");
    }
}

#[test]
fn usage_errors_do_not_repeat_what_was_given() {
    for line in [
        "",
        "hunter2",
        "get",
        "get s",
        "set s",
        "del s",
        "set --mode creds s",
        "--mode=creds get",
        "--mode",
        "--mode hunter2 get s u",
        "--mode=hunter2 get s u",
        "--mode --output json get s u",
        "--mode -- creds get s u",
        "--output hunter2 get s u",
        "--print-completion hunter2",
        "--k x get s u",
        "--keyring=hunter2 get s u",
        "--list-backends=hunter2",
        "--hunter2 get s u",
        "-hunter2",
        "-xhunter2 get s u",
        "set s u hunter2",
        "set s u -- --mode=hunter2",
        "-b",
        "''",
    ] {
        let mut fake = holding(alice());
        let wrong = run(line, &mut fake);
        assert_eq!((wrong.status, wrong.out.as_str()), (2, ""), "{line}");
        assert!(wrong.err.starts_with("usage: keyring "), "{line}");
        assert!(wrong.err.contains("\nkeyring: error: "), "{line}");
        assert!(!wrong.err.contains("hunter2"), "{line}: {}", wrong.err);
        // pip and uv take these words for an old version of keyring.
        assert!(!wrong.err.contains("unrecognized arguments"), "{line}");
        assert!(fake.calls.is_empty(), "{line}");
    }
}

#[test]
fn words_that_look_like_options() {
    for (line, asked) in [
        ("get - -1", "get service=- username=-1"),
        ("get -.5 -", "get service=-.5 username=-"),
        ("get -- -x --mode", "get service=-x username=--mode"),
        ("-p -1 get s u", "get service=s username=u"),
        ("get s -- u", "get service=s username=u"),
        ("-- get s u", "get service=s username=u"),
    ] {
        let mut fake = Fake::default();
        assert_eq!(run(line, &mut fake).status, 1, "{line}");
        assert_eq!(fake.calls, [asked], "{line}");
    }
    let mut fake = Fake::default();
    said("keyring", &["get", "-a b", "-c d"], &mut fake);
    assert_eq!(fake.calls, ["get service=-a b username=-c d"]);
}

#[test]
fn only_its_own_statuses() {
    let keyring = Bridge::called(OsStr::new("keyring")).unwrap();
    let other = Bridge::called(OsStr::new("credential-helper")).unwrap();
    let statuses = |bridge: Bridge| [0, 1, 2, 3, 4, 5].map(|ours| bridge.status(ours));
    assert_eq!(statuses(keyring), [0, 1, 2, 1, 1, 1]);
    assert_eq!(statuses(other), [0, 1, 2, 3, 4, 5]);
}
