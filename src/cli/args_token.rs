//! What can be written after `helper token`.

use clap::{Args, Subcommand};

/// `helper token`.
#[derive(Args)]
pub(crate) struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

/// The commands about tokens.
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Tell the server, the projects and the end of a token, without asking anybody
    Inspect(InspectArgs),
}

/// `helper token inspect`.
#[derive(Args)]
pub(crate) struct InspectArgs {
    /// A repository's name, or a URL
    #[arg(value_name = "NAME|URL")]
    pub(crate) target: String,
}
