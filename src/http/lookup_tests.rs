use std::io::Write;
use std::time::Duration;

use credential_helper_protocol::{Scheme, Secret};
use flate2::Compression;
use flate2::write::GzEncoder;
use url::Url;

use super::{Broken, Incoming, Lookup, Validators};
use crate::http::test_server::{Server, nowhere, redirect, reply};
use crate::http::tests::Pki;
use crate::http::{Authorization, Pool, Proxies, Reply, TlsPolicy};

const LONG: Duration = Duration::from_secs(30);
/// `user:sentinel` in base64, in lower case as the server records it.
const SENT: &str = "authorization: basic dxnlcjpzzw50aw5lba==";

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn pool(policy: TlsPolicy, silence: Duration) -> Pool {
    Pool::new(policy, Proxies::No, silence)
}

fn lookup<'a>(url: &'a Url, authorization: Option<&'a Authorization>) -> Lookup<'a> {
    Lookup {
        url,
        head: false,
        accept: "",
        packed: true,
        authorization,
        range: None,
        validators: Validators::default(),
    }
}

/// Asks with a credential; gives the status and the body.
fn ask(pool: &Pool, url: &str, limit: usize) -> Result<(u16, Vec<u8>), Broken> {
    let url = Url::parse(url).unwrap();
    let header = Authorization::new(Scheme::Basic, "user", &Secret::from("sentinel")).unwrap();
    run(async {
        let incoming: Incoming = pool.open(&lookup(&url, Some(&header))).await?;
        let status = incoming.status;
        Ok((status, incoming.whole(limit).await?))
    })
}

fn plain(url: &str) -> Result<(u16, Vec<u8>), Broken> {
    ask(&pool(TlsPolicy::default(), LONG), url, 1024)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A server whose body is these bytes, with these headers.
fn body(headers: &'static str, bytes: Vec<u8>) -> Server {
    Server::writing(None, move |_, to| {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
            bytes.len()
        );
        to.write_all(head.as_bytes()).is_ok() && to.write_all(&bytes).is_ok()
    })
}

/// A server that sends everybody on, with a cookie.
fn sends_on(to: String) -> Server {
    Server::start(None, move |_| {
        let headers = format!("location: {to}\r\nset-cookie: session=sentinel\r\n");
        Some(reply("302 Found", &headers))
    })
}

#[test]
fn what_is_secret_stays_at_home_and_does_not_come_back() {
    let home = Server::start(None, |_| Some(reply("200 OK", "")));
    let away = sends_on(home.url("/simple/back/"));
    let to = away.url("/elsewhere/");
    let first = Server::start(None, move |head| {
        let inside = head.starts_with("get /simple/foo ");
        let location = if inside { "/simple/foo/" } else { &to };
        let headers = format!("location: {location}\r\nset-cookie: session=sentinel\r\n");
        Some(reply("302 Found", &headers))
    });
    assert_eq!(plain(&first.url("/simple/foo")).unwrap().0, 200);
    let heads = first.heads();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| head.contains(SENT)));
    for heads in [away.heads(), home.heads()] {
        assert_eq!(heads.len(), 1);
        assert!(!heads[0].contains("authorization"));
    }
    let all = [first.heads(), away.heads(), home.heads()].concat();
    assert!(!all.iter().any(|head| head.contains("cookie:")));
    assert!(!all.iter().any(|head| head.contains("referer:")));
}

#[test]
fn home_again_it_is_not_sent_either() {
    let (home, away) = std::thread::scope(|_| {
        let away = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
        let to = away.clone();
        let home = Server::start(None, move |head| {
            Some(if head.starts_with("get /out ") {
                redirect(to.get().unwrap())
            } else {
                reply("200 OK", "")
            })
        });
        let back = home.url("/in");
        let server = Server::start(None, move |_| Some(redirect(&back)));
        away.set(server.url("/")).unwrap();
        (home, server)
    });
    assert_eq!(plain(&home.url("/out")).unwrap().0, 200);
    let heads = home.heads();
    assert!(heads[0].contains(SENT) && !heads[1].contains("authorization"));
    assert_eq!(away.heads().len(), 1);
}

#[test]
fn userinfo_of_a_redirect_is_dropped() {
    let server = Server::start(None, |_| Some(reply("200 OK", "")));
    let to = format!("http://evil:word@{}/", server.address);
    let first = sends_on(to);
    assert_eq!(plain(&first.url("/")).unwrap().0, 200);
    assert!(!server.heads()[0].contains("authorization"));
}

#[test]
fn neither_certificate_nor_leniency_go_elsewhere() {
    let pki = Pki::new();
    let strict = Server::start(Some(pki.strict.clone()), |_| Some(reply("200 OK", "")));
    let secret_place = format!("https://{}/", strict.address);
    let to = secret_place.clone();
    let first = Server::start(Some(pki.strict.clone()), move |_| Some(redirect(&to)));
    let policy = TlsPolicy {
        authorities: Some(pki.file("ca.pem")),
        client: Some(pki.file("client.pem")),
        ..TlsPolicy::default()
    };
    let named = pool(policy, LONG);
    assert_eq!(ask(&named, &secret_place, 10).unwrap().0, 200);
    let shown = ask(&named, &format!("https://{}/", first.address), 10);
    assert!(
        matches!(&shown, Err(Broken::Reply(Reply::Tls(why))) if why.contains("certificate")),
        "{shown:?}"
    );
    // The company's authority is believed elsewhere too, what is not checked is not.
    let open = Server::start(Some(pki.server.clone()), |_| Some(reply("200 OK", "")));
    let to = format!("https://{}/", open.address);
    let first = Server::start(Some(pki.server.clone()), move |_| Some(redirect(&to)));
    let url = format!("https://{}/", first.address);
    let named = TlsPolicy {
        authorities: Some(pki.file("ca.pem")),
        ..TlsPolicy::default()
    };
    assert_eq!(ask(&pool(named, LONG), &url, 10).unwrap().0, 200);
    let unchecked = TlsPolicy {
        unchecked: true,
        ..TlsPolicy::default()
    };
    let shown = ask(&pool(unchecked, LONG), &url, 10);
    assert!(
        matches!(&shown, Err(Broken::Reply(Reply::Tls(_)))),
        "{shown:?}"
    );
}

#[test]
fn ways_that_are_not_gone() {
    let pki = Pki::new();
    let open = Server::start(None, |_| Some(reply("200 OK", "")));
    let to = open.url("/");
    let first = Server::start(Some(pki.server.clone()), move |_| Some(redirect(&to)));
    let policy = TlsPolicy {
        authorities: Some(pki.file("ca.pem")),
        ..TlsPolicy::default()
    };
    let shown = ask(
        &pool(policy, LONG),
        &format!("https://{}/", first.address),
        10,
    );
    assert!(shown.unwrap_err().words().contains("plain http"));
    assert!(open.heads().is_empty());
    for to in ["ftp://host/", "http://", "file:///etc/passwd", "data:,x"] {
        let server = sends_on(to.to_owned());
        let shown = plain(&server.url("/")).unwrap_err();
        assert_eq!(shown.words(), "a redirect leads nowhere", "{to}");
    }
    let round = Server::start(None, |_| Some(redirect("/again")));
    let shown = plain(&round.url("/")).unwrap_err();
    assert!(shown.words().contains("more than 10 redirects") && !shown.may_pass());
    assert_eq!(round.heads().len(), 11);
}

#[test]
fn what_is_asked_for() {
    let server = body("etag: \"x\"\r\n", b"part".to_vec());
    let url = Url::parse(&server.url("/f.whl#sha256=0")).unwrap();
    let wanted = Lookup {
        head: true,
        packed: false,
        range: Some("bytes=-100".to_owned()),
        validators: Validators {
            etag: Some("\"x\"".to_owned()),
            modified: Some("yesterday".to_owned()),
        },
        ..lookup(&url, None)
    };
    let got = run(pool(TlsPolicy::default(), LONG).open(&wanted)).unwrap();
    assert_eq!(got.header("etag"), Some("\"x\""));
    let head = server.heads().remove(0);
    assert!(head.starts_with("head /f.whl http/1.1\r\n"));
    for line in [
        "range: bytes=-100\r\n",
        "accept-encoding: identity\r\n",
        "if-none-match: \"x\"\r\n",
        "if-modified-since: yesterday\r\n",
        "accept: */*\r\n",
    ] {
        assert!(head.contains(line), "{line}");
    }
}

#[test]
fn bodies_are_unpacked() {
    let server = body("content-encoding: gzip\r\n", gzip(b"a page"));
    assert_eq!(plain(&server.url("/")), Ok((200, b"a page".to_vec())));
    assert!(server.heads()[0].contains("accept-encoding: gzip, deflate\r\n"));
    let unknown = body("content-encoding: br\r\n", b"a page".to_vec());
    assert!(plain(&unknown.url("/")).is_err());
}

#[test]
fn large_bodies_end_at_their_limit() {
    let client = pool(TlsPolicy::default(), LONG);
    let limit = 8 * 1024 * 1024;
    let bomb = body("content-encoding: gzip\r\n", gzip(&vec![0; 16 << 20]));
    let shown = ask(&client, &bomb.url("/"), limit).unwrap_err();
    assert!(shown.words().contains("times its size"), "{shown:?}");
    assert!(!shown.may_pass());
    let announced = body("", vec![b'x'; 2048]);
    assert!(
        plain(&announced.url("/"))
            .unwrap_err()
            .words()
            .contains("larger than 1 MiB")
    );
    let endless = Server::writing(None, |_, to| {
        let _ = to.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let piece = vec![b'x'; 64 * 1024];
        while to.write_all(&piece).is_ok() {}
        true
    });
    let shown = ask(&client, &endless.url("/"), limit).unwrap_err();
    assert!(shown.words().contains("larger than 8 MiB"));
}

#[test]
fn silence_ends() {
    let short = pool(TlsPolicy::default(), Duration::from_millis(50));
    let mute = Server::start(None, |_| None);
    let timed_out = Broken::Reply(Reply::TimedOut);
    assert_eq!(ask(&short, &mute.url("/"), 10), Err(timed_out.clone()));
    let stalled = Server::writing(None, |_, to| {
        let _ = to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
        let _ = to.flush();
        false
    });
    let shown = ask(&short, &stalled.url("/"), 10).unwrap_err();
    assert!(shown == timed_out && shown.may_pass());
    // What is not silent is given as long as a busy machine needs.
    let patient = pool(TlsPolicy::default(), LONG);
    let refused = ask(&patient, &format!("http://{}/", nowhere()), 10).unwrap_err();
    assert!(refused.may_pass() && refused.words().contains("refused"));
    let cut = body("", Vec::new());
    assert_eq!(ask(&patient, &cut.url("/"), 10), Ok((200, Vec::new())));
    let short_body = Server::writing(None, |_, to| {
        to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
            .is_ok()
    });
    assert!(plain(&short_body.url("/")).unwrap_err().may_pass());
}
