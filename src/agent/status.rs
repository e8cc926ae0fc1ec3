//! `Status`: what the agent is, and how its providers do.

use credential_helper_protocol::{
    Context, INTERFACE_NAME, MemoryState, ProviderState, Status, VERSION,
};

use super::{Agent, drive, known};

impl Agent {
    /// `Status`.
    pub async fn status(&self) -> Status {
        let mut providers = Vec::new();
        if let Ok(call) = self.call(&Context::default())
            && let Ok(settings) = known::settings(self.own(), &call).await
        {
            for provider in &self.registry.for_settings(&settings).all {
                let time = drive::KEYRING_TIME;
                let name = provider.id().word().to_owned();
                let state = match self.breakers.open(provider.id()) {
                    Some(rest) => ProviderState {
                        name,
                        state: "open".to_owned(),
                        detail: Some(format!("timed out; next try in {rest} s")),
                    },
                    None => tokio::time::timeout(time, provider.state(&call))
                        .await
                        .unwrap_or(ProviderState {
                            name,
                            state: "unavailable".to_owned(),
                            detail: Some("no answer within 2 s".to_owned()),
                        }),
                };
                providers.push(state);
            }
        }
        Status {
            version: VERSION.to_owned(),
            build: format!(
                "{VERSION} {}-{}",
                std::env::consts::ARCH,
                std::env::consts::OS
            ),
            protocol: INTERFACE_NAME.to_owned(),
            pid: std::process::id(),
            socket: self
                .parts
                .socket
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned()),
            started_by: self.parts.started_by.to_owned(),
            uptime_s: self.parts.clock.now().since(self.started).as_secs(),
            idle_exit_s: self.parts.idle_exit.map(|time| time.as_secs()),
            locked: self.locked.get(),
            connections: self.connections(),
            providers,
            cache: self.answers.counts(),
            memory: memory_state(),
            sockets: self.open_sockets(),
        }
    }
}

#[cfg(unix)]
fn memory_state() -> MemoryState {
    super::hardening::memory_state()
}

#[cfg(not(unix))]
fn memory_state() -> MemoryState {
    MemoryState::default()
}
