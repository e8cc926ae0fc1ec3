//! Pages: too much, too long, and in circles.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use super::measured::resolve;
use super::server::{HTML, Index, JSON};
use super::{file, page, refused, within};

const MIB: usize = 1024 * 1024;
/// What the pages here unpack to.
const TEN_GIB: usize = 10 * 1024 * MIB;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A page sent with this encoding: `first`, then `again` as often as the client takes it.
fn packed(encoding: &str, first: Vec<u8>, again: Vec<u8>, times: usize) -> Index {
    let headers = format!("{JSON}content-encoding: {encoding}\r\n");
    Index::new(move |_, answer| {
        answer.begin("200 OK", &headers)?;
        answer.raw(&first)?;
        (0..times).try_for_each(|_| answer.raw(&again))
    })
}

/// Frames of zstd that hold one byte very often (RFC 8878, 3.1.1.2.2: blocks of kind 1).
fn zstd(blocks: usize) -> Vec<u8> {
    // No checksum, no size; a window of 128 MiB.
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88];
    for block in 1..=blocks {
        let head = ((128 * 1024) << 3) | (1 << 1) | usize::from(block == blocks);
        bytes.extend(&u32::try_from(head).unwrap().to_le_bytes()[..3]);
        bytes.push(b' ');
    }
    bytes
}

#[test]
fn a_page_that_unpacks_to_ten_gibibytes() {
    let spaces = vec![b' '; 10 * MIB];
    let member = gzip(&spaces);
    assert!(member.len() < 11 * 1024);
    let times = TEN_GIB / spaces.len();
    // One stream each, whose blocks repeat: after a flush they refer to nothing before.
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
    raw.write_all(&spaces).unwrap();
    raw.flush().unwrap();
    let raw = raw.get_ref().clone();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&spaces).unwrap();
    zlib.flush().unwrap();
    let head = zlib.get_ref()[..2].to_vec();
    let rest = zlib.get_ref()[2..].to_vec();
    // Packed twice, it has ten kilobytes in all.
    let twice = gzip(&member.repeat(times));
    assert!(twice.len() < 64 * 1024, "{}", twice.len());
    for (encoding, first, again, why) in [
        ("gzip", Vec::new(), member.clone(), "many times its size"),
        ("x-gzip", Vec::new(), member, "many times its size"),
        ("deflate", Vec::new(), raw, "many times its size"),
        ("deflate", head, rest, "many times its size"),
        // Not asked for, and not unpacked.
        ("gzip, gzip", twice, Vec::new(), "was not asked for"),
        ("br", vec![0x5b; 10_000], Vec::new(), "was not asked for"),
        ("zstd", zstd(2_500), Vec::new(), "was not asked for"),
    ] {
        let index = packed(encoding, first, again, times);
        let measured = resolve(&index.url(), &["a"]);
        refused(encoding, &measured, &[&index.url(), why]);
    }
}

#[test]
fn pages_of_two_hundred_mebibytes() {
    // With their length, without, and several at once.
    let text = format!("<a href=\"/files/a-1.0.tar.gz\">{}</a>\n", "x".repeat(4000));
    let block = text.repeat(MIB / text.len());
    for (what, headers, names) in [
        (
            "told",
            format!("{HTML}content-length: {}\r\n", 200 * MIB),
            &["a"][..],
        ),
        ("untold", HTML.to_owned(), &["a"]),
        ("three", HTML.to_owned(), &["a", "b", "c"]),
    ] {
        let block = block.clone();
        let index = Index::new(move |_, answer| {
            answer.begin("200 OK", &headers)?;
            (0..200).try_for_each(|_| answer.raw(block.as_bytes()))
        });
        let measured = resolve(&index.url(), names);
        refused(what, &measured, &[&index.url(), "larger than 24 MiB"]);
    }
}

#[test]
fn endless_pages() {
    let spaces = vec![b' '; 64 * 1024];
    let files = format!("{},", file("a-1.0-py3-none-any.whl")).repeat(500);
    let links = "<a href=\"/files/a-1.0.tar.gz\">x</a>\n".repeat(2000);
    for (what, headers, first, again) in [
        ("spaces", JSON, "{\"files\":[", &spaces[..]),
        (
            "files",
            JSON,
            "{\"meta\":{\"api-version\":\"1.0\"},\"files\":[",
            files.as_bytes(),
        ),
        ("links", HTML, "<html>", links.as_bytes()),
        ("one tag", HTML, "<a href=\"", &spaces),
        ("one comment", HTML, "<!--", &spaces),
        ("one text", JSON, "{\"name\":\"", &spaces),
        ("brackets", JSON, "", &[b'['; 4096]),
    ] {
        let (first, again) = (first.to_owned(), again.to_vec());
        let index = Index::new(move |_, answer| {
            answer.begin("200 OK", headers)?;
            answer.raw(first.as_bytes())?;
            loop {
                answer.raw(&again)?;
            }
        });
        let measured = resolve(&index.url(), &["a"]);
        refused(what, &measured, &[&index.url()]);
    }
    // A head that does not end.
    let index = Index::new(|_, answer| {
        answer.raw(b"HTTP/1.1 200 OK\r\n")?;
        (0_u64..).try_for_each(|number| answer.raw(format!("x-{number}: {number}\r\n").as_bytes()))
    });
    let measured = resolve(&index.url(), &["a", "--timeout", "5"]);
    refused("head", &measured, &[&index.url()]);
}

/// As large as a page may be, and right: within the memory too.
#[test]
fn the_largest_page_that_is_read() {
    let long = "x".repeat(900);
    let useless = |number: usize| json!({ "filename": format!("a-1.{number}.exe"), "url": format!("/files/{long}.exe"), "hashes": {} });
    let useful = |number: usize| {
        json!({
            "filename": format!("a-1.{}-cp3{}-none-any.whl", number / 4, number % 4),
            "url": format!("/files/{}/{number}.whl", &long[..700]),
            "hashes": { "sha256": format!("{number:064x}") },
            "upload-time": "2026-01-02T03:04:05.678Z",
            "requires-python": ">=3.8",
        })
    };
    let all: [(&str, &dyn Fn(usize) -> Value); 2] = [("useless", &useless), ("useful", &useful)];
    for (what, entry) in all {
        let entries: Vec<Value> = (0..24_000).map(entry).collect();
        let text = page("a", &entries).to_string();
        assert!(
            text.len() > 21 * MIB && text.len() < 24 * MIB,
            "{}",
            text.len()
        );
        let index = Index::new(move |_, answer| answer.say("200 OK", JSON, text.as_bytes()));
        let measured = resolve(&index.url(), &["a", "--no-cache"]);
        refused(what, &measured, &["a"]);
    }
}

#[test]
fn redirects_in_circles() {
    for (what, to) in [("itself", "/simple/a/"), ("two", "/b/"), ("many", "+")] {
        let index = Index::new(move |asked, answer| {
            let to = match to {
                "+" => format!("{}x/", asked.path),
                "/b/" if asked.path == "/b/" => "/simple/a/".to_owned(),
                _ => to.to_owned(),
            };
            answer.say("302 Found", &format!("location: {to}\r\n"), b"")
        });
        let measured = resolve(&index.url(), &["a"]);
        refused(what, &measured, &[&index.url(), "redirect"]);
        assert!(index.requests() < 50, "{what}: {}", index.requests());
    }
}

/// Bad entries beside good ones: left out and named, and the good ones are taken.
#[test]
fn one_bad_file_of_many() {
    let good = "a-1.0-py3-none-any.whl";
    let bad = [
        json!({ "filename": "a-9.x!y-py3-none-any.whl", "url": "/files/1", "hashes": {} }),
        json!({ "filename": "a-9.1-py3-none-any.whl", "url": "http://[", "hashes": {} }),
        json!({ "filename": "a-9.2-py3-none-any.whl", "url": "/files/2", "hashes": { "sha256": "no" } }),
        json!({ "filename": "b-9.3-py3-none-any.whl", "url": "/files/3", "hashes": {} }),
        json!({ "filename": "a-9.4-py3-none-any.whl", "hashes": {} }),
        json!({ "filename": "../../a-9.6-py3-none-any.whl", "url": "/files/6", "hashes": {} }),
        json!({ "filename": format!("a-{}.0-py3-none-any.whl", "9".repeat(5000)), "url": "/files/7", "hashes": {} }),
    ];
    let mut files = bad.to_vec();
    let mut last = file(good);
    // Only the specifier is bad: the file stays.
    last["requires-python"] = json!(">=3.8, <=>4");
    files.push(last);
    let bytes = super::archives::plain("a", "1.0", "");
    let index = Index::new(move |asked, answer| match &*asked.path {
        "/simple/a/" => answer.json(&page("a", &files)),
        "/files/a-1.0-py3-none-any.whl" => answer.file(asked, &bytes),
        _ => answer.say("404 Not Found", "", b""),
    });
    let measured = resolve(&index.url(), &["a", "-v"]);
    within("one of many", &measured);
    let ended = &measured.ended;
    assert_eq!((ended.status, &*ended.stdout), (0, "a==1.0\n"), "{ended:?}");
    for name in [
        "a-9.x!y-py3-none-any.whl",
        "a-9.1-py3",
        "a-9.2-py3",
        "Requires-Python",
    ] {
        assert!(ended.stderr.contains(name), "{name}: {ended:?}");
    }
}
