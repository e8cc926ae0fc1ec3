//! The agent over its socket.

use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::client::Transport;
use credential_helper_protocol::place::{self, ConnectError, Place};
use credential_helper_protocol::program::program;
use credential_helper_protocol::socket::SocketTransport;
use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{Failure, INTERFACE_NAME, limits, start as starting};
use zeroize::Zeroizing;

use super::inside::{Inside, parts};
use super::{Agent, Client, RunOptions};
use crate::agent::process;

/// The agent over its socket; where it has other settings, the work is done in this process.
struct Reached {
    socket: SocketTransport,
    inside: Option<Inside>,
    around: Rc<Surroundings>,
}

impl Transport for Reached {
    fn call(&mut self, message: &[u8], time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if let Some(inside) = &mut self.inside {
            return inside.call(message, time);
        }
        let reply = self.socket.call(message, time)?;
        if !is_other_settings(&reply) {
            return Ok(reply);
        }
        self.inside
            .insert(Inside::new(&self.around)?)
            .call(message, time)
    }

    fn reached_again(&mut self) -> bool {
        self.inside.is_none() && self.socket.reached_again()
    }
}

fn reached(around: Surroundings, place: Place, stream: UnixStream) -> Box<dyn Agent> {
    let around = Rc::new(around);
    let again = around.clone();
    let mut place = place;
    let open = Box::new(move || starting::connect_or_start(&again, &mut place));
    let socket = SocketTransport::new(stream, open);
    Box::new(Client::new(Reached {
        socket,
        inside: None,
        around,
    }))
}

pub(super) fn connect(around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
    // Where no place can be had, the work is done without an agent.
    let Ok(mut place) = place::find(&around) else {
        return Ok(Box::new(Client::new(Inside::new(&around)?)));
    };
    let stream = starting::connect_or_start(&around, &mut place)?;
    Ok(reached(around, place, stream))
}

pub(super) fn running(around: Surroundings) -> Result<Option<Box<dyn Agent>>, Failure> {
    let Ok(place) = place::find(&around) else {
        return Ok(None);
    };
    match place.connect(limits::REQUEST_TIME) {
        Ok(stream) => Ok(Some(reached(around, place, stream))),
        Err(ConnectError::NoAgent) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn start(around: Surroundings) -> Result<Box<dyn Agent>, Failure> {
    let mut place = place::find(&around)?;
    let program = program()?;
    let stream = starting::start(&around, &mut place, &program, starting::Starter::Hand)?;
    Ok(reached(around, place, stream))
}

pub(super) fn is_foreign(around: &Surroundings) -> bool {
    place::find(around).is_ok_and(|place| place.foreign)
}

pub(super) fn run(options: RunOptions) -> Result<(), Failure> {
    let around = Surroundings::of_process();
    let place = place::find(&around)?;
    let by_client = options.by_client;
    process::run(
        parts(&around, "hand")?,
        place.socket,
        options.detached,
        by_client,
    )
}

/// Whether a reply says that the agent has other settings than this client.
fn is_other_settings(reply: &[u8]) -> bool {
    reply.starts_with(format!("{{\"error\":\"{INTERFACE_NAME}.OtherSettings\"").as_bytes())
}
