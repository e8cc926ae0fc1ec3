//! Files that are not what they should be: named in our words, never overwritten, never in the way
//! of the others.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::harness::rights::reads_everything;
use crate::harness::sandbox::{Ended, Sandbox, fifo};

/// A text that no output may hold.
const SENTINEL: &str = "sentinel";

/// Which file is broken, by its path in the sandbox.
const AUTH: &str = "home/.config/pypoetry/auth.toml";
const CONFIG: &str = "home/.config/pypoetry/config.toml";
const LOCAL: &str = "project/poetry.toml";
const PROJECT: &str = "project/pyproject.toml";
const SETTINGS: &str = "home/.config/credential-helper/config.toml";
const TRUST: &str = "home/.local/state/credential-helper/trust.toml";
const UV: &str = "home/.config/uv/uv.toml";
const STORE: &str = "home/.local/share/uv/credentials/credentials.toml";

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Malformed,
    Unclosed,
    Binary,
    Huge,
    Loop,
    Folder,
    Fifo,
    Unreadable,
}

const ALL: [Wrong; 8] = [
    Wrong::Malformed,
    Wrong::Unclosed,
    Wrong::Binary,
    Wrong::Huge,
    Wrong::Loop,
    Wrong::Folder,
    Wrong::Fifo,
    Wrong::Unreadable,
];

impl Wrong {
    fn make(self, path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = |bytes: &[u8]| std::fs::write(path, bytes).unwrap();
        match self {
            Self::Malformed => write(b"# one\n[http-basic.foo]\npassword = sentinel\n"),
            Self::Unclosed => write(b"# one\n[http-basic.foo]\npassword = \"sentinel\n"),
            Self::Binary => write(b"# one\n[http-basic.foo]\npassword = \"sentinel\xff\xfe\0\"\n"),
            Self::Huge => {
                let mut bytes = b"[http-basic.foo]\npassword = \"sentinel\"\n#".to_vec();
                bytes.resize(5 * 1024 * 1024, b'x');
                write(&bytes);
            }
            Self::Loop => symlink(path, path).unwrap(),
            Self::Folder => std::fs::create_dir(path).unwrap(),
            Self::Fifo => fifo(path),
            Self::Unreadable => {
                write(b"[http-basic.foo]\npassword = \"sentinel\"\n");
                let none = std::fs::Permissions::from_mode(0o000);
                std::fs::set_permissions(path, none).unwrap();
            }
        }
    }

    /// What the file is, to see that nobody has written to it.
    fn look(path: &Path) -> (u32, u64, Option<Vec<u8>>) {
        let meta = std::fs::symlink_metadata(path).unwrap();
        let bytes = meta.is_file().then(|| std::fs::read(path).ok()).flatten();
        (
            meta.permissions().mode(),
            std::os::unix::fs::MetadataExt::ino(&meta),
            bytes,
        )
    }
}

/// A home in which one file is broken, and `bar` is answered by another.
fn sandbox(file: &str, wrong: Wrong) -> Option<Sandbox> {
    if wrong == Wrong::Unreadable && reads_everything() {
        return None;
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("POETRY_KEYRING_ENABLED", "false");
    if file != PROJECT {
        sandbox.write(PROJECT, "[project]\nname = \"x\"\n");
    }
    let good = "[http-basic.bar]\nusername = \"alice\"\npassword = \"good\"\n";
    sandbox.write(if file == AUTH { CONFIG } else { AUTH }, good);
    wrong.make(&sandbox.path(file));
    Some(sandbox)
}

fn run(sandbox: &Sandbox, arguments: &[&str], input: &str) -> Ended {
    // The harness ends what hangs.
    let ended = sandbox.helper_fed(arguments, input);
    for output in [&ended.stdout, &ended.stderr] {
        assert!(!output.contains(SENTINEL), "{arguments:?}: {ended:?}");
    }
    ended
}

/// The file is named, with the line where the text is at fault.
fn assert_named(sandbox: &Sandbox, file: &str, wrong: Wrong, what: &str, ended: &Ended) {
    let path = sandbox.path(file);
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert!(
        all.contains(path.to_str().unwrap()),
        "{file} {wrong:?} {what}: {ended:?}"
    );
    if matches!(wrong, Wrong::Malformed | Wrong::Unclosed) {
        assert!(
            all.contains('3'),
            "{file} {wrong:?} {what}: no line: {ended:?}"
        );
    }
}

#[test]
fn poetrys_files() {
    for file in [AUTH, CONFIG, LOCAL] {
        for wrong in ALL {
            let Some(sandbox) = sandbox(file, wrong) else {
                continue;
            };
            let before = Wrong::look(&sandbox.path(file));
            let missing = run(&sandbox, &["get", "foo"], "");
            assert_eq!(missing.status, 3, "{file} {wrong:?}: {missing:?}");
            assert_named(&sandbox, file, wrong, "get", &missing);
            // What can be read still answers.
            let other = run(&sandbox, &["get", "bar", "--format", "password"], "");
            assert_eq!(
                (other.status, other.stdout.as_str()),
                (0, "good\n"),
                "{file} {wrong:?}: {other:?}"
            );
            let explained = run(&sandbox, &["explain", "foo"], "");
            assert_eq!(explained.status, 0, "{file} {wrong:?}: {explained:?}");
            assert_named(&sandbox, file, wrong, "explain", &explained);
            run(&sandbox, &["explain", "foo", "--json"], "");
            let listed = run(&sandbox, &["list"], "");
            assert_named(&sandbox, file, wrong, "list", &listed);
            run(&sandbox, &["config", "--list"], "");
            run(&sandbox, &["-vv", "get", "foo"], "");
            // Nobody writes over what cannot be read.
            let (set, configured) = match file {
                AUTH => (3, ["config", "certificates.foo.cert", "false"]),
                CONFIG => (0, ["config", "repositories.foo", "https://h.example/"]),
                _ => (0, ["config", "--local", "repositories.foo"]),
            };
            let stored = run(&sandbox, &["set", "foo", "alice"], "new\n");
            if set == 3 {
                assert_eq!(stored.status, 3, "{file} {wrong:?}: {stored:?}");
                assert_named(&sandbox, file, wrong, "set", &stored);
                assert_eq!(
                    run(&sandbox, &["delete", "foo"], "").status,
                    3,
                    "{file} {wrong:?}"
                );
            }
            let mut arguments = configured.to_vec();
            if file == LOCAL {
                arguments.push("https://h.example/");
            }
            let configured = run(&sandbox, &arguments, "");
            assert_eq!(configured.status, 3, "{file} {wrong:?}: {configured:?}");
            assert_named(&sandbox, file, wrong, "config", &configured);
            assert_eq!(Wrong::look(&sandbox.path(file)), before, "{file} {wrong:?}");
        }
    }
}

#[test]
fn files_of_projects_and_of_uv() {
    for file in [PROJECT, UV] {
        for wrong in ALL {
            let Some(sandbox) = sandbox(file, wrong) else {
                continue;
            };
            let before = Wrong::look(&sandbox.path(file));
            // They hold no credential: what is stored answers, but for a name only where it is known
            // what the project would do with it.
            let other = run(&sandbox, &["get", "bar", "--format", "password"], "");
            let expected = if file == PROJECT {
                (3, "")
            } else {
                (0, "good\n")
            };
            assert_eq!(
                (other.status, other.stdout.as_str()),
                expected,
                "{file} {wrong:?}: {other:?}"
            );
            let explained = run(&sandbox, &["explain", "bar"], "");
            assert_named(&sandbox, file, wrong, "explain", &explained);
            run(&sandbox, &["get", "foo"], "");
            run(&sandbox, &["list"], "");
            assert_eq!(Wrong::look(&sandbox.path(file)), before, "{file} {wrong:?}");
        }
    }
}

#[test]
fn uvs_store() {
    for wrong in ALL {
        let Some(sandbox) = sandbox(STORE, wrong) else {
            continue;
        };
        let asked = run(&sandbox, &["get", "https://h.example/simple/"], "");
        assert_eq!(asked.status, 3, "{wrong:?}: {asked:?}");
        assert_named(&sandbox, STORE, wrong, "get", &asked);
        let other = run(&sandbox, &["get", "bar", "--format", "password"], "");
        assert_eq!(
            (other.status, other.stdout.as_str()),
            (0, "good\n"),
            "{wrong:?}: {other:?}"
        );
    }
}

#[test]
fn the_helpers_own_settings() {
    for wrong in ALL {
        let Some(sandbox) = sandbox(SETTINGS, wrong) else {
            continue;
        };
        let before = Wrong::look(&sandbox.path(SETTINGS));
        // They may forbid something: nothing is answered without them.
        for arguments in [
            ["get", "bar"].as_slice(),
            &["get", "bar", "--json"],
            &["explain", "bar"],
            &["list"],
            &["delete", "bar"],
        ] {
            let ended = run(&sandbox, arguments, "");
            assert_eq!(ended.status, 3, "{wrong:?} {arguments:?}: {ended:?}");
            assert_named(&sandbox, SETTINGS, wrong, arguments[0], &ended);
        }
        assert_eq!(
            run(&sandbox, &["set", "foo", "alice"], "x\n").status,
            3,
            "{wrong:?}"
        );
        assert_eq!(Wrong::look(&sandbox.path(SETTINGS)), before, "{wrong:?}");
    }
}

#[test]
fn the_record_of_bindings() {
    for wrong in ALL {
        let Some(sandbox) = sandbox(TRUST, wrong) else {
            continue;
        };
        let before = Wrong::look(&sandbox.path(TRUST));
        for (arguments, status) in [
            (["get", "https://h.example/simple/"].as_slice(), 3),
            (&["get", "https://pypi.org/simple/"], 3),
            (&["trust", "--list"], 3),
            (&["trust", "foo", "https://h.example/"], 3),
            (&["trust", "foo", "--remove"], 3),
            (&["trust", "--project"], 3),
        ] {
            let ended = run(&sandbox, arguments, "");
            assert_eq!(ended.status, status, "{wrong:?} {arguments:?}: {ended:?}");
            if status == 3 {
                assert_named(&sandbox, TRUST, wrong, arguments[0], &ended);
            }
        }
        let bound = ["set", "foo", "alice", "--url", "https://h.example/simple/"];
        assert_eq!(run(&sandbox, &bound, "x\n").status, 3, "{wrong:?}");
        // A name without a URL has no origin to check.
        let other = run(&sandbox, &["get", "bar", "--format", "password"], "");
        assert_eq!(
            (other.status, other.stdout.as_str()),
            (0, "good\n"),
            "{wrong:?}: {other:?}"
        );
        assert_eq!(Wrong::look(&sandbox.path(TRUST)), before, "{wrong:?}");
    }
}

#[test]
fn windows_line_ends_and_byte_order_marks_are_read() {
    let text = "[http-basic.foo]\r\nusername = \"alice\"\r\npassword = \"crlf\"\r\n";
    for mark in ["", "\u{feff}"] {
        let mut sandbox = Sandbox::new();
        sandbox.set("POETRY_KEYRING_ENABLED", "false");
        sandbox.write(AUTH, &format!("{mark}{text}"));
        sandbox.write(SETTINGS, &format!("{mark}timeout = 4.0\r\n"));
        let found = run(&sandbox, &["get", "foo", "--format", "password"], "");
        assert_eq!(
            (found.status, found.stdout.as_str()),
            (0, "crlf\n"),
            "{found:?}"
        );
        let stored = run(&sandbox, &["set", "bar", "bob"], "new\n");
        assert_eq!(stored.status, 0, "{stored:?}");
        let after = run(&sandbox, &["get", "foo", "--format", "password"], "");
        assert_eq!(after.stdout, "crlf\n", "{after:?}");
        let bar = run(&sandbox, &["get", "bar", "--format", "password"], "");
        assert_eq!(bar.stdout, "new\n", "{bar:?}");
    }
}

#[test]
fn wrong_types_name_their_key() {
    for (text, key) in [
        (
            "[http-basic.foo]\nusername = \"a\"\npassword = [\"sentinel\"]\n",
            "password",
        ),
        ("[http-basic]\nfoo = \"sentinel\"\n", "foo"),
        ("http-basic = \"sentinel\"\n", "http-basic"),
    ] {
        let mut sandbox = Sandbox::new();
        sandbox.set("POETRY_KEYRING_ENABLED", "false");
        sandbox.write(AUTH, text);
        let ended = run(&sandbox, &["get", "foo"], "");
        assert_eq!(ended.status, 3, "{text}: {ended:?}");
        assert!(
            ended.stderr.contains("auth.toml") && ended.stderr.contains(key),
            "{text}: {ended:?}"
        );
    }
}
