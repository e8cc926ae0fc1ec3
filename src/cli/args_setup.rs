//! The arguments of `helper setup`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::setup::tools::TOOLS;

/// `helper setup`.
#[derive(Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub(crate) struct SetupArgs {
    /// The tool
    #[arg(value_name = "TOOL", required_unless_present = "list", value_parser = tools())]
    pub(crate) tool: Option<String>,
    /// Hosts of registries (docker, bazel), or names of repositories (--store)
    #[arg(value_name = "HOST|NAME")]
    pub(crate) names: Vec<String>,
    /// List the tools
    #[arg(long, conflicts_with_all = ["tool", "undo", "dry_run", "python", "project", "store"])]
    pub(crate) list: bool,
    /// Take back what was changed, and nothing else
    #[arg(long)]
    pub(crate) undo: bool,
    /// Only show it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The tool's Python, for its keyring
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Also change the indexes of the project here (uv)
    #[arg(long)]
    pub(crate) project: bool,
    /// Keep these repositories in a store of uv's own, in memory
    #[arg(long)]
    pub(crate) store: bool,
}

/// The tools that can be set up.
fn tools() -> PossibleValuesParser {
    PossibleValuesParser::new(TOOLS.map(|(name, about)| PossibleValue::new(name).help(about)))
}
