//! Changes of text files that belong to the user: atomic, one at a time, and with everything kept
//! that is not ours (comments, order, unknown keys, line ends, byte order mark).
//!
//! The new text goes to a temporary file (0600) of the same folder, is synced, and takes the old
//! one's place, all under a lock on the folder: whoever is killed at whatever moment leaves the old
//! file or the new one. A file that cannot be read or understood is never replaced. Programs that do
//! not take the lock (Poetry takes none) are noticed by comparing once more just before, and, where
//! two names can be exchanged, by looking at what came out; the change is then made again on what they
//! wrote.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure};
use tokio::time::Instant;
use toml_edit::DocumentMut;
use zeroize::Zeroizing;

use self::folder::Folder;
pub use self::read::FILE_SIZE;
pub use self::swap::{check, swap};
pub use self::write::Mode;
use self::write::Place;
use crate::domain::text::line_at;

pub mod document;
mod exchange;
mod folder;
mod lease;
mod lines;
pub mod read;
mod swap;
pub mod thread;
mod write;

/// How long another writer may hold the lock: an edit takes some milliseconds.
const LOCK_TIME: Duration = Duration::from_secs(3);
/// How often the lock is tried meanwhile.
const LOCK_STEP: Duration = Duration::from_millis(4);
/// How long the disk may take for one step.
const DISK_TIME: Duration = Duration::from_secs(10);

/// Changes a TOML file; an absent one counts as empty and is created with `mode`, its folder too.
///
/// `change` may be called again on a newer text, so it must start from the document that it is
/// given. What it returns comes back, with whether the file was written: a change that changes
/// nothing writes nothing.
///
/// # Errors
/// `change`'s own, with the file's name before it; `malformed` for a file that is no TOML,
/// `timed-out` where another writer or the disk holds us up, `policy` for a file of somebody else,
/// `unavailable` where it cannot be written. The old file is untouched after every error.
pub async fn edit<T, F>(path: &Path, mode: Mode, mut change: F) -> Result<(T, bool), Failure>
where
    T: Send + 'static,
    F: FnMut(&mut DocumentMut) -> Result<T, Failure> + Send + 'static,
{
    edit_text(path, mode, move |text| {
        let mut document = parse(text)?;
        let before = Zeroizing::new(document.to_string());
        let result = change(&mut document)?;
        let new = Zeroizing::new(document.to_string());
        if *new == *before {
            return Ok((result, Zeroizing::new(text.to_owned())));
        }
        // A text that could not be read again must never reach the disk.
        if new.parse::<DocumentMut>().is_err() {
            return Err(Failure::new(
                ErrorCode::Internal,
                "the new text would not be valid TOML",
            ));
        }
        Ok((result, new))
    })
    .await
}

/// The text as TOML; of the parser's own message, which quotes the line, nothing is passed on.
///
/// # Errors
/// `malformed`, with the line.
pub fn parse(text: &str) -> Result<DocumentMut, Failure> {
    text.parse::<DocumentMut>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = line_at(text.as_bytes(), at);
        Failure::new(
            ErrorCode::Malformed,
            format!("line {line} is not valid TOML"),
        )
        .hint("correct that line by hand, then try again; nothing was changed")
    })
}

/// The same for any text: `change` is given it without a byte order mark and with plain line ends,
/// and returns the new one.
///
/// # Errors
/// As [`edit`].
pub async fn edit_text<T, F>(path: &Path, mode: Mode, change: F) -> Result<(T, bool), Failure>
where
    T: Send + 'static,
    F: FnMut(&str) -> Result<(T, Zeroizing<String>), Failure> + Send + 'static,
{
    let given_up = GivenUp::default();
    let place = Place(path.to_owned());
    let asked = place.clone();
    let (target, mut change) = off_thread(&place, move || (asked.target(), change)).await?;
    let mut target = target?;
    if !target.folder_exists {
        // Nothing is created for a change that changes nothing.
        let asked = place.clone();
        let folder = target.folder.clone();
        let (first, back) = off_thread(&place, move || {
            let first = asked.create_folder_for(&folder, &mut change);
            (first, change)
        })
        .await?;
        change = back;
        if let Some(unchanged) = first? {
            return Ok((unchanged, false));
        }
        target.folder_exists = true;
    }
    let folder = lock(&place, target.folder).await?;
    let (asked, flag) = (place.clone(), given_up.0.clone());
    let work = move || asked.run(&folder, &target.name, mode, &flag, change);
    off_thread(&place, work).await?
}

/// Tells the thread that works for us, when we stop waiting, not to write any more.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

async fn off_thread<R: Send + 'static>(
    place: &Place,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Failure> {
    match tokio::time::timeout(DISK_TIME, thread::off_thread(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(place
            .fail(ErrorCode::Unavailable, "there is no thread for it")
            .hint("see the limits on processes and memory (`ulimit -a`)")),
        Err(_) => Err(place
            .fail(ErrorCode::TimedOut, "the disk did not answer within 10 s")
            .hint("see whether its file system is a network share that is gone")),
    }
}

/// Opens the folder and takes its lock.
async fn lock(place: &Place, path: PathBuf) -> Result<Folder, Failure> {
    let deadline = Instant::now() + LOCK_TIME;
    let mut state = LockState::Closed(path);
    loop {
        let (next, error) = off_thread(place, move || state.step()).await?;
        if let Some(error) = error {
            return Err(place.io("cannot lock its folder", &error));
        }
        match next {
            LockState::Held(folder) => return Ok(folder),
            other => state = other,
        }
        if Instant::now() >= deadline {
            return Err(place
                .fail(ErrorCode::TimedOut, "another program holds its folder's lock for more than 3 s")
                .hint("end the other program, for example a stopped `helper` or Poetry run, and try again"));
        }
        tokio::time::sleep(LOCK_STEP).await;
    }
}

enum LockState {
    Closed(PathBuf),
    Open(Folder),
    Held(Folder),
}

impl LockState {
    fn step(self) -> (Self, Option<io::Error>) {
        let opened = match self {
            Self::Closed(path) => Folder::open(path.clone()).map_err(|error| (path, error)),
            Self::Open(folder) => Ok(folder),
            held @ Self::Held(_) => return (held, None),
        };
        let mut folder = match opened {
            Ok(folder) => folder,
            Err((path, error)) => return (Self::Closed(path), Some(error)),
        };
        match folder.try_lock() {
            Ok(true) => (Self::Held(folder), None),
            Ok(false) => (Self::Open(folder), None),
            Err(error) => (Self::Open(folder), Some(error)),
        }
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
