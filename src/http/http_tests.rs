use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use credential_helper_protocol::{Scheme, Secret};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

use super::test_server::{Server, nowhere, redirect, reply};
use super::{ACCEPT_SIMPLE, Authorization, Client, Proxies, Reply, TlsPolicy};
use crate::domain::url::RepositoryUrl;

const LONG: Duration = Duration::from_secs(30);

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn ask_with(url: &str, tls: &TlsPolicy, time: Duration) -> Reply {
    let client = Client::new(tls, Proxies::No, time).unwrap();
    let url = RepositoryUrl::parse(url).unwrap().0;
    let header = Authorization::new(Scheme::Basic, "user", &Secret::from("sentinel")).unwrap();
    run(client.get(&url, ACCEPT_SIMPLE, Some(&header)))
}

fn ask(url: &str) -> Reply {
    ask_with(url, &TlsPolicy::default(), LONG)
}

/// `user:sentinel` in base64, in lower case as the server records it.
const SENT: &str = "authorization: basic dxnlcjpzzw50aw5lba==";

#[test]
fn statuses() {
    for (status, wanted) in [
        ("200 OK", Reply::Ok(200)),
        ("204 No Content", Reply::Ok(204)),
        ("401 Unauthorized", Reply::Unauthorized),
        ("403 Forbidden", Reply::Forbidden),
        ("404 Not Found", Reply::NotFound),
        ("407 Proxy Authentication Required", Reply::Status(407)),
        ("500 Internal Server Error", Reply::Status(500)),
    ] {
        let server = Server::status(status);
        assert_eq!(ask(&server.url("/simple/")), wanted, "{status}");
        let heads = server.heads();
        assert_eq!(heads.len(), 1);
        assert!(heads[0].starts_with("get /simple/ http/1.1\r\n"));
        assert!(heads[0].contains(SENT));
        assert!(heads[0].contains("user-agent: credential-helper/"));
        assert!(heads[0].contains("accept: application/vnd.pypi.simple.v1+json, application/"));
    }
}

#[test]
fn a_redirect_within_the_origin_keeps_the_credential() {
    let server = Server::start(None, |head| {
        Some(if head.starts_with("get /simple ") {
            redirect("/simple/?page=1")
        } else {
            reply("200 OK", "")
        })
    });
    assert_eq!(ask(&server.url("/simple")), Reply::Ok(200));
    let heads = server.heads();
    assert_eq!(heads.len(), 2);
    assert!(heads[1].starts_with("get /simple/?page=1 "));
    assert!(heads.iter().all(|head| head.contains(SENT)));
}

#[test]
fn another_origin_is_not_even_asked() {
    let other = Server::status("200 OK");
    let port = other.address.port();
    for target in [
        format!("http://127.0.0.1:{port}/simple/"),
        format!("http://localhost:{port}/simple/"),
        format!("https://127.0.0.1:{port}/simple/"),
        format!("//127.0.0.1:{port}/simple/"),
        format!("http://user:pw@127.0.0.1:{port}/"),
    ] {
        let to = target.clone();
        let server = Server::start(None, move |_| Some(redirect(&to)));
        let reply = ask(&server.url("/simple/"));
        let Reply::Redirect(origin) = reply else {
            panic!("{target}: {reply:?}");
        };
        assert!(origin.ends_with(&format!(":{port}")) && !origin.contains("pw"));
    }
    assert_eq!(other.heads(), Vec::<String>::new());
}

#[test]
fn the_same_port_under_another_scheme_is_another_origin() {
    let server = Server::start(None, |head| {
        let host = head.split("host: ").nth(1)?.split("\r\n").next()?;
        Some(redirect(&format!("https://{host}/simple/")))
    });
    let origin = format!("https://{}", server.address);
    assert_eq!(ask(&server.url("/simple/")), Reply::Redirect(origin));
    assert_eq!(server.heads().len(), 1);
}

#[test]
fn redirects_end() {
    let server = Server::start(None, |_| Some(redirect("/again")));
    assert!(matches!(ask(&server.url("/")), Reply::Connect(why) if why.contains("redirects")));
    assert_eq!(server.heads().len(), super::REDIRECTS + 1);
    for bad in ["", "location: ftp://x/\r\n", "location: http://a%20b/\r\n"] {
        let server = Server::start(None, move |_| Some(reply("301 Moved", bad)));
        assert!(matches!(ask(&server.url("/")), Reply::Connect(_)), "{bad}");
    }
}

#[test]
fn a_silent_server_costs_the_deadline_and_no_more() {
    let server = Server::start(None, |_| None);
    let begin = Instant::now();
    let time = Duration::from_millis(200);
    let reply = ask_with(&server.url("/"), &TlsPolicy::default(), time);
    assert_eq!(reply, Reply::TimedOut);
    assert!(begin.elapsed() >= time && begin.elapsed() < LONG);
}

#[test]
fn what_does_not_answer_is_named() {
    let refused = ask(&format!("http://{}/", nowhere()));
    assert_eq!(
        refused,
        Reply::Connect("the connection was refused".to_owned())
    );
    let noise = Server::start(None, |_| Some("220 mail.example ESMTP\r\n".to_owned()));
    assert!(matches!(ask(&noise.url("/")), Reply::Connect(_)));
    let plain = Server::start(None, |_| None);
    let url = format!("https://{}/", plain.address);
    let time = Duration::from_millis(200);
    let reply = ask_with(&url, &TlsPolicy::default(), time);
    assert!(
        matches!(reply, Reply::TimedOut | Reply::Tls(_)),
        "{reply:?}"
    );
}

/// A private authority, a server that it signed, and a client that it signed.
pub(super) struct Pki {
    folder: TempDir,
    pub(super) server: Arc<ServerConfig>,
    pub(super) strict: Arc<ServerConfig>,
}

impl Pki {
    pub(super) fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let signed = |name: &str, purpose| {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.extended_key_usages = vec![purpose];
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &authority).unwrap(), key)
        };
        let (server, server_key) = signed("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = signed("client", ExtendedKeyUsagePurpose::ClientAuth);
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("ca.pem", authority.pem());
        write("client.pem", client.pem() + &client_key.serialize_pem());
        write("alone.pem", client.pem());
        write("none.pem", "nothing".to_owned());
        let chain: Vec<CertificateDer<'static>> = vec![server.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
            .build()
            .unwrap();
        let config = |strict: bool| {
            let builder = ServerConfig::builder();
            let builder = if strict {
                builder.with_client_cert_verifier(verifier.clone())
            } else {
                builder.with_no_client_auth()
            };
            let made = builder.with_single_cert(chain.clone(), key.clone_key());
            Arc::new(made.unwrap())
        };
        Self {
            server: config(false),
            strict: config(true),
            folder,
        }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn a_private_authority_is_believed_where_it_is_named() {
    let pki = Pki::new();
    let server = Server::start(Some(pki.server.clone()), |_| Some(reply("200 OK", "")));
    let url = format!("https://{}/simple/", server.address);
    let named = TlsPolicy {
        authorities: Some(pki.file("ca.pem")),
        ..TlsPolicy::default()
    };
    let unchecked = TlsPolicy {
        unchecked: true,
        ..TlsPolicy::default()
    };
    let unknown = |reply| matches!(reply, Reply::Tls(why) if why.contains("authority"));
    assert_eq!(ask_with(&url, &named, LONG), Reply::Ok(200));
    assert!(unknown(ask(&url)));
    // An unchecked connection to the host must not serve the next, checked one.
    assert_eq!(ask_with(&url, &unchecked, LONG), Reply::Ok(200));
    assert!(unknown(ask(&url)));
    assert_eq!(server.heads().len(), 2);
    let other_host = format!("https://localhost:{}/", server.address.port());
    assert!(matches!(
        ask_with(&other_host, &named, LONG),
        Reply::Tls(why) if why.contains("another host")
    ));
}

#[test]
fn a_client_certificate_is_shown_where_it_is_named() {
    let pki = Pki::new();
    let server = Server::start(Some(pki.strict.clone()), |_| Some(reply("200 OK", "")));
    let url = format!("https://{}/simple/", server.address);
    let with = TlsPolicy {
        authorities: Some(pki.file("ca.pem")),
        client: Some(pki.file("client.pem")),
        ..TlsPolicy::default()
    };
    let without = TlsPolicy {
        client: None,
        ..with.clone()
    };
    assert_eq!(ask_with(&url, &with, LONG), Reply::Ok(200));
    let reply = ask_with(&url, &without, LONG);
    assert!(
        matches!(&reply, Reply::Tls(why) if why.contains("client certificate")),
        "{reply:?}"
    );
}

#[test]
fn unusable_files_are_named() {
    let pki = Pki::new();
    for (authorities, client) in [
        (Some(pki.file("missing.pem")), None),
        (Some(pki.file("none.pem")), None),
        (Some(pki.file("")), None),
        (None, Some(pki.file("alone.pem"))),
        (None, Some(pki.file("none.pem"))),
    ] {
        let path = authorities.clone().or(client.clone()).unwrap();
        let policy = TlsPolicy {
            authorities,
            client,
            ..TlsPolicy::default()
        };
        let failure = Client::new(&policy, Proxies::No, LONG).err().unwrap();
        assert!(failure.message.contains(&*path.to_string_lossy()));
    }
}

#[test]
fn what_needs_a_binding_is_for_the_origins_that_are_bound() {
    let pki = Pki::new();
    let ask = |policy: &TlsPolicy, bound: &[&Server], server: &Server| {
        let url = |server: &Server| {
            let url = format!("https://{}/", server.address);
            RepositoryUrl::parse(&url).unwrap().0
        };
        let origins = bound.iter().map(|one| url(one).origin().clone()).collect();
        let client = Client::bound(policy, origins, Proxies::No, LONG).unwrap();
        run(client.get(&url(server), "*/*", None))
    };
    let loose = TlsPolicy {
        unchecked: true,
        ..TlsPolicy::default()
    };
    let named = TlsPolicy {
        authorities: Some(pki.file("ca.pem")),
        client: Some(pki.file("client.pem")),
        ..TlsPolicy::default()
    };
    let open = |config: &Arc<ServerConfig>| {
        Server::start(Some(config.clone()), |_| Some(reply("200 OK", "")))
    };
    let (server, other) = (open(&pki.server), open(&pki.server));
    assert_eq!(ask(&loose, &[&server], &server), Reply::Ok(200));
    assert!(matches!(ask(&loose, &[&other], &server), Reply::Tls(_)));
    assert!(matches!(ask(&loose, &[], &server), Reply::Tls(_)));
    let strict = open(&pki.strict);
    assert_eq!(ask(&named, &[&strict], &strict), Reply::Ok(200));
    assert!(!matches!(ask(&named, &[&server], &strict), Reply::Ok(_)));
    // Whose certificates are believed is no matter of origins.
    assert_eq!(ask(&named, &[], &server), Reply::Ok(200));
}
