//! Whole searches, step by step, as `explain` shows them.

use credential_helper_protocol::{Operation, Scheme, Secret};

use super::{Called, CalledKind, Ended, Outcome, Resolution, Setup};
use crate::domain::binding::Verdict;
use crate::domain::credential::{Answer, Halves, ProviderId as P, TOKEN_USERNAME, Why};
use crate::domain::name::RepositoryName;
use crate::domain::url::{RepositoryUrl, Userinfo};

/// What a place says when it is asked under a key that begins so.
type Has = (P, &'static str, Answer);

fn halves(username: Option<&str>, secret: Option<&str>, location: &str) -> Answer {
    Answer::Found(Halves {
        username: username.map(str::to_owned),
        secret: secret.map(Secret::from),
        location: location.to_owned(),
        ..Halves::default()
    })
}

fn both(username: &str, secret: &str, location: &str) -> Answer {
    halves(Some(username), Some(secret), location)
}

fn foo() -> Setup {
    Setup {
        name: Some(RepositoryName::parse("foo").unwrap()),
        places: vec![P::ENVIRONMENT, P::AUTH_TOML, P::SYSTEM_KEYRING, P::UV_STORE],
        token_may_go: true,
        whole: true,
        ..Setup::default()
    }
}

fn reads() -> Setup {
    Setup {
        operation: Some(Operation::Read),
        ..foo()
    }
}

fn url(text: &str) -> RepositoryUrl {
    RepositoryUrl::parse(text).unwrap().0
}

fn search(setup: Setup, have: &[Has]) -> Ended {
    let mut resolution = Resolution::new(setup);
    let mut ms = 0;
    while let Some(request) = resolution.next_request() {
        let key = request.key.to_string();
        let answer = have
            .iter()
            .find(|(provider, begin, _)| *provider == request.provider && key.starts_with(begin))
            .map_or(Answer::NotFound, |(.., answer)| answer.clone());
        ms += 1;
        resolution.answer(answer, ms);
    }
    resolution.finish()
}

/// One line a step, one for the end, one a warning. The keyring of this platform is `keyring`.
fn told(setup: Setup, have: &[Has]) -> Vec<String> {
    let place = |provider: P| match provider {
        P::SYSTEM_KEYRING => "keyring",
        other => other.word(),
    };
    let ended = search(setup, have);
    let mut lines: Vec<String> = Vec::new();
    for step in &ended.steps {
        let at = step
            .location
            .as_ref()
            .map(|location| format!(" at {location}"));
        let detail = step.detail.as_ref().map(|detail| format!(" ({detail})"));
        let behind = step.shadowed_by.map(|by| format!(", behind {}", place(by)));
        let rest = [at, detail, behind].map(Option::unwrap_or_default).concat();
        lines.push(format!(
            "{} {}: {}{rest}",
            place(step.provider),
            step.key,
            step.answer
        ));
    }
    lines.push(match &ended.outcome {
        Outcome::Found(found) => {
            let username = found.username.as_deref().unwrap_or("None");
            let secret = found.secret.as_ref().map_or("None", Secret::expose);
            let binds = if found.binds { ", binds" } else { "" };
            let provider = place(found.provider);
            format!(
                "= {username}/{secret} of {provider} at {}{binds}",
                found.location
            )
        }
        Outcome::NotFound => "= not found".to_owned(),
        Outcome::CouldNot(why) => format!("= could not: {}", why.word()),
        Outcome::Refused(verdict) => format!("= refused: {}", verdict.word()),
    });
    lines.extend(ended.warnings.iter().map(|warning| format!("! {warning}")));
    lines
}

#[test]
fn a_whole_search_names_every_place() {
    let setup = Setup {
        urls: vec![url("https://h.example/simple/")],
        request: Some(url("https://h.example/simple/x/")),
        ..reads()
    };
    let have = [
        (P::ENVIRONMENT, "http-basic", both("eu", "ep", "variables")),
        (
            P::AUTH_TOML,
            "http-basic",
            both("au", "ap", "auth.toml line 1"),
        ),
        (
            P::SYSTEM_KEYRING,
            "https://h.example/simple/",
            both("ku", "kp", "login"),
        ),
    ];
    let expected = [
        "environment http-basic.foo: found at variables",
        "auth.toml http-basic.foo: found at auth.toml line 1, behind environment",
        "keyring poetry-repository-foo user eu: not-found",
        "keyring https://h.example/simple/ user eu: found at login, behind environment",
        "keyring https://h.example/simple user eu: not-found",
        "keyring h.example user eu: not-found",
        "uv-store https://h.example/simple/x/ user eu: not-found",
        "= eu/ep of environment at variables",
    ];
    assert_eq!(told(setup, &have), expected);
    // Who wants the answer alone asks nobody else.
    let short = Setup {
        whole: false,
        ..reads()
    };
    assert_eq!(told(short, &have), [expected[0], expected[7]]);
}

#[test]
fn each_step_has_its_time() {
    let ended = search(reads(), &[]);
    let times: Vec<u64> = ended.steps.iter().map(|step| step.ms).collect();
    assert_eq!(times, [1, 2, 3]);
}

#[test]
fn halves_of_two_places() {
    let auth = (P::AUTH_TOML, "http-basic", both("au", "ap", "auth.toml"));
    let mut have = [
        (
            P::ENVIRONMENT,
            "http-basic",
            halves(Some("eu"), None, "A_USERNAME"),
        ),
        auth,
    ];
    let lines = told(reads(), &have);
    assert_eq!(
        lines[..2],
        [
            "environment http-basic.foo: username-only at A_USERNAME",
            "auth.toml http-basic.foo: found at auth.toml",
        ]
    );
    assert_eq!(lines[3], "= eu/ap of auth.toml at auth.toml");
    assert_eq!(
        lines[4],
        "! the username comes from A_USERNAME and the secret from auth.toml: they may belong to \
         different accounts"
    );
    // The secret of the variables hides that of the file, whose account is taken.
    have[0].2 = halves(None, Some("ep"), "A_PASSWORD");
    let lines = told(reads(), &have);
    assert_eq!(
        lines[1],
        "auth.toml http-basic.foo: found at auth.toml, behind environment"
    );
    assert_eq!(lines[3], "= au/ep of environment at A_PASSWORD");
    // Set to nothing, it is still set: the keyring is not asked by name.
    have[0].2 = halves(None, Some(""), "A_PASSWORD");
    let lines = told(reads(), &have);
    assert_eq!(
        lines[0],
        "environment http-basic.foo: username-only at A_PASSWORD"
    );
    assert_eq!(
        lines[2..],
        [
            "keyring poetry-repository-foo user au: skipped (an empty secret is set before it)",
            "= au/None of auth.toml at auth.toml",
        ]
    );
}

/// Halves of one kind of place, or of one asked account, need no warning.
#[test]
fn halves_that_belong_together() {
    let places = vec![
        P::ENVIRONMENT,
        P::AGENT_ENVIRONMENT,
        P::AUTH_TOML,
        P::CONFIG_TOML,
    ];
    let setup = |username: Option<&str>| Setup {
        places: places.clone(),
        username: username.map(str::to_owned),
        ..reads()
    };
    let user = |provider| (provider, "http-basic", halves(Some("u"), None, "U"));
    let secret = |provider| (provider, "http-basic", halves(None, Some("s"), "S"));
    for (username, have, warned) in [
        (None, [user(P::ENVIRONMENT), secret(P::AUTH_TOML)], true),
        (None, [secret(P::ENVIRONMENT), user(P::AUTH_TOML)], true),
        (None, [user(P::AUTH_TOML), secret(P::CONFIG_TOML)], true),
        (
            None,
            [user(P::ENVIRONMENT), secret(P::AGENT_ENVIRONMENT)],
            false,
        ),
        (
            Some("u"),
            [user(P::ENVIRONMENT), secret(P::AUTH_TOML)],
            false,
        ),
    ] {
        let ended = search(setup(username), &have);
        assert!(matches!(&ended.outcome, Outcome::Found(found) if found.secret.is_some()));
        assert_eq!(
            ended.warnings.len(),
            usize::from(warned),
            "{:?}",
            ended.warnings
        );
    }
}

#[test]
fn userinfo_is_a_pair_of_its_own() {
    let with = |username: &str, password: Option<&str>| Setup {
        userinfo: Some(Userinfo {
            username: username.to_owned(),
            password: password.map(Secret::from),
        }),
        ..reads()
    };
    let user = [(
        P::AUTH_TOML,
        "http-basic",
        halves(Some("au"), None, "auth.toml"),
    )];
    let step = "url repositories.foo";
    let place = "userinfo of the repository's URL";
    let lines = told(with("uu", Some("up")), &user);
    assert_eq!(lines[2], format!("{step}: found at {place}"));
    assert_eq!(lines[4], format!("= uu/up of url at {place}"));
    // An account alone stands behind one from a file, and an empty secret takes none away.
    let lines = told(with("uu", None), &user);
    assert_eq!(lines[2], format!("{step}: username-only at {place}"));
    assert_eq!(lines[4], "= au/None of auth.toml at auth.toml");
    let lines = told(with("uu", Some("")), &user);
    assert_eq!(lines[4], "= au/None of auth.toml at auth.toml");
    let lines = told(with("uu", None), &[]);
    assert_eq!(lines[3], "keyring poetry-repository-foo user uu: not-found");
    assert_eq!(lines[4], format!("= uu/None of url at {place}"));
    // A secret that is set before it is an answer, and has no account of others.
    let secret = [(
        P::AUTH_TOML,
        "http-basic",
        halves(None, Some("ap"), "auth.toml"),
    )];
    let lines = told(with("uu", Some("up")), &secret);
    assert_eq!(
        lines[2],
        format!("{step}: found at {place}, behind auth.toml")
    );
    assert_eq!(lines[4], "= None/ap of auth.toml at auth.toml");
}

#[test]
fn an_entry_of_a_keyring_is_whole() {
    let setup = |username: Option<&str>| Setup {
        urls: vec![url("https://h.example/")],
        username: username.map(str::to_owned),
        ..reads()
    };
    let ends = |username: Option<&str>, answer: Answer| {
        let user = (
            P::AUTH_TOML,
            "http-basic",
            halves(Some("au"), None, "auth.toml"),
        );
        let have = [user, (P::SYSTEM_KEYRING, "https://", answer)];
        let have = if username.is_some() {
            &have[1..]
        } else {
            &have[..]
        };
        let lines = told(setup(username), have);
        lines
            .into_iter()
            .find(|line| line.starts_with('='))
            .unwrap()
    };
    let own = "= ku/kp of keyring at login";
    assert_eq!(ends(None, both("ku", "kp", "login")), own);
    assert_eq!(ends(Some("ku"), both("ku", "kp", "login")), own);
    assert_eq!(
        ends(Some("other"), both("ku", "kp", "login")),
        "= not found"
    );
    let nameless = halves(None, Some("kp"), "login");
    assert_eq!(ends(None, nameless), "= au/kp of keyring at login");
    let empty = "= au/None of auth.toml at auth.toml";
    assert_eq!(ends(None, both("ku", "", "login")), empty);
    assert_eq!(ends(None, halves(Some("ku"), None, "login")), empty);
    let nobody = both("__poetry_source_empty_username__", "kp", "login");
    assert_eq!(ends(None, nobody), "= None/kp of keyring at login");
}

/// What comes with a secret goes out with it, and not with another one.
#[test]
fn scheme_and_end_go_with_the_secret() {
    let mut bearer = Halves {
        secret: Some(Secret::from("t")),
        scheme: Scheme::Bearer,
        expires: Some(7),
        ..Halves::default()
    };
    let setup = || Setup {
        places: vec![P::COMMAND, P::AUTH_TOML],
        settings: Some(P::COMMAND),
        ..reads()
    };
    let auth = (P::AUTH_TOML, "http-basic", both("au", "ap", "auth.toml"));
    let found = |bearer: &Halves| {
        let command = (
            P::COMMAND,
            "repositories.foo",
            Answer::Found(bearer.clone()),
        );
        match search(setup(), &[command, auth.clone()]).outcome {
            Outcome::Found(found) => (found.provider, found.scheme, found.expires),
            _ => panic!("nothing is found"),
        }
    };
    assert_eq!(found(&bearer), (P::COMMAND, Scheme::Bearer, Some(7)));
    bearer.secret = None;
    assert_eq!(found(&bearer), (P::AUTH_TOML, Scheme::Basic, None));
}

#[test]
fn what_the_origin_refuses_is_not_asked() {
    let have = [
        (P::ENVIRONMENT, "http-basic", both("eu", "ep", "variables")),
        (P::AUTH_TOML, "http-basic", both("au", "ap", "auth.toml")),
    ];
    let refused = |variables, stored| Setup {
        variables,
        stored,
        ..reads()
    };
    let (allowed, changed) = (Some(Verdict::Allowed), Some(Verdict::Changed));
    assert_eq!(
        told(refused(changed, changed), &have),
        [
            "environment http-basic.foo: skipped (not asked: origin changed)",
            "auth.toml http-basic.foo: skipped (not asked: origin changed)",
            "keyring poetry-repository-foo user __poetry_source_empty_username__: skipped (not \
             asked: origin changed)",
            "= refused: changed",
        ]
    );
    let lines = told(refused(allowed, Some(Verdict::Insecure)), &have);
    assert_eq!(lines.last().unwrap(), "= eu/ep of environment at variables");
    let lines = told(refused(changed, allowed), &have);
    assert_eq!(lines.last().unwrap(), "= au/ap of auth.toml at auth.toml");
    // A first answer binds the name, where it is one that was stored under it.
    let binds = Some(Verdict::Binds);
    let lines = told(refused(binds, binds), &have);
    assert_eq!(lines.last().unwrap(), "= eu/ep of environment at variables");
    let lines = told(refused(binds, binds), &have[1..]);
    assert_eq!(
        lines.last().unwrap(),
        "= au/ap of auth.toml at auth.toml, binds"
    );
    let userinfo = Some(Userinfo {
        username: "uu".to_owned(),
        password: Some(Secret::from("up")),
    });
    let with = Setup {
        userinfo,
        ..refused(binds, binds)
    };
    let last = told(with, &[]).pop().unwrap();
    assert_eq!(last, "= uu/up of url at userinfo of the repository's URL");
}

/// However a token of PyPI's is stored, and under whatever name.
#[test]
fn a_token_that_may_not_go() {
    let kept = |operation| Setup {
        operation,
        token_may_go: false,
        variables: Some(Verdict::Allowed),
        stored: Some(Verdict::Allowed),
        ..foo()
    };
    let (read, upload) = (Some(Operation::Read), Some(Operation::Upload));
    let last = |setup, have: &[Has]| told(setup, have).pop().unwrap();
    for (username, secret) in [(TOKEN_USERNAME, "x"), ("au", "pypi-AgE")] {
        let auth = [(
            P::AUTH_TOML,
            "http-basic",
            both(username, secret, "auth.toml"),
        )];
        assert_eq!(last(kept(read), &auth), "= refused: changed");
        let allowed = Setup {
            token_may_go: true,
            ..kept(read)
        };
        let expected = format!("= {username}/{secret} of auth.toml at auth.toml");
        assert_eq!(last(allowed, &auth), expected);
        // What stands in the URL itself was written for it.
        let userinfo = Some(Userinfo {
            username: username.to_owned(),
            password: Some(Secret::from(secret)),
        });
        let with = Setup {
            userinfo,
            ..kept(read)
        };
        let place = "url at userinfo of the repository's URL";
        assert_eq!(last(with, &[]), format!("= {username}/{secret} of {place}"));
    }
    let plain = [(P::AUTH_TOML, "http-basic", both("au", "ap", "auth.toml"))];
    assert_eq!(
        last(kept(read), &plain),
        "= au/ap of auth.toml at auth.toml"
    );
    let token = [(
        P::AUTH_TOML,
        "pypi-token",
        halves(None, Some("t"), "auth.toml"),
    )];
    assert_eq!(last(kept(upload), &token), "= refused: changed");
    let lines = told(kept(upload), &token);
    assert_eq!(
        lines[1],
        "auth.toml pypi-token.foo: skipped (not asked: origin changed)"
    );
    // Its account alone is no answer either, but another one is.
    let user = [(
        P::AUTH_TOML,
        "http-basic",
        halves(Some("au"), None, "auth.toml"),
    )];
    assert_eq!(
        last(kept(read), &user),
        "= au/None of auth.toml at auth.toml"
    );
    let places = [
        (
            P::ENVIRONMENT,
            "http-basic",
            halves(None, Some("pypi-AgE"), "variables"),
        ),
        user[0].clone(),
    ];
    assert_eq!(last(kept(read), &places), "= refused: changed");
    let allowed = Setup {
        operation: upload,
        ..foo()
    };
    assert_eq!(
        last(allowed, &token),
        "= __token__/t of auth.toml at auth.toml"
    );
}

/// The outcome has the name of what the user can do something about.
#[test]
fn places_that_could_not_be_asked() {
    let failed = |provider, why: Why| (provider, "http-basic", Answer::failed(why, "as it is"));
    let auth = (P::AUTH_TOML, "http-basic", both("au", "ap", "auth.toml"));
    let locked = (P::SYSTEM_KEYRING, "", Answer::failed(Why::Locked, "locked"));
    let lines = told(
        reads(),
        &[failed(P::ENVIRONMENT, Why::Malformed), auth.clone()],
    );
    assert_eq!(
        lines,
        [
            "environment http-basic.foo: malformed (as it is)",
            "auth.toml http-basic.foo: found at auth.toml",
            "keyring poetry-repository-foo user au: not-found",
            "= au/ap of auth.toml at auth.toml",
            "! environment was passed over: as it is",
        ]
    );
    let last = |have: &[Has]| told(reads(), have).pop().unwrap();
    let slow = failed(P::AUTH_TOML, Why::TimedOut);
    assert_eq!(last(std::slice::from_ref(&slow)), "= could not: timed-out");
    assert_eq!(last(&[slow, locked.clone()]), "= could not: locked");
    // What fails behind the answer is in nobody's way.
    let lines = told(reads(), &[auth, locked]);
    assert_eq!(
        lines[2],
        "keyring poetry-repository-foo user au: locked (locked)"
    );
    assert_eq!(lines[3], "= au/ap of auth.toml at auth.toml");
    assert_eq!(lines.len(), 4);
    // One entry of a keyring cannot be read, another one answers.
    let by_url = Setup {
        urls: vec![url("https://h.example/")],
        ..reads()
    };
    let broken = Answer::failed(Why::Malformed, "as it is");
    let entries = [
        (P::SYSTEM_KEYRING, "poetry-", broken),
        (P::SYSTEM_KEYRING, "https://", both("ku", "kp", "login")),
    ];
    let ended = search(by_url, &entries);
    assert!(matches!(&ended.outcome, Outcome::Found(found) if found.secret.is_some()));
    assert_eq!(ended.warnings.len(), 1, "{:?}", ended.warnings);
    // A keyring that is not there holds nothing.
    let by_url = Setup {
        urls: vec![url("https://h.example/")],
        ..reads()
    };
    let gone = Answer::failed(Why::Unavailable, "no bus");
    let store = (P::UV_STORE, "", both("uu", "up", "uv's store"));
    let lines = told(by_url, &[(P::SYSTEM_KEYRING, "", gone), store]);
    assert_eq!(lines.last().unwrap(), "= uu/up of uv-store at uv's store");
}

/// An empty account is as good as none.
#[test]
fn accounts_that_are_none() {
    let last = |have: &[Has]| told(reads(), have).pop().unwrap();
    for nobody in ["", "__poetry_source_empty_username__"] {
        let auth = (P::AUTH_TOML, "http-basic", both(nobody, "ap", "auth.toml"));
        assert_eq!(last(&[auth]), "= None/ap of auth.toml at auth.toml");
    }
    let empty = (
        P::AUTH_TOML,
        "http-basic",
        halves(Some(""), None, "auth.toml"),
    );
    assert_eq!(last(&[empty]), "= not found");
    let asked = Setup {
        username: Some("bu".to_owned()),
        ..reads()
    };
    let user = (
        P::AUTH_TOML,
        "http-basic",
        halves(Some("au"), None, "auth.toml"),
    );
    assert_eq!(told(asked, &[user]).pop().unwrap(), "= not found");
}

#[test]
fn a_keyring_that_is_switched_off_says_why() {
    let off = Setup {
        keyring_off: Some("keyring.enabled is false".to_owned()),
        ..reads()
    };
    let lines = told(off, &[(P::SYSTEM_KEYRING, "", both("ku", "kp", "login"))]);
    let keyring = "keyring poetry-repository-foo user __poetry_source_empty_username__: skipped \
                   (keyring.enabled is false)";
    assert_eq!(lines[2..], [keyring, "= not found"]);
}

/// Without an operation the account is looked for first, then the token; a token that is found
/// first hides the rest.
#[test]
fn passes() {
    let have = [
        (
            P::AUTH_TOML,
            "pypi-token",
            halves(None, Some("t"), "auth.toml"),
        ),
        (P::AUTH_TOML, "http-basic", both("au", "ap", "auth.toml")),
    ];
    let upload = Setup {
        operation: Some(Operation::Upload),
        ..foo()
    };
    assert_eq!(
        told(upload, &have),
        [
            "environment pypi-token.foo: not-found",
            "auth.toml pypi-token.foo: found at auth.toml",
            "keyring poetry-repository-foo user __token__: not-found",
            "environment http-basic.foo: not-found",
            "auth.toml http-basic.foo: found at auth.toml, behind auth.toml",
            "keyring poetry-repository-foo user __poetry_source_empty_username__: not-found",
            "= __token__/t of auth.toml at auth.toml",
        ]
    );
    assert_eq!(
        told(foo(), &have).pop().unwrap(),
        "= au/ap of auth.toml at auth.toml"
    );
    // Whoever wants the answer alone asks nobody behind a token.
    let short = Setup {
        whole: false,
        operation: Some(Operation::Upload),
        ..foo()
    };
    let variable = (
        P::ENVIRONMENT,
        "pypi-token",
        halves(None, Some("v"), "variable"),
    );
    assert_eq!(
        told(short, &[variable, have[0].clone()]),
        [
            "environment pypi-token.foo: found at variable",
            "= __token__/v of environment at variable",
        ]
    );
    let token = "= __token__/t of auth.toml at auth.toml";
    assert_eq!(told(foo(), &have[..1]).pop().unwrap(), token);
    // An account without a secret is an answer only where there is no token.
    let user = (
        P::AUTH_TOML,
        "http-basic",
        halves(Some("au"), None, "auth.toml"),
    );
    let last = |have: &[Has]| told(foo(), have).pop().unwrap();
    assert_eq!(last(&[user.clone(), have[0].clone()]), token);
    assert_eq!(last(&[user]), "= au/None of auth.toml at auth.toml");
}

/// Who asks for an account is not told of another, and a token has its own place.
#[test]
fn passes_of_an_account() {
    let setup = |operation, username: &str| Setup {
        operation,
        username: Some(username.to_owned()),
        ..foo()
    };
    let keys = |setup: Setup| {
        let ended = search(setup, &[]);
        let words = ended.steps.iter().map(|step| {
            let key = step.key.to_string();
            key.split('.').next().unwrap_or_default().to_owned()
        });
        words
            .filter(|word| !word.contains(' '))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (token, basic) = ("pypi-token pypi-token", "http-basic http-basic");
    let both = format!("{token} {basic}");
    let (read, upload) = (Some(Operation::Read), Some(Operation::Upload));
    assert_eq!(keys(setup(upload, "au")), basic);
    assert_eq!(keys(setup(None, "au")), basic);
    assert_eq!(keys(setup(upload, TOKEN_USERNAME)), both);
    assert_eq!(keys(setup(None, TOKEN_USERNAME)), both);
    assert_eq!(keys(setup(read, TOKEN_USERNAME)), basic);
    assert_eq!(keys(foo()), format!("{basic} {token}"));
}

/// A token of the settings is asked for as one, an account as an account; once each.
#[test]
fn what_the_settings_name() {
    let userinfo = Some(Userinfo {
        username: "uu".to_owned(),
        password: Some(Secret::from("up")),
    });
    let asked = |settings_username: &str, settings| {
        let setup = Setup {
            operation: Some(Operation::Upload),
            places: vec![P::FILE, P::COMMAND, P::AUTH_TOML],
            settings,
            settings_username: Some(settings_username.to_owned()),
            userinfo: userinfo.clone(),
            ..foo()
        };
        let ended = search(setup, &[]);
        let words = ended.steps.iter().map(|step| step.provider.word());
        words.collect::<Vec<_>>().join(" ")
    };
    let file = Some(P::FILE);
    assert_eq!(asked("au", file), "auth.toml file auth.toml url");
    assert_eq!(asked(TOKEN_USERNAME, file), "file auth.toml auth.toml url");
    assert_eq!(
        asked("au", Some(P::COMMAND)),
        "auth.toml command auth.toml url"
    );
    assert_eq!(asked("au", None), "auth.toml auth.toml url");
}

/// What is stored under another tool's word for the name may be a token.
#[test]
fn what_is_stored_under_a_name_is_held_back_where_a_token_may_not_go() {
    let setup = |token_may_go, stored| Setup {
        called: Some(Called {
            keys: vec!["foo".to_owned()],
            kind: CalledKind::Name,
        }),
        places: vec![P::SYSTEM_KEYRING],
        username: Some("au".to_owned()),
        token_may_go,
        stored: Some(stored),
        ..foo()
    };
    let have = [(P::SYSTEM_KEYRING, "foo user au", both("au", "kp", "login"))];
    let last = |setup| told(setup, &have).pop().unwrap();
    let found = "= au/kp of keyring at login";
    assert_eq!(last(setup(true, Verdict::Allowed)), found);
    assert_eq!(last(setup(false, Verdict::Allowed)), "= refused: changed");
    assert_eq!(last(setup(true, Verdict::Insecure)), "= refused: insecure");
}
