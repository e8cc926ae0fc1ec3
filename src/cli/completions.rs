//! `helper completions`: generated from the same definitions as the help.

use clap::{Command, CommandFactory as _};
use credential_helper_protocol::Failure;

use super::Session;
use super::args::{Cli, CompletionsArgs};

/// Prints the script of a shell.
pub(crate) fn run(session: &mut Session<'_>, args: &CompletionsArgs) -> Result<u8, Failure> {
    // The generators offer hidden options too.
    let mut root = Cli::command().mut_subcommand("agent", |agent| {
        agent.mut_subcommand("run", |run| {
            Command::new("run").about(run.get_about().cloned().unwrap_or_default())
        })
    });
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut root, "helper", &mut script);
    session.out.text(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
