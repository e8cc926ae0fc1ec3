//! Indexes that send what nobody should read: the real program against each, with its memory and
//! what it writes to disk measured.

mod archives;
mod measured;
mod metadata;
mod pages;
mod server;

use measured::Measured;
use serde_json::{Value, json};
use server::{Answer, Asked, BYTES, Index};

/// The most memory of a run, in KiB.
const MEMORY: u64 = 150 * 1024;
/// The most that a run leaves or has on disk: a few small entries of the cache.
const DISK: u64 = 1024 * 1024;

/// It ended by itself, within its memory and without unpacking anything to disk.
fn within(what: &str, measured: &Measured) {
    assert!(measured.memory < MEMORY, "{what}: {} KiB", measured.memory);
    assert!(measured.disk < DISK, "{what}: {} bytes", measured.disk);
    assert!(measured.ended.status < 128, "{what}: {:?}", measured.ended);
}

/// It was refused, with an error that has these words in it, and nothing was printed.
fn refused(what: &str, measured: &Measured, words: &[&str]) {
    within(what, measured);
    let ended = &measured.ended;
    assert!(matches!(ended.status, 1 | 3), "{what}: {ended:?}");
    assert_eq!(ended.stdout, "", "{what}");
    for word in words {
        assert!(ended.stderr.contains(word), "{what}: {word}: {ended:?}");
    }
    // What a stranger sent is not passed on at length.
    assert!(ended.stderr.len() < 4096, "{what}: {ended:?}");
}

/// A page with these files.
fn page(name: &str, files: &[Value]) -> Value {
    json!({ "meta": { "api-version": "1.1" }, "name": name, "files": files })
}

/// A file on a page, without metadata beside it.
fn file(filename: &str) -> Value {
    json!({ "filename": filename, "url": format!("/files/{filename}"), "hashes": {} })
}

/// An index with one wheel of `a`, of which only parts are sent where `ranges`.
fn wheel(bytes: Vec<u8>, ranges: bool) -> Index {
    one("a-1.0-py3-none-any.whl", bytes, ranges)
}

/// An index with one file of `a`.
fn one(filename: &str, bytes: Vec<u8>, ranges: bool) -> Index {
    let entry = file(filename);
    Index::new(
        move |asked: &Asked, answer: &mut Answer<'_>| match &*asked.path {
            "/simple/a/" => answer.json(&page("a", std::slice::from_ref(&entry))),
            path if !path.starts_with("/files/") => answer.say("404 Not Found", "", b""),
            _ if ranges => answer.file(asked, &bytes),
            _ => answer.say("200 OK", BYTES, &bytes),
        },
    )
}
