//! Messages: the bytes of a connection as the agent and a client take them, a call, a reply.

use std::io::Read;

use credential_helper_protocol as protocol;
use credential_helper_protocol::frame::{self, encode_call, encode_reply};
use serde::{Deserialize, Serialize};

use super::buffer::Buffer;
use super::call::head;

/// A stream in pieces, the first byte being their length.
pub fn stream(data: &[u8]) {
    let Some((step, bytes)) = data.split_first() else {
        return;
    };
    let step = usize::from(*step).max(1);
    let mut whole: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
    let rest = whole.pop().unwrap_or_default();
    let mut buffer = Buffer::new();
    let mut taken: Vec<Vec<u8>> = Vec::new();
    for mut piece in bytes.chunks(step) {
        while !piece.is_empty() {
            let Ok(room) = buffer.room() else {
                let limit = protocol::limits::REQUEST_MESSAGE;
                assert!(whole.iter().chain([&rest]).any(|one| one.len() > limit));
                return;
            };
            let count = room.bytes.len().min(piece.len());
            room.bytes[..count].copy_from_slice(&piece[..count]);
            buffer.filled(count);
            piece = &piece[count..];
            while let Some(message) = buffer.message() {
                taken.push(message.to_vec());
                buffer.consume();
            }
        }
    }
    assert_eq!(
        taken, whole,
        "the agent takes other messages than were sent"
    );
    let first = frame::read(&mut Pieces { bytes, step }, protocol::limits::REPLY_MESSAGE);
    match first {
        Ok(Some(message)) => assert_eq!(&message[..], whole[0]),
        Ok(None) => assert!(bytes.is_empty()),
        Err(_) => assert!(whole.is_empty()),
    }
}

struct Pieces<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let count = self.step.min(to.len()).min(self.bytes.len());
        to[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

/// A call, as the agent reads it.
pub fn call(data: &[u8]) {
    let Some(head) = head(data) else {
        return;
    };
    let parameters = head.parameters();
    let value: serde_json::Value =
        serde_json::from_str(parameters).expect("the parameters of a call are JSON");
    assert!(deepness(&value) <= protocol::limits::DEPTH);
    same_again::<protocol::Ask>(parameters);
    same_again::<protocol::Asked>(parameters);
    same_again::<protocol::Set>(parameters);
    same_again::<protocol::Delete>(parameters);
    same_again::<protocol::Report>(parameters);
    same_again::<protocol::Trust>(parameters);
    same_again::<protocol::Configure>(parameters);
    same_again::<protocol::Unlock>(parameters);
    same_again::<protocol::OpenSocket>(parameters);
}

fn deepness(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(list) => 1 + list.iter().map(deepness).max().unwrap_or(0),
        serde_json::Value::Object(map) => 1 + map.values().map(deepness).max().unwrap_or(0),
        _ => 0,
    }
}

/// What is read, written and read again says the same.
fn same_again<P: Serialize + for<'a> Deserialize<'a>>(parameters: &str) {
    let Ok(read) = serde_json::from_str::<P>(parameters) else {
        return;
    };
    let written = encode_call("Method", &read).expect("what was read can be written");
    let (end, message) = written.split_last().expect("a message has an end");
    assert!(*end == 0 && !message.contains(&0), "a NUL within a message");
    let head = head(message).expect("our own call is one");
    let read = serde_json::from_str::<P>(head.parameters()).expect("our own parameters are some");
    let again = encode_call("Method", &read).expect("what was read can be written");
    assert!(*written == *again, "a message changes on its way");
}

/// A reply, as a client reads it.
pub fn reply(data: &[u8]) {
    reply_of::<protocol::Got>(data);
    reply_of::<protocol::Explanation>(data);
    reply_of::<protocol::Listing>(data);
    reply_of::<protocol::ChangedReply>(data);
    reply_of::<protocol::Status>(data);
    reply_of::<protocol::BindingList>(data);
    reply_of::<protocol::SettingsReply>(data);
    reply_of::<protocol::OpenedSocket>(data);
}

fn reply_of<P: Serialize + for<'a> Deserialize<'a>>(data: &[u8]) {
    let Ok(read) = frame::decode_reply::<P>(data) else {
        return;
    };
    let written = encode_reply(&read).expect("what was read can be written");
    let message = &written[..written.len() - 1];
    assert!(!message.contains(&0), "a NUL within a message");
    let Ok(read) = frame::decode_reply::<P>(message) else {
        panic!("our own reply is refused");
    };
    let again = encode_reply(&read).expect("what was read can be written");
    assert!(*written == *again, "a message changes on its way");
}
