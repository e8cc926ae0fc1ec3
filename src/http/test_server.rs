//! A small server on loopback that says what it is told to and records what it was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Answers the head of a request; `false` has answered nothing, until the client goes.
type Answer = dyn Fn(&str, &mut dyn Write) -> bool + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One that answers with this text; `None` answers nothing until the client goes.
    pub(crate) fn start(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::writing(tls, move |head, to| match answer(head) {
            Some(text) => to.write_all(text.as_bytes()).is_ok(),
            None => false,
        })
    }

    /// One whose answers are written as they come. Its threads end with the test's process.
    pub(crate) fn writing(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&str, &mut dyn Write) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let record = heads.clone();
        let answer: Arc<Answer> = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, record, tls) = (answer.clone(), record.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &record, &*answer),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, stream), &record, &*answer);
                    }
                });
            }
        });
        Self { address, heads }
    }

    /// One that always answers with this status.
    pub(crate) fn status(status: &'static str) -> Self {
        Self::start(None, move |_| Some(reply(status, "")))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was sent, in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A whole answer.
pub(crate) fn reply(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 2\r\nconnection: close\r\n\r\nok")
}

/// An answer that sends the client on.
pub(crate) fn redirect(to: &str) -> String {
    reply("302 Found", &format!("location: {to}\r\n"))
}

fn serve<S: Read + Write>(mut stream: S, record: &Mutex<Vec<String>>, answer: &Answer) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    record.lock().unwrap().push(head.clone());
    if answer(&head, &mut stream) {
        let _ = stream.flush();
    } else {
        let _ = stream.flush();
        let _ = stream.read(&mut byte);
    }
}

/// Nothing listens at this address.
pub(crate) fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
