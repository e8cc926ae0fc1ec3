//! `helper env` where more than its output counts: files, pipes, another program.

use crate::harness::sandbox::{HELPER, Sandbox, end};

const AUTH: &str = "[http-basic.foo]\nusername = \"u\"\npassword = \"s3cret\"\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().without_keyring();
    sandbox.write("home/.config/pypoetry/auth.toml", AUTH);
    sandbox
}

#[test]
fn gitlab_gets_a_pipe_and_never_a_file() {
    let sandbox = sandbox();
    let script = "eval \"$($0 env foo --format gitlab)\"; echo $UV_INDEX_FOO_PASSWORD; \
                  $0 env foo --format gitlab > report.env";
    let ended = end(sandbox.command("sh").args(["-c", script, HELPER]), "");
    assert_eq!((ended.status, ended.stdout.as_str()), (4, "s3cret\n"));
    assert!(ended.stderr.contains("artifact"), "{ended:?}");
    assert_eq!(sandbox.read("project/report.env"), "");
}

#[test]
fn buildkite_is_told_before_anything_is_printed() {
    let sandbox = sandbox();
    sandbox.program(
        "bin/buildkite-agent",
        "#!/bin/sh\necho \"$@\" > ../told\ncat >> ../told\nexit ${REFUSE:-0}\n",
    );
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", sandbox.path("bin").display());
    let line = ["env", "foo", "--format", "buildkite"];
    let ended = sandbox.helper_with(&[("PATH", &path)], &line);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("export UV_INDEX_FOO_PASSWORD='s3cret'\n")
    );
    assert_eq!(
        sandbox.read("told"),
        "redactor add --format json\n{\"0\":\"s3cret\",\"1\":\"dTpzM2NyZXQ=\"}\n"
    );
    let ended = sandbox.helper_with(&[("PATH", &path), ("REFUSE", "1")], &line);
    assert_eq!((ended.status, ended.stdout.as_str()), (3, ""));
}

/// The shell steps of the snippets, as their CI systems run them.
#[test]
fn the_snippets_run() {
    for (file, variables) in [
        ("packaging/ci/github.yml", &["GITHUB_ENV"][..]),
        ("packaging/ci/gitlab.yml", &[]),
    ] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let steps = steps(&text);
        assert!(steps.len() >= 2, "{file}");
        let mut sandbox = sandbox();
        let helper = std::path::Path::new(HELPER).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let bin = sandbox.path("bin");
        // Tools that say what they were given.
        for (tool, says) in [
            ("pip", "\"$(grep -c s3cret \"$NETRC\")\""),
            ("poetry", "\"$POETRY_HTTP_BASIC_FOO_PASSWORD\""),
            ("twine", "\"$TWINE_PASSWORD\""),
            ("uv", "\"$UV_INDEX_FOO_PASSWORD\""),
        ] {
            sandbox.program(
                &format!("bin/{tool}"),
                &format!(
                    "#!/bin/sh\necho {tool} {says} >> {}/ran\n",
                    sandbox.root().display()
                ),
            );
        }
        sandbox.set(
            "PATH",
            &format!("{}:{}:{path}", bin.display(), helper.display()),
        );
        sandbox.set("POETRY_HTTP_BASIC_FOO_USERNAME", "u");
        sandbox.set("POETRY_HTTP_BASIC_FOO_PASSWORD", "s3cret");
        for variable in variables {
            let file = sandbox.write(variable, "");
            sandbox.set(variable, file.to_str().unwrap());
        }
        sandbox.write(
            "project/pyproject.toml",
            "[[tool.poetry.source]]\nname = \"foo\"\nurl = \"https://pypi.example.org/simple/\"\n",
        );
        for step in steps {
            let ended = end(sandbox.command("bash").args(["-e", "-c", &step]), "");
            assert_eq!(ended.status, 0, "{file}: {step}: {ended:?}");
            let shown = ended.stdout.replace("::add-mask::s3cret", "");
            assert!(!shown.contains("s3cret"), "{file}: {step}: {ended:?}");
        }
        let ran = sandbox.read("ran");
        assert!(ran.contains("pip 1\n"), "{file}: {ran}");
        assert!(ran.contains("poetry s3cret\n"), "{file}: {ran}");
    }
}

/// What stands behind `run: |` and in the lists of `script:`, that installs nothing.
fn steps(yaml: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found: Vec<String> = Vec::new();
    let mut lines = yaml.lines().peekable();
    while let Some(line) = lines.next() {
        let begins = line.trim_start().trim_start_matches("- ");
        if begins != "run: |" && begins != "|" {
            continue;
        }
        let outer = indent(line);
        let mut step = String::new();
        while let Some(next) = lines.next_if(|next| next.is_empty() || indent(next) > outer) {
            step += next.trim_start();
            step += "\n";
        }
        if !step.contains("install credential-helper") {
            found.push(step);
        }
    }
    found
}
