//! What is asked for, how, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use url::Url;

use super::asking::Asker;
use super::seen::Watch;
use crate::http::{Proxies, TlsPolicy, Validators};
use crate::index::source::Source;

/// How requests are made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long a server may say nothing.
    pub silence: Duration,
    /// How often a request that failed is made again.
    pub retries: u32,
    /// The first wait before that; each further one is twice as long.
    pub pause: Duration,
    /// Whether proxies of the environment are used.
    pub proxies: Proxies,
    /// Whether nothing may be asked at all.
    pub offline: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(15),
            retries: 5,
            pause: Duration::from_millis(200),
            proxies: Proxies::Environment,
            offline: false,
        }
    }
}

/// What a requester works with.
pub struct Setup {
    /// How requests are made.
    pub plan: Plan,
    /// The way to the agent; without one, only secrets in the sources' own URLs are sent.
    pub asker: Option<Asker>,
    /// All sources of the run.
    pub sources: Vec<Arc<Source>>,
    /// The TLS of repositories, by name: what the user's own settings say.
    pub tls: Vec<(String, TlsPolicy)>,
    /// Who is told of each request.
    pub watch: Arc<dyn Watch>,
    /// What makes the names of identities this user's own ([`crate::index::cache::Cache::salt`]).
    pub salt: Vec<u8>,
}

/// A request for a source, or for a file of it.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// What is asked for.
    pub url: &'a Url,
    /// Whether it is a page of the source itself, and not what a page leads to.
    pub page: bool,
    /// Whether the head alone is wanted.
    pub head: bool,
    /// The types that are wanted; any, where it is empty.
    pub accept: &'static str,
    /// Whether the answer may be compressed on its way.
    pub packed: bool,
    /// The value of `Range`.
    pub range: Option<String>,
    /// What is in the cache already.
    pub validators: Validators,
    /// Status codes that the caller knows what to make of.
    pub known: &'a [u16],
}

impl<'a> Wish<'a> {
    /// A page of a source.
    pub fn page(url: &'a Url, accept: &'static str) -> Self {
        Self {
            url,
            page: true,
            head: false,
            accept,
            packed: true,
            range: None,
            validators: Validators::default(),
            known: &[],
        }
    }

    /// What a page leads to, as it is.
    pub fn file(url: &'a Url) -> Self {
        Self {
            page: false,
            packed: false,
            ..Self::page(url, "")
        }
    }

    pub(super) fn method(&self) -> &'static str {
        if self.head { "HEAD" } else { "GET" }
    }
}

/// What a source said to a request that it answered.
pub enum Said<T> {
    /// What was asked for.
    Served(T),
    /// 304: what is in the cache still holds; the head of the answer says for how long.
    Same(HeaderMap),
    /// 404, 410, or what the source's `ignore-error-codes` count as the same.
    Absent(u16),
    /// One of the status codes that the caller named.
    Known(u16),
}

/// A whole answer.
pub struct Whole {
    /// Where it came from: links in it are relative to this.
    pub url: Url,
    /// Its type, in lower case and without parameters.
    pub kind: String,
    /// The status: 206 is a part.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its content.
    pub body: Vec<u8>,
}
