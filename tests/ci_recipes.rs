//! The settings in `docs/containers.md` and `docs/ci.md`: each as it is written, with the folders of this test in place of those
//! of a container and of a program that is not here.

use std::os::unix::fs::symlink;

use crate::harness::sandbox::{Sandbox, end};

const SECRET: &str = "s3cret%$'\"x";

/// The examples, in their order.
fn examples() -> Vec<String> {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let text = ["containers.md", "ci.md"].map(|page| std::fs::read_to_string(docs.join(page)));
    let text = text.map(Result::unwrap).concat();
    let parts = text.split("```toml\n").skip(1);
    parts
        .map(|part| part.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// A home with this example for its settings; returns where its paths are.
fn sandbox(example: &str) -> Sandbox {
    let mut sandbox = Sandbox::new().without_keyring();
    let root = sandbox.root().to_str().unwrap().to_owned();
    let text = example
        .replace("/run/secrets", &format!("{root}/secrets"))
        .replace("/usr/bin/gcloud", &format!("{root}/bin/gcloud"));
    sandbox.write("home/.config/credential-helper/config.toml", &text);
    sandbox.set("CREDENTIALS_DIRECTORY", &format!("{root}/secrets"));
    sandbox
}

/// What `helper exec` gives to a command, by an agent or without one.
fn account(sandbox: &Sandbox, more: &[&str]) -> String {
    let script =
        "printf '%s %s' \"$UV_INDEX_FOO_USERNAME\" \"$UV_INDEX_FOO_PASSWORD\"; test -s \"$NETRC\"";
    let rest = ["exec", "foo", "--only", "--", "sh", "-c", script];
    let ended = sandbox.helper(&[more, &rest].concat());
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{ended:?}");
    ended.stdout
}

fn index_of(examples: &[String], word: &str) -> usize {
    examples
        .iter()
        .position(|one| one.contains(word))
        .unwrap_or_else(|| panic!("no example with {word}"))
}

#[test]
fn a_docker_secret() {
    let examples = examples();
    let sandbox = sandbox(&examples[index_of(&examples, "file = \"/run/secrets/foo\"")]);
    sandbox.write("secrets/foo", &format!("{SECRET}\n"));
    for more in [&[][..], &["--no-agent"]] {
        assert_eq!(account(&sandbox, more), format!("ci {SECRET}"));
    }
}

#[test]
fn a_kubernetes_secret_that_is_replaced() {
    let examples = examples();
    let sandbox = sandbox(&examples[index_of(&examples, "/run/secrets/foo/username")]);
    // As the kubelet lays a volume out: the files are links through `..data`, which is swapped.
    for (version, secret) in [("..1", "first"), ("..2", SECRET)] {
        sandbox.write(&format!("secrets/foo/{version}/username"), "ci");
        sandbox.write(&format!("secrets/foo/{version}/password"), secret);
    }
    let folder = sandbox.path("secrets/foo");
    symlink("..1", folder.join("..data")).unwrap();
    for name in ["username", "password"] {
        symlink(format!("..data/{name}"), folder.join(name)).unwrap();
    }
    assert_eq!(account(&sandbox, &[]), "ci first");
    symlink("..2", folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    for more in [&[][..], &["--no-agent"]] {
        assert_eq!(account(&sandbox, more), format!("ci {SECRET}"));
    }
}

#[test]
fn a_credential_of_a_systemd_unit() {
    let examples = examples();
    let sandbox = sandbox(&examples[index_of(&examples, "CREDENTIALS_DIRECTORY")]);
    sandbox.write("secrets/foo", SECRET);
    assert_eq!(account(&sandbox, &["--no-agent"]), format!("ci {SECRET}"));
}

#[test]
fn a_command_that_prints_a_token() {
    let examples = examples();
    let sandbox = sandbox(&examples[index_of(&examples, "gcloud")]);
    let script = "#!/bin/sh\n[ \"$*\" = 'auth print-access-token' ] && echo ya29.token\n";
    sandbox.program("bin/gcloud", script);
    for more in [&[][..], &["--no-agent"]] {
        assert_eq!(account(&sandbox, more), "oauth2accesstoken ya29.token");
    }
}

/// A fifth example would be one that nothing runs.
#[test]
fn each_example_is_run() {
    assert_eq!(examples().len(), 4);
}

#[test]
fn a_secret_that_is_not_mounted_is_a_failure() {
    for example in examples() {
        let sandbox = sandbox(&example);
        let mut command = sandbox.command(crate::harness::sandbox::HELPER);
        command.args(["--no-agent", "exec", "foo", "--only", "--", "true"]);
        let ended = end(&mut command, "");
        assert_eq!(ended.status, 3, "{example}{ended:?}");
    }
}
