//! The agent as its clients meet it: started by many at once, stopped in every way, asked by
//! friends and strangers.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::sandbox::{
    Connection, Foreground, HELPER, HELPERD, PATIENCE, Sandbox, end, fifo, gone, is_root,
    room_for_descriptors, writer,
};

/// How long an agent may take to end: a second, and what a busy machine adds.
const END: Duration = Duration::from_secs(2);

const AUTH: &str = "home/.config/pypoetry/auth.toml";

fn auth(password: &str) -> String {
    format!("[http-basic.foo]\nusername = \"alice\"\npassword = \"{password}\"\n")
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().without_keyring();
    sandbox.write(AUTH, &auth("s3cret"));
    sandbox
}

fn password(reply: &Value) -> Option<&str> {
    reply.pointer("/parameters/credential/password")?.as_str()
}

fn error(reply: &Value) -> &str {
    reply["error"].as_str().unwrap_or_default()
}

#[test]
fn a_killed_agent_leaves_nothing_that_blocks_the_next() {
    let sandbox = sandbox();
    let mut before = None;
    for _ in 0..10 {
        let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (0, "s3cret\n"),
            "{ended:?}"
        );
        let agent = sandbox.agent().unwrap();
        assert_ne!(before.replace(agent), Some(agent));
        kill_process(agent, Signal::KILL).unwrap();
        assert!(gone(agent, PATIENCE));
        assert!(
            sandbox.socket().exists(),
            "nobody removes the socket of a killed agent"
        );
    }
}

#[test]
fn a_stopped_agent_takes_its_socket_with_it() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let agent = sandbox.agent().unwrap();
    assert_eq!(sandbox.helper(&["agent", "stop"]).status, 0);
    assert!(!sandbox.socket().exists());
    assert!(gone(agent, END));
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    assert_ne!(sandbox.agent(), Some(agent));
}

#[test]
fn a_second_agent_is_refused() {
    let sandbox = sandbox();
    let mut first = sandbox.run_agent(&[]);
    let second = end(sandbox.command(HELPERD).args(["agent", "run"]), "");
    assert_eq!(second.status, 3, "{second:?}");
    assert!(
        second.stderr.contains("an agent is running already"),
        "{second:?}"
    );
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    first.signal(Signal::TERM);
    assert_eq!(first.wait().status, 0);
}

#[test]
fn the_service_manager_may_hold_the_socket() {
    let sandbox = sandbox();
    let program = "systemd-socket-activate";
    let mut command = sandbox.command(program);
    let folder = sandbox.path("run/credential-helper");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["HOME", "XDG_RUNTIME_DIR"] {
        command.arg(format!("--setenv={name}"));
    }
    command
        .arg("-l")
        .arg(sandbox.socket())
        .arg(HELPERD)
        .args(["agent", "run"]);
    let Ok(mut child) = command.stderr(Stdio::piped()).spawn() else {
        eprintln!("{program} is not installed: this is not tested");
        return;
    };
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("Listening"), "{line}");
    let mut agent = Foreground { child };
    let ended = sandbox.helper(&["get", "foo", "--format", "password"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "s3cret\n"),
        "{ended:?}"
    );
    let status = sandbox.connect().call("Status", &json!({}));
    assert_eq!(status["parameters"]["started_by"], "activation", "{status}");
    assert_eq!(status["parameters"]["idle_exit_s"], Value::Null);
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait().status, 0);
}

#[test]
fn an_idle_agent_leaves() {
    let sandbox = sandbox();
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        "idle-exit = \"1s\"\n",
    );
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let agent = sandbox.agent().unwrap();
    assert!(gone(agent, PATIENCE));
    assert!(!sandbox.socket().exists());
}

#[test]
fn an_agent_leaves_when_a_newer_client_comes_but_not_while_it_is_locked() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["agent", "lock"]).status, 0);
    let agent = sandbox.agent().unwrap();
    let mut question = sandbox.question("foo");
    question["question"]["context"]["version"] = json!("99.0.0");
    let mut connection = sandbox.connect();
    let unlock = json!({ "context": question["question"]["context"] });
    assert!(error(&connection.call("Get", &question)).ends_with(".Locked"));
    assert_eq!(
        connection.call("Status", &json!({}))["parameters"]["locked"],
        true
    );
    let reply = connection.call("Unlock", &unlock);
    assert_eq!(error(&reply), "", "{reply}");
    assert_eq!(password(&connection.call("Get", &question)), Some("s3cret"));
    drop(connection);
    assert!(gone(agent, PATIENCE));
}

#[test]
fn lock_cancels_what_is_pending() {
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
    let start = Instant::now();
    let reply = pending.receive().unwrap();
    assert!(error(&reply).ends_with(".Locked"), "{reply}");
    assert!(start.elapsed() < Duration::from_secs(5));
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

#[test]
fn variables_of_one_client_are_never_shown_to_another() {
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

#[test]
fn a_refused_secret_is_held_back_on_its_connection_only() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let question = sandbox.question("foo");
    let report = json!({ "question": question["question"], "outcome": "unauthorized" });
    let (mut one, mut other) = (sandbox.connect(), sandbox.connect());
    assert_eq!(password(&one.call("Get", &question)), Some("s3cret"));
    assert_eq!(error(&one.call("Report", &report)), "");
    let refused = one.call("Get", &question);
    assert!(error(&refused).ends_with(".Rejected"), "{refused}");
    assert!(!refused.to_string().contains("s3cret"));
    assert_eq!(password(&other.call("Get", &question)), Some("s3cret"));
    sandbox.write(AUTH, &auth("changed"));
    assert_eq!(password(&one.call("Get", &question)), Some("changed"));
    assert_eq!(password(&other.call("Get", &question)), Some("changed"));
}

#[test]
fn a_thousand_connections() {
    room_for_descriptors(4096);
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let question = sandbox.question("foo");
    let mut connections: Vec<Connection> = (0..1000).map(|_| sandbox.connect()).collect();
    for connection in &mut connections {
        connection.send("Get", &question);
    }
    for connection in &mut connections {
        assert_eq!(password(&connection.receive().unwrap()), Some("s3cret"));
    }
    let status = connections[0].call("Status", &json!({}));
    assert_eq!(status["parameters"]["connections"], 1000);
    drop(connections);
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
}

#[test]
fn half_sent_and_endless_messages_hold_nobody_up() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let mut halves: Vec<Connection> = (0..200).map(|_| sandbox.connect()).collect();
    for half in &mut halves {
        half.send_raw(b"{\"method\":\"io.credentialhelper.Agent1.Get\",\"param");
    }
    let question = sandbox.question("foo");
    let mut good = sandbox.connect();
    let start = Instant::now();
    for _ in 0..50 {
        assert_eq!(password(&good.call("Get", &question)), Some("s3cret"));
    }
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    // What is begun has to end; these are closed without a word.
    for half in &mut halves {
        assert!(half.receive().is_none());
    }
    let mut endless = sandbox.connect();
    let bytes = vec![b'x'; 64 * 1024 + 1];
    let _ = std::io::Write::write_all(&mut endless.0, &bytes);
    assert!(endless.receive().is_none());
    assert_eq!(password(&good.call("Get", &question)), Some("s3cret"));
}

#[test]
fn nonsense_is_answered_without_repeating_it() {
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

#[test]
fn control_characters_are_refused_in_every_field() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let mut connection = sandbox.connect();
    let context = sandbox.context();
    for bad in [
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{1b}[2Jb",
        "a\u{7f}b",
        "a\u{85}b",
    ] {
        let questions = [
            json!({ "name": bad, "context": context }),
            json!({ "url": format!("https://h.example/{bad}"), "context": context }),
            json!({ "url": format!("https://{bad}.example/"), "context": context }),
            json!({ "url": format!("https://u{bad}@h.example/"), "context": context }),
            json!({ "name": "foo", "username": bad, "context": context }),
        ];
        for question in questions {
            for method in ["Get", "Explain"] {
                let reply = connection.call(method, &json!({ "question": question }));
                assert!(
                    error(&reply).ends_with(".Usage"),
                    "{method} {question}: {reply}"
                );
            }
        }
        let changes = [
            (
                "Set",
                json!({ "name": bad, "secret": "x", "context": context }),
            ),
            (
                "Set",
                json!({ "name": "foo", "username": bad, "secret": "x", "context": context }),
            ),
            (
                "Set",
                json!({ "name": "foo", "secret": bad, "context": context }),
            ),
            (
                "Set",
                json!({ "name": "foo", "secret": "x", "url": format!("https://h.example/{bad}"), "context": context }),
            ),
            ("Delete", json!({ "name": bad, "context": context })),
            (
                "Delete",
                json!({ "name": "foo", "username": bad, "context": context }),
            ),
            (
                "Trust",
                json!({ "name": bad, "url": "https://h.example/", "context": context }),
            ),
            (
                "Trust",
                json!({ "name": "foo", "url": format!("https://h.example/{bad}"), "context": context }),
            ),
            (
                "Configure",
                json!({ "key": format!("repositories.{bad}"), "values": ["https://h.example/"], "context": context }),
            ),
            (
                "Configure",
                json!({ "key": "http-basic.foo", "values": [bad, "x"], "context": context }),
            ),
            (
                "Configure",
                json!({ "key": "http-basic.foo", "values": ["u", bad], "context": context }),
            ),
            (
                "Configure",
                json!({ "key": "pypi-token.foo", "values": [bad], "context": context }),
            ),
            (
                "Configure",
                json!({ "key": "repositories.foo", "values": [format!("https://h.example/{bad}")], "context": context }),
            ),
            (
                "Configure",
                json!({ "key": "certificates.foo.cert", "values": [bad], "context": context }),
            ),
        ];
        for (method, parameters) in changes {
            let reply = connection.call(method, &parameters);
            assert!(
                error(&reply).ends_with(".Usage"),
                "{method} {parameters}: {reply}"
            );
        }
        let mut question = sandbox.question("foo");
        question["question"]["context"]["variables"] =
            json!({ "POETRY_HTTP_BASIC_FOO_PASSWORD": bad });
        let reply = connection.call("Get", &question);
        assert!(error(&reply).ends_with(".Usage"), "{reply}");
        let text = reply.to_string();
        assert!(text.contains("POETRY_HTTP_BASIC_FOO_PASSWORD"), "{text}");
    }
    assert_eq!(sandbox.read(AUTH), auth("s3cret"));
}

#[test]
fn other_users_are_told_nothing() {
    if !is_root() {
        eprintln!("not root: nobody else can be asked to connect, this is not tested");
        return;
    }
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let open = std::fs::Permissions::from_mode(0o755);
    for folder in ["", "run", "run/credential-helper"] {
        std::fs::set_permissions(sandbox.path(folder), open.clone()).unwrap();
    }
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(sandbox.socket(), all).unwrap();
    let program = sandbox.path("helper");
    std::fs::copy(HELPER, &program).unwrap();
    for user in ["0", "65534"] {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={user}"))
            .args(["--clear-groups", "--"])
            .arg(&program)
            .args(["get", "foo"])
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("CREDENTIAL_HELPER_SOCKET", sandbox.socket())
            .current_dir("/");
        let ended = end(&mut command, "");
        assert!(!ended.stdout.contains("s3cret"), "{ended:?}");
        // A folder that others may enter is not used even by its owner.
        assert_eq!(ended.status, 3, "{user}: {ended:?}");
    }
    // And the agent itself, asked without our own client's care.
    for (user, answered) in [(0, true), (65534, false)] {
        let reply = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    become_user(user);
                    let mut connection = sandbox.connect();
                    connection.try_send("Get", &sandbox.question("foo"));
                    connection.receive()
                })
                .join()
                .unwrap()
        });
        assert_eq!(reply.is_some(), answered, "{user}: {reply:?}");
    }
}

/// Makes this thread another user's, for the rest of its life.
#[expect(
    unsafe_code,
    reason = "the system call that concerns one thread has no safe name here"
)]
fn become_user(user: libc::c_long) {
    // SAFETY: it takes numbers only, and concerns nothing but the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_setresuid, user, user, user) };
    assert_eq!(result, 0);
}

#[test]
fn a_socket_folder_that_others_may_enter_is_passed_over_and_named() {
    let sandbox = sandbox();
    let open = sandbox.path("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let socket = open.join("agent.sock");
    let variable = [("CREDENTIAL_HELPER_SOCKET", socket.to_str().unwrap())];
    let ended = sandbox.helper_with(&variable, &["get", "foo", "--format", "password"]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "s3cret\n"),
        "{ended:?}"
    );
    assert!(!socket.exists());
    assert!(sandbox.socket().exists());
    let doctor = sandbox.helper_with(&variable, &["doctor"]);
    assert!(doctor.stdout.contains(open.to_str().unwrap()), "{doctor:?}");
}

#[test]
fn neither_environment_nor_arguments_of_an_agent_hold_secrets() {
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
        // Nobody but root may read the environment of a process that is not dumpable.
        let Ok(bytes) = std::fs::read(path) else {
            assert!(!is_root(), "{file}");
            continue;
        };
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("sentinel"), "{file}: {text}");
        assert!(!text.is_empty());
    }
}
