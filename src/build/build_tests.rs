use std::ffi::OsString;
use std::path::{Path, PathBuf};

use credential_helper_protocol::ErrorCode;

use super::Builder;
use crate::test_programs;

/// A program that plays Python or uv: a script of the shell.
fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
    test_programs::script(folder, name, &format!("#!/bin/sh\n{script}\n"))
}

fn environment() -> Vec<(OsString, OsString)> {
    [
        ("PATH", "/usr/bin:/bin"),
        ("CFLAGS", "-O2"),
        ("UV_PUBLISH_TOKEN", "sentinel"),
        ("NETRC", "/sentinel"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec()
}

fn project(folder: &Path) {
    std::fs::write(folder.join("pyproject.toml"), "[project]\nname = 'a'\n").unwrap();
}

/// Has every module that is asked for; builds two files, and says what it was given.
const PYTHON: &str = "case $1 in -c) exit 0 ;; esac\n\
    for last; do :; done\n\
    echo \"args: $1 $2 $3\"; echo \"env: $CFLAGS${UV_PUBLISH_TOKEN-}${NETRC-}\" >&2\n\
    [ -f \"$last/pyproject.toml\" ] || exit 9\n\
    echo x > \"$4/a-1.0.tar.gz\"; echo x > \"$4/a-1.0-py3-none-any.whl\"; echo x > \"$4/notes\"";

#[test]
fn a_project_is_built_beside_what_was_there() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("dist");
    project(home.path());
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("a-0.9.tar.gz"), "old").unwrap();
    let python = program(home.path(), "python3", PYTHON);
    let builder = Builder::new(Some(python), None, environment());
    let mut said = Vec::new();
    let made = builder.project(home.path(), &out, &mut |line| said.push(line.to_owned()));
    let made: Vec<_> = made
        .unwrap()
        .iter()
        .map(|path| path.strip_prefix(&out).unwrap().to_owned())
        .collect();
    assert_eq!(
        made,
        [
            Path::new("a-1.0-py3-none-any.whl"),
            Path::new("a-1.0.tar.gz")
        ]
    );
    assert_eq!(said, ["args: -m build --outdir", "env: -O2"]);
    let mut left: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["a-0.9.tar.gz", "a-1.0-py3-none-any.whl", "a-1.0.tar.gz"]
    );
}

#[test]
fn who_builds() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    let out = home.path().join("dist");
    let says = "for last; do :; done; echo \"$0 $*\" | sed 's#^[^ ]*/##; s# /.*##'; exit 1";
    let uv = program(home.path(), "uv", says);
    let bare = program(
        home.path(),
        "bare",
        &format!("[ \"$1\" = -c ] && exit 1; {says}"),
    );
    let pip = program(
        home.path(),
        "pip",
        &format!("[ \"$1\" = -c ] && {{ [ \"$3\" = pip ]; exit; }}; {says}"),
    );
    let full = program(
        home.path(),
        "full",
        &format!("[ \"$1\" = -c ] && exit 0; {says}"),
    );
    for (python, uv, wanted) in [
        (Some(&full), Some(&uv), "full -m build --outdir"),
        (
            Some(&pip),
            Some(&uv),
            "uv build --no-create-gitignore --out-dir",
        ),
        (
            Some(&pip),
            None,
            "pip -m pip wheel --no-deps --no-input --disable-pip-version-check --wheel-dir",
        ),
        (Some(&bare), None, "nobody"),
        (None, None, "nobody"),
    ] {
        let builder = Builder::new(python.cloned(), uv.cloned(), environment());
        let mut said = Vec::new();
        let failure = builder
            .project(home.path(), &out, &mut |line| said.push(line.to_owned()))
            .unwrap_err();
        if wanted == "nobody" {
            assert_eq!(failure.code, ErrorCode::Unavailable);
            assert!(failure.message.contains("nobody"));
            continue;
        }
        assert_eq!(said, [wanted]);
        assert_eq!(failure.code, ErrorCode::Malformed);
        assert!(
            failure.message.ends_with(&format!("it failed: {wanted}")),
            "{failure:?}"
        );
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
    }
}

#[test]
fn a_folder_without_a_project() {
    let home = tempfile::tempdir().unwrap();
    let builder = Builder::new(None, None, environment());
    let failure = builder
        .project(home.path(), home.path(), &mut |_| {})
        .unwrap_err();
    assert_eq!(failure.code, ErrorCode::Usage);
}

#[test]
fn metadata_of_pips_report() {
    let home = tempfile::tempdir().unwrap();
    let report = r#"{"version":"1","install":[{"metadata":{"name":"a","version":"1.0","requires_python":">=3.9","requires_dist":["b>=1","c; extra == 'x'"],"provides_extra":["x"]}}]}"#;
    let script = format!(
        "[ \"$1\" = -c ] && exit 0\necho '{}'",
        report.replace('\'', "'\\''")
    );
    let python = program(home.path(), "python3", &script);
    let builder = Builder::new(Some(python), None, environment());
    let headers = String::from_utf8(builder.metadata(home.path()).unwrap()).unwrap();
    assert_eq!(
        headers,
        "Metadata-Version: 2.1\nName: a\nVersion: 1.0\nRequires-Python: >=3.9\nProvides-Extra: x\n\
         Requires-Dist: b>=1\nRequires-Dist: c; extra == 'x'\n"
    );
    let broken = program(
        home.path(),
        "broken",
        "[ \"$1\" = -c ] && exit 0\necho why >&2; exit 1",
    );
    let builder = Builder::new(Some(broken), None, environment());
    let failure = builder.metadata(home.path()).unwrap_err();
    assert!(failure.message.ends_with("it failed: why"), "{failure:?}");
}

/// A build's server may stay and hold the pipes: the build has ended all the same.
#[test]
fn what_a_build_leaves_running() {
    let home = tempfile::tempdir().unwrap();
    project(home.path());
    let out = home.path().join("dist");
    // It ends when somebody writes to it.
    let stays = |name: &str| {
        let pipe = home.path().join(name);
        let pipe = pipe.display();
        format!("mkfifo '{pipe}'; cat '{pipe}' &\necho before; ")
    };
    let release = |name: &str| {
        let pipe = home.path().join(name);
        drop(std::fs::OpenOptions::new().write(true).open(pipe).unwrap());
    };
    let good = program(home.path(), "good", &format!("{PYTHON}\n{}", stays("a")));
    let bad = format!(
        "[ \"$1\" = -c ] && exit 0\n{} echo why >&2; exit 1",
        stays("b")
    );
    let bad = program(home.path(), "bad", &bad);
    let report = format!(
        "[ \"$1\" = -c ] && exit 0\n{}",
        stays("c").replace(
            "echo before",
            "echo '{\"install\":[{\"metadata\":{\"name\":\"a\",\"version\":\"1.0\"}}]}'"
        )
    );
    let report = program(home.path(), "report", &report);
    let mut said = Vec::new();
    let mut say = |line: &str| said.push(line.to_owned());
    let builder = |python| Builder::new(Some(python), None, environment());
    let made = builder(good).project(home.path(), &out, &mut say);
    assert_eq!(made.unwrap().len(), 2);
    release("a");
    let failure = builder(bad)
        .project(home.path(), &out, &mut say)
        .unwrap_err();
    assert!(failure.message.ends_with("it failed: why"), "{failure:?}");
    release("b");
    let headers = builder(report).metadata(home.path());
    let headers = String::from_utf8(headers.unwrap()).unwrap();
    assert!(headers.contains("Name: a\nVersion: 1.0\n"), "{headers}");
    release("c");
    assert_eq!(
        said.iter().filter(|line| *line == "before").count(),
        2,
        "{said:?}"
    );
}
