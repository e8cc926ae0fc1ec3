//! Uploads to a server on loopback that throws them away: `helper publish` beside twine and uv.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::artifacts::done;
use crate::report::{Report, median};
use crate::run::Options;
use crate::stage::Stage;

/// Wheels of one upload; each a quarter of the whole.
const FILES: usize = 4;
/// What goes up, in MiB, unless `CREDENTIAL_HELPER_BENCH_UPLOAD_MIB` says otherwise.
const WHOLE: usize = 1024;
/// A GiB takes seconds; more rounds say nothing more.
const WHOLE_ROUNDS: usize = 5;

/// A program that uploads.
struct Tool {
    name: String,
    /// Whose agent answers, by its place; none for other tools.
    agent: Option<usize>,
    /// The command without the files.
    words: Vec<OsString>,
    /// Wall time in ms and peak memory in KiB of each round.
    whole: Vec<[f64; 2]>,
    /// From the start to the first byte of the form, in ms.
    first: Vec<f64>,
}

pub(crate) fn measure(stage: &Stage<'_>, options: &Options, report: &mut Report) {
    let server = Server::start();
    let mut tools = tools(stage, &server);
    if tools.len() <= stage.agents.len() {
        eprintln!(
            "publish: left out: `tests/run` makes target/publish with twine, `tests/clients/venvs.py uv` uv"
        );
        return;
    }
    let size = std::env::var("CREDENTIAL_HELPER_BENCH_UPLOAD_MIB")
        .ok()
        .and_then(|size| size.parse().ok())
        .unwrap_or(WHOLE);
    eprintln!(
        "publish: {size} MiB in {FILES} wheels, {} rounds",
        options.rounds.min(WHOLE_ROUNDS)
    );
    let folder = stage.home.join("publish");
    let python = tools_folder("CREDENTIAL_HELPER_TEST_PUBLISH", "publish").join("bin/python");
    let large = wheels(
        &python,
        &folder.join("large"),
        FILES,
        size * 1024 * 1024 / FILES,
    );
    let small = wheels(&python, &folder.join("small"), 1, 1024);
    let count = tools.len();
    for round in 0..=options.rounds.min(WHOLE_ROUNDS) {
        for place in 0..count {
            // Who comes first in a round changes.
            let tool = &mut tools[(place + round) % count];
            let cost = upload(stage, &server, tool, &large);
            if round > 0 {
                tool.whole.push(cost);
            }
        }
    }
    for round in 0..=options.rounds {
        for place in 0..count {
            let tool = &mut tools[(place + round) % count];
            let begin = Instant::now();
            upload(stage, &server, tool, &small);
            let first = server.first.lock().unwrap_or_else(PoisonError::into_inner);
            let first = first.unwrap().duration_since(begin).as_secs_f64() * 1e3;
            if round > 0 {
                tool.first.push(first);
            }
        }
    }
    tell(size, &tools, report);
}

/// Runs it once: wall time in ms, peak memory in KiB.
fn upload(stage: &Stage<'_>, server: &Server, tool: &Tool, files: &[PathBuf]) -> [f64; 2] {
    let before = {
        *server.first.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *server.taken.lock().unwrap_or_else(PoisonError::into_inner)
    };
    let agent = tool.agent.map(|at| &stage.agents[at]);
    let mut command = stage.launched(agent, None);
    let said = done(command.args(&tool.words).args(files));
    let numbers: Vec<f64> = said
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let taken = *server.taken.lock().unwrap_or_else(PoisonError::into_inner) - before;
    let sizes = files.iter().map(|file| file.metadata().unwrap().len());
    assert!(
        numbers[3] == 0.0 && taken >= sizes.sum(),
        "{} ended with {} after {taken} bytes",
        tool.name,
        numbers[3]
    );
    [numbers[0] / 1e6, numbers[2]]
}

fn tools_folder(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("target")
                .join(name)
        },
        PathBuf::from,
    )
}

/// Both builds, and of twine and uv those that are installed.
fn tools(stage: &Stage<'_>, server: &Server) -> Vec<Tool> {
    let url = format!("http://{}/", server.host);
    let tool = |name: String, program: &Path, words: &[&str]| Tool {
        name,
        agent: None,
        words: std::iter::once(program.into())
            .chain(words.iter().map(Into::into))
            .collect(),
        whole: Vec::new(),
        first: Vec::new(),
    };
    let account = ["-u", "alice", "-p", "x"];
    let mut tools: Vec<Tool> = stage
        .agents
        .iter()
        .enumerate()
        .map(|(at, agent)| {
            let words = [&["publish", "-r", &url], &account[..]].concat();
            let name = format!("`helper publish`, {}", agent.build.name);
            Tool {
                agent: Some(at),
                ..tool(name, &agent.build.helper, &words)
            }
        })
        .collect();
    let uv = tools_folder("CREDENTIAL_HELPER_TEST_CLIENTS", "clients").join("uv/bin/uv");
    let twine = tools_folder("CREDENTIAL_HELPER_TEST_PUBLISH", "publish").join("bin/twine");
    if uv.is_file() && twine.is_file() {
        let words = ["publish", "--no-config", "--publish-url", &url];
        let never = [
            "--trusted-publishing",
            "never",
            "--keyring-provider",
            "disabled",
        ];
        tools.push(tool(
            "`uv publish`".to_owned(),
            &uv,
            &[&words[..], &never, &account].concat(),
        ));
        let words = ["upload", "--non-interactive", "--disable-progress-bar"];
        tools.push(tool(
            "twine".to_owned(),
            &twine,
            &[&words[..], &["--repository-url", &url], &account].concat(),
        ));
    }
    tools
}

/// Wheels of this many bytes, which cannot be packed any smaller.
fn wheels(python: &Path, folder: &Path, count: usize, size: usize) -> Vec<PathBuf> {
    const CODE: &str = "
import os, sys, zipfile
path, name, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
info = name + '-1.0.dist-info/'
with zipfile.ZipFile(path, 'w') as wheel:
    with wheel.open(name + '.bin', 'w') as large:
        for begin in range(0, size, 1 << 20):
            large.write(os.urandom(min(1 << 20, size - begin)))
    wheel.writestr(info + 'METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
";
    std::fs::create_dir_all(folder).unwrap();
    let one = |number| {
        let name = format!("big{number}");
        let path = folder.join(format!("{name}-1.0-py3-none-any.whl"));
        let mut command = Command::new(python);
        command.args(["-I", "-c", CODE]).arg(&path).arg(&name);
        done(command.arg(size.to_string()));
        path
    };
    (0..count).map(one).collect()
}

fn tell(size: usize, tools: &[Tool], report: &mut Report) {
    let head = [
        format!("{size} MiB in {FILES} wheels, to loopback"),
        "ms".to_owned(),
        "peak memory, KiB".to_owned(),
        "1 KB: start to first byte, ms".to_owned(),
    ];
    let mut table = vec![head];
    let of = |tool: &Tool, at: usize| median(tool.whole.iter().map(|cost| cost[at]).collect());
    for tool in tools {
        table.push([
            tool.name.clone(),
            format!("{:.0}", of(tool, 0)),
            format!("{:.0}", of(tool, 1)),
            format!("{:.1}", median(tool.first.clone())),
        ]);
    }
    let (ours, theirs) = tools.split_at(tools.len() - 2);
    let uv = &theirs[0];
    for tool in ours {
        let pairs = tool.whole.iter().zip(&uv.whole);
        let ratio = median(pairs.map(|(our, their)| our[0] / their[0]).collect());
        report.at_most(&format!("upload, {} / uv", tool.name), ratio, 0.8);
        let what = format!("peak memory, KiB, {}", tool.name);
        report.at_most(&what, of(tool, 1), 40.0 * 1024.0);
        let pairs = tool.first.iter().zip(&uv.first);
        let ratio = median(pairs.map(|(our, their)| our / their).collect());
        report.at_most(&format!("first byte, {} / uv", tool.name), ratio, 0.5);
    }
    report.table(&table);
}

/// Reads every upload to its end and takes it; serves until the process ends.
struct Server {
    host: String,
    /// When the first byte of a form came, since it was last asked.
    first: Arc<Mutex<Option<Instant>>>,
    /// How many bytes of forms came.
    taken: Arc<Mutex<u64>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            host: listener.local_addr().unwrap().to_string(),
            first: Arc::default(),
            taken: Arc::default(),
        };
        let (first, taken) = (server.first.clone(), server.taken.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (first, taken) = (first.clone(), taken.clone());
                std::thread::spawn(move || serve(&stream, &first, &taken));
            }
        });
        server
    }
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, first: &Mutex<Option<Instant>>, taken: &Mutex<u64>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::with_capacity(256 * 1024, stream);
    let mut writer = stream;
    loop {
        let (mut line, mut length, mut chunked, mut waits) = (String::new(), 0, false, false);
        reader
            .read_line(&mut line)
            .ok()
            .filter(|count| *count > 0)?;
        let is_post = line.starts_with("POST");
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim_end().to_ascii_lowercase();
            match header.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok()?,
                Some(("transfer-encoding", _)) => chunked = true,
                Some(("expect", _)) => waits = true,
                _ if header.is_empty() => break,
                _ => {}
            }
        }
        if waits {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        if is_post {
            reader.fill_buf().ok()?;
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(Instant::now);
        }
        let count = if chunked {
            chunks(&mut reader)?
        } else {
            std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).ok()?
        };
        *taken.lock().unwrap_or_else(PoisonError::into_inner) += count;
        let status = if is_post { "200 OK" } else { "404 Not Found" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

/// Reads a body in chunks (RFC 9112, 7.1) to its end: its size.
fn chunks(reader: &mut impl std::io::BufRead) -> Option<u64> {
    let mut whole = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = u64::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        // With the end of the line behind it.
        let both = reader.by_ref().take(size + 2);
        std::io::copy(&mut { both }, &mut std::io::sink()).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole += size;
    }
}
