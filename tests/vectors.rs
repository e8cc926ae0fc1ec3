//! The conversations of `protocol/vectors/`, run against a live agent. Their form is defined in
//! `protocol/SPECIFICATION.md`, "Vectors".

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::harness::sandbox::Sandbox;

/// Longer than any answer takes, so that a missing one is a failure and not a hang.
const TIME: Duration = Duration::from_secs(20);

const FILES: [(&str, &str); 4] = [
    ("service", include_str!("../protocol/vectors/service.json")),
    ("get", include_str!("../protocol/vectors/get.json")),
    (
        "services",
        include_str!("../protocol/vectors/services.json"),
    ),
    ("agent", include_str!("../protocol/vectors/agent.json")),
];

#[test]
fn the_agent_holds_them() {
    let sandbox = Sandbox::new().without_keyring();
    let folder = sandbox.path("vectors");
    std::fs::create_dir(&folder).unwrap();
    let _agent = sandbox.run_agent(&[]);
    run(&sandbox.socket(), &folder);
}

/// Runs every conversation against the agent at `socket`; `folder` is an empty folder that stands
/// for `${FOLDER}`. Panics at the first reply that does not match.
fn run(socket: &Path, folder: &Path) {
    for (file, text) in FILES {
        let text = text.replace("${FOLDER}", folder.to_str().unwrap());
        let vectors: Value = serde_json::from_str(&text).unwrap();
        for conversation in vectors["conversations"].as_array().unwrap() {
            let name = format!("{file}: {}", conversation["name"].as_str().unwrap());
            converse(socket, conversation, &name);
        }
    }
}

fn converse(socket: &Path, conversation: &Value, name: &str) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(TIME)).unwrap();
    stream.set_write_timeout(Some(TIME)).unwrap();
    for (index, step) in conversation["steps"].as_array().unwrap().iter().enumerate() {
        let place = format!("{name}, step {}", index + 1);
        let sent = stream.write_all(&bytes(step));
        if step["closed"] == true {
            // The agent may close before it has read everything.
            assert_eq!(receive(&mut stream, &place), None, "{place}");
            return;
        }
        sent.unwrap();
        let reply = receive(&mut stream, &place)
            .unwrap_or_else(|| panic!("{place}: closed without a reply"));
        let reply: Value = serde_json::from_slice(&reply).unwrap();
        if let Err(difference) = matches(&step["reply"], Some(&reply), "reply") {
            panic!("{place}: {difference}\nreply: {reply}");
        }
    }
}

fn bytes(step: &Value) -> Vec<u8> {
    if step["call"].is_object() {
        let mut bytes = serde_json::to_vec(&step["call"]).unwrap();
        bytes.push(0);
        return bytes;
    }
    let mut bytes = step["bytes"].as_str().unwrap().as_bytes().to_vec();
    let fill = usize::try_from(step["fill"].as_u64().unwrap_or(0)).unwrap();
    bytes.resize(bytes.len() + fill, b' ');
    bytes
}

/// One message without its NUL; `None` where the agent has closed.
fn receive(stream: &mut UnixStream, place: &str) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut byte = [0_u8];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("{place}: {error}"),
            Ok(_) if byte[0] == 0 => return Some(message),
            Ok(_) => message.push(byte[0]),
        }
    }
}

fn matches(pattern: &Value, value: Option<&Value>, path: &str) -> Result<(), String> {
    let wrong = |wanted: &str| Err(format!("{path} should be {wanted}"));
    if pattern == "$absent" {
        return match value {
            None | Some(Value::Null) => Ok(()),
            Some(_) => wrong("absent"),
        };
    }
    let Some(value) = value else {
        return wrong("there");
    };
    match pattern {
        Value::String(word) if word.starts_with('$') => {
            let holds = match word.as_str() {
                "$string" => value.is_string(),
                "$int" => value.is_i64() || value.is_u64(),
                "$bool" => value.is_boolean(),
                "$list" => value.is_array(),
                _ => panic!("{path}: unknown pattern {word}"),
            };
            if holds { Ok(()) } else { wrong(word) }
        }
        Value::Object(members) => {
            for (key, inner) in members {
                let holds = match key.as_str() {
                    "$contains" => {
                        let part = inner.as_str().unwrap();
                        value.as_str().is_some_and(|text| text.contains(part))
                    }
                    "$without" => !value.to_string().contains(inner.as_str().unwrap()),
                    "$has" => inner
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|item| value.as_array().is_some_and(|list| list.contains(item))),
                    _ => {
                        matches(inner, value.get(key), &format!("{path}.{key}"))?;
                        true
                    }
                };
                if !holds {
                    return wrong(&pattern.to_string());
                }
            }
            Ok(())
        }
        other if other == value => Ok(()),
        other => wrong(&other.to_string()),
    }
}
