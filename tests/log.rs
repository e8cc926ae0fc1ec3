//! What `-v`, `-vv` and `CREDENTIAL_HELPER_LOG` tell, and that no secret is in it.

use crate::harness::sandbox::{Ended, PATIENCE, Sandbox, wait};

/// Stands in every place where a secret or an account may be.
const SENTINEL: &str = "S3NTINEL";

/// What a foreground agent logged while `work` was done.
fn logged(sandbox: &Sandbox, variables: &[(&str, &str)], work: impl FnOnce(&Sandbox)) -> String {
    let mut agent = sandbox.run_agent(variables);
    work(sandbox);
    assert_eq!(sandbox.helper(&["agent", "stop"]).status, 0);
    let ended = wait(&mut agent.child, PATIENCE);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(!ended.stderr.contains(SENTINEL), "{}", ended.stderr);
    ended.stderr
}

/// The first line with all of these parts.
fn line<'a>(log: &'a str, parts: &[&str]) -> &'a str {
    log.lines()
        .find(|line| parts.iter().all(|part| line.contains(part)))
        .unwrap_or_else(|| panic!("no line with {parts:?} in:\n{log}"))
}

fn silent_about_secrets(ended: &Ended) -> &str {
    assert!(!ended.stderr.contains(SENTINEL), "{}", ended.stderr);
    &ended.stderr
}

const URL: &str =
    "https://S3NTINEL:S3NTINEL@h.example/simple/?token=S3NTINEL&X-Amz-Signature=S3NTINEL#S3NTINEL";

/// Secrets in every place there is, and questions that bring more of them.
fn with_secrets_everywhere(sandbox: &Sandbox) {
    sandbox.write(
        "home/.config/pypoetry/auth.toml",
        "[http-basic.file]\nusername = 'S3NTINEL'\npassword = 'S3NTINEL'\n\
         [pypi-token]\nfile = 'S3NTINEL'\n",
    );
    // Cannot be understood, with a secret on the line that is wrong.
    sandbox.write(
        "project/poetry.toml",
        "[http-basic.file]\npassword = S3NTINEL oops\n",
    );
    sandbox.write("project/pyproject.toml", "[project]\nname = 'demo'\n");
}

fn ask_everything(sandbox: &Sandbox, options: &[&str]) -> Vec<Ended> {
    let variables = [
        ("POETRY_HTTP_BASIC_FOO_USERNAME", SENTINEL),
        ("POETRY_HTTP_BASIC_FOO_PASSWORD", SENTINEL),
        ("POETRY_PYPI_TOKEN_FOO", SENTINEL),
        ("POETRY_REPOSITORIES_BAR_URL", URL),
    ];
    let run = |arguments: &[&str]| {
        let arguments = [options, arguments].concat();
        sandbox.helper_with(&variables, &arguments)
    };
    vec![
        run(&["get", "foo"]),
        run(&["get", "foo", "--operation", "upload"]),
        run(&["get", "file"]),
        run(&["get", "file", "--username", SENTINEL]),
        run(&["get", URL]),
        run(&["get", "https://S3NTINEL@h.example/simple/?token=S3NTINEL"]),
        run(&["explain", "file", "--username", SENTINEL]),
        run(&["list"]),
        run(&["config", "http-basic.baz", "u", SENTINEL]),
        run(&["config", "pypi-token.baz", SENTINEL]),
        run(&["delete", "baz", "u"]),
    ]
}

/// L23: log lines take typed fields that cannot hold a secret; at the highest level, with secrets in every field of every question, none is in the
/// log. `tests/logged` says the same of the whole suite.
/// Also: `log::so_does_a_command_without_an_agent`, `leak::no_command_shows_a_secret_that_was_not_asked_for`, `secret::tests::debug_shows_nothing`
#[test]
fn l23_an_agent_at_its_most_talkative_tells_no_secret() {
    let sandbox = Sandbox::new().without_keyring();
    with_secrets_everywhere(&sandbox);
    let own = [
        ("CREDENTIAL_HELPER_LOG", "debug"),
        ("POETRY_HTTP_BASIC_OWN_USERNAME", SENTINEL),
        ("POETRY_HTTP_BASIC_OWN_PASSWORD", SENTINEL),
    ];
    let log = logged(&sandbox, &own, |sandbox| {
        for ended in ask_everything(sandbox, &["-vv"]) {
            silent_about_secrets(&ended);
        }
        // What is no call, what is unknown, and wrong parameters.
        let mut connection = sandbox.connect();
        for method in ["S3NTINEL", "Get", "Set"] {
            connection.call(method, &serde_json::json!(SENTINEL));
        }
        connection.send_raw(b"S3NTINEL\0");
        assert_eq!(connection.receive(), None);
    });
    for parts in [
        &["info: the agent starts", "started-by=hand", "socket=/"][..],
        &[
            "info: request method=Get pid=",
            "name=foo outcome=ok provider=environment ms=",
        ],
        &["info: request method=Get", "url=https://h.example/simple/ "],
        &["info: request method=Explain", "name=file"],
        &["info: request method=Configure", "name=baz outcome=ok"],
        &["info: request method=(unknown)", "outcome=not-understood"],
        &["info: closed on what is no call pid="],
        &["info: passed over provider=secret-service", "reason="],
        &["debug: step provider=environment key=http-basic.foo answer=found ms="],
        &["debug: read file=", "auth.toml"],
        &["info: the agent ends why=asked"],
    ] {
        line(&log, parts);
    }
    // Each with its time.
    assert!(log.lines().all(|line| line.starts_with("20")), "{log}");
}

#[test]
fn so_does_a_command_without_an_agent() {
    let sandbox = Sandbox::new().without_keyring();
    with_secrets_everywhere(&sandbox);
    let said: Vec<String> = ask_everything(&sandbox, &["-vv", "--no-agent"])
        .iter()
        .map(|ended| silent_about_secrets(ended).to_owned())
        .collect();
    line(&said[0], &["helper: debug: step provider=environment"]);
    line(
        &said[0],
        &["helper: info: request method=Get", "outcome=ok"],
    );
    line(&said[0], &["helper: info: answered provider=environment"]);
}

#[test]
fn a_command_tells_how_it_reached_the_agent() {
    let sandbox = Sandbox::new().without_keyring();
    let first = sandbox.helper(&["get", "foo", "-v"]);
    assert_eq!(first.status, 1);
    line(&first.stderr, &["info: starts an agent socket=/"]);
    line(&first.stderr, &["info: reached the agent"]);
    line(
        &first.stderr,
        &["info: asked the agent method=Get outcome=not-found ms="],
    );
    let by_variable = [("CREDENTIAL_HELPER_LOG", "info")];
    let second = sandbox.helper_with(&by_variable, &["get", "foo"]);
    line(&second.stderr, &["info: reached the agent"]);
    assert!(!second.stderr.contains("starts an agent"));
    assert!(!sandbox.helper(&["get", "foo"]).stderr.contains("info:"));
}

#[test]
fn an_answer_from_the_cache_is_told_at_debug_alone() {
    for (level, told) in [("debug", true), ("info", false)] {
        let sandbox = Sandbox::new().without_keyring();
        sandbox.write(
            "home/.config/pypoetry/auth.toml",
            "[http-basic.foo]\nusername = 'u'\npassword = 'S3NTINEL'\n",
        );
        let log = logged(&sandbox, &[("CREDENTIAL_HELPER_LOG", level)], |sandbox| {
            for _ in 0..50 {
                assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
            }
        });
        let hit = log.contains("debug: answered from the cache name=foo");
        assert_eq!(hit, told, "{log}");
    }
}

#[test]
fn a_word_that_is_no_level_is_told() {
    let sandbox = Sandbox::new().without_keyring();
    let variables = [("CREDENTIAL_HELPER_LOG", SENTINEL)];
    let ended = sandbox.helper_with(&variables, &["get", "foo", "--no-agent"]);
    let warning =
        "helper: warning: CREDENTIAL_HELPER_LOG is ignored: its values are `info` and `debug`";
    assert!(silent_about_secrets(&ended).starts_with(warning));
    assert_eq!(ended.status, 1);
}

#[test]
fn a_reader_that_stands_still_does_not_hold_the_agent_up() {
    let sandbox = Sandbox::new().without_keyring();
    // Standard error is a pipe that nobody reads before the end, and it is soon full.
    let mut agent = sandbox.run_agent(&[("CREDENTIAL_HELPER_LOG", "debug")]);
    let mut connection = sandbox.connect();
    let name = "n".repeat(200);
    let question = serde_json::json!({"question": {"name": name, "context": {
        "keyring_enabled": "false", "variables": {"UV_INDEX_N_USERNAME": "u"}}}});
    for _ in 0..200 {
        assert!(connection.call("Get", &question)["error"].is_string());
    }
    agent.signal(rustix::process::Signal::TERM);
    assert!(crate::harness::sandbox::gone(
        rustix::process::Pid::from_child(&agent.child),
        PATIENCE
    ));
    assert_eq!(agent.child.wait().unwrap().code(), Some(0));
}
