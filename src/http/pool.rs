//! The clients of one repository: each is built when it is first needed, because reading the
//! system's certificates takes longer than a page from a near server.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use credential_helper_protocol::Failure;
use url::Url;

use super::client::CONNECT_TIME;
use super::{Client, Proxies, TlsPolicy};

/// The clients for one TLS policy.
pub struct Pool {
    policy: TlsPolicy,
    proxies: Proxies,
    silence: Duration,
    own: OnceLock<Result<Arc<Client>, Failure>>,
    elsewhere: OnceLock<Result<Arc<Client>, Failure>>,
    plain: OnceLock<Result<Arc<Client>, Failure>>,
}

impl Pool {
    /// Clients with this policy; `silence` is how long a server may say nothing.
    pub fn new(policy: TlsPolicy, proxies: Proxies, silence: Duration) -> Self {
        Self {
            policy,
            proxies,
            silence,
            own: OnceLock::new(),
            elsewhere: OnceLock::new(),
            plain: OnceLock::new(),
        }
    }

    /// How long a server may say nothing.
    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// How long connecting may take.
    pub(super) fn connecting(&self) -> Duration {
        self.silence.min(CONNECT_TIME)
    }

    /// The client for a URL: on the repository's own origin, or elsewhere.
    pub(super) fn client(&self, url: &Url, own: bool) -> Result<Arc<Client>, Failure> {
        let cell = match (url.scheme(), own) {
            ("http", _) => &self.plain,
            (_, true) => &self.own,
            (_, false) => &self.elsewhere,
        };
        let build = || {
            let client = match (url.scheme(), own) {
                ("http", _) => Client::plain(self.proxies, self.silence),
                (_, true) => Client::new(&self.policy, self.proxies, self.silence),
                (_, false) => Client::elsewhere(&self.policy, self.proxies, self.silence),
            };
            client.map(Arc::new)
        };
        cell.get_or_init(build).clone()
    }
}
