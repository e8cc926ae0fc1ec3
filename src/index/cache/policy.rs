//! How long an answer holds (RFC 9111). The rules are those of `http-cache-semantics`; what is kept
//! is what they come to, so that reading the cache is reading a number.

use std::time::{Duration, SystemTime};

use http_cache_semantics::{CacheOptions, CachePolicy};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::http::Validators;

/// The headers that decide it.
const DECIDING: [&str; 7] = [
    "age",
    "cache-control",
    "date",
    "expires",
    "last-modified",
    "etag",
    "vary",
];
/// A page that would hold for longer is asked for again all the same: a clock may have been wrong.
const LONGEST: Duration = Duration::from_hours(24 * 7);

/// How long an answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// For so long it need not be asked for again.
    pub(crate) fresh: Duration,
    /// By what the server tells whether it still holds.
    pub(crate) validators: Validators,
    /// The headers that said so.
    pub(crate) said: Vec<(String, String)>,
}

impl Life {
    /// Of what is asked for again whenever that is possible.
    pub(crate) fn none() -> Self {
        Self {
            fresh: Duration::ZERO,
            validators: Validators::default(),
            said: Vec::new(),
        }
    }

    /// Of what does not change.
    pub(crate) fn for_good() -> Self {
        Self {
            fresh: Duration::MAX,
            validators: Validators::default(),
            said: Vec::new(),
        }
    }
}

/// How long an answer holds, by its headers; `None` where it must not be kept, and where keeping it
/// is of no use. `before` are those of the answer that a 304 confirms.
pub(crate) fn life(
    url: &Url,
    headers: &HeaderMap,
    before: &[(String, String)],
    now: SystemTime,
) -> Option<Life> {
    let mut merged = HeaderMap::new();
    let old = before.iter().filter_map(|(name, value)| {
        Some((
            name.parse::<HeaderName>().ok()?,
            value.parse::<HeaderValue>().ok()?,
        ))
    });
    // RFC 9111, 3.2: what a 304 says replaces what was said before. The age is that of the answer
    // itself.
    merged.extend(old.filter(|(name, _)| name.as_str() != "age"));
    for name in DECIDING {
        if headers.contains_key(name) {
            merged.remove(name);
            for value in headers.get_all(name) {
                merged.append(HeaderName::from_static(name), value.clone());
            }
        }
    }
    let request = http::Request::get(url.as_str()).body(()).ok()?;
    let mut response = http::Response::new(());
    *response.headers_mut() = merged;
    let options = CacheOptions {
        shared: false,
        // An index whose pages say nothing of it is asked again: no guesses from Last-Modified.
        cache_heuristic: 0.0,
        ..CacheOptions::default()
    };
    let policy = CachePolicy::new_options(&request, &response, now, options);
    if !policy.is_storable() {
        return None;
    }
    let headers = response.headers();
    let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let life = Life {
        fresh: policy.time_to_live(now).min(LONGEST),
        validators: Validators {
            etag: text("etag"),
            modified: text("last-modified"),
        },
        said: headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect(),
    };
    (!life.fresh.is_zero() || life.validators != Validators::default()).then_some(life)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use reqwest::header::{HeaderMap, HeaderName};
    use url::Url;

    use super::{LONGEST, life};

    fn headers(lines: &[&str]) -> HeaderMap {
        let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
        pairs
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    /// Seconds that it holds; `None` where it is not kept.
    fn seconds(lines: &[&str], before: &[&str]) -> Option<u64> {
        let url = Url::parse("https://h/simple/foo/").unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let before: Vec<(String, String)> = before
            .iter()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Some(life(&url, &headers(lines), &before, now)?.fresh.as_secs())
    }

    #[test]
    fn answers_hold_as_their_headers_say() {
        for (lines, expected) in [
            (&["cache-control: max-age=600"][..], Some(600)),
            (&["cache-control: max-age=600", "age: 100"], Some(500)),
            (&["cache-control: private, max-age=60"], Some(60)),
            (&["cache-control: public, s-maxage=9, max-age=60"], Some(60)),
            (&["cache-control: no-store"], None),
            (&["cache-control: no-store", "etag: \"a\""], None),
            (&["cache-control: no-cache", "etag: \"a\""], Some(0)),
            (&["cache-control: max-age=0", "etag: \"a\""], Some(0)),
            (&["cache-control: max-age=0"], None),
            (&[], None),
            (&["etag: \"a\""], Some(0)),
            (&["last-modified: Sun, 06 Nov 1984 08:49:37 GMT"], Some(0)),
            (
                &[
                    "date: Sun, 06 Nov 1994 08:49:37 GMT",
                    "expires: Sun, 06 Nov 1994 08:59:37 GMT",
                ],
                Some(600),
            ),
            (&["cache-control: max-age=60", "vary: *"], None),
            (
                &["cache-control: max-age=99999999"],
                Some(LONGEST.as_secs()),
            ),
        ] {
            assert_eq!(seconds(lines, &[]), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_304_says_it_anew() {
        let before = ["cache-control: max-age=600", "age: 500", "etag: \"a\""];
        assert_eq!(seconds(&[], &before), Some(600));
        assert_eq!(seconds(&["cache-control: max-age=5"], &before), Some(5));
        assert_eq!(seconds(&["cache-control: no-store"], &before), None);
    }
}
