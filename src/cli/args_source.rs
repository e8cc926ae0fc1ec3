//! What can be written after `helper source`.

use clap::{Args, Subcommand, ValueEnum};

/// `helper source`.
#[derive(Args)]
pub(crate) struct SourceArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: SourceCommand,
}

/// The commands about package sources.
#[derive(Subcommand)]
pub(crate) enum SourceCommand {
    /// Add a source to the project's pyproject.toml
    Add(AddArgs),
    /// Remove a source from it
    Remove(RemoveArgs),
    /// List the sources in the order in which they are asked
    Show(ShowArgs),
}

/// `helper source add`.
#[derive(Args)]
pub(crate) struct AddArgs {
    /// The source's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Its URL, without an account; none for PyPI
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// When it is asked [default: primary]
    #[arg(short, long, value_name = "PRIORITY", value_enum)]
    pub(crate) priority: Option<SourcePriority>,
}

/// When a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourcePriority {
    /// For every package.
    Primary,
    /// For what the others do not have (Poetry).
    Supplemental,
    /// For the packages that are pinned to it.
    Explicit,
}

/// `helper source remove`.
#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// The source's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `helper source show`.
#[derive(Args)]
pub(crate) struct ShowArgs {
    /// Only this source
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}
