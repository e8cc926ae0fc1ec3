//! Credentials in plain text and a real keyring: moved from every file at once, or from none.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::keyring::Keyring;
use crate::harness::sandbox::Sandbox;

const SECRET: &str = "s3cret-%20-hunter2";
/// Files, and what is left of them.
const FILES: [(&str, &str, &str); 5] = [
    (
        "home/.pypirc",
        "# mine\n[pypi]\nusername = __token__\npassword = SECRET\n\n[own]\nrepository = https://own.example/legacy/\nusername = alice\npassword = SECRET\n",
        "# mine\n[pypi]\nusername = __token__\n\n[own]\nrepository = https://own.example/legacy/\nusername = alice\n",
    ),
    (
        "home/.config/pypoetry/auth.toml",
        "[http-basic.foo] # mine\nusername = \"alice\"\npassword = \"SECRET\"\n[http-basic.\"my.repo\"]\nusername = \"bob\"\npassword = \"SECRET\"\n",
        "[http-basic.foo] # mine\nusername = \"alice\"\n[http-basic.\"my.repo\"]\nusername = \"bob\"\n*",
    ),
    (
        "home/.config/pip/pip.conf",
        "[global]\nindex-url = https://alice:ENCODED@pip.example/simple/\n; mine\n",
        "[global]\nindex-url = https://alice@pip.example/simple/\n; mine\n",
    ),
    (
        "home/.config/uv/uv.toml",
        "[[index]]\nname = \"corp\"\nurl = \"https://alice:ENCODED@corp.example/simple/\" # mine\n",
        "[[index]]\nname = \"corp\"\nurl = \"https://alice@corp.example/simple/\" # mine\n",
    ),
    (
        "project/pyproject.toml",
        "[[tool.poetry.source]]\nname = \"foo\"\nurl = \"https://mallory:ENCODED@evil.example/simple/\"\n",
        "[[tool.poetry.source]]\nname = \"foo\"\nurl = \"https://mallory@evil.example/simple/\"\n",
    ),
];

fn filled(text: &str) -> String {
    text.replace("SECRET", SECRET)
        .replace("ENCODED", &SECRET.replace('%', "%25"))
}

fn home(keyring: &Keyring) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("DBUS_SESSION_BUS_ADDRESS", &keyring.address());
    for (path, text, _) in FILES {
        let path = sandbox.write(path, &filled(text));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    sandbox
}

#[test]
fn everything_goes_into_the_keyring_and_is_answered_from_there() {
    let keyring = Keyring::start();
    let sandbox = home(&keyring);
    for option in ["--json", "--color=never"] {
        let ended = sandbox.helper(&["import", option]);
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    }
    for (path, text, _) in FILES {
        assert_eq!(sandbox.read(path), filled(text), "{path}");
    }
    let ended = sandbox.helper(&["import", "--apply", "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    for (path, _, left) in FILES {
        let text = sandbox.read(path);
        assert!(crate::harness::sandbox::fits(left, &text), "{path}: {text}");
        let mode = std::fs::metadata(sandbox.path(path)).unwrap();
        let mode = mode.permissions().mode() & 0o777;
        // What Poetry's own file is changed by closes it.
        assert!(mode == 0o640 || mode == 0o600, "{path}: {mode:o}");
    }
    assert_eq!(sandbox.helper(&["scan"]).status, 0);
    // What the project declares has bound nothing.
    let bound = sandbox.helper(&["trust", "--list"]).stdout;
    assert!(
        bound.contains("own.example") && !bound.contains("evil.example"),
        "{bound}"
    );
    let root = sandbox.root().to_str().unwrap().to_owned();
    for question in [
        &["get", "pypi", "--operation", "upload"][..],
        &["get", "own", "--username", "alice"],
        &[
            "get",
            "https://own.example/legacy/",
            "--operation",
            "upload",
        ],
        &["get", "my.repo"],
        &["get", "https://pip.example/simple/"],
        &["get", "https://corp.example/simple/x/"],
        &[
            "get",
            "https://evil.example/simple/",
            "--username",
            "mallory",
            "--directory",
            &root,
        ],
    ] {
        let ended = sandbox.helper(&[question, &["--format", "password"]].concat());
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (0, format!("{SECRET}\n").as_str()),
            "{question:?} {ended:?}"
        );
    }
    // Outside of the project the name is the user's own.
    let ended = sandbox.helper(&["get", "foo", "--directory", &root]);
    assert_eq!(ended.stdout, format!("username=alice\npassword={SECRET}\n"));
}

#[test]
fn a_locked_keyring_leaves_every_file() {
    let mut keyring = Keyring::start();
    keyring.kill();
    keyring.restart_locked();
    let sandbox = home(&keyring);
    let ended = sandbox.helper(&["import", "--apply"]);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    for (path, text, _) in FILES {
        assert_eq!(sandbox.read(path), filled(text), "{path}");
    }
}
