//! Answers whose content matters, and bodies that are sent.

use std::time::{Duration, SystemTime};

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, Response};
use url::Url;

use super::client::next;
use super::{Authorization, Body, Client, Reply, trouble};
use crate::domain::url::RepositoryUrl;

/// How often it is looked whether anything still moves.
const LOOK: Duration = Duration::from_millis(200);
/// The longest wait that a server can ask for.
const RETRY_AFTER_LIMIT: Duration = Duration::from_mins(1);

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
    /// How long the server wants us to wait, at most a minute.
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

/// How long a server wants us to wait (RFC 9110, section 10.2.3): seconds, or a date. The date is held
/// against the server's own, because its clock may differ from ours.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let then = httpdate::parse_http_date(value).ok()?;
        let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        // A date that has passed is now.
        then.duration_since(now.unwrap_or_else(SystemTime::now))
            .unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_LIMIT))
}

pub(super) async fn answer(mut response: Response, limit: usize) -> Result<Answer, Reply> {
    let text = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let content_type = text(CONTENT_TYPE).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default();
    let retry_after = retry_after(response.headers());
    let mut answer = Answer {
        status: response.status().as_u16(),
        content_type: content_type.trim().to_ascii_lowercase(),
        retry_after,
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

    use super::retry_after;

    fn wait(value: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        retry_after(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn waits() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (value, seconds) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("86400", Some(60)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            // The two obsolete forms (RFC 9110, section 5.6.7).
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun Nov  6 08:49:47 1994", Some(10)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(wait(value, Some(date)), seconds, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
        // Without the server's own date ours is all there is.
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
        assert!((28..=30).contains(&wait(&later, None).unwrap()));
    }
}
