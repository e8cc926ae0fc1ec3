//! Files that are read for a request: safely, off the main thread, and noted for the cache.
//!
//! A path may name anything: a FIFO, a directory, a loop of links, a file on a network share that
//! does not answer. None of these may stop the agent, and none may be taken for "no such file".
//!
//! An answer may be kept as long as everything that was looked at for it stays the same:
//! [`View::stamp`] says what that was, [`Files::is_current`] whether it still holds.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use super::looks::{Late, Looks};
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

/// How long one file may take.
pub const FILE_TIME: Duration = Duration::from_secs(1);
/// Contents kept at once: the files of some projects and all of the user's own.
const KEPT: usize = 64;

/// The content of a file; wiped when the last holder drops it.
pub type Text = Rc<Zeroizing<String>>;

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

/// Every file that the agent reads goes through here.
#[derive(Clone, Default)]
pub struct Files(Rc<Inner>);

#[derive(Default)]
struct Inner {
    kept: RefCell<HashMap<PathBuf, Kept>>,
    watch: Watch,
    log: OnceCell<Log>,
    looks: Looks,
}

#[derive(Clone)]
struct Kept {
    identity: Identity,
    text: Text,
    used: Instant,
}

/// The files of one request: notes what was looked at, so that the answer can be kept just as
/// long as all of it stays the same.
#[derive(Clone, Default)]
pub struct View {
    files: Files,
    generation: u64,
    began: Option<Instant>,
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
            began: Some(Instant::now()),
            seen: Rc::default(),
        }
    }

    /// Forgets every content.
    pub fn forget(&self) {
        self.0.kept.borrow_mut().clear();
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

    fn keep(&self, path: &Path, identity: Identity, text: &Text) {
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
        (self.seen.borrow().clone(), self.generation, self.began)
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
        let known = kept.as_ref().map(|kept| kept.identity);
        let owned = path.to_owned();
        let read = self.look(path, move || read_file(&owned, known)).await;
        let (read, note) = match read {
            Err(Late::TimedOut) => return Err(fail(Why::TimedOut, "no answer within 1 s")),
            Err(Late::Broken) => return Err(fail(Why::Unavailable, "the reader failed")),
            Ok(done) => done,
        };
        match read {
            Ok(Reading::Absent) => {
                note(Found::Nothing);
                self.files.0.kept.borrow_mut().remove(path);
                Ok(None)
            }
            Ok(Reading::Same) => {
                note(known.map_or(Found::Unknown, Found::Settled));
                Ok(kept.map(|kept| {
                    self.files.keep(path, kept.identity, &kept.text);
                    kept.text
                }))
            }
            Ok(Reading::New(found, identity, text)) => {
                note(found);
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
                note(Found::Unknown);
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
        let owned = path.to_owned();
        let looked = self.look(path, move || std::fs::metadata(owned)).await;
        let Ok((found, note)) = looked else {
            return false;
        };
        note(match &found {
            Ok(meta) => found_file(meta),
            Err(error) if is_absence(error) => Found::Nothing,
            Err(_) => Found::Unknown,
        });
        found.is_ok_and(|meta| meta.is_file())
    }

    /// Watches the path and then looks at it, off the main thread. The second part of the result
    /// notes what was found.
    async fn look<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, impl FnOnce(Found)), Late> {
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
        let seen = self.seen.clone();
        let note = move |found| seen.borrow_mut().push(Look { found, ..look });
        Ok((done, note))
    }
}

/// A file where a folder should be: there is no such file either.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn found_file(meta: &std::fs::Metadata) -> Found {
    // Only its kind was asked for, but what replaces it may be of another.
    if settled(meta) {
        Found::Settled(identity(meta))
    } else {
        Found::Fresh(identity(meta))
    }
}

enum Reading {
    Absent,
    Same,
    New(Found, Identity, Zeroizing<String>),
}

/// Opens without blocking (a FIFO would wait for a writer), then checks what it has opened.
fn read_file(path: &Path, known: Option<Identity>) -> io::Result<Reading> {
    let file = match open(path) {
        Err(error) if is_absence(&error) => return Ok(Reading::Absent),
        other => other?,
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if meta.len() > FILE_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let identity = identity(&meta);
    let found = found_file(&meta);
    if known == Some(identity) && found == Found::Settled(identity) {
        return Ok(Reading::Same);
    }
    let room = usize::try_from(meta.len()).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    file.take(FILE_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Reading::New(
        found,
        identity,
        Zeroizing::new(text.to_owned()),
    ))
}

/// Whether the file is old enough that a later write must show in its times: file systems count
/// in ticks of some milliseconds.
fn settled(meta: &std::fs::Metadata) -> bool {
    meta.modified()
        .ok()
        .and_then(|time| SystemTime::now().duration_since(time).ok())
        .is_some_and(|age| age > Duration::from_millis(50))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
pub(super) fn identity(meta: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.len(),
        modified: meta.modified().ok(),
        changed: (meta.ctime(), meta.ctime_nsec()),
    }
}

#[cfg(not(unix))]
pub(super) fn identity(meta: &std::fs::Metadata) -> Identity {
    Identity {
        device: 0,
        inode: 0,
        size: meta.len(),
        modified: meta.modified().ok(),
        changed: (0, 0),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[path = "files_tests.rs"]
mod tests;
