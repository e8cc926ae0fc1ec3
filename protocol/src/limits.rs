//! Every limit of the protocol, named, with its reason.

use std::time::Duration;

/// A request: a question with all variables that can concern it fits well within this.
pub const REQUEST_MESSAGE: usize = 64 * 1024;
/// A reply: the longest is a list of some thousand credentials.
pub const REPLY_MESSAGE: usize = 1024 * 1024;
/// How long a peer may take to finish sending one message it has begun.
pub const MESSAGE_TIME: Duration = Duration::from_secs(5);
/// Connections at once; further ones wait in the socket's queue.
pub const CONNECTIONS: usize = 1024;
/// Nesting of a message; the deepest of ours has six levels.
pub const DEPTH: usize = 16;

/// A request as a whole, where neither `--timeout` nor a provider's own setting says otherwise.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);
/// The least and the most that `--timeout` may say, in milliseconds.
pub const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 100..=600_000;
/// An unlock or a prompt: a person has to find the window and type.
pub const PROMPT_TIME: Duration = Duration::from_mins(2);
/// How long a client waits for the agent that it starts.
pub const START_TIME: Duration = Duration::from_secs(3);

/// A repository's name, in bytes.
pub const NAME: usize = 255;
/// A username, in bytes.
pub const USERNAME: usize = 1024;
/// A secret, in bytes: the longest tokens known are about 12 KiB.
pub const SECRET: usize = 32 * 1024;
/// A URL, in bytes.
pub const URL: usize = 8 * 1024;
/// All variables that a client sends, together, in bytes.
pub const VARIABLES: usize = 48 * 1024;
