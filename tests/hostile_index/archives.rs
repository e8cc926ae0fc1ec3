//! Files: bombs, cut off, and other than their digests say.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::json;

use super::measured::resolve;
use super::server::{BYTES, Index};
use super::{file, one, page, refused, wheel, within};
use crate::publish::samples;

/// A wheel with these fields in its metadata.
pub fn plain(project: &str, version: &str, more: &str) -> Vec<u8> {
    let folder = format!("{project}-{version}");
    let metadata = samples::metadata(project, version, more);
    samples::zip(&samples::wheel_members(&folder, &metadata))
}

const MIB: usize = 1024 * 1024;
/// What the archives here unpack to, in MiB: more than a run may have in memory, and not more than a
/// slow machine unpacks within the test.
const BOMB: usize = 256;

/// Zeros, packed with deflate; the count in MiB. Behind a flush nothing refers to what was before, so
/// one block stands for all.
fn zeros(mebibytes: usize) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; MIB]).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().repeat(mebibytes);
    // The last block, an empty one.
    bytes.extend([3, 0]);
    bytes
}

/// A zip with one file, whose sizes are what they are said to be; those that 32 bits do not hold stand
/// in an extra field (APPNOTE 4.5.3).
fn bomb(name: &str, packed: &[u8], size: u64, flags: u16) -> Vec<u8> {
    let mut shared = vec![20, 0];
    shared.extend(flags.to_le_bytes());
    shared.extend([8, 0, 0, 0, 0, 0]);
    let sizes = [packed.len() as u64, size];
    let mut numbers = vec![0; 4];
    let mut extra = Vec::new();
    if u32::try_from(size).is_ok() {
        numbers.extend(
            sizes
                .map(|size| u32::try_from(size).unwrap().to_le_bytes())
                .concat(),
        );
    } else {
        numbers.extend([0xff; 8]);
        extra.extend([1, 0, 16, 0]);
        extra.extend(size.to_le_bytes());
        extra.extend(sizes[0].to_le_bytes());
    }
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let more = u16::try_from(extra.len()).unwrap().to_le_bytes();
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend(&shared);
    let described = flags & 8 != 0;
    bytes.extend(if described { &[0; 12] } else { &numbers[..] });
    bytes.extend(length);
    bytes.extend(if described { [0, 0] } else { more });
    bytes.extend(name.as_bytes());
    bytes.extend(if described { &[] } else { &extra[..] });
    bytes.extend(packed);
    let directory = u32::try_from(bytes.len()).unwrap();
    bytes.extend(b"PK\x01\x02\x14\x00");
    bytes.extend(&shared);
    bytes.extend(&numbers);
    bytes.extend(length);
    bytes.extend(more);
    bytes.extend([0; 14]);
    bytes.extend(name.as_bytes());
    bytes.extend(&extra);
    let central = u32::try_from(bytes.len()).unwrap() - directory;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend(central.to_le_bytes());
    bytes.extend(directory.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn wheels_that_are_bombs() {
    let packed = zeros(BOMB);
    let metadata = "a-1.0.dist-info/METADATA";
    let size = (BOMB * MIB) as u64;
    for (what, bytes) in [
        ("told", bomb(metadata, &packed, size, 0)),
        ("said to be small", bomb(metadata, &packed, 1000, 0)),
        ("described behind it", bomb(metadata, &packed, size, 8)),
        (
            "described, said to be small",
            bomb(metadata, &packed, 1000, 8),
        ),
        // Something else, which only has to be skipped.
        ("before it", bomb("a/data", &packed, size, 8)),
    ] {
        for ranges in [true, false] {
            let index = wheel(bytes.clone(), ranges);
            let what = format!("{what}, ranges: {ranges}");
            let measured = resolve(&index.url(), &["a"]);
            refused(
                &what,
                &measured,
                &["a 1.0", "a-1.0-py3-none-any.whl", &index.url()],
            );
        }
    }
}

/// 10 GB from a file of 10 MB: the limits are those of what is unpacked, not of a whole archive, so that
/// one that is forty times as large takes no longer.
#[test]
fn bombs_of_ten_gigabytes() {
    const LARGE: usize = 10_000_000_000_usize.div_ceil(MIB);
    let packed = zeros(LARGE);
    assert!(packed.len() < 12 * MIB);
    let size = (LARGE * MIB) as u64;
    let metadata = "a-1.0.dist-info/METADATA";
    for (what, bytes) in [
        ("told", bomb(metadata, &packed, size, 0)),
        ("said to be small", bomb(metadata, &packed, 1000, 0)),
        ("described behind it", bomb(metadata, &packed, size, 8)),
    ] {
        for ranges in [true, false] {
            let index = wheel(bytes.clone(), ranges);
            let what = format!("10 GB, {what}, ranges: {ranges}");
            let measured = resolve(&index.url(), &["a"]);
            let file = "a-1.0-py3-none-any.whl";
            refused(&what, &measured, &["a 1.0", file, &index.url()]);
        }
    }
    let zip = bomb("a-1.0/PKG-INFO", &packed, size, 0);
    for (name, bytes) in [("a-1.0.tar.gz", gzip_of_zeros(&packed)), ("a-1.0.zip", zip)] {
        let index = one(name, bytes, false);
        let measured = resolve(&index.url(), &["a"]);
        refused(name, &measured, &["a 1.0", name, &index.url()]);
    }
}

/// A directory of as many entries as a zip has without its extension, with names of this length.
fn crowded(length: u16) -> Vec<u8> {
    let mut entry = b"PK\x01\x02\x14\x00\x14".to_vec();
    entry.extend([0; 21]);
    entry.extend(length.to_le_bytes());
    entry.extend([0; 16]);
    let mut central = Vec::new();
    for number in 0..u32::from(u16::MAX) {
        central.extend(&entry);
        let name = format!("{number:0>width$}", width = usize::from(length));
        central.extend(name.as_bytes());
    }
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend([0; 26]);
    let directory = u32::try_from(bytes.len()).unwrap();
    bytes.extend(&central);
    bytes.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff");
    bytes.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    bytes.extend(directory.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn wheels_with_large_directories() {
    for length in [300, 900] {
        for ranges in [true, false] {
            let index = wheel(crowded(length), ranges);
            let what = format!("names of {length} bytes, ranges: {ranges}");
            let measured = resolve(&index.url(), &["a"]);
            refused(&what, &measured, &["a 1.0", &index.url()]);
        }
    }
}

/// A source archive that holds a file of 8 GiB and ends before it should.
fn gzip_of_zeros(packed: &[u8]) -> Vec<u8> {
    let mut head = samples::tar_member("a-1.0/big", b'0', b"");
    let size = 8 * 1024 * 1024 * 1024_u64 - 512;
    head[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    head[148..156].copy_from_slice(b"        ");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    // The head of gzip (RFC 1952), and a digest and a size that are not those of the stream.
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&head).unwrap();
    encoder.flush().unwrap();
    gzip.extend(encoder.get_ref());
    gzip.extend(packed);
    gzip.extend([0; 8]);
    gzip
}

#[test]
fn source_archives_that_are_bombs() {
    let packed = zeros(BOMB);
    let zip = bomb("a-1.0/PKG-INFO", &packed, 1000, 8);
    for (name, bytes) in [("a-1.0.tar.gz", gzip_of_zeros(&packed)), ("a-1.0.zip", zip)] {
        let index = one(name, bytes, false);
        let measured = resolve(&index.url(), &["a"]);
        refused(name, &measured, &["a 1.0", name, &index.url()]);
    }
}

#[test]
fn archives_that_are_cut_off() {
    let whole = plain("a", "1.0", "Requires-Dist: b\n");
    for end in [0, 1, 30, whole.len() / 2, whole.len() - 30, whole.len() - 1] {
        for ranges in [true, false] {
            let index = wheel(whole[..end].to_vec(), ranges);
            let measured = resolve(&index.url(), &["a"]);
            let what = format!("{end} bytes, ranges: {ranges}");
            if ranges || end < whole.len() / 2 {
                refused(&what, &measured, &["a 1.0", &index.url()]);
            } else {
                // What is behind the metadata is not looked at.
                within(&what, &measured);
            }
        }
    }
    // Its length is told, and the connection ends before.
    let index = Index::new(move |asked, answer| {
        if asked.path == "/simple/a/" {
            return answer.json(&page("a", &[file("a-1.0-py3-none-any.whl")]));
        }
        answer.begin(
            "200 OK",
            &format!("{BYTES}content-length: {}\r\n", whole.len()),
        )?;
        answer.raw(&whole[..40])
    });
    let measured = resolve(&index.url(), &["a"]);
    refused(
        "connection",
        &measured,
        &["a-1.0-py3-none-any.whl", &index.url()],
    );
}

#[test]
fn other_bytes_than_the_digest_says() {
    let wrong = "0".repeat(64);
    let name = "a-1.0-py3-none-any.whl";
    for (what, entry) in [
        (
            "metadata",
            json!({ "filename": name, "url": format!("/files/{name}"), "hashes": {}, "core-metadata": { "sha256": wrong } }),
        ),
        (
            "wheel",
            json!({ "filename": name, "url": format!("/files/{name}"), "hashes": { "sha256": wrong } }),
        ),
    ] {
        let (bytes, whole) = (plain("a", "1.0", ""), format!("/files/{name}"));
        let index = Index::new(move |asked, answer| match &*asked.path {
            "/simple/a/" => answer.json(&page("a", std::slice::from_ref(&entry))),
            path if path.ends_with(".metadata") => answer.say(
                "200 OK",
                BYTES,
                samples::metadata("a", "1.0", "").as_bytes(),
            ),
            path if *path == whole => answer.say("200 OK", BYTES, &bytes),
            _ => answer.say("404 Not Found", "", b""),
        });
        let measured = resolve(&index.url(), &["a"]);
        refused(what, &measured, &["a 1.0", name, "digest", &index.url()]);
    }
}
