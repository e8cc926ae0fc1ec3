//! What can be written after `helper agent`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::For;

/// `helper agent`.
#[derive(Args)]
pub(crate) struct AgentArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: AgentCommand,
}

/// The commands about the agent.
#[derive(Subcommand)]
pub(crate) enum AgentCommand {
    /// Run the agent in the foreground
    Run {
        /// A client starts it.
        #[arg(long, hide = true)]
        detached: bool,
        /// A person starts it: it keeps their variables.
        #[arg(long, hide = true, requires = "detached")]
        by_hand: bool,
    },
    /// Start the agent
    Start,
    /// End the agent
    Stop,
    /// Tell how the agent is
    Status,
    /// Forget every secret and answer nothing until unlocked
    Lock,
    /// Answer again, and unlock the keyring
    Unlock {
        /// Without a window: read the keyring's password from standard input, or ask for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Open a second socket that only gives the credentials of some repositories, for a container
    Socket(SocketArgs),
    /// Read settings and bindings again
    Reload,
}

/// `helper agent socket`.
#[derive(Args)]
pub(crate) struct SocketArgs {
    /// Where, in a folder of your own that nobody else may enter
    #[arg(long, value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The repositories
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    pub(crate) names: Vec<String>,
    /// What the credentials are for
    #[arg(long, value_name = "OPERATION", value_enum, default_value_t = For::Read)]
    pub(crate) operation: For,
    /// How long, such as 30m or 1h [default: as long as the agent]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Option<Duration>,
    /// One more user who may connect, such as 0 for the root of a container
    #[arg(long, value_name = "UID")]
    pub(crate) uid: Option<u32>,
}
