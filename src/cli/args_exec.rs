//! The arguments of `exec` and `env`.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::args::For;

/// Which repositories `exec` and `env` are about.
#[derive(Args)]
pub(crate) struct ChosenArgs {
    /// Repositories beside those that the project declares
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Only the repositories that are named
    #[arg(long, requires = "names")]
    pub(crate) only: bool,
    /// Only what this operation needs [default: both]
    #[arg(long, value_name = "OPERATION", value_enum)]
    pub(crate) operation: Option<For>,
    /// Set pip's own variables too
    #[arg(long, value_name = "HOW", value_enum)]
    pub(crate) pip: Option<PipWord>,
    /// Do not check where the project would send a repository's secret
    #[arg(long)]
    pub(crate) no_project_check: bool,
}

/// `helper exec`.
#[derive(Args)]
pub(crate) struct ExecArgs {
    /// Which repositories.
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,
    /// Start with PATH, HOME, USER, LANG, TERM, TMPDIR and the credentials alone
    #[arg(long)]
    pub(crate) pristine: bool,
    /// Take the secrets out of what the command prints
    #[arg(long)]
    pub(crate) mask: bool,
    /// Do not set NETRC
    #[arg(long)]
    pub(crate) no_netrc: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// `helper env`.
#[derive(Args)]
pub(crate) struct EnvArgs {
    /// Which repositories.
    #[command(flatten)]
    pub(crate) chosen: ChosenArgs,
    /// How to print them, or to whom to hand them over [default: sh]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<EnvFormat>,
}

/// How pip is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PipWord {
    /// `PIP_INDEX_URL`, the others `PIP_EXTRA_INDEX_URL`.
    #[value(help = "the first repository is the index, the others are extra indexes")]
    Index,
    /// `PIP_EXTRA_INDEX_URL`.
    #[value(help = "all are extra indexes, beside the one that pip has")]
    Extra,
}

/// The forms of `env`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvFormat {
    /// POSIX shells.
    #[value(help = "export lines, for eval in a shell")]
    Sh,
    /// fish.
    #[value(help = "for source in fish")]
    Fish,
    /// `PowerShell`.
    #[value(help = "for Invoke-Expression", name = "powershell")]
    PowerShell,
    /// `.env` files.
    #[value(help = "a .env file")]
    Dotenv,
    /// As `--json`.
    #[value(help = "as --json")]
    Json,
    /// GitHub Actions.
    #[value(help = "masks, then the file that GITHUB_ENV names")]
    Github,
    /// GitLab CI.
    #[value(help = "export lines for the same script, never a file")]
    Gitlab,
    /// Azure Pipelines.
    #[value(help = "logging commands, and the mapping that later steps need")]
    Azure,
    /// `CircleCI`.
    #[value(help = "the file that BASH_ENV names", name = "circleci")]
    CircleCi,
    /// Buildkite.
    #[value(help = "redactions, then export lines")]
    Buildkite,
    /// A netrc file.
    #[value(help = "a netrc file")]
    Netrc,
}
