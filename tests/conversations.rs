//! Conversations with the command line, as data: `conversations/*.toml`.
//!
//! Each has files, variables and steps; each is held with the agent and, where `with` does not say
//! otherwise, once more with `--no-agent`: the answers are the same. In expected texts `*` stands
//! for anything, and `{root}` for the folder of the sandbox.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::harness::sandbox::{Ended, HELPER, HELPERD, Sandbox, end, fits};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    conversation: Vec<Conversation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversation {
    name: String,
    /// The bridge's name under which the program is started; without one it is `helper`.
    #[serde(default)]
    r#as: Option<String>,
    /// `both`, `agent` or `no-agent`.
    #[serde(default)]
    with: With,
    /// Whether Poetry's setting leaves the keyring out, so that "not found" can be told.
    #[serde(default = "yes")]
    keyring_off: bool,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Links, by their path.
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum With {
    #[default]
    Both,
    Agent,
    NoAgent,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// The command line without the program; words in single quotes may hold spaces.
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    r#in: String,
    #[serde(default)]
    out: String,
    #[serde(default)]
    err: String,
    #[serde(default)]
    status: i32,
    /// Further variables; an empty list of variables is the conversation's own.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The working folder, below the root.
    #[serde(default)]
    cwd: Option<String>,
    /// Files written before the command runs.
    #[serde(default)]
    write: BTreeMap<String, String>,
    /// Links that replace others before the command runs.
    #[serde(default)]
    link: BTreeMap<String, String>,
    /// Pointers into the JSON object on standard output, or on standard error where that is empty.
    #[serde(default)]
    json: BTreeMap<String, toml::Value>,
    /// The keys of the object at a pointer: exactly these, in this order.
    #[serde(default)]
    keys: BTreeMap<String, String>,
    /// What files hold afterwards.
    #[serde(default)]
    holds: BTreeMap<String, String>,
    /// Modes that files have afterwards.
    #[serde(default)]
    modes: BTreeMap<String, String>,
    /// What no output may hold.
    #[serde(default)]
    never: Vec<String>,
}

#[test]
fn source() {
    hold("source", 7);
}

#[test]
fn get() {
    hold("get", 20);
}

#[test]
fn names() {
    hold("names", 10);
}

#[test]
fn selftest() {
    hold("selftest", 2);
}

#[test]
fn store() {
    hold("store", 10);
}

#[test]
fn audit() {
    hold("audit", 2);
}

#[test]
fn config() {
    hold("config", 8);
}

#[test]
fn origin() {
    hold("origin", 10);
}

#[test]
fn exec() {
    hold("exec", 8);
}

#[test]
fn settings() {
    hold("settings", 10);
}

#[test]
fn shapes() {
    hold("shapes", 5);
}

#[test]
fn usage() {
    hold("usage", 4);
}

#[cfg(feature = "net")]
#[test]
fn resolve() {
    hold("resolve", 3);
}

#[cfg(feature = "net")]
#[test]
fn publish() {
    hold("publish", 1);
}

#[test]
fn scan() {
    hold("scan", 4);
}

#[test]
fn agent() {
    hold("agent", 4);
}

#[test]
fn token() {
    hold("token", 5);
}

#[test]
fn keyring() {
    hold("keyring", 8);
}

/// Holds every conversation of a book, and tells all that went wrong.
fn hold(book: &str, at_least: usize) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/conversations/{book}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let book: Book = toml::from_str(&text).unwrap_or_else(|error| panic!("{book}.toml: {error}"));
    assert!(book.conversation.len() >= at_least);
    let mut wrong = Vec::new();
    for conversation in &book.conversation {
        for with_agent in [true, false] {
            let skip = if with_agent {
                With::NoAgent
            } else {
                With::Agent
            };
            if conversation.with == skip {
                continue;
            }
            if let Err(what) = converse(conversation, with_agent) {
                let how = if with_agent { "agent" } else { "--no-agent" };
                wrong.push(format!("== {} ({how})\n{what}", conversation.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn converse(conversation: &Conversation, with_agent: bool) -> Result<(), String> {
    let mut sandbox = Sandbox::new();
    if conversation.keyring_off {
        sandbox = sandbox.without_keyring();
    }
    let root = sandbox.root().to_str().unwrap().to_owned();
    let fill = |text: &str| text.replace("{root}", &root);
    for (path, text) in &conversation.files {
        sandbox.write(path, &fill(text));
    }
    for (path, to) in &conversation.links {
        link(&sandbox, path, &fill(to));
    }
    for (name, value) in &conversation.variables {
        sandbox.set(name, &fill(value));
    }
    for (number, step) in conversation.steps.iter().enumerate() {
        for (path, text) in &step.write {
            sandbox.write(path, &fill(text));
        }
        for (path, to) in &step.link {
            link(&sandbox, path, &fill(to));
        }
        if let Some(line) = &step.run {
            let name = conversation.r#as.as_deref();
            let ended = run(&sandbox, name, step, &fill(line), with_agent);
            check(&sandbox, step, &ended, &fill)
                .map_err(|what| format!("step {} `{line}`: {what}\n{ended:?}", number + 1))?;
        }
        for (path, expected) in &step.holds {
            let text = sandbox.read(path);
            if !fits(&fill(expected), &text) {
                return Err(format!("step {}: {path} holds {text:?}", number + 1));
            }
        }
        for (path, expected) in &step.modes {
            let mode = std::fs::metadata(sandbox.path(path))
                .unwrap()
                .permissions()
                .mode();
            if format!("{:o}", mode & 0o7777) != *expected {
                return Err(format!("step {}: {path} has mode {mode:o}", number + 1));
            }
        }
    }
    if !with_agent && conversation.with == With::Both && sandbox.agent().is_some() {
        return Err("--no-agent started an agent".to_owned());
    }
    Ok(())
}

/// A link that replaces whatever is there, at once, as Kubernetes swaps its own.
fn link(sandbox: &Sandbox, path: &str, to: &str) {
    let path = sandbox.path(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let new = path.with_file_name("link.new");
    std::os::unix::fs::symlink(to, &new).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn run(sandbox: &Sandbox, name: Option<&str>, step: &Step, line: &str, with_agent: bool) -> Ended {
    let program = if with_agent { HELPER } else { HELPERD };
    let mut command = match name {
        Some(name) => sandbox.command_as(name, program),
        None => sandbox.command(program),
    };
    match name {
        _ if with_agent => {}
        // A bridge's arguments are its own.
        Some(_) => {
            command.env("CREDENTIAL_HELPER_NO_AGENT", "1");
        }
        None => {
            command.arg("--no-agent");
        }
    }
    let root = sandbox.root().to_str().unwrap();
    command.args(words(line));
    for (name, value) in &step.env {
        command.env(name, value.replace("{root}", root));
    }
    if let Some(cwd) = &step.cwd {
        command.current_dir(sandbox.path(cwd));
    }
    end(&mut command, &step.r#in)
}

/// Splits a command line: single quotes keep a word together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn check(
    sandbox: &Sandbox,
    step: &Step,
    ended: &Ended,
    fill: &impl Fn(&str) -> String,
) -> Result<(), String> {
    if ended.status != step.status {
        return Err(format!("status {} expected", step.status));
    }
    let has_json = !(step.json.is_empty() && step.keys.is_empty());
    let on_stdout = !ended.stdout.is_empty();
    // The object itself is checked below.
    let is_object = |pattern: &str, here: bool| has_json && here && pattern.is_empty();
    let good = is_object(&step.out, on_stdout) || fits(&fill(&step.out), &ended.stdout);
    if !good {
        return Err(format!("stdout {:?} expected", fill(&step.out)));
    }
    let good = is_object(&step.err, !on_stdout) || fits(&fill(&step.err), &ended.stderr);
    if !good {
        return Err(format!("stderr {:?} expected", fill(&step.err)));
    }
    for text in &step.never {
        if ended.stdout.contains(text) || ended.stderr.contains(text) {
            return Err(format!("{text:?} is shown"));
        }
    }
    if !has_json {
        return Ok(());
    }
    let line = if on_stdout {
        &ended.stdout
    } else {
        &ended.stderr
    };
    if line.lines().count() != 1 {
        return Err("one object on one line expected".to_owned());
    }
    let object: Value = serde_json::from_str(line).map_err(|_| "no JSON".to_owned())?;
    let at = |pointer: &str| {
        object
            .pointer(pointer)
            .ok_or(format!("nothing at {pointer:?}"))
    };
    for (pointer, expected) in &step.json {
        let expected = match expected {
            toml::Value::String(text) if text == "null" => Value::Null,
            other => {
                let text = serde_json::to_string(other).unwrap();
                let root = sandbox.root().to_str().unwrap();
                serde_json::from_str(&text.replace("{root}", root)).unwrap()
            }
        };
        let found = at(pointer)?;
        let same = match (&expected, found) {
            (Value::String(pattern), Value::String(text)) => fits(pattern, text),
            (expected, found) => expected == found,
        };
        if !same {
            return Err(format!("{expected} expected at {pointer:?}, found {found}"));
        }
    }
    for (pointer, expected) in &step.keys {
        let Value::Object(found) = at(pointer)? else {
            return Err(format!("no object at {pointer:?}"));
        };
        let mut found: Vec<&str> = found.keys().map(String::as_str).collect();
        let mut expected: Vec<&str> = expected.split(' ').collect();
        found.sort_unstable();
        expected.sort_unstable();
        if found != expected {
            return Err(format!(
                "keys {expected:?} expected at {pointer:?}, found {found:?}"
            ));
        }
    }
    Ok(())
}
