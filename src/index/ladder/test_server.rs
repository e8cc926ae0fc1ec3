//! A small server of files on loopback, that can do or refuse what real ones do or refuse.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a server does with `Range`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ranges {
    /// Sends parts.
    Sent,
    /// Sends the whole file.
    Ignored,
    /// Answers this status.
    Refused(u16),
    /// Sends parts that are shorter than it says.
    Short,
    /// Sends parts, but goes away in the middle of its first two answers.
    Dropped,
    /// Tells a part that cannot be.
    Absurd,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Its threads end with the test's process. A file without end is one named `endless`.
    pub(super) fn start(ranges: Ranges, files: &[(&str, Vec<u8>)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let record = heads.clone();
        let own = |(name, bytes): &(&str, Vec<u8>)| (format!("/{name}"), bytes.clone());
        let files: Arc<BTreeMap<String, Vec<u8>>> = Arc::new(files.iter().map(own).collect());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (files, record) = (files.clone(), record.clone());
                thread::spawn(move || serve(stream, ranges, &files, &record));
            }
        });
        Self { address, heads }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Each request: its path, and its `Range`.
    pub(super) fn asked(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        let told = heads.iter().map(|head| {
            let path = head.split(' ').nth(1).unwrap().trim_start_matches('/');
            match header(head, "range") {
                Some(range) => format!("{path} {range}"),
                None => path.to_owned(),
            }
        });
        told.collect()
    }

    /// The value of a header in each request.
    pub(super) fn header(&self, name: &str) -> Vec<Option<String>> {
        let heads = self.heads.lock().unwrap();
        heads
            .iter()
            .map(|head| header(head, name).map(str::to_owned))
            .collect()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn serve(
    mut stream: TcpStream,
    ranges: Ranges,
    files: &BTreeMap<String, Vec<u8>>,
    record: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let answers = {
        let mut record = record.lock().unwrap();
        record.push(head.clone());
        record.len()
    };
    let path = head.split(' ').nth(1).unwrap();
    if path.contains("endless") {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let start = files.get(path).cloned().unwrap_or_default();
        let _ = stream.write_all(&start);
        let piece = [b'x'; 16384];
        while stream.write_all(&piece).is_ok() {}
        return;
    }
    let Some(bytes) = files.get(path.split('?').next().unwrap()) else {
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return;
    };
    let size = bytes.len();
    let wanted = header(&head, "range").and_then(|range| {
        let size = size.max(1);
        let (from, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some(match from.parse::<usize>() {
            Ok(from) if from >= size => return Some((from, from)),
            Ok(from) => (from, last.parse::<usize>().unwrap().min(size - 1)),
            Err(_) => (size.saturating_sub(last.parse().unwrap()), size - 1),
        })
    });
    let is_beyond = wanted.is_some_and(|(from, _)| from >= size);
    let ranges = if size == 0 || is_beyond && ranges == Ranges::Sent {
        Ranges::Refused(416)
    } else {
        ranges
    };
    let answer = match (ranges, wanted) {
        (Ranges::Refused(status), Some(_)) => {
            format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .into_bytes()
        }
        (Ranges::Sent | Ranges::Short | Ranges::Absurd | Ranges::Dropped, Some((from, last))) => {
            let mut part = bytes[from..=last].to_vec();
            if ranges == Ranges::Short {
                part.truncate(part.len() / 2);
            }
            let told = match ranges {
                Ranges::Absurd => "bytes 5-1/x".to_owned(),
                _ => format!("bytes {from}-{last}/{size}"),
            };
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-range: {told}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                part.len()
            );
            [head.into_bytes(), part].concat()
        }
        _ => {
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n");
            [head.as_bytes(), bytes].concat()
        }
    };
    let dropped = ranges == Ranges::Dropped && answers < 3;
    let end = if dropped {
        answer.len() - size / 2
    } else {
        answer.len()
    };
    let _ = stream.write_all(&answer[..end]);
}
