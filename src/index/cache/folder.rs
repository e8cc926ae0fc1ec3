//! The files of the cache.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use credential_helper_protocol::{ErrorCode, Failure};
use sha2::{Digest as _, Sha256};

use super::entry::{Head, Kind};
use super::{Key, Life};
use crate::domain::text::shown;

/// The folders, one a kind.
const FOLDERS: [(Kind, &str); 2] = [(Kind::Page, "pages"), (Kind::Metadata, "metadata")];
/// What identities are made with.
const SALT: &str = "salt";
/// Begins the names of files that are not whole yet.
const UNFINISHED: &str = ".new-";
/// The largest file that is read: the largest page, with room.
const LARGEST: u64 = 96 * 1024 * 1024;
/// What of a file is read for its head alone.
const HEAD: u64 = 64 * 1024;

/// One file, as `cache list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its head.
    pub head: Head,
    /// Its size.
    pub bytes: u64,
}

/// What `cache clear` took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many answers.
    pub entries: u64,
    /// How large they were.
    pub bytes: u64,
}

impl Head {
    /// The head of an answer that came now.
    pub(in crate::index) fn new(key: &Key, source: &str, life: Life) -> Self {
        let now = now();
        Self {
            kind: key.kind,
            url: key.url.clone(),
            identity: key.identity.to_string(),
            source: source.to_owned(),
            stored: now,
            fresh: now.saturating_add(life.fresh.as_secs()),
            validators: life.validators,
            said: life.said,
        }
    }

    /// The same answer, confirmed now.
    pub(in crate::index) fn renewed(&self, life: Life) -> Self {
        let now = now();
        Self {
            stored: now,
            fresh: now.saturating_add(life.fresh.as_secs()),
            validators: life.validators,
            said: life.said,
            ..self.clone()
        }
    }

    /// Whether it holds without being asked for again. One from the future does not: the clock was
    /// wrong then, or is now.
    pub(in crate::index) fn is_fresh(&self) -> bool {
        (self.stored..self.fresh).contains(&now())
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn cannot(doing: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!(
            "cannot {doing} the cache at {}: {}",
            shown(&path.to_string_lossy()),
            error.kind()
        ),
    )
    .hint("--no-cache does without it")
}

/// Makes the folders, for this user alone.
pub(super) fn make(folder: &Path) -> Result<(), Failure> {
    if FOLDERS.iter().all(|(_, name)| folder.join(name).is_dir()) && is_private(folder) {
        return Ok(());
    }
    let private = |path: &Path| {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    };
    let all = FOLDERS.iter().map(|(_, name)| folder.join(name));
    let made = private(folder).and_then(|()| close(folder)).and_then(|()| {
        let mut all = all;
        all.try_for_each(|path| private(&path))
    });
    made.map_err(|error| cannot("make", folder, &error))
}

/// Whether nobody else may look in.
#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::symlink_metadata(folder)
        .is_ok_and(|meta| meta.is_dir() && meta.permissions().mode().trailing_zeros() >= 6)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    true
}

/// Takes away what others may do in it.
#[cfg(unix)]
fn close(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn close(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The salt: made once. Where two processes make it at once, the first one's stays.
pub(super) fn salt(folder: &Path) -> Result<Vec<u8>, Failure> {
    let path = folder.join(SALT);
    let read = || fs::read(&path).ok().filter(|salt| salt.len() == 32);
    if let Some(salt) = read() {
        return Ok(salt);
    }
    let make = || -> io::Result<()> {
        let temporary = unfinished(folder);
        create(&temporary)?.write_all(&random()?)?;
        // A link does not take the place of one that is there; a damaged one has to go first. One that
        // somebody else has made meanwhile is not damaged.
        if path.exists() && read().is_none() {
            return fs::rename(&temporary, &path);
        }
        let linked = fs::hard_link(&temporary, &path);
        let ended = match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(_) => return fs::rename(&temporary, &path),
            Ok(()) => Ok(()),
        };
        let _ = fs::remove_file(&temporary);
        ended
    };
    make().map_err(|error| cannot("make", folder, &error))?;
    read().ok_or_else(|| cannot("read", folder, &io::ErrorKind::InvalidData.into()))
}

fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let provider = rustls::crypto::ring::default_provider();
    let filled = provider.secure_random.fill(&mut bytes);
    filled.map_err(|_| io::Error::other("no random numbers"))?;
    Ok(bytes)
}

fn name(key: &Key) -> String {
    let mut hash = Sha256::new();
    hash.update(key.identity.as_bytes());
    hash.update(b"\n");
    hash.update(key.url.as_bytes());
    let digest = hash.finalize();
    let digits = digest[..20].iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn place(folder: &Path, key: &Key) -> PathBuf {
    let found = FOLDERS.iter().find(|(kind, _)| *kind == key.kind);
    folder
        .join(found.map_or("pages", |(_, name)| name))
        .join(name(key))
}

fn unfinished(folder: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{UNFINISHED}{}-{count}", std::process::id()))
}

fn create(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    }
    options.open(path)
}

/// The bytes of a file; none where there is none, and where it cannot be read.
pub(super) fn read(folder: &Path, key: &Key) -> Option<Vec<u8>> {
    let file = fs::File::open(place(folder, key)).ok()?;
    let size = file.metadata().ok()?.len();
    if size > LARGEST {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).ok()? + 1);
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Puts a file there whole.
pub(super) fn write(folder: &Path, key: &Key, head: &[u8], payload: &[u8]) -> io::Result<()> {
    let path = place(folder, key);
    let temporary = unfinished(path.parent().unwrap_or(folder));
    let written = create(&temporary)
        .and_then(|mut file| file.write_all(&[head, payload].concat()))
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Takes a file away, where it is there.
pub(super) fn remove(folder: &Path, key: &Key) {
    let _ = fs::remove_file(place(folder, key));
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for (_, name) in FOLDERS {
        let entries = match fs::read_dir(folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| cannot("read", folder, &error))?,
        };
        all.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
    }
    Ok(all)
}

/// What is there, by kind, source and URL.
pub(super) fn list(folder: &Path) -> Result<Vec<Kept>, Failure> {
    let kept = files(folder)?.into_iter().filter_map(|path| {
        let file = fs::File::open(&path).ok()?;
        let bytes = file.metadata().ok()?.len();
        let mut start = Vec::new();
        file.take(HEAD).read_to_end(&mut start).ok()?;
        let (head, _) = Head::read(&start)?;
        Some(Kept { head, bytes })
    });
    let mut kept: Vec<Kept> = kept.collect();
    kept.sort_by(|a, b| {
        let key = |kept: &Kept| {
            let head = &kept.head;
            (
                head.kind,
                head.source.clone(),
                head.url.clone(),
                head.identity.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    Ok(kept)
}

/// Takes everything away, the salt too: what identities were is gone with it.
pub(super) fn clear(folder: &Path) -> Result<Removed, Failure> {
    let mut removed = Removed::default();
    for path in files(folder)? {
        let bytes = fs::metadata(&path).map_or(0, |meta| meta.len());
        match fs::remove_file(&path) {
            Ok(()) => {
                removed.bytes += bytes;
                let name = path.file_name().map(|name| name.to_string_lossy());
                removed.entries +=
                    u64::from(!name.is_some_and(|name| name.starts_with(UNFINISHED)));
            }
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot("empty", folder, &error)),
        }
    }
    let _ = fs::remove_file(folder.join(SALT));
    Ok(removed)
}
