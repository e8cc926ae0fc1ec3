//! A client that is quick enough to load an agent: whole replies in one read.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::harness::sandbox::{PATIENCE, Sandbox};

/// The bytes of a call.
pub(super) fn call(method: &str, parameters: &Value) -> Vec<u8> {
    let method = format!("io.credentialhelper.Agent1.{method}");
    let mut bytes = json!({ "method": method, "parameters": parameters }).to_string();
    bytes.push('\0');
    bytes.into_bytes()
}

/// A connection, one call at a time.
pub(super) struct Client {
    stream: UnixStream,
    reply: Vec<u8>,
}

impl Client {
    /// To a sandbox's agent.
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        let stream = UnixStream::connect(sandbox.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            reply: Vec::new(),
        }
    }

    /// Sends a call.
    pub(super) fn send(&mut self, call: &[u8]) {
        self.stream.write_all(call).unwrap();
    }

    /// Its reply, with the NUL.
    pub(super) fn receive(&mut self) -> &[u8] {
        let mut space = [0; 4096];
        self.reply.clear();
        while self.reply.last() != Some(&0) {
            let count = match self.stream.read(&mut space) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                other => other.unwrap(),
            };
            assert_ne!(count, 0, "the agent has closed");
            self.reply.extend_from_slice(&space[..count]);
        }
        &self.reply
    }
}

/// What a reply says.
pub(super) fn read(reply: &[u8]) -> Value {
    serde_json::from_slice(reply.strip_suffix(b"\0").unwrap()).unwrap()
}
