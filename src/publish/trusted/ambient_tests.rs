//! Each place of identity tokens in an environment of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Secret};

use super::ambient::{Reach, detect};
use super::{Identity, Variables};
use crate::http::Proxies;
use crate::publish::test_index::{SENTINEL, identity_server, identity_token};
use crate::publish::test_server::{Act, Server, say};

const REACH: Reach = Reach {
    proxies: Proxies::No,
    time: Duration::from_secs(30),
};

/// What was found: its word, whether it is a CI job, and the token for the audience `pypi`.
struct Got {
    word: &'static str,
    is_ci: bool,
    token: Result<Secret, Failure>,
}

impl Got {
    fn is(&self, token: &str) -> bool {
        self.token
            .as_ref()
            .is_ok_and(|own| own.same(&Secret::from(token)))
    }

    fn failure(&self) -> (ErrorCode, String) {
        let failure = self.token.as_ref().err().unwrap();
        let hint = failure.hint.as_deref().unwrap_or_default();
        let text = format!("{} / {hint}", failure.message);
        assert!(!text.contains(SENTINEL), "{text}");
        (failure.code, text)
    }
}

fn got(all: &[(&str, &str)]) -> Option<Got> {
    got_with(all, None)
}

fn got_with(all: &[(&str, &str)], configured: Option<Box<dyn Identity>>) -> Option<Got> {
    let get = |name: &str| {
        let found = all.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let names: Vec<String> = all.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found = detect(Variables(&get), &names, configured, REACH)?;
    let identity = match found.identity {
        Ok(identity) => identity,
        Err(failure) => {
            return Some(Got {
                word: "",
                is_ci: found.is_ci,
                token: Err(failure),
            });
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    Some(Got {
        word: identity.word(),
        is_ci: found.is_ci,
        token: runtime.block_on(identity.token("pypi")),
    })
}

#[test]
fn no_sign_no_identity() {
    assert!(got(&[]).is_none());
    assert!(got(&[("CI", "true"), ("PYPI_ID_TOKEN", "x"), ("GITLAB_CI", "")]).is_none());
    assert!(got(&[("GITHUB_ACTIONS", "false"), ("BUILDKITE", "0")]).is_none());
}

#[test]
fn github() {
    let server = identity_server();
    let url = server.url("/id?api-version=2.0");
    let all = [
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &url),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "run.ner.token"),
    ];
    let first = got(&all).unwrap();
    assert_eq!((first.word, first.is_ci), ("github", true));
    assert!(first.is(&identity_token("pypi", 1)));
    assert!(got(&all).unwrap().is(&identity_token("pypi", 2)));
    let request = &server.requests()[0];
    assert_eq!(
        request.line,
        "GET /id?api-version=2.0&audience=pypi HTTP/1.1"
    );
    assert_eq!(
        request.header("authorization"),
        Some("Bearer run.ner.token")
    );
    // Forgejo's jobs say the same without calling themselves GitHub's.
    assert_eq!(got(&all[1..]).unwrap().word, "github");
    let (code, text) = got(&all[..2]).unwrap().failure();
    assert_eq!(code, ErrorCode::NotFound);
    assert!(text.contains("id-token: write"), "{text}");
}

#[test]
fn github_says_no() {
    let other = Arc::new(identity_server());
    let to = other.url("/id?audience=x");
    let server = Server::start(move |request| {
        let place = request.line.split(['/', '?']).nth(1).unwrap();
        match place {
            "redirect" => Act::Say(307, format!("location: {to}\r\n"), String::new()),
            "refuse" => say(403, SENTINEL),
            "html" => say(200, "<html>sentinel"),
            "empty" => say(200, "{\"value\":\"\"}"),
            "other" => say(200, "{\"value\":\"sentinel sentinel\"}"),
            "broken" => say(200, "{\"value\":\"a.sentinel\"}"),
            _ => say(200, "{}"),
        }
    });
    for (place, code, part) in [
        ("redirect", ErrorCode::Policy, "it sends on to"),
        (
            "refuse",
            ErrorCode::Unavailable,
            "it answered 403 / give the job `permissions:",
        ),
        ("html", ErrorCode::Malformed, "gave no identity token"),
        ("empty", ErrorCode::Malformed, "there is nothing in it"),
        ("other", ErrorCode::Malformed, "it is no JSON Web Token"),
        ("broken", ErrorCode::Malformed, "it is no JSON Web Token"),
        ("none", ErrorCode::Malformed, "there is nothing in it"),
    ] {
        let url = server.url(&format!("/{place}?x"));
        let failure = got(&[
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", SENTINEL),
        ]);
        let (own, text) = failure.unwrap().failure();
        assert_eq!(own, code, "{place}");
        assert!(text.contains(part), "{text}");
    }
    assert!(other.requests().is_empty());
    let clear = got(&[
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://runner.example/id"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", SENTINEL),
    ]);
    assert_eq!(clear.unwrap().failure().0, ErrorCode::InsecureTransport);
}

#[test]
fn gitlab() {
    let token = identity_token("pypi", 1);
    let all = [
        ("GITLAB_CI", "true"),
        ("PYPI_ID_TOKEN", &*token),
        ("OTHER_ID_TOKEN", "x"),
    ];
    let found = got(&all).unwrap();
    assert_eq!((found.word, found.is_ci), ("gitlab", true));
    assert!(found.is(&token));
    let (code, text) = got(&all[..1]).unwrap().failure();
    assert_eq!(code, ErrorCode::NotFound);
    assert!(
        text.contains("id_tokens: { PYPI_ID_TOKEN: { aud: pypi } }"),
        "{text}"
    );
}

/// A program that prints this when it is called with these arguments.
#[cfg(unix)]
fn program(folder: &Path, name: &str, arguments: &str, prints: &str) {
    let script =
        format!("#!/bin/sh\n[ \"$*\" = '{arguments}' ] || exit 7\nprintf '%s\\n' '{prints}'\n");
    crate::test_programs::script(folder, name, &script);
}

#[cfg(unix)]
#[test]
fn programs() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("bin:{}", folder.path().display());
    let token = identity_token("pypi", 1);
    let buildkite = [("BUILDKITE", "true"), ("PATH", &*path)];
    let (code, text) = got(&buildkite).unwrap().failure();
    assert_eq!(code, ErrorCode::NotFound);
    assert!(text.contains("buildkite-agent is not on PATH"), "{text}");
    program(
        folder.path(),
        "buildkite-agent",
        "oidc request-token --audience pypi",
        &token,
    );
    let found = got(&buildkite).unwrap();
    assert_eq!((found.word, found.is_ci), ("buildkite", true));
    assert!(found.is(&token), "{:?}", found.token);

    let circleci = [
        ("CIRCLECI", "true"),
        ("PATH", &*path),
        ("CIRCLE_OIDC_TOKEN_V2", &*token),
    ];
    let found = got(&circleci).unwrap();
    assert_eq!((found.word, found.is_ci), ("circleci", true));
    // The token of the job, where it is for this audience.
    assert!(found.is(&token));
    let own = identity_token("organisation", 2);
    let circleci = [circleci[0], circleci[1], ("CIRCLE_OIDC_TOKEN_V2", &own)];
    let (code, text) = got(&circleci).unwrap().failure();
    assert_eq!(code, ErrorCode::NotFound);
    assert!(text.contains("for the organisation only"), "{text}");
    let arguments = "run oidc get --root-issuer --claims {\"aud\":\"pypi\"}";
    program(folder.path(), "circleci", arguments, &token);
    assert!(got(&circleci).unwrap().is(&token));
    // What it prints is looked at, and what it ends with is told.
    program(
        folder.path(),
        "circleci",
        arguments,
        "sentinel: no such claim",
    );
    let (code, text) = got(&circleci).unwrap().failure();
    assert_eq!(code, ErrorCode::Malformed);
    assert!(text.contains("it is no JSON Web Token"), "{text}");
    program(folder.path(), "circleci", "other", &token);
    let (code, text) = got(&circleci).unwrap().failure();
    assert_eq!(code, ErrorCode::Unavailable);
    assert!(text.contains("it ended with status 7"), "{text}");
}

/// A program of the project that the job stands in is none of the CI system's.
#[cfg(unix)]
#[test]
fn relative_folders_of_path_are_left_out() {
    use super::program::find;
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "tool", "", "");
    let text = folder.path().to_str().unwrap();
    assert_eq!(find("tool", text), Some(folder.path().join("tool")));
    assert_eq!(
        find("tool", &format!("{text}/none:{text}")),
        Some(folder.path().join("tool"))
    );
    for path in ["", ".", "target"] {
        assert_eq!(find("tool", path), None);
    }
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    std::fs::write(folder.path().join("plain"), "").unwrap();
    assert_eq!(find("folder", text), None);
    assert_eq!(find("plain", text), None);
}

/// Nothing listens there.
#[cfg(unix)]
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[cfg(unix)]
#[test]
fn google() {
    let token = identity_token("pypi", 1);
    let own = token.clone();
    let server = Server::start(move |request| {
        assert_eq!(request.header("metadata-flavor"), Some("Google"));
        say(200, &own)
    });
    let host = server.address.to_string();
    let all = [("GCE_METADATA_HOST", &*host), ("CI", "true")];
    let found = got(&all).unwrap();
    assert_eq!((found.word, found.is_ci), ("google", true));
    assert!(found.is(&token), "{:?}", found.token);
    assert_eq!(
        server.requests()[0].line,
        "GET /computeMetadata/v1/instance/service-accounts/default/identity?audience=pypi&format=full HTTP/1.1"
    );
    assert!(!got(&all[..1]).unwrap().is_ci);
    assert!(!got(&[all[0], ("CI", "false")]).unwrap().is_ci);
    let (code, text) = got(&[("GCE_METADATA_HOST", "evil.example")])
        .unwrap()
        .failure();
    assert_eq!(code, ErrorCode::Policy);
    assert!(text.contains("none of its addresses"), "{text}");
    // gcloud, for the account that is named, and where no metadata server answers.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    program(
        folder.path(),
        "gcloud",
        "auth print-identity-token --audiences=pypi",
        &token,
    );
    let named = [("CLOUDSDK_CORE_ACCOUNT", "a@b"), ("PATH", path)];
    assert!(got(&named).unwrap().is(&token));
    let nowhere = nowhere();
    let gone = [("GCE_METADATA_HOST", &*nowhere), ("PATH", path)];
    assert!(got(&gone).unwrap().is(&token));
    assert_eq!(got(&gone[..1]).unwrap().failure().0, ErrorCode::Unavailable);
}

/// Named by a variable: before everything, and read anew each time.
#[test]
fn a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let text = path.to_str().unwrap();
    let all = [
        ("CREDENTIAL_HELPER_ID_TOKEN_FILE", text),
        ("GITLAB_CI", "true"),
    ];
    assert_eq!(got(&all).unwrap().failure().0, ErrorCode::Unavailable);
    for number in 0..2 {
        let token = identity_token("pypi", number);
        std::fs::write(&path, format!("{token}\n")).unwrap();
        let found = got(&all).unwrap();
        assert_eq!((found.word, found.is_ci), ("file", false));
        assert!(found.is(&token));
    }
    for content in ["", "\n", "sentinel", "a.b\nsentinel.c", &"s".repeat(40_000)] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(got(&all).unwrap().failure().0, ErrorCode::Malformed);
    }
    for (path, part) in [
        ("token", "the path is not absolute"),
        (folder.path().to_str().unwrap(), "it is not a regular file"),
    ] {
        let (code, text) = got(&[("CREDENTIAL_HELPER_ID_TOKEN_FILE", path)])
            .unwrap()
            .failure();
        assert_eq!(code, ErrorCode::Unavailable);
        assert!(text.contains(part), "{text}");
    }
    // What the settings name stands before the CI system.
    let token = identity_token("pypi", 5);
    std::fs::write(&path, &token).unwrap();
    let configured: Box<dyn Identity> = Box::new(super::file::File(path.clone()));
    let found = got_with(&[("GITLAB_CI", "true"), ("CI", "1")], Some(configured)).unwrap();
    assert!(found.is(&token) && found.is_ci);
}
