//! The last look at each path, so that the next request does not look again where nothing has
//! changed: a credential in variables is not kept, but the files that bind and set it are looked at
//! for each question.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::stamp::{BELIEF, Found, Look};
#[cfg(not(target_os = "linux"))]
use super::unwatched::Watch;
#[cfg(target_os = "linux")]
use super::watch::Watch;

/// Paths remembered at once.
const PATHS: usize = 256;

/// What was found at each path, for as long as a watch vouches for it.
#[derive(Default)]
pub(super) struct Remembered(RefCell<HashMap<PathBuf, One>>);

struct One {
    look: Look,
    is_file: bool,
    /// The watch's generation before the look.
    generation: u64,
    /// When the request began that looked.
    began: Instant,
}

impl Remembered {
    /// Notes a look, where it can be believed later: the path is watched, and the next write will
    /// show.
    pub(super) fn put(&self, look: &Look, is_file: bool, generation: u64, began: Option<Instant>) {
        let all = &mut *self.0.borrow_mut();
        let lasting = matches!(look.found, Found::Nothing | Found::Settled(_));
        let (true, Some(_), Some(began)) = (lasting, look.watch, began) else {
            all.remove(&look.path);
            return;
        };
        if all.len() >= PATHS && !all.contains_key(&look.path) {
            all.clear();
        }
        let one = One {
            look: look.clone(),
            is_file,
            generation,
            began,
        };
        all.insert(look.path.clone(), one);
    }

    /// The last look at the path, whether it is a file, and when that was: for a request that began
    /// at this generation of the watch, at this time. `None` where something may have changed, or
    /// the watch alone has been believed for long enough.
    pub(super) fn get(
        &self,
        path: &Path,
        generation: u64,
        began: Instant,
        watch: &Watch,
    ) -> Option<(Look, bool, Instant)> {
        let all = self.0.borrow();
        let one = all.get(path)?;
        let holds = one.generation == generation
            && began.saturating_duration_since(one.began) < BELIEF
            && watch.is_kept(one.look.watch?);
        holds.then(|| (one.look.clone(), one.is_file, one.began))
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
