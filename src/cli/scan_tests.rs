use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::super::fake::{World, run};

/// As much of a secret as may stand anywhere.
const TELLING: usize = 6;

fn percent(secret: &str) -> String {
    let mut text = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        } else {
            text.extend(["%", &format!("{byte:02X}")]);
        }
    }
    text
}

/// Files of every form, with the secret as each writes it.
fn files(secret: &str) -> Vec<(&'static str, String)> {
    let encoded = percent(secret);
    let url = format!("https://alice:{encoded}@h.example/simple/");
    vec![
        (
            ".pypirc",
            format!("[own]\nrepository = {url}\nusername = alice\npassword = {secret}\n"),
        ),
        (
            ".netrc",
            format!(
                "machine h.example login alice password \"{secret}\"\nmachine i.example login {secret} password \"{secret}\"\n"
            ),
        ),
        (
            "pip.conf",
            format!("[global]\nindex-url = {url}\n# {url}\n"),
        ),
        (
            "uv/credentials/credentials.toml",
            format!(
                "[[credential]]\nservice = \"https://h.example/\"\nusername = \"alice\"\npassword = '{secret}'\n"
            ),
        ),
        ("uv.toml", format!("index-url = \"{url}\"\n")),
        (
            "pypoetry/auth.toml",
            format!(
                "[http-basic]\nfoo = {{ username = \"alice\", password = '{secret}' }}\nbar = {{ username = '{secret}', password = '{secret}' }}\n[pypi-token]\nfoo = '{secret}'\n"
            ),
        ),
        (
            "pyproject.toml",
            format!(
                "[[tool.uv.index]]\nurl = \"{url}\"\n[project]\ndependencies = [\"x @ {url}\"]\n"
            ),
        ),
        (
            "pdm.toml",
            format!("[pypi.foo]\nusername = \"alice\"\npassword = '{secret}'\n"),
        ),
        (
            "hatch/config.toml",
            format!("[publish.index]\nuser = \"alice\"\nauth = '{secret}'\n"),
        ),
        ("requirements.txt", format!("-i {url}\nx @ git+{url}\n")),
        ("uv.lock", format!("a = \"{url}\"\n")),
        (
            ".gitlab-ci.yml",
            format!("variables:\n  TWINE_PASSWORD: \"{secret}\"\n  URL: {url}\n"),
        ),
        (".env", format!("UV_PUBLISH_TOKEN=\"{secret}\"\nX={url}\n")),
        ("broken/uv.toml", format!("password = = '{secret}'\n")),
        ("broken/.netrc", format!("machine h {secret}\n")),
    ]
}

/// Whether a text has the secret in it, in any form, or a part of it that says something.
fn tells(text: &str, secret: &str) -> Option<String> {
    let forms = [
        secret.to_owned(),
        percent(secret),
        STANDARD.encode(secret),
        STANDARD.encode(format!("alice:{secret}")),
    ];
    let letters: Vec<char> = secret.chars().collect();
    let parts = letters
        .windows(TELLING)
        .map(|part| part.iter().collect::<String>());
    forms
        .into_iter()
        .chain(parts)
        .find(|part| text.contains(part.as_str()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn no_output_holds_a_part_of_a_secret(secret in "[A-Z0-9][A-Z0-9!%&()*+,./:;=?@^_|~-]{6,40}[A-Z0-9]") {
        let home = tempfile::tempdir().unwrap();
        let mut count = 0;
        for (name, text) in files(&secret) {
            let path: PathBuf = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            count += 1;
        }
        let path = home.path().to_str().unwrap();
        for arguments in [
            vec!["scan", path],
            vec!["scan", path, "--json"],
            vec!["scan", path, "--format", "sarif"],
            vec!["scan", path, "-vv"],
            vec!["import", path],
            vec!["import", path, "--json"],
            vec!["import", path, "--apply"],
        ] {
            let ran = run(World::default(), &arguments);
            let said = format!("{}{}", ran.out, ran.err);
            prop_assert_eq!(tells(&said, &secret), None, "{:?}: {}", arguments, said);
            // All but the broken ones are named.
            let named = files(&secret).iter().filter(|(name, _)| said.contains(name)).count();
            prop_assert_eq!(named, count, "{:?}: {}", arguments, said);
        }
    }
}

#[test]
fn statuses() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    let status = |arguments: &[&str]| run(World::default(), arguments).status;
    assert_eq!((status(&["scan", path]), status(&["import", path])), (0, 0));
    write("uv.toml", "=");
    assert_eq!((status(&["scan", path]), status(&["import", path])), (3, 3));
    write("uv.toml", "");
    write(
        "pip.conf",
        "[global]\nindex-url = https://a:hunter2@h.example/\n",
    );
    assert_eq!((status(&["scan", path]), status(&["import", path])), (1, 0));
    // The agent of this world stores nothing.
    assert_eq!(status(&["import", path, "--apply"]), 3);
    write(".env", "TWINE_PASSWORD=hunter2\n");
    assert_eq!((status(&["scan", path]), status(&["import", path])), (1, 1));
}
