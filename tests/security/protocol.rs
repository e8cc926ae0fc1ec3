//! Rows of the table: what comes over the socket, in URLs and in other tools' protocols.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agent::{AUTH, auth, error, password, sandbox};
use crate::harness::sandbox::{Connection, Ended, HELPER, PATIENCE, Sandbox, end, readable};

/// A home in which `good` belongs to this origin, and whoever is asked for it leaves a mark.
fn bound() -> Sandbox {
    let sandbox = Sandbox::new().without_keyring();
    let marks = sandbox.path("asked");
    let script = format!("cat >> {}; echo s3cret", marks.display());
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        &format!(
            "[repositories.good]\nurl = \"https://good.example/simple/\"\nusername = \"alice\"\n\
             command = [\"/bin/sh\", \"-c\", \"{script}; echo x >> {}\"]\n",
            marks.display()
        ),
    );
    sandbox
}

fn was_asked(sandbox: &Sandbox) -> bool {
    sandbox.path("asked").exists()
}

/// A bridge of another tool, called by its name.
fn bridge(sandbox: &Sandbox, name: &str, word: &str, input: &str) -> Ended {
    end(sandbox.command_as(name, HELPER).arg(word), input)
}

/// P1: a control character is refused in every field of every message and bridge, in any encoding that is undone, before anything is looked up.
#[test]
fn p1_control_characters_are_refused_in_every_field() {
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

/// The same at the doors of the command line and of other tools.
#[test]
fn p1_nothing_is_looked_up_for_a_control_character() {
    let sandbox = bound();
    let found = sandbox.helper(&[
        "get",
        "https://good.example/simple/",
        "--format",
        "password",
    ]);
    assert_eq!(found.stdout, "s3cret\n", "{found:?}");
    assert!(was_asked(&sandbox));
    let fresh = || {
        let _ = sandbox.helper(&["agent", "stop"]);
        let _ = std::fs::remove_file(sandbox.path("asked"));
    };
    fresh();
    let hex = [
        "%0a", "%0A", "%0d", "%00", "%1b", "%7f", "\n", "\r", "\t", "\u{85}", "\u{2028}",
    ];
    for bad in hex {
        for url in [
            format!("https://good.example/simple/{bad}url=x"),
            format!("https://good{bad}.example/simple/"),
            format!("https://alice{bad}:x@good.example/simple/"),
            format!("https{bad}://good.example/simple/"),
        ] {
            let mut inputs = vec![("docker-credential-helper", "get", url.clone())];
            let uri = json!({ "uri": url }).to_string();
            inputs.push(("credential-helper", "get", uri));
            let index = format!("sparse+{url}");
            let cargo = json!({ "v": 1, "kind": "get", "operation": "read", "registry": { "index-url": index } });
            inputs.push((
                "cargo-credential-helper",
                "--cargo-plugin",
                format!("{cargo}\n"),
            ));
            let typed = sandbox.helper(&["get", &url]);
            let keyring = end(
                sandbox
                    .command_as("keyring", HELPER)
                    .args(["get", &url, "alice"]),
                "",
            );
            let mut all = vec![typed, keyring];
            for (name, word, input) in inputs {
                all.push(bridge(&sandbox, name, word, &input));
            }
            for ended in all {
                let said = format!("{}{}", ended.stdout, ended.stderr);
                assert!(!said.contains("s3cret"), "{url:?}: {ended:?}");
                let strange = |c: char| c.is_control() && c != '\n';
                assert!(!said.contains(strange), "{url:?}: {ended:?}");
            }
        }
        // git undoes the encoding itself: it hands over the bytes.
        let raw = bad
            .replace("%0a", "\r")
            .replace("%0A", "\0")
            .replace("%0d", "\r");
        for input in [
            format!("protocol=https\nhost=good.example\npath=simple/{raw}x\n\n"),
            format!("protocol=https\nhost=good.example{raw}\n\n"),
            format!("protocol=https\nhost=good.example\nusername=alice{raw}x\n\n"),
        ] {
            if raw.contains(['%', '\n', '\t', '\u{2028}']) {
                continue;
            }
            let ended = bridge(&sandbox, "git-credential-helper", "get", &input);
            assert!(ended.stdout.is_empty(), "{input:?}: {ended:?}");
        }
    }
    assert!(!was_asked(&sandbox));
}

/// P2: what lacks a scheme, a host or a name is an error or a name of nothing, never "any".
/// Also: `bridge::git::tests::what_is_no_business_of_ours`, `bridge::docker::tests::input_that_is_none`
#[test]
fn p2_what_is_missing_is_not_any() {
    let sandbox = bound();
    let long = "x".repeat(9_000);
    for about in [
        "",
        " ",
        "/",
        "//",
        "//good.example/simple/",
        "https://",
        "https:///",
        "https:///good.example/",
        "://good.example/",
        ":good",
        "@good",
        "https:good.example",
        "https:/good.example/",
        "*",
        "%",
        "https://*/",
        "https://*.example/",
        "http://good.example/simple/",
        "ftp://good.example/",
        "file:///simple/",
        "https://:443/",
        "https://@/",
        "https://good.example:0/",
        &long,
    ] {
        let ended = sandbox.helper(&["get", "--", about]);
        assert_ne!(ended.status, 0, "{about:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{about:?}: {ended:?}");
    }
    for input in [
        "",
        "\n",
        "protocol=https\n\n",
        "host=good.example\n\n",
        "protocol=\nhost=good.example\n\n",
        "protocol=https\nhost=\n\n",
        "path=simple\n\n",
        "url=https:///simple\n\n",
        "username=alice\n\n",
    ] {
        let ended = bridge(&sandbox, "git-credential-helper", "get", input);
        assert_eq!(ended.stdout, "", "{input:?}: {ended:?}");
    }
    for (name, word, input) in [
        ("docker-credential-helper", "get", ""),
        ("docker-credential-helper", "get", "https:///"),
        ("credential-helper", "get", "{}"),
        ("credential-helper", "get", "{\"uri\":\"\"}"),
        ("credential-helper", "get", "{\"uri\":\"/simple/\"}"),
    ] {
        let ended = bridge(&sandbox, name, word, input);
        assert!(
            !ended.stdout.contains("s3cret"),
            "{name} {input:?}: {ended:?}"
        );
    }
    assert!(!was_asked(&sandbox));
}

/// P3: a message ends with a NUL byte, which none can hold; line protocols end lines with LF alone and refuse CR.
/// Also: `bridge::git::tests::what_git_would_never_say`, `bridge::keyring::tests::what_is_no_line_is_not_printed_as_one`
#[test]
fn p3_a_lone_carriage_return_ends_no_line() {
    let sandbox = bound();
    for input in [
        "protocol=https\nhost=evil.example\rhost=good.example\n\n",
        "protocol=https\rhost=good.example\n\n",
        "protocol=https\nhost=good.example\npath=simple\r\n\n",
        "protocol=https\r\nhost=good.example\r\n\r\n",
    ] {
        for word in ["get", "store", "erase"] {
            let ended = bridge(&sandbox, "git-credential-helper", word, input);
            assert_eq!(ended.stdout, "", "{word} {input:?}: {ended:?}");
        }
    }
    assert!(!was_asked(&sandbox));
    // What is stored with one is printed by no bridge.
    sandbox.write(
        AUTH,
        "[http-basic.foo]\nusername = \"u\"\npassword = \"a\\rhost=evil\"\n",
    );
    let mut command = sandbox.command_as("keyring", HELPER);
    let ended = end(command.args(["get", "poetry-repository-foo", "u"]), "");
    assert!(!ended.stdout.contains("evil"), "{ended:?}");
}

/// Hosts that look like one.
fn look_alikes() -> Vec<String> {
    let mut all: Vec<String> = [
        "good.example.evil.example",
        "evilgood.example",
        "good.example-evil.example",
        "xgood.example",
        "good.exampl",
        "good.examplee",
        "www.good.example",
        "sub.good.example",
        "example",
        "good",
        "good.example:444",
        "good.example:80",
        "good.example:8443",
        "good.example@evil.example",
        "good.example:443@evil.example",
        "alice:x@evil.example",
        "evil.example#good.example",
        "evil.example?good.example",
        "evil.example/good.example",
        "g\u{43e}\u{43e}d.example",
        "good.ex\u{430}mple",
        "xn--good-5cd.example",
        "good.example..",
        "good..example",
        ".good.example",
        "g00d.example",
        "good.example.",
        "127.0.0.1",
        "[::1]",
        "good-example",
    ]
    .map(|host| format!("https://{host}/simple/"))
    .to_vec();
    all.retain(|url| url != "https://good.example./simple/");
    all.extend(
        [
            "http://good.example/simple/",
            "ftp://good.example/simple/",
            "ws://good.example/simple/",
        ]
        .map(str::to_owned),
    );
    all
}

/// P5: a secret goes to the origin that it is bound to, and to none that looks like it.
/// Also: `domain::url::tests::origins_are_normalised`
#[test]
fn p5_origins_that_look_alike_get_nothing() {
    let sandbox = bound();
    let urls = look_alikes();
    assert!(urls.len() >= 30);
    let first = sandbox.helper(&[
        "get",
        "https://good.example/simple/",
        "--format",
        "password",
    ]);
    assert_eq!(first.stdout, "s3cret\n", "{first:?}");
    let mut connection = sandbox.connect();
    for url in &urls {
        for name in [Value::Null, json!("good"), json!("Good")] {
            let question = json!({ "name": name, "url": url, "context": sandbox.context() });
            let reply = connection.call("Get", &json!({ "question": question }));
            assert_ne!(password(&reply), Some("s3cret"), "{name} {url}: {reply}");
        }
    }
    // The same host in other words.
    for url in [
        "HTTPS://GOOD.example:443/simple/",
        "https://good.example./simple/",
    ] {
        let question = json!({ "name": "good", "url": url, "context": sandbox.context() });
        let reply = connection.call("Get", &json!({ "question": question }));
        assert_eq!(password(&reply), Some("s3cret"), "{url}: {reply}");
    }
}

/// P7: hosts are compared as they are resolved (IDNA, `xn--`); another script's letter makes another host, and is shown so.
#[test]
fn p7_letters_of_another_script_are_another_host() {
    let sandbox = Sandbox::new().without_keyring();
    sandbox.write(AUTH, &auth("s3cret").replace("foo", "pypi"));
    let own = sandbox.helper(&["get", "https://pypi.org/simple/", "--format", "password"]);
    assert_eq!(own.stdout, "s3cret\n", "{own:?}");
    for host in [
        "\u{440}ypi.org",
        "pyp\u{456}.org",
        "pypi.\u{43e}rg",
        "\u{3c1}ypi.org",
    ] {
        let url = url::Url::parse(&format!("https://{host}/")).unwrap();
        let shown = url.host_str().unwrap();
        assert!(shown.contains("xn--"), "{shown}");
        let ended = sandbox.helper(&["get", &format!("https://{host}/simple/")]);
        assert_eq!((ended.status, &*ended.stdout), (1, ""), "{host}: {ended:?}");
        assert!(ended.stderr.contains(shown), "{host}: {ended:?}");
        assert!(ended.stderr.is_ascii(), "{host}: {ended:?}");
    }
    // Joiners and marks of direction belong to no host.
    for host in [
        "py\u{200d}pi.org",
        "py\u{200c}pi.org",
        "\u{202e}pypi.org",
        "pypi.org\u{2044}x",
    ] {
        let ended = sandbox.helper(&["get", &format!("https://{host}/simple/")]);
        assert_eq!(ended.stdout, "", "{host}: {ended:?}");
    }
}

/// P8: text from outside is escaped wherever it is shown: control characters, marks of direction, line separators.
/// Also: `text::tests::escapes_are_visible`, `bridges::any_bytes_may_come`
#[test]
fn p8_no_escape_sequence_reaches_a_terminal() {
    let bad = "a\u{1b}[2J\u{1b}]52;c;eA==\u{7}\u{202e}\u{9b}31m\u{2028}b";
    let sandbox = Sandbox::new().without_keyring();
    let escaped: String = bad.chars().fold(String::new(), |mut text, c| {
        let _ = write!(text, "\\U{:08x}", u32::from(c));
        text
    });
    let file = format!(
        "[repositories.\"{escaped}\"]\nurl = \"https://{escaped}.example/\"\n\
         [http-basic.\"{escaped}\"]\nusername = \"{escaped}\"\npassword = \"x\"\n\
         [http-basic.foo]\nusername = \"{escaped}\"\npassword = \"x\"\n"
    );
    sandbox.write("home/.config/pypoetry/auth.toml", &file);
    sandbox.write(
        "home/.config/pypoetry/config.toml",
        &format!("[keyring]\nenabled = false\n{file}"),
    );
    sandbox.write(
        "project/pyproject.toml",
        &format!("[[tool.poetry.source]]\nname = \"{escaped}\"\nurl = \"https://{escaped}/\"\n\
                  [[tool.poetry.source]]\nname = \"foo\"\nurl = \"https://h.example/{escaped}\"\npriority = \"{escaped}\"\n"),
    );
    sandbox.write(
        "home/.config/credential-helper/config.toml",
        &format!(
            "\"{escaped}\" = 1\n[repositories.\"{escaped}\"]\n\"{escaped}\" = \"{escaped}\"\n"
        ),
    );
    let folder = sandbox.path(&format!("project/{bad}"));
    std::fs::create_dir_all(folder).unwrap();
    for words in [
        &["get", bad][..],
        &["get", "foo"],
        &["explain", bad],
        &["explain", "foo"],
        &["list"],
        &["doctor", "--offline"],
        &["config", "--list"],
        &["config", bad],
        &["set", bad, bad],
        &["delete", bad],
        &["trust", bad, bad],
        &["trust", "--list"],
        &["source", "show"],
        &["source", "add", bad, bad],
        &["scan", "."],
        &["token", "inspect", bad],
        &["index", "versions", bad],
        &["resolve", bad],
        &["publish", bad],
        &["agent", "socket", "--path", bad, "--names", bad],
        &["--directory", bad, "get", "x"],
        &["get", "foo", "--format", bad],
        &[bad],
        &["setup", bad],
        &["exec", bad, "--", bad],
    ] {
        for options in [&[][..], &["-vv"], &["--no-agent"], &["--json"]] {
            let ended = sandbox.helper(&[options, words].concat());
            for text in [&ended.stdout, &ended.stderr] {
                let strange = |c: char| {
                    (c.is_control() && c != '\n' && c != '\t')
                        || matches!(c, '\u{202e}' | '\u{2028}')
                };
                assert!(!text.contains(strange), "{options:?} {words:?}: {text:?}");
            }
        }
    }
}

fn resident(sandbox: &Sandbox) -> u64 {
    let pid = sandbox.agent().unwrap().as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// P10: a message has at most 64 KiB and 5 s from its first byte to its last, and nests only so deep; what is longer is closed without being kept.
/// Also: `agent::server::tests::a_trickle_does_not_lengthen_the_time_of_a_message`, `agent::buffer::tests::a_message_may_be_as_long_as_the_limit_and_no_longer`
#[test]
fn p10_what_is_too_long_or_too_deep_is_closed() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let mut good = sandbox.connect();
    let question = sandbox.question("foo");
    assert_eq!(password(&good.call("Get", &question)), Some("s3cret"));
    let before = resident(&sandbox);
    let prefix = b"{\"method\":\"io.credentialhelper.Agent1.Get\",\"parameters\":";
    let deep = [&prefix[..], "[".repeat(60_000).as_bytes(), b"\0"].concat();
    // What another framing would read as a length.
    let length = [&[0xff_u8; 4][..], &vec![b'x'; 10 << 20]].concat();
    let line = vec![b'x'; 10 << 20];
    for bytes in [&deep, &length, &line] {
        for _ in 0..10 {
            let mut connection = sandbox.connect();
            let _ = std::io::Write::write_all(&mut connection.0, bytes);
            assert!(connection.receive().is_none());
        }
    }
    assert_eq!(password(&good.call("Get", &question)), Some("s3cret"));
    let grown = resident(&sandbox).saturating_sub(before);
    assert!(grown <= 2048, "{grown} KiB");
}

/// Whether all questions are answered before the first of many that have only begun theirs is sent away.
fn answers_beside_halves(sandbox: &Sandbox, good: &mut Connection, question: &Value) -> bool {
    let mut halves: Vec<Connection> = (0..200).map(|_| sandbox.connect()).collect();
    for half in &mut halves {
        half.send_raw(b"{\"method\":\"io.credentialhelper.Agent1.Get\",\"param");
    }
    for _ in 0..50 {
        assert_eq!(password(&good.call("Get", question)), Some("s3cret"));
    }
    let all_there = halves.iter().all(|half| !readable(&half.0, Duration::ZERO));
    // What is begun has to end; these are closed without a word.
    for half in &mut halves {
        assert!(half.receive().is_none());
    }
    all_there
}

/// P11: one task a connection, a time for each begun message, a limit on connections: who stands still holds nobody up.
/// Also: `agent::server::tests::a_peer_that_does_not_read_is_left`, `agent::server::tests::connections_beyond_the_limit_wait_their_turn`
#[test]
fn p11_half_sent_and_endless_messages_hold_nobody_up() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let question = sandbox.question("foo");
    let mut good = sandbox.connect();
    let until = Instant::now() + PATIENCE;
    // A machine that stands still for so long shows nothing: it is tried again.
    while !answers_beside_halves(&sandbox, &mut good, &question) {
        assert!(
            Instant::now() < until,
            "answered only when the others are gone"
        );
    }
    let mut endless = sandbox.connect();
    let bytes = vec![b'x'; 64 * 1024 + 1];
    let _ = std::io::Write::write_all(&mut endless.0, &bytes);
    assert!(endless.receive().is_none());
    assert_eq!(password(&good.call("Get", &question)), Some("s3cret"));
}

/// P12: versions are compared as numbers, part by part; clients of any build are answered by any agent, fields that are unknown to it are no
/// fault, and the older one leaves.
/// Also: `agent::version::tests::neighbouring_versions_are_told_apart`, `agent::an_agent_leaves_when_a_newer_client_comes_but_not_while_it_is_locked`
#[test]
fn p12_every_build_is_answered() {
    let sandbox = sandbox();
    let _agent = sandbox.run_agent(&[]);
    // One connection: the agent leaves when the first newer one has gone.
    let mut connection = sandbox.connect();
    for version in [
        "0.0.9", "0.1.0", "0.1.1", "0.2.0", "0.10.0", "1.14.1", "1.15.0", "99.0.0", "x", "",
    ] {
        let mut question = sandbox.question("foo");
        question["question"]["context"]["version"] = json!(version);
        question["question"]["context"]["of-later"] = json!({ "x": [1] });
        question["question"]["of-later"] = json!(true);
        let reply = connection.call("Get", &question);
        assert_eq!(password(&reply), Some("s3cret"), "{version}: {reply}");
        assert_eq!(
            reply.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["parameters"]
        );
    }
}

/// P13: no method writes what is kept: a client stores with `Set`, into a store, or not at all.
#[test]
fn p13_nobody_can_write_an_answer_for_others() {
    let sandbox = sandbox();
    assert_eq!(sandbox.helper(&["get", "foo"]).status, 0);
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol/io.credentialhelper.Agent1.varlink");
    let text = std::fs::read_to_string(file).unwrap();
    let methods: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("method ")?.split('(').next())
        .collect();
    // A new one has to be looked at with this row in mind.
    assert_eq!(
        methods,
        [
            "Get",
            "Explain",
            "List",
            "Set",
            "Delete",
            "Configure",
            "Settings",
            "Trust",
            "Untrust",
            "Bindings",
            "Report",
            "Lock",
            "Unlock",
            "Status",
            "OpenSocket",
            "Reload",
            "Stop",
        ]
    );
    let mut forger = sandbox.connect();
    let mut question = sandbox.question("foo");
    question["question"]["context"]["variables"] = json!({
        "POETRY_HTTP_BASIC_FOO_USERNAME": "mallory", "POETRY_HTTP_BASIC_FOO_PASSWORD": "forged"
    });
    question["credential"] = json!({ "username": "mallory", "password": "forged" });
    assert_eq!(password(&forger.call("Get", &question)), Some("forged"));
    for (method, outcome) in [
        ("Report", "accepted"),
        ("Report", "unauthorized"),
        ("Report", "forged"),
    ] {
        let mut report = question.clone();
        report["outcome"] = json!(outcome);
        forger.call(method, &report);
    }
    for method in ["Store", "Put", "Cache", "Insert"] {
        let reply = forger.call(method, &question);
        assert_eq!(error(&reply), "org.varlink.service.MethodNotFound");
    }
    let reply = sandbox.connect().call("Get", &sandbox.question("foo"));
    assert_eq!(password(&reply), Some("s3cret"), "{reply}");
    assert_eq!(sandbox.read(AUTH), auth("s3cret"));
}
