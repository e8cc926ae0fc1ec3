//! The bad days of an agent: one test for each kind of fault, in rounds.
//!
//! `cargo test --test main faults` runs a few rounds of each. `tests/faults/long --hours H` runs the
//! same functions for longer and writes what came of it to `docs/faults.md`.

mod bus_prompt;
mod changes;
mod client;
mod clients;
mod clocks;
mod disk;
mod input;
mod keyring;
mod kills;
mod late;
mod limits;
mod points;
mod refresh;
mod signals;
mod skew;
mod soak;
mod start;
mod strace;
mod writers;

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(super) use crate::agent::{AUTH, auth, password, sandbox};
use crate::harness::keyring::find;

/// How long the long form takes; set by `tests/faults/long`.
const HOURS: &str = "CREDENTIAL_HELPER_FAULTS_HOURS";
/// The file to which the long form adds a line for each row.
const REPORT: &str = "CREDENTIAL_HELPER_FAULTS_REPORT";

/// What a wait may take on a machine that others use; the table has the time that it took.
pub(super) const BUSY: Duration = Duration::from_secs(30);

pub(super) const SETTINGS: &str = "home/.config/credential-helper/config.toml";

/// What is asked of one kind of fault.
pub(super) struct Row {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// What has to hold.
    pub(super) target: &'static str,
    /// Rounds among the other tests, in half an hour, and at most.
    pub(super) rounds: [u32; 3],
}

/// A run of one row.
pub(super) struct Run {
    row: Row,
    pub(super) rounds: u32,
    /// How long a load that lasts has to last.
    pub(super) hours: Option<f64>,
    begun: Instant,
    done: AtomicU32,
    figures: Mutex<Vec<String>>,
}

impl Row {
    /// Runs it; what came of it is told even where it fails.
    pub(super) fn run(self, test: impl FnOnce(&Run)) {
        let hours: Option<f64> = std::env::var(HOURS).ok().map(|text| text.parse().unwrap());
        let [short, half_hour, most] = self.rounds;
        let rounds = hours.map_or(short, |hours| {
            let wanted = f64::from(half_hour) * hours * 2.0;
            let fits = |count: &u32| f64::from(*count) <= wanted;
            (short..=most).rev().find(fits).unwrap_or(short)
        });
        let run = Run {
            row: self,
            rounds,
            hours,
            begun: Instant::now(),
            done: AtomicU32::new(0),
            figures: Mutex::default(),
        };
        test(&run);
    }
}

impl Run {
    /// The next round of this run, for whoever comes; none when all are done.
    pub(super) fn next(&self) -> Option<u32> {
        let next = self.done.fetch_add(1, Ordering::Relaxed);
        (next < self.rounds).then_some(next)
    }

    /// Shares the rounds among this many threads.
    pub(super) fn shared(&self, threads: u32, work: impl Fn(&Self) + Sync) {
        std::thread::scope(|scope| {
            for _ in 0..threads.min(self.rounds) {
                scope.spawn(|| work(self));
            }
        });
    }

    /// A number for the table.
    pub(super) fn figure(&self, text: impl Into<String>) {
        self.figures.lock().unwrap().push(text.into());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let Some(report) = std::env::var_os(REPORT) else {
            return;
        };
        let failed = std::thread::panicking();
        let done = self.done.load(Ordering::Relaxed).min(self.rounds);
        let figures = self.figures.lock().unwrap().join("; ");
        let row = &self.row;
        let line = format!(
            "{}\t{}\t{}\t{}\t{}\t{:.0}\t{figures}\n",
            row.name,
            row.target,
            if done == 0 { self.rounds } else { done },
            row.rounds[2],
            if failed { "FAILED" } else { "ok" },
            self.begun.elapsed().as_secs_f64(),
        );
        let mut options = std::fs::File::options();
        let file = options.append(true).create(true).open(report);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// The longest of many times.
#[derive(Default)]
pub(super) struct Slowest(AtomicU64);

impl Slowest {
    /// One more; it comes back.
    pub(super) fn note(&self, time: Duration) -> Duration {
        let micros = u64::try_from(time.as_micros()).unwrap();
        self.0.fetch_max(micros, Ordering::Relaxed);
        time
    }

    /// For the table.
    pub(super) fn shown(&self) -> String {
        shown(Duration::from_micros(self.0.load(Ordering::Relaxed)))
    }
}

/// A time as the table has it.
pub(super) fn shown(time: Duration) -> String {
    if time < Duration::from_millis(10) {
        format!("{} µs", time.as_micros())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// The value that so many of a hundred do not exceed.
pub(super) fn percentile(sorted: &[Duration], share: usize) -> Duration {
    sorted[(sorted.len() - 1) * share / 100]
}

/// A moment in the middle of something, another one each round. What waits for it waits for its
/// event; the time-out is the point.
pub(super) fn moment(round: u32) -> Duration {
    Duration::from_micros(u64::from(round.wrapping_mul(7919) % 40_000))
}

/// The last part of an error's name; nothing for an answer.
pub(super) fn error(reply: &Value) -> &str {
    let name = reply["error"].as_str().unwrap_or_default();
    name.rsplit('.').next().unwrap_or_default()
}

/// It was told that somebody could not be asked, not that nothing is there.
#[track_caller]
pub(super) fn assert_not_asked(reply: &Value) {
    assert!(
        ["Unavailable", "TimedOut", "Locked", "Malformed"].contains(&error(reply)),
        "{reply}"
    );
}

/// Whether a program is here; a line says so where it is not.
pub(super) fn has(program: &str) -> bool {
    let found = find(program).is_some();
    if !found {
        eprintln!("{program} is not installed: this part is not tested");
    }
    found
}

/// A number of a process's status, in KiB where it is memory.
pub(super) fn status(pid: rustix::process::Pid, key: &str) -> u64 {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let mut words = line.unwrap().split_ascii_whitespace();
    words.next().unwrap().parse().unwrap()
}

/// How many descriptors a process has; only root may see that of an agent.
pub(super) fn descriptors(pid: rustix::process::Pid) -> Option<usize> {
    let folder = format!("/proc/{}/fd", pid.as_raw_nonzero());
    Some(std::fs::read_dir(folder).ok()?.count())
}
