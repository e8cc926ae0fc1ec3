//! An index on loopback that sends what it likes, for as long as the client takes it.

use std::io::{BufRead as _, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What matters of a request.
pub struct Asked {
    pub path: String,
    /// The first and the last byte that is wanted, where a range is.
    pub range: Option<String>,
}

/// The client, and how to answer it.
pub struct Answer<'a>(&'a TcpStream);

impl Answer<'_> {
    /// All of an answer: its first line's end, its headers, its content.
    pub fn say(&mut self, status: &str, headers: &str, content: &[u8]) -> Result<()> {
        let length = content.len();
        self.begin(status, &format!("{headers}content-length: {length}\r\n"))?;
        self.0.write_all(content)
    }

    /// The head of an answer.
    pub fn begin(&mut self, status: &str, headers: &str) -> Result<()> {
        let head = format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\n\r\n");
        self.0.write_all(head.as_bytes())
    }

    /// The next bytes, as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes)
    }

    /// A page of JSON.
    pub fn json(&mut self, page: &serde_json::Value) -> Result<()> {
        self.say("200 OK", JSON, page.to_string().as_bytes())
    }

    /// A file, or the part of it that is wanted.
    pub fn file(&mut self, asked: &Asked, bytes: &[u8]) -> Result<()> {
        let Some((from, to)) = asked
            .range
            .as_deref()
            .and_then(|range| range.split_once('-'))
        else {
            return self.say("200 OK", BYTES, bytes);
        };
        let length = bytes.len();
        let (first, end) = match (from.parse::<usize>(), to.parse::<usize>()) {
            (Ok(first), Ok(last)) => (first, (last + 1).min(length)),
            (Ok(first), Err(_)) => (first, length),
            (Err(_), Ok(count)) => (length.saturating_sub(count), length),
            (Err(_), Err(_)) => (0, length),
        };
        if first >= end {
            let headers = format!("content-range: bytes */{length}\r\n");
            return self.say("416 Range Not Satisfiable", &headers, b"");
        }
        let headers = format!(
            "{BYTES}content-range: bytes {first}-{}/{length}\r\n",
            end - 1
        );
        self.say("206 Partial Content", &headers, &bytes[first..end])
    }
}

pub const JSON: &str = "content-type: application/vnd.pypi.simple.v1+json\r\n";
pub const HTML: &str = "content-type: text/html\r\n";
pub const BYTES: &str = "content-type: application/octet-stream\r\n";

type Does = dyn Fn(&Asked, &mut Answer<'_>) -> Result<()> + Send + Sync;

/// Answers until the test's process ends.
pub struct Index {
    host: String,
    requests: Arc<AtomicUsize>,
}

impl Index {
    /// One that does this. It fails where the client has gone, and that is the end of it.
    pub fn new(
        does: impl Fn(&Asked, &mut Answer<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        let (does, counted): (Arc<Does>, _) = (Arc::new(does), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (does, counted) = (does.clone(), counted.clone());
                std::thread::spawn(move || {
                    if let Some(asked) = read(&stream) {
                        counted.fetch_add(1, Ordering::Relaxed);
                        let _ = does(&asked, &mut Answer(&stream));
                    }
                });
            }
        });
        Self { host, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}/simple/", self.host)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut asked = Asked {
        path: line.split(' ').nth(1)?.to_owned(),
        range: None,
    };
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            None if line.trim_end().is_empty() => return Some(asked),
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                asked.range = value.strip_prefix("bytes=").map(str::to_owned);
            }
            _ => {}
        }
    }
}
