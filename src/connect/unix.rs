//! The agent over its socket.

use std::borrow::Cow;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use credential_helper_protocol::client::Transport;
use credential_helper_protocol::place::{self, ConnectError, Place};
use credential_helper_protocol::program::program;
use credential_helper_protocol::socket::SocketTransport;
use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{ErrorCode, Failure, INTERFACE_NAME, limits, start as starting};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::inside::{Inside, parts};
use super::mounted::Mounted;
use super::{Agent, Client, RunOptions};
use crate::agent::process;
use crate::agent::told::method_word;
use crate::domain::log::{Line, Log};
use crate::domain::text::shown;

/// The agent over its socket; where it has other settings, the work is done in this process.
struct Reached {
    socket: SocketTransport,
    inside: Option<Inside>,
    around: Rc<Surroundings>,
    log: Log,
}

impl Transport for Reached {
    fn call(&mut self, message: &[u8], time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if let Some(inside) = &mut self.inside {
            return inside.call(message, time);
        }
        let begun = Instant::now();
        let reply = self.socket.call(message, time);
        self.log.info(|| told(message, &reply, begun));
        let reply = reply?;
        if !is_other_settings(&reply) {
            return Ok(reply);
        }
        self.log
            .info(|| Line::new("works without the agent").word("why", "other-settings"));
        self.inside
            .insert(Inside::new(&self.around, &self.log)?)
            .call(message, time)
    }

    fn reached_again(&mut self) -> bool {
        self.inside.is_none() && self.socket.reached_again()
    }
}

/// A call and its reply, for the log: the names of both, nothing of what they hold.
fn told(message: &[u8], reply: &Result<Zeroizing<Vec<u8>>, Failure>, begun: Instant) -> Line {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow, default)]
        method: Cow<'a, str>,
        #[serde(borrow, default)]
        error: Option<Cow<'a, str>>,
    }
    let head = |message| serde_json::from_slice::<Head<'_>>(message).ok();
    let message = message.strip_suffix(b"\0").unwrap_or(message);
    let method = head(message).map_or("", |head| method_word(&head.method));
    let outcome = match reply {
        Err(failure) => failure.code.word(),
        Ok(reply) => match head(reply) {
            Some(Head { error: None, .. }) => "ok",
            Some(Head {
                error: Some(name), ..
            }) => ErrorCode::from_varlink(&name).map_or("not-understood", ErrorCode::word),
            None => "not-understood",
        },
    };
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let line = Line::new("asked the agent").word("method", method);
    line.word("outcome", outcome).number("ms", ms)
}

fn reached(around: Surroundings, place: Place, stream: UnixStream, log: &Log) -> Box<dyn Agent> {
    log.info(|| Line::new("reached the agent").path("socket", &place.socket));
    let around = Rc::new(around);
    let again = around.clone();
    let mut place = place;
    let foreign = place.foreign;
    let open = Box::new(move || starting::connect_or_start(&again, &mut place));
    let agent = Box::new(Client::new(Reached {
        socket: SocketTransport::new(stream, open),
        inside: None,
        around: around.clone(),
        log: log.clone(),
    }));
    if foreign {
        Box::new(Mounted::new(agent, around, log))
    } else {
        agent
    }
}

pub(super) fn connect(around: Surroundings, log: &Log) -> Result<Box<dyn Agent>, Failure> {
    // Where no place can be had, the work is done without an agent.
    let mut place = match place::find(&around) {
        Ok(place) => place,
        Err(failure) => {
            log.info(|| Line::new("works without an agent").text("why", &failure.message));
            return Ok(Box::new(Client::new(Inside::new(&around, log)?)));
        }
    };
    let stream = match place.connect(limits::REQUEST_TIME) {
        Err(ConnectError::NoAgent) => {
            log.info(|| Line::new("starts an agent").path("socket", &place.socket));
            starting::start(&around, &mut place, &program()?, starting::Starter::Client)?
        }
        other => other?,
    };
    Ok(reached(around, place, stream, log))
}

pub(super) fn running(around: Surroundings, log: &Log) -> Result<Option<Box<dyn Agent>>, Failure> {
    let Ok(place) = place::find(&around) else {
        return Ok(None);
    };
    match place.connect(limits::REQUEST_TIME) {
        Ok(stream) => Ok(Some(reached(around, place, stream, log))),
        Err(ConnectError::NoAgent) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn start(around: Surroundings, log: &Log) -> Result<Box<dyn Agent>, Failure> {
    let mut place = find_own(&around)?;
    let program = program()?;
    let stream = starting::start(&around, &mut place, &program, starting::Starter::Hand)?;
    Ok(reached(around, place, stream, log))
}

/// The place, where an agent may be started there.
fn find_own(around: &Surroundings) -> Result<Place, Failure> {
    let place = place::find(around)?;
    if place.foreign {
        let socket = shown(&place.socket.to_string_lossy());
        return Err(Failure::new(
            ErrorCode::Policy,
            format!("refused to start an agent at {socket}: it is another user's"),
        )
        .hint("set CREDENTIAL_HELPER_SOCKET to a path in a folder of your own, or unset it"));
    }
    Ok(place)
}

pub(super) fn run(options: &RunOptions) -> Result<(), Failure> {
    let around = Surroundings::of_process();
    let place = find_own(&around)?;
    process::run(
        parts(&around, "hand", &options.log)?,
        place.socket,
        options.detached,
        options.by_client,
    )
}

/// Whether a reply says that the agent has other settings than this client.
fn is_other_settings(reply: &[u8]) -> bool {
    reply.starts_with(format!("{{\"error\":\"{INTERFACE_NAME}.OtherSettings\"").as_bytes())
}
