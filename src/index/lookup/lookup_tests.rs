use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use credential_helper_protocol::ErrorCode;

use super::{Answered, Lookups};
use crate::http::test_server::{Server, redirect, reply};
use crate::index::cache::Cache;
use crate::index::fetch::test_sources::{Log, agent, credential, requester, run, source};
use crate::index::fetch::{Asker, Word};
use crate::index::offers::{Offers as _, Rule};
use crate::index::once::together;
use crate::index::source::{Kind, Priority, Source, Sources};
use crate::package::PackageName;

fn name(text: &str) -> PackageName {
    PackageName::from_str(text).unwrap()
}

fn foo() -> PackageName {
    name("foo")
}

/// A page of `foo` with one version, and these headers.
fn page(version: &str, headers: &str) -> String {
    let body = format!(
        r#"{{"meta":{{"api-version":"1.1"}},"name":"foo","versions":["{version}"],"files":[
        {{"filename":"foo-{version}-py3-none-any.whl","url":"foo-{version}-py3-none-any.whl",
        "hashes":{{}},"size":1}}]}}"#
    );
    format!(
        "HTTP/1.1 200 OK\r\n{headers}content-type: application/vnd.pypi.simple.v1+json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn serves(version: &'static str, headers: &'static str) -> Server {
    Server::start(None, move |_| Some(page(version, headers)))
}

fn sources(rule: Rule, all: Vec<Source>) -> Sources {
    Sources {
        rule,
        all: all.into_iter().map(Arc::new).collect(),
        pins: Vec::new(),
        warnings: Vec::new(),
    }
}

fn lookups(rule: Rule, all: Vec<Source>) -> Lookups {
    let sources = sources(rule, all);
    let requester = requester(&sources.all, None, Arc::new(()));
    Lookups::new(sources, requester, None)
}

/// One run with a cache: what the source said, and what was told of the requests.
fn run_with(at: &Path, one: &Source, asker: Option<Asker>) -> (Arc<Answered>, Vec<String>) {
    let sources = sources(Rule::IndexPriority, vec![one.clone()]);
    let cache = Cache::open(at).unwrap();
    let log = Arc::new(Log::default());
    let requester = requester(&sources.all, asker, log.clone());
    let lookups = Lookups::new(sources, requester, Some(cache));
    let first = lookups.sources().all[0].clone();
    let answered = run(lookups.ask(&first, &foo()));
    lookups.flush();
    let words = log.0.lock().unwrap();
    let words = words.iter().map(|words| {
        let mut words = words.split(' ').skip(2);
        let status = words.next().unwrap_or_default();
        format!("{status} {}", words.next().unwrap_or_default())
    });
    (answered, words.collect())
}

fn versions(answered: &Answered) -> Vec<String> {
    let listing = answered.listing.as_ref();
    let versions = listing.map(|listing| listing.project.versions());
    versions
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect()
}

/// The sources that listings come from.
fn tier(lookups: &Lookups, at: usize) -> Option<Vec<String>> {
    let listings = run(lookups.tier(&foo(), None, at)).unwrap()?;
    Some(listings.iter().map(|one| one.source.to_string()).collect())
}

#[test]
fn the_first_index_that_has_it_is_the_last_that_is_asked() {
    let absent = Server::status("404 Not Found");
    let (first, second) = (serves("1.0", ""), serves("9.0", ""));
    let all = [("a", &absent), ("b", &first), ("c", &second)];
    let all = all.map(|(name, server)| source(name, &server.url("/simple/")));
    let lookups = lookups(Rule::IndexPriority, all.to_vec());
    assert_eq!(tier(&lookups, 0).unwrap(), ["b"]);
    assert_eq!(tier(&lookups, 0).unwrap(), ["b"]);
    assert_eq!(tier(&lookups, 1), None);
    assert!(absent.heads()[0].starts_with("get /simple/foo/ http/1.1"));
    assert!(absent.heads()[0].contains("accept: application/vnd.pypi.simple.v1+json, "));
    // Once a run each, and the one behind never.
    let asked = [absent.heads(), first.heads(), second.heads()].map(|heads| heads.len());
    assert_eq!(asked, [1, 1, 0]);
    let told = run(lookups.explained(&foo(), None)).unwrap();
    let words: Vec<&str> = told.iter().map(|(_, said)| said.word.word()).collect();
    assert_eq!(words, ["absent", "served", "skipped"]);
    assert_eq!(
        told[2].1.detail.as_deref(),
        Some("not asked: b comes before it")
    );
    let everywhere = run(lookups.everywhere(&foo()));
    assert_eq!(versions(&everywhere[2].1), ["9.0"]);
}

#[test]
fn a_pool_is_asked_at_once_and_what_is_behind_it_later() {
    let servers = [serves("1.0", ""), serves("2.0", ""), serves("3.0", "")];
    let mut all: Vec<Source> = ["a", "b", "c"]
        .iter()
        .zip(&servers)
        .map(|(name, server)| source(name, &server.url("/simple/")))
        .collect();
    all[2].priority = Priority::Supplemental;
    let lookups = lookups(Rule::VersionPriority, all);
    assert_eq!(tier(&lookups, 0).unwrap(), ["a", "b"]);
    assert!(servers[2].heads().is_empty());
    assert_eq!(tier(&lookups, 1).unwrap(), ["c"]);
    assert_eq!(tier(&lookups, 2), None);
    let pinned = run(lookups.tier(&foo(), Some("b"), 0)).unwrap().unwrap();
    assert_eq!(&*pinned[0].source, "b");
    let unknown = run(lookups.tier(&foo(), Some("nowhere"), 0)).unwrap_err();
    assert_eq!(unknown.code, ErrorCode::Usage);
}

#[test]
fn one_request_however_many_want_it() {
    let server = serves("1.0", "");
    let lookups = lookups(
        Rule::IndexPriority,
        vec![source("a", &server.url("/simple"))],
    );
    let foo = foo();
    let all = run(together((0..30).map(|_| lookups.tier(&foo, None, 0))));
    assert_eq!(all.len(), 30);
    assert!(
        all.iter()
            .all(|listings| listings.as_ref().unwrap().as_ref().unwrap().len() == 1)
    );
    assert_eq!(server.heads().len(), 1);
}

#[test]
fn what_is_no_page_stops_the_search_with_the_sources_name() {
    let html = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let login = html("<html><form action='/login'><input name='user'></form></html>");
    let page = Server::start(None, {
        let login = login.clone();
        move |_| Some(login.clone())
    });
    let at = page.url("/login");
    let servers = [
        page,
        Server::start(None, move |_| Some(redirect(&at))),
        Server::start(None, |_| {
            Some(reply("200 OK", "content-type: text/plain\r\n"))
        }),
        Server::start(None, |_| {
            let kind = "content-type: application/vnd.pypi.simple.v1+json\r\n";
            Some(reply("200 OK", kind))
        }),
        Server::status("403 Forbidden"),
        Server::status("401 Unauthorized"),
        Server::status("500 Internal Server Error"),
    ];
    for (at, bad) in servers.iter().enumerate() {
        for rule in [Rule::IndexPriority, Rule::VersionPriority] {
            let good = serves("1.0", "");
            let all = vec![
                source("secret-place", &bad.url("/simple/")),
                source("public", &good.url("/simple/")),
            ];
            let lookups = lookups(rule, all);
            let failure = run(lookups.tier(&foo(), None, 0)).unwrap_err();
            assert!([3, 5].contains(&failure.code.exit_status()), "{at}");
            assert!(
                failure.message.contains("secret-place"),
                "{}",
                failure.message
            );
        }
    }
}

#[test]
fn fresh_pages_are_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = serves("1.0", "cache-control: max-age=600\r\n");
    let one = source("a", &server.url("/simple/"));
    let (first, told) = run_with(folder.path(), &one, None);
    assert_eq!(
        (versions(&first), told),
        (vec!["1.0".to_owned()], vec!["200 no".to_owned()])
    );
    let (second, told) = run_with(folder.path(), &one, None);
    assert_eq!(versions(&second), ["1.0"]);
    assert_eq!(told, [" hit"]);
    assert_eq!(
        second.listing.as_ref().unwrap().project,
        first.listing.as_ref().unwrap().project
    );
    assert_eq!(server.heads().len(), 1);
}

#[test]
fn stale_pages_are_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::start(None, move |head| {
        let asked = count.fetch_add(1, Ordering::SeqCst);
        Some(match asked {
            _ if head.contains("if-none-match: \"v1\"") && asked < 3 => {
                "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n".to_owned()
            }
            0 => page("1.0", "cache-control: max-age=0\r\netag: \"v1\"\r\n"),
            3 => page("2.0", "cache-control: max-age=0\r\netag: \"v2\"\r\n"),
            _ => page("3.0", "cache-control: no-store\r\n"),
        })
    });
    let one = source("a", &server.url("/simple/"));
    for (expected, told) in [
        ("1.0", "200 no"),
        ("1.0", "304 revalidated"),
        ("1.0", "304 revalidated"),
        ("2.0", "200 miss"),
        ("3.0", "200 miss"),
        ("3.0", "200 no"),
    ] {
        let (answered, requests) = run_with(folder.path(), &one, None);
        assert_eq!(versions(&answered), [expected]);
        assert_eq!(requests, [told], "{expected}");
    }
    assert_eq!(Cache::list(folder.path()).unwrap(), []);
}

#[test]
fn each_account_has_its_own_pages() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(None, |head| {
        // `a:sentinel` and `a:another`.
        let one = head.contains("authorization: basic ytpzzw50aw5lba==");
        let version = if one { "1.0" } else { "2.0" };
        Some(page(version, "cache-control: max-age=600\r\n"))
    });
    let a = source("a", &server.url("/simple/"));
    let as_ = |secret: &'static str| {
        let (asker, _) = agent(Vec::new(), move |inquiry, _| {
            Ok(credential(inquiry, secret))
        });
        let (answered, told) = run_with(folder.path(), &a, Some(asker));
        (
            versions(&answered).remove(0),
            told.len(),
            answered.provider.clone(),
        )
    };
    let provider = || Some("auth.toml".to_owned());
    assert_eq!(as_("sentinel"), ("1.0".to_owned(), 1, provider()));
    assert_eq!(as_("another"), ("2.0".to_owned(), 1, provider()));
    assert_eq!(as_("sentinel"), ("1.0".to_owned(), 1, provider()));
    assert_eq!(versions(&run_with(folder.path(), &a, None).0), ["2.0"]);
    assert_eq!(server.heads().len(), 3);
    // Neither the secret nor the account stands in any file or name.
    for kept in Cache::list(folder.path()).unwrap() {
        assert!(!format!("{kept:?}").contains("sentinel"));
    }
}

#[test]
fn offline_only_the_cache_answers() {
    let folder = tempfile::tempdir().unwrap();
    let server = serves("1.0", "cache-control: max-age=0\r\netag: \"v1\"\r\n");
    let a = source("a", &server.url("/simple/"));
    run_with(folder.path(), &a, None);
    let sources = sources(Rule::IndexPriority, vec![a]);
    let requester = crate::index::fetch::test_sources::offline(&sources.all);
    let cache = Cache::open(folder.path()).unwrap();
    let lookups = Lookups::new(sources, requester, Some(cache));
    assert_eq!(tier(&lookups, 0).unwrap(), ["a"]);
    let failure = run(lookups.tier(&name("bar"), None, 0)).unwrap_err();
    assert_eq!(failure.code.exit_status(), 3);
    assert!(
        failure
            .message
            .contains("/simple/bar/ of the source a is not in the cache")
    );
    assert_eq!(server.heads().len(), 1);
}

#[test]
fn one_page_for_all_projects_and_folders() {
    let body = "<a href='foo-1.0-py3-none-any.whl'>a</a><a href='bar-2.0.tar.gz'>b</a>";
    let server = Server::start(None, move |_| {
        Some(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncache-control: max-age=60\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
    });
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    };
    write("wheels/foo-3.0-py3-none-any.whl");
    write("index/foo/foo-4.0-py3-none-any.whl");
    let local = |name: &str, kind: fn(std::path::PathBuf) -> Kind| {
        let path = folder.path().join(name);
        let url = url::Url::from_directory_path(&path).unwrap();
        let mut local = source(name, url.as_str());
        local.kind = kind(path);
        local
    };
    let mut flat = source("flat", &server.url("/links.html"));
    flat.kind = Kind::Flat;
    flat.always = true;
    let mut wheels = local("wheels", Kind::Local);
    wheels.always = true;
    let index = local("index", Kind::LocalIndex);
    let all = vec![flat, wheels, index, local("missing", Kind::LocalIndex)];
    let lookups = lookups(Rule::IndexPriority, all);
    assert_eq!(tier(&lookups, 0).unwrap(), ["flat", "wheels", "index"]);
    let (bar, baz) = (name("bar"), name("baz"));
    // The index does not have it, and the next one is not there at all: that is no miss.
    assert!(run(lookups.tier(&bar, None, 0)).is_err());
    let said = run(lookups.everywhere(&baz));
    let words: Vec<Word> = said.iter().map(|(_, said)| said.word).collect();
    assert_eq!(
        words,
        [Word::Absent, Word::Absent, Word::Absent, Word::Error]
    );
    assert_eq!(server.heads().len(), 1);
}

#[test]
fn a_page_elsewhere_and_files_elsewhere_get_no_credential() {
    let files = Server::start(None, |_| Some(page("1.0", "")));
    let to = files.url("/pages/foo/");
    let first = Server::start(None, move |_| Some(redirect(&to)));
    let sources = sources(
        Rule::IndexPriority,
        vec![source("a", &first.url("/simple/"))],
    );
    let (asker, _) = agent(Vec::new(), |inquiry, _| Ok(credential(inquiry, "sentinel")));
    let requester = requester(&sources.all, Some(asker), Arc::new(()));
    let lookups = Lookups::new(sources, requester, None);
    assert_eq!(tier(&lookups, 0).unwrap(), ["a"]);
    assert!(first.heads()[0].contains("authorization"));
    assert!(!files.heads()[0].contains("authorization"));
    // Relative links hold from where the page came from in the end.
    let listings = run(lookups.tier(&foo(), None, 0)).unwrap().unwrap();
    let version = listings[0].project.versions().next().unwrap().clone();
    let file = &listings[0].project.files(&version)[0];
    assert_eq!(
        file.url.as_str(),
        files.url("/pages/foo/foo-1.0-py3-none-any.whl")
    );
}
