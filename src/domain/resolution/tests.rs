//! The table of Poetry's answers by name, as data.

use credential_helper_protocol::{Operation, Secret};

use super::{Outcome, Request, Resolution, Setup};
use crate::domain::credential::{Answer, Halves, Key, ProviderId as P, TOKEN_USERNAME, Why};
use crate::domain::name::RepositoryName;

type Row<'a> = (P, Option<&'a str>, Option<&'a str>);

/// Runs a search against a table of what each provider has; the keyring is `(user, secret)`.
fn run(
    mut setup: Setup,
    have: &[Row<'_>],
    keyring: Result<&[(&str, &str)], Why>,
) -> (String, usize) {
    setup.name = Some(RepositoryName::parse("foo").unwrap());
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

const A: Row<'static> = (P::AuthToml, Some("au"), Some("ap"));
const K: &[(&str, &str)] = &[
    ("au", "kp"),
    ("eu", "keu"),
    ("__poetry_source_empty_username__", "kempty"),
];

#[test]
fn answers_by_name_are_poetrys() {
    let env = |user, password| (P::Environment, user, password);
    let config = (P::ConfigToml, Some("cu"), Some("cp"));
    let local = (P::PoetryToml, Some("lu"), Some("lp"));
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
            vec![(P::AuthToml, Some("au"), None), config],
            none,
            "au/cp",
            None,
        ),
        (10, vec![(P::AuthToml, Some("au"), None)], K, "au/kp", None),
        (11, vec![A], K, "au/ap", Some(0)),
        (12, vec![], K, "None/kempty", Some(1)),
        (
            13,
            vec![(P::AuthToml, Some(""), None)],
            K,
            "None/kempty",
            Some(1),
        ),
        (
            14,
            vec![(P::AuthToml, Some("au"), Some(""))],
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
            vec![token(P::Environment, "et"), token(P::AuthToml, "at")],
            none,
            "__token__/et",
        ),
        (
            21,
            vec![token(P::Environment, ""), token(P::AuthToml, "at")],
            keyring,
            "__token__/ktok",
        ),
        (22, vec![token(P::AuthToml, "at")], keyring, "__token__/at"),
        (23, vec![], keyring, "__token__/ktok"),
    ] {
        assert_eq!(run(upload(), &have, Ok(keyring)).0, expected, "row {row}");
    }
    // Emptied by a variable, and nothing in the keyring: http-basic is left.
    let emptied = [token(P::Environment, ""), token(P::AuthToml, "at"), A];
    assert_eq!(run(upload(), &emptied, Ok(none)).0, "au/ap");
    assert_eq!(
        run(read(), &[token(P::AuthToml, "at")], Ok(keyring)).0,
        "not-found"
    );
}

#[test]
fn could_not_ask_is_no_answer() {
    let user_only = [(P::AuthToml, Some("au"), None)];
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
    let user_only = [(P::AuthToml, Some("au"), None)];
    assert_eq!(run(off, &user_only, Ok(K)), ("au/None".to_owned(), 0));
}
