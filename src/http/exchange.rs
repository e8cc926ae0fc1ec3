//! Answers whose content matters, and bodies that are sent.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, Response};
use url::Url;

use super::client::next;
use super::{Authorization, Body, Client, Reply, trouble};
use crate::domain::url::RepositoryUrl;

/// How often it is looked whether anything still moves.
const LOOK: Duration = Duration::from_millis(200);

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The type of the content, in lower case and without parameters.
    pub content_type: String,
    /// The content, as far as it was wanted.
    pub content: Vec<u8>,
    /// Whether there was more of it.
    pub cut: bool,
    /// How long the server wants us to wait.
    pub retry_after: Option<Duration>,
    /// Where a redirect leads, inside of the origin.
    pub next: Option<RepositoryUrl>,
}

/// A body that is sent.
pub struct Post<'a> {
    /// Where to.
    pub url: &'a RepositoryUrl,
    /// The type of the body.
    pub content_type: &'a str,
    /// What is wanted back.
    pub accept: &'static str,
    /// Goes to this URL's origin and nowhere else.
    pub authorization: Option<&'a Authorization>,
    /// How long nothing may move, while it is sent and until the answer.
    pub silence: Duration,
    /// The most of the answer that is read.
    pub limit: usize,
}

impl Client {
    /// Asks for a page and reads it, anew from the server and not from a cache on the way.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn fetch(
        &self,
        url: &RepositoryUrl,
        accept: &'static str,
        authorization: Option<&Authorization>,
        limit: usize,
    ) -> Result<Answer, Reply> {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let whole = async {
            let response = self.follow(url, accept, authorization, headers).await?;
            answer(response, limit).await
        };
        tokio::time::timeout(self.time(), whole)
            .await
            .unwrap_or(Err(Reply::TimedOut))
    }

    /// Sends a body, once. A redirect is told and not followed: the body would have to be made
    /// again. `watch` is told how many bytes are on their way.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn post(
        &self,
        post: Post<'_>,
        body: Body,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Answer, Reply> {
        let target = Url::parse(post.url.as_str())
            .map_err(|_| Reply::Connect("the URL cannot be understood".to_owned()))?;
        let (sent, length) = (body.sent(), body.length());
        let mut request = self
            .request(Method::POST, target.clone())
            .header(ACCEPT, post.accept)
            .header(CONTENT_TYPE, post.content_type);
        if let Some(authorization) = post.authorization {
            request = request.header(AUTHORIZATION, authorization.header());
        }
        let exchange = async {
            let response = request
                .body(reqwest::Body::wrap(body))
                .send()
                .await
                .map_err(|error| trouble::reply(&error))?;
            let to = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308)
                .then(|| next(post.url, &target, response.headers()))
                .transpose()?;
            let mut answer = answer(response, post.limit).await?;
            answer.next = to.and_then(|to| Some(RepositoryUrl::parse(to.as_str()).ok()?.0));
            Ok(answer)
        };
        tokio::pin!(exchange);
        let (mut last, mut still) = (0, Duration::ZERO);
        let ended = loop {
            // What lies in the system's buffers cannot be seen from here, so the time for sending
            // is the one for the answer.
            match tokio::time::timeout(LOOK.min(post.silence), &mut exchange).await {
                Ok(ended) => break ended,
                Err(_) if sent.bytes() != last => {
                    last = sent.bytes();
                    still = Duration::ZERO;
                    watch(last);
                }
                Err(_) => {
                    still += LOOK.min(post.silence);
                    if still >= post.silence {
                        break Err(Reply::TimedOut);
                    }
                }
            }
        };
        if ended.is_ok() {
            watch(length);
        }
        match ended {
            Err(_) if sent.file_changed() => Err(Reply::Connect(
                "the file was changed while it was sent".to_owned(),
            )),
            ended => ended,
        }
    }
}

async fn answer(mut response: Response, limit: usize) -> Result<Answer, Reply> {
    let text = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let content_type = text(CONTENT_TYPE).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default();
    // A date in its place is left out: the clocks may differ, and our own waiting is as good.
    let retry_after = text(RETRY_AFTER).and_then(|value| value.trim().parse().ok());
    let mut answer = Answer {
        status: response.status().as_u16(),
        content_type: content_type.trim().to_ascii_lowercase(),
        retry_after: retry_after.map(Duration::from_secs),
        ..Answer::default()
    };
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(answer),
            Ok(Some(bytes)) => {
                let room = limit - answer.content.len();
                answer.cut = bytes.len() > room;
                answer.content.extend(&bytes[..bytes.len().min(room)]);
                if answer.cut {
                    return Ok(answer);
                }
            }
            // The status is what counts; only a page that is cut off is none.
            Err(_) if answer.status >= 300 => return Ok(answer),
            Err(error) => return Err(trouble::reply(&error)),
        }
    }
}
