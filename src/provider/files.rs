//! Files that are read for a request: safely, off the main thread, and noted for the cache.
//!
//! A path may name anything: a FIFO, a directory, a loop of links, a file on a network share that
//! does not answer. None of these may stop the agent, and none may be taken for "no such file".
//!
//! An answer may be kept as long as everything that was looked at for it stays the same:
//! [`View::stamp`] says what that was, [`Files::is_current`] whether it still holds.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::looks::{Late, Looks};
pub use super::reading::Identity;
use super::reading::{Reading, found_file, read_file};
use super::remembered::Remembered;
use super::stamp::{Found, Look};
#[cfg(not(target_os = "linux"))]
use super::unwatched::{Survey, Watch, survey};
#[cfg(target_os = "linux")]
use super::watch::{Survey, Watch, survey};
use crate::domain::credential::Why;
use crate::domain::log::{Line, Log};
use crate::domain::text::shown;
pub use crate::domain::toml_text::FileFailure;
pub use crate::edit::FILE_SIZE;
use crate::edit::read::is_absence;

/// How long one file may take.
pub const FILE_TIME: Duration = Duration::from_secs(1);
/// Contents kept at once: the files of some projects and all of the user's own.
const KEPT: usize = 64;

/// The content of a file; wiped when the last holder drops it.
pub type Text = Rc<Zeroizing<String>>;

/// Every file that the agent reads goes through here.
#[derive(Clone, Default)]
pub struct Files(Rc<Inner>);

#[derive(Default)]
struct Inner {
    kept: RefCell<HashMap<PathBuf, Kept>>,
    watch: Watch,
    log: OnceCell<Log>,
    looks: Looks,
    remembered: Remembered,
}

#[derive(Clone)]
struct Kept {
    /// Unset where the file had just been written when it was read: the next write may look the
    /// same, so that no later look vouches for this content.
    identity: Option<Identity>,
    text: Text,
    used: Instant,
}

/// The files of one request: notes what was looked at, so that the answer can be kept just as
/// long as all of it stays the same.
#[derive(Clone, Default)]
pub struct View {
    files: Files,
    generation: u64,
    /// When the oldest of the looks was made, at the latest.
    began: Rc<Cell<Option<Instant>>>,
    seen: Rc<RefCell<Vec<Look>>>,
}

impl Files {
    /// Files whose folders are watched: for a process that stays.
    pub fn watching() -> Self {
        Self(Rc::new(Inner {
            kept: RefCell::default(),
            watch: Watch::new(),
            log: OnceCell::new(),
            looks: Looks::default(),
            remembered: Remembered::default(),
        }))
    }

    /// Tells there which files are read; the first that is given stays.
    pub fn log_to(&self, log: &Log) {
        let _ = self.0.log.set(log.clone());
    }

    /// A view for one request.
    pub fn view(&self) -> View {
        self.drain();
        View {
            files: self.clone(),
            generation: self.0.watch.generation(),
            began: Rc::new(Cell::new(Some(Instant::now()))),
            seen: Rc::default(),
        }
    }

    /// Forgets every content.
    pub fn forget(&self) {
        self.0.kept.borrow_mut().clear();
        self.0.remembered.forget();
    }

    /// Forgets the contents that nobody has read for so long.
    pub fn forget_unused(&self, idle: Duration) {
        let kept = &mut *self.0.kept.borrow_mut();
        kept.retain(|_, kept| kept.used.elapsed() < idle);
    }

    /// Takes in what the watch has seen; [`Files::is_current`] does so by itself.
    pub fn drain(&self) {
        self.0.watch.drain();
    }

    /// Returns when a file that was looked at may have changed; never where nothing can be watched.
    /// [`Files::is_current`] tells.
    pub async fn stirred(&self) {
        self.0.watch.stirred().await;
    }

    /// How many contents are kept.
    #[cfg(test)]
    pub fn kept(&self) -> usize {
        self.0.kept.borrow().len()
    }

    /// The way to look at a file that may not answer.
    pub(super) fn looks(&self) -> &Looks {
        &self.0.looks
    }

    /// The watch.
    pub(super) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    fn keep(&self, path: &Path, identity: Option<Identity>, text: &Text) {
        let kept = &mut *self.0.kept.borrow_mut();
        if kept.len() >= KEPT && !kept.contains_key(path) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.used);
            if let Some(oldest) = oldest.map(|(path, _)| path.clone()) {
                kept.remove(&oldest);
            }
        }
        let kept_now = Kept {
            identity,
            text: text.clone(),
            used: Instant::now(),
        };
        kept.insert(path.to_owned(), kept_now);
    }
}

impl View {
    /// Every look so far, the generation of the watch before the first, and when that was.
    pub(super) fn looks(&self) -> (Vec<Look>, u64, Option<Instant>) {
        (
            self.seen.borrow().clone(),
            self.generation,
            self.began.get(),
        )
    }

    /// The files it belongs to.
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// The content of a file; `None` where there is none.
    ///
    /// # Errors
    /// Where it is there but cannot be read: not a regular file, too large, not allowed, not
    /// UTF-8, too slow.
    pub async fn read(&self, path: &Path) -> Result<Option<Text>, FileFailure> {
        let fail = |why, text: &str| FileFailure {
            why,
            detail: format!("cannot read {}: {text}", shown(&path.to_string_lossy())),
        };
        let kept = self.files.0.kept.borrow().get(path).cloned();
        let known = kept.as_ref().and_then(|kept| kept.identity);
        match (self.remembered(path), &kept) {
            (Some((Found::Nothing, _)), _) => return Ok(None),
            (Some((Found::Settled(identity), true)), Some(kept))
                if kept.identity == Some(identity) =>
            {
                self.files.keep(path, kept.identity, &kept.text);
                return Ok(Some(kept.text.clone()));
            }
            _ => {}
        }
        let owned = path.to_owned();
        let read = self.look(path, move || read_file(&owned, known)).await;
        let (read, note) = match read {
            Err(Late::TimedOut) => return Err(fail(Why::TimedOut, "no answer within 1 s")),
            Err(Late::Broken) => return Err(fail(Why::Unavailable, "the reader failed")),
            Ok(done) => done,
        };
        match read {
            Ok(Reading::Absent) => {
                note(Found::Nothing, false);
                self.files.0.kept.borrow_mut().remove(path);
                Ok(None)
            }
            Ok(Reading::Same) => {
                note(known.map_or(Found::Unknown, Found::Settled), true);
                Ok(kept.map(|kept| {
                    self.files.keep(path, kept.identity, &kept.text);
                    kept.text
                }))
            }
            Ok(Reading::New(found, text)) => {
                note(found, true);
                let identity = match found {
                    Found::Settled(identity) => Some(identity),
                    _ => None,
                };
                if let Some(log) = self.files.0.log.get() {
                    log.debug(|| Line::new("read").path("file", path));
                }
                // Written anew or read by two at once, it is the same: what was made of it still holds.
                let kept = self.files.0.kept.borrow().get(path).cloned();
                let text = match kept {
                    Some(kept) if *kept.text == text => kept.text,
                    _ => Rc::new(text),
                };
                self.files.keep(path, identity, &text);
                Ok(Some(text))
            }
            Err(error) => {
                note(Found::Unknown, false);
                Err(match error.kind() {
                    io::ErrorKind::InvalidData => fail(Why::Malformed, "it is not UTF-8 text"),
                    io::ErrorKind::FileTooLarge => fail(Why::Malformed, "it is larger than 4 MiB"),
                    io::ErrorKind::InvalidInput => fail(Why::Malformed, "it is not a regular file"),
                    io::ErrorKind::PermissionDenied => fail(Why::Unavailable, "permission denied"),
                    kind => fail(Why::Unavailable, &kind.to_string()),
                })
            }
        }
    }

    /// Whether there is a regular file (or anything else that is no error to meet) at the path.
    pub async fn exists(&self, path: &Path) -> bool {
        if let Some((_, is_file)) = self.remembered(path) {
            return is_file;
        }
        let owned = path.to_owned();
        let looked = self.look(path, move || std::fs::metadata(owned)).await;
        let Ok((found, note)) = looked else {
            return false;
        };
        let is_file = found.as_ref().is_ok_and(std::fs::Metadata::is_file);
        let found = match &found {
            Ok(meta) => found_file(meta),
            Err(error) if is_absence(error) => Found::Nothing,
            Err(_) => Found::Unknown,
        };
        note(found, is_file);
        is_file
    }

    /// What an earlier request found there and nothing has changed since; noted as if it had been
    /// looked at.
    fn remembered(&self, path: &Path) -> Option<(Found, bool)> {
        let files = &self.files.0;
        let began = self.began.get()?;
        let (look, is_file, then) =
            files
                .remembered
                .get(path, self.generation, began, &files.watch)?;
        self.began.set(Some(began.min(then)));
        let found = look.found;
        self.seen.borrow_mut().push(look);
        Some((found, is_file))
    }

    /// Watches the path and then looks at it, off the main thread. The second part of the result
    /// notes what was found, and whether it is a file.
    async fn look<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, impl FnOnce(Found, bool)), Late> {
        let surveying = self.files.0.watch.begin();
        let queue = surveying.queue();
        let owned = path.to_owned();
        let work = move || {
            let survey = survey(queue.as_deref(), &owned);
            (survey, work())
        };
        let (survey, done, late) = match self.files.0.looks.look(path, FILE_TIME, work).await {
            Ok((survey, done)) => (survey, Some(done), Late::Broken),
            Err(late) => (Survey::UNKNOWN, None, late),
        };
        let look = Look {
            path: path.to_owned(),
            found: Found::Unknown,
            local: survey.local,
            watch: surveying.end(&survey),
            missing: survey.missing,
        };
        let Some(done) = done else {
            self.seen.borrow_mut().push(look);
            return Err(late);
        };
        let view = self.clone();
        let note = move |found, is_file| {
            let look = Look { found, ..look };
            let remembered = &view.files.0.remembered;
            remembered.put(&look, is_file, view.generation, view.began.get());
            view.seen.borrow_mut().push(look);
        };
        Ok((done, note))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[path = "files_tests.rs"]
mod tests;
