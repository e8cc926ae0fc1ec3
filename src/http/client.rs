//! A GET, its redirects and its deadline.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, VERSION};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::{ClientBuilder, Method, RequestBuilder, Response};
use url::Url;

use super::authorization::Authorization;
use super::tls::{self, TlsPolicy};
use super::{Reply, origin, trouble};
use crate::domain::url::{Origin, RepositoryUrl};

/// How many redirects are followed: what curl-like tools and browsers need is below this.
pub const REDIRECTS: usize = 10;

/// How long connecting may take.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Whether proxies are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxies {
    /// Those that the environment names (`HTTPS_PROXY`, `NO_PROXY`...).
    Environment,
    /// None.
    No,
}

/// A client with one TLS policy.
pub struct Client {
    inner: reqwest::Client,
    /// Without proxies, for what plain http carries to this machine itself.
    direct: Option<reqwest::Client>,
    /// The origins that the policy is for, where it is not for all, and what others are asked with.
    bound: Option<(Vec<Origin>, reqwest::Client)>,
    time: Duration,
}

impl Client {
    /// A client whose requests may take `time`, connecting and redirects included.
    ///
    /// # Errors
    /// Where the files of the policy cannot be used.
    pub fn new(tls: &TlsPolicy, proxies: Proxies, time: Duration) -> Result<Self, Failure> {
        Self::build(proxies, time, |builder| tls.apply(builder))
    }

    /// The same, where what needs a binding is for these origins: others are asked without.
    ///
    /// # Errors
    /// Where the files of the policy cannot be used.
    pub fn bound(
        tls: &TlsPolicy,
        origins: Vec<Origin>,
        proxies: Proxies,
        time: Duration,
    ) -> Result<Self, Failure> {
        let mut client = Self::new(tls, proxies, time)?;
        if tls.needs_binding() {
            let others = Self::new(&tls.unbound(), proxies, time)?;
            client.bound = Some((origins, others.inner));
        }
        Ok(client)
    }

    /// A client for the servers that a repository's pages lead to: the repository's authorities are
    /// believed besides the system's, every certificate is checked, and none of ours is shown.
    ///
    /// # Errors
    /// Where the files of the policy cannot be used.
    pub fn elsewhere(tls: &TlsPolicy, proxies: Proxies, time: Duration) -> Result<Self, Failure> {
        Self::build(proxies, time, |builder| tls.apply_elsewhere(builder))
    }

    /// A client for plain http, which reads no certificates.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn plain(proxies: Proxies, time: Duration) -> Result<Self, Failure> {
        Self::build(proxies, time, |builder| Ok(tls::nobody(builder)))
    }

    fn build(
        proxies: Proxies,
        time: Duration,
        tls: impl FnOnce(ClientBuilder) -> Result<ClientBuilder, Failure>,
    ) -> Result<Self, Failure> {
        let begun = || {
            reqwest::Client::builder()
                .user_agent(format!("credential-helper/{VERSION}"))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .connect_timeout(time.min(CONNECT_TIME))
        };
        let failed = |_| {
            Failure::new(
                ErrorCode::Unavailable,
                "cannot make an HTTP client: TLS cannot be set up",
            )
            .hint("check the system's certificates, and those of the repository")
        };
        let (builder, direct) = match proxies {
            Proxies::No => (begun().no_proxy(), None),
            // Plain http may carry a secret to loopback because it stays on this machine: through a
            // proxy it would not.
            Proxies::Environment if !may_be_proxied() => (begun(), None),
            Proxies::Environment => {
                let direct = tls::nobody(begun().no_proxy());
                (begun(), Some(direct.build().map_err(failed)?))
            }
        };
        let inner = tls(builder)?.build().map_err(failed)?;
        Ok(Self {
            inner,
            direct,
            bound: None,
            time,
        })
    }

    /// Asks for a page. The answer's body is not read: its status says everything that is wanted.
    pub async fn get(
        &self,
        url: &RepositoryUrl,
        accept: &'static str,
        authorization: Option<&Authorization>,
    ) -> Reply {
        let follow = self.follow(url, accept, authorization, HeaderMap::new());
        match tokio::time::timeout(self.time, follow).await {
            Ok(Ok(response)) => sorted(response.status().as_u16()),
            Ok(Err(reply)) => reply,
            Err(_) => Reply::TimedOut,
        }
    }

    /// How long a request may take.
    pub(super) fn time(&self) -> Duration {
        self.time
    }

    /// A request that is still to be filled.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let client = match (&self.direct, &self.bound) {
            (Some(direct), _) if stays_here(&url) => direct,
            (_, Some((origins, others)))
                if origin(&url).is_none_or(|own| !origins.contains(&own)) =>
            {
                others
            }
            _ => &self.inner,
        };
        client.request(method, url)
    }

    /// Asks, and follows redirects as long as they stay in the origin.
    pub(super) async fn follow(
        &self,
        url: &RepositoryUrl,
        accept: &'static str,
        authorization: Option<&Authorization>,
        headers: HeaderMap,
    ) -> Result<Response, Reply> {
        let mut target = Url::parse(url.as_str())
            .map_err(|_| Reply::Connect("the URL cannot be understood".to_owned()))?;
        for _ in 0..=REDIRECTS {
            let mut request = self
                .request(Method::GET, target.clone())
                .headers(headers.clone())
                .header(ACCEPT, accept);
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization.header());
            }
            let response = request
                .send()
                .await
                .map_err(|error| trouble::reply(&error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            target = next(url, &target, response.headers())?;
        }
        Err(Reply::Connect(format!(
            "there are more than {REDIRECTS} redirects"
        )))
    }
}

/// Whether something may name a proxy for plain http.
pub fn may_be_proxied() -> bool {
    /// What reqwest reads.
    const NAMES: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    // Elsewhere the system's settings can.
    cfg!(any(target_os = "macos", windows))
        || NAMES.iter().any(|name| std::env::var_os(name).is_some())
}

/// Whether a request is for this machine and in the clear.
fn stays_here(url: &Url) -> bool {
    url.scheme() == "http"
        && RepositoryUrl::parse(&url.origin().ascii_serialization())
            .is_ok_and(|(url, _)| url.origin().is_loopback())
}

fn sorted(status: u16) -> Reply {
    match status {
        200..=299 => Reply::Ok(status),
        401 => Reply::Unauthorized,
        403 => Reply::Forbidden,
        404 => Reply::NotFound,
        _ => Reply::Status(status),
    }
}

/// Where a redirect leads, as long as it stays where the secret belongs: a change of scheme, host or
/// port ends it (CVE-2018-18074 of requests, CVE-2022-27774 of curl). Userinfo in it is dropped.
pub(super) fn next(first: &RepositoryUrl, from: &Url, headers: &HeaderMap) -> Result<Url, Reply> {
    let broken = || Reply::Connect("a redirect leads nowhere".to_owned());
    let location = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(broken)?;
    let joined = from.join(location).map_err(|_| broken())?;
    let (clean, _) = RepositoryUrl::parse(joined.as_str()).map_err(|_| broken())?;
    if clean.origin() != first.origin() {
        return Err(Reply::Redirect(clean.origin().to_string()));
    }
    let mut target = Url::parse(clean.as_str()).map_err(|_| broken())?;
    target.set_query(joined.query());
    Ok(target)
}
