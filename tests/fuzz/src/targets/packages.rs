//! What packages say: archives, metadata, requirements.

use std::fs::File;
use std::io::{Cursor, Write as _};
use std::str::FromStr as _;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::package::archive::zip::Zip;
use crate::package::archive::{flow, tar};
use crate::package::environment::Environment;
use crate::package::metadata::{self, Metadata};
use crate::package::{MarkerTree, Version, VersionSpecifiers, order, repair, requirement};
use crate::publish;

/// As much of a file as is read here.
const LIMIT: u64 = 256 * 1024;

fn file(bytes: &[u8]) -> File {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let memory = rustix::fs::memfd_create("archive", flags).expect("memory as a file");
    let mut file = File::from(memory);
    file.write_all(bytes).expect("room");
    std::io::Seek::rewind(&mut file).expect("a file");
    file
}

/// A wheel: whoever accepts it from its end sees what a reader from its beginning sees. The first
/// byte says whether sums are put right before.
pub fn wheel(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if first & 1 == 1 {
        sum_up(&mut bytes);
    }
    let parts = Zip::of_parts(Cursor::new(&bytes), bytes.len() as u64);
    let Ok(mut zip) = Zip::open(file(&bytes)) else {
        // Parts of it may still be read, as from a server.
        if let Ok(mut zip) = parts {
            for entry in zip.entries.clone().iter().take(8) {
                let (from, to) = zip.span(entry);
                assert!(
                    from <= to || zip.read(entry, LIMIT).is_err(),
                    "a file that ends before it begins"
                );
                let _ = zip.read(entry, LIMIT);
            }
        }
        return;
    };
    let mut parts = parts.expect("what is sound as a whole is so in parts");
    assert_eq!(parts.entries, zip.entries);
    for entry in zip.entries.clone().iter().take(8) {
        let Ok(content) = zip.read(entry, LIMIT) else {
            continue;
        };
        assert_eq!(content.len() as u64, entry.size);
        assert_eq!(parts.read(entry, LIMIT).as_ref(), Ok(&content));
        let (from, to) = zip.span(entry);
        assert!(from < to && to <= bytes.len() as u64);
        match flow::first(Cursor::new(&bytes), |name| name == entry.name, LIMIT) {
            Ok(Some(other)) => assert_eq!(other, content, "two readings of one wheel"),
            Ok(None) => panic!("a file that only one reader sees"),
            Err(_) => {}
        }
        if entry.name.ends_with("METADATA") {
            let _ = Metadata::parse(&content);
        }
    }
}

/// Puts right the sums of what a directory names, so that changed contents are read at all.
fn sum_up(bytes: &mut [u8]) {
    let short = |bytes: &[u8], at: usize| -> Option<usize> {
        let two = bytes.get(at..at + 2)?;
        Some(usize::from(u16::from_le_bytes([two[0], two[1]])))
    };
    let long = |bytes: &[u8], at: usize| -> Option<usize> {
        let four = bytes.get(at..at + 4)?;
        usize::try_from(u32::from_le_bytes([four[0], four[1], four[2], four[3]])).ok()
    };
    let mut at = 0;
    while at + 46 <= bytes.len() {
        if !bytes[at..].starts_with(b"PK\x01\x02") {
            at += 1;
            continue;
        }
        let local = long(bytes, at + 42).unwrap_or(usize::MAX);
        let packed = long(bytes, at + 20).unwrap_or(usize::MAX);
        let method = short(bytes, at + 10).unwrap_or(0);
        let begin = short(bytes, local.saturating_add(26))
            .zip(short(bytes, local.saturating_add(28)))
            .map(|(name, extra)| local + 30 + name + extra);
        let data = begin.and_then(|begin| bytes.get(begin..begin.checked_add(packed)?));
        if let Some(data) = data {
            let mut content = Vec::new();
            let read = if method == 8 {
                std::io::Read::read_to_end(
                    &mut std::io::Read::take(flate2::read::DeflateDecoder::new(data), LIMIT),
                    &mut content,
                )
            } else {
                content.extend_from_slice(data);
                Ok(0)
            };
            if read.is_ok() {
                let mut crc = flate2::Crc::new();
                crc.update(&content);
                let size = u32::try_from(content.len()).unwrap_or(0).to_le_bytes();
                let sum = crc.sum().to_le_bytes();
                for (place, value) in [
                    (at + 16, sum),
                    (at + 24, size),
                    (local + 14, sum),
                    (local + 22, size),
                ] {
                    if let Some(to) = bytes.get_mut(place..place + 4) {
                        to.copy_from_slice(&value);
                    }
                }
            }
        }
        at += 46;
    }
}

/// A source archive, given unpacked; sums of its headers are put right where the first byte says so.
pub fn sdist(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if first & 1 == 1 {
        head_sums(&mut bytes);
    }
    let packed = if first & 2 == 2 {
        // As it comes.
        bytes
    } else {
        let mut packer = GzEncoder::new(Vec::new(), Compression::none());
        packer.write_all(&bytes).expect("memory");
        packer.finish().expect("memory")
    };
    let wanted = |name: &str| name.ends_with("/PKG-INFO");
    let streamed = tar::first(Cursor::new(&packed), wanted, LIMIT);
    let Ok(whole) = tar::read(file(&packed), wanted, LIMIT) else {
        return;
    };
    for name in &whole.files {
        assert!(!name.starts_with('/') && !name.chars().any(char::is_control));
        assert!(
            name.split('/').all(|part| part != ".."),
            "a path that leads out"
        );
    }
    assert_eq!(
        streamed.as_ref(),
        Ok(&whole.wanted),
        "two readings of one archive"
    );
    if let Some(info) = &whole.wanted {
        let whole = Metadata::parse(info);
        if let Ok(bound) = Metadata::parse_static(info) {
            assert_eq!(whole, Ok(bound));
        }
    }
}

fn head_sums(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(head) = bytes.get_mut(at..at + 512) {
        if head.iter().all(|byte| *byte == 0) {
            return;
        }
        head[148..156].fill(b' ');
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&head[124..136]).unwrap_or_default();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        let has_bytes = !matches!(head[156], b'1'..=b'6');
        at += 512
            + if has_bytes {
                size.div_ceil(512) * 512
            } else {
                0
            };
        if at >= bytes.len() {
            return;
        }
    }
}

/// `METADATA` and `PKG-INFO`.
pub fn core_metadata(data: &[u8]) {
    let read = Metadata::parse(data);
    let _ = metadata::json(data);
    let _ = publish::metadata::Metadata::parse(data);
    match (read, Metadata::parse_static(data)) {
        (Ok(read), Ok(bound)) => assert_eq!(read, bound),
        (Err(_), Ok(_)) => panic!("what cannot be read binds"),
        (Ok(read), Err(_)) => {
            for doubt in &read.doubts {
                assert!(!doubt.chars().any(char::is_control));
            }
        }
        (Err(why), Err(_)) => assert!(!why.chars().any(char::is_control)),
    }
}

/// A requirement, specifiers, a marker, a version: each line is read as each.
pub fn requirement_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.splitn(2, '\n');
    let (one, other) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    static ENVIRONMENT: LazyLock<Environment> =
        LazyLock::new(|| Environment::fallback().expect("an environment"));
    let environment = &*ENVIRONMENT;
    if let Ok(read) = requirement::parse(one) {
        let _ = read.marker.evaluate(environment.markers(), &[]);
        let written = read.to_string();
        match requirement::parse(&written) {
            // What holds nowhere is written as a comparison that never holds, and read as one.
            Ok(again) if read.marker.is_false() => {
                assert!(!again.marker.evaluate(environment.markers(), &[]));
            }
            // Names that PEP 508 has given up stay apart from those they are written as.
            Ok(again) => assert_eq!(again.to_string(), written),
            Err(why) => panic!("what was written is refused ({why}): {written}"),
        }
    }
    if let Some(repaired) = repair::requirement(one) {
        let written = repaired.value.to_string();
        assert!(requirement::parse(&written).is_ok(), "{written}");
    }
    if let Ok(marker) = requirement::marker(one) {
        let _ = marker.evaluate(environment.markers(), &[]);
        if let Some(written) = marker.try_to_string() {
            let again: Result<MarkerTree, _> = requirement::marker(&written);
            let again = again.unwrap_or_else(|why| panic!("{why}: {written}"));
            if marker.is_false() {
                assert!(!again.evaluate(environment.markers(), &[]));
            } else {
                assert_eq!(again.try_to_string(), Some(written));
            }
        }
    }
    let versions: Vec<Version> = other
        .split_whitespace()
        .take(8)
        .filter_map(|text| Version::from_str(text).ok())
        .collect();
    for version in &versions {
        let again = Version::from_str(&version.to_string());
        assert_eq!(again.as_ref(), Ok(version));
    }
    let Some(specifiers) = repair::specifiers(one) else {
        return;
    };
    let specifiers = specifiers.value;
    let written = specifiers.to_string();
    let again = VersionSpecifiers::from_str(&written).expect("what was written can be read");
    assert_eq!(again, specifiers);
    let range = order::range(&specifiers);
    let by_text = written.contains("===");
    // The numbers have an end, and what lies behind it is no matter of rules.
    let small = |version: &Version| version.release().iter().all(|number| *number < u64::MAX);
    let all_small = specifiers.iter().all(|one| small(one.version()));
    for version in &versions {
        let allowed = order::contains(&specifiers, version, true);
        if !by_text && all_small {
            assert_eq!(allowed, range.contains(version), "{specifiers} {version}");
        }
        let _ = order::allows_python(&specifiers, version);
    }
}

/// What an interpreter says of itself.
pub fn interpreter(data: &[u8]) {
    if let Ok(environment) = Environment::of_interpreter(data) {
        let _ = environment.tags().iter().count();
        let _ = environment.python().to_string();
    }
}
