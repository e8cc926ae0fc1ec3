//! Rows of the table: wheels and source archives that are read for their metadata, from an index and from disk.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use super::http::{Pair, digest, page};
use crate::harness::sandbox::{Ended, Sandbox};
use crate::publish::samples::{self, Member, member, tar_gz, tar_member, wheel_members, zip};
use crate::publish::test_server::{Act, Server, say};

const METADATA: &str = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
const WHEEL: &str = "demo-1.0-py3-none-any.whl";
const SDIST: &str = "demo-1.0.tar.gz";

/// Everything outside of the cache and the runtime folder.
fn files(sandbox: &Sandbox) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![sandbox.root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".cache") || path.ends_with("run") || path.ends_with(".local") {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                folders.push(path.clone());
            }
            found.insert(path);
        }
    }
    found
}

/// An index that has this one file, without metadata beside it.
fn serving(name: &'static str, bytes: Vec<u8>) -> (Sandbox, Server) {
    let sha = digest(&bytes);
    let server = Server::start(move |request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        if path == "/simple/demo/" {
            return page(&[
                json!({ "filename": name, "url": format!("/files/{name}"), "hashes": { "sha256": sha } }),
            ]);
        }
        if path.starts_with("/files/") {
            Act::Give(bytes.clone())
        } else {
            say(404, "")
        }
    });
    let sandbox = Sandbox::new().without_keyring();
    let project = format!(
        "[project]\nname = \"mine\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n\
         [[tool.uv.index]]\nname = \"foo\"\nurl = \"{}\"\ndefault = true\n",
        server.url("/simple/")
    );
    sandbox.write("project/pyproject.toml", &project);
    (sandbox, server)
}

/// What `index metadata` says of such a file, and `publish --check` of the same on disk; nothing is written anywhere.
fn read(name: &'static str, bytes: &[u8]) -> [Ended; 2] {
    let (sandbox, server) = serving(name, bytes.to_vec());
    let dist = sandbox.path("project/dist");
    std::fs::create_dir(&dist).unwrap();
    samples::write(&dist, name, bytes);
    std::fs::create_dir_all(sandbox.path("home/.cache")).unwrap();
    let before = files(&sandbox);
    let all = [
        sandbox.helper(&["index", "metadata", "demo==1.0"]),
        sandbox.helper(&[
            "publish",
            "--check",
            "--repository",
            &server.url("/legacy/"),
        ]),
    ];
    let after = files(&sandbox);
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:?}");
    let gone: Vec<_> = before.difference(&after).collect();
    assert!(gone.is_empty(), "{gone:?}");
    all
}

/// Names that lead out of a folder, or into another file, on one system or another.
fn ways_out() -> Vec<String> {
    let mut all: Vec<String> = [
        "../x",
        "../../x",
        "demo/../../x",
        "./../x",
        "demo/..",
        "..",
        "/x",
        "//x",
        "/etc/passwd",
        "\\x",
        "..\\x",
        "demo\\..\\..\\x",
        "C:x",
        "C:\\x",
        "c:/x",
        "\\\\server\\x",
        "//server/x",
        "demo/./../../x",
        "demo//../../x",
        "~/x",
        "a\0b",
        "../x\0.py",
        "demo/\u{202e}x",
        "demo/x\ny",
        "demo/\u{1b}[2J",
        "CON",
        "nul",
        "demo/aux.py",
        "x:stream",
        "demo. ",
        "demo/..;/x",
        "..%2fx",
        "%2e%2e/x",
        "..\u{2215}x",
        "../../../../../../../../tmp/x",
        "demo-evil/../../x",
        "../demo-1.0-evil/x",
        "project/../../y",
        "../dist-evil/x",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("{}x", "../".repeat(60)));
    all
}

fn with(name: &str) -> Vec<Member> {
    let mut members = wheel_members("demo-1.0", METADATA);
    members.insert(0, member(name, "x"));
    members
}

/// A1: archives are read for their metadata and never unpacked: whatever a name in them says, nothing is written, and a name that leads out is refused.
/// Also: `package::archive::zip::tests::two_readings_are_refused`, `package::archive::flow::tests::what_is_refused`
#[test]
fn a1_no_name_in_a_wheel_leads_out() {
    let names = ways_out();
    assert!(names.len() >= 40, "{}", names.len());
    for name in &names {
        let [from_index, from_disk] = read(WHEEL, &zip(&with(name)));
        assert!(
            (0..=4).contains(&from_index.status),
            "{name:?}: {from_index:?}"
        );
        let leads_out = name.split(['/', '\\']).any(|part| part == "..") || name.starts_with('/');
        if leads_out && !name.contains('\\') {
            assert_eq!(from_disk.status, 1, "{name:?}: {from_disk:?}");
        }
    }
    // A sound one is read.
    let [from_index, _] = read(WHEEL, &zip(&wheel_members("demo-1.0", METADATA)));
    assert_eq!(from_index.status, 0, "{from_index:?}");
    assert!(from_index.stdout.contains("name: demo"), "{from_index:?}");
}

/// A2: of a source archive PKG-INFO alone is read; links, devices and what leads out are not followed or made.
/// Also: `package::archive::tar::tests::what_is_refused`, `package::archive::tar::tests::cut_off_anywhere`
#[test]
fn a2_links_and_devices_in_a_source_archive_do_nothing() {
    let info = || {
        tar_member(
            "demo-1.0/PKG-INFO",
            b'0',
            METADATA.replace("2.1", "2.2").as_bytes(),
        )
    };
    let link = |kind: u8, name: &str, to: &str| {
        let mut member = tar_member(name, kind, b"");
        member[157..157 + to.len()].copy_from_slice(to.as_bytes());
        member[148..156].fill(b' ');
        let sum: u32 = member[..512].iter().map(|byte| u32::from(*byte)).sum();
        member[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        member
    };
    for (kind, name, to) in [
        (b'2', "demo-1.0/x", "/etc/passwd"),
        (b'2', "demo-1.0/PKG-INFO", "/etc/passwd"),
        (b'1', "demo-1.0/PKG-INFO", "/etc/passwd"),
        (b'2', "demo-1.0", "/tmp"),
        (b'2', "demo-1.0/x", "../../x"),
        (b'3', "demo-1.0/x", ""),
        (b'4', "demo-1.0/x", ""),
        (b'6', "demo-1.0/x", ""),
        (b'0', "../x", ""),
        (b'0', "/x", ""),
        (b'5', "../x", ""),
    ] {
        for members in [
            [link(kind, name, to), info()],
            [info(), link(kind, name, to)],
        ] {
            for ended in read(SDIST, &tar_gz(&members)) {
                assert!((0..=4).contains(&ended.status), "{name}: {ended:?}");
                assert!(!ended.stdout.contains("root:"), "{name}: {ended:?}");
            }
        }
    }
    let [from_index, _] = read(SDIST, &tar_gz(&[info()]));
    assert_eq!(from_index.status, 0, "{from_index:?}");
}

/// A3: what two readers could read differently is refused: two heads that differ, names twice, bytes that belong to no file, anything behind the end.
/// Also: `package::archive::zip::tests::two_readings_are_refused`, `package::archive::tar::tests::what_is_refused`
#[test]
fn a3_what_can_be_read_in_two_ways_is_refused() {
    let other = METADATA.replace("demo", "evil");
    let changed = |change: &dyn Fn(&mut Vec<Member>)| {
        let mut members = wheel_members("demo-1.0", METADATA);
        change(&mut members);
        zip(&members)
    };
    let info = |members: &[Member]| {
        members
            .iter()
            .position(|one| one.name.ends_with("METADATA"))
            .unwrap()
    };
    let sound = zip(&wheel_members("demo-1.0", METADATA));
    let evil = zip(&wheel_members("demo-1.0", &other));
    let wheels = [
        [sound.clone(), b"x".to_vec()].concat(),
        [sound.clone(), evil.clone()].concat(),
        [b"MZ".to_vec(), sound.clone()].concat(),
        changed(&|all| {
            let mut twice = all[info(all)].clone();
            twice.data = other.clone().into_bytes();
            all.push(twice);
        }),
        changed(&|all| {
            let at = info(all);
            all[at].local_name = "demo-1.0.dist-info/OTHER".to_owned();
        }),
        changed(&|all| {
            let at = info(all);
            all[at].local_size = 1;
        }),
        changed(&|all| {
            let at = info(all);
            all[at].before = b"PK\x03\x04 hidden".to_vec();
        }),
        changed(&|all| {
            let at = info(all);
            all[at].flags = 1;
        }),
    ];
    for (number, bytes) in wheels.into_iter().enumerate() {
        let [from_index, from_disk] = read(WHEEL, &bytes);
        assert!(
            !from_index.stdout.contains("evil"),
            "{number}: {from_index:?}"
        );
        assert_eq!(from_disk.status, 1, "{number}: {from_disk:?}");
    }
    let info = |text: &str| {
        tar_member(
            "demo-1.0/PKG-INFO",
            b'0',
            text.replace("2.1", "2.2").as_bytes(),
        )
    };
    let sound = tar_gz(&[info(METADATA)]);
    for (number, bytes) in [
        [sound.clone(), tar_gz(&[info(&other)])].concat(),
        [sound, b"x".to_vec()].concat(),
        tar_gz(&[info(METADATA), info(&other)]),
    ]
    .into_iter()
    .enumerate()
    {
        let [from_index, from_disk] = read(SDIST, &bytes);
        assert!(
            !from_index.stdout.contains("evil"),
            "{number}: {from_index:?}"
        );
        assert_eq!(from_disk.status, 1, "{number}: {from_disk:?}");
    }
}

/// A4: sizes, ratios and numbers of entries are limited, and counted while reading.
/// Also: `package::archive::flow::tests::a_bomb`, `package::archive::tar::tests::what_is_refused`
#[test]
fn a4_bombs_are_given_up() {
    let mut large = wheel_members("demo-1.0", METADATA);
    for one in &mut large {
        if one.name.ends_with("METADATA") {
            one.data.extend(vec![b' '; 40 << 20]);
            one.method = 8;
        }
    }
    // The same bytes, said to be those of many files.
    let mut overlap = zip(&large);
    let end = overlap.len();
    overlap[end - 12..end - 10].copy_from_slice(&[0xff, 0xff]);
    let info = METADATA.replace("2.1", "2.2");
    let tar = tar_gz(&[
        tar_member("demo-1.0/zeros", b'0', &vec![0; 70 << 20]),
        tar_member("demo-1.0/PKG-INFO", b'0', info.as_bytes()),
    ]);
    for (name, bytes) in [(WHEEL, zip(&large)), (WHEEL, overlap), (SDIST, tar)] {
        let [from_index, from_disk] = read(name, &bytes);
        assert_eq!(from_disk.status, 1, "{name}: {from_disk:?}");
        // From an index a source archive is read up to PKG-INFO and never held: there the limit is that of
        // what runs through, 512 MiB.
        if name == WHEEL {
            assert_ne!(from_index.status, 0, "{name}: {from_index:?}");
            assert_eq!(from_index.stdout, "", "{name}");
        }
    }
}

/// A5: nothing is removed or installed by what an archive says: RECORD and entry points are not obeyed.
#[test]
fn a5_a_record_removes_nothing() {
    let mut members = wheel_members("demo-1.0", METADATA);
    for one in &mut members {
        if one.name.ends_with("RECORD") {
            one.data.extend(b"../../victim,,\n/victim,,\n");
        }
    }
    members.push(member(
        "demo-1.0.dist-info/entry_points.txt",
        "[console_scripts]\n../../x = demo:main\n",
    ));
    for ended in read(WHEEL, &zip(&members)) {
        assert!((0..=1).contains(&ended.status), "{ended:?}");
    }
}

/// A6: a file's name is the page's, is decoded once, and has to be the name of a wheel or source archive; neither a path nor a header names a file.
/// Also: `package::filename::tests::what_is_none`, `index::page::tests::what_no_installer_takes_is_left_out_without_a_word`
#[test]
fn a6_no_name_from_a_server_is_a_path() {
    let pair = Pair::new(
        |request, _| {
            if !request.line.contains("/simple/demo/") {
                let head = "content-disposition: attachment; filename=\"../../../evil\"\r\n";
                return Act::Say(200, head.to_owned(), "no wheel".to_owned());
            }
            let names = [
                "../demo-1.0-py3-none-any.whl",
                "..%2fdemo-1.0-py3-none-any.whl",
                "%252e%252e%252fdemo-1.0-py3-none-any.whl",
                "demo-1.0/../../x-py3-none-any.whl",
                "demo-1.0-py3-none-any.whl/../../x",
                "/demo-1.0.tar.gz",
                "demo-1.0\u{0}.tar.gz",
                "demo-..%2f..%2f1.0.tar.gz",
                "demo-1.0-..%2f..%2fx-none-any.whl",
            ];
            let links = names
                .map(|name| format!("<a href=\"/files/{name}\">{name}</a>"))
                .concat();
            Act::Say(
                200,
                "content-type: text/html\r\n".to_owned(),
                format!("{links}<a href=\"/files/demo-2.0-py3-none-any.whl\">x</a>"),
            )
        },
        |_, _| say(404, ""),
    );
    std::fs::create_dir_all(pair.sandbox.path("home/.cache")).unwrap();
    let before = files(&pair.sandbox);
    for words in [
        &["index", "files", "demo", "--all", "--json"][..],
        &["index", "metadata", "demo==1.0"],
        &["index", "metadata", "demo==2.0"],
    ] {
        let ended = pair.run(words);
        assert!(!ended.stdout.contains(".."), "{ended:?}");
    }
    assert_eq!(files(&pair.sandbox), before);
}
