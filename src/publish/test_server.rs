//! A repository on loopback that records every request and does what a test tells it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request, whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// Its method and path.
    pub(crate) line: String,
    /// Its headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_upload(&self) -> bool {
        self.line.starts_with("POST ")
    }

    /// The fields of a form, the file's last with its name in front.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let kind = self.header("content-type").unwrap();
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let body = String::from_utf8_lossy(&self.body).into_owned();
        let (body, end) = body.rsplit_once(&format!("\r\n--{boundary}--")).unwrap();
        assert_eq!(end, "\r\n");
        let body = format!("\r\n{body}");
        let between = format!("\r\n--{boundary}\r\n");
        let parts = body.split(&between).skip(1);
        parts
            .map(|part| {
                let (head, value) = part.split_once("\r\n\r\n").unwrap();
                let name = head
                    .split("name=\"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap();
                (name.to_owned(), value.to_owned())
            })
            .collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let found = self.fields().into_iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value)
    }
}

/// What the server does.
pub(crate) enum Act {
    /// Answers with this status, these headers and this content.
    Say(u16, String, String),
    /// Answers with a file.
    #[allow(dead_code, reason = "for the integration tests, which share this file")]
    Give(Vec<u8>),
    /// Answers with this status, these headers and these bytes.
    #[allow(dead_code, reason = "for the integration tests, which share this file")]
    Send(u16, String, Vec<u8>),
    /// Closes without a word.
    Close,
    /// Says nothing until the client goes.
    Wait,
}

/// An answer without headers.
pub(crate) fn say(status: u16, content: &str) -> Act {
    Act::Say(
        status,
        "content-type: text/plain\r\n".to_owned(),
        content.to_owned(),
    )
}

type Does = dyn Fn(&Request) -> Act + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Its threads end with the test's process.
    pub(crate) fn start(does: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (record, does): (_, Arc<Does>) = (requests.clone(), Arc::new(does));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (record, does) = (record.clone(), does.clone());
                thread::spawn(move || serve(stream, &record, &*does));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn uploads(&self) -> Vec<Request> {
        let all = self.requests();
        all.into_iter().filter(Request::is_upload).collect()
    }
}

fn serve(mut stream: TcpStream, record: &Mutex<Vec<Request>>, does: &Does) {
    let Some(request) = read(&mut stream) else {
        return;
    };
    record.lock().unwrap().push(request.clone());
    let mut send = |status: u16, headers: &str, content: &[u8]| {
        let length = content.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(&[head.as_bytes(), content].concat());
    };
    match does(&request) {
        Act::Say(status, headers, content) => send(status, &headers, content.as_bytes()),
        Act::Send(status, headers, content) => send(status, &headers, &content),
        Act::Give(content) => {
            send(200, "content-type: application/octet-stream\r\n", &content);
        }
        Act::Close => {}
        Act::Wait => {
            let _ = stream.read(&mut [0]);
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut request = Request {
        line: lines.next()?.to_owned(),
        ..Request::default()
    };
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        request
            .headers
            .push((name.to_lowercase(), value.to_owned()));
    }
    let length = request
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).ok()?;
    Some(request)
}
