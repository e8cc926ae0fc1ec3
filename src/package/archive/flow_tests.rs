use super::first;
use crate::package::archive::samples::{Member, member, zip};

fn of(members: &[Member], wanted: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
    first(&*zip(members), |name| name == wanted, limit)
}

fn sound() -> Vec<Member> {
    let mut packed = member("a-1.dist-info/METADATA", &"text ".repeat(100));
    packed.method = 8;
    let mut before = member("a/data.txt", &"more ".repeat(1000));
    before.method = 8;
    vec![member("a/__init__.py", "x = 1\n"), before, packed]
}

#[test]
fn up_to_one_file() {
    let text = "text ".repeat(100).into_bytes();
    assert_eq!(
        of(&sound(), "a-1.dist-info/METADATA", 500),
        Ok(Some(text.clone()))
    );
    assert_eq!(
        of(&sound(), "a/__init__.py", 500),
        Ok(Some(b"x = 1\n".to_vec()))
    );
    assert_eq!(of(&sound(), "other", 500), Ok(None));
    // Nothing behind the file is asked for.
    let whole = zip(&sound());
    let end = whole
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    assert_eq!(
        first(&whole[..end], |name| name.ends_with("METADATA"), 500),
        Ok(Some(text))
    );
}

#[test]
fn descriptors() {
    let mut members = sound();
    members.remove(0);
    for member in &mut members {
        member.descriptor = true;
    }
    // The sizes in front are zero then.
    let mut bytes = zip(&members);
    for at in 0..bytes.len() - 4 {
        if bytes[at..].starts_with(b"PK\x03\x04") {
            bytes[at + 14..at + 26].fill(0);
        }
    }
    let found = first(&*bytes, |name| name.ends_with("METADATA"), 500).unwrap();
    assert_eq!(found, Some("text ".repeat(100).into_bytes()));
    assert_eq!(first(&*bytes, |_| false, 500), Ok(None));
}

#[test]
fn what_is_refused() {
    let with = |change: fn(&mut Vec<Member>)| {
        let mut members = sound();
        change(&mut members);
        zip(&members)
    };
    let mut damaged = zip(&sound());
    damaged[40] ^= 0xff;
    for (bytes, limit, expected) in [
        (Vec::new(), 500, "cut off"),
        (
            b"Metadata-Version: 2.1 and more than that\n".to_vec(),
            500,
            "no zip archive",
        ),
        (zip(&sound()), 499, "larger than"),
        (
            with(|all| all[0].local_name = "../x".to_owned()),
            500,
            "out of it",
        ),
        (with(|all| all[0].flags = 1), 500, "in order"),
        (with(|all| all[2].method = 12), 500, "in order"),
        (with(|all| all[2].local_size = 1), 501, "damaged"),
    ] {
        let why = first(&*bytes, |name| name.ends_with("METADATA"), limit).unwrap_err();
        assert!(why.contains(expected), "{expected}: {why}");
    }
    let whole = zip(&sound());
    let directory = whole
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    for length in 0..directory {
        assert!(first(&whole[..length], |_| false, 500).is_err(), "{length}");
    }
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = first(&*bytes, |name| name.ends_with("METADATA"), 1000);
        }
    }
}

/// A file that unpacks to far more than it may is given up where the limit is.
#[test]
fn a_bomb() {
    let mut bomb = member("a-1.dist-info/METADATA", &"\0".repeat(50_000_000));
    bomb.method = 8;
    let bytes = zip(&[bomb]);
    assert!(bytes.len() < 100_000);
    let wanted = |name: &str| name.ends_with("METADATA");
    assert!(
        first(&*bytes, wanted, 1_000_000)
            .unwrap_err()
            .contains("larger")
    );
    // Also where it says in front that it is small.
    let mut lying = bytes;
    lying[22..26].copy_from_slice(&100_u32.to_le_bytes());
    assert!(
        first(&*lying, wanted, 1_000_000)
            .unwrap_err()
            .contains("larger")
    );
}
