//! Where there is no agent yet, every command works as with `--no-agent`.

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{ErrorCode, Failure};

use super::{Agent, Client, Inside, RunOptions};
use crate::domain::log::Log;

pub(super) fn connect(around: Surroundings, log: &Log) -> Result<Box<dyn Agent>, Failure> {
    Ok(Box::new(Client::new(Inside::new(&around, log)?)))
}

pub(super) fn running(
    _around: Surroundings,
    _log: &Log,
) -> Result<Option<Box<dyn Agent>>, Failure> {
    Ok(None)
}

pub(super) fn run(_options: &RunOptions) -> Result<(), Failure> {
    Err(none())
}

pub(super) fn start(_around: Surroundings, _log: &Log) -> Result<Box<dyn Agent>, Failure> {
    Err(none())
}

fn none() -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        "there is no agent on this platform yet",
    )
    .hint("every command works without one")
}
