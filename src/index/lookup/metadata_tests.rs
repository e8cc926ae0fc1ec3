use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;

use credential_helper_protocol::ErrorCode;
use url::Url;

use crate::http::test_server::Server;
use crate::index::cache::Cache;
use crate::index::fetch::test_sources::{Log, agent, credential, requester, run, source};
use crate::index::lookup::Lookups;
use crate::index::offers::{Offers as _, Rule};
use crate::index::source::Sources;
use crate::package::PackageName;

const METADATA: &str = "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\nRequires-Dist: bar>=2\n";

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// An index that keeps its files on another origin, with the metadata beside them.
fn servers(digest: String) -> (Server, Server) {
    let answer = |kind: &str, body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
             cache-control: max-age=60\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let files = Server::start(None, move |_| Some(answer("text/plain", METADATA)));
    let at = files.url("/f/foo-1.0-py3-none-any.whl");
    let index = Server::start(None, move |_| {
        let body = format!(
            "<a href='{at}' data-core-metadata='sha256={digest}'>foo-1.0-py3-none-any.whl</a>"
        );
        Some(answer("text/html", &body))
    });
    (index, files)
}

fn lookups(index: &Server, cache: Option<&Path>) -> (Lookups, Arc<Log>) {
    let sources = Sources {
        rule: Rule::IndexPriority,
        all: vec![Arc::new(source("a", &index.url("/simple/")))],
        pins: Vec::new(),
        warnings: Vec::new(),
    };
    let (asker, _) = agent(Vec::new(), |inquiry, _| Ok(credential(inquiry, "sentinel")));
    let log = Arc::new(Log::default());
    let requester = requester(&sources.all, Some(asker), log.clone());
    let cache = cache.map(|folder| Cache::open(folder).unwrap());
    (Lookups::new(sources, requester, cache), log)
}

/// The requirements of the one file of `foo`, and how they were found.
fn requires(lookups: &Lookups) -> Result<(Vec<String>, String), ErrorCode> {
    let foo = PackageName::from_str("foo").unwrap();
    run(async {
        let listings = lookups.tier(&foo, None, 0).await.unwrap().unwrap();
        let version = listings[0].project.versions().next().unwrap();
        let file = &listings[0].project.files(version)[0];
        let found = lookups.described(&listings[0], file).await;
        let found = found.map_err(|failure| failure.code)?;
        let (raw, from) = lookups.written(&listings[0], file).await.unwrap();
        assert_eq!((&raw[..], &from), (METADATA.as_bytes(), &found.from));
        let requires = found.metadata.requires.iter();
        Ok((
            requires.map(ToString::to_string).collect(),
            from.to_string(),
        ))
    })
}

#[test]
fn metadata_are_asked_for_once_and_without_the_credential_elsewhere() {
    let (index, files) = servers(sha256(METADATA.as_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let expected = Ok((vec!["bar>=2".to_owned()], "pep658".to_owned()));
    let (first, _) = lookups(&index, Some(folder.path()));
    assert_eq!(requires(&first), expected);
    assert_eq!(requires(&first), expected);
    first.flush();
    assert!(index.heads()[0].contains("authorization"));
    assert!(files.heads()[0].starts_with("get /f/foo-1.0-py3-none-any.whl.metadata "));
    assert!(!files.heads().concat().contains("authorization"));
    let [pages, read] = [index.heads().len(), files.heads().len()];
    let (second, log) = lookups(&index, Some(folder.path()));
    assert_eq!(requires(&second), expected);
    assert_eq!([index.heads().len(), files.heads().len()], [pages, read]);
    let words = log.0.lock().unwrap();
    assert!(
        words.iter().all(|words| words.contains(" hit a ")),
        "{words:?}"
    );
}

#[test]
fn metadata_with_another_digest_are_refused() {
    let (index, _) = servers("0".repeat(64));
    let (lookups, _) = lookups(&index, None);
    assert_eq!(requires(&lookups), Err(ErrorCode::Malformed));
}

#[test]
fn a_direct_url_is_a_place_of_its_own() {
    let (index, files) = servers(String::new());
    let (lookups, _) = lookups(&index, None);
    let project = PackageName::from_str("foo").unwrap();
    // No wheel is there, but who asks is seen: nothing of the source's goes there.
    let url = files
        .url("/f/foo-1.0-py3-none-any.whl")
        .replace("//", "//ci:given@");
    assert!(run(lookups.direct(&project, &Url::parse(&url).unwrap())).is_err());
    let head = files.heads().remove(0);
    assert!(
        head.contains("authorization: basic dxjsonnlbnrpbmvs"),
        "{head}"
    );
}

#[test]
fn a_base_elsewhere_does_not_get_the_credential() {
    let (_, files) = servers(String::new());
    let base = files.url("/f/");
    let index = Server::start(None, move |_| {
        let body = format!(
            "<html><head><base href='{base}'></head><body>\
             <a href='foo-1.0-py3-none-any.whl' data-core-metadata='true'>foo</a></body></html>"
        );
        Some(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        ))
    });
    let (lookups, log) = lookups(&index, None);
    assert_eq!(requires(&lookups).unwrap().1, "pep658");
    assert!(index.heads()[0].contains("authorization"));
    let heads = files.heads();
    assert!(heads[0].starts_with("get /f/foo-1.0-py3-none-any.whl.metadata "));
    assert!(!heads.concat().contains("authorization"));
    let words = log.0.lock().unwrap();
    assert!(words[0].ends_with(" a auth.toml") && words[1].ends_with(" a -"));
}
