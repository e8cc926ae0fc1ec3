//! Lookups: what an index and its files are asked for.
//!
//! Redirects are followed here, across origins too. What belongs to the first origin (the
//! `Authorization` header, the client certificate, a certificate that is not checked) is dropped as
//! soon as scheme, host or port change, and does not come back on the way home (CVE-2018-18074 of
//! requests, CVE-2022-27774 and CVE-2022-27776 of curl). There is no store of cookies at all.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, RANGE,
};
use reqwest::{Method, Response};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::client::REDIRECTS;
use super::decode::{ACCEPTED, Decoder, Trouble};
use super::exchange::retry_after;
use super::{Authorization, Pool, Reply, trouble};
use crate::domain::url::{Origin, RepositoryUrl};

/// A body may take this many times the silence that is allowed within it: one that drips is cut.
const WHOLE: u32 = 40;
/// What is read of a body before it has to wait until no other large one is being read.
const SMALL: usize = 1024 * 1024;

/// A body of at most so many bytes on its way is small.
const AHEAD: u64 = 256 * 1024;

/// Large bodies are read one after the other, so that several at once do not fill the memory.
static LARGE: Semaphore = Semaphore::const_new(1);

/// A request that reads.
#[derive(Clone)]
pub struct Lookup<'a> {
    /// What is asked for; without userinfo.
    pub url: &'a Url,
    /// Whether the head alone is wanted.
    pub head: bool,
    /// The types that are wanted; any, where it is empty.
    pub accept: &'static str,
    /// Whether the answer may be compressed: never where bytes are counted.
    pub packed: bool,
    /// Goes to the origin of `url` and nowhere else.
    pub authorization: Option<&'a Authorization>,
    /// The value of `Range`.
    pub range: Option<String>,
    /// What is in the cache already.
    pub validators: Validators,
}

/// By what a server tells whether a page is still the one that we have (RFC 9110, 13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub modified: Option<String>,
}

/// Why a lookup has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// There is no connection, or no time left.
    Reply(Reply),
    /// A fault that asking again will not mend, in our words.
    Other(String),
}

impl Broken {
    /// Whether another attempt may help.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Reply(Reply::TimedOut | Reply::Connect(_)))
    }

    /// What to tell a person.
    pub fn words(&self) -> String {
        match self {
            Self::Reply(Reply::TimedOut) => "it does not answer in time".to_owned(),
            Self::Reply(Reply::Tls(why) | Reply::Connect(why)) | Self::Other(why) => why.clone(),
            Self::Reply(Reply::Redirect(origin)) => format!("it redirects to {origin}"),
            Self::Reply(Reply::Unauthorized) => "it answers 401".to_owned(),
            Self::Reply(Reply::Forbidden) => "it answers 403".to_owned(),
            Self::Reply(Reply::NotFound) => "it answers 404".to_owned(),
            Self::Reply(Reply::Ok(status) | Reply::Status(status)) => {
                format!("it answers {status}")
            }
        }
    }
}

/// An answer whose body is still on its way.
pub struct Incoming {
    /// The status.
    pub status: u16,
    /// Where the answer came from: links are relative to it.
    pub url: Url,
    /// Whether a redirect led to another origin.
    pub elsewhere: bool,
    headers: HeaderMap,
    response: Response,
    decoder: Option<Decoder>,
    silence: Duration,
    until: tokio::time::Instant,
    ended: bool,
    large: Option<SemaphorePermit<'static>>,
    read: usize,
    /// What was read ahead, the first piece last.
    ahead: Vec<Bytes>,
}

impl Pool {
    /// Asks, follows redirects, and returns with the head of the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(&self, lookup: &Lookup<'_>) -> Result<Incoming, Broken> {
        let first = origin(lookup.url).ok_or_else(nowhere)?;
        let (mut target, mut own) = (lookup.url.clone(), true);
        target.set_fragment(None);
        let method = if lookup.head {
            Method::HEAD
        } else {
            Method::GET
        };
        for _ in 0..=REDIRECTS {
            let client = self
                .client(&target, own)
                .map_err(|failure| Broken::Other(failure.message))?;
            let mut request = client
                .request(method.clone(), target.clone())
                .headers(headers(lookup));
            if own && let Some(authorization) = lookup.authorization {
                request = request.header(AUTHORIZATION, authorization.header());
            }
            let silence = self.silence();
            let response = tokio::time::timeout(silence + self.connecting(), request.send())
                .await
                .map_err(|_| Broken::Reply(Reply::TimedOut))?
                .map_err(|error| Broken::Reply(trouble::reply(&error)))?;
            if matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                let next = next(&target, response.headers())?;
                // Once left, the first origin gets nothing more of what was its own.
                own = own && origin(&next).as_ref() == Some(&first);
                target = next;
                continue;
            }
            return Ok(Incoming {
                status: response.status().as_u16(),
                url: target,
                elsewhere: !own,
                headers: response.headers().clone(),
                decoder: decoder(lookup, response.headers()),
                response,
                silence,
                until: tokio::time::Instant::now() + silence * WHOLE,
                ended: false,
                large: None,
                read: 0,
                ahead: Vec::new(),
            });
        }
        Err(Broken::Other(format!(
            "there are more than {REDIRECTS} redirects"
        )))
    }
}

impl Incoming {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let name: HeaderName = name.parse().ok()?;
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The type of the content, in lower case and without parameters.
    pub fn content_type(&self) -> String {
        let value = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = value.split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }

    /// How long the server wants us to wait, at most a minute.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }

    /// Reads a small body whole, so that one that is cut off is known before anybody uses it.
    ///
    /// # Errors
    /// As [`Self::piece`].
    pub async fn read_ahead(&mut self) -> Result<(), Broken> {
        let length = self.response.content_length();
        if length.is_none_or(|length| length > AHEAD) {
            return Ok(());
        }
        let mut pieces = Vec::new();
        while let Some(piece) = self.piece().await? {
            pieces.push(piece);
        }
        pieces.reverse();
        self.ahead = pieces;
        Ok(())
    }

    /// The next piece of the body, decoded; `None` at its end.
    ///
    /// # Errors
    /// Where it is cut off, or cannot be decoded.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Broken> {
        if let Some(piece) = self.ahead.pop() {
            return Ok(Some(piece));
        }
        if self.decoder.is_none() {
            return Err(Broken::Other(
                "its content is encoded in a way that was not asked for".to_owned(),
            ));
        }
        loop {
            if self.ended {
                return Ok(None);
            }
            let patience = (tokio::time::Instant::now() + self.silence).min(self.until);
            let piece = tokio::time::timeout_at(patience, self.response.chunk())
                .await
                .map_err(|_| Broken::Reply(Reply::TimedOut))?
                .map_err(|error| Broken::Reply(trouble::reply(&error)))?;
            let Some(decoder) = &mut self.decoder else {
                return Ok(None);
            };
            let plain = match piece {
                Some(piece) if decoder.is_plain() => piece,
                Some(piece) => decoder.push(&piece).map_err(undecoded)?.into(),
                None => {
                    self.ended = true;
                    decoder.finish().map_err(undecoded)?.into()
                }
            };
            self.read = self.read.saturating_add(plain.len());
            if !plain.is_empty() {
                return Ok(Some(plain));
            }
        }
    }

    /// The whole body. Large ones wait for their turn.
    ///
    /// # Errors
    /// As [`Self::piece`]; and where it is larger than `limit` bytes.
    pub async fn whole(mut self, limit: usize) -> Result<Vec<u8>, Broken> {
        let too_large = || {
            Broken::Other(format!(
                "its answer is larger than {} MiB",
                limit.div_ceil(1024 * 1024)
            ))
        };
        let announced = self.response.content_length().unwrap_or(0);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced.min(SMALL));
        while let Some(piece) = self.piece().await? {
            if piece.len() > limit - body.len() {
                return Err(too_large());
            }
            make_room(&mut body, piece.len(), limit);
            body.extend_from_slice(&piece);
            if self.read > SMALL && self.large.is_none() {
                self.large = LARGE.acquire().await.ok();
                self.until = tokio::time::Instant::now() + self.silence * WHOLE;
            }
        }
        Ok(body)
    }
}

/// Makes room for a piece that is within the limit. A vector by itself would take twice the limit in
/// the end, beside what it had before, and memory that is given back here is written to once more.
pub(crate) fn make_room(body: &mut Vec<u8>, more: usize, limit: usize) {
    let needed = body.len() + more;
    if needed > body.capacity() {
        let room = needed.next_power_of_two().min(limit);
        body.reserve_exact(room.max(needed) - body.len());
    }
}

fn headers(lookup: &Lookup<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let accept = if lookup.accept.is_empty() {
        "*/*"
    } else {
        lookup.accept
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let encoding = if lookup.packed { ACCEPTED } else { "identity" };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    let texts = [
        (RANGE, &lookup.range),
        (IF_NONE_MATCH, &lookup.validators.etag),
        (IF_MODIFIED_SINCE, &lookup.validators.modified),
    ];
    for (name, text) in texts {
        if let Some(value) = text.as_deref().and_then(|text| text.parse().ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

fn decoder(lookup: &Lookup<'_>, headers: &HeaderMap) -> Option<Decoder> {
    let value = headers.get(CONTENT_ENCODING);
    let value = value.map_or(Ok(""), HeaderValue::to_str).ok()?;
    let decoder = Decoder::new(value)?;
    // Some servers call an archive's own compression the encoding of the content: it stays.
    if !lookup.packed && !decoder.is_plain() {
        return Decoder::new("");
    }
    Some(decoder)
}

fn undecoded(why: Trouble) -> Broken {
    Broken::Other(match why {
        Trouble::Bomb => "its answer unpacks to many times its size".to_owned(),
        Trouble::Broken => "its answer cannot be unpacked".to_owned(),
    })
}

fn nowhere() -> Broken {
    Broken::Other("a redirect leads nowhere".to_owned())
}

/// The origin of a URL; `None` for one that is not http or https.
pub fn origin(url: &Url) -> Option<Origin> {
    let (parsed, _) = RepositoryUrl::parse(url.as_str()).ok()?;
    Some(parsed.origin().clone())
}

/// Where a redirect leads. Userinfo in it is dropped; a way from https to http is not gone.
fn next(from: &Url, headers: &HeaderMap) -> Result<Url, Broken> {
    let location = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(nowhere)?;
    let mut joined = from.join(location).map_err(|_| nowhere())?;
    if RepositoryUrl::parse(joined.as_str()).is_err() {
        return Err(nowhere());
    }
    if from.scheme() == "https" && joined.scheme() != "https" {
        return Err(Broken::Other(
            "a redirect leads from https to plain http".to_owned(),
        ));
    }
    let _ = joined.set_username("");
    let _ = joined.set_password(None);
    joined.set_fragment(None);
    Ok(joined)
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
