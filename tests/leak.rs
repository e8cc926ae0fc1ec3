//! A secret is where it belongs and nowhere else: not in what is printed, not in what other
//! processes can see of the agent, not in files beside the store, not in memory after `lock`.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rustix::process::Pid;

use crate::harness::sandbox::{Ended, HELPER, Sandbox, end};

pub const AUTH: &str = "home/.config/pypoetry/auth.toml";
pub const SETTINGS: &str = "home/.config/credential-helper/config.toml";

/// A secret that can be told from everything else: no two runs have the same.
pub fn sentinel(what: &str) -> String {
    let bytes: String = std::fs::read("/proc/sys/kernel/random/uuid")
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .unwrap();
    format!("sentinel-{what}-{}", bytes.trim())
}

/// The spellings in which a secret may leak.
pub fn spellings(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let hex = secret
        .bytes()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    // In the base64 of anything that ends with it, from one of three offsets on.
    let parts = ["", "x", "xx"].map(|before| {
        let whole = base64.encode(format!("{before}{secret}"));
        whole[4..whole.len() - 4].to_owned()
    });
    let mut all = vec![secret.to_owned(), hex, secret.replace('-', "%2D")];
    all.extend(parts);
    all
}

pub fn assert_clean(secrets: &[String], what: &str, text: &str) {
    for secret in secrets {
        for spelling in spellings(secret) {
            assert!(!text.contains(&spelling), "{what}: {spelling} in {text}");
        }
    }
}

/// What another process can see of the agent.
fn assert_agent_clean(sandbox: &Sandbox, secrets: &[String]) {
    let Some(agent) = sandbox.agent() else { return };
    for file in ["cmdline", "environ", "comm", "status", "maps"] {
        let path = format!("/proc/{}/{file}", agent.as_raw_nonzero());
        if let Ok(bytes) = std::fs::read(path) {
            assert_clean(secrets, file, &String::from_utf8_lossy(&bytes));
        }
    }
}

/// Every file of the sandbox but the stores themselves.
fn assert_files_clean(folder: &Path, stores: &[&str], secrets: &[String]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_files_clean(&path, stores, secrets);
        } else if path.is_file() && !stores.iter().any(|store| path.ends_with(store)) {
            let bytes = std::fs::read(&path).unwrap();
            let name = path.display().to_string();
            assert_clean(secrets, &name, &String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn no_command_shows_a_secret_that_was_not_asked_for() {
    let [password, token, variable, minted, uv, in_url] =
        ["password", "token", "variable", "minted", "uv", "url"].map(sentinel);
    let mut sandbox = Sandbox::new();
    sandbox.set("POETRY_HTTP_BASIC_BAR_USERNAME", "bob");
    sandbox.set("POETRY_HTTP_BASIC_BAR_PASSWORD", &variable);
    sandbox.set("CREDENTIAL_HELPER_LOG", "trace");
    sandbox.write("home/.config/pypoetry/config.toml", &format!(
        "[keyring]\nenabled = false\n[repositories.inurl]\nurl = \"https://u:{in_url}@inurl.example/simple/\"\n"
    ));
    sandbox.write(SETTINGS, &format!(
        "[repositories.mint]\nurl = \"https://mint.example/simple/\"\ncommand = [\"/bin/sh\", \"-c\", \"echo {minted}; echo {minted} >&2\"]\n\
         [repositories.fail]\ncommand = [\"/bin/sh\", \"-c\", \"echo {minted}; echo {minted} >&2; exit 3\"]\n"
    ));
    sandbox.write("home/.local/share/uv/credentials/credentials.toml", &format!(
        "[[credential]]\nservice = \"https://uv.example/\"\nusername = \"uv\"\nscheme = \"basic\"\npassword = \"{uv}\"\n"
    ));
    sandbox.write(
        "project/pyproject.toml",
        "[[tool.poetry.source]]\nname = \"foo\"\nurl = \"https://evil.example/simple/\"\n",
    );
    let secrets = [&password, &token, &variable, &minted, &uv, &in_url].map(Clone::clone);
    let url = format!("https://u:{in_url}@h.example/simple/");
    let broken = format!("https://u:{in_url}@h.example:99999/");
    let query = format!("https://q.example/simple/?token={in_url}#{in_url}");

    // (arguments, standard input): none of these prints a secret.
    let quiet: Vec<(Vec<&str>, String)> = vec![
        (
            vec![
                "set",
                "foo",
                "alice",
                "--url",
                "https://good.example/simple/",
            ],
            format!("{password}\n"),
        ),
        (
            vec!["set", "foo", "alice", "--json"],
            format!("{password}\n"),
        ),
        (vec!["set", "pypi", "--token"], format!("{token}\n")),
        (vec!["set", "foo", "alice"], format!("{password}\nmore\n")),
        (
            vec!["set", "foo", "alice", "--url", &url],
            format!("{password}\n"),
        ),
        (vec!["set", "foo", &password, &token], String::new()),
        (vec!["set", "foo", "--nonsense", &password], String::new()),
        (
            vec!["config", "http-basic.foo", "alice"],
            format!("{password}\n"),
        ),
        (
            vec!["config", "http-basic.foo", "alice", &password],
            String::new(),
        ),
        (
            vec!["config", "http-basic.foo", "alice", &password, "more"],
            String::new(),
        ),
        (vec!["config", "pypi-token.foo", &token], String::new()),
        (
            vec!["config", "pypi-token.foo", &token, "--local"],
            String::new(),
        ),
        (vec!["config", "repositories.other", &url], String::new()),
        (vec!["config", "--list"], String::new()),
        (vec!["config", "--list", "--json"], String::new()),
        (vec!["config", "repositories.inurl.url"], String::new()),
        (vec!["config", "http-basic.foo"], String::new()),
        (vec!["config", "pypi-token.foo"], String::new()),
        (vec!["list"], String::new()),
        (vec!["list", "--json"], String::new()),
        (vec!["explain", "foo"], String::new()),
        (vec!["explain", "bar", "--json"], String::new()),
        (vec!["explain", "mint"], String::new()),
        (vec!["explain", "fail"], String::new()),
        (vec!["explain", "https://uv.example/x"], String::new()),
        (
            vec!["explain", "https://inurl.example/simple/"],
            String::new(),
        ),
        (vec!["explain", &url], String::new()),
        (vec!["explain", &url, "--json"], String::new()),
        (vec!["explain", &broken], String::new()),
        (vec!["get", &broken], String::new()),
        (vec!["get", &query], String::new()),
        (vec!["get", "foo"], String::new()),
        (vec!["get", "foo", "--json"], String::new()),
        (vec!["get", "fail"], String::new()),
        (vec!["get", "fail", "--json"], String::new()),
        (vec!["get", "foo", "--format", &password], String::new()),
        (vec!["get", "foo", &password], String::new()),
        (vec!["trust", "foo", &url], String::new()),
        (vec!["trust", "--list"], String::new()),
        (vec!["trust", "--list", "--json"], String::new()),
        (vec!["trust", "foo", &broken], String::new()),
        (vec!["trust", "foo", "--remove", &url], String::new()),
        (vec!["token", "inspect", "pypi"], String::new()),
        (vec!["token", "inspect", "foo", "--json"], String::new()),
        (vec!["doctor"], String::new()),
        (vec!["doctor", "--json"], String::new()),
        (vec!["agent", "status"], String::new()),
        (vec!["agent", "status", "--json"], String::new()),
        (vec!["agent", "reload"], String::new()),
        (
            vec!["agent", "unlock", "--password-stdin"],
            format!("{password}\n"),
        ),
        (vec!["delete", "foo", "alice", "--json"], String::new()),
        (vec!["delete", "foo"], String::new()),
        (vec!["completions", "bash"], String::new()),
        (vec!["man"], String::new()),
    ];
    for mode in [[].as_slice(), &["-vv"], &["-vv", "--no-agent"]] {
        sandbox.write(AUTH, &format!(
            "[http-basic.foo]\nusername = \"alice\"\npassword = \"{password}\"\n[pypi-token]\npypi = \"{token}\"\n"
        ));
        for (arguments, input) in &quiet {
            let mut command = sandbox.command(HELPER);
            let ended = end(command.args(mode).args(arguments), input);
            let Ended { stdout, stderr, .. } = &ended;
            let what = format!("{mode:?} {arguments:?}");
            // `get foo` is an answer or a refusal, as the project says.
            if arguments[..] != ["get", "foo"] && arguments[..] != ["get", "foo", "--json"] {
                assert_clean(&secrets, &what, stdout);
            }
            assert_clean(&secrets, &what, stderr);
        }
        assert_agent_clean(&sandbox, &secrets);
    }
    let stores = [
        "auth.toml",
        "pypoetry/config.toml",
        "credential-helper/config.toml",
        "credentials.toml",
    ];
    assert_files_clean(sandbox.root(), &stores, &secrets);
}

#[test]
fn errors_about_files_hold_nothing_of_them() {
    let secret = sentinel("file");
    let secrets = [secret.clone()];
    for text in [
        format!("[http-basic.foo]\nusername = \"a\"\npassword = \"{secret}\n"),
        format!("[http-basic.foo]\nusername = \"a\"\npassword = {secret}\n"),
        format!("[http-basic.foo]\npassword = \"{secret}\"\npassword = \"{secret}\"\n"),
        format!("[http-basic]\nfoo = \"{secret}\"\n"),
        format!("[http-basic.foo]\nusername = \"a\"\npassword = [\"{secret}\"]\n"),
        format!("[http-basic.foo]\nusername = \"a\"\npassword = \"{secret}\\u0000\"\n"),
        format!("[http-basic.foo]\nusername = \"a\"\npassword = \"{secret}\\q\"\n"),
        secret.clone(),
        format!("[{secret}"),
    ] {
        for file in [
            AUTH,
            SETTINGS,
            "project/poetry.toml",
            "project/pyproject.toml",
            "home/.local/state/credential-helper/trust.toml",
        ] {
            let mut sandbox = Sandbox::new();
            sandbox.set("POETRY_KEYRING_ENABLED", "false");
            sandbox.write("project/pyproject.toml", "");
            sandbox.write(file, &text);
            for arguments in [
                ["get", "foo"].as_slice(),
                &["explain", "foo"],
                &["list"],
                &["config", "--list"],
                &["trust", "--list"],
            ] {
                let ended = end(sandbox.command(HELPER).arg("-vv").args(arguments), "");
                let what = format!("{file} {arguments:?}");
                if ended.status != 0 || arguments[0] != "get" {
                    assert_clean(&secrets, &what, &ended.stdout);
                }
                assert_clean(&secrets, &what, &ended.stderr);
            }
        }
    }
}

/// How often the secret stands in the memory of a process, in any of its spellings.
pub fn hits(process: Pid, secret: &str) -> usize {
    let folder = format!("/proc/{}", process.as_raw_nonzero());
    let maps = std::fs::read_to_string(format!("{folder}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("{folder}/mem")).unwrap();
    let spellings = spellings(secret);
    let mut count = 0;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        let name = fields.nth(3).unwrap_or_default();
        if !rights.starts_with("rw") || name.starts_with("[v") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        memory.seek(SeekFrom::Start(from)).unwrap();
        // Guard pages cannot be read.
        if memory.read_exact(&mut bytes).is_err() {
            continue;
        }
        for spelling in &spellings {
            let wanted = spelling.as_bytes();
            let found = bytes
                .windows(wanted.len())
                .filter(|window| *window == wanted)
                .count();
            if found > 0 {
                eprintln!("{found} times in {line}");
            }
            count += found;
        }
    }
    count
}
