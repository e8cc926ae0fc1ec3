//! What is needed of who makes requests, and the one that does.

use std::future::Future;

use bytes::Bytes;
use credential_helper_protocol::Failure;
use url::Url;

use crate::http::Incoming;
use crate::index::fetch::{Requester, Said, Wish};
use crate::index::source::Source;

/// Status codes that say that parts are not sent, or not of such a file.
const NO_PARTS: [u16; 3] = [405, 416, 501];

/// Asks for files, with the credential that belongs there, with retries, and over redirects.
pub trait Fetch: Send + Sync {
    /// What an answer's content comes as.
    type Body: Body;

    /// Asks for a file as it is kept (no encoding on its way), or for a part of it: the value of
    /// `Range`.
    ///
    /// # Errors
    /// Where the server refuses, or cannot be asked: never for a file that is not there.
    fn get(
        &self,
        url: &Url,
        range: Option<String>,
    ) -> impl Future<Output = Result<Got<Self::Body>, Failure>> + Send;

    /// The name of who is asked.
    fn label(&self) -> &str;
}

/// Content that comes piece by piece.
pub trait Body: Send + 'static {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Why it is cut off, in our own words.
    fn piece(&mut self) -> impl Future<Output = Result<Option<Bytes>, String>> + Send;
}

/// What a server said.
pub enum Got<B> {
    /// The file, or a part of it.
    Served {
        /// The part that it is (`Content-Range`), where the server says that it is one (206).
        part: Option<String>,
        /// The content.
        body: B,
    },
    /// It is not there.
    Absent(u16),
    /// It is not sent like this.
    Refused(u16),
}

/// Asks a source by the requester of the run.
pub struct Over<'a> {
    /// Who makes the requests.
    pub requester: &'a Requester,
    /// Whose page led to the files.
    pub source: &'a Source,
}

impl Fetch for Over<'_> {
    type Body = Incoming;

    async fn get(&self, url: &Url, range: Option<String>) -> Result<Got<Incoming>, Failure> {
        let mut wish = Wish::file(url);
        wish.range = range;
        wish.known = &NO_PARTS;
        match self.requester.open(self.source, &wish).await? {
            Said::Served(body) => {
                let part = body.header("content-range").filter(|_| body.status == 206);
                Ok(Got::Served {
                    part: part.map(str::to_owned),
                    body,
                })
            }
            Said::Absent(status) => Ok(Got::Absent(status)),
            Said::Known(status) => Ok(Got::Refused(status)),
            Said::Same(_) => Ok(Got::Refused(304)),
        }
    }

    fn label(&self) -> &str {
        self.source.label()
    }
}

impl Body for Incoming {
    async fn piece(&mut self) -> Result<Option<Bytes>, String> {
        Self::piece(self).await.map_err(|broken| broken.words())
    }
}
