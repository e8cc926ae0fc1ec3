//! What was looked at for an answer, and whether it still is what it was.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::files::{FILE_TIME, Files, View};
use super::reading::{Identity, identity};
use crate::edit::read::is_absence;

/// How long a watch is believed without a look at the files themselves.
pub(super) const BELIEF: Duration = Duration::from_secs(1);

/// One look at one path.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) path: PathBuf,
    pub(super) found: Found,
    pub(super) watch: Option<i32>,
    pub(super) local: bool,
    /// What was missing on the way to it: the watch does not see further than that.
    pub(super) missing: Option<PathBuf>,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// A file that had been left alone for long enough: the next write shows in its identity.
    Settled(Identity),
    /// A file that had just been written: the next write may look the same.
    Fresh(Identity),
    /// It could not be told; nothing that rests on this is kept.
    Unknown,
}

/// Everything that was looked at for one answer.
#[derive(Clone, Debug)]
pub struct Stamp {
    looks: Rc<[Look]>,
    local: bool,
    generation: Cell<u64>,
    watched: Cell<bool>,
    compared: Cell<Option<Instant>>,
}

impl Files {
    /// Whether everything is still as it was. Never waits for a disk that may not answer: files
    /// on such are "no" here, and [`Files::recheck`] tells.
    pub fn is_current(&self, stamp: &Stamp) -> bool {
        self.is_current_at(stamp, Instant::now())
    }

    pub(super) fn is_current_at(&self, stamp: &Stamp, now: Instant) -> bool {
        self.drain();
        let generation = self.watch().generation();
        if stamp.watched.get()
            && stamp.generation.get() == generation
            && stamp
                .compared
                .get()
                .is_some_and(|then| now.saturating_duration_since(then) < BELIEF)
        {
            return true;
        }
        if !stamp.local {
            return false;
        }
        let Some(linked) = compare(&stamp.looks) else {
            return false;
        };
        // Before the comparison, not after it: what happens meanwhile has to count.
        stamp.generation.set(generation);
        stamp.compared.set(Some(now));
        stamp.watched.set(!linked && self.are_watched(&stamp.looks));
        true
    }

    /// Whether everything is still as it was, by a look at each file, off the main thread.
    pub async fn recheck(&self, stamp: &Stamp) -> bool {
        let looks: Vec<Look> = stamp.looks.to_vec();
        let slow = looks.iter().find(|look| !look.local).or(looks.first());
        let path = slow.map(|look| look.path.clone()).unwrap_or_default();
        let work = move || compare(&looks).is_some();
        self.looks().look(&path, FILE_TIME, work).await == Ok(true)
    }

    fn are_watched(&self, looks: &[Look]) -> bool {
        looks
            .iter()
            .all(|look| look.watch.is_some_and(|watch| self.watch().is_kept(watch)))
    }
}

impl View {
    /// What this request has looked at so far.
    pub fn stamp(&self) -> Stamp {
        let (mut looks, generation, began) = self.looks();
        looks.sort_by(|a, b| a.path.cmp(&b.path));
        looks.dedup_by(|later, first| {
            let same = later.path == first.path;
            if same && later.found != first.found {
                // It changed while it was looked at twice.
                first.found = Found::Unknown;
            }
            same
        });
        Stamp {
            local: looks.iter().all(|look| look.local),
            generation: Cell::new(generation),
            watched: Cell::new(self.files().are_watched(&looks)),
            compared: Cell::new(began),
            looks: looks.into(),
        }
    }
}

/// Whether every file is what it was: `None` if not, otherwise whether a link is among them,
/// whose target nobody watches.
fn compare(looks: &[Look]) -> Option<bool> {
    let mut linked = false;
    for look in looks {
        let path = match (look.found, &look.missing) {
            (Found::Nothing, Some(missing)) => missing,
            _ => &look.path,
        };
        let now = std::fs::symlink_metadata(path).and_then(|meta| {
            if meta.is_symlink() {
                linked = true;
                return std::fs::metadata(path);
            }
            Ok(meta)
        });
        let same = match (look.found, now) {
            (Found::Settled(before), Ok(meta)) => before == identity(&meta),
            (Found::Nothing, Err(error)) => is_absence(&error),
            _ => false,
        };
        if !same {
            return None;
        }
    }
    Some(linked)
}
