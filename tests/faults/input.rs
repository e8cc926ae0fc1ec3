//! Broken files, made at random: each one is answered from, or named; never written over.

use std::fmt::Write as _;

use serde_json::json;

use super::{AUTH, Row, error, password};
use crate::harness::sandbox::Sandbox;

/// Random numbers from a seed (xorshift64): the same on each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

fn whole() -> Vec<u8> {
    let mut text = String::from("# a file of Poetry's\n");
    for name in ["foo", "one", "two"] {
        write!(
            text,
            "[http-basic.{name}]\nusername = \"user-{name}\"\npassword = \"sentinel-{name}\"\n\n"
        )
        .unwrap();
    }
    text.push_str("[pypi-token]\npypi = \"pypi-sentinel\"\n");
    text.into_bytes()
}

/// One to four changes of a whole file.
fn mutated(random: &mut Random) -> Vec<u8> {
    let mut bytes = whole();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().max(1)).min(bytes.len());
        let to = (at + random.below(30)).min(bytes.len());
        match random.below(6) {
            0 if !bytes.is_empty() => {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1 << random.below(8);
            }
            1 => drop(bytes.drain(at..to)),
            2 => bytes.truncate(at),
            3 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            4 => {
                let odd = [0, b'\n', b'"', b'[', b']', b'=', 0xff, b'\\', b'\'', b'.'];
                bytes.insert(at, odd[random.below(odd.len())]);
            }
            _ => {
                let new: Vec<u8> = (0..random.below(20))
                    .map(|_| u8::try_from(random.below(256)).unwrap())
                    .collect();
                bytes.splice(at..at, new);
            }
        }
    }
    bytes
}

#[test]
fn mutations() {
    let row = Row {
        name: "corrupted auth.toml: random changes (fixed kinds: `tests/bad_input.rs`)",
        target: "an answer or an error that names the file; other files still answer; never overwritten; no secret told",
        rounds: [300, 5000, 50_000],
    };
    row.run(|run| {
        let sandbox = Sandbox::new();
        let other = "[keyring]\nenabled = false\n[http-basic.bar]\nusername = \"b\"\npassword = \"good\"\n";
        sandbox.write("home/.config/pypoetry/config.toml", other);
        let _agent = sandbox.run_agent(&[]);
        let mut connection = sandbox.connect();
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let (mut found, mut named, mut refused) = (0, 0, 0);
        let path = sandbox.path(AUTH);
        while let Some(round) = run.next() {
            let bytes = mutated(&mut random);
            let new = sandbox.path("home/.config/pypoetry/new");
            std::fs::write(&new, &bytes).unwrap();
            std::fs::rename(new, &path).unwrap();
            let shown = || format!("round {round}: {}", String::from_utf8_lossy(&bytes));
            let reply = connection.call("Get", &sandbox.question("foo"));
            match error(&reply) {
                "" | "NotFound" => found += 1,
                "Malformed" | "Unavailable" => {
                    let text = reply.to_string();
                    assert!(text.contains("auth.toml"), "{}: {text}", shown());
                    assert!(!text.contains("sentinel"), "{}: {text}", shown());
                    named += 1;
                }
                _ => panic!("{}: {reply}", shown()),
            }
            let reply = connection.call("Get", &sandbox.question("bar"));
            assert_eq!(password(&reply), Some("good"), "{}: {reply}", shown());
            let set = json!({ "name": "foo", "username": "a", "secret": "x", "context": sandbox.context() });
            let reply = connection.call("Set", &set);
            if error(&reply).is_empty() {
                let reply = connection.call("Get", &sandbox.question("foo"));
                assert_eq!(password(&reply), Some("x"), "{}: {reply}", shown());
            } else {
                refused += 1;
                assert!(!reply.to_string().contains("sentinel"), "{}: {reply}", shown());
                assert_eq!(std::fs::read(&path).unwrap(), bytes, "{}: {reply}", shown());
            }
        }
        run.figure(format!(
            "{found} files could be read, {named} were named as broken, {refused} could not be written to"
        ));
    });
}

#[test]
fn sizes() {
    let sandbox = Sandbox::new().without_keyring();
    let path = sandbox.write(AUTH, "");
    let _agent = sandbox.run_agent(&[]);
    let mut connection = sandbox.connect();
    let mut ask = || connection.call("Get", &sandbox.question("foo"));
    assert_eq!(error(&ask()), "NotFound");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(100 * 1024 * 1024).unwrap();
    let reply = ask();
    assert_eq!(error(&reply), "Malformed", "{reply}");
    assert!(reply.to_string().contains("auth.toml"), "{reply}");
    file.set_len(0).unwrap();
    assert_eq!(error(&ask()), "NotFound");
}
