//! Files that are read for a request: safely, off the main thread, and noted for the cache.
//!
//! A path may name anything: a FIFO, a directory, a loop of links, a file on a network share that
//! does not answer. None of these may stop the agent, and none may be taken for "no such file".

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use credential_helper_protocol::Failure;
use zeroize::Zeroizing;

use crate::domain::credential::Why;
use crate::domain::text::shown;

/// The largest file that is read: the longest real `auth.toml` known is a few KiB.
pub const FILE_SIZE: u64 = 4 * 1024 * 1024;
/// How long one file may take.
pub const FILE_TIME: Duration = Duration::from_secs(1);

/// The content of a file; wiped when the last holder drops it.
pub type Text = Rc<Zeroizing<String>>;

/// Why a file could not be read, in our own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFailure {
    /// The kind.
    pub why: Why,
    /// `cannot read PATH: ...`
    pub detail: String,
}

impl From<FileFailure> for Failure {
    fn from(failure: FileFailure) -> Self {
        Self::new(failure.why.code(), failure.detail)
    }
}

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
    kept: RefCell<HashMap<PathBuf, (Identity, Text)>>,
}

/// The files of one request: notes what was looked at, so that the answer can be kept just as
/// long as all of it stays the same.
#[derive(Clone, Default)]
pub struct View {
    files: Files,
    seen: Rc<RefCell<Vec<(PathBuf, Option<Identity>)>>>,
}

impl Files {
    /// A view for one request.
    pub fn view(&self) -> View {
        View {
            files: self.clone(),
            seen: Rc::default(),
        }
    }

    /// Forgets every content.
    pub fn forget(&self) {
        self.0.kept.borrow_mut().clear();
    }
}

impl View {
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
        let known = kept.as_ref().map(|(identity, _)| *identity);
        let owned = path.to_owned();
        let work = tokio::task::spawn_blocking(move || read_file(&owned, known));
        let read = match tokio::time::timeout(FILE_TIME, work).await {
            Err(_) => return Err(fail(Why::TimedOut, "no answer within 1 s")),
            Ok(Err(_)) => return Err(fail(Why::Unavailable, "the reader failed")),
            Ok(Ok(read)) => read,
        };
        let (identity, text) = match read {
            Ok(Reading::Absent) => {
                self.note(path, None);
                self.files.0.kept.borrow_mut().remove(path);
                return Ok(None);
            }
            Ok(Reading::Same) => {
                self.note(path, known);
                return Ok(kept.map(|(_, text)| text));
            }
            Ok(Reading::New(identity, text)) => (identity, text),
            Err(error) => {
                self.note(path, None);
                return Err(match error.kind() {
                    io::ErrorKind::InvalidData => fail(Why::Malformed, "it is not UTF-8 text"),
                    io::ErrorKind::FileTooLarge => fail(Why::Malformed, "it is larger than 4 MiB"),
                    io::ErrorKind::InvalidInput => fail(Why::Malformed, "it is not a regular file"),
                    io::ErrorKind::PermissionDenied => fail(Why::Unavailable, "permission denied"),
                    kind => fail(Why::Unavailable, &kind.to_string()),
                });
            }
        };
        self.note(path, Some(identity));
        let text = Rc::new(text);
        self.files
            .0
            .kept
            .borrow_mut()
            .insert(path.to_owned(), (identity, text.clone()));
        Ok(Some(text))
    }

    /// Whether there is a regular file (or anything else that is no error to meet) at the path.
    pub async fn exists(&self, path: &Path) -> bool {
        let owned = path.to_owned();
        let work = tokio::task::spawn_blocking(move || std::fs::metadata(owned).ok());
        let found = tokio::time::timeout(FILE_TIME, work)
            .await
            .ok()
            .and_then(Result::ok)
            .flatten();
        self.note(path, found.as_ref().map(identity));
        found.is_some_and(|meta| meta.is_file())
    }

    fn note(&self, path: &Path, identity: Option<Identity>) {
        self.seen.borrow_mut().push((path.to_owned(), identity));
    }
}

enum Reading {
    Absent,
    Same,
    New(Identity, Zeroizing<String>),
}

/// Opens without blocking (a FIFO would wait for a writer), then checks what it has opened.
fn read_file(path: &Path, known: Option<Identity>) -> io::Result<Reading> {
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Reading::Absent),
        // A file where a folder should be: there is no such file either.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Reading::Absent),
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
    if known == Some(identity) && settled(&meta) {
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
    Ok(Reading::New(identity, Zeroizing::new(text.to_owned())))
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
fn identity(meta: &std::fs::Metadata) -> Identity {
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
fn identity(meta: &std::fs::Metadata) -> Identity {
    Identity {
        device: 0,
        inode: 0,
        size: meta.len(),
        modified: meta.modified().ok(),
        changed: (0, 0),
    }
}
