use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Client, Transport};
use crate::code::{ErrorCode, Failure};
use crate::frame;
use crate::limits;
use crate::message::{
    Changed, ChangedReply, Context, Credential, Delete, Got, Question, Status, Variable,
};
use crate::secret::Secret;
use crate::socket::{Open, SocketTransport};

/// Answers each connection with one of `replies`, in order; an empty one closes without a word.
fn server(path: &Path, replies: Vec<Vec<u8>>) -> JoinHandle<Vec<String>> {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        let mut calls = Vec::new();
        for reply in replies {
            let (mut stream, _) = listener.accept().unwrap();
            if let Some(call) = frame::read(&mut stream, limits::REQUEST_MESSAGE).unwrap() {
                calls.push(String::from_utf8(call.to_vec()).unwrap());
            }
            stream.write_all(&reply).unwrap();
        }
        calls
    })
}

fn client(path: &Path) -> Client<SocketTransport> {
    let path = path.to_owned();
    let open: Open = Box::new(move || {
        UnixStream::connect(&path)
            .map_err(|_| Failure::new(ErrorCode::Unavailable, "no agent is running"))
    });
    Client::new(SocketTransport::open(open).unwrap())
}

fn question() -> Question {
    Question {
        name: Some("foo".to_owned()),
        ..Question::default()
    }
}

fn found() -> Vec<u8> {
    let credential = Credential {
        username: Some("alice".to_owned()),
        password: Some(Secret::from("s3cret")),
        provider: "auth.toml".to_owned(),
        ..Credential::default()
    };
    frame::encode_reply(Got { credential }).unwrap().to_vec()
}

#[test]
fn get_and_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let failure = Failure::new(ErrorCode::Locked, "the agent is locked").hint("unlock");
    let refused = frame::encode_failure(&failure).unwrap().to_vec();
    let server = server(&path, vec![found(), refused]);
    let credential = client(&path).get(&question()).unwrap();
    assert_eq!(credential.username.as_deref(), Some("alice"));
    assert_eq!(credential.password.unwrap().expose(), "s3cret");
    assert_eq!(client(&path).get(&question()).err(), Some(failure));
    let calls = server.join().unwrap();
    assert_eq!(
        calls[0],
        r#"{"method":"io.credentialhelper.Agent1.Get","parameters":{"question":{"name":"foo","context":{}}}}"#
    );
}

#[test]
fn a_read_is_sent_again_when_the_agent_went_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let half = found()[..20].to_vec();
    let server = server(&path, vec![half, found()]);
    assert!(client(&path).get(&question()).is_ok());
    assert_eq!(server.join().unwrap().len(), 2);
}

#[test]
fn a_change_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let changed = frame::encode_reply(ChangedReply {
        changed: Changed::default(),
    })
    .unwrap()
    .to_vec();
    let server = server(&path, vec![Vec::new(), changed]);
    let delete = Delete {
        name: "foo".to_owned(),
        ..Delete::default()
    };
    let failure = client(&path).delete(&delete).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Unavailable);
    client(&path).delete(&delete).unwrap();
    server.join().unwrap();
}

#[test]
fn nobody_there_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let server = server(&path, vec![Vec::new()]);
    let failure = client(&path).get(&question()).err().unwrap();
    server.join().unwrap();
    assert_eq!(failure.code, ErrorCode::Unavailable);
}

#[test]
fn silence_ends_at_the_deadline_and_closes_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let mut question = question();
    question.context.timeout_ms = Some(100);
    let started = Instant::now();
    let mut client = client(&path);
    let failure = client.get(&question).err().unwrap();
    assert_eq!(failure.code, ErrorCode::TimedOut);
    assert!(started.elapsed() < Duration::from_mins(1));
    let (mut stream, _) = listener.accept().unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"\0"));
}

#[test]
fn a_reply_that_is_no_message_and_one_that_is_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let server = server(
        &path,
        vec![
            b"{\"parameters\":{\"credential\":\"hunter2\"}}\0".to_vec(),
            vec![b'a'; limits::REPLY_MESSAGE],
        ],
    );
    for _ in 0..2 {
        let failure = client(&path).get(&question()).err().unwrap();
        assert_eq!(failure.code, ErrorCode::Malformed);
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
    server.join().unwrap();
}

#[test]
fn a_question_that_is_too_long_is_not_sent() {
    struct Nobody;
    impl Transport for Nobody {
        fn call(&mut self, _: &[u8], _: Duration) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
            panic!("nothing is sent")
        }
    }
    let mut question = question();
    let long = Variable(Secret::new("x".repeat(limits::REQUEST_MESSAGE)));
    question.context = Context {
        variables: [("A".to_owned(), long)].into(),
        ..Context::default()
    };
    let mut client = Client::new(Box::new(Nobody) as Box<dyn Transport>);
    let failure = client.get(&question).err().unwrap();
    assert_eq!(failure.code, ErrorCode::Usage);
}

#[test]
fn status_of_a_newer_agent_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let reply = br#"{"parameters":{"version":"9","pid":7,"novelty":{"a":[1]}}}"#;
    let server = server(&path, vec![[reply.as_slice(), b"\0"].concat()]);
    let status: Status = client(&path).status().unwrap();
    assert_eq!((status.version.as_str(), status.pid), ("9", 7));
    server.join().unwrap();
}
