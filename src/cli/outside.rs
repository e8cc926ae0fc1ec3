//! What the commands need from outside, as one trait, so that tests can stand in for it.

use credential_helper_protocol::caller::{About, CallerOptions};
use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{Context, Failure, Secret};

use super::doctor;
use super::log::Writer;
use super::prompt;
use crate::connect::{self, Agent, Options, RunOptions};
use crate::doctor::Check;
use crate::domain::log::{Level, Log};
use crate::selftest;

/// The world of a command.
pub(crate) trait Outside {
    /// The agent that answers; one is started where there is none.
    fn connect(&self, options: &Options) -> Result<Box<dyn Agent>, Failure>;
    /// The running agent; `None` where there is none.
    fn running(&self, options: &Options) -> Result<Option<Box<dyn Agent>>, Failure>;
    /// Serves until the agent ends; logs to standard error at this level.
    fn run_agent(&self, options: RunOptions, level: Option<Level>) -> Result<(), Failure>;
    /// Starts an agent by hand.
    fn start_agent(&self, options: &Options) -> Result<Box<dyn Agent>, Failure>;
    /// Who asks.
    fn context(&self, about: About<'_>, options: &CallerOptions) -> Result<Context, Failure>;
    /// The environment and the user.
    fn surroundings(&self) -> Surroundings;
    /// A secret from the terminal, if that may be asked, or from standard input.
    fn secret(&self, label: &str, may_ask: bool) -> Result<Secret, Failure>;
    /// What `doctor` finds.
    fn checks(
        &self,
        options: &Options,
        caller: &CallerOptions,
        offline: bool,
    ) -> Result<Vec<Check>, Failure>;
    /// What `selftest` finds.
    fn selftest(&self, options: &selftest::Options) -> Result<selftest::Report, Failure>;
}

/// This process.
pub(crate) struct Here;

impl Outside for Here {
    fn connect(&self, options: &Options) -> Result<Box<dyn Agent>, Failure> {
        connect::connect(options)
    }

    fn running(&self, options: &Options) -> Result<Option<Box<dyn Agent>>, Failure> {
        connect::running(options)
    }

    fn run_agent(&self, options: RunOptions, level: Option<Level>) -> Result<(), Failure> {
        let writer = level.map(Writer::new);
        let log = writer.as_ref().map_or_else(Log::default, Writer::log);
        let result = connect::run_agent(&RunOptions { log, ..options });
        if let Some(writer) = writer {
            writer.finish();
        }
        result
    }

    fn start_agent(&self, options: &Options) -> Result<Box<dyn Agent>, Failure> {
        connect::start_agent(options)
    }

    fn context(&self, about: About<'_>, options: &CallerOptions) -> Result<Context, Failure> {
        connect::context(about, options)
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings::of_process()
    }

    fn secret(&self, label: &str, may_ask: bool) -> Result<Secret, Failure> {
        prompt::secret(label, may_ask)
    }

    fn checks(
        &self,
        options: &Options,
        caller: &CallerOptions,
        offline: bool,
    ) -> Result<Vec<Check>, Failure> {
        doctor::checks(options, caller, offline)
    }

    fn selftest(&self, options: &selftest::Options) -> Result<selftest::Report, Failure> {
        selftest::run(options)
    }
}

/// What the environment says about how to behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// `NO_COLOR` is set (no-color.org), or the terminal knows no colours.
    pub(crate) no_color: bool,
    /// `CI` is set: nobody is there to be asked.
    pub(crate) ci: bool,
    /// `CREDENTIAL_HELPER_NO_AGENT` is set.
    pub(crate) no_agent: bool,
    /// What `CREDENTIAL_HELPER_LOG` says.
    pub(crate) log: LogWish,
}

/// What `CREDENTIAL_HELPER_LOG` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogWish {
    /// Nothing.
    #[default]
    Off,
    /// A level.
    Level(Level),
    /// Something that is none.
    Unknown,
}

impl Environment {
    /// As it is for this process.
    pub(crate) fn of_process() -> Self {
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).is_some_and(|value| !value.is_empty());
        // Some systems say `CI=false` where others leave it out.
        let on = |name| {
            variable(name).is_some_and(|value| {
                !matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "false")
            })
        };
        Self {
            no_color: set("NO_COLOR") || variable("TERM").as_deref() == Some("dumb"),
            ci: on("CI"),
            no_agent: on("CREDENTIAL_HELPER_NO_AGENT"),
            log: match variable("CREDENTIAL_HELPER_LOG").as_deref() {
                None | Some("") => LogWish::Off,
                Some(word) => [Level::Info, Level::Debug]
                    .into_iter()
                    .find(|level| level.word() == word)
                    .map_or(LogWish::Unknown, LogWish::Level),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Level, LogWish};

    #[test]
    fn variables() {
        let read = |pairs: &[(&str, &str)]| {
            let environment = Environment::read(|name| {
                let pair = pairs.iter().find(|pair| pair.0 == name)?;
                Some(pair.1.to_owned())
            });
            (environment.no_color, environment.ci, environment.no_agent)
        };
        assert_eq!(read(&[]), (false, false, false));
        assert_eq!(
            read(&[("NO_COLOR", "0"), ("CI", "true")]),
            (true, true, false)
        );
        assert_eq!(
            read(&[("NO_COLOR", ""), ("CI", "false")]),
            (false, false, false)
        );
        assert_eq!(
            read(&[("TERM", "dumb"), ("CREDENTIAL_HELPER_NO_AGENT", "1")]),
            (true, false, true)
        );
    }

    #[test]
    fn wishes_for_a_log() {
        let level = LogWish::Level;
        for (value, wish) in [
            (None, LogWish::Off),
            (Some(""), LogWish::Off),
            (Some("info"), level(Level::Info)),
            (Some("debug"), level(Level::Debug)),
            (Some("INFO"), LogWish::Unknown),
            (Some("/var/log/helper"), LogWish::Unknown),
        ] {
            let environment = Environment::read(|name| {
                let asked = name == "CREDENTIAL_HELPER_LOG";
                value.filter(|_| asked).map(str::to_owned)
            });
            assert_eq!(environment.log, wish, "{value:?}");
        }
    }
}
