//! What can be written on the command line. Help, completions and manual pages come from here.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use credential_helper_protocol::{Operation, limits, render};

use super::args_agent::AgentArgs;
use super::args_bridge::BridgeArgs;
#[cfg(feature = "net")]
use super::args_cache::CacheArgs;
use super::args_exec::{EnvArgs, ExecArgs};
#[cfg(feature = "net")]
use super::args_index::IndexArgs;
#[cfg(feature = "net")]
use super::args_publish::PublishArgs;
#[cfg(feature = "net")]
use super::args_resolve::ResolveArgs;
use super::args_scan::{ImportArgs, ScanArgs};
use super::args_setup::SetupArgs;
#[cfg(feature = "net")]
use super::args_source::SourceArgs;
use super::args_token::TokenArgs;

/// The whole command line.
#[derive(Parser)]
#[command(
    name = "helper",
    bin_name = "helper",
    version,
    about = "One agent for the credentials of Python package repositories",
    after_help = "Exit status: 0 done or found, 1 not found, 2 usage, 3 could not be answered, \
                  4 refused, 5 refused by the server",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone)]
#[command(next_help_heading = "Global options")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub(crate) struct Global {
    /// Answer with one JSON object on one line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log to standard error; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Do the work in this process, without the agent
    #[arg(long, global = true)]
    pub(crate) no_agent: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// Wait at most this long, from 0.1 to 600
    #[arg(long, global = true, value_name = "SECONDS", value_parser = timeout)]
    pub(crate) timeout: Option<Duration>,
    /// Never ask anything
    #[arg(long, global = true)]
    pub(crate) non_interactive: bool,
    /// Let the keyring ask to be unlocked
    #[arg(long, global = true)]
    pub(crate) prompt: bool,
    /// Work as if started in this directory
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the credential of a repository
    Get(GetArgs),
    /// Store a credential; the secret is asked for or read from standard input
    Set(SetArgs),
    /// Remove what is stored for a repository
    Delete(DeleteArgs),
    /// List the credentials that are stored or set
    List,
    /// Tell how a credential is searched for, provider by provider
    Explain(ExplainArgs),
    /// Read or change Poetry's settings
    Config(ConfigArgs),
    /// Bind a repository's name to an origin
    Trust(TrustArgs),
    /// Run a command with the credentials in the variables of every tool
    Exec(ExecArgs),
    /// Print the same variables, or hand them over to a CI system
    Env(EnvArgs),
    /// Add, remove or list the package sources of a project
    #[cfg(feature = "net")]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Source(SourceArgs),
    /// Look up what the sources of a project offer
    #[cfg(feature = "net")]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Index(IndexArgs),
    /// Find versions that go together, in the project's sources
    #[cfg(feature = "net")]
    Resolve(Box<ResolveArgs>),
    /// Upload wheels and source archives
    #[cfg(feature = "net")]
    Publish(PublishArgs),
    /// Start, stop or look at the agent
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Agent(AgentArgs),
    /// Check what can be wrong, and say what to do
    Doctor(DoctorArgs),
    /// Try the safety rules out on this machine, without touching what is stored
    Selftest(SelftestArgs),
    /// Make other tools use the helper; shows what it changes
    Setup(SetupArgs),
    /// Find credentials in plain text in other tools' files
    Scan(ScanArgs),
    /// Move credentials in plain text into the keyring
    Import(ImportArgs),
    /// Tell what a stored token says about itself
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Token(TokenArgs),
    /// Look at the cache of what indexes answered, or empty it
    #[cfg(feature = "net")]
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Cache(CacheArgs),
    /// Speak another tool's protocol, as the programs of these names do
    Bridge(BridgeArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
    /// Act as another user, in a user namespace of the self-test.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    SelftestStranger {
        /// The folder of the self-test's socket.
        folder: PathBuf,
    },
    /// Hold a netrc in memory for a command that runs.
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    ExecNetrc(HolderArgs),
}

/// What the holder of a netrc is started with: descriptors that it inherits.
#[cfg(target_os = "linux")]
#[derive(Args)]
pub(crate) struct HolderArgs {
    /// The memory file.
    pub(crate) memory: i32,
    /// The process with which it ends.
    pub(crate) life: i32,
}

/// `helper doctor`.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Send no request to a repository
    #[arg(long)]
    pub(crate) offline: bool,
}

/// `helper selftest`.
#[derive(Args)]
#[command(
    after_help = "Exit status: 0 every rule that could be tried holds, 1 one does not, 3 \
                        nothing could be tried"
)]
pub(crate) struct SelftestArgs {
    /// Also write, read and remove an entry of its own in your keyring
    #[arg(long)]
    pub(crate) keyring: bool,
}

/// `helper get`.
#[derive(Args)]
pub(crate) struct GetArgs {
    /// A repository's name, or a URL
    #[arg(value_name = "NAME|URL")]
    pub(crate) target: String,
    /// Only a credential of this account
    #[arg(long, value_name = "USERNAME")]
    pub(crate) username: Option<String>,
    /// What the credential is for
    #[arg(long, value_name = "OPERATION", value_enum)]
    pub(crate) operation: Option<For>,
    /// How to print it [default: lines]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<Format>,
}

/// `helper set`.
#[derive(Args)]
pub(crate) struct SetArgs {
    /// The repository's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The account
    #[arg(value_name = "USERNAME")]
    pub(crate) username: Option<String>,
    /// The secret is an API token
    #[arg(long, conflicts_with = "username")]
    pub(crate) token: bool,
    /// Bind the name to the origin of this URL
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Bind it for this operation only
    #[arg(long, value_name = "OPERATION", value_enum, requires = "url")]
    pub(crate) operation: Option<For>,
}

/// `helper delete`.
#[derive(Args)]
pub(crate) struct DeleteArgs {
    /// The repository's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Only this account [default: all, the token too]
    #[arg(value_name = "USERNAME")]
    pub(crate) username: Option<String>,
}

/// `helper explain`.
#[derive(Args)]
pub(crate) struct ExplainArgs {
    /// A repository's name, or a URL
    #[arg(value_name = "NAME|URL")]
    pub(crate) target: String,
    /// Only a credential of this account
    #[arg(long, value_name = "USERNAME")]
    pub(crate) username: Option<String>,
    /// What the credential is for
    #[arg(long, value_name = "OPERATION", value_enum)]
    pub(crate) operation: Option<For>,
}

/// `helper config`. Not printable: a value may be a secret.
#[derive(Args)]
#[command(
    after_help = "Keys: http-basic.NAME USERNAME [PASSWORD], pypi-token.NAME TOKEN, \
                  repositories.NAME URL, certificates.NAME.cert PATH|false, \
                  certificates.NAME.client-cert PATH, keyring.enabled true|false\n\n\
                  A key alone is read. A value that starts with a dash stands after `--`."
)]
pub(crate) struct ConfigArgs {
    /// Poetry's key
    #[arg(value_name = "KEY", required_unless_present = "list")]
    pub(crate) key: Option<String>,
    /// Its value or values
    #[arg(value_name = "VALUE")]
    pub(crate) values: Vec<String>,
    /// Remove the key
    #[arg(long, conflicts_with_all = ["values", "list"])]
    pub(crate) unset: bool,
    /// Print every setting
    #[arg(long, conflicts_with_all = ["key", "values", "local"])]
    pub(crate) list: bool,
    /// Use the project's `poetry.toml`
    #[arg(long)]
    pub(crate) local: bool,
}

/// `helper trust`.
#[derive(Args)]
pub(crate) struct TrustArgs {
    /// The repository's name
    #[arg(value_name = "NAME", required_unless_present_any = ["project", "list"])]
    pub(crate) name: Option<String>,
    /// The URL to whose origin the name is bound
    #[arg(value_name = "URL", required_unless_present_any = ["project", "list", "remove"])]
    pub(crate) url: Option<String>,
    /// Bind for this operation only
    #[arg(long, value_name = "OPERATION", value_enum, conflicts_with_all = ["project", "list"])]
    pub(crate) operation: Option<For>,
    /// Trust a project's files until they change
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["name", "url", "list"])]
    #[expect(
        clippy::option_option,
        reason = "not given, given alone, given with a folder"
    )]
    pub(crate) project: Option<Option<PathBuf>>,
    /// List every binding
    #[arg(long, conflicts_with_all = ["name", "url", "remove"])]
    pub(crate) list: bool,
    /// Take bindings, or the trust in a project, back
    #[arg(long)]
    pub(crate) remove: bool,
}

/// `helper completions`.
#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// `helper man`.
#[derive(Args)]
pub(crate) struct ManArgs {
    /// Write one page a command into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum For {
    /// Index lookups and downloads.
    #[value(help = "index lookups and downloads")]
    Read,
    /// Uploads.
    #[value(help = "uploads")]
    Upload,
}

impl From<For> for Operation {
    fn from(word: For) -> Self {
        match word {
            For::Read => Self::Read,
            For::Upload => Self::Upload,
        }
    }
}

/// How `get` prints a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// `username=U`, then `password=P`.
    #[value(help = "username=U, then password=P")]
    Lines,
    /// As `--json`.
    #[value(help = "as --json")]
    Json,
    /// The value of the Authorization header.
    #[value(help = "the value of the Authorization header")]
    Header,
    /// A line of a netrc file.
    #[value(help = "an entry of a netrc file")]
    Netrc,
    /// The secret alone.
    #[value(help = "the secret alone")]
    Password,
}

impl From<Format> for render::Format {
    fn from(word: Format) -> Self {
        match word {
            Format::Lines => Self::Lines,
            Format::Json => Self::Json,
            Format::Header => Self::Header,
            Format::Netrc => Self::Netrc,
            Format::Password => Self::Password,
        }
    }
}

/// Reads `--timeout`.
fn timeout(text: &str) -> Result<Duration, String> {
    let wrong = || "a number of seconds from 0.1 to 600".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    let millis = u64::try_from(time.as_millis()).map_err(|_| wrong())?;
    if limits::TIMEOUT_MS.contains(&millis)
        && time <= Duration::from_millis(*limits::TIMEOUT_MS.end())
    {
        Ok(time)
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
