//! Errors in the arguments, in our words.
//!
//! The parser's own text repeats what was typed, and `helper set foo me hunter2` is the likeliest
//! mistake of all: an argument that is not an option's name is never shown again.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use credential_helper_protocol::{ErrorCode, Failure};

/// What the parser found wrong, without any value.
pub(crate) fn failure(error: &clap::Error, arguments: &[String]) -> Failure {
    let given = |kind| texts(error.get(kind));
    let command = command(arguments);
    // A secret may start with a dash.
    let takes_secrets = matches!(command.as_str(), "helper set" | "helper config");
    let message = match error.kind() {
        ErrorKind::UnknownArgument => {
            let argument = given(ContextKind::InvalidArg).concat();
            match option_name(&argument) {
                Some(name) if !takes_secrets => format!("there is no option {name} here"),
                _ if argument.starts_with('-') => "there is no such option here".to_owned(),
                _ => "there is an argument too many".to_owned(),
            }
        }
        ErrorKind::InvalidSubcommand => "there is no such command".to_owned(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a command is missing".to_owned()
        }
        ErrorKind::MissingRequiredArgument => {
            format!("missing: {}", given(ContextKind::InvalidArg).join(", "))
        }
        ErrorKind::ArgumentConflict => {
            let argument = given(ContextKind::InvalidArg).join(", ");
            let prior = given(ContextKind::PriorArg).join(", ");
            if argument == prior || prior.is_empty() {
                format!("{argument} is given twice")
            } else {
                format!("{argument} cannot be used together with {prior}")
            }
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let argument = given(ContextKind::InvalidArg).join(", ");
            let valid = given(ContextKind::ValidValue);
            if !valid.is_empty() {
                format!("{argument} wants one of {}", valid.join(", "))
            } else if argument.starts_with("--timeout") {
                "--timeout wants a number of seconds from 0.1 to 600".to_owned()
            } else if argument.starts_with("--exclude-newer") {
                "--exclude-newer wants a date, as 2026-01-31, a time in RFC 3339, or a time before now, as \"7 days\"".to_owned()
            } else {
                format!("{argument} wants a value")
            }
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => "the arguments cannot be understood".to_owned(),
    };
    let mut hints = Vec::new();
    if takes_secrets && error.kind() == ErrorKind::UnknownArgument {
        hints.push(if command == "helper set" {
            "the secret is never an argument: it is asked for, or read from standard input"
                .to_owned()
        } else {
            "a value that starts with a dash stands after `--`".to_owned()
        });
    }
    let suggested: Vec<String> = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand]
        .into_iter()
        .flat_map(given)
        .collect();
    if !suggested.is_empty() {
        hints.push(format!("did you mean {}?", suggested.join(" or ")));
    }
    if hints.is_empty() {
        hints.push(format!("run `{command} --help`"));
    }
    let hint = hints.join("; ");
    Failure::new(ErrorCode::Usage, message).hint(hint)
}

/// Whether `--json` stands before the end of the options.
pub(crate) fn wants_json(arguments: &[String]) -> bool {
    options(arguments).any(|argument| argument == "--json")
}

fn options(arguments: &[String]) -> impl Iterator<Item = &String> {
    arguments
        .iter()
        .skip(1)
        .take_while(|argument| *argument != "--")
}

/// The command that was meant, from our own names only.
fn command(arguments: &[String]) -> String {
    use clap::CommandFactory as _;
    let root = super::args::Cli::command();
    let mut current = &root;
    let mut words = vec!["helper"];
    for argument in options(arguments) {
        if let Some(next) = current.find_subcommand(argument) {
            words.push(next.get_name());
            current = next;
        }
    }
    words.join(" ")
}

/// The name of an option, without a value behind it; `None` for anything else.
fn option_name(argument: &str) -> Option<&str> {
    let name = argument.split('=').next()?;
    let word = name.strip_prefix("--").or_else(|| {
        name.strip_prefix('-')
            .filter(|short| short.chars().count() == 1)
    })?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!word.is_empty() && word.len() <= 30 && word.chars().all(plain)).then_some(name)
}

/// The texts of a piece of context.
fn texts(value: Option<&ContextValue>) -> Vec<String> {
    match value {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
