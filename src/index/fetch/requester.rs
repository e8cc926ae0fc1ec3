//! The requests of one run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use credential_helper_protocol::{ErrorCode, Failure};
use tokio::sync::Semaphore;
use url::Url;

use super::asking::Outcome;
use super::certificates::Certificates;
use super::credentials::{ANONYMOUS, Chosen, Credentials, Identity};
use super::seen::{CacheUse, Seen, Watch, plain};
use super::trouble::Trouble;
use super::wish::{Said, Setup, Whole, Wish};
use crate::domain::text::shown;
use crate::http::{Broken, Incoming, Lookup, Pool, Reply, TlsPolicy, Validators};
use crate::index::source::Source;

/// How many requests are under way at once.
const AT_ONCE: usize = 50;
/// Status codes after which the same request may well be answered.
const PASSING: [u16; 6] = [408, 429, 500, 502, 503, 504];

/// Makes requests.
pub struct Requester {
    setup: Setup,
    credentials: Credentials,
    certificates: Certificates,
    pools: Mutex<HashMap<TlsPolicy, Arc<Pool>>>,
    permits: Semaphore,
}

impl Requester {
    /// One for a run.
    pub fn new(mut setup: Setup) -> Self {
        Self {
            certificates: Certificates::new(std::mem::take(&mut setup.tls)),
            credentials: Credentials::new(setup.asker.clone(), setup.sources.clone()),
            setup,
            pools: Mutex::default(),
            permits: Semaphore::new(AT_ONCE),
        }
    }

    /// Whether nothing may be asked.
    pub fn is_offline(&self) -> bool {
        self.setup.plan.offline
    }

    /// Who is told of each request.
    pub(in crate::index) fn watch(&self) -> &dyn Watch {
        &*self.setup.watch
    }

    /// Who reads this URL: what answers are kept under in the cache; and the credential's provider.
    ///
    /// # Errors
    /// Where the credential could not be told.
    pub async fn identity(
        &self,
        source: &Source,
        url: &Url,
        page: bool,
    ) -> Result<(Identity, Option<String>), Trouble> {
        let chosen = self.chosen(source, url, page).await?;
        Ok(match &chosen.held {
            Some(held) => (
                held.identity(url, &self.setup.salt),
                Some(held.provider.clone()),
            ),
            None => (ANONYMOUS.into(), None),
        })
    }

    /// Asks for something and reads all of it, at most `limit` bytes. Tells where it came from, and
    /// its type.
    ///
    /// # Errors
    /// Where the source refuses, or cannot be asked.
    pub async fn whole(
        &self,
        source: &Source,
        wish: &Wish<'_>,
        limit: usize,
    ) -> Result<Said<Whole>, Trouble> {
        self.exchange(source, wish, All(limit)).await
    }

    /// Asks for something whose body the caller reads, piece by piece.
    ///
    /// # Errors
    /// As [`Self::whole`].
    pub async fn open(&self, source: &Source, wish: &Wish<'_>) -> Result<Said<Incoming>, Trouble> {
        self.exchange(source, wish, Head).await
    }

    /// Makes a request until it is answered: again where it may have failed by chance, and once more
    /// with what the agent reads after a 401.
    async fn exchange<R: Read>(
        &self,
        source: &Source,
        wish: &Wish<'_>,
        reader: R,
    ) -> Result<Said<R::Had>, Trouble> {
        if self.is_offline() {
            return Err(Trouble::offline(source, wish.url));
        }
        let chosen = self.chosen(source, wish.url, wish.page).await?;
        let asker = self.setup.asker.as_ref();
        let tls = self.certificates.of(source, wish.url, asker).await;
        let tls = tls.map_err(|failure| Trouble::asking(source, failure))?;
        let pool = self.pool(tls.policy);
        let ended = self.attempts(source, wish, reader, chosen, &pool).await;
        ended.map_err(|trouble| trouble.without(tls.hint))
    }

    /// The attempts of one request.
    async fn attempts<R: Read>(
        &self,
        source: &Source,
        wish: &Wish<'_>,
        reader: R,
        mut chosen: Chosen,
        pool: &Pool,
    ) -> Result<Said<R::Had>, Trouble> {
        let (mut tries, mut again) = (0, false);
        loop {
            let permit = self.permits.acquire().await;
            let begun = Instant::now();
            let held = chosen.held.clone();
            let lookup = Lookup {
                url: wish.url,
                head: wish.head,
                accept: wish.accept,
                packed: wish.packed,
                authorization: held.as_ref().map(|held| &held.authorization),
                range: wish.range.clone(),
                validators: wish.validators.clone(),
            };
            let opened = pool.open(&lookup).await;
            self.tell(
                source,
                wish,
                &opened,
                held.as_ref().map(|held| &*held.provider),
                begun,
            );
            let wait = self.setup.plan.pause * 2_u32.saturating_pow(tries);
            let (wait, trouble) = match opened {
                Err(broken) => (wait, broken),
                Ok(incoming) => {
                    let status = incoming.status;
                    if let (Some(held), 200..=399) = (&held, status) {
                        self.credentials.report(held, Outcome::Accepted);
                    }
                    match status {
                        304 => return Ok(Said::Same(incoming.headers().clone())),
                        200..=299 => match reader.read(incoming).await {
                            Ok(had) => return Ok(Said::Served(had)),
                            Err(broken) => (wait, broken),
                        },
                        status if wish.known.contains(&status) => return Ok(Said::Known(status)),
                        404 | 410 => return Ok(Said::Absent(status)),
                        status if source.ignore_errors.contains(&status) => {
                            return Ok(Said::Absent(status));
                        }
                        401 if !again && held.is_some() && !incoming.elsewhere => {
                            again = true;
                            match self.credentials.again(&chosen).await {
                                Ok(Some(new)) => {
                                    chosen.held = Some(new);
                                    continue;
                                }
                                Ok(None) => return Err(self.refused(source, &incoming, &chosen)),
                                Err(failure) => return Err(Trouble::asking(source, failure)),
                            }
                        }
                        status if PASSING.contains(&status) && tries < self.setup.plan.retries => {
                            // The server's own word, where it is within reason.
                            (incoming.retry_after().unwrap_or(wait), waiting())
                        }
                        _ => return Err(self.refused(source, &incoming, &chosen)),
                    }
                }
            };
            if tries >= self.setup.plan.retries || !trouble.may_pass() {
                return Err(Trouble::broken(source, wish.url, &trouble));
            }
            tries += 1;
            drop(permit);
            tokio::time::sleep(wait).await;
        }
    }

    async fn chosen(&self, source: &Source, url: &Url, page: bool) -> Result<Chosen, Trouble> {
        let chosen = self.credentials.of(source, url, page).await;
        chosen.map_err(|failure| Trouble::asking(source, failure))
    }

    fn refused(&self, source: &Source, incoming: &Incoming, chosen: &Chosen) -> Trouble {
        // Nothing of ours was sent to where a redirect led.
        let held = chosen.held.as_deref().filter(|_| !incoming.elsewhere);
        let outcome = match incoming.status {
            401 => Some(Outcome::Unauthorized),
            403 => Some(Outcome::Forbidden),
            _ => None,
        };
        if let (Some(held), Some(outcome)) = (held, outcome) {
            self.credentials.report(held, outcome);
        }
        if let (Some(withheld), Some(_)) = (&chosen.withheld, outcome) {
            return Trouble::asking(source, withheld.clone());
        }
        let foreign = chosen.foreign || incoming.elsewhere;
        Trouble::status(source, &incoming.url, incoming.status, held, foreign)
    }

    fn pool(&self, tls: TlsPolicy) -> Arc<Pool> {
        let plan = &self.setup.plan;
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools
            .entry(tls)
            .or_insert_with_key(|tls| Arc::new(Pool::new(tls.clone(), plan.proxies, plan.silence)));
        Arc::clone(pool)
    }

    fn tell(
        &self,
        source: &Source,
        wish: &Wish<'_>,
        opened: &Result<Incoming, Broken>,
        provider: Option<&str>,
        begun: Instant,
    ) {
        let incoming = opened.as_ref().ok();
        let validated = wish.validators != Validators::default();
        self.setup.watch.seen(&Seen {
            method: wish.method(),
            url: plain(incoming.map_or(wish.url, |incoming| &incoming.url)),
            status: incoming.map(|incoming| incoming.status),
            trouble: opened.as_ref().err().map(Broken::words),
            cache: match incoming.map(|incoming| incoming.status) {
                Some(304) => CacheUse::Revalidated,
                _ if validated => CacheUse::Miss,
                _ => CacheUse::Off,
            },
            source: source.label(),
            provider,
            ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}

/// How much of an answer is read before it counts as one.
trait Read: Sync {
    type Had;
    fn read(&self, incoming: Incoming) -> impl Future<Output = Result<Self::Had, Broken>> + Send;
}

/// All of it, as long as it has at most so many bytes.
struct All(usize);

impl Read for All {
    type Had = Whole;

    async fn read(&self, incoming: Incoming) -> Result<Whole, Broken> {
        Ok(Whole {
            url: incoming.url.clone(),
            kind: incoming.content_type(),
            status: incoming.status,
            headers: incoming.headers().clone(),
            body: incoming.whole(self.0).await?,
        })
    }
}

/// Its head; what is small comes whole, and again where it was cut off.
struct Head;

impl Read for Head {
    type Had = Incoming;

    async fn read(&self, mut incoming: Incoming) -> Result<Incoming, Broken> {
        incoming.read_ahead().await?;
        Ok(incoming)
    }
}

fn waiting() -> Broken {
    Broken::Reply(Reply::Connect("it is busy".to_owned()))
}

impl Trouble {
    /// Nothing may be asked.
    pub(in crate::index) fn offline(source: &Source, url: &Url) -> Self {
        let message = format!(
            "{} of the source {} is not in the cache",
            plain(url),
            shown(source.label())
        );
        Self {
            word: super::Word::Error,
            status: None,
            provider: None,
            failure: Failure::new(ErrorCode::Unavailable, message)
                .hint("run once without --offline"),
        }
    }
}
