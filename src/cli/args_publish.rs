//! What can be written after `helper publish`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use credential_helper_protocol::Secret;

/// `helper publish`. Not printable: it may hold a password.
#[derive(Args)]
#[command(
    after_help = "Without --username and --password the credential is looked up for this upload.\n\
                  Exit status: 1 a file is bad, and nothing was sent; 5 the server refused; \
                  130, 143 interrupted"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub(crate) struct PublishArgs {
    /// Wheels and source archives, or patterns of them [default: dist/*]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to: a repository's name, or an upload URL [default: pypi]
    #[arg(short, long, value_name = "NAME|URL")]
    pub(crate) repository: Option<String>,
    /// The account
    #[arg(short, long, value_name = "USERNAME")]
    pub(crate) username: Option<String>,
    /// The password, or the token; other programs can see it here
    #[arg(short, long, value_name = "PASSWORD", value_parser = secret)]
    pub(crate) password: Option<Secret>,
    /// Believe these authorities only, in place of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Show this certificate; its key is in the same file
    #[arg(long, value_name = "FILE")]
    pub(crate) client_cert: Option<PathBuf>,
    /// Build the project in this folder into dist first, and upload what that made
    #[arg(long, conflicts_with = "files")]
    pub(crate) build: bool,
    /// Do everything but send
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only look at the files, and tell what a server would refuse
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Leave out what the server has under the same name, also with other bytes
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Send the attestations that stand beside the files, as FILE.NAME.attestation
    #[arg(long)]
    pub(crate) attestations: bool,
    /// Send the stored token of PyPI itself, not a child for this project and 15 minutes
    #[arg(long)]
    pub(crate) no_attenuate: bool,
    /// Whether the identity of the CI job is exchanged for a token
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t = TrustedWord::Auto,
    )]
    pub(crate) trusted_publishing: TrustedWord,
    /// Send no credential
    #[arg(long, conflicts_with_all = ["username", "password"])]
    pub(crate) anonymous: bool,
}

/// When trusted publishing is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrustedWord {
    /// Where nothing else is found.
    #[value(help = "in a CI job, where no other credential is found")]
    Auto,
    /// Nothing else is asked.
    #[value(help = "and nothing else; an error where it cannot be")]
    Always,
    /// It is not.
    #[value(help = "only with what is stored or given")]
    Never,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what a parser of a value has to be"
)]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::from(text))
}
