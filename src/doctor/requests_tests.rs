use credential_helper_protocol::{Credential, ErrorCode, Failure, Scheme, Secret};

use super::super::super::Outcome::{self, Ok as Good, Problem, Warning};
use super::{Sent, Target, credential, judged};
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;
use crate::http::Reply;

fn target() -> Target {
    Target {
        name: RepositoryName::parse("foo").unwrap(),
        url: RepositoryUrl::parse("https://a/simple/").unwrap().0,
        project: false,
        bound: true,
    }
}

fn sent(username: &str) -> Sent {
    Sent {
        username: Some(username.into()),
        from: Some("auth.toml (/c/auth.toml)".into()),
    }
}

#[test]
fn answers() {
    let tls = |why: &str| Reply::Tls(why.into());
    let none = Sent::default();
    for (sent, reply, wanted, fix) in [
        (sent("ci"), Reply::Ok(200), Good, ""),
        (none.clone(), Reply::Ok(200), Good, ""),
        (
            sent("ci"),
            Reply::Unauthorized,
            Problem,
            "helper set foo ci",
        ),
        (sent(""), Reply::Unauthorized, Problem, "helper set foo"),
        (
            sent("__token__"),
            Reply::Unauthorized,
            Problem,
            "helper set foo --token",
        ),
        (
            none.clone(),
            Reply::Unauthorized,
            Problem,
            "helper set foo USERNAME",
        ),
        (sent("ci"), Reply::Forbidden, Problem, "this account"),
        (
            none.clone(),
            Reply::Forbidden,
            Problem,
            "helper set foo USERNAME",
        ),
        (sent("ci"), Reply::NotFound, Warning, "documentation"),
        (none.clone(), Reply::NotFound, Warning, "helper set foo"),
        (none.clone(), Reply::Status(407), Problem, "HTTPS_PROXY"),
        (none.clone(), Reply::Status(503), Warning, "later"),
        (
            none.clone(),
            Reply::Redirect("https://b".into()),
            Warning,
            "helper trust foo",
        ),
        (
            none.clone(),
            tls("unknown"),
            Problem,
            "helper config certificates.foo.cert /",
        ),
        (
            none.clone(),
            tls("a client certificate"),
            Problem,
            "certificates.foo.client-cert /",
        ),
        (
            none.clone(),
            Reply::Connect("refused".into()),
            Problem,
            "network",
        ),
        (none, Reply::TimedOut, Problem, "network"),
    ] {
        let check = judged(&target(), &sent, &reply);
        assert_eq!(check.result, wanted, "{reply:?}");
        assert!(check.message.starts_with("https://a/simple/: "));
        let told = check.fix.unwrap_or_default();
        assert!(
            told.contains(fix) && told.is_empty() == (wanted == Outcome::Ok),
            "{told}"
        );
    }
}

#[test]
fn what_the_agent_gave_is_sent_or_named() {
    let given = |username: Option<&str>, password: Option<&str>, scheme| Credential {
        username: username.map(str::to_owned),
        password: password.map(Secret::from),
        scheme,
        provider: "auth.toml".into(),
        location: "/c/auth.toml".into(),
        ..Credential::default()
    };
    let failure = |code| Err(Failure::new(code, "no"));
    for (asked, header, username) in [
        (None, false, None),
        (Some(failure(ErrorCode::NotFound)), false, None),
        (Some(Ok(given(Some("u"), None, Scheme::Basic))), false, None),
        (
            Some(Ok(given(Some("u"), Some("p"), Scheme::Basic))),
            true,
            Some("u"),
        ),
        (
            Some(Ok(given(None, Some("p"), Scheme::Basic))),
            true,
            Some(""),
        ),
        (Some(Ok(given(None, Some("p"), Scheme::Bearer))), true, None),
    ] {
        let (made, sent) = credential(asked).unwrap();
        assert_eq!(made.is_some(), header);
        assert_eq!(sent.from.is_some(), header);
        assert_eq!(sent.username.as_deref(), username);
    }
    assert!(credential(Some(failure(ErrorCode::Locked))).is_err());
    let broken = given(Some("u"), Some("sentinel\r\nx: y"), Scheme::Basic);
    let refused = credential(Some(Ok(broken))).err().unwrap();
    assert!(!format!("{refused:?}").contains("sentinel"));
}
