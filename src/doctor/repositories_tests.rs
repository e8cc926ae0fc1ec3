use credential_helper_protocol::{
    BindingRecord, ErrorCode, Explanation, Failure, Operation, OriginCheck, Step as Asked,
};

use super::super::Outcome;
use super::{Step, Target, known, step};
use crate::domain::known::{DeclaredBy, KnownRepository};
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;

fn url(text: &str) -> RepositoryUrl {
    RepositoryUrl::parse(text).unwrap().0
}

fn declared(name: &str, text: &str, by: DeclaredBy) -> KnownRepository {
    KnownRepository::new(RepositoryName::parse(name).unwrap(), url(text), by)
}

fn binding(name: &str, text: &str, by: &str, operation: Option<Operation>) -> BindingRecord {
    BindingRecord {
        name: name.into(),
        url: Some(text.into()),
        origin: url(text).origin().to_string(),
        by: by.into(),
        operation,
        since: None,
    }
}

#[test]
fn each_url_is_asked_once() {
    let upload = KnownRepository {
        operation: Some(Operation::Upload),
        ..declared("up", "https://up/legacy/", DeclaredBy::Settings)
    };
    let declared = [
        declared("foo", "https://a/simple/", DeclaredBy::Settings),
        declared("Foo", "https://a/simple", DeclaredBy::Project),
        declared("foo", "https://evil/simple/", DeclaredBy::Project),
        upload,
    ];
    let bindings = [
        binding("pypi", "https://pypi.org/simple/", "built-in", None),
        binding("foo", "https://a/simple/", "settings", None),
        binding("bar", "https://b/simple/", "trust", None),
        binding("bar", "https://b/legacy/", "set", Some(Operation::Upload)),
    ];
    let told: Vec<String> = known(&declared, &bindings)
        .iter()
        .map(|one| format!("{} {} {} {}", one.name, one.url, one.project, one.bound))
        .collect();
    assert_eq!(
        told,
        [
            "foo https://a/simple/ false true",
            "foo https://evil/simple/ true false",
            "bar https://b/simple/ false true",
        ]
    );
}

fn explained(result: &str, origin: &str, provider: &str) -> Explanation {
    Explanation {
        result: result.into(),
        provider: Some(provider.into()),
        has_secret: result == "found",
        origin: OriginCheck {
            result: origin.into(),
            ..OriginCheck::default()
        },
        steps: vec![Asked {
            provider: "secret-service".into(),
            answer: "locked".into(),
            ..Asked::default()
        }],
        ..Explanation::default()
    }
}

#[test]
fn what_may_be_sent() {
    let target = |project, bound| Target {
        name: RepositoryName::parse("foo").unwrap(),
        url: url("https://a/simple/"),
        project,
        bound,
    };
    let told = |step: Step| match step {
        Step::WithCredential => "with".to_owned(),
        Step::Without => "without".to_owned(),
        Step::Not(check) => {
            assert!(check.fix.is_some(), "{check:?}");
            format!("{:?}", check.result)
        }
    };
    let (skipped, problem) = ("Skipped", "Problem");
    assert_eq!(format!("{:?}", Outcome::Skipped), skipped);
    for (target, explanation, wanted) in [
        (
            target(false, true),
            Ok(explained("found", "allowed", "auth.toml")),
            "with",
        ),
        (
            target(true, false),
            Ok(explained("found", "unbound", "auth.toml")),
            skipped,
        ),
        (
            target(true, false),
            Ok(explained("found", "allowed", "environment")),
            skipped,
        ),
        (
            target(true, true),
            Ok(explained("found", "allowed", "environment")),
            "with",
        ),
        (
            target(false, false),
            Ok(explained("found", "allowed", "environment")),
            "with",
        ),
        (
            target(true, false),
            Ok(explained("found", "allowed", "secret-service")),
            "with",
        ),
        (
            target(false, false),
            Ok(explained("not-found", "unbound", "")),
            "without",
        ),
        (
            target(false, true),
            Ok(explained("refused", "changed", "")),
            skipped,
        ),
        (
            target(false, true),
            Ok(explained("refused", "insecure", "")),
            problem,
        ),
        (
            target(false, true),
            Ok(explained("unavailable", "allowed", "")),
            problem,
        ),
        (
            target(false, true),
            Err(Failure::new(ErrorCode::Locked, "locked").hint("unlock")),
            problem,
        ),
    ] {
        assert_eq!(
            told(step(&target, &explanation)),
            wanted,
            "{target:?} {explanation:?}"
        );
    }
}
