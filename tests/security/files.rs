//! Rows of the table: other processes, files, the log, the terminal, the clock.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::process::Pid;
use serde_json::json;

use super::not_here;
use crate::agent::{AUTH, auth, error, password, sandbox};
use crate::exec_terminal::Terminal;
use crate::harness::rights::looks_into_closed;
use crate::harness::sandbox::{AtEnd, HELPER, PATIENCE, Sandbox, end, fifo, gone, wait, writer};
use crate::leak::sentinel;

const SETTINGS: &str = "home/.config/credential-helper/config.toml";

/// Looks at the arguments of every process, again and again, until `work` is done; gives those that hold the text.
fn arguments_with(text: &str, work: impl FnOnce()) -> Vec<String> {
    let over = AtomicBool::new(false);
    let (looks, looked) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let end = AtEnd(|| over.store(true, Ordering::Relaxed));
        let seen = scope.spawn(|| {
            let mut seen = Vec::new();
            loop {
                for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                    let bytes = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
                    if line.contains(text) {
                        seen.push(line);
                    }
                }
                let _ = looks.send(());
                if over.load(Ordering::Relaxed) {
                    return seen;
                }
            }
        });
        looked.recv_timeout(PATIENCE).unwrap();
        work();
        drop(end);
        seen.join().unwrap()
    })
}

/// L9: no process of ours has a secret in its arguments. `set` takes none there; what the user types himself for the sake of other
/// tools' command lines (`config http-basic.NAME USER PASSWORD`, `publish --password`) is passed on to nobody.
#[test]
fn l9_no_process_is_given_a_secret_in_its_arguments() {
    let secret = sentinel("argument");
    let mut sandbox = Sandbox::new().without_keyring();
    sandbox.set("POETRY_HTTP_BASIC_VAR_PASSWORD", &secret);
    sandbox.write(
        SETTINGS,
        &format!(
            "[repositories.mint]\ncommand = [\"/bin/sh\", \"-c\", \"cat {}\"]\n",
            sandbox.path("secret").display()
        ),
    );
    sandbox.write("secret", &secret);
    let seen = arguments_with(&secret, || {
        for _ in 0..5 {
            let set = sandbox.helper_fed(&["set", "foo", "alice"], &secret);
            assert_eq!(set.status, 0, "{set:?}");
            for words in [
                &["get", "foo"][..],
                &["get", "mint"],
                &["get", "var"],
                &["exec", "foo", "var", "--only", "--", "true"],
                &["exec", "foo", "--only", "--mask", "--", "true"],
                &["env", "foo", "--only"],
                &["--no-agent", "get", "mint"],
            ] {
                let ended = sandbox.helper(words);
                assert_eq!(ended.status, 0, "{words:?}: {ended:?}");
            }
            sandbox.helper(&["agent", "stop"]);
        }
    });
    assert_eq!(seen, [""; 0]);
    // It is found where it is.
    let mut child = Command::new("sh")
        .args(["-c", "read x", &secret])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let path = format!("/proc/{}/cmdline", child.id());
    let until = Instant::now() + PATIENCE;
    while !std::fs::read_to_string(&path).unwrap().contains(&secret) {
        assert!(Instant::now() < until);
        std::thread::yield_now();
    }
    assert!(!arguments_with(&secret, || {}).is_empty());
    drop(child.stdin.take());
    child.wait().unwrap();
    let typed = sandbox.helper(&["set", "foo", "alice", "a-word-too-much"]);
    assert_eq!(typed.status, 2, "{typed:?}");
}

/// L10: an agent wipes the variables that it keeps from its own block; one that a client starts does not inherit them, and a command of the
/// settings gets a list of names and nothing else.
/// Also: `agent::hardening::tests::variables_are_wiped_from_the_block_itself`, `start::tests::the_agent_inherits_no_variables_of_requests`
#[test]
fn l10_neither_environment_nor_arguments_of_an_agent_hold_secrets() {
    let sandbox = sandbox();
    let variables = [
        ("POETRY_HTTP_BASIC_BAR_USERNAME", "sentinel-user"),
        ("POETRY_HTTP_BASIC_BAR_PASSWORD", "sentinel-password"),
        ("POETRY_PYPI_TOKEN_BAZ", "sentinel-token"),
        ("UV_INDEX_QUX_PASSWORD", "sentinel-uv"),
    ];
    let agent = sandbox.run_agent(&variables);
    let ended = sandbox.helper(&["get", "bar", "--format", "password"]);
    assert_eq!(ended.stdout, "sentinel-password\n", "{ended:?}");
    for file in ["environ", "cmdline"] {
        let path = format!("/proc/{}/{file}", agent.child.id());
        // Not everybody may read the environment of a process that is not dumpable.
        let Ok(bytes) = std::fs::read(path) else {
            assert!(file == "environ" && !looks_into_closed(), "{file}");
            not_here("nobody here can read the environment of the agent, root or not");
            continue;
        };
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("sentinel"), "{file}: {text}");
        assert!(!text.is_empty());
    }
}

/// The agent that a client starts, and what the settings' commands get of either's variables.
#[test]
fn l10_a_command_gets_a_list_of_variables() {
    let sandbox = sandbox();
    let told = sandbox.path("told");
    sandbox.write(
        SETTINGS,
        &format!(
            "[repositories.mint]\ncommand = [\"/bin/sh\", \"-c\", \"env > {}; echo pw\"]\n",
            told.display()
        ),
    );
    let variables = [
        ("POETRY_HTTP_BASIC_BAR_PASSWORD", "sentinel-password"),
        ("POETRY_PYPI_TOKEN_BAZ", "sentinel-token"),
        ("UV_INDEX_QUX_PASSWORD", "sentinel-uv"),
        ("AWS_SECRET_ACCESS_KEY", "sentinel-aws"),
        ("LD_PRELOAD", ""),
        ("PYTHONPATH", "/sentinel"),
    ];
    let ended = sandbox.helper_with(&variables, &["get", "mint", "--format", "password"]);
    assert_eq!(ended.stdout, "pw\n", "{ended:?}");
    let text = std::fs::read_to_string(&told).unwrap();
    let known = [
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "PATH",
        "DBUS_SESSION_BUS_ADDRESS",
        "CREDENTIAL_HELPER_RECURSION",
        // Of the shell's own making.
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    for line in text.lines() {
        let name = line.split('=').next().unwrap();
        assert!(known.contains(&name) || name.starts_with("XDG_"), "{line}");
        assert!(!line.contains("sentinel"), "{line}");
    }
    assert!(text.contains("PATH=/usr/local/sbin:"), "{text}");
    let agent = sandbox.agent().unwrap().as_raw_nonzero();
    if let Ok(bytes) = std::fs::read(format!("/proc/{agent}/environ")) {
        let text = String::from_utf8_lossy(&bytes);
        for name in ["BAR_PASSWORD", "TOKEN_BAZ", "INDEX_QUX"] {
            assert!(!text.contains(name), "{text}");
        }
    } else {
        assert!(!looks_into_closed());
    }
}

/// L11: variables belong to the request: they are not kept, and no other client's question sees them.
#[test]
fn l11_variables_of_one_client_are_never_shown_to_another() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    std::thread::scope(|scope| {
        for client in 0..4 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let mut connection = sandbox.connect();
                for round in 0..200 {
                    let own = format!("secret-{client}-{round}");
                    let mut question = sandbox.question("foo");
                    // Every fourth has none: it gets what is stored.
                    let expected = if client == 3 { "s3cret" } else { &own };
                    if client != 3 {
                        question["question"]["context"]["variables"] =
                            json!({ "POETRY_HTTP_BASIC_FOO_PASSWORD": own });
                    }
                    assert_eq!(password(&connection.call("Get", &question)), Some(expected));
                }
            });
        }
    });
    for round in 0..10 {
        let own = format!("own-{round}");
        let ended = sandbox.helper_with(
            &[
                ("POETRY_HTTP_BASIC_FOO_USERNAME", "u"),
                ("POETRY_HTTP_BASIC_FOO_PASSWORD", &own),
            ],
            &["get", "foo", "--format", "password"],
        );
        assert_eq!(ended.stdout, format!("{own}\n"));
        let plain = sandbox.helper(&["get", "foo", "--format", "password"]);
        assert_eq!(plain.stdout, "s3cret\n");
    }
}

/// L12: children get standard input, output and error and no other descriptor, and the agent keeps none of who started it.
/// Also: `provider::child::tests::no_descriptor_goes_along`, `agent::lifecycle::tests::a_detached_agent_keeps_nothing_of_its_client`
#[test]
fn l12_no_descriptor_reaches_a_child() {
    let sandbox = sandbox();
    let told = sandbox.path("told");
    sandbox.write(
        SETTINGS,
        &format!("[repositories.mint]\ncommand = [\"/bin/sh\", \"-c\", \"ls /proc/$$/fd > {}; echo pw\"]\n", told.display()),
    );
    // A descriptor of the client's that its children would inherit, and connections of others.
    let kept = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&kept, rustix::io::FdFlags::empty()).unwrap();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let _others: Vec<_> = (0..8).map(|_| sandbox.connect()).collect();
    for options in [&[][..], &["--no-agent"]] {
        let ended = sandbox.helper(&[options, &["get", "mint", "--format", "password"]].concat());
        assert_eq!(ended.stdout, "pw\n", "{ended:?}");
        let open = std::fs::read_to_string(&told).unwrap();
        let mut open: Vec<&str> = open.lines().collect();
        // The shell's own copy of its output, while `ls` has another.
        open.retain(|number| *number != "10");
        assert_eq!(open, ["0", "1", "2"], "{options:?}");
    }
}

/// L13: programs are run by the absolute paths of the user's own settings, and `helperd` from beside `helper`: nothing is looked for in the
/// working folder, and no relative folder of `PATH` counts.
/// Also: `provider::child::tests::what_cannot_be_run_is_told`, `program::tests::looks_beside_then_in_libexec`
#[test]
fn l13_no_program_is_taken_from_the_working_folder() {
    let sandbox = sandbox();
    let told = sandbox.path("told");
    for name in [
        "helperd",
        "helper",
        "keyring",
        "git",
        "gpg",
        "sh",
        "python",
        "python3",
        "pip",
        "uv",
        "poetry",
        "dbus-launch",
        "dbus-daemon",
        "secret-tool",
        "pass",
        "systemctl",
        "tput",
        "stty",
        "env",
        "ssh",
        "gnome-keyring-daemon",
    ] {
        for place in ["project", "project/bin"] {
            let script = format!("#!/bin/sh\necho {place}/{name} >> {}\n", told.display());
            sandbox.program(&format!("{place}/{name}"), &script);
        }
    }
    sandbox.write(
        "project/pyproject.toml",
        "[project]\nname = \"x\"\n[[tool.poetry.source]]\nname = \"foo\"\nurl = \"https://h.example/\"\n\
         [tool.credential-helper]\ncommand = [\"./git\"]\n[tool.uv]\nkeyring-provider = \"subprocess\"\n",
    );
    sandbox.write(
        "project/config.toml",
        "[repositories.foo]\ncommand = [\"./git\"]\n",
    );
    let path = format!(".:bin::./bin:{}", std::env::var("PATH").unwrap());
    let variables = [
        ("PATH", &*path),
        ("LD_LIBRARY_PATH", "."),
        ("GIT_EXEC_PATH", "."),
    ];
    for words in [
        &["get", "foo"][..],
        &["explain", "foo"],
        &["list"],
        &["doctor", "--offline"],
        &["config", "--list"],
        &["source", "show"],
        &["setup", "--list"],
        &["setup", "git", "--dry-run"],
        &["setup", "pip", "--dry-run"],
        &["agent", "status"],
        &["scan", "."],
    ] {
        for options in [&[][..], &["--no-agent"]] {
            let ended = sandbox.helper_with(&variables, &[options, words].concat());
            assert!((0..=5).contains(&ended.status), "{words:?}: {ended:?}");
        }
    }
    for name in [
        "keyring",
        "git-credential-helper",
        "docker-credential-helper",
        "credential-helper",
    ] {
        let mut command = sandbox.command_as(name, HELPER);
        command
            .envs(variables)
            .env("CREDENTIAL_HELPER_NO_AGENT", "1");
        end(
            command.args(["get", "poetry-repository-bar", "u"]),
            "protocol=https\nhost=h.example\n\n",
        );
    }
    assert!(
        !told.exists(),
        "{}",
        std::fs::read_to_string(&told).unwrap()
    );
}

/// L14: nothing that a request names is opened, loaded or run, but the folders of its user's own configuration, whose files are data; fields
/// that are unknown count for nothing.
/// Also: `restricted::what_a_container_says_of_itself_counts_for_nothing`
#[test]
fn l14_no_field_of_a_request_leads_to_a_file_or_program() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let (pipe, told) = (sandbox.path("pipe"), sandbox.path("told"));
    fifo(&pipe);
    let script = format!("#!/bin/sh\ntouch {}\n", told.display());
    let program = sandbox.program("program", &script);
    let mut connection = sandbox.connect();
    for path in [&pipe, &program] {
        for field in [
            "provider", "library", "module", "path", "file", "command", "program", "helper",
            "askpass", "netrc", "cert", "log",
        ] {
            for value in [
                json!(path),
                json!([path]),
                json!({ "path": path, "command": [path] }),
            ] {
                let mut question = sandbox.question("foo");
                question["question"][field] = value.clone();
                question["question"]["context"][field] = value.clone();
                question[field] = value;
                let reply = connection.call("Get", &question);
                assert_eq!(password(&reply), Some("s3cret"), "{field}: {reply}");
            }
        }
    }
    assert!(!told.exists());
    // Whoever had opened the pipe would still wait for its other end.
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
    let opened = rustix::fs::open(&pipe, flags, rustix::fs::Mode::empty());
    assert_eq!(opened.err(), Some(rustix::io::Errno::NXIO));
}

/// L20: a file that may hold secrets is made 0600, whatever the umask; one that is open to others is closed when it is written, and told by
/// `doctor`.
/// Also: `edit::tests::a_loose_mode_is_closed`
#[test]
fn l20_stores_are_closed_to_others() {
    let mode = |sandbox: &Sandbox, path: &str| {
        std::fs::metadata(sandbox.path(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    let sandbox = Sandbox::new().without_keyring();
    let typed = |line: &str| {
        let mut command = sandbox.command("sh");
        command.args(["-c", &format!("umask 000; {line}"), HELPER]);
        let ended = end(&mut command, "s3cret\n");
        assert_eq!(ended.status, 0, "{line}: {ended:?}");
    };
    typed("\"$0\" set foo alice --url https://h.example/");
    assert_eq!(mode(&sandbox, AUTH), 0o600);
    assert_eq!(
        mode(&sandbox, "home/.local/state/credential-helper/trust.toml"),
        0o600
    );
    assert_eq!(mode(&sandbox, "run/credential-helper"), 0o700);
    assert_eq!(
        mode(&sandbox, "run/credential-helper/agent.sock") & 0o077,
        0
    );
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(sandbox.path(AUTH), open).unwrap();
    let doctor = sandbox.helper(&["doctor", "--offline"]);
    assert_eq!(doctor.status, 1, "{doctor:?}");
    assert!(doctor.stdout.contains("chmod 600"), "{doctor:?}");
    typed("\"$0\" set bar bob");
    assert_eq!(mode(&sandbox, AUTH), 0o600);
}

/// L21: `lock` cancels what is pending, a question to the keyring or to a command included, and empties the cache.
/// Also: `agent::rules_tests::lock_cancels_secrets_on_their_way_to_a_file_and_reports`, `agent::rules_tests::nothing_is_kept_in_memory_while_locked`
#[test]
fn l21_lock_cancels_what_is_pending() {
    let sandbox = sandbox();
    let pipe = sandbox.path("pipe");
    fifo(&pipe);
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        &format!(
            "[repositories.slow]\ncommand = [\"/bin/cat\", \"{}\"]\n",
            pipe.display()
        ),
    );
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let mut pending = sandbox.connect();
    pending.send("Get", &sandbox.question("slow"));
    // The command waits for its input.
    let input = writer(&pipe);
    let mut other = sandbox.connect();
    assert_eq!(error(&other.call("Lock", &json!({}))), "");
    // While the command still waits: nobody has ended its input.
    let reply = pending.receive().unwrap();
    assert!(error(&reply).ends_with(".Locked"), "{reply}");
    for (method, parameters) in [
        ("Get", sandbox.question("foo")),
        ("Explain", sandbox.question("foo")),
        ("List", json!({ "context": sandbox.context() })),
        (
            "Set",
            json!({ "name": "foo", "secret": "x", "context": sandbox.context() }),
        ),
        (
            "Delete",
            json!({ "name": "foo", "context": sandbox.context() }),
        ),
    ] {
        let reply = other.call(method, &parameters);
        assert!(error(&reply).ends_with(".Locked"), "{method}: {reply}");
    }
    drop(input);
    let unlock = json!({ "context": sandbox.context() });
    assert_eq!(error(&other.call("Unlock", &unlock)), "");
    assert_eq!(
        password(&other.call("Get", &sandbox.question("foo"))),
        Some("s3cret")
    );
    assert_eq!(sandbox.read(AUTH), auth("s3cret"));
}

/// L22: lives are measured on a clock that goes on in suspend and that nobody sets; only an end that a server gave is compared with the wall clock.
/// Also: `agent::clock::tests::real_time_does_not_go_back`, `agent::rules_tests::a_token_that_was_minted_anew_is_not_taken_for_the_refused_one`
#[test]
fn l22_a_clock_that_is_set_keeps_nothing_alive_and_ends_nothing() {
    let sandbox = sandbox();
    let source = sandbox.write("clock.c", CLOCK);
    let (library, shift) = (sandbox.path("clock.so"), sandbox.path("shift"));
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return not_here("no C compiler for the clock that is set");
    }
    let pipe = sandbox.path("pipe");
    fifo(&pipe);
    let shift_by = |seconds: i64| std::fs::write(&shift, seconds.to_string()).unwrap();
    for seconds in [-3_600, 3_600, -315_360_000, 315_360_000] {
        shift_by(0);
        sandbox.write(
            SETTINGS,
            "idle-exit = \"never\"\ncache = { idle = \"1h\" }\n",
        );
        let preload = [
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("CLOCK_SHIFT", shift.to_str().unwrap()),
            ("CREDENTIAL_HELPER_LOG", "info"),
        ];
        let mut agent = sandbox.run_agent(&preload);
        let mut connection = sandbox.connect();
        let question = sandbox.question("foo");
        let mut count = |key: &str| {
            assert_eq!(password(&connection.call("Get", &question)), Some("s3cret"));
            connection.call("Status", &json!({}))["parameters"]["cache"][key]
                .as_u64()
                .unwrap()
        };
        let (misses, hits) = (count("misses"), count("hits"));
        shift_by(seconds);
        assert_eq!(count("misses"), misses, "{seconds}");
        assert!(count("hits") > hits, "{seconds}");
        drop(connection);
        assert_eq!(sandbox.helper(&["agent", "stop"]).status, 0);
        let said = wait(&mut agent.child, PATIENCE).stderr;
        // The wall clock was another one indeed: the log has its time.
        let years: Vec<&str> = said.lines().map(|line| &line[..13]).collect();
        assert!(years.first() != years.last(), "{said}");
        // And what is to end does, although it is earlier than before.
        let settings = format!(
            "idle-exit = \"1s\"\ncache = {{ absolute = \"1s\" }}\n\
             [repositories.slow]\ncommand = [\"/bin/cat\", \"{}\"]\ntimeout = 600.0\n",
            pipe.display()
        );
        sandbox.write(SETTINGS, &settings);
        shift_by(0);
        let mut first = sandbox.command(HELPER);
        first
            .envs(preload[..2].iter().copied())
            .args(["get", "slow"]);
        let mut first = first.stdout(Stdio::null()).spawn().unwrap();
        // As long as it is asked something, it stays.
        let mut busy = writer(&pipe);
        let mut connection = sandbox.connect();
        let mut misses = || {
            assert_eq!(password(&connection.call("Get", &question)), Some("s3cret"));
            connection.call("Status", &json!({}))["parameters"]["cache"]["misses"].clone()
        };
        let before = misses();
        shift_by(seconds);
        let until = Instant::now() + PATIENCE;
        while misses() == before {
            assert!(Instant::now() < until, "{seconds}");
        }
        let agent = sandbox.agent().unwrap();
        drop(connection);
        std::io::Write::write_all(&mut busy, b"secret\n").unwrap();
        drop(busy);
        assert_eq!(wait(&mut first, PATIENCE).status, 0, "{seconds}");
        assert!(gone(agent, PATIENCE), "{seconds}");
    }
}

/// The wall clock, set by what a file says.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    char *path = getenv("CLOCK_SHIFT");
    FILE *file = clock == CLOCK_REALTIME && path ? fopen(path, "re") : NULL;
    long shift = 0;
    if (file) {
        if (fscanf(file, "%ld", &shift) == 1) time->tv_sec += shift;
        fclose(file);
    }
    return result;
}
"#;

/// L24: an error has our own words and names: never a message, a file or another program's words that may hold a secret.
/// Also: `leak::errors_about_files_hold_nothing_of_them`, `bridges::any_bytes_may_come`, `package::document::tests::places_are_told_and_texts_are_not`
#[test]
fn l24_nonsense_is_answered_without_repeating_it() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let name = "io.credentialhelper.Agent1";
    let mut connection = sandbox.connect();
    for parameters in [
        "{\"question\":\"sentinel\"}",
        "{\"question\":{\"name\":[\"sentinel\"]}}",
        "{\"question\":{\"context\":{\"variables\":\"sentinel\"}}}",
        "\"sentinel\"",
        "[\"sentinel\"]",
        "{\"name\":1,\"secret\":\"sentinel\"}",
    ] {
        for method in ["Get", "Explain", "Set", "Configure", "Unlock", "Report"] {
            let call = format!("{{\"method\":\"{name}.{method}\",\"parameters\":{parameters}}}\0");
            connection.send_raw(call.as_bytes());
            let reply = connection.receive().unwrap().to_string();
            assert!(!reply.contains("sentinel"), "{call}: {reply}");
        }
    }
    // What is no call at all is not answered.
    let deep = format!(
        "{{\"method\":\"{name}.Get\",\"parameters\":{}{}}}",
        "[".repeat(40),
        "]".repeat(40)
    );
    let array = format!("[\"{name}.Status\",{{}}]");
    for message in [
        "sentinel",
        "{\"sentinel\":",
        "[\"sentinel\"]",
        "\"sentinel\"",
        "",
        &deep,
        &array,
    ] {
        let mut connection = sandbox.connect();
        connection.send_raw(format!("{message}\0").as_bytes());
        assert_eq!(connection.receive(), None, "{message}");
    }
    let mut broken = sandbox.connect();
    broken.send_raw(b"{\"method\":\"\xff\xfe\"}\0");
    assert_eq!(broken.receive(), None);
    let unknown = json!({});
    let reply = connection.call("Nonsense", &unknown);
    assert_eq!(error(&reply), "org.varlink.service.MethodNotFound");
    assert_eq!(
        password(&connection.call("Get", &sandbox.question("foo"))),
        Some("s3cret")
    );
}

/// L26: a password is asked for without echo, and the terminal is as before whatever ends the question; nothing goes to a clipboard or a
/// shell's history.
/// Also: `cli::prompt::terminal::tests::nothing_is_echoed_and_the_terminal_is_as_before`
#[test]
fn l26_nothing_is_echoed_and_the_terminal_is_as_it_was() {
    for (keys, stored) in [
        ("s3cret\r", true),
        ("s3c\u{3}", false),
        ("s3c\u{1c}", false),
    ] {
        let sandbox = sandbox();
        sandbox.write(AUTH, "");
        let mut command = sandbox.command("sh");
        let script = "before=$(stty -g); trap : INT QUIT; \"$0\" set foo alice; after=$(stty -g); \
                      [ \"$before\" = \"$after\" ] && echo as-be\"\"fore; \"$0\" get foo --format password; echo en\"\"d";
        command.args(["-c", script, HELPER]).env("TERM", "dumb");
        let mut terminal = Terminal::start(command);
        terminal.until("assword");
        terminal.until(": ");
        terminal.keys(keys);
        let between = terminal.until("as-before");
        assert!(!between.contains("s3c"), "{keys:?}: {between:?}");
        let rest = terminal.until("end");
        assert_eq!(rest.contains("s3cret"), stored, "{keys:?}: {rest:?}");
        assert!(gone(Pid::from_child(&terminal.child), PATIENCE));
    }
}
