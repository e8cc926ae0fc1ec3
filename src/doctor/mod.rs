//! `helper doctor`: everything that a user can get wrong, looked at, with what to do about it.
//!
//! Each part has two halves: a thin one that collects facts, and a pure one that judges them and is
//! tested with tables. Nothing is printed here, nothing is changed, and no unlock is started.
//!
//! - `sockets`, `agent`, `bus`: how the agent is reached, how it is, which keyring there is
//! - `files`, `names`: what is written where, and what names are bound to
//! - `clock`, `programs`, `backends`: the machine around
//! - `repositories`: one real request to each repository

mod agent;
mod backends;
#[cfg(all(unix, not(target_os = "macos")))]
mod bus;
mod clock;
mod configuration;
mod connected;
mod files;
mod names;
mod programs;
mod repositories;
#[cfg(unix)]
mod sockets;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{
    Asked, BindingList, Context, Credential, ErrorCode, Explanation, Failure, Listing, Question,
    Status,
};
use serde::Serialize;

pub use connected::Connected;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Works, but should be looked at.
    Warning,
    /// Does not work, or is not safe.
    Problem,
    /// Could not be checked here.
    Skipped,
}

impl Outcome {
    /// The word used in JSON and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which check, a stable word: `socket`, `bus`, `repository`...
    pub id: &'static str,
    /// What was looked at: a path, a repository's name.
    pub subject: Option<String>,
    /// How it ended.
    pub result: Outcome,
    /// What was seen, in our own words.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
}

impl Check {
    fn new(id: &'static str, result: Outcome, message: impl Into<String>) -> Self {
        Self {
            id,
            subject: None,
            result,
            message: message.into(),
            fix: None,
        }
    }

    fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// What could not be asked, and the failure's own advice.
    fn failed(id: &'static str, failure: &Failure) -> Self {
        Self {
            fix: failure.hint.clone(),
            ..Self::new(id, Outcome::Problem, failure.message.clone())
        }
    }
}

/// The agent, as far as it is asked here.
pub trait Source {
    /// How the running agent is; `None` where none was running. Starts none.
    ///
    /// # Errors
    /// Where somebody listens who is not to be used, or does not answer.
    fn status(&mut self) -> Result<Option<Status>, Failure>;
    /// What is stored or set, without secrets.
    ///
    /// # Errors
    /// Where that could not be told.
    fn list(&mut self, asked: &Asked) -> Result<Listing, Failure>;
    /// Every binding there is.
    ///
    /// # Errors
    /// Where that could not be told.
    fn bindings(&mut self, asked: &Asked) -> Result<BindingList, Failure>;
    /// The whole search for a credential, without the secret.
    ///
    /// # Errors
    /// Where that could not be told.
    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure>;
    /// The credential of a repository.
    ///
    /// # Errors
    /// Where there is none, it could not be told, or is refused.
    fn get(&mut self, question: &Question) -> Result<Credential, Failure>;
}

/// What `doctor` looks at.
pub struct Options {
    /// The environment and the user.
    pub around: Surroundings,
    /// Who asks, with the variables of every repository.
    pub context: Context,
    /// The running program.
    pub executable: Option<PathBuf>,
    /// The time now.
    pub now: SystemTime,
    /// Sends no request to a repository.
    pub offline: bool,
    /// Uses the proxies that the environment of this process names.
    pub proxies: bool,
    /// How long one request may take.
    pub time: Duration,
}

impl Options {
    /// Those of this process.
    pub fn of_process(context: Context, offline: bool) -> Self {
        Self {
            around: Surroundings::of_process(),
            context,
            executable: std::env::current_exe().ok(),
            now: SystemTime::now(),
            offline,
            proxies: true,
            time: credential_helper_protocol::limits::REQUEST_TIME,
        }
    }

    fn asked(&self) -> Asked {
        Asked {
            context: self.context.clone(),
        }
    }
}

/// Makes every check.
///
/// # Errors
/// Where nothing at all can be checked.
pub fn run(options: &Options, agent: &mut dyn Source) -> Result<Vec<Check>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(
                ErrorCode::Internal,
                format!("cannot start the checks: {}", error.kind()),
            )
        })?;
    let tasks = tokio::task::LocalSet::new();
    let mut checks = Vec::new();
    #[cfg(unix)]
    checks.extend(sockets::checks(
        &sockets::collect(&options.around),
        options.around.uid,
    ));
    // The agent is asked outside of the runtime: it may be one inside this process, with its own.
    let status = agent.status();
    checks.extend(agent::checks(&status));
    let status = status.ok().flatten();
    let found = tasks.block_on(&runtime, configuration::collect(options));
    #[cfg(all(unix, not(target_os = "macos")))]
    let keyring = {
        let seen = tasks.block_on(&runtime, bus::collect(options, &found.call));
        checks.extend(bus::checks(&seen, status.as_ref(), found.keyring_on));
        found.keyring_on && seen.has_keyring()
    };
    // Keychain and Credential Manager are part of their systems.
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let keyring = found.keyring_on;
    checks.extend(agent::providers(status.as_ref()));
    checks.extend(files::checks(&found.files, options.around.uid, keyring));
    checks.extend(found.checks());
    let listing = agent.list(&options.asked());
    let bindings = agent.bindings(&options.asked());
    checks.extend(names::unavailable(&listing, &bindings));
    let listing = listing.unwrap_or_default();
    let bindings = bindings.map(|list| list.bindings).unwrap_or_default();
    checks.extend(names::checks(&found.declared, &listing, &bindings));
    checks.extend(clock::checks(
        options.now,
        found.files.iter().filter_map(|file| file.modified),
    ));
    let programs = programs::collect(options);
    checks.extend(programs::checks(&programs));
    checks.extend(backends::checks(
        &backends::collect(options, &programs.keyrings),
        found.keyring_command(),
        found.settings_path.as_deref(),
    ));
    let known = repositories::known(&found.declared, &bindings);
    checks.extend(repositories::checks(
        options, agent, &found, &known, &runtime,
    ));
    Ok(checks)
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
