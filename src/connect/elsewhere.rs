//! Where there is no agent yet, every command works as with `--no-agent`.

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{ErrorCode, Failure};

use super::{Agent, Client, Inside, RunOptions};

pub(super) fn connect(around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
    Ok(Box::new(Client::new(Inside::new(&around)?)))
}

pub(super) fn running(_around: Surroundings) -> Result<Option<Box<dyn Agent>>, Failure> {
    Ok(None)
}

pub(super) fn run(_options: RunOptions) -> Result<(), Failure> {
    Err(none())
}

pub(super) fn start(_around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
    Err(none())
}

pub(super) fn is_foreign(_around: &Surroundings) -> bool {
    false
}

fn none() -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        "there is no agent on this platform yet",
    )
    .hint("every command works without one")
}
