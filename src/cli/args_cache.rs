//! What can be written after `helper cache`.

use clap::{Args, Subcommand};

/// `helper cache`.
#[derive(Args)]
pub(crate) struct CacheArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

/// The commands about the cache.
#[derive(Clone, Copy, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what is kept, by source
    List,
    /// Remove all of it
    Clear,
}
