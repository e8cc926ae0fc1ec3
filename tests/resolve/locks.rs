//! `pylock.toml` as pip, uv and the `packaging` library read it.

use super::{Place, public};
use crate::harness::sandbox::{Ended, Sandbox, end};

/// Reads a lock with `packaging`, and prints what pip would install of it.
const READ: &str = "import sys, tomllib, packaging.pylock as p
lock = p.Pylock.from_dict(tomllib.load(open(sys.argv[1], 'rb')))
print(' '.join(f'{one.name}=={one.version}' for one in lock.packages))";

/// The Python of the tests, with the arguments.
fn python(sandbox: &Sandbox, arguments: &[&str]) -> Option<Ended> {
    let Some(program) = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON") else {
        eprintln!("CREDENTIAL_HELPER_TEST_PYTHON is not set: nobody else reads the locks");
        return None;
    };
    Some(end(sandbox.command(program).args(arguments), ""))
}

/// A lock for all Pythons and platforms.
fn lock(place: &Place) -> String {
    assert!(!public().is_empty());
    let ended = place.run(&["resolve", "web[more]", "--universal", "-o", "pylock.toml"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    place.sandbox.read("project/pylock.toml")
}

#[test]
fn packaging_reads_it() {
    let place = Place::new();
    lock(&place);
    let Some(ended) = python(&place.sandbox, &["-c", READ, "pylock.toml"]) else {
        return;
    };
    assert_eq!(ended.status, 0, "{ended:?}");
    let read = "base==2.0 base==3.0 colour==0.4 extra==1.0 web==2.0\n";
    assert_eq!(ended.stdout, read, "{ended:?}");
}

#[test]
fn uv_reads_it() {
    let place = Place::new();
    lock(&place);
    let (Some(uv), Some(python)) = (crate::setup::uv(), own_python()) else {
        return;
    };
    let mut uv = place.sandbox.command(uv);
    uv.args([
        "pip",
        "install",
        "--no-cache",
        "--dry-run",
        "-r",
        "pylock.toml",
        "--python",
    ]);
    let ended = end(uv.arg(python), "");
    assert_eq!(ended.status, 0, "{ended:?}");
    for line in [" + base==2.0\n", " + extra==1.0\n", " + web==2.0\n"] {
        assert!(ended.stderr.contains(line), "{line}: {ended:?}");
    }
    assert!(!ended.stderr.contains("colour"), "{ended:?}");
}

#[test]
fn pip_reads_it() {
    let place = Place::new();
    let text = lock(&place);
    assert!(text.contains("hashes = { sha256 = \""), "{text}");
    let version = "import pip; print(pip.__version__.split('.')[0])";
    let Some(ended) = python(&place.sandbox, &["-c", version]) else {
        return;
    };
    // pylock.toml is read from pip 26 on.
    if ended
        .stdout
        .trim()
        .parse::<u32>()
        .is_ok_and(|major| major < 26)
    {
        eprintln!("pip is older than 26: it does not read the locks");
        return;
    }
    let install = [
        "-m",
        "pip",
        "install",
        "--no-cache-dir",
        "--dry-run",
        "-r",
        "pylock.toml",
    ];
    let Some(ended) = python(&place.sandbox, &install) else {
        return;
    };
    assert_eq!(ended.status, 0, "{ended:?}");
    let line = "Would install base-2.0 extra-1.0 web-2.0\n";
    assert!(ended.stdout.contains(line), "{ended:?}");
}

fn own_python() -> Option<std::ffi::OsString> {
    std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON")
}
