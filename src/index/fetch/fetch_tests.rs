use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use credential_helper_protocol::{ErrorCode, Failure, Secret};
use url::Url;

use super::test_sources::{Log, Told, agent, credential, failure, reports, requester, run, source};
use super::{ANONYMOUS, Bound, Outcome, Requester, Said, Trouble, Wish, Word};
use crate::domain::url::Userinfo;
use crate::http::test_server::{Server, nowhere, reply};
use crate::index::source::{Authenticate, Source};

/// What a source answers to the page of one project.
fn page(requester: &Requester, source: &Source) -> Result<Option<Vec<u8>>, Trouble> {
    let url = source.url.join("foo/").unwrap();
    run(async {
        let said = requester.whole(source, &Wish::page(&url, ""), 1024).await?;
        Ok(match said {
            Said::Served(whole) => Some(whole.body),
            _ => None,
        })
    })
}

/// What a file is asked for with: the account in the header, or nothing.
fn file(requester: &Requester, source: &Source, url: &str) -> Result<(), Trouble> {
    let url = Url::parse(url).unwrap();
    run(async {
        let said = requester.whole(source, &Wish::file(&url), 1024).await?;
        assert!(matches!(said, Said::Served(_)));
        Ok(())
    })
}

/// The account and the secret of the last request to a server.
fn sent(server: &Server) -> Option<String> {
    use base64::Engine as _;
    let head = server.heads().pop().unwrap();
    let (_, rest) = head.split_once("authorization: basic ")?;
    let encoded = rest.split("\r\n").next()?;
    // Heads are recorded in lower case: so is what is compared.
    Some(
        KNOWN
            .iter()
            .find(|known| {
                let made = base64::engine::general_purpose::STANDARD.encode(known.as_bytes());
                made.to_lowercase() == encoded
            })?
            .to_string(),
    )
}

const KNOWN: [&str; 6] = [
    "foo:sentinel",
    "bar:sentinel",
    "foo:new",
    "url:sentinel",
    "ci:given",
    "foo:",
];

fn open_server() -> Server {
    Server::start(None, |_| Some(reply("200 OK", "")))
}

fn with_agent(sources: &[Arc<Source>], bound: Vec<Bound>) -> (Requester, Told) {
    let (asker, told) = agent(bound, |inquiry, _| Ok(credential(inquiry, "sentinel")));
    (requester(sources, Some(asker), Arc::new(())), told)
}

fn refusal(result: Result<Option<Vec<u8>>, Trouble>) -> (Word, Option<u16>, Failure) {
    let trouble = result.unwrap_err();
    (trouble.word, trouble.status, trouble.failure)
}

#[test]
fn each_url_gets_what_belongs_there() {
    let (own, files, stranger) = (open_server(), open_server(), open_server());
    let foo = Arc::new(source("foo", &own.url("/foo/simple/")));
    let bar = Arc::new(source("bar", &own.url("/bar/simple/")));
    let bound = vec![
        Bound {
            name: "foo".to_owned(),
            url: files.url("/foo/"),
            extra: true,
        },
        Bound {
            name: "Bar".to_owned(),
            url: files.url("/bar/"),
            extra: true,
        },
        Bound {
            name: "foo".to_owned(),
            url: stranger.url("/"),
            extra: false,
        },
        Bound {
            name: "third".to_owned(),
            url: own.url("/third/legacy/"),
            extra: false,
        },
    ];
    let (requester, told) = with_agent(&[foo.clone(), bar.clone()], bound);
    assert_eq!(page(&requester, &foo).unwrap(), Some(b"ok".to_vec()));
    assert_eq!(sent(&own).as_deref(), Some("foo:sentinel"));
    for (server, path, expected) in [
        (&own, "/foo/packages/f.whl", Some("foo:sentinel")),
        (&own, "/packages/f.whl", Some("foo:sentinel")),
        (&own, "/bar/packages/f.whl", Some("bar:sentinel")),
        (&own, "/barfly/f.whl", Some("foo:sentinel")),
        (&files, "/foo/f.whl.metadata?x=1", Some("foo:sentinel")),
        (&files, "/foobar/f.whl", None),
        // A page of one source does not make another's secret go out.
        (&files, "/bar/f.whl", None),
        (&stranger, "/f.whl", None),
    ] {
        file(&requester, &foo, &server.url(path)).unwrap();
        assert_eq!(sent(server).as_deref(), expected, "{path}");
        if expected.is_none() {
            assert!(!server.heads().pop().unwrap().contains("authorization"));
        }
    }
    let gets: Vec<String> = told.all();
    let count = |begin: &str| gets.iter().filter(|words| words.starts_with(begin)).count();
    // Each place once, however many requests: foo, its files, and bar.
    assert_eq!(
        [count("get foo"), count("get bar"), count("bound")],
        [2, 1, 1]
    );
    assert_eq!(reports(&told, Outcome::Accepted, 3), 3);
}

#[test]
fn a_refused_credential_is_read_again_once() {
    let server = Server::start(None, |head| {
        // `foo:new`.
        let right = head.contains("authorization: basic zm9vom5ldw==");
        let status = if right { "200 OK" } else { "401 Unauthorized" };
        Some(reply(status, ""))
    });
    let foo = Arc::new(source("foo", &server.url("/simple/")));
    let (asker, told) = agent(Vec::new(), |inquiry, before| {
        Ok(credential(
            inquiry,
            if before == 0 { "sentinel" } else { "new" },
        ))
    });
    let one = requester(std::slice::from_ref(&foo), Some(asker), Arc::new(()));
    assert!(page(&one, &foo).unwrap().is_some());
    assert!(page(&one, &foo).unwrap().is_some());
    assert_eq!(server.heads().len(), 3);
    let gets = told.all();
    assert_eq!(
        gets.iter().filter(|words| words.starts_with("get")).count(),
        2
    );
    assert_eq!(reports(&told, Outcome::Unauthorized, 1), 1);
    assert_eq!(reports(&told, Outcome::Accepted, 1), 1);
}

#[test]
fn refusals_name_the_credential_and_its_provider() {
    for (status, code, word) in [
        ("401 Unauthorized", 401, Word::Unauthorized),
        ("403 Forbidden", 403, Word::Forbidden),
    ] {
        let server = Server::status(status);
        let foo = Arc::new(source("foo", &server.url("/simple/")));
        let (asker, told) = agent(Vec::new(), |inquiry, before| match before {
            0 => Ok(credential(inquiry, "sentinel")),
            _ => Err(failure(ErrorCode::Rejected, "it was refused")),
        });
        let one = requester(std::slice::from_ref(&foo), Some(asker), Arc::new(()));
        let (said, got, failure) = refusal(page(&one, &foo));
        assert_eq!((said, got), (word, Some(code)));
        assert_eq!(failure.code.exit_status(), 5);
        for part in ["foo", "auth.toml", &code.to_string()] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        assert!(!format!("{failure:?}").contains("sentinel"));
        assert!(!told.all().is_empty());
        // Without one: there is none, and the hint says how to store it.
        let bare = requester(std::slice::from_ref(&foo), None, Arc::new(()));
        let (said, _, failure) = refusal(page(&bare, &foo));
        assert_eq!((said, failure.code), (word, ErrorCode::Rejected));
        assert!(failure.message.contains("no credential was sent"));
        assert!(
            failure
                .hint
                .unwrap()
                .starts_with("helper set foo --url http://")
        );
    }
}

#[test]
fn a_foreign_file_that_is_refused_shows_the_line_to_add() {
    let (own, files) = (open_server(), Server::status("403 Forbidden"));
    let foo = Arc::new(source("foo", &own.url("/simple/")));
    let (requester, _) = with_agent(std::slice::from_ref(&foo), Vec::new());
    let trouble = file(&requester, &foo, &files.url("/f.whl")).unwrap_err();
    let hint = trouble.failure.hint.unwrap();
    assert!(
        hint.contains("[repositories.foo]") && hint.contains("also = ["),
        "{hint}"
    );
}

#[test]
fn only_404_and_410_are_not_here() {
    let of = |server: &Server, ignore: &[u16]| {
        let mut foo = source("foo", &server.url("/simple/"));
        foo.ignore_errors = ignore.to_vec();
        let foo = Arc::new(foo);
        let one = requester(std::slice::from_ref(&foo), None, Arc::new(()));
        page(&one, &foo)
    };
    for status in ["404 Not Found", "410 Gone"] {
        assert_eq!(of(&Server::status(status), &[]), Ok(None), "{status}");
    }
    let forbidden = Server::status("403 Forbidden");
    assert_eq!(of(&forbidden, &[403]), Ok(None));
    assert!(of(&forbidden, &[401]).is_err());
    for (status, requests) in [
        ("500 Internal Server Error", 3),
        ("503 Service Unavailable", 3),
        ("429 Too Many Requests", 3),
        ("400 Bad Request", 1),
        ("402 Payment Required", 1),
        ("407 Proxy Authentication Required", 1),
        ("418 Teapot", 1),
        ("501 Not Implemented", 1),
    ] {
        let server = Server::status(status);
        let (word, got, failure) = refusal(of(&server, &[]));
        assert_eq!(word, Word::Error);
        assert_eq!(got.map(|got| got.to_string()).as_deref(), status.get(..3));
        assert_eq!(failure.code.exit_status(), 3, "{status}");
        assert!(failure.message.contains("the source foo"));
        assert_eq!(server.heads().len(), requests, "{status}");
    }
}

#[test]
fn what_does_not_answer_is_an_error() {
    let foo = Arc::new(source("foo", &format!("http://{}/simple/", nowhere())));
    let one = requester(std::slice::from_ref(&foo), None, Arc::new(()));
    let (word, status, failure) = refusal(page(&one, &foo));
    assert_eq!((word, status), (Word::Error, None));
    assert_eq!(failure.code.exit_status(), 3);
    assert!(
        failure.message.contains("the source foo"),
        "{}",
        failure.message
    );
}

#[test]
fn what_fails_by_chance_is_asked_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::writing(None, move |_, to| {
        let text = match count.fetch_add(1, Ordering::SeqCst) {
            0 => "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n".to_owned(),
            // Cut off in the middle.
            1 => "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal".to_owned(),
            _ => reply("200 OK", ""),
        };
        to.write_all(text.as_bytes()).is_ok()
    });
    let foo = Arc::new(source("foo", &server.url("/simple/")));
    let log = Arc::new(Log::default());
    let one = requester(std::slice::from_ref(&foo), None, log.clone());
    assert_eq!(page(&one, &foo).unwrap(), Some(b"ok".to_vec()));
    let log = log.0.lock().unwrap();
    assert_eq!(log.len(), 3);
    assert!(log[0].starts_with("GET http://127.0.0.1:"));
    assert!(
        log[0].ends_with("/simple/foo/ 503 no cache foo -"),
        "{}",
        log[0]
    );
}

#[test]
fn a_small_file_that_is_cut_off_is_asked_for_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::writing(None, move |_, to| {
        let text = match count.fetch_add(1, Ordering::SeqCst) {
            0 => "HTTP/1.1 206 Part\r\ncontent-length: 10\r\n\r\nhal".to_owned(),
            _ => reply("206 Part", ""),
        };
        to.write_all(text.as_bytes()).is_ok()
    });
    let foo = Arc::new(source("foo", &server.url("/simple/")));
    let one = requester(std::slice::from_ref(&foo), None, Arc::new(()));
    let url = Url::parse(&server.url("/f.whl")).unwrap();
    let body = run(async {
        let said = one.open(&foo, &Wish::file(&url)).await.unwrap();
        let Said::Served(mut incoming) = said else {
            return Vec::new();
        };
        let first = incoming.piece().await.unwrap().unwrap();
        assert_eq!(incoming.piece().await, Ok(None));
        first.to_vec()
    });
    assert_eq!(body, b"ok");
    assert_eq!(server.heads().len(), 2);
}

#[test]
fn what_the_agent_cannot_say_is_no_miss() {
    let server = open_server();
    let foo = Arc::new(source("foo", &server.url("/simple/")));
    let with = |code| {
        let (asker, _) = agent(Vec::new(), move |_, _| Err(failure(code, "the words")));
        requester(std::slice::from_ref(&foo), Some(asker), Arc::new(()))
    };
    for (code, exit) in [
        (ErrorCode::Locked, 3),
        (ErrorCode::TimedOut, 3),
        (ErrorCode::OriginChanged, 4),
        (ErrorCode::Policy, 4),
    ] {
        let (word, _, failure) = refusal(page(&with(code), &foo));
        assert_eq!((word, failure.code.exit_status()), (Word::Error, exit));
        assert_eq!(failure.message, "cannot ask the source foo: the words");
    }
    assert!(server.heads().is_empty());
    // None is known, and an open index on plain http needs none.
    for code in [ErrorCode::NotFound, ErrorCode::InsecureTransport] {
        assert!(page(&with(code), &foo).unwrap().is_some());
    }
    let closed = Arc::new(source(
        "foo",
        &Server::status("401 Unauthorized").url("/simple/"),
    ));
    let (_, _, failure) = refusal(page(&with(ErrorCode::InsecureTransport), &closed));
    assert_eq!(failure.code, ErrorCode::InsecureTransport);
}

#[test]
fn when_a_credential_is_sent() {
    let server = open_server();
    let mut foo = source("foo", &server.url("/simple/"));
    let secret = Userinfo {
        username: "ci".to_owned(),
        password: Some(Secret::from("given")),
    };
    let ask = |foo: &Source, found: bool| {
        let foo = Arc::new(foo.clone());
        let (asker, told) = agent(Vec::new(), move |inquiry, _| {
            if found {
                Ok(credential(inquiry, "sentinel"))
            } else {
                Err(failure(ErrorCode::NotFound, "none"))
            }
        });
        let one = requester(std::slice::from_ref(&foo), Some(asker), Arc::new(()));
        let result = page(&one, &foo).map_err(|trouble| trouble.failure.code);
        (result.map(|_| sent(&server)), told.all().len())
    };
    let sends = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(ask(&foo, true).0, sends("foo:sentinel"));
    assert_eq!(ask(&foo, false).0, Ok(None));
    foo.authenticate = Authenticate::Always;
    assert_eq!(ask(&foo, true).0, sends("foo:sentinel"));
    assert_eq!(ask(&foo, false).0, Err(ErrorCode::Rejected));
    // What stands in the source's own URL, where nobody has anything better.
    foo.userinfo = Some(secret);
    assert_eq!(ask(&foo, true).0, sends("foo:sentinel"));
    assert_eq!(ask(&foo, false).0, sends("ci:given"));
    foo.authenticate = Authenticate::Never;
    assert_eq!(ask(&foo, true), (Ok(None), 0));
}

#[test]
fn a_mirror_gets_nothing_that_is_stored_for_a_name() {
    let server = open_server();
    let mut mirror = source("foo", "https://index.example/simple/");
    mirror.url = Url::parse(&server.url("/mirror/")).unwrap();
    let mirror = Arc::new(mirror);
    let (requester, told) = with_agent(std::slice::from_ref(&mirror), Vec::new());
    assert!(page(&requester, &mirror).unwrap().is_some());
    assert_eq!(sent(&server).as_deref(), Some("url:sentinel"));
    assert_eq!(told.all()[0], format!("get - {}", server.url("/mirror/")));
}

#[test]
fn everybody_reads_pypi_without_a_credential() {
    let pypi = Arc::new(source("pypi", "https://pypi.org/simple/"));
    let (requester, told) = with_agent(std::slice::from_ref(&pypi), Vec::new());
    let url = Url::parse("https://files.pythonhosted.org/packages/f.whl").unwrap();
    for (url, page) in [(&pypi.url, true), (&url, false)] {
        let (who, _) = run(requester.identity(&pypi, url, page)).unwrap();
        assert_eq!(&*who, ANONYMOUS);
    }
    assert!(told.all().is_empty());
}

#[test]
fn urls_are_told_without_what_may_be_secret() {
    let server = open_server();
    let foo = Arc::new(source("foo", &server.url("/simple/")));
    let log = Arc::new(Log::default());
    let one = requester(std::slice::from_ref(&foo), None, log.clone());
    file(&one, &foo, &server.url("/f.whl?signature=sentinel")).unwrap();
    let words = log.0.lock().unwrap().remove(0);
    assert!(words.contains("/f.whl?... 200"), "{words}");
}
