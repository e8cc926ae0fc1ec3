//! A client for this process: the running agent, one that it starts, or the same agent inside this
//! process (`--no-agent`).

use std::path::PathBuf;
use std::time::Duration;

use credential_helper_protocol::{
    Asked, BindingList, Changed, Configure, Context, Credential, Delete, ErrorCode, Explanation,
    Failure, Listing, Question, Report, Set, SettingsReply, Status, Trust, Unlock,
};

/// How the agent is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Does the work inside this process.
    pub no_agent: bool,
    /// `--timeout`: caps every wait.
    pub timeout: Option<Duration>,
    /// How much is logged to standard error: 0, 1 or 2.
    pub verbose: u8,
}

/// How `helper agent run` runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// A client started it: own session, one line on standard output when it is ready, ends when
    /// idle.
    pub detached: bool,
    /// How much is logged: 0, 1 or 2.
    pub verbose: u8,
}

/// The agent's methods, wherever it runs.
pub trait Agent {
    /// The credential of a repository.
    fn get(&mut self, question: &Question) -> Result<Credential, Failure>;
    /// The whole search for it, without the secret.
    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure>;
    /// What is stored or set, without secrets.
    fn list(&mut self, asked: &Asked) -> Result<Listing, Failure>;
    /// Stores a credential.
    fn set(&mut self, set: &Set) -> Result<Changed, Failure>;
    /// Removes one.
    fn delete(&mut self, delete: &Delete) -> Result<Changed, Failure>;
    /// Reads, writes or removes one of Poetry's settings.
    fn configure(&mut self, configure: &Configure) -> Result<SettingsReply, Failure>;
    /// Poetry's settings, without secrets.
    fn settings(&mut self, asked: &Asked) -> Result<SettingsReply, Failure>;
    /// Binds a name, or trusts a project.
    fn trust(&mut self, trust: &Trust) -> Result<BindingList, Failure>;
    /// Takes that back.
    fn untrust(&mut self, trust: &Trust) -> Result<BindingList, Failure>;
    /// Every binding there is.
    fn bindings(&mut self, asked: &Asked) -> Result<BindingList, Failure>;
    /// What a server said about a credential.
    fn report(&mut self, report: &Report) -> Result<(), Failure>;
    /// Forgets every secret and answers nothing until [`Agent::unlock`].
    fn lock(&mut self) -> Result<(), Failure>;
    /// Lifts that, and asks the keyring to unlock.
    fn unlock(&mut self, unlock: &Unlock) -> Result<(), Failure>;
    /// How the agent is.
    fn status(&mut self) -> Result<Status, Failure>;
    /// Reads settings and bindings again.
    fn reload(&mut self) -> Result<(), Failure>;
    /// Ends the agent.
    fn stop(&mut self) -> Result<(), Failure>;
}

// SEAM: everything below is replaced by the real thing when agent and protocol are there; the
// signatures are what `cli` calls.

/// The agent that answers: the running one, one that is started, or one in this process.
pub fn connect(options: &Options) -> Result<Box<dyn Agent>, Failure> {
    let _ = options;
    Err(absent("connecting to the agent"))
}

/// The running agent; `None` where there is none. Never starts one.
pub fn running(options: &Options) -> Result<Option<Box<dyn Agent>>, Failure> {
    let _ = options;
    Ok(None)
}

/// Serves until the agent ends.
pub fn run_agent(options: RunOptions) -> Result<(), Failure> {
    let _ = options;
    Err(absent("running the agent"))
}

/// Starts an agent that outlives this process and keeps its variables (rule 3.1 b); returns when it
/// answers.
pub fn start_agent(options: &Options) -> Result<Box<dyn Agent>, Failure> {
    let _ = options;
    Err(absent("starting the agent"))
}

fn absent(doing: &str) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!("{doing}: this build has none"),
    )
}

/// What a question is about: decides which variables travel with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// A repository's name.
    Name(&'a str),
    /// A URL.
    Url(&'a str),
    /// Every repository.
    All,
}

/// What the command line says about a question's context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerOptions {
    /// `--directory`.
    pub directory: Option<PathBuf>,
    /// `--timeout`.
    pub timeout_ms: Option<u64>,
    /// `--prompt`.
    pub prompt: bool,
}

/// The context of a question.
pub fn context(about: About<'_>, options: &CallerOptions) -> Result<Context, Failure> {
    let _ = about;
    Ok(Context {
        folder: options
            .directory
            .as_ref()
            .map(|folder| folder.display().to_string()),
        timeout_ms: options.timeout_ms,
        prompt: options.prompt,
        ..Context::default()
    })
}
