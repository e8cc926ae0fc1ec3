//! What can be written after `helper index`, and what every command that looks something up takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args_scan::ScanFormat;

/// `helper index`.
#[derive(Args)]
pub(crate) struct IndexArgs {
    /// What to look up.
    #[command(subcommand)]
    pub(crate) command: IndexCommand,
}

/// The commands of `helper index`.
#[derive(Subcommand)]
pub(crate) enum IndexCommand {
    /// List the versions of a package
    Versions(VersionsArgs),
    /// List the files of a package, or of one of its versions
    Files(FilesArgs),
    /// Print what a version says of itself
    Metadata(MetadataArgs),
    /// Tell which sources were asked for a package, what each said, and which one serves it
    Explain(IndexExplainArgs),
    /// Tell where somebody else's package could take the place of a dependency
    Audit(AuditArgs),
}

/// Where packages are looked for. Not printable: a URL may hold a password.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Sources")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub(crate) struct SourceOptions {
    /// Look here, in place of the sources that files and variables name
    #[arg(short, long, value_name = "URL", visible_alias = "default-index")]
    pub(crate) index_url: Option<String>,
    /// Look here too, and first
    #[arg(long, value_name = "URL")]
    pub(crate) extra_index_url: Vec<String>,
    /// Look on this page of links, or in this folder, too
    #[arg(short, long, value_name = "URL|PATH")]
    pub(crate) find_links: Vec<String>,
    /// Look only where --find-links says
    #[arg(long, conflicts_with_all = ["index_url", "extra_index_url"])]
    pub(crate) no_index: bool,
    /// Send no request: only what was kept from earlier is used
    #[arg(long)]
    pub(crate) offline: bool,
    /// Neither use nor keep what indexes answered
    #[arg(long, conflicts_with = "offline")]
    pub(crate) no_cache: bool,
    /// Build source archives whose metadata are told by nothing else: runs code of those packages
    #[arg(long)]
    pub(crate) build_sdist: bool,
}

/// The Python and the platform that packages are for.
#[derive(Args, Clone, Default)]
pub(crate) struct PythonOptions {
    /// The version of Python [default: that of the Python here]
    #[arg(long, value_name = "X.Y[.Z]")]
    pub(crate) python_version: Option<String>,
    /// The platform, as `linux`, `windows`, `macos`, `aarch64-apple-darwin` [default: this one]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) python_platform: Option<String>,
}

/// What is listed of a package.
#[derive(Args)]
pub(crate) struct ListOptions {
    /// Only what this source has
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Also what is not chosen from, and why not
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) python: PythonOptions,
    #[command(flatten)]
    pub(crate) sources: SourceOptions,
}

/// `helper index versions`.
#[derive(Args)]
pub(crate) struct VersionsArgs {
    /// The package
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: String,
    #[command(flatten)]
    pub(crate) wanted: ListOptions,
}

/// `helper index files`.
#[derive(Args)]
pub(crate) struct FilesArgs {
    /// The package, or one version of it
    #[arg(value_name = "PACKAGE[==VERSION]")]
    pub(crate) package: String,
    #[command(flatten)]
    pub(crate) wanted: ListOptions,
}

/// `helper index metadata`.
#[derive(Args)]
pub(crate) struct MetadataArgs {
    /// The version of a package
    #[arg(value_name = "PACKAGE==VERSION")]
    pub(crate) package: String,
    /// Only from this source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) sources: SourceOptions,
}

/// `helper index explain`.
#[derive(Args)]
pub(crate) struct IndexExplainArgs {
    /// The package
    #[arg(value_name = "PACKAGE")]
    pub(crate) package: String,
    #[command(flatten)]
    pub(crate) sources: SourceOptions,
}

/// `helper index audit`.
#[derive(Args)]
#[command(
    after_help = "Exit status: 1 something was found; 3 a source could not be asked; 5 a source refused"
)]
pub(crate) struct AuditArgs {
    /// A project's pyproject.toml, a lock file, or a file of requirements [default: the project here, with its lock files]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Ask public indexes about every name, also about those that may be internal
    #[arg(long)]
    pub(crate) ask_public: bool,
    /// How to print what was found [default: text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<ScanFormat>,
    #[command(flatten)]
    pub(crate) sources: SourceOptions,
}
