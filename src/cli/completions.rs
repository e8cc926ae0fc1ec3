//! `helper completions`: generated from the same definitions as the help.

use std::fmt::Write as _;

use clap::builder::PossibleValue;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
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
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if args.shell == Shell::Fish {
        script += &values_for_fish(&root);
    }
    session.out.text(&script)?;
    Ok(0)
}

/// What can stand for an argument that is no option, such as the tool of `helper setup`: the generator
/// for fish knows values of options only.
fn values_for_fish(root: &Command) -> String {
    let mut lines = String::new();
    for command in root.get_subcommands() {
        for argument in command.get_positionals() {
            let values = argument.get_possible_values();
            let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            if !names.is_empty() {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    lines,
                    "complete -c helper -n \"__fish_helper_using_subcommand {}; and not \
                     __fish_seen_subcommand_from {names}\" -f -a \"{names}\"",
                    command.get_name(),
                    names = names.join(" "),
                );
            }
        }
    }
    lines
}
