use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use sha2::Digest as _;
use url::Url;

use super::test_server::{Ranges, Server};
use super::{Build, Found, Later, Memory, Over, Rung, direct, metadata};
use crate::index::fetch::test_sources::{agent, credential, requester, run, source};
use crate::index::project::{File, Hashes};
use crate::package::archive::samples::{
    Member, member, metadata as text, sdist, tar_gz, tar_member, wheel, wheel_members, zip,
};
use crate::package::filename::Filename;
use crate::package::{PackageName, Requirement};

fn project() -> PackageName {
    PackageName::from_str("my-pkg").unwrap()
}

const WHEEL: &str = "my_pkg-1.0-py3-none-any.whl";
const SDIST: &str = "my_pkg-1.0.tar.gz";

fn sha256(bytes: &[u8]) -> Hashes {
    let digest = sha2::Sha256::digest(bytes);
    let hex = digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    [("sha256".to_owned(), hex)].into()
}

fn file(server: &Server, name: &str, bytes: &[u8]) -> File {
    File {
        filename: name.to_owned(),
        name: Filename::parse(name, &project()).unwrap(),
        url: Url::parse(&server.url(name)).unwrap(),
        hashes: sha256(bytes),
        size: None,
        requires_python: None,
        yanked: None,
        uploaded: None,
        metadata: None,
        provenance: None,
    }
}

fn whl(more: &str) -> Vec<u8> {
    zip(&wheel_members("my_pkg-1.0", &text("my_pkg", "1.0", more)))
}

/// A wheel of which only the end is small.
fn large() -> Vec<u8> {
    let mut members = wheel_members("my_pkg-1.0", &text("my_pkg", "1.0", "Requires-Dist: a\n"));
    // Stands in front of everything, and its directory behind it is larger than the first part.
    members.insert(0, member("my_pkg/data.bin", &"0123456789".repeat(30_000)));
    for number in 0..1500 {
        members.push(member(&format!("my_pkg/{number:040}.py"), ""));
    }
    zip(&members)
}

fn read_with(
    server: &Server,
    memory: &Memory,
    file: &File,
    build: Option<&dyn Build>,
) -> Result<Found, Failure> {
    let source = Arc::new(source("foo", &server.url("simple/")));
    let requester = requester(std::slice::from_ref(&source), None, Arc::new(()));
    let over = Over {
        requester: &requester,
        source: &source,
    };
    run(metadata(&over, memory, &project(), file, build))
}

fn read(server: &Server, file: &File) -> Result<Found, Failure> {
    read_with(server, &Memory::default(), file, None)
}

fn requires(found: &Found) -> Vec<String> {
    found
        .metadata
        .requires
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn from_beside_the_file() {
    let beside = text("my_pkg", "1.0", "Requires-Dist: b\n").into_bytes();
    let own = whl("Requires-Dist: a\n");
    let name = format!("{WHEEL}.metadata");
    let server = Server::start(
        Ranges::Sent,
        &[(WHEEL, own.clone()), (&name, beside.clone())],
    );
    let mut one = file(&server, WHEEL, &own);
    one.metadata = Some(sha256(&beside));
    one.url.set_query(Some("token=1"));
    let found = read(&server, &one).unwrap();
    assert_eq!(
        (found.from, requires(&found)),
        (Rung::Beside, vec!["b".to_owned()])
    );
    assert_eq!(found.raw, beside);
    assert_eq!(server.asked(), [format!("{name}?token=1")]);
}

#[test]
fn what_is_beside_has_to_have_its_digest() {
    let own = whl("");
    let name = format!("{WHEEL}.metadata");
    let beside = text("my_pkg", "1.0", "").into_bytes();
    let server = Server::start(Ranges::Sent, &[(WHEEL, own.clone()), (&name, beside)]);
    let mut one = file(&server, WHEEL, &own);
    one.metadata = Some(sha256(b"other"));
    let failure = read(&server, &one).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Malformed);
    for word in ["my-pkg 1.0", WHEEL, "the source foo", "digest"] {
        assert!(failure.message.contains(word), "{}", failure.message);
    }
    // Where it is not there after all, the wheel has it.
    let server = Server::start(Ranges::Sent, &[(WHEEL, own.clone())]);
    let mut one = file(&server, WHEEL, &own);
    one.metadata = Some(Hashes::new());
    assert_eq!(read(&server, &one).unwrap().from, Rung::Range);
}

#[test]
fn by_parts() {
    // All of it is in the first part.
    let own = whl("Requires-Dist: a\n");
    let server = Server::start(Ranges::Sent, &[(WHEEL, own.clone())]);
    let mut one = file(&server, WHEEL, &own);
    let found = read(&server, &one).unwrap();
    assert_eq!(
        (found.from, requires(&found)),
        (Rung::Range, vec!["a".to_owned()])
    );
    assert_eq!(server.asked(), [format!("{WHEEL} bytes=-32768")]);
    one.size = Some(own.len() as u64);
    read(&server, &one).unwrap();
    assert_eq!(
        server.asked()[1],
        format!("{WHEEL} bytes=0-{}", own.len() - 1)
    );
    // The directory is larger than it, and the file stands before.
    let own = large();
    let server = Server::start(Ranges::Sent, &[(WHEEL, own.clone())]);
    let found = read(&server, &file(&server, WHEEL, &own)).unwrap();
    assert_eq!(
        (found.from, requires(&found)),
        (Rung::Range, vec!["a".to_owned()])
    );
    assert_eq!(server.asked().len(), 3, "{:?}", server.asked());
}

/// The answer to a request for a part is the whole file: it is used, and parts are not asked for again.
#[test]
fn servers_that_send_no_parts() {
    let own = whl("Requires-Dist: a\n");
    for (ranges, first, second) in [
        (Ranges::Ignored, 1, 1),
        (Ranges::Refused(405), 2, 1),
        (Ranges::Refused(416), 2, 1),
        (Ranges::Refused(501), 2, 1),
        (Ranges::Absurd, 2, 1),
    ] {
        let server = Server::start(ranges, &[(WHEEL, own.clone())]);
        let one = file(&server, WHEEL, &own);
        let memory = Memory::default();
        for requests in [first, first + second] {
            let found = read_with(&server, &memory, &one, None).unwrap();
            assert_eq!(
                (found.from, requires(&found)),
                (Rung::Wheel, vec!["a".to_owned()])
            );
            assert_eq!(
                server.asked().len(),
                requests,
                "{ranges:?} {:?}",
                server.asked()
            );
        }
        assert!(!memory.has_ranges(&one.url));
    }
}

#[test]
fn a_wheel_that_was_read_whole_has_to_have_its_digest() {
    let own = whl("");
    let server = Server::start(Ranges::Ignored, &[(WHEEL, own)]);
    let failure = read(&server, &file(&server, WHEEL, b"other")).unwrap_err();
    assert!(failure.message.contains("digest"), "{}", failure.message);
    let archive = tar_gz(&[tar_member("my_pkg-1.0/PKG-INFO", b'0', PKG_INFO.as_bytes())]);
    let server = Server::start(Ranges::Ignored, &[(SDIST, archive)]);
    let failure = read(&server, &file(&server, SDIST, b"other")).unwrap_err();
    assert!(failure.message.contains("digest"), "{}", failure.message);
}

const PKG_INFO: &str =
    "Metadata-Version: 2.2\nName: my_pkg\nVersion: 1.0\nRequires-Dist: a\nDynamic: License\n";

struct Builder;

impl Build for Builder {
    fn archive<'a>(
        &'a self,
        filename: &'a str,
        bytes: Vec<u8>,
    ) -> Later<'a, Result<Vec<u8>, Failure>> {
        assert!(filename == SDIST && !bytes.is_empty());
        Box::pin(async { Ok(text("my_pkg", "1.0", "Requires-Dist: built\n").into_bytes()) })
    }

    fn tree<'a>(&'a self, folder: &'a Path) -> Later<'a, Result<Vec<u8>, Failure>> {
        assert!(folder.join("pyproject.toml").is_file());
        Box::pin(async { Ok(text("my_pkg", "1.0", "Requires-Dist: built\n").into_bytes()) })
    }
}

#[test]
fn source_archives() {
    let of = |info: &str| {
        let setup = tar_member("my_pkg-1.0/setup.py", b'0', b"x");
        tar_gz(&[
            setup,
            tar_member("my_pkg-1.0/PKG-INFO", b'0', info.as_bytes()),
        ])
    };
    let sound = of(PKG_INFO);
    let server = Server::start(Ranges::Sent, &[(SDIST, sound.clone())]);
    let found = read(&server, &file(&server, SDIST, &sound)).unwrap();
    assert_eq!(
        (found.from, requires(&found)),
        (Rung::Sdist, vec!["a".to_owned()])
    );
    assert_eq!(server.asked(), [SDIST]);
    for (info, expected) in [
        (text("my_pkg", "1.0", ""), "older than version 2.2"),
        (
            format!("{PKG_INFO}Dynamic: Requires-Dist\n"),
            "Requires-Dist is made by its build",
        ),
    ] {
        let bytes = of(&info);
        let server = Server::start(Ranges::Sent, &[(SDIST, bytes.clone())]);
        let one = file(&server, SDIST, &bytes);
        let failure = read(&server, &one).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Unavailable);
        assert!(
            failure.message.contains("my-pkg 1.0") && failure.message.contains(expected),
            "{}",
            failure.message
        );
        assert!(failure.hint.as_deref().unwrap().contains("--build-sdist"));
        let found = read_with(&server, &Memory::default(), &one, Some(&Builder)).unwrap();
        assert_eq!(
            (found.from, requires(&found)),
            (Rung::Build, vec!["built".to_owned()])
        );
    }
    // Zip archives by parts; what is packed otherwise is told.
    let name = "my_pkg-1.0.zip";
    let zipped = zip(&[
        member("my_pkg-1.0/PKG-INFO", PKG_INFO),
        member("my_pkg-1.0/setup.py", "x"),
    ]);
    for ranges in [Ranges::Sent, Ranges::Ignored] {
        let server = Server::start(ranges, &[(name, zipped.clone())]);
        let found = read(&server, &file(&server, name, &zipped)).unwrap();
        assert_eq!(requires(&found), ["a"]);
        assert_eq!(server.asked().len(), 1);
    }
    let name = "my_pkg-1.0.tar.bz2";
    let server = Server::start(Ranges::Sent, &[(name, Vec::new())]);
    let failure = read(&server, &file(&server, name, b"")).unwrap_err();
    assert!(
        failure.message.contains("not read here"),
        "{}",
        failure.message
    );
}

/// Wheels that are broken, absurd or hostile: an error that names the file, by parts and in order.
#[test]
fn bad_wheels() {
    let bomb = |declared: Option<u32>| {
        let mut members = wheel_members("my_pkg-1.0", &"\0".repeat(40_000_000));
        members.truncate(2);
        let mut bytes = zip(&members);
        if let Some(declared) = declared {
            // What it says of its size, in front of it and in the directory.
            let real = 40_000_000_u32.to_le_bytes();
            for at in 0..bytes.len() - 4 {
                if bytes[at..at + 4] == real {
                    bytes[at..at + 4].copy_from_slice(&declared.to_le_bytes());
                }
            }
        }
        bytes
    };
    let whole = whl("");
    let mut cyclic = whole.clone();
    let end = cyclic.len() - 22;
    let offset = u32::try_from(end).unwrap() - 4;
    cyclic[end + 16..end + 20].copy_from_slice(&offset.to_le_bytes());
    let mut overlapping = wheel_members("my_pkg-1.0", &text("my_pkg", "1.0", ""));
    overlapping[1].method = 0;
    let mut overlapping = zip(&overlapping);
    let entry = overlapping
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    let second = overlapping[entry + 4..]
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap()
        + entry
        + 4;
    overlapping[second + 42..second + 46].fill(0);
    let of = |project: &str, version: &str| {
        zip(&wheel_members("my_pkg-1.0", &text(project, version, "")))
    };
    let absurd = format!(
        "{}{}",
        text("my_pkg", "1.0", ""),
        "Requires-Dist: a\n".repeat(30_000)
    );
    let two: Vec<Member> = [wheel_members("my_pkg-1.0", ""), wheel_members("b-1.0", "")].concat();
    for (name, bytes, by_parts, in_order) in [
        ("empty", Vec::new(), "cut off", "cut off"),
        (
            "text",
            b"<html>log in</html> and much more of it".repeat(3),
            "cut off",
            "no zip archive",
        ),
        ("cut off", whole[..whole.len() - 30].to_vec(), "cut off", ""),
        (
            "cut in the middle",
            whole[..80].to_vec(),
            "cut off",
            "cut off",
        ),
        ("bomb", bomb(None), "larger than", "larger than"),
        ("lying bomb", bomb(Some(1000)), "damaged", "larger than"),
        ("cyclic", cyclic, "not where its end says", ""),
        ("overlapping", overlapping, "two things", ""),
        (
            "other project",
            of("other", "1.0"),
            "metadata says other 1.0",
            "metadata says other 1.0",
        ),
        (
            "other version",
            of("my_pkg", "2.0"),
            "metadata says my-pkg 2.0",
            "metadata says my-pkg 2.0",
        ),
        (
            "absurd",
            zip(&wheel_members("my_pkg-1.0", &absurd)),
            "more than 20000",
            "more than 20000",
        ),
        (
            "no metadata",
            zip(&[member("a.py", "")]),
            "no .dist-info",
            "no .dist-info",
        ),
        ("two", zip(&two), "more than one .dist-info", ""),
        (
            "another's",
            zip(&wheel_members("b-1.0", "")),
            "not in my_pkg-1.0.dist-info",
            "no .dist-info of its name",
        ),
    ] {
        for (ranges, expected) in [(Ranges::Sent, by_parts), (Ranges::Ignored, in_order)] {
            let server = Server::start(ranges, &[(WHEEL, bytes.clone())]);
            let read = read(&server, &file(&server, WHEEL, &bytes));
            // Read in order, the end of an archive does not matter.
            let Some(failure) = read.as_ref().err() else {
                assert_eq!((ranges, expected), (Ranges::Ignored, ""), "{name}");
                continue;
            };
            assert_eq!(failure.code, ErrorCode::Malformed, "{name}");
            assert!(
                failure.message.contains(WHEEL) && failure.message.contains(expected),
                "{name} {ranges:?}: {}",
                failure.message
            );
        }
    }
}

#[test]
fn parts_that_are_cut_off() {
    let own = whl("");
    let server = Server::start(Ranges::Short, &[(WHEEL, own.clone())]);
    let failure = read(&server, &file(&server, WHEEL, &own)).unwrap_err();
    assert!(failure.message.contains("shorter"), "{}", failure.message);
}

/// What is cut off on its way is asked for again: a part, what stands beside, an archive in order.
#[test]
fn connections_that_are_dropped() {
    let own = whl("Requires-Dist: a\n");
    let server = Server::start(Ranges::Dropped, &[(WHEEL, own.clone())]);
    assert_eq!(
        requires(&read(&server, &file(&server, WHEEL, &own)).unwrap()),
        ["a"]
    );
    assert_eq!(server.asked().len(), 3);
    let name = format!("{WHEEL}.metadata");
    let beside = text("my_pkg", "1.0", "Requires-Dist: b\n").into_bytes();
    let server = Server::start(Ranges::Dropped, &[(&name, beside.clone())]);
    let mut one = file(&server, WHEEL, &own);
    one.metadata = Some(sha256(&beside));
    assert_eq!(requires(&read(&server, &one).unwrap()), ["b"]);
    let info = tar_member("my_pkg-1.0/PKG-INFO", b'0', PKG_INFO.as_bytes());
    let archive = tar_gz(&[info]);
    let server = Server::start(Ranges::Dropped, &[(SDIST, archive.clone())]);
    assert_eq!(
        requires(&read(&server, &file(&server, SDIST, &archive)).unwrap()),
        ["a"]
    );
}

/// The size on a page may be wrong.
#[test]
fn a_wrong_size() {
    let own = whl("Requires-Dist: a\n");
    for size in [1, own.len() as u64 - 7, own.len() as u64 + 7, 1 << 40] {
        let server = Server::start(Ranges::Sent, &[(WHEEL, own.clone())]);
        let mut one = file(&server, WHEEL, &own);
        one.size = Some(size);
        let found = read(&server, &one).unwrap();
        assert_eq!(
            (found.from, requires(&found)),
            (Rung::Range, vec!["a".to_owned()])
        );
        assert!(server.asked().len() <= 2, "{size}: {:?}", server.asked());
    }
    // One more than without a size, also where the page tells one of somewhere in the middle.
    let own = large();
    for size in [1, own.len() as u64 / 2] {
        let server = Server::start(Ranges::Sent, &[(WHEEL, own.clone())]);
        let mut one = file(&server, WHEEL, &own);
        one.size = Some(size);
        read(&server, &one).unwrap();
        assert_eq!(server.asked().len(), 4, "{size}: {:?}", server.asked());
    }
}

/// An answer without end is given up, whatever it begins with.
#[test]
fn without_end() {
    for (name, start) in [
        ("my_pkg-1.0-py3-none-endless.whl", Vec::new()),
        (
            "my_pkg-1.0-1endless-py3-none-any.whl",
            b"PK\x03\x04".to_vec(),
        ),
    ] {
        let server = Server::start(Ranges::Sent, &[(name, start)]);
        let failure = read(&server, &file(&server, name, b"")).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Malformed, "{}", failure.message);
    }
    let name = format!("{WHEEL}?endless");
    let server = Server::start(Ranges::Sent, &[(WHEEL, Vec::new())]);
    let mut one = file(&server, WHEEL, b"");
    one.metadata = Some(Hashes::new());
    one.url = Url::parse(&server.url(&name)).unwrap();
    let failure = read(&server, &one).unwrap_err();
    assert!(
        failure.message.contains("more than 16 MiB"),
        "{}",
        failure.message
    );
}

#[test]
fn a_file_that_is_gone_is_no_miss() {
    let server = Server::start(Ranges::Sent, &[]);
    for name in [WHEEL, SDIST] {
        let failure = read(&server, &file(&server, name, b"")).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Malformed);
        assert!(
            failure.message.contains("the server answers 404"),
            "{}",
            failure.message
        );
    }
}

/// Every request for a part carries the credential, as the first does.
#[test]
fn credentials_go_along() {
    let own = large();
    let server = Server::start(Ranges::Sent, &[(&format!("simple/{WHEEL}"), own.clone())]);
    let source = Arc::new(source("foo", &server.url("simple/")));
    let (asker, _) = agent(Vec::new(), |inquiry, _| Ok(credential(inquiry, "hunter2")));
    let requester = requester(std::slice::from_ref(&source), Some(asker), Arc::new(()));
    let over = Over {
        requester: &requester,
        source: &source,
    };
    let mut one = file(&server, WHEEL, &own);
    one.url = Url::parse(&server.url(&format!("simple/{WHEEL}"))).unwrap();
    let memory = Memory::default();
    run(metadata(&over, &memory, &project(), &one, None)).unwrap();
    let sent = server.header("authorization");
    assert!(
        sent.len() == 3 && sent.iter().all(Option::is_some),
        "{sent:?}"
    );
    let encodings = server.header("accept-encoding");
    assert!(
        encodings
            .iter()
            .all(|value| value.as_deref() == Some("identity")),
        "{encodings:?}"
    );
}

fn directly(server: &Server, url: &str, build: Option<&dyn Build>) -> Result<Found, Failure> {
    let source = Arc::new(source("foo", &server.url("simple/")));
    let requester = requester(std::slice::from_ref(&source), None, Arc::new(()));
    let over = Over {
        requester: &requester,
        source: &source,
    };
    let url = Url::parse(url).unwrap();
    run(direct(&over, &Memory::default(), &project(), &url, build))
}

#[test]
fn direct_urls() {
    let own = whl("Requires-Dist: a\n");
    let server = Server::start(Ranges::Ignored, &[(WHEEL, own.clone())]);
    let digest = &sha256(&own)["sha256"];
    let found = directly(
        &server,
        &server.url(&format!("{WHEEL}#sha256={digest}")),
        None,
    )
    .unwrap();
    assert_eq!(requires(&found), ["a"]);
    let wrong = directly(
        &server,
        &server.url(&format!("{WHEEL}#sha256={}", "0".repeat(64))),
        None,
    );
    assert!(wrong.unwrap_err().message.contains("digest"));
    for (url, expected) in [
        (server.url("other-1.0-py3-none-any.whl"), "another project"),
        (server.url("page"), "neither a wheel"),
        (
            "ftp://h/my_pkg-1.0.tar.gz".to_owned(),
            "neither of http nor of git",
        ),
        ("git+ext://user:hunter2@h/x".to_owned(), "git is not used"),
        (
            "file:///nowhere/my_pkg-1.0.tar.gz".to_owned(),
            "no such file",
        ),
    ] {
        let failure = directly(&server, &url, None).unwrap_err();
        assert!(failure.message.contains(expected), "{}", failure.message);
        assert!(!failure.message.contains("hunter2"));
    }
}

#[test]
fn files_and_folders_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Ranges::Sent, &[]);
    let url = |path: &Path| Url::from_file_path(path).unwrap().to_string();
    let found = directly(&server, &url(&wheel(folder.path(), "my_pkg", "1.0")), None).unwrap();
    assert_eq!(found.from, Rung::Wheel);
    let old = url(&sdist(folder.path(), "my_pkg", "1.0"));
    let failure = directly(&server, &old, None).unwrap_err();
    assert!(failure.hint.unwrap().contains("--build-sdist"));
    assert_eq!(
        requires(&directly(&server, &old, Some(&Builder)).unwrap()),
        ["built"]
    );
    let tree = folder.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let write = |text: &str| std::fs::write(tree.join("pyproject.toml"), text).unwrap();
    write("[project]\nname = 'my_pkg'\nversion = '1.0'\ndependencies = ['a']\n");
    let found = directly(&server, &url(&tree), None).unwrap();
    assert_eq!(
        (found.from, requires(&found)),
        (Rung::Sdist, vec!["a".to_owned()])
    );
    write("[project]\nname = 'my_pkg'\nversion = '1.0'\ndynamic = ['dependencies']\n");
    assert!(
        directly(&server, &url(&tree), None)
            .unwrap_err()
            .message
            .contains("dynamic")
    );
    assert_eq!(
        directly(&server, &url(&tree), Some(&Builder)).unwrap().from,
        Rung::Build
    );
    assert!(server.asked().is_empty());
    assert!(Requirement::from_str("a").is_ok());
}
