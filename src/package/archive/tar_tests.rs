use std::io::{Seek as _, Write as _};

use super::{Contents, read};
use crate::package::archive::samples::{gzip, tar_gz, tar_member};

fn open(bytes: &[u8]) -> Result<Contents, String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    read(file, |name| name.ends_with("/PKG-INFO"), 1000)
}

fn info() -> Vec<u8> {
    tar_member("a-1/PKG-INFO", b'0', b"Name: a\n")
}

fn pax(records: &str) -> Vec<u8> {
    tar_member("pax", b'x', records.as_bytes())
}

#[test]
fn a_sound_archive() {
    let folder = tar_member("a-1/", b'5', b"");
    let link = tar_member("a-1/link", b'2', b"");
    let found = open(&tar_gz(&[
        folder,
        link,
        info(),
        tar_member("a-1/b", b'0', &[7; 700]),
    ]))
    .unwrap();
    assert_eq!(found.wanted.as_deref(), Some(&b"Name: a\n"[..]));
    assert_eq!(found.files, ["a-1/PKG-INFO", "a-1/b"]);
    assert_eq!(found.unpacked, 1024 * 3 + 1024 + 512);
    let dotted = tar_member("./a-1/PKG-INFO", b'0', b"x");
    assert_eq!(open(&tar_gz(&[dotted])).unwrap().files, ["a-1/PKG-INFO"]);
}

#[test]
fn long_names() {
    let long = format!("a-1/{}/PKG-INFO", "n".repeat(120));
    let gnu = tar_member("././@LongLink", b'L', format!("{long}\0").as_bytes());
    let record = format!("{} path={long}\n", long.len() + 10);
    for header in [gnu, pax(&record)] {
        let found = open(&tar_gz(&[header, tar_member("short", b'0', b"x")])).unwrap();
        assert_eq!(found.files, std::slice::from_ref(&long));
        assert!(found.wanted.is_some());
    }
    let sparse = pax("22 GNU.sparse.major=1\n");
    assert!(open(&tar_gz(&[sparse, info()])).unwrap().sparse);
}

#[test]
fn what_is_refused() {
    let whole = tar_gz(&[info()]);
    let mut broken_sum = info();
    broken_sum[0] = b'b';
    let bomb: Vec<u8> = tar_member("a-1/zeros", b'0', &vec![0; 70 * 1024 * 1024]);
    for (name, bytes, expected) in [
        ("text", b"Metadata-Version: 2.1\n".to_vec(), "no gzip"),
        ("empty", Vec::new(), "cut off"),
        (
            "two members",
            [whole.clone(), whole.clone()].concat(),
            "after its end",
        ),
        (
            "appended",
            [whole.clone(), b"x".to_vec()].concat(),
            "after its end",
        ),
        (
            "behind the end",
            gzip(&[info(), vec![0; 1024], info()].concat()),
            "after its end",
        ),
        ("no end", gzip(&info()), "cut off"),
        ("no tar", gzip(&[b'x'; 1024]), "no tar archive"),
        ("sum", tar_gz(&[broken_sum]), "no tar archive"),
        ("twice", tar_gz(&[info(), info()]), "not the only one"),
        (
            "outside",
            tar_gz(&[tar_member("../PKG-INFO", b'0', b"x")]),
            "outside of its folder",
        ),
        (
            "large",
            tar_gz(&[tar_member("a/PKG-INFO", b'0', &[65; 1001])]),
            "larger than",
        ),
        (
            "two sizes",
            tar_gz(&[pax("11 size=99\n"), info()]),
            "two sizes",
        ),
        ("pax", tar_gz(&[pax("99 path=x\n"), info()]), "damaged"),
        ("bomb", tar_gz(&[bomb]), "far more"),
    ] {
        let why = open(&bytes).err().unwrap_or_else(|| panic!("{name}"));
        assert!(why.contains(expected), "{name}: {why}");
    }
}

#[test]
fn cut_off_anywhere() {
    let whole = tar_gz(&[info(), tar_member("a-1/b", b'0', &[7; 700])]);
    for length in 0..whole.len() {
        assert!(open(&whole[..length]).is_err(), "{length}");
    }
}
