use http_body::Body as _;

use super::{Form, fields};
use crate::package::archive::samples::{metadata, sdist, wheel, wheel_members, write, zip};
use crate::publish::distribution::Distribution;

#[test]
fn fields_of_a_wheel() {
    let folder = tempfile::tempdir().unwrap();
    let text = metadata(
        "My.Pkg",
        "1.0",
        "Summary: s\nClassifier: a\nClassifier: b\nPlatform: p\nRequires-Python: >=3.9\n\ntext\n",
    );
    let bytes = zip(&wheel_members("my_pkg-1.0", &text));
    let path = write(folder.path(), "my_pkg-1.0-py2.py3-none-any.whl", &bytes);
    let one = Distribution::read(&path).unwrap();
    let expected = [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("filetype", "bdist_wheel"),
        ("pyversion", "py2.py3"),
        ("sha256_digest", one.digests.sha256.as_str()),
        ("blake2_256_digest", one.digests.blake2.as_str()),
        ("metadata_version", "2.1"),
        ("name", "My.Pkg"),
        ("version", "1.0"),
        ("summary", "s"),
        ("classifiers", "a"),
        ("classifiers", "b"),
        ("platform", "p"),
        ("requires_python", ">=3.9"),
        ("description", "text\n"),
    ];
    assert_eq!(fields(&one), expected);
    let source = Distribution::read(&sdist(folder.path(), "a", "1.0")).unwrap();
    let all = fields(&source);
    for pair in [
        ("filetype", "sdist"),
        ("pyversion", "source"),
        ("requires_python", ""),
    ] {
        assert!(all.contains(&pair), "{pair:?}");
    }
}

#[test]
fn the_length_is_known_and_the_pieces_are_small() {
    let folder = tempfile::tempdir().unwrap();
    let one = Distribution::read(&wheel(folder.path(), "a", "1.0")).unwrap();
    let form = Form::new(&one);
    let mut body = form.body(&one).unwrap();
    let length = body.length();
    assert_eq!(body.size_hint().exact(), Some(length));
    let sent = body.sent();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut bytes = Vec::new();
    let mut pinned = std::pin::Pin::new(&mut body);
    while let std::task::Poll::Ready(Some(piece)) = pinned.as_mut().poll_frame(&mut context) {
        bytes.extend(piece.unwrap().into_data().unwrap());
    }
    assert_eq!((bytes.len() as u64, sent.bytes()), (length, length));
    let file = std::fs::read(&one.path).unwrap();
    assert!(bytes.windows(file.len()).any(|window| window == file));
    // Cut off, or grown, since it was looked at: nothing of it is sent.
    std::fs::write(&one.path, b"PK").unwrap();
    assert!(form.body(&one).err().unwrap().contains("changed"));
    std::fs::remove_file(&one.path).unwrap();
    assert!(form.body(&one).err().unwrap().contains("no such file"));
}
