//! A private index of one package, on loopback: what pip and uv need of it, and nothing else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::artifacts::done;

const FILE: &str = "pkg-1.0-py3-none-any.whl";
const METADATA: &str = "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n";

/// Serves until the process ends.
pub(crate) struct Index {
    /// Host and port.
    pub(crate) host: String,
    /// How many answers were given to who had the right password.
    pub(crate) served: Arc<AtomicU32>,
}

struct Files {
    wanted: String,
    wheel: Vec<u8>,
    served: Arc<AtomicU32>,
}

impl Index {
    /// Lets `username` in with `password`; `python` makes the wheel.
    pub(crate) fn start(python: &Path, folder: &Path, username: &str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let pair = STANDARD.encode(format!("{username}:{password}"));
        let served = Arc::new(AtomicU32::new(0));
        let files = Arc::new(Files {
            wanted: format!("basic {pair}"),
            wheel: wheel(python, folder),
            served: served.clone(),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let files = files.clone();
                std::thread::spawn(move || files.serve(&stream));
            }
        });
        Self { host, served }
    }

    /// The URL that tools are given.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/simple/", self.host)
    }
}

/// A wheel that every installer takes.
fn wheel(python: &Path, folder: &Path) -> Vec<u8> {
    const CODE: &str = "
import base64, hashlib, sys, zipfile
files = {'pkg.py': b'', 'pkg-1.0.dist-info/METADATA': sys.argv[2].encode(),
    'pkg-1.0.dist-info/WHEEL': b'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}
digest = lambda data: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
lines = [f'{name},sha256={digest(data)},{len(data)}' for name, data in files.items()]
files['pkg-1.0.dist-info/RECORD'] = '\\n'.join([*lines, 'pkg-1.0.dist-info/RECORD,,', '']).encode()
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name, data in files.items():
        wheel.writestr(name, data)
";
    let path = folder.join(FILE);
    done(
        Command::new(python)
            .args(["-I", "-c", CODE])
            .arg(&path)
            .arg(METADATA),
    );
    std::fs::read(path).unwrap()
}

impl Files {
    /// Answers the requests of one connection.
    fn serve(&self, stream: &TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream);
        while let Some((path, allowed)) = self.request(&mut reader) {
            let (status, kind, body) = if allowed {
                self.served.fetch_add(1, Ordering::Relaxed);
                self.file(&path)
            } else {
                ("401 Unauthorized", "text/plain", &b""[..])
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                 WWW-Authenticate: Basic realm=\"private\"\r\n\r\n",
                body.len()
            );
            let answer = [head.as_bytes(), body].concat();
            let mut writer = stream;
            if writer.write_all(&answer).is_err() {
                return;
            }
        }
    }

    /// The path of the next request, and whether it has the right password.
    fn request(&self, reader: &mut BufReader<&TcpStream>) -> Option<(String, bool)> {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut allowed = false;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).ok()? == 0 {
                return None;
            }
            let header = header.trim_end();
            if header.is_empty() {
                return Some((path, allowed));
            }
            if let Some((name, value)) = header.split_once(": ")
                && name.eq_ignore_ascii_case("authorization")
            {
                // The scheme's case is the client's to choose (RFC 9110, 11.1).
                allowed = value.split_once(' ').is_some_and(|(scheme, pair)| {
                    format!("{} {pair}", scheme.to_ascii_lowercase()) == self.wanted
                });
            }
        }
    }

    fn file(&self, path: &str) -> (&'static str, &'static str, &[u8]) {
        const PAGE: &str = concat!(
            "<!DOCTYPE html><html><body><a href=\"/files/pkg-1.0-py3-none-any.whl\" ",
            "data-core-metadata=\"true\">pkg-1.0-py3-none-any.whl</a></body></html>"
        );
        match path {
            "/simple/pkg/" => ("200 OK", "text/html", PAGE.as_bytes()),
            "/files/pkg-1.0-py3-none-any.whl" => {
                ("200 OK", "application/octet-stream", &self.wheel)
            }
            "/files/pkg-1.0-py3-none-any.whl.metadata" => {
                ("200 OK", "text/plain", METADATA.as_bytes())
            }
            _ => ("404 Not Found", "text/plain", b""),
        }
    }
}
