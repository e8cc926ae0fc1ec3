//! Rows of the table: what the resolver and the publisher send to whom, against servers on loopback that
//! record everything.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::sandbox::{Ended, HELPER, Sandbox, end};
use crate::publish::samples;
use crate::publish::test_server::{Act, Request, Server, say};

#[path = "../../src/http/test_server.rs"]
#[allow(dead_code, reason = "shared with the unit tests, which use all of it")]
mod tls_server;

/// What `u` and `s3ntinel` are in a header.
const SENT: &str = "Basic dTpzM250aW5lbA==";
const SECRET: &str = "s3ntinel";

/// Two servers that know of each other; the credential of `foo` is for the first.
pub struct Pair {
    pub sandbox: Sandbox,
    pub home: Server,
    pub away: Server,
}

type Answer = fn(&Request, other: &str) -> Act;

impl Pair {
    pub fn new(home: Answer, away: Answer) -> Self {
        let urls: [Arc<OnceLock<String>>; 2] = Default::default();
        let start = |answer: Answer, other: &Arc<OnceLock<String>>| {
            let other = other.clone();
            Server::start(move |request| answer(request, other.get().unwrap()))
        };
        let (home, away) = (start(home, &urls[1]), start(away, &urls[0]));
        urls[0].set(home.url("")).unwrap();
        urls[1].set(away.url("")).unwrap();
        let pair = Self {
            sandbox: Sandbox::new().without_keyring(),
            home,
            away,
        };
        pair.project("");
        pair.store(SECRET);
        pair
    }

    pub fn store(&self, password: &str) {
        let auth = format!("[http-basic.foo]\nusername = \"u\"\npassword = {password:?}\n");
        self.sandbox.write("home/.config/pypoetry/auth.toml", &auth);
    }

    /// A project whose only source is `foo`, and what else there is.
    pub fn project(&self, more: &str) {
        let text = format!(
            "[project]\nname = \"mine\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"demo\"]\n\
             [[tool.uv.index]]\nname = \"foo\"\nurl = \"{}\"\ndefault = true\n{more}",
            self.home.url("/simple/"),
        );
        self.sandbox.write("project/pyproject.toml", &text);
    }

    /// `helper` with these words; the secret is nowhere in what it says.
    pub fn run(&self, words: &[&str]) -> Ended {
        let ended = self.sandbox.helper(words);
        for text in [&ended.stdout, &ended.stderr] {
            assert!(
                !text.contains(SECRET) && !text.contains("dTpzM250"),
                "{words:?}: {ended:?}"
            );
        }
        ended
    }

    /// What was secret in the requests that came there.
    fn secrets(server: &Server) -> Vec<String> {
        let names = ["authorization", "cookie", "proxy-authorization"];
        let all = server.requests().into_iter().flat_map(|one| one.headers);
        all.filter(|(name, _)| names.contains(&&**name))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }
}

fn path(request: &Request) -> &str {
    request.line.split(' ').nth(1).unwrap_or_default()
}

fn redirect(status: u16, to: &str) -> Act {
    Act::Say(
        status,
        format!("location: {to}\r\nset-cookie: session={SECRET}\r\n"),
        String::new(),
    )
}

pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub fn json_page(page: &Value) -> Act {
    let head = "content-type: application/vnd.pypi.simple.v1+json\r\n";
    Act::Say(200, head.to_owned(), page.to_string())
}

/// A page of `demo` with these files.
pub fn page(files: &[Value]) -> Act {
    json_page(&json!({ "meta": { "api-version": "1.1" }, "name": "demo", "files": files }))
}

fn metadata(version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: demo\nVersion: {version}\n")
}

fn file(version: &str, url: &str) -> Value {
    json!({
        "filename": format!("demo-{version}-py3-none-any.whl"),
        "url": url,
        "hashes": { "sha256": "0".repeat(64) },
        "core-metadata": { "sha256": digest(metadata(version).as_bytes()) },
    })
}

fn nowhere(_: &Request, _: &str) -> Act {
    say(404, "not here")
}

/// Metadata for whoever asks, of the version in the path.
fn gives(request: &Request, _: &str) -> Act {
    match path(request)
        .split("demo-")
        .nth(1)
        .and_then(|rest| rest.split('-').next())
    {
        Some(version) => say(200, &metadata(version)),
        None => say(404, "not here"),
    }
}

/// P4: text from an index never becomes a line of a protocol: URLs are parsed anew, and what holds a line end, raw or encoded, is no file.
/// Also: `index::page::tests::one_bad_file_of_many`
#[test]
fn p4_a_line_end_in_a_pages_url_goes_nowhere() {
    let pair = Pair::new(
        |request, away| {
            if !path(request).starts_with("/simple/demo") {
                return gives(request, away);
            }
            let ends = ["%0a", "%0d%0a", "\n", "\r", "%00", "\u{2028}"];
            let files: Vec<Value> = ends
                .iter()
                .enumerate()
                .map(|(number, end)| {
                    let name = format!("demo-{number}-py3-none-any.whl");
                    file(
                        &number.to_string(),
                        &format!("/files/{name}{end}url={away}/x{end}host=evil.example"),
                    )
                })
                .collect();
            page(&files)
        },
        gives,
    );
    for number in 0..6 {
        pair.run(&["index", "metadata", &format!("demo=={number}")]);
    }
    assert!(pair.away.requests().is_empty());
    for request in pair.home.requests() {
        assert!(
            request
                .headers
                .iter()
                .all(|(name, value)| name != "url" && !value.contains("evil"))
        );
        assert_eq!(
            request.header("host"),
            Some(pair.home.address.to_string().as_str())
        );
    }
    assert!(!pair.home.requests().is_empty());
}

/// P6: one parser (WHATWG) decides where a secret may go and where the request goes; what parsers read differently is refused.
/// Also: `domain::url::tests::what_parsers_read_differently_is_refused`
#[test]
fn p6_the_host_that_is_decided_is_the_host_that_is_asked() {
    let pair = Pair::new(
        |request, away| {
            if !path(request).starts_with("/simple/demo") {
                return gives(request, away);
            }
            let home = request.header("host").unwrap();
            let away = away.strip_prefix("http://").unwrap();
            let files: Vec<Value> = puzzles(home, away)
                .iter()
                .enumerate()
                .map(|(number, url)| {
                    file(
                        &number.to_string(),
                        &format!("{url}/demo-{number}-py3-none-any.whl"),
                    )
                })
                .collect();
            page(&files)
        },
        gives,
    );
    let (home, away) = (pair.home.address.to_string(), pair.away.address.to_string());
    let puzzles = puzzles(&home, &away);
    assert!(puzzles.len() > 100, "{}", puzzles.len());
    let mut connection = {
        assert_eq!(
            pair.sandbox
                .helper(&["get", "foo", "--format", "password"])
                .stdout,
            "s3ntinel\n"
        );
        pair.sandbox.connect()
    };
    for (number, puzzle) in puzzles.iter().enumerate() {
        let url = format!("{puzzle}/demo-{number}-py3-none-any.whl");
        let question = json!({ "name": "foo", "url": url, "context": pair.sandbox.context() });
        let reply = connection.call("Get", &json!({ "question": question }));
        let given = reply.to_string().contains(SECRET);
        let parsed = url::Url::parse(&url).ok();
        let goes_home = parsed.is_some_and(|url| {
            url.scheme() == "http"
                && format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(80)) == home
        });
        assert!(!given || goes_home, "{url}: {reply}");
    }
    // A request for each would take minutes; every fifth is sent, and those that look worst.
    for number in (0..puzzles.len())
        .filter(|number| number % 5 == 0 || puzzles[*number].contains(['\\', '@']))
    {
        pair.run(&["index", "metadata", &format!("demo=={number}")]);
    }
    assert_eq!(Pair::secrets(&pair.away), [""; 0]);
    assert!(
        pair.home
            .requests()
            .iter()
            .any(|one| one.header("authorization") == Some(SENT))
    );
}

/// URLs in which one reader finds one host and another reader the other.
fn puzzles(home: &str, away: &str) -> Vec<String> {
    let mut all = Vec::new();
    let between = [
        "@", "\\@", "/@", "#@", "?@", "%40", ":@", ":x@", ":80@", ";@", "&@", "%00@", "%2f@",
        "%5c@", "%23@", "\t@", "\n@", " @", "\\", "/", "//", "#", "?", "%2f", "\\\\", ";", "@@",
        ":pw@x@",
    ];
    for (one, two) in [(home, away), (away, home)] {
        for mark in between {
            all.push(format!("http://{one}{mark}{two}"));
            all.push(format!("http:\\\\{one}{mark}{two}"));
        }
    }
    let port = away.rsplit(':').next().unwrap();
    for host in [
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.",
        "localhost",
        "[::ffff:127.0.0.1]",
        "127.0.0.1%00",
        "127.0.0.1%09",
    ] {
        all.push(format!("http://{host}:{port}"));
    }
    for start in [
        "http:/",
        "http:",
        "http:///",
        "//",
        "/\\",
        "\\\\",
        "HTTP://",
        "ht\ttp://",
        " http://",
        "\u{1}http://",
    ] {
        all.push(format!("{start}{away}"));
    }
    all
}

/// P9: what cannot stand in a header is refused before a request is made, and not repeated.
/// Also: `http::authorization::tests::what_cannot_be_sent_is_refused_without_being_repeated`, `publish::values::tests::addresses`
#[test]
fn p9_a_line_end_in_a_secret_makes_no_header() {
    for bad in [
        "s3ntinel\\r\\nX-Evil: 1",
        "s3ntinel\\nX-Evil: 1",
        "s3ntinel\\u0000",
        "s3ntinel\\r\\n\\r\\nGET /evil HTTP/1.1",
    ] {
        let pair = Pair::new(gives, gives);
        let auth = format!(
            "[http-basic.foo]\nusername = \"u\"\npassword = \"{bad}\"\n[pypi-token]\nfoo = \"{bad}\"\n"
        );
        pair.sandbox.write("home/.config/pypoetry/auth.toml", &auth);
        let wheel = pair.sandbox.path("project/dist");
        std::fs::create_dir_all(&wheel).unwrap();
        samples::wheel(&wheel, "a", "1.0");
        let url = pair.home.url("/legacy/");
        let config = format!("[keyring]\nenabled = false\n[repositories.foo]\nurl = \"{url}\"\n");
        pair.sandbox
            .write("home/.config/pypoetry/config.toml", &config);
        for words in [
            &["index", "files", "demo"][..],
            &["publish", "-r", "foo"],
            &["get", "foo", "--format", "header"],
        ] {
            let ended = pair.run(words);
            assert_ne!(ended.status, 0, "{bad} {words:?}: {ended:?}");
        }
        for request in pair.home.requests() {
            assert!(!request.line.contains("evil"), "{bad}");
            assert_eq!(request.header("x-evil"), None, "{bad}");
        }
    }
}

/// H1: redirects are followed by our own code; Authorization, cookies and client certificates are dropped on any change of scheme, host or
/// port, and never come back.
/// Also: `http::lookup::tests::what_is_secret_stays_at_home_and_does_not_come_back`, `http::lookup::tests::home_again_it_is_not_sent_either`,
/// `http::tests::another_origin_is_not_even_asked`, `http::lookup::tests::neither_certificate_nor_leniency_go_elsewhere`
#[test]
fn h1_nothing_secret_follows_a_redirect_and_nothing_comes_back() {
    for status in [301, 302, 303, 307, 308] {
        let pair = Pair::new(
            match status {
                301 => |request, away| leads(301, request, away),
                302 => |request, away| leads(302, request, away),
                303 => |request, away| leads(303, request, away),
                307 => |request, away| leads(307, request, away),
                _ => |request, away| leads(308, request, away),
            },
            |_, home| redirect(302, &format!("{home}/back/")),
        );
        pair.run(&["index", "files", "demo"]);
        let requests = pair.home.requests();
        assert_eq!(requests[0].header("authorization"), Some(SENT), "{status}");
        for back in requests.iter().filter(|one| path(one).starts_with("/back")) {
            assert_eq!(back.header("authorization"), None, "{status}");
        }
        assert!(
            requests.iter().all(|one| one.header("cookie").is_none()),
            "{status}"
        );
        assert_eq!(Pair::secrets(&pair.away), [""; 0], "{status}");
    }
}

fn leads(status: u16, request: &Request, away: &str) -> Act {
    if path(request).starts_with("/simple") {
        redirect(status, &format!("{away}/elsewhere/"))
    } else {
        page(&[])
    }
}

/// H2: a proxy's credential goes to the proxy alone, and nothing of this machine itself goes to a proxy: a secret that plain http carries to
/// loopback would cross the network.
#[test]
fn h2_the_proxys_credential_and_ours_do_not_meet() {
    let pair = Pair::new(|_, _| page(&[]), |_, _| page(&[]));
    let proxy = format!("http://pu:pr0xy@{}", pair.away.address);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let ended = pair
            .sandbox
            .helper_with(&[(name, &proxy)], &["index", "files", "demo", "--no-cache"]);
        assert!(!ended.stderr.contains("pr0xy"), "{ended:?}");
        assert_eq!(
            Pair::secrets(&pair.home).pop().unwrap(),
            format!("authorization: {SENT}")
        );
    }
    assert!(pair.away.requests().is_empty());
    assert!(
        Pair::secrets(&pair.home)
            .iter()
            .all(|line| line.starts_with("authorization"))
    );
    // Another index is asked through the proxy, which is given its own credential and none of ours.
    pair.project("[[tool.uv.index]]\nname = \"bar\"\nurl = \"http://index.example/simple/\"\n");
    let variables = [("HTTP_PROXY", &*proxy)];
    let ended = pair
        .sandbox
        .helper_with(&variables, &["index", "files", "demo", "--no-cache"]);
    assert!(!ended.stderr.contains("pr0xy"), "{ended:?}");
    let seen = Pair::secrets(&pair.away);
    assert!(!seen.is_empty());
    for line in &seen {
        assert_eq!(line, "proxy-authorization: Basic cHU6cHIweHk=");
    }
}

/// H3: netrc is read only where the settings switch it on, for exactly the parsed host and port-less names, without its `default` entry.
/// Also: `provider::netrc::tests::the_default_entry_is_no_answer`
#[test]
fn h3_netrc_answers_for_its_own_host_alone() {
    let sandbox = Sandbox::new().without_keyring();
    let netrc = sandbox.write(
        "home/.netrc",
        "machine good.example login u password s3ntinel\nmachine empty.example\ndefault login u password s3ntinel\n",
    );
    std::fs::set_permissions(netrc, std::fs::Permissions::from_mode(0o600)).unwrap();
    let get = |url: &str| sandbox.helper(&["get", url]).stdout;
    assert_eq!(get("https://good.example/simple/"), "");
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        "netrc = \"~/.netrc\"\n",
    );
    assert!(get("https://good.example/simple/").contains(SECRET));
    for url in [
        "https://good.example:@evil.example/",
        "https://good.example@evil.example/",
        "https://evil.example/good.example",
        "https://good.example;evil.example/",
        "https://evil.example;good.example/",
        "https://sub.good.example/",
        "https://empty.example/",
        "https://good.example.evil.example/",
        "https://other.example/",
        "http://good.example/",
    ] {
        assert!(!get(url).contains(SECRET), "{url}");
    }
}

/// H4: an https secret never goes to http; plain http carries secrets to loopback, or where the user allowed that origin.
/// Also: `http::tests::the_same_port_under_another_scheme_is_another_origin`, `http::call::tests::where_secrets_may_go`,
/// `agent::rules_tests::service_rules::https_secrets_are_not_given_to_who_goes_there_in_the_clear`
#[test]
fn h4_an_https_secret_does_not_go_to_http() {
    let sandbox = Sandbox::new().without_keyring();
    let set = ["set", "foo", "u", "--url", "https://index.example/simple/"];
    assert_eq!(sandbox.helper_fed(&set, SECRET).status, 0);
    let project = "[[tool.uv.index]]\nname = \"foo\"\nurl = \"http://index.example/simple/\"\n";
    sandbox.write("project/pyproject.toml", project);
    for words in [
        &["get", "foo"][..],
        &["get", "http://index.example/simple/"],
        &["get", "http://index.example:443/simple/"],
    ] {
        let ended = sandbox.helper(words);
        assert!([1, 4].contains(&ended.status), "{words:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{words:?}");
    }
    // The user's own word is the permission.
    assert_eq!(
        sandbox
            .helper(&["trust", "foo", "http://index.example/simple/"])
            .status,
        0
    );
    assert!(sandbox.helper(&["get", "foo"]).stdout.contains(SECRET));
}

/// H5: a file or its metadata on another origin gets a secret only inside a scope that the user configured.
/// Also: `index::fetch::tests::each_url_gets_what_belongs_there`, `index::lookup::metadata::tests::a_base_elsewhere_does_not_get_the_credential`
#[test]
fn h5_what_a_page_points_at_elsewhere_gets_nothing() {
    let pair = Pair::new(
        |request, away| {
            if !path(request).starts_with("/simple/demo") {
                return gives(request, away);
            }
            let host = away.strip_prefix("http:").unwrap();
            page(&[
                file("0", &format!("{away}/files/demo-0-py3-none-any.whl")),
                file("1", &format!("{host}/files/demo-1-py3-none-any.whl")),
                file("2", &format!("{away}/simple/demo/demo-2-py3-none-any.whl")),
                file(
                    "3",
                    &format!(
                        "{}@{}/demo-3-py3-none-any.whl",
                        away.replace("//", "//u:x@"),
                        ""
                    ),
                ),
            ])
        },
        gives,
    );
    for version in 0..4 {
        pair.run(&["index", "metadata", &format!("demo=={version}")]);
    }
    assert!(pair.away.requests().len() >= 3);
    assert_eq!(Pair::secrets(&pair.away), [""; 0]);
    let pair = Pair::new(
        |request, away| {
            let html = format!(
                "<base href=\"{away}/x/\"><a href=\"demo-1-py3-none-any.whl\" data-core-metadata=\"true\">demo-1-py3-none-any.whl</a>"
            );
            if path(request).starts_with("/simple/demo") {
                Act::Say(200, "content-type: text/html\r\n".to_owned(), html)
            } else {
                say(404, "")
            }
        },
        gives,
    );
    pair.run(&["index", "metadata", "demo==1"]);
    assert!(!pair.away.requests().is_empty());
    assert_eq!(Pair::secrets(&pair.away), [""; 0]);
}

/// H6: userinfo in a redirect is dropped: neither used, nor kept, nor shown.
/// Also: `http::lookup::tests::userinfo_of_a_redirect_is_dropped`
#[test]
fn h6_userinfo_of_a_redirect_is_dropped() {
    let pair = Pair::new(
        |_, away| {
            redirect(
                302,
                &format!("{}/x/", away.replace("//", "//evil:s3ntinel@")),
            )
        },
        |_, _| page(&[file("1", "/demo-1-py3-none-any.whl")]),
    );
    let ended = pair.run(&["-vv", "index", "files", "demo"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!pair.away.requests().is_empty());
    assert_eq!(Pair::secrets(&pair.away), [""; 0]);
    assert_kept_clean(&pair.sandbox);
}

/// No file but Poetry's own has the secret.
fn assert_kept_clean(sandbox: &Sandbox) {
    let mut folders = vec![sandbox.root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() && !path.ends_with("auth.toml") {
                let text = std::fs::read(&path).unwrap();
                let text = String::from_utf8_lossy(&text);
                assert!(!text.contains(SECRET), "{}", path.display());
            }
        }
    }
}

/// H7: a 401 of another origin asks for no credential and gets none, whatever its realm says.
#[test]
fn h7_a_401_elsewhere_is_no_question() {
    let pair = Pair::new(
        |request, away| {
            if path(request).starts_with("/simple/demo") {
                page(&[file("1", &format!("{away}/demo-1-py3-none-any.whl"))])
            } else {
                say(404, "")
            }
        },
        |_, home| {
            let bait = format!("www-authenticate: Basic realm=\"{home}/simple/\"\r\n");
            Act::Say(401, bait, String::new())
        },
    );
    let ended = pair.run(&["-vv", "index", "metadata", "demo==1"]);
    assert_ne!(ended.status, 0, "{ended:?}");
    assert!(!pair.away.requests().is_empty());
    assert_eq!(Pair::secrets(&pair.away), [""; 0]);
    // What to do is said, for whoever wants it.
    assert!(ended.stderr.contains("also"), "{ended:?}");
}

/// H8: an upload follows 307 and 308 within its origin, and nothing else: its body and its token are sent to nobody anew.
/// Also: `publish::upload::tests::redirects`
#[test]
fn h8_an_upload_is_sent_to_nobody_else() {
    for status in [301, 302, 303, 307, 308] {
        for elsewhere in [true, false] {
            let other = Server::start(|_| say(200, ""));
            let to = if elsewhere {
                other.url("/legacy/")
            } else {
                "/new/".to_owned()
            };
            let server = Server::start(move |request| match (request.is_upload(), path(request)) {
                (true, "/legacy/") => redirect(status, &to),
                (true, _) => say(200, ""),
                _ => say(404, ""),
            });
            let sandbox = Sandbox::new();
            let url = server.url("/legacy/");
            let config =
                format!("[keyring]\nenabled = false\n[repositories.foo]\nurl = \"{url}\"\n");
            sandbox.write("home/.config/pypoetry/config.toml", &config);
            sandbox.write(
                "home/.config/pypoetry/auth.toml",
                "[http-basic.foo]\nusername = \"u\"\npassword = \"s3ntinel\"\n",
            );
            let dist = sandbox.path("project/dist");
            std::fs::create_dir(&dist).unwrap();
            samples::wheel(&dist, "a", "1.0");
            let ended = sandbox.helper(&["publish", "-r", "foo"]);
            let allowed = status >= 307 && !elsewhere;
            assert_eq!(
                ended.status == 0,
                allowed,
                "{status} {elsewhere}: {ended:?}"
            );
            assert!(other.requests().is_empty(), "{status}");
            assert_eq!(
                server.uploads().len(),
                if allowed { 2 } else { 1 },
                "{status}"
            );
        }
    }
}

/// A server whose certificate nobody has signed.
fn self_signed() -> tls_server::Server {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    tls_server::Server::start(Some(Arc::new(config)), |_| {
        Some(tls_server::reply("404 Not Found", ""))
    })
}

/// H9: leniency with certificates, and a certificate of ours, are one repository's where its name is bound to, and a project that declares the name elsewhere does not take them along; a client for each TLS policy, and nobody else's connection is used.
/// Also: `http::lookup::tests::neither_certificate_nor_leniency_go_elsewhere`, `index::fetch::certificates::tests::what_is_allowed_holds_where_the_name_is_bound`, `http::tests::what_needs_a_binding_is_for_the_origins_that_are_bound`
#[test]
fn h9_an_unchecked_certificate_is_one_repositorys() {
    let server = self_signed();
    let sandbox = Sandbox::new();
    sandbox.write(
        "home/.config/pypoetry/config.toml",
        "[keyring]\nenabled = false\n[certificates.loose]\ncert = false\n",
    );
    let auth = "[http-basic.loose]\nusername = \"u\"\npassword = \"x\"\n[http-basic.strict]\nusername = \"u\"\npassword = \"s3ntinel\"\n";
    sandbox.write("home/.config/pypoetry/auth.toml", auth);
    let text = ["loose", "strict"].map(|name| {
        format!(
            "[[tool.uv.index]]\nname = \"{name}\"\nurl = \"https://{}/{name}/simple/\"\n",
            server.address
        )
    });
    sandbox.write("project/pyproject.toml", &text.concat());
    let ended = sandbox.helper(&["index", "files", "demo"]);
    assert_eq!(ended.status, 3, "{ended:?}");
    let heads = server.heads();
    assert!(
        !heads.is_empty() && heads.iter().all(|head| head.starts_with("get /loose/")),
        "{heads:?}"
    );
}

/// A cloned project that declares a name which no credential was ever used for.
#[test]
fn h9_nothing_of_it_follows_a_name_that_nothing_binds() {
    let server = self_signed();
    let sandbox = Sandbox::new();
    sandbox.write(
        "home/.config/pypoetry/config.toml",
        "[keyring]\nenabled = false\n[certificates.corp]\ncert = false\n",
    );
    let url = format!("https://{}/simple/", server.address);
    let project = format!(
        "[project]\nname = \"demo\"\nversion = \"1.0\"\n[[tool.uv.index]]\nname = \"corp\"\nurl = \"{url}\"\n\
         publish-url = \"{url}\"\n"
    );
    sandbox.write("project/pyproject.toml", &project);
    let dist = sandbox.path("project/dist");
    std::fs::create_dir_all(&dist).unwrap();
    samples::wheel(&dist, "demo", "1.0");
    let upload = [
        "publish",
        "-r",
        "corp",
        "--username",
        "u",
        "--password",
        "s3ntinel",
    ];
    for command in [&["index", "files", "demo"][..], &upload] {
        let ended = sandbox.helper(command);
        assert_eq!(ended.status, 3, "{ended:?}");
        assert!(
            ended.stderr.contains(&format!("helper trust corp {url}")),
            "{ended:?}"
        );
    }
    assert!(server.heads().is_empty(), "{:?}", server.heads());
    let elsewhere = "https://elsewhere.example/simple/";
    assert_eq!(sandbox.helper(&["trust", "corp", elsewhere]).status, 0);
    assert_ne!(sandbox.helper(&["index", "files", "demo"]).status, 0);
    assert!(server.heads().is_empty(), "{:?}", server.heads());
    // The user's word for this place.
    assert_eq!(sandbox.helper(&["trust", "corp", &url]).status, 0);
    for (command, method) in [
        (&["index", "files", "demo"][..], "get "),
        (&upload, "post "),
    ] {
        sandbox.helper(command);
        let heads = server.heads();
        assert!(
            heads.iter().any(|head| head.starts_with(method)),
            "{heads:?}"
        );
    }
}

/// H10: what is unpacked is counted while it is unpacked, against a limit of its size and of its ratio, and only one packing is undone.
/// Also: `http::decode::tests::a_bomb_ends_within_its_ratio`, `http::decode::tests::what_is_cut_off_or_another_thing_is_broken`
#[test]
fn h10_a_page_that_grows_without_end_is_given_up() {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    let bomb = BOMB.get_or_init(|| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..300 {
            std::io::Write::write_all(&mut encoder, &zeros).unwrap();
        }
        encoder.finish().unwrap()
    });
    let server = tls_server::Server::writing(None, |_, to| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            bomb.len()
        );
        to.write_all(head.as_bytes()).is_ok() && to.write_all(bomb).is_ok()
    });
    let sandbox = Sandbox::new().without_keyring();
    let project = format!(
        "[[tool.uv.index]]\nname = \"foo\"\nurl = \"{}\"\ndefault = true\n",
        server.url("/simple/")
    );
    sandbox.write("project/pyproject.toml", &project);
    let mut command = sandbox.command(HELPER);
    command.args(["index", "files", "demo"]);
    #[expect(unsafe_code, reason = "runs between fork and exec")]
    // SAFETY: one system call that takes a number and a struct.
    unsafe {
        command.pre_exec(|| {
            // Room for the program, its libraries and threads, and a tenth of what the page would be.
            let limit = libc::rlimit {
                rlim_cur: 64 << 20,
                rlim_max: 64 << 20,
            };
            match libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
    let ended = end(&mut command, "");
    assert_eq!(ended.status, 3, "{ended:?}");
    assert_eq!(ended.stdout, "");
}

/// H11: redirects end after ten.
/// Also: `http::tests::redirects_end`
#[test]
fn h11_redirects_end() {
    let pair = Pair::new(
        |request, _| redirect(302, &format!("{}x/", path(request))),
        nowhere,
    );
    let ended = pair.run(&["index", "files", "demo"]);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(
        pair.home.requests().len() <= 11,
        "{}",
        pair.home.requests().len()
    );
}

/// H12: what is kept of a page is kept for the account that asked, in files of the user alone; what must not be stored is not.
/// Also: `index::lookup::tests::each_account_has_its_own_pages`, `index::cache::tests::nobody_else_may_look`
#[test]
fn h12_one_accounts_pages_are_not_anothers() {
    let pair = Pair::new(
        |request, _| {
            let own = request.header("authorization") == Some(SENT);
            let files = [file("1", "/demo-1-py3-none-any.whl")];
            match page(if own { &files } else { &[] }) {
                Act::Say(status, head, text) => Act::Say(
                    status,
                    format!("{head}cache-control: private, max-age=600\r\n"),
                    text,
                ),
                other => other,
            }
        },
        nowhere,
    );
    assert!(
        pair.run(&["index", "files", "demo"])
            .stdout
            .contains("demo-1")
    );
    let asked = pair.home.requests().len();
    assert!(
        pair.run(&["index", "files", "demo"])
            .stdout
            .contains("demo-1")
    );
    assert_eq!(pair.home.requests().len(), asked);
    pair.store("another");
    let ended = pair.run(&["index", "files", "demo"]);
    assert!(!ended.stdout.contains("demo-1"), "{ended:?}");
    assert!(pair.home.requests().len() > asked);
    let mut folders = vec![pair.sandbox.path("home/.cache/credential-helper")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(
            std::fs::metadata(&folder).unwrap().permissions().mode() & 0o077,
            0
        );
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files += 1;
                assert_eq!(
                    std::fs::metadata(&path).unwrap().permissions().mode() & 0o077,
                    0,
                    "{}",
                    path.display()
                );
            }
        }
    }
    assert!(files > 0);
    assert_kept_clean(&pair.sandbox);
}

/// H13: what stands in a URL's userinfo is not logged, printed, locked or kept; a query is not logged. Where a file's URL is what was asked for
/// (a lock file, `--json`), it is the page's own, because without its query it would be another file.
/// Also: `index::fetch::tests::urls_are_told_without_what_may_be_secret`, `index::source::tests::userinfo_is_never_shown`
#[test]
fn h13_tokens_in_urls_are_in_no_output_and_no_file() {
    let pair = Pair::new(
        |request, _| {
            if path(request).starts_with("/simple/demo") {
                page(&[file(
                    "1",
                    "/files/demo-1-py3-none-any.whl?X-Amz-Signature=s1gned&token=s1gned#s3ntinel",
                )])
            } else {
                gives(request, "")
            }
        },
        nowhere,
    );
    pair.sandbox.write(
        "project/pyproject.toml",
        "[project]\nname = \"mine\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n",
    );
    pair.sandbox.write("home/.config/pypoetry/auth.toml", "");
    let index = pair.home.url("/simple/").replace("//", "//u:s3ntinel@");
    let more = [
        "--index-url",
        &index,
        "--python-version",
        "3.12",
        "--python-platform",
        "linux",
    ];
    for words in [
        &["-vv", "resolve", "demo"][..],
        &["-vv", "resolve", "demo", "--generate-hashes"],
        &[
            "-vv",
            "resolve",
            "demo",
            "--format",
            "pylock",
            "-o",
            "pylock.toml",
        ],
        &["-vv", "resolve", "demo", "--format", "json"],
        &["-vv", "resolve", "missing"],
    ] {
        let ended = pair.sandbox.helper(&[words, &more].concat());
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(SECRET), "{words:?}: {ended:?}");
        }
        assert!(!ended.stderr.contains("s1gned"), "{words:?}: {ended:?}");
    }
    assert!(
        pair.home
            .requests()
            .iter()
            .any(|one| one.header("authorization") == Some(SENT))
    );
    assert_kept_clean(&pair.sandbox);
}

/// H14: the first source that knows a name owns it, a pin leads nowhere else, and a source that could not say (401, 403, 5xx, no answer) is an
/// error, never "not here".
/// Also: `index::fetch::tests::only_404_and_410_are_not_here`, `index::lookup::tests::what_is_no_page_stops_the_search_with_the_sources_name`
#[test]
fn h14_a_private_source_that_is_down_does_not_make_way_for_the_public_one() {
    let answers: [Answer; 5] = [
        |_, _| say(401, ""),
        |_, _| say(403, ""),
        |_, _| say(500, ""),
        |_, _| Act::Close,
        |_, _| say(200, "no page at all"),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let pair = Pair::new(answer, |_, _| {
            page(&[file("99", "/demo-99-py3-none-any.whl")])
        });
        let sources = format!(
            "[project]\nname = \"mine\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"demo\"]\n\
             [[tool.uv.index]]\nname = \"foo\"\nurl = \"{}\"\n[[tool.uv.index]]\nname = \"public\"\nurl = \"{}\"\ndefault = true\n",
            pair.home.url("/simple/"),
            pair.away.url("/simple/"),
        );
        pair.sandbox.write("project/pyproject.toml", &sources);
        for words in [
            &["resolve", "--python-version", "3.12"][..],
            &["index", "files", "demo"],
            &["index", "metadata", "demo==99"],
        ] {
            let ended = pair.run(words);
            assert!(
                [3, 5].contains(&ended.status),
                "{number} {words:?}: {ended:?}"
            );
            assert_eq!(ended.stdout, "", "{number} {words:?}");
            assert!(
                ended.stderr.contains("foo"),
                "{number} {words:?}: {ended:?}"
            );
        }
        assert!(pair.away.requests().is_empty(), "{number}");
    }
}

/// H15: names are compared in their normalised form, and a page's files of another name are left out.
/// Also: `index::page::tests::what_no_installer_takes_is_left_out_without_a_word`
#[test]
fn h15_files_of_another_name_are_left_out() {
    let pair = Pair::new(
        |request, _| {
            let names = [
                "Demo-1-py3-none-any.whl",
                "dem0-2-py3-none-any.whl",
                "demo_x-3-py3-none-any.whl",
                "demo-x-4.tar.gz",
                "de-mo-5.tar.gz",
                "d\u{435}mo-6.tar.gz",
                "demo.tar.gz",
                "-7.tar.gz",
                "demo-8.exe",
                "other-9-py3-none-any.whl",
            ];
            let files: Vec<Value> = names
                .iter()
                .map(|name| json!({ "filename": name, "url": format!("/{name}"), "hashes": {} }))
                .collect();
            match path(request) {
                "/simple/demo/" => page(&files),
                _ => say(404, ""),
            }
        },
        nowhere,
    );
    let ended = pair.run(&["index", "files", "DEMO", "--all", "--json"]);
    let object: Value = serde_json::from_str(&ended.stdout).unwrap();
    let files: Vec<&str> = object["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["filename"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["Demo-1-py3-none-any.whl"]);
}

/// H16: digests of SHA-256 or better count; what does not have its digest is refused and not kept.
/// Also: `index::ladder::tests::what_is_beside_has_to_have_its_digest`, `index::ladder::tests::a_wheel_that_was_read_whole_has_to_have_its_digest`
#[test]
fn h16_what_has_another_digest_is_refused() {
    let pair = Pair::new(
        |request, _| match path(request) {
            "/simple/demo/" => {
                let mut weak = file("2", "/demo-2-py3-none-any.whl");
                weak["hashes"] = json!({ "md5": "d41d8cd98f00b204e9800998ecf8427e" });
                let mut forged = file("1", "/demo-1-py3-none-any.whl");
                forged["core-metadata"] = json!({ "sha256": "1".repeat(64) });
                page(&[forged, weak])
            }
            _ => gives(request, ""),
        },
        nowhere,
    );
    for _ in 0..2 {
        let ended = pair.run(&["index", "metadata", "demo==1"]);
        assert_ne!(ended.status, 0, "{ended:?}");
        assert!(!ended.stdout.contains("Metadata-Version"), "{ended:?}");
    }
    let words = [
        "resolve",
        "demo==2",
        "--generate-hashes",
        "--python-version",
        "3.12",
    ];
    let ended = pair.run(&words);
    assert!(!ended.stdout.contains("md5"), "{ended:?}");
}
