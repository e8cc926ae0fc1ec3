//! Real packages: read by parts, listed, and installed as they were resolved, by pip and uv.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::recorded;
use crate::harness::sandbox::{Ended, Sandbox, end};
use crate::publish::test_server::Server;

/// What a resolution of `requests` chooses here.
const CHOSEN: [(&str, &str); 5] = [
    ("certifi", "2026.10.19.post1"),
    ("charset-normalizer", "3.5.3"),
    ("idna", "3.20"),
    ("requests", "2.34.2"),
    ("urllib3", "2.8.0"),
];

fn helper(sandbox: &Sandbox, index: &Server, arguments: &[&str]) -> Ended {
    let url = index.url("/simple/");
    let ended = sandbox.helper(&[arguments, &["--index-url", &url]].concat());
    assert_eq!(ended.status, 0, "{ended:?}");
    ended
}

fn object(sandbox: &Sandbox, index: &Server, arguments: &[&str]) -> Value {
    let ended = helper(sandbox, index, &[arguments, &["--json"]].concat());
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// The metadata of a wheel that has none beside it comes from a few parts of it.
#[test]
fn metadata_from_parts() {
    let sandbox = Sandbox::new().without_keyring();
    let index = recorded::bare();
    let about = object(&sandbox, &index, &["index", "metadata", "requests==2.34.2"]);
    assert_eq!(about["from"], "range", "{about}");
    let needs = about["metadata"]["requires_dist"].as_array().unwrap();
    assert!(needs.contains(&json!("idna<4,>=2.5")), "{about}");
    let requests = index.requests();
    let mut of_files = requests.iter().filter(|one| one.line.contains("/files/"));
    assert!(
        of_files.all(|one| one.header("range").is_some() || one.line.starts_with("HEAD ")),
        "{requests:?}"
    );
}

#[test]
fn files() {
    let sandbox = Sandbox::new().without_keyring();
    let index = recorded::index(Vec::new());
    let object = object(&sandbox, &index, &["index", "files", "idna==3.20"]);
    let files = object["files"].as_array().unwrap();
    let names: Vec<&str> = files
        .iter()
        .map(|file| file["filename"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["idna-3.20-py3-none-any.whl", "idna-3.20.tar.gz"]);
    assert_eq!(files[0]["metadata"], true);
    assert!(files[0]["size"].as_u64().unwrap() < 10 * 1024);
}

fn python() -> Option<PathBuf> {
    let python = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON");
    if python.is_none() {
        eprintln!("CREDENTIAL_HELPER_TEST_PYTHON is not set: this part is not tested");
    }
    python.map(PathBuf::from)
}

/// What stands in a folder of packages, by what the packages say of themselves.
const INSTALLED: &str = "import importlib.metadata as m, sys; \
    print(*sorted(d.metadata['Name'].lower() + ' ' + d.version for d in m.distributions(path=sys.argv[1:])), sep='\\n')";

fn assert_installed(sandbox: &Sandbox, python: &PathBuf, folder: &str) {
    let folder = sandbox.path(folder);
    let mut command = sandbox.command(python);
    let ended = end(command.args(["-c", INSTALLED]).arg(&folder), "");
    let expected: String = CHOSEN
        .iter()
        .map(|(name, version)| format!("{name} {version}\n"))
        .collect();
    assert_eq!(ended.stdout, expected, "{ended:?}");
    let module = std::fs::read_to_string(folder.join("idna/__init__.py")).unwrap();
    assert_eq!(module, "__version__ = \"3.20\"\n");
}

/// pip takes what was resolved, with nothing but the digests that were written, and says no where one
/// is another.
#[test]
fn pip_installs_what_was_resolved() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::new().without_keyring();
    let index = recorded::index(Vec::new());
    sandbox.write("project/requirements.in", "requests\n");
    let resolve = ["resolve", "-r", "requirements.in", "--generate-hashes"];
    helper(
        &sandbox,
        &index,
        &[&resolve[..], &["-o", "requirements.txt"]].concat(),
    );
    let pip = |what: &[&str], file: &str, folder: &str| {
        let mut command = sandbox.command(&python);
        command.args(["-m", "pip", "--isolated", "--disable-pip-version-check"]);
        command
            .args(what)
            .args(["-q", "--no-deps", "--no-cache-dir"]);
        command.args(["--require-hashes", "--only-binary", ":all:"]);
        command.args(["--index-url", &index.url("/simple/"), "-r", file]);
        let option = if what == ["install"] {
            "--target"
        } else {
            "--dest"
        };
        end(command.arg(option).arg(sandbox.path(folder)), "")
    };
    let ended = pip(&["install"], "requirements.txt", "installed");
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_installed(&sandbox, &python, "installed");

    let ended = pip(&["download"], "requirements.txt", "downloaded");
    assert_eq!(ended.status, 0, "{ended:?}");
    let count = std::fs::read_dir(sandbox.path("downloaded"))
        .unwrap()
        .count();
    assert_eq!(count, CHOSEN.len());

    let text = sandbox.read("project/requirements.txt");
    let (before, after) = text.split_once("--hash=sha256:").unwrap();
    let other = format!("{before}--hash=sha256:{}{}", "0".repeat(64), &after[64..]);
    // Only the first package's, with the digests of its other files gone too.
    let other: String = other
        .split_inclusive('\n')
        .take_while(|line| !line.starts_with("charset"))
        .filter(|line| !line.contains("--hash=") || line.contains(&"0".repeat(64)))
        .map(|line| line.trim_end_matches(" \\\n").to_owned())
        .map(|line| {
            if line.contains("==") {
                line + " \\\n"
            } else {
                line + "\n"
            }
        })
        .collect();
    sandbox.write("project/other.txt", &other);
    let ended = pip(&["install"], "other.txt", "refused");
    assert_ne!(ended.status, 0, "{other}: {ended:?}");
    assert!(ended.stderr.contains("DO NOT MATCH"), "{other}: {ended:?}");
}

/// The file for all platforms, by uv.
#[test]
fn uv_installs_the_lock_file() {
    let Some(python) = python() else { return };
    let uv = python.with_file_name("uv");
    if !uv.is_file() {
        eprintln!("left out: there is no uv beside the Python of the tests");
        return;
    }
    let sandbox = Sandbox::new().without_keyring();
    let index = recorded::index(Vec::new());
    sandbox.write("project/requirements.in", "requests\n");
    let resolve = ["resolve", "-r", "requirements.in", "--universal"];
    helper(
        &sandbox,
        &index,
        &[&resolve[..], &["-o", "pylock.toml"]].concat(),
    );
    let mut command = sandbox.command(uv);
    command.args([
        "pip",
        "install",
        "-q",
        "--no-config",
        "--no-cache",
        "-r",
        "pylock.toml",
    ]);
    command.arg("--python").arg(&python).arg("--target");
    let ended = end(command.arg(sandbox.path("installed")), "");
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_installed(&sandbox, &python, "installed");
}
