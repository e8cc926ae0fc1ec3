//! The table of Poetry's answers by name, as data.

use credential_helper_protocol::{Operation, Secret};

use super::{Called, CalledKind, Outcome, Request, Resolution, Setup};
use crate::domain::credential::{Answer, Halves, Key, ProviderId as P, TOKEN_USERNAME, Why};
use crate::domain::name::RepositoryName;

/// The places of an agent whose user has switched nothing on.
const PLACES: [P; 7] = [
    P::ENVIRONMENT,
    P::FILE,
    P::POETRY_TOML,
    P::AUTH_TOML,
    P::CONFIG_TOML,
    P::SYSTEM_KEYRING,
    P::UV_STORE,
];

type Row<'a> = (P, Option<&'a str>, Option<&'a str>);

/// Runs a search against a table of what each provider has; the keyring is `(user, secret)`.
fn run(
    mut setup: Setup,
    have: &[Row<'_>],
    keyring: Result<&[(&str, &str)], Why>,
) -> (String, usize) {
    setup.name = Some(RepositoryName::parse("foo").unwrap());
    setup.places = PLACES.to_vec();
    setup.token_may_go = true;
    let mut resolution = Resolution::new(setup);
    let mut calls = 0;
    while let Some(Request { provider, key }) = resolution.next_request() {
        let answer = match &key {
            Key::Service { username, .. } if provider == P::SYSTEM_KEYRING => {
                calls += 1;
                match keyring {
                    Err(why) => Answer::failed(why, "as the test wants"),
                    Ok(items) => items
                        .iter()
                        .find(|(user, _)| username.as_deref().is_none_or(|asked| asked == *user))
                        .map_or(Answer::NotFound, |(user, secret)| {
                            Answer::Found(Halves {
                                username: Some((*user).to_owned()),
                                secret: Some(Secret::from(*secret)),
                                ..Halves::default()
                            })
                        }),
                }
            }
            Key::HttpBasic(_) => have
                .iter()
                .find(|row| row.0 == provider && row.1 != Some(TOKEN_USERNAME))
                .filter(|row| row.1.is_some() || row.2.is_some())
                .map_or(Answer::NotFound, |row| {
                    Answer::Found(Halves {
                        username: row.1.map(str::to_owned),
                        secret: row.2.map(Secret::from),
                        ..Halves::default()
                    })
                }),
            Key::Token(_) => have
                .iter()
                .find(|row| row.0 == provider && row.1 == Some(TOKEN_USERNAME))
                .map_or(Answer::NotFound, |row| {
                    Answer::Found(Halves {
                        secret: row.2.map(Secret::from),
                        ..Halves::default()
                    })
                }),
            _ => Answer::NotFound,
        };
        resolution.answer(answer, 0);
    }
    let text = match resolution.finish().outcome {
        Outcome::Found(found) => format!(
            "{}/{}",
            found.username.as_deref().unwrap_or("None"),
            found
                .secret
                .as_ref()
                .map_or("None", |secret| secret.expose())
        ),
        Outcome::NotFound => "not-found".to_owned(),
        Outcome::CouldNot(why) => why.word().to_owned(),
        Outcome::Refused(verdict) => verdict.word().to_owned(),
    };
    (text, calls)
}

fn read() -> Setup {
    Setup {
        operation: Some(Operation::Read),
        ..Setup::default()
    }
}

const A: Row<'static> = (P::AUTH_TOML, Some("au"), Some("ap"));
const K: &[(&str, &str)] = &[
    ("au", "kp"),
    ("eu", "keu"),
    ("__poetry_source_empty_username__", "kempty"),
];

#[test]
fn answers_by_name_are_poetrys() {
    let env = |user, password| (P::ENVIRONMENT, user, password);
    let config = (P::CONFIG_TOML, Some("cu"), Some("cp"));
    let local = (P::POETRY_TOML, Some("lu"), Some("lp"));
    let none: &[(&str, &str)] = &[];
    for (row, have, keyring, expected, calls) in [
        (
            1,
            vec![env(Some("eu"), Some("ep")), A, config, local],
            K,
            "eu/ep",
            Some(0),
        ),
        (2, vec![env(Some("eu"), None), A], none, "eu/ap", None),
        (3, vec![env(None, Some("ep")), A], none, "au/ep", None),
        (4, vec![env(Some("eu"), None)], K, "eu/keu", Some(1)),
        (5, vec![env(None, Some("ep"))], K, "None/ep", Some(0)),
        (6, vec![env(Some("eu"), None)], none, "eu/None", None),
        (7, vec![A, config], none, "au/ap", None),
        (8, vec![A, config, local], none, "lu/lp", None),
        (
            9,
            vec![(P::AUTH_TOML, Some("au"), None), config],
            none,
            "au/cp",
            None,
        ),
        (10, vec![(P::AUTH_TOML, Some("au"), None)], K, "au/kp", None),
        (11, vec![A], K, "au/ap", Some(0)),
        (12, vec![], K, "None/kempty", Some(1)),
        (
            13,
            vec![(P::AUTH_TOML, Some(""), None)],
            K,
            "None/kempty",
            Some(1),
        ),
        (
            14,
            vec![(P::AUTH_TOML, Some("au"), Some(""))],
            K,
            "au/None",
            Some(0),
        ),
        (15, vec![env(None, Some("")), A], K, "au/None", Some(0)),
        (16, vec![env(Some(""), None), A], K, "None/ap", Some(0)),
        (29, vec![], none, "not-found", None),
    ] {
        let (got, asked) = run(read(), &have, Ok(keyring));
        assert_eq!(got, expected, "row {row}");
        assert!(
            calls.is_none_or(|calls| calls == asked),
            "row {row}: {asked} calls"
        );
    }
}

#[test]
fn tokens_are_for_uploads() {
    let token = |provider, secret| (provider, Some(TOKEN_USERNAME), Some(secret));
    let upload = || Setup {
        operation: Some(Operation::Upload),
        ..Setup::default()
    };
    let none: &[(&str, &str)] = &[];
    let keyring: &[(&str, &str)] = &[(TOKEN_USERNAME, "ktok")];
    for (row, have, keyring, expected) in [
        (
            20,
            vec![token(P::ENVIRONMENT, "et"), token(P::AUTH_TOML, "at")],
            none,
            "__token__/et",
        ),
        (
            21,
            vec![token(P::ENVIRONMENT, ""), token(P::AUTH_TOML, "at")],
            keyring,
            "__token__/ktok",
        ),
        (22, vec![token(P::AUTH_TOML, "at")], keyring, "__token__/at"),
        (23, vec![], keyring, "__token__/ktok"),
    ] {
        assert_eq!(run(upload(), &have, Ok(keyring)).0, expected, "row {row}");
    }
    // Emptied by a variable, and nothing in the keyring: http-basic is left.
    let emptied = [token(P::ENVIRONMENT, ""), token(P::AUTH_TOML, "at"), A];
    assert_eq!(run(upload(), &emptied, Ok(none)).0, "au/ap");
    assert_eq!(
        run(read(), &[token(P::AUTH_TOML, "at")], Ok(keyring)).0,
        "not-found"
    );
}

#[test]
fn could_not_ask_is_no_answer() {
    let user_only = [(P::AUTH_TOML, Some("au"), None)];
    assert_eq!(run(read(), &user_only, Err(Why::Locked)).0, "locked");
    assert_eq!(run(read(), &[], Err(Why::TimedOut)).0, "timed-out");
    assert_eq!(run(read(), &[A], Err(Why::Locked)).0, "au/ap");
}

#[test]
fn another_account_is_not_the_answer() {
    let asked = |user: &str| Setup {
        username: Some(user.to_owned()),
        ..read()
    };
    assert_eq!(run(asked("au"), &[A], Ok(&[])).0, "au/ap");
    assert_eq!(run(asked("bu"), &[A], Ok(&[])).0, "not-found");
    assert_eq!(run(asked("eu"), &[A], Ok(K)).0, "eu/keu");
}

#[test]
fn keyring_can_be_switched_off() {
    let off = Setup {
        keyring_off: Some("keyring.enabled is false".into()),
        ..read()
    };
    let user_only = [(P::AUTH_TOML, Some("au"), None)];
    assert_eq!(run(off, &user_only, Ok(K)), ("au/None".to_owned(), 0));
}

/// A search for what a tool calls `keys`; the keyring is `(service, user, secret)`.
fn run_called(
    mut setup: Setup,
    called: Called,
    have: &[Row<'_>],
    keyring: &[(&str, &str, &str)],
) -> (String, Vec<String>) {
    setup.called = Some(called);
    setup.places.extend(PLACES);
    setup.token_may_go = true;
    let mut resolution = Resolution::new(setup);
    let mut asked = Vec::new();
    while let Some(Request { provider, key }) = resolution.next_request() {
        let found = |username: Option<&str>, secret: Option<&str>| {
            Answer::Found(Halves {
                username: username.map(str::to_owned),
                secret: secret.map(Secret::from),
                ..Halves::default()
            })
        };
        let answer = match &key {
            Key::Service { service, username } => {
                asked.push(service.clone());
                keyring
                    .iter()
                    .find(|(own, user, _)| {
                        own == service && username.as_deref().is_none_or(|asked| asked == *user)
                    })
                    .map_or(Answer::NotFound, |(_, user, secret)| {
                        found(Some(user), Some(secret))
                    })
            }
            Key::HttpBasic(_) | Key::Repository(_) => have
                .iter()
                .find(|row| row.0 == provider)
                .map_or(Answer::NotFound, |row| found(row.1, row.2)),
            Key::Token(_) | Key::Url { .. } => Answer::NotFound,
        };
        resolution.answer(answer, 0);
    }
    let text = match resolution.finish().outcome {
        Outcome::Found(found) => {
            let username = found.username.as_deref().unwrap_or("None");
            let secret = found.secret.as_ref().map_or("None", Secret::expose);
            format!("{username}/{secret}")
        }
        Outcome::NotFound => "not-found".to_owned(),
        Outcome::CouldNot(why) => why.word().to_owned(),
        Outcome::Refused(verdict) => verdict.word().to_owned(),
    };
    (text, asked)
}

#[test]
fn a_tool_gets_the_secret_of_the_account_that_it_asks_for_only() {
    let foo = |username: &str| Setup {
        name: Some(RepositoryName::parse("foo").unwrap()),
        username: Some(username.to_owned()),
        settings: Some(P::FILE),
        ..Setup::default()
    };
    let url = "https://h.example/legacy/";
    let called = || Called {
        keys: vec![url.to_owned()],
        kind: CalledKind::Url,
    };
    let empty = "__poetry_source_empty_username__";
    let only = |secret| (P::ENVIRONMENT, None, Some(secret));
    for (username, have, keyring, expected) in [
        ("au", vec![A], vec![], "au/ap"),
        ("bu", vec![A], vec![], "not-found"),
        ("bu", vec![only("ep")], vec![], "bu/ep"),
        ("__token__", vec![A], vec![], "not-found"),
        ("__token__", vec![only("ep")], vec![], "not-found"),
        (
            "__token__",
            vec![(P::FILE, None, Some("f"))],
            vec![],
            "__token__/f",
        ),
        (
            "__token__",
            vec![A],
            vec![(url, "__token__", "t")],
            "__token__/t",
        ),
        (
            "pypi_token:project:x",
            vec![A, only("ep")],
            vec![],
            "not-found",
        ),
        (
            "pypi_token:project:x",
            vec![(P::FILE, None, Some("f"))],
            vec![],
            "not-found",
        ),
        (
            "pypi_token:project:x",
            vec![],
            vec![(url, "__token__", "t"), (url, "pypi_token:project:x", "p")],
            "pypi_token:project:x/p",
        ),
        (empty, vec![A], vec![], "not-found"),
        (empty, vec![only("ep")], vec![], "None/ep"),
        (
            empty,
            vec![(P::AUTH_TOML, Some(""), Some("ap"))],
            vec![],
            "None/ap",
        ),
        (
            empty,
            vec![A],
            vec![("poetry-repository-foo", empty, "k")],
            "None/k",
        ),
        (
            empty,
            vec![],
            vec![("poetry-repository-foo", "au", "k")],
            "not-found",
        ),
    ] {
        let (said, _) = run_called(foo(username), called(), &have, &keyring);
        assert_eq!(said, expected, "{username}");
    }
}

#[test]
fn who_reads_gets_no_token_for_uploads_but_an_account_of_that_name() {
    let token = "__token__";
    let keyring = [("poetry-repository-foo", token, "k")];
    let ask = |operation, have: &[Row<'_>]| {
        let setup = Setup {
            name: Some(RepositoryName::parse("foo").unwrap()),
            username: Some(token.to_owned()),
            operation,
            ..Setup::default()
        };
        run_called(setup, Called::default(), have, &keyring).0
    };
    assert_eq!(ask(Some(Operation::Read), &[]), "not-found");
    let own = [(P::AUTH_TOML, Some(token), None)];
    assert_eq!(ask(Some(Operation::Read), &own), "__token__/k");
    assert_eq!(ask(Some(Operation::Upload), &[]), "__token__/k");
    assert_eq!(ask(None, &[]), "__token__/k");
}

#[test]
fn other_programs_have_the_keyring_alone() {
    let called = Called {
        keys: vec!["my service".to_owned()],
        kind: CalledKind::Other,
    };
    let setup = || Setup {
        username: Some("me".to_owned()),
        places: vec![P::KEYRING_COMMAND],
        ..Setup::default()
    };
    let keyring = [("my service", "me", "s"), ("my service", "you", "t")];
    let (said, asked) = run_called(setup(), called.clone(), &[A], &keyring);
    assert_eq!((said.as_str(), asked.len()), ("me/s", 1));
    let (said, asked) = run_called(setup(), called, &[A], &[]);
    assert_eq!((said.as_str(), asked.len()), ("not-found", 1));
}

#[test]
fn the_exact_text_comes_before_other_spellings() {
    let url = |text: &str| crate::domain::url::RepositoryUrl::parse(text).unwrap().0;
    let setup = Setup {
        urls: vec![url("https://h.example/simple/")],
        request: Some(url("https://h.example/simple/x/")),
        ..Setup::default()
    };
    let keys = ["https://H.example/simple/x", "https://h.example/simple/x/"];
    let called = |kind| Called {
        keys: keys.map(str::to_owned).to_vec(),
        kind,
    };
    let repository = [
        "https://h.example/simple/",
        "https://h.example/simple",
        "h.example",
    ];
    let (_, asked) = run_called(setup, called(CalledKind::Url), &[], &[]);
    assert_eq!(asked, [&keys[..], &repository[..]].concat());
}
