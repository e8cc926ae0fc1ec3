//! What can be written after `helper scan` and `helper import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `helper scan`.
#[derive(Args)]
pub(crate) struct ScanArgs {
    /// Files and folders [default: your own files, and the project in the working folder]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print what was found [default: text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<ScanFormat>,
}

/// How `scan` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// For people.
    #[value(help = "for people")]
    Text,
    /// As `--json`.
    #[value(help = "as --json")]
    Json,
    /// SARIF 2.1.0.
    #[value(help = "SARIF 2.1.0, for code hosts")]
    Sarif,
}

/// `helper import`.
#[derive(Args)]
pub(crate) struct ImportArgs {
    /// Files and folders [default: your own files, and the project in the working folder]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Do it; without this it is only shown what would be done
    #[arg(long)]
    pub(crate) apply: bool,
}
