//! The agent inside this process (`--no-agent`).

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::client::Transport;
use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{ErrorCode, Failure};
use directories::BaseDirs;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use zeroize::Zeroizing;

use crate::agent::clock::Clock;
use crate::agent::connection::Caller;
use crate::agent::known::Own;
use crate::agent::rejected::Who;
use crate::agent::{Agent, Parts, connection};
use crate::domain::log::Log;

/// The agent inside this process: the same code that serves a socket, without one.
pub(super) struct Inside {
    runtime: LocalRuntime,
    agent: Rc<Agent>,
}

impl Inside {
    pub(super) fn new(around: &Surroundings, log: &Log) -> Result<Self, Failure> {
        Self::of(parts(around, "hand", log)?)
    }

    /// One that answers from the variables of a question alone.
    #[cfg(unix)]
    pub(super) fn only_variables(around: &Surroundings, log: &Log) -> Result<Self, Failure> {
        Self::of(Parts {
            only_variables: true,
            ..parts(around, "hand", log)?
        })
    }

    fn of(parts: Parts) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(16)
            .build_local(LocalOptions::default())
            .map_err(|error| {
                Failure::new(
                    ErrorCode::Internal,
                    format!("cannot start the work: {error}"),
                )
            })?;
        let agent = runtime.block_on(async {
            #[cfg(unix)]
            crate::agent::hardening::outlive_file_limits();
            Rc::new(Agent::new(parts))
        });
        Ok(Self { runtime, agent })
    }
}

impl Transport for Inside {
    fn call(&mut self, message: &[u8], _time: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let message = message.strip_suffix(b"\0").unwrap_or(message);
        let caller = Caller {
            who: Who::Connection(0),
            pid: std::process::id(),
        };
        let work = connection::answer(&self.agent, message, caller);
        let (bytes, _) = self.runtime.block_on(work);
        let mut bytes = bytes.map(|bytes| (*bytes).clone()).unwrap_or_default();
        bytes.pop();
        Ok(bytes)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // A read on a dead network share, or a stuck keyring, must not hold up the end.
        let replacement = Builder::new_current_thread().build_local(LocalOptions::default());
        if let Ok(replacement) = replacement {
            std::mem::replace(&mut self.runtime, replacement).shutdown_background();
        }
    }
}

/// What an agent of this process's surroundings is made of.
pub(super) fn parts(
    around: &Surroundings,
    started_by: &'static str,
    log: &Log,
) -> Result<Parts, Failure> {
    let missing = |what: &str| {
        Failure::new(ErrorCode::Unavailable, format!("{what} is not known"))
            .hint("set HOME, or CREDENTIAL_HELPER_CONFIG_DIR and XDG_STATE_HOME")
    };
    let here = std::env::current_dir().ok();
    let settings = around
        .settings_folder(here.as_deref())
        .ok_or_else(|| missing("the folder of the settings"))?;
    let state = around
        .state_folder()
        .ok_or_else(|| missing("the folder of the bindings"))?;
    // Without HOME: what the system has on record for the user.
    let home = around
        .home
        .clone()
        .or_else(|| BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()))
        .unwrap_or_else(|| PathBuf::from("/"));
    Ok(Parts {
        own: Own {
            settings,
            state,
            home,
        },
        started_by,
        socket: None,
        variables: None,
        idle_exit: None,
        clock: Clock::Real,
        log: log.clone(),
        only_variables: false,
        #[cfg(unix)]
        control: None,
    })
}
