//! A public index that serves recorded pages of real projects (`recorded/record.py`) and packages that
//! can be read and installed, and what else a test puts beside them.
//!
//! Of the packages the recorded part of METADATA and WHEEL are real; what they hold beside it is a
//! module with its version. Digests and sizes are those of what is served.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::index::{Release, answer};
use crate::publish::samples::{gzip, member, tar_member, zip};
use crate::publish::test_server::{Act, Request, Server};

const RECORDED: [(&str, &str); 5] = [
    ("certifi", include_str!("recorded/certifi.json")),
    (
        "charset-normalizer",
        include_str!("recorded/charset-normalizer.json"),
    ),
    ("idna", include_str!("recorded/idna.json")),
    ("requests", include_str!("recorded/requests.json")),
    ("urllib3", include_str!("recorded/urllib3.json")),
];

const JSON: &str =
    "content-type: application/vnd.pypi.simple.v1+json\r\ncache-control: max-age=600\r\n";
const BYTES: &str = "content-type: application/octet-stream\r\naccept-ranges: bytes\r\n";

/// What is under each path.
type Bodies = BTreeMap<String, (&'static str, Vec<u8>)>;

fn bodies(metadata: bool) -> Bodies {
    let mut bodies = Bodies::new();
    for (name, text) in RECORDED {
        let mut recorded: Value = serde_json::from_str(text).unwrap();
        let (texts, wheels) = (recorded["metadata"].take(), recorded["wheels"].take());
        let page = &mut recorded["page"];
        for file in page["files"].as_array_mut().unwrap() {
            let filename = file["filename"].as_str().unwrap().to_owned();
            let stem = filename.trim_end_matches(".tar.gz");
            let version = stem.split('-').nth(1).unwrap().to_owned();
            let about = texts[&version].as_str().unwrap();
            let bytes = match wheels[&filename].as_str() {
                Some(wheel) => package(name, &version, about, wheel),
                None => source(stem, about),
            };
            let fields = file.as_object_mut().unwrap();
            fields.insert("hashes".to_owned(), json!({ "sha256": hex(&bytes) }));
            fields.insert("size".to_owned(), json!(bytes.len()));
            if metadata && fields.contains_key("core-metadata") {
                let path = format!("/files/{filename}.metadata");
                bodies.insert(path, (BYTES, about.as_bytes().to_vec()));
            } else {
                fields.remove("core-metadata");
            }
            bodies.insert(format!("/files/{filename}"), (BYTES, bytes));
        }
        let page = page.to_string().into_bytes();
        bodies.insert(format!("/simple/{name}/"), (JSON, page));
    }
    bodies
}

/// A wheel: its metadata, and one module.
fn package(name: &str, version: &str, about: &str, wheel: &str) -> Vec<u8> {
    let module = name.replace('-', "_");
    let folder = format!("{module}-{version}.dist-info");
    let files = [
        (
            format!("{module}/__init__.py"),
            format!("__version__ = {version:?}\n"),
        ),
        (format!("{folder}/METADATA"), about.to_owned()),
        (format!("{folder}/WHEEL"), wheel.to_owned()),
    ];
    let mut record = String::new();
    for (path, text) in &files {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
        let _ = writeln!(record, "{path},sha256={digest},{}", text.len());
    }
    let _ = writeln!(record, "{folder}/RECORD,,");
    let mut members: Vec<_> = files
        .iter()
        .map(|(path, text)| member(path, text))
        .collect();
    members.push(member(&format!("{folder}/RECORD"), &record));
    for one in &mut members {
        one.method = 8;
    }
    zip(&members)
}

/// A source archive: what it says of itself. Nobody builds it here.
fn source(stem: &str, about: &str) -> Vec<u8> {
    let info = tar_member(&format!("{stem}/PKG-INFO"), b'0', about.as_bytes());
    let mut bytes = info;
    bytes.extend([0; 1024]);
    gzip(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The part that a request asks for, as RFC 9110 has it.
fn part(request: &Request, bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let range = request.header("range")?.strip_prefix("bytes=")?;
    let (from, to) = range.split_once('-')?;
    let length = bytes.len();
    let (first, end) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, (last + 1).min(length)),
        (Ok(first), Err(_)) => (first, length),
        (Err(_), Ok(count)) => (length.saturating_sub(count), length),
        (Err(_), Err(_)) => return None,
    };
    let place = format!("content-range: bytes {first}-{}/{length}\r\n", end - 1);
    Some((place, bytes.get(first..end)?.to_vec()))
}

/// The index.
pub fn index(more: Vec<Release>) -> Server {
    serve(bodies(true), more)
}

/// One that has no metadata beside its wheels: it is read out of them, by parts.
pub fn bare() -> Server {
    serve(bodies(false), Vec::new())
}

fn serve(bodies: Bodies, more: Vec<Release>) -> Server {
    Server::start(move |request: &Request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        let Some((head, body)) = bodies.get(path) else {
            return answer(&more, None, request);
        };
        match part(request, body) {
            Some((place, part)) => Act::Send(206, format!("{head}{place}"), part),
            None => Act::Send(200, (*head).to_owned(), body.clone()),
        }
    })
}
