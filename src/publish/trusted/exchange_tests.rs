use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Secret};
use serde_json::json;

use super::{Begun, Burned, Exchange};
use crate::domain::url::RepositoryUrl;
use crate::http::{Client, Proxies, TlsPolicy};
use crate::publish::test_index::{Index, SENTINEL, identity_token, path, refusal, token};
use crate::publish::test_server::{Act, Server, say};
use crate::publish::trusted::{Identity, Later};

/// A place that has a new identity token each time, or the same for ever.
pub(in crate::publish) struct Made {
    count: Cell<usize>,
    always_new: bool,
}

impl Made {
    pub(in crate::publish) fn boxed(always_new: bool) -> Box<dyn Identity> {
        let count = Cell::new(0);
        Box::new(Self { count, always_new })
    }
}

impl Identity for Made {
    fn word(&self) -> &'static str {
        "made"
    }

    fn name(&self) -> &'static str {
        "a test"
    }

    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>> {
        if self.always_new {
            self.count.set(self.count.get() + 1);
        }
        let token = identity_token(audience, self.count.get());
        Box::pin(std::future::ready(Ok(Secret::new(token))))
    }
}

fn url(server: &Server) -> RepositoryUrl {
    RepositoryUrl::parse(&server.url("/legacy/")).unwrap().0
}

/// Does something with an exchange that begins at this server.
fn exchange<T>(
    server: &Server,
    always_new: bool,
    work: impl AsyncFnOnce(Result<Exchange<'_>, Failure>) -> T,
) -> T {
    let client = Client::new(&TlsPolicy::default(), Proxies::No, Duration::from_secs(30)).unwrap();
    let upload = url(server);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let begun = Exchange::begin(&client, &upload, "a", Made::boxed(always_new), &[]).await;
        work(match begun {
            Ok(Begun::Offered(exchange)) => Ok(*exchange),
            Ok(Begun::NotOffered(failure)) | Err(failure) => Err(failure),
        })
        .await
    })
}

/// Why no token is minted. No token is in it.
fn failure(server: &Server) -> Failure {
    exchange(server, true, async |begun| match begun {
        Err(failure) => failure,
        Ok(mut exchange) => exchange.authorization().await.err().unwrap(),
    })
}

fn told(failure: &Failure) -> String {
    let text = format!(
        "{} / {}",
        failure.message,
        failure.hint.as_deref().unwrap_or_default()
    );
    assert!(!text.contains(SENTINEL), "{text}");
    text
}

#[test]
fn audiences_that_may_be_passed_on() {
    for audience in [
        "pypi",
        "test_pypi-2",
        "https://index.example:8443/a/b",
        "//iam.googleapis.com/projects/1/locations/global",
        "api://AzureADTokenExchange",
        "urn:index:a=b+c@d",
    ] {
        assert!(super::is_plain(audience), "{audience}");
    }
    assert!(!super::is_plain(&"a".repeat(256)));
}

#[test]
fn audience_mint_and_burn() {
    let index = Index::new();
    exchange(&index.server, true, async |begun| {
        let mut exchange = begun.unwrap();
        assert_eq!(exchange.audience(), "pypi");
        assert_eq!((exchange.expires(), index.minted().len()), (None, 0));
        for _ in 0..2 {
            let made = exchange.authorization().await.unwrap();
            assert!(made.is_in(&index.minted()[0]));
        }
        assert!(exchange.expires().is_some() && !exchange.is_due());
        let fresh = exchange.take_fresh();
        let hidden = [identity_token("pypi", 1), index.minted()[0].clone()];
        assert!(
            fresh
                .iter()
                .zip(&hidden)
                .all(|(a, b)| a.same(&Secret::from(&**b)))
        );
        assert!(exchange.take_fresh().is_empty());
        assert_eq!(exchange.burn().await, Burned::Done);
        assert_eq!(exchange.burn().await, Burned::Nothing);
        assert!(!format!("{exchange:?}").contains(SENTINEL));
    });
    assert_eq!(index.burned(), index.minted());
    assert_eq!(
        index.lines(),
        [
            "GET /.well-known/pytp?discover=%2Flegacy%2F",
            "GET /_/oidc/audience",
            "POST /_/oidc/mint-token",
            "POST /_/oidc/burn-token",
        ]
    );
    // The secrets stand in bodies only.
    for request in index.server.requests() {
        assert!(request.header("authorization").is_none());
        assert!(!format!("{:?}", request.headers).contains(SENTINEL));
    }
    let mint = &index.server.requests()[2];
    assert_eq!(token(mint), identity_token("pypi", 1));
    assert_eq!(mint.header("content-type"), Some("application/json"));
    assert!(!String::from_utf8_lossy(&mint.body).contains("features"));
}

/// A server with a document of PEP 807, in which `HERE` stands for its own origin.
fn discovering(document: &'static str) -> Index {
    Index::start(&[], move |request| match path(request) {
        "/.well-known/pytp" => {
            assert_eq!(
                request.header("accept"),
                Some("application/vnd.pypi.pytp.v1+json")
            );
            let here = format!("http://{}", request.header("host").unwrap());
            Some(say(200, &document.replace("HERE", &here)))
        }
        "/who" => Some(say(200, "{\"audience\":\"own\"}")),
        _ => None,
    })
}

#[test]
fn an_index_says_where() {
    let index =
        discovering("{\"audience-endpoint\":\"HERE/who\",\"token-mint-endpoint\":\"HERE/mint\"}");
    exchange(&index.server, true, async |begun| {
        let mut exchange = begun.unwrap();
        assert_eq!(exchange.audience(), "own");
        exchange.authorization().await.unwrap();
        // It does not say how.
        assert_eq!(exchange.burn().await, Burned::Nothing);
    });
    assert_eq!(index.lines()[1..], ["GET /who", "POST /mint"]);
    assert_eq!(token(&index.server.requests()[2]), identity_token("own", 1));
}

#[test]
fn tokens_for_one_upload() {
    let index = discovering(
        "{\"audience-endpoint\":\"HERE/who\",\"token-mint-endpoint\":\"HERE/_/oidc/mint-token\",\
          \"features\":[\"single-use-token\"],\"default-features\":[\"single-use-token\"]}",
    );
    exchange(&index.server, true, async |begun| {
        let mut exchange = begun.unwrap();
        for number in 0..3 {
            let made = exchange.authorization().await.unwrap();
            assert!(made.is_in(&index.minted()[number]));
        }
        assert_eq!(exchange.burn().await, Burned::Done);
    });
    // Where both are there, one for all files is asked for.
    let index = discovering(
        "{\"audience-endpoint\":\"HERE/who\",\"token-mint-endpoint\":\"HERE/mint\",\
          \"features\":[\"single-use-token\",\"multi-use-token\"],\"default-features\":[\"single-use-token\"]}",
    );
    exchange(&index.server, true, async |begun| {
        let mut exchange = begun.unwrap();
        exchange.authorization().await.unwrap();
        exchange.authorization().await.unwrap();
    });
    assert_eq!(index.minted().len(), 1);
    let sent = index.server.requests().pop().unwrap().body;
    let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(sent["features"], json!(["multi-use-token"]));
}

#[test]
fn documents_that_lead_elsewhere() {
    for (document, code, part) in [
        (
            "{\"audience-endpoint\":\"HERE/who\",\"token-mint-endpoint\":\"https://evil.example/mint\"}",
            ErrorCode::Policy,
            "its token-mint-endpoint leads to another host, evil.example",
        ),
        (
            "{\"audience-endpoint\":\"http://evil.example/\",\"token-mint-endpoint\":\"HERE/mint\"}",
            ErrorCode::InsecureTransport,
            "its audience-endpoint cannot be used: http://evil.example would be asked in the clear",
        ),
        (
            "{\"audience-endpoint\":\"HERE/who\"}",
            ErrorCode::Malformed,
            "its token-mint-endpoint is missing",
        ),
        (
            "{\"audience-endpoint\":7,\"token-mint-endpoint\":\"HERE/mint\"}",
            ErrorCode::Malformed,
            "its audience-endpoint is missing",
        ),
    ] {
        let index = discovering(document);
        let failure = failure(&index.server);
        assert_eq!(failure.code, code, "{document}");
        assert!(told(&failure).contains(part), "{}", told(&failure));
        assert!(index.minted().is_empty());
    }
    // What is no document at all is one of a server that does not know the question.
    for document in ["<html>", "[]", "{}", "null"] {
        let index = discovering(document);
        let audience = exchange(&index.server, true, async |begun| {
            begun.unwrap().audience().to_owned()
        });
        assert_eq!(audience, "pypi");
    }
}

#[test]
fn each_refusal_is_explained() {
    for (code, why, hint) in [
        (
            "invalid-payload",
            "did not understand the request",
            "look at the publishers at",
        ),
        (
            "invalid-token",
            "does not accept the identity token",
            "the issuer and the audience",
        ),
        (
            "not-enabled",
            "switched off there",
            "use a token of the index",
        ),
        (
            "invalid-publisher",
            "no trusted publisher there fits this job (status 422: invalid-publisher: because)",
            "add or correct a publisher at 127.0.0.1, in the settings of a: repository o/r, \
             workflow release.yml, environment release",
        ),
        (
            "invalid-pending-publisher",
            "cannot become this project",
            "repository o/r",
        ),
        (
            "invalid-reuse-token",
            "exchanged before",
            "start the job again",
        ),
        (
            "their-own",
            "refused the identity token (status 422: their-own: because)",
            "look at",
        ),
    ] {
        let index = Index::start(&[], move |request| {
            (path(request) == "/_/oidc/mint-token").then(|| refusal(code, "because"))
        });
        let failure = failure(&index.server);
        assert_eq!(failure.code, ErrorCode::Rejected);
        let text = told(&failure);
        assert!(text.contains(why) && text.contains(hint), "{text}");
        for claim in [
            "sub repo:o/r:environment:release",
            "repository o/r",
            "environment release",
            "ref refs/tags/v1",
            "job_workflow_ref o/r/.github/workflows/build.yml@refs/tags/v1",
        ] {
            assert!(text.contains(claim), "{text}");
        }
    }
    // A server that repeats what it was sent, in an answer of RFC 9457.
    let index = Index::start(&[], |request| {
        let sent = (path(request) == "/_/oidc/mint-token").then(|| token(request))?;
        let problem = json!({ "title": "no", "detail": format!("not for {sent}") });
        Some(say(403, &problem.to_string()))
    });
    let text = told(&failure(&index.server));
    assert!(
        text.contains("refused the identity token (status 403)"),
        "{text}"
    );
}

#[test]
fn indexes_without_it() {
    for (status, content, part) in [
        (
            404,
            "not here",
            "has no trusted publishing: it answered 404: not here",
        ),
        (
            403,
            "{\"message\":\"Trusted publishing disabled\"}",
            "403: Trusted publishing disabled",
        ),
        (200, "<html>", "it named no audience"),
        (200, "{\"audience\":1}", "it named no audience"),
    ] {
        let index = Index::start(&[], move |request| {
            (path(request) == "/_/oidc/audience").then(|| say(status, content))
        });
        let failure = failure(&index.server);
        assert_eq!(failure.code, ErrorCode::NotFound);
        assert!(told(&failure).contains(part), "{}", told(&failure));
    }
    // What a shell would make something of, in a command of the settings like `sh -c "mint {audience}"`.
    for audience in [
        "", "-x", "@x", "=x", "a\\u0007", "\\u00e4", "a b", "a\\nb", "a;b", "$(b)", "a$b", "`b`",
        "a&b", "a|b", "a>b", "a<b", "(a)", "{a}", "a*", "a?", "[a]", "~a", "a#b", "a!b", "a'b",
        "a\\\"b", "a\\\\b", "a%b", "a^b", "a,b",
    ] {
        let index = Index::start(&[], move |request| {
            let reply = format!("{{\"audience\":\"{audience}\"}}");
            (path(request) == "/_/oidc/audience").then(|| say(200, &reply))
        });
        assert_eq!(
            failure(&index.server).code,
            ErrorCode::Malformed,
            "{audience}"
        );
    }
    let index = Index::start(&[], |request| {
        (path(request) == "/_/oidc/mint-token").then(|| say(200, "{\"token\":\"\"}"))
    });
    assert_eq!(failure(&index.server).code, ErrorCode::Malformed);
}

/// Neither the identity token nor the minted one follows a redirect, inside the origin or out of it.
#[test]
fn no_redirect_is_followed() {
    let other = Arc::new(Server::start(|_| {
        say(200, "{\"audience\":\"x\",\"token\":\"y\"}")
    }));
    for place in ["/_/oidc/audience", "/_/oidc/mint-token"] {
        for status in [301, 302, 303, 307, 308] {
            for to in [other.url("/x"), "/elsewhere".to_owned()] {
                let inside = to.starts_with('/');
                let index = Index::start(&[], move |request| {
                    let headers = format!("location: {to}\r\n");
                    (path(request) == place).then(|| Act::Say(status, headers, String::new()))
                });
                let code = failure(&index.server).code;
                let expected = match (inside, place) {
                    (false, _) => ErrorCode::Policy,
                    (true, "/_/oidc/audience") => ErrorCode::NotFound,
                    (true, _) => ErrorCode::Rejected,
                };
                assert_eq!(code, expected, "{place} {status}");
                assert!(!index.lines().iter().any(|line| line.contains("elsewhere")));
            }
        }
    }
    let to = other.url("/x");
    let index = Index::start(&[], move |request| {
        let headers = format!("location: {to}\r\n");
        (path(request) == "/_/oidc/burn-token").then(|| Act::Say(307, headers, String::new()))
    });
    exchange(&index.server, true, async |begun| {
        let mut exchange = begun.unwrap();
        exchange.authorization().await.unwrap();
        assert!(
            matches!(exchange.burn().await, Burned::Failed(why) if why.contains("another origin"))
        );
    });
    assert!(other.requests().is_empty());
}

#[test]
fn faults_are_tried_again() {
    let count = AtomicUsize::new(0);
    let index = Index::start(&[], move |request| {
        let is_first = || count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        match path(request) {
            "/_/oidc/audience" | "/_/oidc/mint-token" if is_first() => Some(Act::Close),
            _ => None,
        }
    });
    exchange(&index.server, true, async |begun| {
        begun.unwrap().authorization().await.unwrap();
    });
    assert_eq!(index.lines().len(), 5);
    let index = Index::start(&[], |request| {
        (path(request) == "/_/oidc/mint-token").then(|| say(503, "busy"))
    });
    let failure = failure(&index.server);
    assert_eq!(failure.code, ErrorCode::Unavailable);
    assert_eq!(index.lines().len(), 2 + 4);
}

/// An identity token is good for one exchange; a token's end is believed as far as it can be.
#[test]
fn ends_and_new_ones() {
    let index = Index::start(&[30], |_| None);
    exchange(&index.server, true, async |begun| {
        let mut exchange = begun.unwrap();
        exchange.authorization().await.unwrap();
        assert!(exchange.is_due());
        let second = exchange.authorization().await.unwrap();
        assert!(second.is_in(&index.minted()[1]) && !exchange.is_due());
    });
    let index = Index::start(&[30], |_| None);
    exchange(&index.server, false, async |begun| {
        let mut exchange = begun.unwrap();
        exchange.authorization().await.unwrap();
        let failure = exchange.authorization().await.err().unwrap();
        assert_eq!(failure.code, ErrorCode::Rejected);
        assert!(told(&failure).contains("was exchanged already"));
    });
    assert_eq!(index.lines().len(), 3);
    for life in [&[-10][..], &[10_000_000]] {
        let index = Index::start(life, |_| None);
        exchange(&index.server, true, async |begun| {
            let mut exchange = begun.unwrap();
            exchange.authorization().await.unwrap();
            assert!(!exchange.is_due());
            exchange.authorization().await.unwrap();
        });
        assert_eq!(index.minted().len(), 1);
    }
}

#[test]
fn a_token_that_cannot_be_burned() {
    for (act, burned) in [
        ((|| say(404, "")) as fn() -> Act, Burned::Nothing),
        (|| say(405, ""), Burned::Nothing),
        (|| say(200, ""), Burned::Done),
    ] {
        let index = Index::start(&[], move |request| {
            (path(request) == "/_/oidc/burn-token").then(act)
        });
        let ended = exchange(&index.server, true, async |begun| {
            let mut exchange = begun.unwrap();
            exchange.authorization().await.unwrap();
            exchange.burn().await
        });
        assert_eq!(ended, burned);
    }
    let index = Index::start(&[], |request| {
        (path(request) == "/_/oidc/burn-token").then(|| say(503, SENTINEL))
    });
    exchange(&index.server, true, async |begun| {
        let mut exchange = begun.unwrap();
        exchange.authorization().await.unwrap();
        let Burned::Failed(why) = exchange.burn().await else {
            panic!("it is burned");
        };
        assert!(why.ends_with("it answered 503"), "{why}");
    });
}
