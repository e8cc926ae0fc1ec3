//! The one HTTP client, for those that talk to indexes: one GET, one body that is sent, or lookups.
//!
//! What decides where a secret goes is here and not in a library's defaults: redirects are followed
//! by hand, what is secret only inside one origin, and every TLS policy has a client of its own, so that an
//! unchecked connection is never used again for a checked one (CVE-2024-35195 of requests).
//!
//! - `authorization`: the header
//! - `client`: the request, its redirects and its deadline
//! - `exchange`: answers that are read, and bodies that are sent; `body`: one larger than memory
//! - `call`: small exchanges of secrets, never redirected
//! - `lookup`: what indexes are asked for, across origins; `decode`: bodies unpacked within limits;
//!   `pool`: the clients of one repository
//! - `tls`: whose certificates are believed
//! - `trouble`: why there was no answer, in our own words

mod authorization;
mod body;
mod call;
mod client;
mod decode;
mod exchange;
mod lookup;
mod pool;
#[cfg(test)]
pub(crate) mod test_server;
mod tls;
mod trouble;

pub use authorization::Authorization;
pub use body::{Body, Sent};
pub use call::{Call, Endpoint};
pub use client::{Client, Proxies, REDIRECTS, may_be_proxied};
pub use exchange::{Answer, Post};
pub(crate) use lookup::make_room;
pub use lookup::{Broken, Incoming, Lookup, Validators, origin};
pub use pool::Pool;
pub use tls::TlsPolicy;

/// What Simple API indexes are asked for: JSON before HTML (PEP 691, "Version + Format Selection").
pub const ACCEPT_SIMPLE: &str = "application/vnd.pypi.simple.v1+json, \
     application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status of success.
    Ok(u16),
    /// 401: the server wants a credential, or another one.
    Unauthorized,
    /// 403: the server knows who asks and says no, or says so instead of 401.
    Forbidden,
    /// 404.
    NotFound,
    /// Any other status.
    Status(u16),
    /// A redirect to another origin, which was not followed.
    Redirect(String),
    /// The server's certificate is not believed, or it does not believe ours.
    Tls(String),
    /// There is no connection, or none that speaks HTTP.
    Connect(String),
    /// The time was up.
    TimedOut,
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
