//! The real program, watched: the most memory it had, and the most that stood on disk.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::harness::sandbox::{Ended, HELPER, Sandbox, gone, wait};

/// Between two looks. What the kernel keeps is the most that there ever was, so only what comes in
/// the last moment of a process is missed.
const LOOK: Duration = Duration::from_millis(3);

/// A run reads tens of megabytes, with a program that is not optimised, maybe beside many others.
const LONG: Duration = Duration::from_mins(4);

/// How a run ended, and what it took.
#[derive(Debug)]
pub struct Measured {
    pub ended: Ended,
    /// KiB.
    pub memory: u64,
    /// Bytes in all files of the home, with the cache and the folder for temporary files.
    pub disk: u64,
}

/// `helper resolve` of these requirements against this index, for Python 3.12 on Linux.
pub fn resolve(url: &str, arguments: &[&str]) -> Measured {
    let linux = ["--python-platform", "linux"];
    measured(url, &[&linux, arguments].concat())
}

/// The same for all platforms, from Python 3.12 on.
pub fn resolve_all(url: &str, arguments: &[&str]) -> Measured {
    measured(url, &[&["--universal"], arguments].concat())
}

fn measured(url: &str, arguments: &[&str]) -> Measured {
    let mut sandbox = Sandbox::new().without_keyring();
    let folder = sandbox.path("tmp");
    std::fs::create_dir(&folder).unwrap();
    sandbox.set("TMPDIR", folder.to_str().unwrap());
    let before = size(sandbox.root());
    let mut command = sandbox.command(HELPER);
    command.args([
        "--no-agent",
        "--color",
        "never",
        "resolve",
        "--index-url",
        url,
    ]);
    command.args(["--python-version", "3.12"]);
    command
        .args(["--no-header", "--no-annotate"])
        .args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let pid = Pid::from_child(&child);
    let until = Instant::now() + LONG;
    let (mut memory, mut disk) = (0, 0);
    while !gone(pid, LOOK) && Instant::now() < until {
        memory = peak(pid).unwrap_or(memory);
        disk = disk.max(size(sandbox.root()));
    }
    let ended = wait(&mut child, Duration::ZERO);
    let disk = disk.max(size(sandbox.root())) - before;
    Measured {
        ended,
        memory,
        disk,
    }
}

/// The most memory that a process had so far.
fn peak(pid: Pid) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// All bytes below a folder. Files may go while they are counted.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
