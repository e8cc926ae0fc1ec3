//! `helper setup`, with the built programs and with the real tools that read what it writes.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::harness::sandbox::{Ended, HELPER, Sandbox, end, wait};

/// A home whose shell is bash.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new().without_keyring();
    sandbox.set("SHELL", "/bin/bash");
    sandbox
}

fn setup(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    let mut all = vec!["setup"];
    all.extend(arguments);
    sandbox.helper(&all)
}

/// Everything in the home but our own record: path, mode, and what is there.
fn home(sandbox: &Sandbox) -> Vec<(PathBuf, u32, Vec<u8>)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, u32, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let (mode, here) = (meta.permissions().mode(), path.clone());
            if meta.is_symlink() {
                let target = path.read_link().unwrap();
                into.push((here, mode, target.into_os_string().into_encoded_bytes()));
            } else if meta.is_dir() {
                into.push((here, mode, Vec::new()));
                walk(&path, into);
            } else {
                into.push((here, mode, std::fs::read(path).unwrap()));
            }
        }
    }
    let mut all = Vec::new();
    walk(&sandbox.path("home"), &mut all);
    let state = sandbox.path("home/.local/state");
    all.retain(|(path, ..)| !path.starts_with(&state) && *path != sandbox.path("home/.local"));
    all.sort();
    all
}

/// A tool on the PATH whose Python is an environment with a module `keyring`.
fn python_tool(sandbox: &mut Sandbox, tool: &str) -> PathBuf {
    let environment = sandbox.path("environment");
    let made = end(
        sandbox
            .command("python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(&environment),
        "",
    );
    assert_eq!(made.status, 0, "{made:?}");
    let python = environment.join("bin/python");
    let script = format!("#!{}\n", python.display());
    sandbox.program(&format!("bin/{tool}"), &script);
    let ask = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let folder = end(sandbox.command(&python).args(["-c", ask]), "");
    let folder = PathBuf::from(folder.stdout.trim());
    std::fs::create_dir(folder.join("keyring")).unwrap();
    std::fs::write(folder.join("keyring/__init__.py"), "").unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    sandbox.set("PATH", &format!("{}:{path}", sandbox.path("bin").display()));
    folder
}

/// What each tool is set up by, and a file that it changes with what may stand there before.
const TOOLS: [(&[&str], &str, &[&str]); 9] = [
    (
        &["path"],
        "home/.bashrc",
        &["", "# mine\nalias a=b\n", "a=b\r\nc=d\r\n", "# no end"],
    ),
    (
        &["pip"],
        "home/.config/pip/pip.conf",
        &[
            "",
            "# mine\n[install]\nno-index = false\n",
            "[global]\r\ntimeout = 3\r\n",
            "[global]\ntimeout = 3",
        ],
    ),
    (&["pipenv"], "home/.bashrc", &["# mine\n"]),
    (&["pipx"], "home/.config/pip/pip.conf", &["[global]\n"]),
    (
        &["uv"],
        "home/.config/uv/uv.toml",
        &[
            "",
            "# mine\nlink-mode = \"copy\" # why\n",
            "link-mode = \"copy\"\r\n\r\n[[index]]\r\nurl = \"https://h.example/simple\"\r\n",
            "[[index]]\nurl = \"https://pypi.org/simple\"",
        ],
    ),
    (
        &["docker"],
        "home/.docker/config.json",
        &[
            "{}",
            "{\n\t\"auths\": {\"h\": {}}\n}\n",
            "{\r\n  \"a\": 1\r\n}",
        ],
    ),
    (
        &["docker", "r.example.org"],
        "home/.docker/config.json",
        &["{\n\t\"credsStore\": \"pass\",\n\t\"credHelpers\": {\"h\": \"x\"}\n}\n"],
    ),
    (
        &["cargo"],
        "home/.cargo/config.toml",
        &[
            "",
            "[build] # mine\njobs = 2\n",
            "[registry]\nglobal-credential-providers = [\n  \"cargo:libsecret\", # first\n]\n",
        ],
    ),
    (
        &["bazel", "a.example.org", "*.b.example.org"],
        "home/.bazelrc",
        &["", "# mine\ncommon --color=no\n", "common --color=no"],
    ),
];

#[test]
fn there_and_back_in_every_shape() {
    for (arguments, file, shapes) in TOOLS {
        let absent = [None];
        let shapes = shapes.iter().map(|text| Some(*text));
        for (number, shape) in absent.into_iter().chain(shapes).enumerate() {
            let sandbox = sandbox();
            if let Some(text) = shape {
                let path = sandbox.write(file, text);
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
                // Dot files are often links into a folder of their own.
                if number % 2 == 1 {
                    let real = sandbox.path("dotfiles");
                    std::fs::rename(&path, &real).unwrap();
                    symlink(&real, &path).unwrap();
                }
            }
            let what = format!("{arguments:?} {shape:?}");
            let before = home(&sandbox);
            let dry = setup(&sandbox, &[arguments, &["--dry-run"]].concat());
            assert_eq!(dry.status, 0, "{what}: {dry:?}");
            assert_eq!(home(&sandbox), before, "{what}");
            let done = setup(&sandbox, arguments);
            assert_eq!(done.status, 0, "{what}: {done:?}");
            assert_eq!(done.stdout, dry.stdout, "{what}");
            let after = home(&sandbox);
            assert_ne!(after, before, "{what}");
            if let Some(text) = shape {
                let is_link = sandbox.path(file).is_symlink();
                assert_eq!(is_link, number % 2 == 1, "{what}");
                let new = std::fs::read_to_string(sandbox.path(file)).unwrap();
                let crlf = text.contains("\r\n");
                assert!(
                    !crlf || !new.replace("\r\n", "").contains('\n'),
                    "{what}: {new}"
                );
            }
            let again = setup(&sandbox, arguments);
            assert_eq!(again.status, 0, "{what}: {again:?}");
            assert!(
                again.stderr.starts_with("nothing to do"),
                "{what}: {again:?}"
            );
            assert_eq!(home(&sandbox), after, "{what}");
            let undone = setup(&sandbox, &[arguments[0], "--undo"]);
            assert_eq!(undone.status, 0, "{what}: {undone:?}");
            let left = home(&sandbox);
            // Docker's own rule for this file: nobody else reads it.
            let private = arguments[0] == "docker" && shape.is_some();
            let bare = |all: &[(PathBuf, u32, Vec<u8>)]| -> Vec<(PathBuf, Vec<u8>)> {
                all.iter()
                    .map(|(path, _, bytes)| (path.clone(), bytes.clone()))
                    .collect()
            };
            if private {
                assert_eq!(bare(&left), bare(&before), "{what}");
            } else {
                assert_eq!(left, before, "{what}");
            }
            let again = setup(&sandbox, &[arguments[0], "--undo"]);
            assert!(
                again.stderr.starts_with("nothing to undo"),
                "{what}: {again:?}"
            );
        }
    }
}

#[test]
fn what_the_user_decided_stays() {
    for (arguments, file, text) in [
        (
            "pip",
            "home/.config/pip/pip.conf",
            "[global]\nkeyring-provider = import\n",
        ),
        (
            "uv",
            "home/.config/uv/uv.toml",
            "keyring-provider = \"disabled\"\n",
        ),
        (
            "docker",
            "home/.docker/config.json",
            "{\"credsStore\": \"pass\"}",
        ),
        (
            "cargo",
            "home/.cargo/config.toml",
            "[registry]\nglobal-credential-providers = 1\n",
        ),
        ("pip", "home/.config/pip/pip.conf", "hunter2\n"),
        ("uv", "home/.config/uv/uv.toml", "a = \"hunter2\n"),
        ("docker", "home/.docker/config.json", "{\"a\": \"hunter2\""),
    ] {
        let sandbox = sandbox();
        sandbox.write(file, text);
        let before = home(&sandbox);
        let refused = setup(&sandbox, &[arguments]);
        assert!(matches!(refused.status, 3 | 4), "{text}: {refused:?}");
        assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
        assert_eq!(refused.stdout, "", "{text}");
        assert_eq!(home(&sandbox), before, "{text}");
    }
}

#[test]
fn what_the_user_changed_afterwards_stays() {
    let sandbox = sandbox();
    let file = "home/.config/pip/pip.conf";
    assert_eq!(setup(&sandbox, &["pip"]).status, 0);
    sandbox.write(file, "[global]\nkeyring-provider = import\n");
    let undone = setup(&sandbox, &["pip", "--undo"]);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert!(
        undone
            .stdout
            .contains("left as it is: it was changed since"),
        "{undone:?}"
    );
    assert_eq!(sandbox.read(file), "[global]\nkeyring-provider = import\n");
    // A section that is the user's too stays, with what they wrote.
    let sandbox = self::sandbox();
    assert_eq!(setup(&sandbox, &["pip"]).status, 0);
    let theirs = sandbox.read(file) + "timeout = 3\n";
    sandbox.write(file, &theirs);
    assert_eq!(setup(&sandbox, &["pip", "--undo"]).status, 0);
    assert_eq!(sandbox.read(file), "[global]\ntimeout = 3\n");
    assert!(!sandbox.path("home/.bashrc").exists());
}

#[test]
fn what_two_tools_need_goes_with_the_second() {
    let sandbox = sandbox();
    let before = home(&sandbox);
    for tool in ["pip", "uv"] {
        assert_eq!(setup(&sandbox, &[tool]).status, 0);
    }
    let undone = setup(&sandbox, &["pip", "--undo", "--json"]);
    let told: Value = serde_json::from_str(&undone.stdout).unwrap();
    let results: Vec<&str> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["result"].as_str().unwrap())
        .collect();
    assert!(
        results.contains(&"undone") && results.contains(&"needed-by-others"),
        "{told}"
    );
    assert!(sandbox.read("home/.bashrc").contains("bridges"));
    let listed = setup(&sandbox, &["--list"]);
    assert!(listed.stdout.contains("uv      set up"), "{listed:?}");
    assert_eq!(setup(&sandbox, &["uv", "--undo"]).status, 0);
    assert_eq!(home(&sandbox), before);
}

#[test]
fn one_host_of_several_is_taken_back() {
    let sandbox = sandbox();
    let file = "home/.docker/config.json";
    assert_eq!(
        setup(&sandbox, &["docker", "a.example", "b.example"]).status,
        0
    );
    let undone = setup(&sandbox, &["docker", "a.example", "--undo"]);
    assert_eq!(undone.status, 0, "{undone:?}");
    let config: Value = serde_json::from_str(&sandbox.read(file)).unwrap();
    assert_eq!(
        config["credHelpers"],
        serde_json::json!({ "b.example": "helper" })
    );
    assert!(sandbox.read("home/.bashrc").contains("bridges"));
    for wrong in [
        &["pip", "a.example"] as &[&str],
        &["docker", "https://a.example"],
        &["docker", "a b"],
        &["bazel"],
        &["uv", "--store"],
        &["pip", "--store", "foo"],
        &["nothing"],
    ] {
        let ended = setup(&sandbox, wrong);
        assert_eq!(ended.status, 2, "{wrong:?}: {ended:?}");
    }
}

#[test]
fn a_run_that_is_killed_is_finished_or_taken_back() {
    for round in 0..10 {
        let sandbox = sandbox();
        sandbox.write("home/.config/pip/pip.conf", "# mine\n[install]\nx = 1\n");
        let before = home(&sandbox);
        let mut command = sandbox.command(HELPER);
        let mut child = command
            .args(["setup", "pip"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // What it shows comes before what it does; how far it then comes differs.
        let mut some = vec![0; 1 + round * 40];
        let mut stdout = child.stdout.take().unwrap();
        let _ = stdout.read_exact(&mut some);
        child.kill().unwrap();
        child.wait().unwrap();
        if round % 2 == 0 {
            let again = setup(&sandbox, &["pip"]);
            assert_eq!(again.status, 0, "{again:?}");
            let text = sandbox.read("home/.config/pip/pip.conf");
            assert!(
                text.ends_with("[global]\nkeyring-provider = subprocess\n"),
                "{text}"
            );
        }
        let undone = setup(&sandbox, &["pip", "--undo"]);
        assert_eq!(undone.status, 0, "{undone:?}");
        let mut left = home(&sandbox);
        // A folder that was made, and nothing in it yet.
        left.retain(|(path, ..)| path.is_file() || before.iter().any(|(old, ..)| old == path));
        assert_eq!(left, before, "round {round}");
    }
}

#[test]
fn shells_find_the_bridges_first() {
    for (shell, arguments) in [
        ("bash", ["-i", "-c"]),
        ("bash", ["-l", "-c"]),
        ("zsh", ["-f", "-c"]),
        ("zsh", ["-i", "-c"]),
        ("fish", ["-i", "-c"]),
    ] {
        let mut sandbox = Sandbox::new();
        sandbox.set("SHELL", &format!("/usr/bin/{shell}"));
        if !Path::new("/usr/bin").join(shell).exists() {
            eprintln!("{shell} is not installed: it is not tested");
            continue;
        }
        let done = setup(&sandbox, &["path"]);
        assert_eq!(done.status, 0, "{done:?}");
        let mut command = sandbox.command(shell);
        // Twice the same shell inside another: the folder is there once.
        let line = "command -v credential-helper; env | grep ^PATH=";
        let found = end(command.args(arguments).arg(line), "");
        let bridges = sandbox.path("home/.local/share/credential-helper/bridges");
        if (shell, arguments[0]) == ("zsh", "-f") {
            assert!(!found.stdout.contains(bridges.to_str().unwrap()));
            continue;
        }
        let expected = format!(
            "{}\nPATH={}:",
            bridges.join("credential-helper").display(),
            bridges.display()
        );
        assert!(found.stdout.starts_with(&expected), "{shell}: {found:?}");
        assert_eq!(
            found.stdout.matches(bridges.to_str().unwrap()).count(),
            2,
            "{found:?}"
        );
        let mut inner = sandbox.command(shell);
        let path = format!("{}:/usr/bin:/bin", bridges.display());
        let found = end(inner.env("PATH", path).args(arguments).arg(line), "");
        assert_eq!(
            found.stdout.matches(bridges.to_str().unwrap()).count(),
            2,
            "{found:?}"
        );
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("SHELL", "/bin/tcsh");
    let told = setup(&sandbox, &["path"]);
    assert!(
        told.stderr
            .contains("add to the start file of tcsh by hand"),
        "{told:?}"
    );
}

#[test]
fn git_asks_the_bridge() {
    let sandbox = sandbox();
    sandbox.write("home/.gitconfig", "[credential] # mine\n\thelper = cache\n");
    let before = home(&sandbox);
    let all = || {
        let mut git = sandbox.command("git");
        end(
            git.args(["config", "--global", "--get-all", "credential.helper"]),
            "",
        )
        .stdout
    };
    for _ in 0..2 {
        let done = setup(&sandbox, &["git"]);
        assert_eq!(done.status, 0, "{done:?}");
    }
    let bridges = sandbox.path("home/.local/share/credential-helper/bridges");
    let expected = format!("cache\n{}/git-credential-helper\n", bridges.display());
    assert_eq!(all(), expected);
    let undone = setup(&sandbox, &["git", "--undo"]);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(all(), "cache\n");
    assert_eq!(home(&sandbox), before);
    std::fs::remove_file(sandbox.path("home/.gitconfig")).unwrap();
    let before = home(&sandbox);
    assert_eq!(setup(&sandbox, &["git"]).status, 0);
    assert_eq!(setup(&sandbox, &["git", "--undo"]).status, 0);
    assert_eq!(home(&sandbox), before);
}

#[test]
fn pip_and_uv_read_what_is_written() {
    let sandbox = sandbox();
    for tool in ["pip", "uv"] {
        assert_eq!(setup(&sandbox, &[tool]).status, 0);
    }
    if let Some(python) = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON") {
        let mut pip = sandbox.command(python);
        let listed = end(pip.args(["-m", "pip", "config", "list"]), "");
        assert!(
            listed
                .stdout
                .contains("global.keyring-provider='subprocess'"),
            "{listed:?}"
        );
    } else {
        eprintln!("CREDENTIAL_HELPER_TEST_PYTHON is not set: pip is not tested");
    }
    if let Some(uv) = uv() {
        let mut uv = sandbox.command(uv);
        let shown = end(uv.args(["pip", "install", "--show-settings", "x"]), "");
        assert!(
            shown.stdout.contains("keyring_provider: Subprocess"),
            "{shown:?}"
        );
    }
}

/// uv beside the Python of the tests, or on the PATH.
pub(super) fn uv() -> Option<PathBuf> {
    let beside = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON")
        .map(|python| Path::new(&python).with_file_name("uv"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = beside
        .into_iter()
        .chain(std::env::split_paths(&path).map(|folder| folder.join("uv")));
    let found = all.find(|path| path.is_file());
    if found.is_none() {
        eprintln!("uv is not installed: it is not tested");
    }
    found
}

#[test]
fn indexes_of_uv_are_asked_for_always() {
    let sandbox = sandbox();
    let user = "home/.config/uv/uv.toml";
    sandbox.write(
        user,
        "[[index]]\nurl = \"https://a.example/simple\"\n[[index]]\nurl = \"https://u@b.example/simple\"\n[[index]]\nurl = \"https://pypi.org/simple\"\n[[index]]\nurl = \"https://c.example/simple\"\nauthenticate = \"never\"\n",
    );
    let project =
        "[project]\nname = \"x\" # mine\n\n[[tool.uv.index]]\nurl = \"https://d.example/simple\"\n";
    sandbox.write("project/pyproject.toml", project);
    assert_eq!(setup(&sandbox, &["uv"]).status, 0);
    assert_eq!(sandbox.read("project/pyproject.toml"), project);
    let done = setup(&sandbox, &["uv", "--project"]);
    assert_eq!(done.status, 0, "{done:?}");
    let text = sandbox.read(user);
    assert_eq!(
        text.matches("authenticate = \"always\"").count(),
        1,
        "{text}"
    );
    assert!(
        text.contains("a.example/simple\"\nauthenticate = \"always\"\n"),
        "{text}"
    );
    let text = sandbox.read("project/pyproject.toml");
    assert_eq!(text, format!("{project}authenticate = \"always\"\n"));
    assert_eq!(setup(&sandbox, &["uv", "--undo"]).status, 0);
    assert_eq!(sandbox.read("project/pyproject.toml"), project);
}

#[test]
fn the_backend_is_a_distribution_of_its_own() {
    let mut sandbox = sandbox();
    let folder = python_tool(&mut sandbox, "twine");
    let list = |folder: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = list(&folder);
    let done = setup(&sandbox, &["twine"]);
    assert_eq!(done.status, 0, "{done:?}");
    assert!(
        setup(&sandbox, &["twine"])
            .stderr
            .starts_with("nothing to do")
    );
    let python = sandbox.path("environment/bin/python");
    let ask = "import importlib.metadata as m; d = m.distribution('credential-helper'); \
               print(d.version, [e.value for e in d.entry_points], all(f.locate().exists() for f in d.files)); \
               import credential_helper";
    let told = end(sandbox.command(&python).args(["-c", ask]), "");
    let expected = format!(
        "{} ['credential_helper.backend'] True\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(told.stdout, expected, "{told:?}");
    let undone = setup(&sandbox, &["twine", "--undo"]);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(list(&folder), before);
}

#[test]
fn a_python_of_the_system_is_left_alone() {
    let sandbox = sandbox();
    let python = |managed: bool, keyring: bool, name: &str| {
        let folder = sandbox.path("project");
        let told = format!(
            "#!/bin/sh\necho '{{\"folder\": \"{}\", \"managed\": {managed}, \"writable\": true, \"keyring\": {keyring}, \"version\": [3, 12]}}'\n",
            folder.display()
        );
        sandbox.program(name, &told)
    };
    for (managed, keyring, told) in [
        (
            true,
            true,
            "package manager\nhint: install twine for yourself (`pipx install twine`",
        ),
        (false, false, "`pipx inject twine keyring`"),
    ] {
        let program = python(managed, keyring, "bin/python");
        let refused = setup(&sandbox, &["twine", "--python", program.to_str().unwrap()]);
        assert_eq!(refused.status, 4, "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let absent = setup(&sandbox, &["twine", "--python", "/bin/false"]);
    assert_eq!(absent.status, 2, "{absent:?}");
}

#[test]
fn another_helper_takes_its_links_over() {
    let sandbox = sandbox();
    assert_eq!(setup(&sandbox, &["path"]).status, 0);
    let link = sandbox.path("home/.local/share/credential-helper/bridges/credential-helper");
    std::fs::remove_file(&link).unwrap();
    symlink("/opt/old/helper", &link).unwrap();
    assert_eq!(setup(&sandbox, &["path"]).status, 0);
    assert_eq!(link.read_link().unwrap(), Path::new(HELPER));
    std::fs::remove_file(&link).unwrap();
    symlink("/opt/other/thing", &link).unwrap();
    let refused = setup(&sandbox, &["path"]);
    assert_eq!(refused.status, 4, "{refused:?}");
    let undone = setup(&sandbox, &["path", "--undo"]);
    assert_eq!(undone.status, 0, "{undone:?}");
    assert_eq!(link.read_link().unwrap(), Path::new("/opt/other/thing"));
    let mut bridge = sandbox.command(OsStr::new(HELPER));
    let mut child = bridge
        .args(["bridge", "credential-helper"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = wait(&mut child, crate::harness::sandbox::PATIENCE);
    assert_ne!(ended.status, 0);
}
