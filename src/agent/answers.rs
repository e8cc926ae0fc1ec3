//! Answers that are kept, and one lookup at a time for the same question.
//!
//! The key of an answer is the message that asked for it, byte for byte: every input that shaped
//! the answer is in it. Questions that carry variables are never kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::{CacheCounts, Failure, Question, Secret};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::askers::Given;
use super::clock::{Clock, Moment};
use super::question::about;
use crate::domain::log::{Line, Log};
use crate::provider::files::Files;
use crate::provider::stamp::Stamp;

/// A reply as it goes over the wire.
pub type Bytes = Rc<Zeroizing<Vec<u8>>>;

/// Answers kept at once; beyond, the one that was not used for the longest time goes.
const ENTRIES: usize = 1024;
/// An answer for which a keyring was asked: changes in it do not always tell.
const KEYRING_AGE: Duration = Duration::from_secs(1);

/// How long an answer may be kept.
pub struct Keep {
    /// The files it depends on.
    pub stamp: Stamp,
    /// Whether a keyring was asked.
    pub keyring: bool,
    /// Its idle limit.
    pub idle: Duration,
    /// Its absolute limit.
    pub absolute: Duration,
}

/// What a kept answer was about, for a report that a server refused it.
#[derive(Clone)]
pub struct About {
    /// Name and URL of the question; the word of another tool counts as a URL.
    pub question: (Option<String>, Option<String>),
    /// The repository whose credential it was.
    pub name: Option<String>,
    /// The secret that was given.
    pub secret: Option<Secret>,
}

/// When a lookup began: what it found is as old as that, however long it took.
#[derive(Clone, Copy)]
pub struct Begun {
    epoch: u64,
    keyring_generation: u64,
    at: Moment,
}

struct Kept {
    reply: Bytes,
    keep: Keep,
    about: About,
    begun: Begun,
    used: Cell<Moment>,
}

/// The cache, and the lookups that are under way.
pub struct Answers {
    clock: Clock,
    files: Files,
    keyring_generation: Rc<Cell<u64>>,
    kept: RefCell<HashMap<Box<[u8]>, Kept>>,
    flights: RefCell<HashMap<Box<[u8]>, Flight>>,
    epoch: Cell<u64>,
    hits: Cell<u64>,
    misses: Cell<u64>,
    log: Log,
}

/// One lookup: its failure is shared as well, so that many askers of a stuck provider do not wait
/// one after the other.
type Flight = Rc<OnceCell<Result<Bytes, Failure>>>;

impl Answers {
    /// Nothing kept yet. `keyring_generation` counts the changes that the keyring tells of.
    pub fn new(clock: Clock, files: Files, keyring_generation: Rc<Cell<u64>>, log: Log) -> Self {
        Self {
            clock,
            files,
            keyring_generation,
            kept: RefCell::default(),
            flights: RefCell::default(),
            epoch: Cell::new(0),
            hits: Cell::new(0),
            misses: Cell::new(0),
            log,
        }
    }

    /// The kept answer to this message, if it still holds.
    pub fn find(&self, message: &[u8]) -> Option<Bytes> {
        let kept = self.kept.borrow();
        let entry = kept.get(message)?;
        if !self.is_young(entry) || !self.files.is_current(&entry.keep.stamp) {
            return None;
        }
        entry.used.set(self.clock.now());
        self.hit(&entry.about);
        Some(entry.reply.clone())
    }

    /// The same for an answer that rests on files which only a look can tell about: on network
    /// shares and the like. The look is taken off the main thread.
    pub async fn find_by_a_look(&self, message: &[u8]) -> Option<Bytes> {
        let (stamp, reply, about) = {
            let kept = self.kept.borrow();
            let entry = kept.get(message).filter(|entry| self.is_young(entry))?;
            let (stamp, reply) = (entry.keep.stamp.clone(), entry.reply.clone());
            (stamp, reply, entry.about.clone())
        };
        let epoch = self.epoch.get();
        let holds = self.files.recheck(&stamp).await && epoch == self.epoch.get();
        holds.then(|| {
            self.hit(&about);
            reply
        })
    }

    fn hit(&self, about: &About) {
        self.hits.set(self.hits.get() + 1);
        self.log.debug(|| {
            let (name, url) = &about.question;
            Line::new("answered from the cache").about(name.as_deref(), url.as_deref())
        });
    }

    /// Whether an answer is within its limits, whatever became of the files.
    fn is_young(&self, entry: &Kept) -> bool {
        let now = self.clock.now();
        let age = now.since(entry.begun.at);
        age < entry.keep.absolute
            && now.since(entry.used.get()) < entry.keep.idle
            && (!entry.keep.keyring
                || (entry.begun.keyring_generation == self.keyring_generation.get()
                    && age < KEYRING_AGE))
    }

    /// Counts a question that is not answered from here.
    pub fn missed(&self) {
        self.misses.set(self.misses.get() + 1);
    }

    /// A lookup begins: what it finds is kept for no change that comes meanwhile.
    pub fn begin(&self) -> Begun {
        Begun {
            epoch: self.epoch.get(),
            keyring_generation: self.keyring_generation.get(),
            at: self.clock.now(),
        }
    }

    /// Keeps an answer, unless everything was forgotten since its lookup began.
    pub fn keep(&self, message: &[u8], reply: Bytes, keep: Keep, about: About, begun: Begun) {
        if begun.epoch != self.epoch.get() {
            return;
        }
        let now = self.clock.now();
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= ENTRIES {
            kept.retain(|_, entry| now.since(entry.begun.at) < entry.keep.absolute);
            if kept.len() >= ENTRIES
                && let Some(oldest) = kept
                    .iter()
                    .min_by_key(|(_, entry)| entry.used.get())
                    .map(|(key, _)| key.clone())
            {
                kept.remove(&oldest);
            }
        }
        let entry = Kept {
            reply,
            keep,
            about,
            begun,
            used: Cell::new(now),
        };
        kept.insert(message.into(), entry);
    }

    /// The answer of the lookup for this message that is under way, or of a new one. Whoever comes
    /// later waits for the first; where the first is given up, the next one takes over.
    ///
    /// # Errors
    /// Those of the lookup.
    pub async fn once(
        &self,
        message: &[u8],
        look_up: impl AsyncFnOnce() -> Result<Bytes, Failure>,
    ) -> Result<Bytes, Failure> {
        let flight = self.flight(message);
        let result = flight.get_or_init(|| look_up()).await.clone();
        // The next question starts a new one. After a `forget` there may be another already, which
        // is not over.
        let mut flights = self.flights.borrow_mut();
        if flights
            .get(message)
            .is_some_and(|other| Rc::ptr_eq(other, &flight))
        {
            flights.remove(message);
        }
        result
    }

    fn flight(&self, message: &[u8]) -> Flight {
        let mut flights = self.flights.borrow_mut();
        // A flight that only we hold has landed or was given up by everybody.
        flights.retain(|_, flight| Rc::strong_count(flight) > 1);
        flights.entry(message.into()).or_default().clone()
    }

    /// Drops the kept answer to one message.
    pub fn drop_one(&self, message: &[u8]) {
        self.kept.borrow_mut().remove(message);
    }

    /// What the kept answer to this message gives; none where no credential is kept.
    pub fn given(&self, message: &[u8]) -> Option<Given> {
        let kept = self.kept.borrow();
        let about = &kept.get(message)?.about;
        about.secret.as_ref()?;
        Some(Given::Secret(about.name.clone()))
    }

    /// Drops the answers to questions about the same name and URL; says what secrets they gave.
    pub fn drop_about(&self, question: &Question) -> Vec<Secret> {
        let wanted = about(question);
        let mut given = Vec::new();
        self.kept.borrow_mut().retain(|_, entry| {
            let same = entry.about.question == wanted;
            if same && let Some(secret) = &entry.about.secret {
                given.push(secret.clone());
            }
            !same
        });
        given
    }

    /// Drops what has outlived its limits: their secrets need not stay in memory.
    pub fn sweep(&self) {
        let now = self.clock.now();
        self.kept.borrow_mut().retain(|_, entry| {
            now.since(entry.begun.at) < entry.keep.absolute
                && now.since(entry.used.get()) < entry.keep.idle
        });
    }

    /// Forgets every answer, and those of lookups that are under way.
    pub fn forget(&self) {
        self.epoch.set(self.epoch.get() + 1);
        self.kept.borrow_mut().clear();
        self.flights.borrow_mut().clear();
    }

    /// For `status`.
    pub fn counts(&self) -> CacheCounts {
        CacheCounts {
            entries: self.kept.borrow().len() as u64,
            hits: self.hits.get(),
            misses: self.misses.get(),
        }
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
