//! What is told of each request, for `-vv` and for progress.

use url::Url;

/// What the cache had to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheUse {
    /// It was not asked.
    Off,
    /// It had nothing.
    Miss,
    /// It had the answer, and no request was made.
    Hit,
    /// It had the answer, and the server said that it still holds.
    Revalidated,
}

impl CacheUse {
    /// The word that is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "no cache",
            Self::Miss => "miss",
            Self::Hit => "hit",
            Self::Revalidated => "revalidated",
        }
    }
}

/// A request, or what was found in its place.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// `GET` or `HEAD`.
    pub method: &'static str,
    /// The URL without userinfo and query: either may be a secret.
    pub url: String,
    /// The status; `None` where there was no answer, or no request.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub trouble: Option<String>,
    /// What the cache had to do with it.
    pub cache: CacheUse,
    /// The source: its name, else its canonical URL.
    pub source: &'a str,
    /// The provider of the credential that was sent.
    pub provider: Option<&'a str>,
    /// How long it took until the head of the answer, in milliseconds.
    pub ms: u64,
}

/// Who is told.
pub trait Watch: Send + Sync {
    /// A request was answered, failed, or was found in the cache.
    fn seen(&self, request: &Seen<'_>);
}

impl Watch for () {
    fn seen(&self, _: &Seen<'_>) {}
}

/// A URL as it may be shown.
pub fn plain(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if url.query().is_some() {
        url.set_query(Some("..."));
    }
    url.into()
}
