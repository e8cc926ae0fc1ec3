//! An index on loopback: everything is made before it is asked, and answers can be late.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::graph::{Package, sha256};

/// How an index answers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// How late each answer is.
    pub(crate) latency: Duration,
    /// Whether there are no metadata beside the files: wheels are read in ranges.
    pub(crate) no_metadata: bool,
}

/// Serves until it is dropped.
pub(crate) struct Served {
    host: String,
    /// How many requests came.
    pub(crate) requests: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
}

/// What is under a path.
enum Body {
    Page(Vec<u8>, String),
    Metadata(Arc<Release>),
    Wheel(Arc<Release>),
}

struct Release {
    stem: String,
    metadata: Vec<u8>,
}

struct Site {
    bodies: HashMap<String, Body>,
    manner: Manner,
    requests: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
}

impl Served {
    pub(crate) fn start(packages: &[Package], manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(AtomicU64::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let site = Arc::new(Site {
            bodies: bodies(packages, &host, manner.no_metadata),
            manner,
            requests: requests.clone(),
            stopped: stopped.clone(),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if site.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let site = site.clone();
                std::thread::spawn(move || site.serve(&stream));
            }
        });
        Self {
            host,
            requests,
            stopped,
        }
    }

    /// The URL that tools are given.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/simple/", self.host)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.host);
    }
}

fn bodies(packages: &[Package], host: &str, no_metadata: bool) -> HashMap<String, Body> {
    let mut bodies = HashMap::new();
    // Also the digest of a file: uv takes files of one digest for one.
    let mut number = 0_u64;
    for package in packages {
        let mut files = Vec::new();
        for release in &package.releases {
            let digest = sha256(&release.metadata);
            let shared = Arc::new(Release {
                stem: format!("{}-{}", package.name.replace('-', "_"), release.version),
                metadata: release.metadata.clone(),
            });
            for name in &release.files {
                number += 1;
                let is_wheel = Path::new(name).extension().is_some_and(|end| end == "whl");
                let metadata = if is_wheel && !no_metadata {
                    format!("{{\"sha256\":\"{digest}\"}}")
                } else {
                    "false".to_owned()
                };
                let path = format!(
                    "/files/{:064x}/{name}",
                    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                );
                let day = 1 + number % 28;
                files.push(format!(
                    "{{\"core-metadata\":{metadata},\"data-dist-info-metadata\":{metadata},\
                     \"filename\":\"{name}\",\"hashes\":{{\"sha256\":\"{number:064x}\"}},\
                     \"provenance\":null,\"requires-python\":\"{}\",\"size\":{},\
                     \"upload-time\":\"2024-05-{day:02}T10:11:12.345678Z\",\
                     \"url\":\"http://{host}{path}\",\"yanked\":false}}",
                    release.requires_python,
                    size(&shared),
                ));
                if is_wheel {
                    bodies.insert(format!("{path}.metadata"), Body::Metadata(shared.clone()));
                    bodies.insert(path, Body::Wheel(shared.clone()));
                }
            }
        }
        let versions = package.releases.iter().map(|release| &release.version);
        let versions: Vec<String> = versions.map(|version| format!("\"{version}\"")).collect();
        let page = format!(
            "{{\"files\":[{}],\"meta\":{{\"_last-serial\":1,\"api-version\":\"1.4\"}},\
             \"name\":\"{}\",\"project-status\":{{\"status\":\"active\"}},\"versions\":[{}]}}",
            files.join(","),
            package.name,
            versions.join(",")
        );
        let tag = format!("\"{}\"", &sha256(page.as_bytes())[..32]);
        bodies.insert(
            format!("/simple/{}/", package.name),
            Body::Page(page.into_bytes(), tag),
        );
    }
    bodies
}

/// What matters of a request.
#[derive(Default)]
struct Request {
    method: String,
    path: String,
    range: Option<String>,
    known: Option<String>,
}

impl Request {
    fn read(reader: &mut BufReader<&TcpStream>) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ');
        let mut request = Self {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            ..Self::default()
        };
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let header = line.trim_end();
            if header.is_empty() {
                return Some(request);
            }
            if let Some((name, value)) = header.split_once(": ") {
                if name.eq_ignore_ascii_case("range") {
                    request.range = value.strip_prefix("bytes=").map(str::to_owned);
                } else if name.eq_ignore_ascii_case("if-none-match") {
                    request.known = Some(value.to_owned());
                }
            }
        }
    }
}

impl Site {
    /// Answers the requests of one connection.
    fn serve(&self, stream: &TcpStream) {
        stream.set_nodelay(true).unwrap();
        // Nobody sends: the time-out is what is waited for.
        let (_open, never): (_, Receiver<()>) = channel();
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader) {
            self.requests.fetch_add(1, Ordering::Relaxed);
            if !self.manner.latency.is_zero() {
                let _ = never.recv_timeout(self.manner.latency);
            }
            let answer = self.answer(&request);
            let mut writer = stream;
            if writer.write_all(&answer).is_err() || self.stopped.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Vec<u8> {
        const JSON: &str = "application/vnd.pypi.simple.v1+json";
        match self.bodies.get(&request.path) {
            Some(Body::Page(page, tag)) => {
                let headers = format!("ETag: {tag}\r\nCache-Control: max-age=600, public\r\n");
                if request.known.as_deref() == Some(tag) {
                    return answer("304 Not Modified", JSON, &headers, b"", false);
                }
                answer("200 OK", JSON, &headers, page, request.method == "HEAD")
            }
            Some(Body::Metadata(release)) if !self.manner.no_metadata => answer(
                "200 OK",
                "application/octet-stream",
                "Cache-Control: max-age=365000000, immutable, public\r\n",
                &release.metadata,
                request.method == "HEAD",
            ),
            Some(Body::Wheel(release)) => part(&wheel(release), request),
            _ => answer("404 Not Found", "text/plain", "", b"", false),
        }
    }
}

fn answer(status: &str, kind: &str, headers: &str, body: &[u8], head_only: bool) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    if !head_only {
        answer.extend_from_slice(body);
    }
    answer
}

/// A wheel or the range of it that was asked for.
fn part(wheel: &[u8], request: &Request) -> Vec<u8> {
    let mut headers =
        "Accept-Ranges: bytes\r\nCache-Control: max-age=365000000, immutable, public\r\n"
            .to_owned();
    let head = request.method == "HEAD";
    let kind = "application/octet-stream";
    let Some((from, to)) = request
        .range
        .as_deref()
        .and_then(|range| range.split_once('-'))
    else {
        return answer("200 OK", kind, &headers, wheel, head);
    };
    let length = wheel.len();
    let (first, end) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) => (first, length),
        (Err(_), Ok(count)) => (length.saturating_sub(count), length),
        (Err(_), Err(_)) => (0, length),
    };
    if first >= end {
        let headers = format!("Content-Range: bytes */{length}\r\n");
        return answer("416 Range Not Satisfiable", kind, &headers, b"", head);
    }
    let _ = write!(
        headers,
        "Content-Range: bytes {first}-{}/{length}\r\n",
        end - 1
    );
    answer(
        "206 Partial Content",
        kind,
        &headers,
        &wheel[first..end],
        head,
    )
}

/// What stands before the metadata in a wheel: 64 KiB of a module, and its CRC, worked out once.
static MODULE: LazyLock<(Vec<u8>, u32)> = LazyLock::new(|| {
    let module = vec![b'#'; 65_536];
    let sum = crc(&module);
    (module, sum)
});
const ABOUT: &[u8] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n";

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// How large its wheel is: what stands around each file is as long as this, and twice its name.
fn size(release: &Release) -> usize {
    let folder = release.stem.len() + ".dist-info".len();
    let names = "module.py".len() + 3 * folder + "/METADATA/WHEEL/RECORD".len();
    let data = MODULE.0.len() + release.metadata.len() + ABOUT.len();
    data + 2 * names + 4 * (30 + 46) + 22
}

/// A wheel as it might be, uncompressed: a module, and what describes it behind that.
fn wheel(release: &Release) -> Vec<u8> {
    let folder = format!("{}.dist-info", release.stem);
    let files: [(String, &[u8], u32); 4] = [
        ("module.py".to_owned(), &MODULE.0, MODULE.1),
        (
            format!("{folder}/METADATA"),
            &release.metadata,
            crc(&release.metadata),
        ),
        (format!("{folder}/WHEEL"), ABOUT, crc(ABOUT)),
        (format!("{folder}/RECORD"), b"", 0),
    ];
    let (mut archive, mut directory) = (Vec::with_capacity(size(release)), Vec::new());
    for (name, data, sum) in &files {
        let offset = u32::try_from(archive.len()).unwrap();
        let size = u32::try_from(data.len()).unwrap().to_le_bytes();
        let mut fields = Vec::new();
        // Version 2.0, no flags, stored, 1980-01-01.
        fields.extend([20, 0, 0, 0, 0, 0, 0, 0, 33, 0]);
        fields.extend(sum.to_le_bytes());
        fields.extend(size);
        fields.extend(size);
        fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&fields);
        archive.extend(name.as_bytes());
        archive.extend(*data);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, length) = (archive.len(), directory.len());
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0\x04\0\x04\0");
    archive.extend(u32::try_from(length).unwrap().to_le_bytes());
    archive.extend(u32::try_from(start).unwrap().to_le_bytes());
    archive.extend([0, 0]);
    assert_eq!(archive.len(), size(release));
    archive
}
