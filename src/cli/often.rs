//! Reading the command line at little cost: only the command that is started is described.

use std::ffi::{OsStr, OsString};

use clap::{Args as _, FromArgMatches as _, Parser as _};

#[cfg(target_os = "linux")]
use super::args::HolderArgs;
use super::args::{Cli, GetArgs, Global};
use super::args_bridge::BridgeArgs;
use super::args_exec::{EnvArgs, ExecArgs};
#[cfg(feature = "net")]
use super::args_index::IndexArgs;
#[cfg(feature = "net")]
use super::args_publish::PublishArgs;
#[cfg(feature = "net")]
use super::args_resolve::ResolveArgs;

impl Cli {
    /// What these words mean; the program's name is the first.
    ///
    /// # Errors
    /// As clap has them: what is wrong, or the help that was asked for.
    pub(crate) fn of(words: &[OsString]) -> Result<Self, clap::Error> {
        // All commands with all their options take a millisecond to describe: as long as it takes
        // to answer. Where a command is the first word, it alone is described, and what it says of
        // wrong words is not used.
        let alone = words.get(1).and_then(|word| Self::with_only(word));
        if let Some(command) = alone
            && let Ok(matches) = command.try_get_matches_from(words)
            && let Ok(cli) = Self::from_arg_matches(&matches)
        {
            return Ok(cli);
        }
        Self::try_parse_from(words)
    }

    /// The command line as if this were the only command; `None` for one that is not started often.
    fn with_only(word: &OsStr) -> Option<clap::Command> {
        let (name, describe) = OFTEN.iter().find(|(name, _)| word == *name)?;
        let command = describe(clap::Command::new(*name));
        Some(Global::augment_args(clap::Command::new("helper")).subcommand(command))
    }
}

/// Describes a command's options.
type Describe = fn(clap::Command) -> clap::Command;

/// The commands that scripts and other programs start, again and again.
const OFTEN: &[(&str, Describe)] = &[
    ("get", GetArgs::augment_args),
    ("exec", ExecArgs::augment_args),
    ("env", EnvArgs::augment_args),
    ("bridge", BridgeArgs::augment_args),
    #[cfg(target_os = "linux")]
    ("exec-netrc", HolderArgs::augment_args),
    #[cfg(feature = "net")]
    ("index", IndexArgs::augment_args),
    #[cfg(feature = "net")]
    ("resolve", ResolveArgs::augment_args),
    #[cfg(feature = "net")]
    ("publish", PublishArgs::augment_args),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, OFTEN};

    #[test]
    fn a_command_described_alone_is_the_same_command() {
        let mut whole = Cli::command();
        whole.build();
        for (name, _) in OFTEN {
            let mut alone = Cli::with_only(name.as_ref()).unwrap();
            alone.build();
            let options = |command: &clap::Command| {
                let command = command.find_subcommand(name).unwrap();
                let all: Vec<String> = command
                    .get_arguments()
                    .filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
                    .map(|argument| format!("{argument:?}"))
                    .collect();
                all
            };
            assert_eq!(options(&alone), options(&whole), "{name}");
        }
        assert!(Cli::with_only("list".as_ref()).is_none());
    }
}
