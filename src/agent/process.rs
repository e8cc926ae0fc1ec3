//! The agent as a process of its own: hardened first, then with its place, then serving.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, VERSION};
use tokio::runtime::{Builder, LocalOptions};

use super::lifecycle::{self, Config, StartFailure, StartedBy};
use super::server::Ending;
use super::{Agent, Parts, Served, hardening, managed_store};
use crate::domain::log::Line;
use crate::provider::environment;
use crate::provider::files::Files;
use crate::provider::settings::{self, IdleExit};

/// How long an agent that a client started stays without a request, where the settings do not
/// say.
const IDLE_EXIT: Duration = Duration::from_hours(1);

/// Serves at the socket until something ends the agent.
///
/// # Errors
/// Where another agent is running, or the socket cannot be had.
pub fn run(
    mut parts: Parts,
    socket: PathBuf,
    detached: bool,
    by_client: bool,
) -> Result<(), Failure> {
    hardening::harden();
    let log = parts.log.clone();
    // Variables of an agent that a person or a job starts are its own; nobody may read them from
    // outside afterwards.
    parts.variables = if by_client {
        None
    } else {
        Some(environment::take_own())
    };
    parts.variables = parts.variables.filter(|own| !own.is_empty());
    #[cfg(target_os = "linux")]
    hardening::wipe_variables(|name| {
        credential_helper_protocol::variable::repository_part(name).is_some()
    });
    let config = Config {
        started_by: if by_client {
            StartedBy::Client
        } else {
            StartedBy::Hand
        },
        idle_exit: if by_client { idle_exit(&parts)? } else { None },
        detached,
        ..Config::new(socket)
    };
    let make = |control: &Rc<lifecycle::Control>| {
        hardening::lock_memory();
        parts.started_by = control.started_by.word();
        parts.socket = Some(control.socket.clone());
        parts.idle_exit = control.idle_exit;
        parts.control = Some(control.clone());
        parts.log.info(|| {
            let line = Line::new("the agent starts").text("version", VERSION);
            let line = line.word("started-by", parts.started_by);
            line.number("pid", std::process::id().into())
                .path("socket", &control.socket)
        });
        let agent = Rc::new(Agent::new(parts));
        agent.allow_sockets();
        tokio::task::spawn_local(managed_store::keep(agent.clone()));
        Ok(Rc::new(Served(agent)))
    };
    match lifecycle::run(&config, make) {
        Ok(ending) => {
            let why = match ending {
                Ending::Asked => "asked",
                Ending::Signal => "signal",
                Ending::Idle => "idle",
                Ending::Replaced => "replaced",
            };
            log.info(|| Line::new("the agent ends").word("why", why));
            Ok(())
        }
        Err(StartFailure::AlreadyRunning) => Err(Failure::new(
            ErrorCode::Unavailable,
            "an agent is running already",
        )
        .hint("see `helper agent status`")),
        Err(StartFailure::Failed(failure)) => Err(failure),
    }
}

/// What the settings say; a file that cannot be read is told at the first question.
fn idle_exit(parts: &Parts) -> Result<Option<Duration>, Failure> {
    // Without the I/O driver: its descriptors outlive this runtime, and leaving the client closes
    // every descriptor.
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build_local(LocalOptions::default())
        .map_err(|error| {
            Failure::new(
                ErrorCode::Internal,
                format!("cannot start the agent: {error}"),
            )
        })?;
    let view = Files::default().view();
    let load = settings::load(&view, &parts.own.settings, &parts.own.home);
    let set = runtime
        .block_on(load)
        .ok()
        .and_then(|settings| settings.idle_exit);
    Ok(match set {
        None => Some(IDLE_EXIT),
        Some(IdleExit::Never) => None,
        Some(IdleExit::After(time)) => Some(time),
    })
}
