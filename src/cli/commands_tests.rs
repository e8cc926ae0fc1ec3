//! Every command with an agent that answers: text and JSON.

use credential_helper_protocol::{
    BindingList, BindingRecord, CacheCounts, Changed, Credential, ErrorCode, Explanation, Failure,
    Listed, Listing, MemoryState, Operation, OriginCheck, Place, ProviderState, Scheme, Secret,
    SettingsReply, Skipped, Status, Step,
};
use serde_json::{Value, json};

use super::fake::{Ran, World, run};
use super::outside::{Environment, LogWish};
use crate::doctor::{Check, Outcome};
use crate::domain::log::Level;

#[expect(clippy::unnecessary_wraps, reason = "spares `Some(..)` on every field")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn place(provider: &str, location: &str) -> Place {
    Place {
        provider: provider.to_owned(),
        location: location.to_owned(),
    }
}

fn object(ran: &Ran) -> Value {
    assert!(ran.out.ends_with('\n'));
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    serde_json::from_str(&ran.out).unwrap()
}

fn keys(value: &Value) -> String {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys.join(" ")
}

/// The keys as design text names them, in any order.
fn same_keys(value: &Value, wanted: &str) {
    let mut wanted: Vec<&str> = wanted.split(' ').collect();
    wanted.sort_unstable();
    assert_eq!(keys(value), wanted.join(" "));
}

fn credential() -> World {
    World {
        credential: Credential {
            name: some("foo"),
            url: some("https://h.example/simple/"),
            username: some("u"),
            password: Some(Secret::from("hunter2")),
            provider: "auth.toml".to_owned(),
            location: "/home/u/auth.toml".to_owned(),
            warnings: vec!["first use\u{1b}".to_owned()],
            ..Credential::default()
        },
        ..World::default()
    }
}

#[test]
fn get() {
    for (format, out) in [
        ("lines", "username=u\npassword=hunter2\n"),
        ("password", "hunter2\n"),
        ("header", "Basic dTpodW50ZXIy\n"),
    ] {
        let ran = run(credential(), &["get", "foo", "--format", format]);
        assert_eq!((ran.status, ran.out.as_str()), (0, out));
        assert_eq!(ran.err, "helper: warning: first use\\u{1b}\n");
    }
    for arguments in [
        &["get", "foo", "--json"][..],
        &["get", "foo", "--format", "json"],
    ] {
        let ran = run(credential(), arguments);
        let answer = object(&ran);
        same_keys(
            &answer,
            "name url username password scheme provider location origin operation expires warnings",
        );
        assert_eq!(answer["password"], "hunter2");
        assert_eq!(answer["scheme"], "basic");
        assert_eq!(answer["expires"], Value::Null);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    }
    let ran = run(credential(), &["get", "foo", "-v"]);
    assert!(
        ran.err
            .ends_with("\nhelper: info: answered provider=auth.toml location=/home/u/auth.toml\n")
    );
    assert!(!ran.err.contains("hunter2"));
}

#[test]
fn how_much_is_logged() {
    let logging = |log| World {
        environment: Environment {
            log,
            ..Environment::default()
        },
        ..World::default()
    };
    let (off, unknown) = (LogWish::Off, LogWish::Unknown);
    let wish = LogWish::Level;
    for (log, arguments, call) in [
        (off, &["agent", "run"][..], "run"),
        (off, &["-v", "agent", "run"], "run info"),
        (off, &["agent", "run", "-vv"], "run debug"),
        (wish(Level::Info), &["agent", "run"], "run info"),
        (wish(Level::Info), &["agent", "run", "-vv"], "run debug"),
        (wish(Level::Debug), &["agent", "run", "-v"], "run debug"),
        (unknown, &["agent", "run", "-v"], "run info"),
        (
            wish(Level::Debug),
            &["agent", "run", "--detached"],
            "run detached",
        ),
    ] {
        let ran = run(logging(log), arguments);
        assert_eq!(ran.calls, [call], "{log:?} {arguments:?}");
        let warned = ran.err.contains("its values are `info` and `debug`");
        assert_eq!(warned, log == unknown, "{}", ran.err);
    }
}

#[test]
fn a_part_that_is_unset_is_left_out() {
    let mut world = credential();
    world.credential.username = None;
    world.credential.scheme = Scheme::Bearer;
    assert_eq!(run(world, &["get", "foo"]).out, "password=hunter2\n");
    let mut world = credential();
    world.credential.password = None;
    assert_eq!(run(world, &["get", "foo"]).out, "username=u\n");
}

#[test]
fn failures_have_their_status_and_nothing_on_standard_output() {
    for (code, status) in [
        (ErrorCode::NotFound, 1),
        (ErrorCode::Usage, 2),
        (ErrorCode::Locked, 3),
        (ErrorCode::TimedOut, 3),
        (ErrorCode::Unavailable, 3),
        (ErrorCode::OriginChanged, 4),
        (ErrorCode::Policy, 4),
        (ErrorCode::InsecureTransport, 4),
        (ErrorCode::Rejected, 5),
    ] {
        for line in [
            "get foo",
            "explain foo",
            "list",
            "set foo",
            "delete foo",
            "config --list",
            "config http-basic.foo",
            "trust --list",
            "trust foo https://h/",
            "doctor",
            "selftest",
            "agent lock",
            "agent unlock",
            "agent reload",
            "agent stop",
            "agent status",
            "agent start",
            "agent run",
        ] {
            for json in [false, true] {
                let world = World {
                    running: true,
                    failure: Some(Failure::new(code, "doing it failed").hint("try again")),
                    ..World::default()
                };
                let mut arguments: Vec<&str> = line.split(' ').collect();
                if json {
                    arguments.push("--json");
                }
                let ran = run(world, &arguments);
                assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{line}");
                if json {
                    let error: Value = serde_json::from_str(&ran.err).unwrap();
                    let code = code.word();
                    assert_eq!(
                        error,
                        json!({"error": code, "message": "doing it failed",
                               "hint": "try again", "providers": []}),
                    );
                } else {
                    assert_eq!(ran.err, "helper: doing it failed\nhint: try again\n");
                }
            }
        }
    }
}

fn changed() -> Changed {
    Changed {
        name: some("foo"),
        username: some("u"),
        stored: vec![place("secret-service", "login"), place("auth.toml", "/a")],
        removed: Vec::new(),
        left: vec![place("environment", "POETRY_HTTP_BASIC_FOO_PASSWORD")],
        warnings: vec!["watch out".to_owned()],
    }
}

#[test]
fn set() {
    let world = || World {
        typed: Some("hunter2"),
        changed: changed(),
        ..World::default()
    };
    let told = "stored foo (u) in secret-service (login)\nstored foo (u) in auth.toml (/a)\n\
                helper: warning: environment (POETRY_HTTP_BASIC_FOO_PASSWORD) still answers for foo (u) \
                and was left alone\nhelper: warning: watch out\n";
    let ran = run(world(), &["set", "foo", "u"]);
    assert_eq!(
        (ran.status, ran.out.as_str(), ran.err.as_str()),
        (0, "", told)
    );
    let ran = run(world(), &["set", "foo", "u", "--json"]);
    let answer = object(&ran);
    same_keys(&answer, "name username stored");
    same_keys(&answer["stored"][0], "provider location");
    assert_eq!((ran.status, ran.err.as_str()), (0, told));
}

#[test]
fn delete() {
    let world = |removed: Vec<Place>| World {
        changed: Changed {
            username: None,
            stored: Vec::new(),
            removed,
            ..changed()
        },
        ..World::default()
    };
    let ran = run(world(vec![place("auth.toml", "/a")]), &["delete", "foo"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    assert!(
        ran.err
            .starts_with("removed foo from auth.toml (/a)\nhelper: warning: environment")
    );
    let ran = run(
        world(vec![place("auth.toml", "/a")]),
        &["delete", "foo", "--json"],
    );
    let answer = object(&ran);
    same_keys(&answer, "name username removed");
    assert_eq!(answer["username"], Value::Null);
    let ran = run(world(Vec::new()), &["delete", "foo"]);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("warning: environment"), "{}", ran.err);
    assert!(ran.err.contains("helper: nothing is stored for foo\n"));
    let ran = run(world(Vec::new()), &["delete", "foo", "--json"]);
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.status, &error["error"]), (1, &json!("not-found")));
}

#[test]
fn list() {
    let world = || World {
        listing: Listing {
            credentials: vec![
                Listed {
                    name: some("foo"),
                    username: some("u\u{1b}"),
                    origin: some("https://h"),
                    kind: "http-basic".to_owned(),
                    provider: "auth.toml".to_owned(),
                    state: "active".to_owned(),
                    ..Listed::default()
                },
                Listed {
                    name: some("foo"),
                    kind: "token".to_owned(),
                    provider: "netrc".to_owned(),
                    state: "shadowed".to_owned(),
                    shadowed_by: some("auth.toml"),
                    warnings: vec!["the token of foo has expired\u{1b}".to_owned()],
                    ..Listed::default()
                },
            ],
            skipped: vec![Skipped {
                provider: "keychain".to_owned(),
                reason: "locked".to_owned(),
            }],
        },
        ..World::default()
    };
    let ran = run(world(), &["list"]);
    assert_eq!(
        ran.out,
        "NAME  USERNAME  PROVIDER   ORIGIN     EXPIRES  STATE\n\
         foo   u\\u{1b}   auth.toml  https://h  -        active\n\
         foo   -         netrc      -          -        shadowed  by auth.toml\n"
    );
    assert_eq!(
        ran.err,
        "helper: warning: the token of foo has expired\\u{1b}\n\
         helper: warning: keychain could not be listed: locked\n"
    );
    let answer = object(&run(world(), &["list", "--json"]));
    same_keys(&answer, "credentials skipped");
    same_keys(
        &answer["credentials"][1],
        "name url origin username kind provider location state shadowed_by expires warnings",
    );
    same_keys(&answer["skipped"][0], "provider reason");
    let ran = run(World::default(), &["list"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
}

#[test]
fn explain() {
    let world = || World {
        explanation: Explanation {
            name: some("foo"),
            operation: Some(Operation::Read),
            result: "found".to_owned(),
            provider: some("auth.toml"),
            username: some("u"),
            has_secret: true,
            origin: OriginCheck {
                wanted: some("https://h"),
                bound: vec!["https://h".to_owned()],
                result: "allowed".to_owned(),
            },
            steps: vec![
                Step {
                    provider: "environment".to_owned(),
                    key: "FOO".to_owned(),
                    answer: "not-found".to_owned(),
                    ..Step::default()
                },
                Step {
                    provider: "auth.toml".to_owned(),
                    location: some("/a"),
                    key: "http-basic.foo".to_owned(),
                    answer: "found".to_owned(),
                    detail: some("with a detail"),
                    ms: 12,
                    shadowed_by: some("environment"),
                },
            ],
            warnings: vec!["watch out".to_owned()],
            ..Explanation::default()
        },
        ..World::default()
    };
    let ran = run(world(), &["explain", "foo"]);
    assert_eq!(
        ran.out,
        "name       foo\n\
         operation  read\n\
         result     found\n\
         provider   auth.toml\n\
         username   u\n\
         secret     yes\n\
         origin     allowed\n  \
           wanted   https://h\n  \
           bound    https://h\n\
         \n\
         PROVIDER     KEY             ANSWER     TIME   PLACE\n\
         environment  FOO             not-found  0 ms\n\
         auth.toml    http-basic.foo  found      12 ms  /a (shadowed by environment)\n\
         auth.toml: with a detail\n"
    );
    assert_eq!(ran.err, "helper: warning: watch out\n");
    let answer = object(&run(world(), &["--json", "explain", "foo"]));
    same_keys(
        &answer,
        "name url operation scope result provider username has_secret origin steps warnings",
    );
    same_keys(&answer["origin"], "wanted bound result");
    same_keys(
        &answer["steps"][0],
        "provider location key answer detail ms shadowed_by",
    );
    for result in ["not-found", "unavailable", "refused"] {
        let mut world = world();
        world.explanation.result = result.to_owned();
        assert_eq!(run(world, &["explain", "foo"]).status, 0);
    }
}

#[test]
fn config() {
    let world = |pairs: &[(&str, Value)]| World {
        settings: SettingsReply {
            settings: pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            changed: None,
        },
        ..World::default()
    };
    let both = [
        ("keyring.enabled", json!(true)),
        ("repositories.foo.url", json!("https://h/")),
    ];
    let ran = run(world(&both), &["config", "--list"]);
    assert_eq!(
        ran.out,
        "keyring.enabled = true\nrepositories.foo.url = \"https://h/\"\n"
    );
    let ran = run(world(&both), &["config", "--list", "--json"]);
    assert_eq!(
        object(&ran),
        json!({"settings": {"keyring.enabled": true, "repositories.foo.url": "https://h/"}})
    );
    let ran = run(world(&both[1..]), &["config", "repositories.foo.url"]);
    assert_eq!(ran.out, "https://h/\n");
    let ran = run(world(&both[1..]), &["config", "repositories.foo"]);
    assert_eq!(ran.out, "repositories.foo.url = \"https://h/\"\n");
    let ran = run(world(&[]), &["config", "repositories.foo"]);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    let world = || World {
        settings: SettingsReply {
            changed: Some(changed()),
            ..SettingsReply::default()
        },
        ..World::default()
    };
    let ran = run(world(), &["config", "http-basic.foo", "u", "hunter2"]);
    assert!(
        ran.err
            .starts_with("helper: warning: a secret in the arguments")
    );
    assert!(
        ran.err
            .contains("\nstored foo (u) in secret-service (login)\n")
    );
    assert!(!ran.err.contains("hunter2") && ran.out.is_empty());
    let ran = run(world(), &["config", "pypi-token.foo", "hunter2", "--json"]);
    same_keys(&object(&ran), "name username stored removed");
}

#[test]
fn trust() {
    let world = || World {
        bindings: BindingList {
            bindings: vec![BindingRecord {
                name: "foo".to_owned(),
                origin: "https://h".to_owned(),
                by: "trust".to_owned(),
                since: some("2026-11-26T00:00:00Z"),
                ..BindingRecord::default()
            }],
            project: None,
        },
        ..World::default()
    };
    let ran = run(world(), &["trust", "--list"]);
    assert_eq!(
        ran.out,
        "NAME  OPERATION  ORIGIN     BY     SINCE\n\
         foo   both       https://h  trust  2026-11-26T00:00:00Z\n"
    );
    let answer = object(&run(world(), &["trust", "--list", "--json"]));
    same_keys(&answer, "bindings");
    same_keys(&answer["bindings"][0], "name operation url origin by since");
    for (line, told) in [
        ("trust foo https://h/a", "bound foo to https://h\n"),
        ("trust --remove foo", "removed the bindings of foo\n"),
        (
            "trust --remove foo https://h/a",
            "removed the binding of foo to https://h\n",
        ),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = run(world(), &arguments);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", told));
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().canonicalize().unwrap();
    let ran = run(
        world(),
        &["trust", "--project", folder.path().to_str().unwrap()],
    );
    let told = format!(
        "trusted the project in {} until its files change\n",
        whole.display()
    );
    assert_eq!(ran.err, told);
}

#[test]
fn agent_without_one() {
    for (line, status, calls) in [
        ("agent status", 1, ""),
        ("agent status --json", 1, ""),
        ("agent stop", 0, ""),
        ("agent reload", 0, ""),
        ("agent lock", 0, "connect; lock"),
        ("agent start", 0, "start; status"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = run(World::default(), &arguments);
        assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{line}");
        assert_eq!(ran.calls.join("; "), calls, "{line}");
    }
    let ran = run(World::default(), &["agent", "status", "--json"]);
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"], "not-found");
}

#[test]
fn a_variable_that_leaves_the_agent_out_does_not_change_whom_lock_locks() {
    let world = || {
        let mut world = World {
            running: true,
            ..World::default()
        };
        world.environment.no_agent = true;
        world
    };
    assert_eq!(run(world(), &["agent", "lock"]).calls[0], "connect");
    assert_eq!(run(world(), &["agent", "status"]).calls[0], "running");
    assert_eq!(run(world(), &["list"]).calls[0], "connect no-agent");
}

#[test]
fn in_ci_nobody_is_asked() {
    let mut world = World::default();
    world.environment.ci = true;
    let ran = run(world, &["set", "foo"]);
    assert_eq!(ran.calls[0], "secret \"password for foo\" false");
    // The keyring's own window is another matter.
    let mut world = World::default();
    world.environment.ci = true;
    let ran = run(world, &["agent", "unlock"]);
    assert_eq!(ran.calls.last().unwrap(), "unlock - prompt");
}

#[test]
fn agent_status() {
    let world = || World {
        running: true,
        status: Status {
            version: "0.1.0".to_owned(),
            build: "0.1.0 x".to_owned(),
            protocol: "io.credentialhelper.Agent1".to_owned(),
            pid: 7,
            socket: some("/run/s"),
            started_by: "client".to_owned(),
            uptime_s: 3661,
            idle_exit_s: Some(3600),
            connections: 1,
            providers: vec![ProviderState {
                name: "secret-service".to_owned(),
                state: "locked".to_owned(),
                detail: some("login"),
            }],
            cache: CacheCounts {
                entries: 1,
                hits: 2,
                misses: 3,
            },
            memory: MemoryState {
                core_limit: Some(0),
                locked_bytes: 4096,
                lock: "all".to_owned(),
                ..MemoryState::default()
            },
            ..Status::default()
        },
        ..World::default()
    };
    let ran = run(world(), &["agent", "status"]);
    for line in [
        "pid             7\n",
        "uptime          1h 1m 1s\n",
        "ends when idle  after 1h\n",
        "cache           1 entries, 2 hits, 3 misses\n",
        "memory          not dumpable, core files off, all locked (4096 bytes)\n",
        "\n\nPROVIDER        STATE\nsecret-service  locked  login\n",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
    let answer = object(&run(world(), &["agent", "status", "--json"]));
    same_keys(
        &answer,
        "version build protocol pid socket sockets started_by uptime_s idle_exit_s locked connections \
         providers cache memory",
    );
    same_keys(&answer["providers"][0], "name state detail");
    same_keys(&answer["cache"], "entries hits misses");
    same_keys(&answer["memory"], "dumpable core_limit locked_bytes lock");
    let ran = run(world(), &["agent", "start"]);
    assert_eq!(
        ran.err,
        "an agent is running already: pid 7, socket /run/s\n"
    );
}

#[test]
fn doctor() {
    let check = |result, fix| Check {
        id: "socket",
        subject: some("/run/s"),
        result,
        message: "seen".to_owned(),
        fix,
    };
    let world = |last| World {
        checks: vec![
            check(Outcome::Ok, None),
            check(Outcome::Skipped, None),
            check(Outcome::Warning, some("chmod it")),
            check(last, None),
        ],
        ..World::default()
    };
    let ran = run(world(Outcome::Problem), &["doctor"]);
    assert_eq!(
        ran.out,
        "ok       socket /run/s  seen\n\
         skipped  socket /run/s  seen\n\
         warning  socket /run/s  seen\n         \
                  fix: chmod it\n\
         problem  socket /run/s  seen\n"
    );
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (1, "1 problem, 1 warning\n")
    );
    let ran = run(world(Outcome::Problem), &["doctor", "--json"]);
    let answer = object(&ran);
    same_keys(&answer, "checks problems warnings");
    same_keys(&answer["checks"][0], "id subject result message fix");
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    assert_eq!(answer["checks"][3]["result"], "problem");
    let ran = run(world(Outcome::Ok), &["doctor"]);
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (0, "no problems, 1 warning\n")
    );
}

#[test]
fn selftest() {
    use crate::selftest::{Check, Outcome, Report};
    let check = |result| Check {
        id: "memory",
        result,
        seen: "seen".to_owned(),
    };
    let world = |last| World {
        report: Report {
            version: "1".to_owned(),
            date: "2026-01-01T00:00:00Z".to_owned(),
            system: "Linux 6 x".to_owned(),
            uid: 7,
            checks: vec![check(Outcome::Ok), check(Outcome::NotHere), check(last)],
        },
        ..World::default()
    };
    let ran = run(world(Outcome::Failed), &["selftest"]);
    assert_eq!(
        ran.out,
        "CHECK   RESULT    SEEN\n\
         memory  ok        seen\n\
         memory  not here  seen\n\
         memory  FAILED    seen\n\
         2026-01-01T00:00:00Z, helper 1, Linux 6 x, uid 7\n"
    );
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (1, "1 ok, 1 failed, 1 not here\n")
    );
    let ran = run(world(Outcome::Failed), &["selftest", "--json"]);
    let answer = object(&ran);
    same_keys(&answer, "version date system uid checks failed");
    same_keys(&answer["checks"][0], "id result seen");
    assert_eq!((ran.status, ran.err.as_str()), (1, ""));
    assert_eq!(answer["checks"][1]["result"], "not-here");
    let ran = run(world(Outcome::Ok), &["selftest"]);
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (0, "2 ok, 0 failed, 1 not here\n")
    );
}

/// Runs a program on a text where the program is there; what it said.
fn judged(program: &str, arguments: &[&str], text: &str) {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let Ok(mut child) = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{program}: {said}"
    );
}

#[test]
fn completions_are_scripts_of_their_shells() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(World::default(), &["completions", shell]).out;
        assert!(
            script.contains("explain") && script.contains("password-stdin"),
            "{shell}"
        );
        assert!(!script.contains("detached"), "{shell}");
        // What stands for an argument, in the way of each shell.
        if matches!(shell, "bash" | "zsh" | "fish") {
            assert!(script.contains("bash elvish fish"), "{shell}");
            judged(shell, &["-n"], &script);
        }
    }
}

#[test]
fn manual_pages() {
    let page = run(World::default(), &["man"]).out;
    assert!(page.contains("\n.TH HELPER 1 "));
    judged("mandoc", &["-Tlint"], &page);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    let ran = run(World::default(), &["man", "--dir", path.to_str().unwrap()]);
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    for name in [
        "helper",
        "helper-get",
        "helper-agent",
        "helper-agent-unlock",
    ] {
        let page = std::fs::read_to_string(path.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(&format!("\n.TH {} 1 ", name.to_uppercase())));
        assert!(!page.contains("detached"));
        judged("mandoc", &["-Tlint"], &page);
    }
    for entry in std::fs::read_dir(&path).unwrap() {
        let page = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for section in ["NAME", "SYNOPSIS", "\"EXIT STATUS\"", "EXAMPLES"] {
            assert!(
                page.contains(&format!("\n.SH {section}\n")),
                "{section}: {page}"
            );
        }
        judged("mandoc", &["-Tlint"], &page);
    }
    let page = std::fs::read_to_string(path.join("helper.1")).unwrap();
    assert!(page.contains("\n.SH ENVIRONMENT\n") && page.contains("\n.SH FILES\n"));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let ran = run(World::default(), &["man", "--dir", file.to_str().unwrap()]);
    assert_eq!(ran.status, 3);
}
