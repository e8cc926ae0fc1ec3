//! `helper selftest`: the safety rules, tried out on the user's own machine.
//!
//! Programs of this installation run in a folder of their own, with a made-up credential and a home
//! without anything of the user's; what is stored, set or bound for the user is neither read nor
//! changed. Nothing is printed here.
//!
//! - `ground`: that folder, and the programs in it
//! - `stranger`: another user knocks, and another user's server waits
//! - `memory`: who can read the agent's memory, and what is left when it crashes
//! - `socket`: where the agent listens, and whom a client talks to
//! - `deadline`: a provider that never answers
//! - `traces`: where the made-up secret must not be found afterwards
//! - `keyring`: the keyring of the user's session

#[cfg(target_os = "linux")]
mod deadline;
#[cfg(target_os = "linux")]
mod ground;
#[cfg(target_os = "linux")]
mod here;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod socket;
#[cfg(target_os = "linux")]
mod stranger;
#[cfg(target_os = "linux")]
mod traces;

#[cfg(target_os = "linux")]
pub use stranger::told as stranger_told;

use std::time::{Duration, SystemTime};

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{Failure, VERSION};
use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The rule holds here.
    Ok,
    /// It does not.
    Failed,
    /// It could not be tried out here.
    NotHere,
}

/// One rule, tried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which one, a stable word.
    pub id: &'static str,
    /// How it ended.
    pub result: Outcome,
    /// What was seen, or why it could not be tried.
    pub seen: String,
}

impl Check {
    fn new(id: &'static str, result: Outcome, seen: impl Into<String>) -> Self {
        Self {
            id,
            result,
            seen: seen.into(),
        }
    }

    #[cfg(any(target_os = "linux", test))]
    fn ok(id: &'static str, seen: impl Into<String>) -> Self {
        Self::new(id, Outcome::Ok, seen)
    }

    #[cfg(any(target_os = "linux", test))]
    fn failed(id: &'static str, seen: impl Into<String>) -> Self {
        Self::new(id, Outcome::Failed, seen)
    }

    fn not_here(id: &'static str, seen: impl Into<String>) -> Self {
        Self::new(id, Outcome::NotHere, seen)
    }
}

/// What is tried out, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Also stores, reads and removes one entry of ours in the user's keyring.
    pub keyring: bool,
    /// How long one step may take.
    pub time: Duration,
}

/// What came out, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Our version.
    pub version: String,
    /// When, as RFC 3339 in UTC.
    pub date: String,
    /// The system and its kernel.
    pub system: String,
    /// The user.
    pub uid: u32,
    /// The rules, in the order in which they are shown.
    pub checks: Vec<Check>,
}

impl Report {
    fn of(checks: Vec<Check>) -> Self {
        Self {
            version: VERSION.to_owned(),
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            system: system(),
            uid: Surroundings::of_process().uid,
            checks,
        }
    }

    /// How many rules do not hold.
    pub fn failed(&self) -> usize {
        let failed = |check: &&Check| check.result == Outcome::Failed;
        self.checks.iter().filter(failed).count()
    }
}

/// The system's name, its kernel's version where it tells one, and the processor.
fn system() -> String {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?;
        Some(text.trim().to_owned())
    };
    let name = read("ostype").unwrap_or_else(|| std::env::consts::OS.to_owned());
    let words = [
        Some(name),
        read("osrelease"),
        Some(std::env::consts::ARCH.to_owned()),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    words.join(" ")
}

/// Tries every rule out.
///
/// # Errors
/// Where not even an agent of our own can be started.
#[cfg(target_os = "linux")]
pub fn run(options: &Options) -> Result<Report, Failure> {
    here::checks(options).map(Report::of)
}

/// Elsewhere nothing is tried out: the means for it are those of Linux.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn run(_options: &Options) -> Result<Report, Failure> {
    Ok(Report::of(
        IDS.into_iter()
            .map(|id| Check::not_here(id, "tried out on Linux only"))
            .collect(),
    ))
}

/// The rules, in the order in which they are shown.
pub const IDS: [&str; 11] = [
    "agent",
    "other-user",
    "memory",
    "swap",
    "socket",
    "squatting",
    "deadline",
    "log",
    "files",
    "core",
    "keyring",
];

#[cfg(test)]
#[path = "selftest_tests.rs"]
mod tests;
