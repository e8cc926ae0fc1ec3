use std::io::{Seek as _, Write as _};

use super::Zip;
use crate::package::archive::samples::{Member, member, zip};

fn open(bytes: &[u8]) -> Result<Zip, String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    Zip::open(file)
}

fn sound() -> Vec<Member> {
    let mut packed = member("a-1.dist-info/METADATA", &"text ".repeat(100));
    packed.method = 8;
    vec![member("a/__init__.py", "x = 1\n"), packed]
}

#[test]
fn a_sound_archive() {
    let mut found = open(&zip(&sound())).unwrap();
    let entries = found.entries.clone();
    assert_eq!(entries.len(), 2);
    assert_eq!(found.read(&entries[0], 100).unwrap(), b"x = 1\n");
    assert_eq!(
        found.read(&entries[1], 1000).unwrap(),
        "text ".repeat(100).as_bytes()
    );
    assert!(found.read(&entries[1], 100).unwrap_err().contains("larger"));
    assert!(open(&zip(&[])).unwrap().entries.is_empty());
}

#[test]
fn a_descriptor_is_read_and_told() {
    let mut members = sound();
    for member in &mut members {
        member.descriptor = true;
    }
    let mut found = open(&zip(&members)).unwrap();
    assert!(found.entries.iter().all(super::Entry::has_descriptor));
    let first = found.entries[0].clone();
    assert_eq!(found.read(&first, 100).unwrap(), b"x = 1\n");
}

/// Read in parts, where nothing else is held against the directory.
#[test]
fn a_file_behind_the_directory_is_refused() {
    let mut bytes = zip(&[member("a", "x")]);
    let directory = bytes
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    bytes[directory + 42..directory + 46].copy_from_slice(&200_u32.to_le_bytes());
    let size = bytes.len() as u64;
    let parts = Zip::of_parts(std::io::Cursor::new(bytes), size);
    assert_eq!(parts.err().unwrap(), "a would begin behind the directory");
}

/// Every way in which two readers of a zip can come to see two archives.
#[test]
fn two_readings_are_refused() {
    let with = |change: fn(&mut Vec<Member>)| {
        let mut members = sound();
        change(&mut members);
        zip(&members)
    };
    let appended = [zip(&sound()), b"x".to_vec()].concat();
    let twice = [zip(&sound()), zip(&sound())].concat();
    let prepended = [b"#!/bin/sh\n".to_vec(), zip(&sound())].concat();
    let mut comment = zip(&sound());
    let end = comment.len();
    comment[end - 2] = 3;
    comment.extend(b"abc");
    let mut count = zip(&sound());
    count[end - 14] = 1;
    count[end - 12] = 1;
    for (name, bytes, expected) in [
        ("appended", appended, "after its end"),
        ("two archives", twice, "not where its end says"),
        ("prepended", prepended, "does not begin as one"),
        ("comment", comment, "comment at its end"),
        ("count", count, "that it counts"),
        (
            "another name in front",
            with(|all| all[0].local_name = "b/__init__.py".to_owned()),
            "two things about a/__init__.py",
        ),
        (
            "another size in front",
            with(|all| all[0].local_size = 1),
            "two things",
        ),
        (
            "twice",
            with(|all| {
                let again = all[0].clone();
                all.push(again);
            }),
            "twice",
        ),
        (
            "a hidden file",
            with(|all| all[1].before = b"PK\x03\x04 hidden".to_vec()),
            "belong to no file",
        ),
        (
            "outside",
            with(|all| {
                all[0].name = "../a".to_owned();
                all[0].local_name = "../a".to_owned();
            }),
            "outside of its folder",
        ),
        (
            "control",
            with(|all| {
                all[0].name = "a\0b".to_owned();
                all[0].local_name = "a\0b".to_owned();
            }),
            "control characters",
        ),
        (
            "a comment of a file",
            with(|all| all[0].comment = "c".to_owned()),
            "has a comment",
        ),
        ("encrypted", with(|all| all[0].flags = 1), "encrypted"),
        (
            "bzip2",
            with(|all| all[0].method = 12),
            "neither stored nor deflate",
        ),
        (
            "text",
            b"Metadata-Version: 2.1\n".to_vec(),
            "no zip archive",
        ),
        ("empty", Vec::new(), "no zip archive"),
    ] {
        let why = open(&bytes).err().unwrap_or_else(|| panic!("{name}"));
        assert!(why.contains(expected), "{name}: {why}");
    }
}

/// Cut off anywhere, an archive is refused; damaged in a file, that file is.
#[test]
fn cut_off_and_damaged() {
    let whole = zip(&sound());
    for length in 0..whole.len() {
        assert!(open(&whole[..length]).is_err(), "{length}");
    }
    let mut damaged = whole;
    let at = damaged
        .windows(5)
        .position(|window| window == b"x = 1")
        .unwrap();
    damaged[at] = b'y';
    let mut found = open(&damaged).unwrap();
    let first = found.entries[0].clone();
    assert!(found.read(&first, 100).unwrap_err().contains("damaged"));
}

/// No byte, changed, makes the reader panic or read past the end.
#[test]
fn any_byte_may_be_wrong() {
    let whole = zip(&sound());
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            if let Ok(mut found) = open(&bytes) {
                for entry in found.entries.clone() {
                    let _ = found.read(&entry, 1000);
                }
            }
        }
    }
}
