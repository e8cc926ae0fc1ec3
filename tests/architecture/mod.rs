//! Who may name whom, and what must stand nowhere. The rules are those of `src/lib.rs`.

use std::collections::BTreeSet;
use std::path::Path;

mod code;

use code::{Source, bare, collect, has_word, named};

/// Modules of the crate, and what of the others each may name: a module, or a part of one. `cli` and
/// the binaries may name all.
const MAY_NAME: [(&str, &[&str]); 18] = [
    ("domain", &[]),
    ("edit", &["domain::text"]),
    ("provider", &["domain", "edit"]),
    ("agent", &["domain", "provider"]),
    ("connect", &["agent", "domain::log", "domain::text"]),
    ("bridge", &[]),
    (
        "setup",
        &["domain::name", "domain::text", "domain::url", "edit"],
    ),
    ("http", &["domain::text", "domain::url"]),
    (
        "ci",
        &[
            "domain::name",
            "domain::netrc",
            "domain::text",
            "domain::url",
        ],
    ),
    ("sarif", &[]),
    (
        "scan",
        &[
            "domain::netrc",
            "domain::text",
            "domain::url",
            "edit",
            "sarif",
        ],
    ),
    ("package", &["domain::text", "domain::toml_text"]),
    (
        "index",
        &[
            "domain::name",
            "domain::text",
            "domain::toml_text",
            "domain::url",
            "domain::workspace",
            "edit::document",
            "edit::read",
            "http",
            "package",
            "sarif",
        ],
    ),
    (
        "resolve",
        &[
            "domain::text",
            "domain::variable",
            "domain::workspace",
            "edit::read",
            "index",
            "package",
        ],
    ),
    (
        "build",
        &[
            "domain::text",
            "domain::variable",
            "index::ladder",
            "package::archive",
        ],
    ),
    (
        "publish",
        &[
            "domain::name",
            "domain::text",
            "domain::url",
            "http",
            "index::page",
            "package",
        ],
    ),
    (
        "doctor",
        &[
            "connect",
            "domain::credential",
            "domain::known",
            "domain::name",
            "domain::text",
            "domain::toml_text",
            "domain::url",
            "http",
            "provider",
        ],
    ),
    (
        "selftest",
        &["domain::credential", "domain::text", "provider"],
    ),
];
/// What `domain` does without: files, variables, sockets, clocks, tasks, serialisation.
const IMPURE: [&str; 10] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "tokio",
    "serde",
    "Instant::now",
    "SystemTime",
    "async ",
];
/// Reading an address is no I/O, and reading what stands in a token makes nothing serialisable.
const PURE: [&str; 3] = [
    "std::net::IpAddr",
    "serde_json::Value",
    "serde_json::from_slice",
];
/// Where secrets are taken out of their wrapping; another file needs a reason to be here.
const EXPOSES: [&str; 42] = [
    // Write it to where the client or the user wanted it.
    "protocol/src/message/mod.rs",
    "src/http/authorization.rs",
    "src/agent/managed_store.rs",
    "src/main.rs",
    // Read what another tool said, and write it what it asked for.
    "src/bridge/cargo/mod.rs",
    "src/bridge/docker.rs",
    "src/bridge/engflow.rs",
    "src/bridge/git.rs",
    "src/bridge/keyring/output.rs",
    // Hold it against limits, or compare it.
    "src/agent/ask.rs",
    "src/agent/change.rs",
    "src/agent/configure.rs",
    "src/agent/question.rs",
    "src/agent/rejected.rs",
    "src/cli/config.rs",
    "src/domain/resolution/mod.rs",
    "src/domain/token.rs",
    "src/provider/environment.rs",
    "src/provider/poetry.rs",
    // Put it into variables, and into the forms and masks of them.
    "src/ci/format/azure.rs",
    "src/ci/format/dotenv.rs",
    "src/ci/format/github.rs",
    "src/ci/format/json.rs",
    "src/ci/format/powershell.rs",
    "src/ci/format/shell.rs",
    "src/ci/spellings.rs",
    "src/ci/variables.rs",
    "src/cli/exec.rs",
    "src/scan/finding.rs",
    "src/scan/urls.rs",
    // Exchange it with the index it is for; read what an identity token says of itself.
    "src/publish/trusted/claims.rs",
    "src/publish/trusted/exchange.rs",
    "src/publish/trusted/gitlab.rs",
    // Take it out of what is shown.
    "src/publish/trusted/refusal.rs",
    "src/scan/preview.rs",
    // Give it to a store or a program.
    "src/agent/registry.rs",
    "src/provider/keyring.rs",
    "src/provider/keyring_macos.rs",
    "src/provider/keyring_windows.rs",
    "src/provider/poetry_edit.rs",
    "src/provider/secret_service/items.rs",
    "src/provider/secret_service/unlock.rs",
];
/// What prints besides `cli` and `bin`.
const PRINTERS: [&str; 3] = [
    // What a panic says; there is nobody else left to say it.
    "protocol/src/guard.rs",
    // What `helper get` says, for both binaries.
    "protocol/src/render.rs",
    // One line to the client that starts the agent and waits for it.
    "src/agent/detach.rs",
];
/// The fast door: its files are compiled without the rest of the crate.
const DOOR: [&str; 3] = ["src/main.rs", "src/door.rs", "src/bridge/"];
const PRINTS: [&str; 6] = [
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "stdout()",
    "stderr()",
];
const LINES: usize = 400;
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
];
const SLEEP: &str = concat!("sle", "ep(");

/// Everything that breaks a rule, one line each.
fn violations(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let mut tell = |what: &str| found.push(format!("{}: {what}", source.path));
        if source.tests().contains(SLEEP) && !is_this_file(source) {
            tell("a test sleeps; wait for the event instead");
        }
        if !source.is_rust() {
            continue;
        }
        for word in UNFINISHED {
            if source.text.contains(word) {
                tell(&format!("holds {word}"));
            }
        }
        let product = source.product();
        let lines = product.lines().count();
        if lines > LINES {
            tell(&format!(
                "has {lines} lines before its tests, more than {LINES}"
            ));
        }
        let code = bare(product);
        if code.contains(".expose()") && !EXPOSES.contains(&source.path.as_str()) {
            tell("takes a secret out of its wrapping and is not listed");
        }
        let may_print = source.module() == Some("cli")
            || source.path.starts_with("src/bin/")
            || PRINTERS.contains(&source.path.as_str());
        for word in PRINTS {
            if !may_print && has_word(&code, word) {
                tell(&format!("prints ({word}); only the command line does"));
            }
        }
        directions(source, &code, &mut tell);
    }
    unnamed_tests(sources, &mut found);
    found
}

fn directions(source: &Source, code: &str, tell: &mut impl FnMut(&str)) {
    if source.path.starts_with("protocol/") {
        if has_word(code, "credential_helper::") {
            tell("protocol names the main crate");
        }
        return;
    }
    let door = DOOR.iter().any(|file| source.path.starts_with(file));
    if door && has_word(code, "credential_helper::") {
        tell("the fast door links more than the protocol");
    }
    if door && source.module() != Some("bridge") {
        return;
    }
    let Some(module) = source.module() else {
        return;
    };
    if module == "cli" || source.is_test() {
        return;
    }
    let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
        tell("its module has no rule in this test");
        return;
    };
    for path in named(source, code) {
        let target = path.split("::").next().unwrap_or_default();
        let known = target == "cli" || MAY_NAME.iter().any(|(name, _)| *name == target);
        if known && target != module && !allowed.iter().any(|one| is_within(&path, one)) {
            tell(&format!("{module} may not name {path}"));
        }
    }
    if module == "domain" {
        let mut pure = code.to_owned();
        for path in PURE {
            pure = pure.replace(path, "");
        }
        for word in IMPURE {
            if has_word(&pure, word) {
                tell(&format!("domain does without {word}"));
            }
        }
    }
}

/// Whether a path is the other one, or lies within it.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What the rules allow and nobody needs.
fn unneeded(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    let product: Vec<(&Source, String)> = sources
        .iter()
        .map(|source| (source, bare(source.product())))
        .collect();
    for (module, allowed) in MAY_NAME {
        let own = product
            .iter()
            .filter(|(source, _)| source.is_rust() && source.module() == Some(module));
        let names: BTreeSet<String> = own.flat_map(|(source, code)| named(source, code)).collect();
        let idle = |one: &&&str| !names.iter().any(|path| is_within(path, one));
        let idle = allowed.iter().filter(idle);
        found.extend(idle.map(|one| format!("{module} does not name {one}")));
    }
    let code = |path: &str| {
        let source = product.iter().find(|(source, _)| source.path == path);
        source.map_or("", |(_, code)| code)
    };
    for path in EXPOSES {
        if !code(path).contains(".expose()") {
            found.push(format!("{path} takes no secret out of its wrapping"));
        }
    }
    for path in PRINTERS {
        if !PRINTS.iter().any(|word| has_word(code(path), word)) {
            found.push(format!("{path} does not print"));
        }
    }
    let domain = |(source, _): &&(&Source, String)| source.module() == Some("domain");
    for word in PURE {
        let mut domain = product.iter().filter(domain);
        if !domain.any(|(_, code)| has_word(code, word)) {
            found.push(format!("domain does not need {word}"));
        }
    }
    found
}

/// A file of tests that no `mod` line names is never run.
fn unnamed_tests(sources: &[Source], found: &mut Vec<String>) {
    let text = |path: &str| {
        let source = sources.iter().find(|source| source.path == path);
        source.map_or("", |source| source.text.as_str())
    };
    for source in sources.iter().filter(|source| source.is_rust()) {
        let Some(inner) = source.path.strip_prefix("tests/") else {
            continue;
        };
        // Programs of their own.
        if ["fuzz/", "mutants/"]
            .iter()
            .any(|one| inner.starts_with(one))
        {
            continue;
        }
        if inner == "main.rs" {
            continue;
        }
        let (folder, file) = inner.rsplit_once('/').unwrap_or(("", inner));
        let (parent, name) = match (folder, file) {
            ("", file) => ("tests/main.rs".to_owned(), file),
            (folder, "mod.rs") => ("tests/main.rs".to_owned(), folder),
            (folder, file) => (format!("tests/{folder}/mod.rs"), file),
        };
        let line = format!("mod {};", name.trim_end_matches(".rs"));
        if !text(&parent).contains(&line) {
            found.push(format!("{}: {parent} has no `{line}`", source.path));
        }
    }
}

fn is_this_file(source: &Source) -> bool {
    source.path == "tests/architecture/mod.rs"
}

fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["src", "protocol/src", "tests"] {
        collect(root, folder, &mut sources);
    }
    sources
}

#[test]
fn the_rules_hold() {
    let found = violations(&all());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_is_allowed_that_nobody_needs() {
    let found = unneeded(&all());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_allowance_that_nobody_needs_is_found() {
    let text = "use crate::{agent::{b, c}, domain::text as text};";
    let found = unneeded(&[Source::new("src/connect/a.rs", text)]);
    let has = |line: &str| found.iter().any(|one| one == line);
    assert!(has("connect does not name domain::log"), "{found:?}");
    assert!(!has("connect does not name domain::text") && !has("connect does not name agent"));
    assert!(
        has("protocol/src/guard.rs does not print")
            && has("domain does not need serde_json::Value")
    );
    assert!(has("src/main.rs takes no secret out of its wrapping"));
}

#[test]
fn planted_violations_are_found() {
    let long = "fn a() {}\n".repeat(LINES + 1);
    let sleep = format!("#[cfg(test)]\nmod tests {{ fn a() {{ std::thread::{SLEEP}x); }} }}");
    let plain_sleep = format!("time.{SLEEP}1)");
    let unfinished = format!("// {}: later", UNFINISHED[0]);
    for (path, text, expected) in [
        ("src/domain/a.rs", "use crate::provider::Call;", "provider"),
        ("src/domain/a.rs", "fn a() { crate::cli::run(); }", "cli"),
        (
            "src/domain/a.rs",
            "use crate::{domain::b, agent::c};",
            "agent",
        ),
        ("src/domain/a.rs", "use super::super::agent;", "agent"),
        ("src/domain/a.rs", "use std::fs;", "std::fs"),
        ("src/domain/a.rs", "use std::net::TcpStream;", "std::net"),
        ("src/domain/a.rs", "async fn a() {}", "async"),
        ("src/domain/a.rs", "let a = Instant::now();", "Instant"),
        ("src/provider/a.rs", "use crate::agent::b;", "agent"),
        ("src/agent/a.rs", "use crate::connect;", "connect"),
        ("src/agent/mod.rs", "use super::connect;", "connect"),
        ("src/connect.rs", "use crate::cli::b;", "cli"),
        ("src/http/mod.rs", "use crate::domain::name;", "domain"),
        (
            "src/http/mod.rs",
            "use crate::domain::{text::shown, name::normalize};",
            "may not name domain::name::normalize",
        ),
        ("src/http/mod.rs", "use crate::domain;", "domain"),
        ("src/http/mod.rs", "use crate::agent::b;", "agent"),
        ("src/other.rs", "", "no rule"),
        ("src/main.rs", "use credential_helper::cli;", "fast door"),
        (
            "protocol/src/a.rs",
            "use credential_helper::b;",
            "main crate",
        ),
        ("src/agent/a.rs", "fn a() { println!(); }", "prints"),
        (
            "protocol/src/a.rs",
            "fn a() { std::io::stdout(); }",
            "prints",
        ),
        ("src/agent/a.rs", "fn a() { b.expose(); }", "not listed"),
        ("src/agent/a.rs", long.as_str(), "lines"),
        ("src/agent/a.rs", sleep.as_str(), "sleeps"),
        ("tests/a.py", plain_sleep.as_str(), "sleeps"),
        ("src/agent/a.rs", unfinished.as_str(), "holds"),
        ("tests/a.rs", "", "tests/main.rs has no"),
        ("tests/b/c.rs", "", "tests/b/mod.rs has no"),
    ] {
        let found = violations(&[Source::new(path, text)]);
        let lines: BTreeSet<&String> = found.iter().collect();
        assert_eq!(lines.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].contains(expected), "{path}: {found:?}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, text) in [
        (
            "src/domain/a.rs",
            "use super::name; // crate::agent, std::fs",
        ),
        ("src/domain/a.rs", "let a = \"crate::agent::b println!\";"),
        ("src/domain/a.rs", "let a = 'x'; fn b<'a>(c: &'a str) {}"),
        ("src/domain/a.rs", "host.parse::<std::net::IpAddr>();"),
        (
            "src/provider/a.rs",
            "use crate::{domain::name, provider::b};",
        ),
        ("src/http/mod.rs", "use crate::domain::url::Origin;"),
        (
            "src/http/mod.rs",
            "use crate::domain::{text::{self, shown}, url};",
        ),
        (
            "src/cli/a.rs",
            "use crate::{agent, connect}; fn a() { println!(); }",
        ),
        (
            "src/agent/a.rs",
            "#[cfg(test)]\nmod tests { fn a() { b.expose(); } }",
        ),
        (
            "src/agent/a_tests.rs",
            "use crate::connect; fn a() { b.expose(); }",
        ),
        ("src/lib.rs", "pub mod cli;"),
    ] {
        let found = violations(&[Source::new(path, text)]);
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}
