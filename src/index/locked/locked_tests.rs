use std::path::Path;

use super::{Kind, Locked, Origin, read};

fn said(kind: Kind, text: &str) -> Vec<String> {
    read(kind, "lock", text).unwrap().iter().map(line).collect()
}

fn line(one: &Locked) -> String {
    let origin = match &one.origin {
        Origin::Unsaid => "?".to_owned(),
        Origin::Index { url, source } => format!("{url} {source:?}"),
        Origin::Direct => "direct".to_owned(),
    };
    let files: Vec<String> = one
        .files
        .iter()
        .map(|file| {
            format!(
                " {}={:?}",
                file.filename,
                file.hashes.values().collect::<Vec<_>>()
            )
        })
        .collect();
    let version = one.version.as_ref().map(ToString::to_string);
    let marker = one
        .marker
        .try_to_string()
        .map(|marker| format!(" ; {marker}"));
    format!(
        "{}: {} {} {origin}{}{}",
        one.line,
        one.name,
        version.unwrap_or_default(),
        files.concat(),
        marker.unwrap_or_default()
    )
}

#[test]
fn names_of_files() {
    for (name, kind) in [
        ("a/poetry.lock", Some(Kind::Poetry)),
        ("uv.lock", Some(Kind::Uv)),
        ("pylock.toml", Some(Kind::Pylock)),
        ("pylock.dev.toml", Some(Kind::Pylock)),
        ("pylock.a.b.toml", None),
        ("pylock..toml", None),
        ("requirements.txt", None),
    ] {
        assert_eq!(Kind::of(Path::new(name)), kind, "{name}");
    }
}

#[test]
fn poetry_locks() {
    let text = r#"
[[package]]
name = "A_b"
version = "1.0"
files = [{ file = "a_b-1.0.tar.gz", hash = "sha256:AB" }]
markers = "os_name == 'nt'"

[[package]]
name = "c"
version = "2"
groups = ["main", "dev"]
markers = { main = "os_name == 'nt'", dev = "os_name == 'posix'" }
[package.source]
type = "legacy"
url = "https://u:hunter2@e.org/simple"
reference = "inner"

[[package]]
name = "d"
version = "3"
groups = ["main", "dev"]
markers = { main = "os_name == 'nt'" }
[package.source]
type = "git"
url = "https://e.org/d"

[metadata.files]
c = [{ file = "c-2-py3-none-any.whl", hash = "sha256:cd" }]
"#;
    assert_eq!(
        said(Kind::Poetry, text),
        [
            "2: a-b 1.0 https://pypi.org/simple/ Some(\"PyPI\") a_b-1.0.tar.gz=[\"ab\"] ; os_name == 'nt'",
            "8: c 2 https://e.org/simple Some(\"inner\") c-2-py3-none-any.whl=[\"cd\"] ; os_name == 'nt' or os_name == 'posix'",
            "18: d 3 direct",
        ]
    );
    let old = "[[package]]\nname='a'\nversion='1'\n[metadata.hashes]\na=['ab']";
    assert_eq!(
        said(Kind::Poetry, old),
        ["1: a 1 https://pypi.org/simple/ Some(\"PyPI\") =[\"ab\"]"]
    );
}

#[test]
fn uv_locks() {
    let text = r#"
version = 1
[[package]]
name = "own"
version = "0.1"
source = { editable = "." }
[[package]]
name = "a"
version = "1.0+local"
source = { registry = "https://e.org/simple" }
resolution-markers = ["os_name == 'nt'"]
sdist = { url = "https://e.org/f/a-1.0%2Blocal.tar.gz", hash = "sha256:ab", size = 1 }
wheels = [{ url = "https://e.org/f/a-1.0-py3-none-any.whl#x", hash = "sha256:cd" }]
[[package]]
name = "b"
version = "1"
source = { registry = "../wheels" }
wheels = [{ path = "b-1-py3-none-any.whl" }]
"#;
    assert_eq!(
        said(Kind::Uv, text),
        [
            "3: own 0.1 direct",
            "7: a 1.0+local https://e.org/simple None a-1.0+local.tar.gz=[\"ab\"] a-1.0-py3-none-any.whl=[\"cd\"] ; os_name == 'nt'",
            "14: b 1 direct b-1-py3-none-any.whl=[]",
        ]
    );
}

#[test]
fn standard_locks() {
    let text = r#"
lock-version = "1.0"
[[packages]]
name = "a"
version = "1"
index = "https://e.org/simple/"
marker = "os_name == 'nt'"
sdist = { url = "https://e.org/x", name = "a-1.tar.gz", hashes = { SHA256 = "AB" } }
[[packages.wheels]]
url = "https://e.org/a-1-py3-none-any.whl"
hashes = { sha256 = "cd", sha512 = "ef" }
[[packages]]
name = "b"
marker = "'x' in extras"
archive = { url = "https://e.org/b.zip", hashes = { sha256 = "00" } }
[[packages]]
name = "c"
version = "2"
"#;
    assert_eq!(
        said(Kind::Pylock, text),
        [
            "3: a 1 https://e.org/simple/ None a-1.tar.gz=[\"ab\"] a-1-py3-none-any.whl=[\"cd\", \"ef\"] ; os_name == 'nt'",
            "12: b  direct",
            "16: c 2 ?",
        ]
    );
    for (text, message) in [
        ("", "lock: its lock-version is none that is known"),
        (
            "lock-version = '2.0'",
            "lock: its lock-version is none that is known",
        ),
        (
            "lock-version = '1.0'\n[[packages]]\nversion = '1'",
            "lock line 2: packages[0]: it has no name",
        ),
        (
            "lock-version = '1.0'\n[[packages]]\nname = 'a'\nversion = 'hunter2'",
            "lock line 2: packages[0]: its version is none as PEP 440 has it",
        ),
        ("a = 'hunter2", "lock line 1 is not valid TOML"),
    ] {
        let failure = read(Kind::Pylock, "lock", text).unwrap_err();
        assert_eq!(failure.message, message, "{text}");
    }
}
