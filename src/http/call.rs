//! Small exchanges in which a secret may be asked for or handed over: never redirected.

use credential_helper_protocol::{ErrorCode, Failure};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use url::Url;
use zeroize::Zeroizing;

use super::client::next;
use super::exchange::answer;
use super::{Answer, Authorization, Client, Reply, trouble};
use crate::domain::url::{Origin, RepositoryUrl};

/// A URL with its query that a secret may go to: https, or this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: RepositoryUrl,
    url: Url,
}

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// `usage` for what is no URL or has an account in it, `insecure-transport` for plain http to
    /// another machine.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let endpoint = Self::in_the_clear(text)?;
        let origin = endpoint.origin();
        if origin.is_http() && !origin.is_loopback() {
            let message = format!("{origin} would be asked in the clear");
            return Err(Failure::new(ErrorCode::InsecureTransport, message)
                .hint("only https will do, apart from this machine itself"));
        }
        Ok(endpoint)
    }

    /// The same where plain http is right: whoever calls it knows that the network is the machine's
    /// own.
    ///
    /// # Errors
    /// `usage` for what is no URL, or has an account in it.
    pub fn in_the_clear(text: &str) -> Result<Self, Failure> {
        let (base, userinfo) = RepositoryUrl::parse(text)?;
        if userinfo.is_some() {
            let message = "the URL has an account in it";
            return Err(Failure::new(ErrorCode::Usage, message));
        }
        let query = Url::parse(text).ok().and_then(|url| {
            let query = url.query()?;
            Some(query.to_owned())
        });
        let mut url = Url::parse(base.as_str())
            .map_err(|_| Failure::new(ErrorCode::Usage, "the URL cannot be understood"))?;
        url.set_query(query.as_deref());
        Ok(Self { base, url })
    }

    /// The same with one more value in its query.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Where it leads.
    pub fn origin(&self) -> &Origin {
        self.base.origin()
    }

    /// The URL without its query.
    pub fn base(&self) -> &RepositoryUrl {
        &self.base
    }
}

/// One exchange.
pub struct Call<'a> {
    /// Where to.
    pub url: &'a Endpoint,
    /// What is wanted back.
    pub accept: &'static str,
    /// Goes to this URL's origin and nowhere else.
    pub authorization: Option<&'a Authorization>,
    /// A header more.
    pub header: Option<(&'static str, &'static str)>,
    /// The JSON to send; a GET without it.
    pub json: Option<Zeroizing<Vec<u8>>>,
    /// The most of the answer that is read.
    pub limit: usize,
}

impl Client {
    /// Asks once. A redirect is an answer like any other: neither the secret that is sent nor the
    /// one that comes back may go another way.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, Reply> {
        let method = if call.json.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = self
            .request(method, call.url.url.clone())
            .header(ACCEPT, call.accept);
        if let Some(authorization) = call.authorization {
            request = request.header(AUTHORIZATION, authorization.header());
        }
        if let Some((name, value)) = call.header {
            request = request.header(name, value);
        }
        if let Some(mut json) = call.json {
            let json = std::mem::take(&mut *json);
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(bytes::Bytes::from_owner(Wiped(Zeroizing::new(json))));
        }
        let whole = async {
            let response = request
                .send()
                .await
                .map_err(|error| trouble::reply(&error))?;
            if matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                next(&call.url.base, &call.url.url, response.headers())?;
            }
            answer(response, call.limit).await
        };
        tokio::time::timeout(self.time(), whole)
            .await
            .unwrap_or(Err(Reply::TimedOut))
    }
}

/// A body that is wiped when the connection is done with it.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::ErrorCode;

    use super::Endpoint;

    #[test]
    fn where_secrets_may_go() {
        for (text, code) in [
            ("https://h/a?b=c", None),
            ("http://127.0.0.1:8/a", None),
            ("http://localhost/a", None),
            ("http://h/a", Some(ErrorCode::InsecureTransport)),
            ("https://u:sentinel@h/a", Some(ErrorCode::Usage)),
            ("file:///a", Some(ErrorCode::Usage)),
            ("https://h\\@evil/", Some(ErrorCode::Usage)),
        ] {
            let failure = Endpoint::parse(text).err();
            assert_eq!(failure.as_ref().map(|one| one.code), code, "{text}");
            assert!(!format!("{failure:?}").contains("sentinel"));
        }
        let url = Endpoint::parse("https://h/a?b=c#d").unwrap();
        assert_eq!(
            url.with("x", "/y z").url.as_str(),
            "https://h/a?b=c&x=%2Fy+z"
        );
    }
}
