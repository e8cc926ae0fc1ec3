//! The command line: one file a command, and the only place that prints.

mod agent;
mod args;
mod args_agent;
mod args_bridge;
#[cfg(feature = "net")]
mod args_cache;
mod args_exec;
#[cfg(feature = "net")]
mod args_index;
#[cfg(feature = "net")]
mod args_publish;
#[cfg(feature = "net")]
mod args_resolve;
mod args_scan;
mod args_setup;
#[cfg(feature = "net")]
mod args_source;
mod args_token;
mod bridge;
#[cfg(feature = "net")]
mod cache;
mod chosen;
mod completions;
mod config;
mod delete;
pub(crate) mod doctor;
mod env;
mod exec;
mod explain;
mod get;
mod import;
#[cfg(feature = "net")]
mod index;
mod list;
mod log;
#[cfg(feature = "net")]
mod lookups;
mod man;
mod man_text;
#[cfg(feature = "net")]
mod missing;
mod often;
mod output;
mod outside;
#[cfg(feature = "net")]
mod progress;
mod prompt;
#[cfg(feature = "net")]
mod publish;
#[cfg(feature = "net")]
mod python;
#[cfg(feature = "net")]
mod resolve;
mod scan;
mod selftest;
mod set;
mod setup;
#[cfg(feature = "net")]
mod source;
mod table;
mod token;
mod trust;
mod usage;
mod work;

#[cfg(test)]
mod fake;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use credential_helper_protocol::caller::{About, CallerOptions};
use credential_helper_protocol::{Context, ErrorCode, Failure};

use self::args::{Cli, Command, Global};
use self::output::Output;
use self::outside::{Environment, Here, LogWish, Outside};
use crate::bridge as bridges;
#[cfg(target_os = "linux")]
use crate::ci::holder::COMMAND as HOLDER;
use crate::connect::{Agent, Options};
use crate::domain::log::{Level, Log};
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // What holds a netrc for others has to let them open it, from its first moment on.
    #[cfg(target_os = "linux")]
    let holds = arguments.get(1).is_some_and(|word| word == HOLDER);
    #[cfg(not(target_os = "linux"))]
    let holds = false;
    if !holds {
        credential_helper_protocol::guard::guard();
    }
    let environment = Environment::of_process();
    let Ok(mut out) = Output::standard(environment.no_color) else {
        // Without a descriptor there is nothing to say it on.
        return ExitCode::from(ErrorCode::Internal.exit_status());
    };
    ExitCode::from(run(&arguments, environment, &Here, &mut out))
}

/// Runs a command; the exit status.
pub(crate) fn run(
    arguments: &[OsString],
    environment: Environment,
    outside: &dyn Outside,
    out: &mut Output,
) -> u8 {
    match parse_and_answer(arguments, environment, outside, out) {
        Ok(status) => status,
        Err(failure) => {
            out.failure(&failure);
            failure.code.exit_status()
        }
    }
}

fn parse_and_answer(
    arguments: &[OsString],
    environment: Environment,
    outside: &dyn Outside,
    out: &mut Output,
) -> Result<u8, Failure> {
    // A bridge's arguments are its own, also those that look like ours.
    let chosen = bridges::chosen(arguments);
    let own = chosen.map(|(bridge, _)| ["helper", "bridge", bridge.name].map(OsString::from));
    let words: &[OsString] = own.as_ref().map_or(arguments, |own| own);
    let cli = match Cli::of(words) {
        Ok(cli) => cli,
        Err(error) => {
            let words: Vec<String> = arguments
                .iter()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            let json = usage::wants_json(&words);
            out.configure(args::Color::Auto, json);
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                    out.text(&error.render().to_string())?;
                    Ok(0)
                }
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => {
                    out.help(&error.render().to_string());
                    Ok(ErrorCode::Usage.exit_status())
                }
                _ => Err(usage::failure(&error, &words)),
            };
        }
    };
    let global = &cli.global;
    out.configure(global.color, global.json);
    if environment.log == LogWish::Unknown {
        out.warning("CREDENTIAL_HELPER_LOG is ignored: its values are `info` and `debug`");
    }
    let level = log_level(global.verbose, environment.log);
    if global.prompt && global.non_interactive {
        return Err(Failure::new(
            ErrorCode::Usage,
            "--prompt cannot be used together with --non-interactive",
        ));
    }
    let mut session = Session {
        global,
        environment,
        outside,
        level,
        log: level.map_or_else(Log::default, |level| out.log(level)),
        out,
    };
    match cli.command {
        Command::Get(args) => get::run(&mut session, args),
        Command::Set(args) => set::run(&mut session, args),
        Command::Delete(args) => delete::run(&mut session, args),
        Command::List => list::run(&mut session),
        Command::Explain(args) => explain::run(&mut session, args),
        Command::Config(args) => config::run(&mut session, args),
        Command::Trust(args) => trust::run(&mut session, args),
        Command::Exec(args) => exec::run(&mut session, &args),
        Command::Env(args) => env::run(&mut session, &args),
        Command::Agent(args) => agent::run(&mut session, &args.command),
        #[cfg(feature = "net")]
        Command::Index(args) => index::run(&mut session, &args),
        #[cfg(feature = "net")]
        Command::Resolve(args) => resolve::run(&mut session, &args),
        #[cfg(feature = "net")]
        Command::Publish(args) => publish::run(&mut session, &args),
        #[cfg(feature = "net")]
        Command::Source(args) => source::run(&mut session, &args.command),
        Command::Doctor(args) => doctor::run(&mut session, &args),
        Command::Selftest(args) => selftest::run(&mut session, &args),
        Command::Scan(args) => scan::run(&mut session, &args),
        Command::Import(args) => import::run(&mut session, &args),
        Command::Token(args) => token::run(&mut session, &args.command),
        #[cfg(feature = "net")]
        Command::Cache(args) => cache::run(&mut session, args.command),
        Command::Completions(args) => completions::run(&mut session, &args),
        Command::Man(args) => man::run(&mut session, &args),
        Command::Setup(args) => setup::run(&mut session, &args),
        Command::Bridge(args) => match chosen {
            Some((bridge, arguments)) => bridge::run(&mut session, bridge, arguments),
            None => bridge::run(&mut session, args.bridge, &args.arguments),
        },
        #[cfg(target_os = "linux")]
        Command::SelftestStranger { folder } => selftest::stranger(&mut session, &folder),
        #[cfg(target_os = "linux")]
        Command::ExecNetrc(args) => exec::hold(&args),
    }
}

/// What every command works with.
pub(crate) struct Session<'a> {
    global: &'a Global,
    environment: Environment,
    outside: &'a dyn Outside,
    level: Option<Level>,
    /// Where it is told what is done.
    pub(crate) log: Log,
    /// Where it prints.
    pub(crate) out: &'a mut Output,
}

impl Session<'_> {
    /// How the agent is reached.
    fn options(&self) -> Options {
        Options {
            no_agent: self.global.no_agent || self.environment.no_agent,
            timeout: self.global.timeout,
            log: self.log.clone(),
        }
    }

    /// The agent that answers.
    fn agent(&self) -> Result<Box<dyn Agent>, Failure> {
        self.outside.connect(&self.options())
    }

    /// Who asks, with the variables that can concern the question.
    fn context(&self, about: About<'_>) -> Result<Context, Failure> {
        self.context_that_may(about, self.global.prompt)
    }

    /// The same without variables, for what no variable can concern.
    fn context_alone(&self, prompt: bool) -> Result<Context, Failure> {
        let mut context = self.context_that_may(About::All, prompt)?;
        context.variables.clear();
        Ok(context)
    }

    fn context_that_may(&self, about: About<'_>, prompt: bool) -> Result<Context, Failure> {
        self.outside.context(about, &self.caller(prompt))
    }

    /// What the command line says about who asks.
    fn caller(&self, prompt: bool) -> CallerOptions {
        CallerOptions {
            directory: self.global.directory.clone(),
            timeout_ms: self
                .global
                .timeout
                .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            prompt,
        }
    }

    /// Whether a person may be asked at the terminal.
    fn may_ask(&self) -> bool {
        !self.global.non_interactive && !self.environment.ci
    }
}

/// How much is logged: what the option or the variable says, whichever is more.
fn log_level(verbose: u8, wish: LogWish) -> Option<Level> {
    let by_option = match verbose {
        0 => None,
        1 => Some(Level::Info),
        _ => Some(Level::Debug),
    };
    let by_variable = match wish {
        LogWish::Off | LogWish::Unknown => None,
        LogWish::Level(level) => Some(level),
    };
    by_option.max(by_variable)
}

/// What `NAME|URL` means: anything with `://` is a URL. Checked here, so that a mistake is told
/// before anything is started.
fn target(text: &str) -> Result<About<'_>, Failure> {
    if text.contains("://") {
        RepositoryUrl::parse(text)?;
        Ok(About::Url(text))
    } else {
        RepositoryName::parse(text)?;
        Ok(About::Name(text))
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
