//! What can be written after `helper resolve`: the options have the names that `uv pip compile` has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args_index::{PythonOptions, SourceOptions};
use crate::index::source::cutoff;

/// `helper resolve`. Not printable: a requirement or a URL may hold a password.
#[derive(Args)]
#[command(
    after_help = "Without REQUIREMENT and -r the project's `pyproject.toml` is read.\n\
                  Exit status: 1 no solution; 3 a source could not be asked; 5 a source refused"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub(crate) struct ResolveArgs {
    /// What is required, as `requests>=2` or `foo @ https://example.org/foo-1.0.tar.gz`
    #[arg(value_name = "REQUIREMENT")]
    pub(crate) requirements: Vec<String>,
    /// Read requirements from this file; `-` is standard input, `pyproject.toml` a project's
    #[arg(short = 'r', long = "requirements", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Keep versions within what this file says, without requiring anything
    #[arg(short, long, value_name = "FILE")]
    pub(crate) constraint: Vec<PathBuf>,
    /// Replace every requirement of the packages in this file by what it says
    #[arg(long, value_name = "FILE")]
    pub(crate) r#override: Vec<PathBuf>,
    /// Also what this extra of the project requires
    #[arg(long, value_name = "EXTRA")]
    pub(crate) extra: Vec<String>,
    /// Also what all extras of the project require
    #[arg(long, conflicts_with = "extra")]
    pub(crate) all_extras: bool,
    /// Also what this dependency group of the project requires
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,
    #[command(flatten)]
    pub(crate) python: PythonOptions,
    /// One answer for all platforms and all Pythons from --python-version or `requires-python` on
    #[arg(long, conflicts_with = "python_platform")]
    pub(crate) universal: bool,
    /// Which version is taken of those that are allowed [default: highest]
    #[arg(long, value_name = "STRATEGY", value_enum)]
    pub(crate) resolution: Option<Strategy>,
    /// When pre-releases are taken [default: if-necessary]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub(crate) prerelease: Option<When>,
    /// As if nothing had been uploaded since: a time (RFC 3339), a date and its whole day in UTC, or
    /// `7 days` before now
    #[arg(long, value_name = "DATE", value_parser = cutoff)]
    pub(crate) exclude_newer: Option<jiff::Timestamp>,
    /// Do not keep to the versions that the output file has
    #[arg(short = 'U', long)]
    pub(crate) upgrade: bool,
    /// Do not keep to the version of this package that the output file has
    #[arg(short = 'P', long, value_name = "PACKAGE")]
    pub(crate) upgrade_package: Vec<String>,
    /// What is written [default: requirements; pylock for an output file of that name]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<Format>,
    /// Write the digests of the files, by which they are checked when they are installed
    #[arg(long)]
    pub(crate) generate_hashes: bool,
    /// Leave out who required what
    #[arg(long)]
    pub(crate) no_annotate: bool,
    /// Leave out the first lines, which say how the file was made
    #[arg(long)]
    pub(crate) no_header: bool,
    /// Write which source each package comes from
    #[arg(long)]
    pub(crate) emit_index_annotation: bool,
    /// Write the URLs of the sources, without credentials
    #[arg(long)]
    pub(crate) emit_index_url: bool,
    /// Write into this file; the versions in it are kept where that is possible
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sources: SourceOptions,
}

/// Which version is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// The highest.
    #[value(help = "the highest")]
    Highest,
    /// The lowest.
    #[value(help = "the lowest")]
    Lowest,
    /// The lowest of what is required itself.
    #[value(help = "the lowest of what you require yourself, the highest of the rest")]
    LowestDirect,
}

/// When pre-releases are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// Never.
    #[value(help = "never")]
    Disallow,
    /// Always.
    #[value(help = "always")]
    Allow,
    /// Where nothing else fits.
    #[value(help = "where nothing else fits")]
    IfNecessary,
    /// Where a requirement names one.
    #[value(help = "where a requirement names one")]
    Explicit,
    /// Both.
    #[value(help = "both")]
    IfNecessaryOrExplicit,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Requirements with exact versions.
    #[value(help = "requirements with exact versions")]
    Requirements,
    /// `pylock.toml`.
    #[value(help = "pylock.toml (PEP 751)")]
    Pylock,
    /// As `--json`.
    #[value(help = "as --json")]
    Json,
}
