//! The folders of the files that were looked at, watched, so that a kept answer costs one empty
//! read instead of a look at every file behind it.
//!
//! A watch is a hint that something has changed; it is never the proof that nothing has: renamed
//! ancestors and writes through a mapping raise no event. So [`super::files`] compares the files
//! themselves too, once a second, and on each use where nothing is watched at all.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Folders watched at once; the one that was not needed for the longest time is given up.
pub(super) const FOLDERS: usize = 256;
/// Names noted in one folder; beyond that every event in it counts.
const NAMES: usize = 64;

/// Events taken in at once: no writer holds a question up.
pub(super) const EVENTS: usize = 1024;

/// The kernel's side of the watch, shared with the threads that read files.
pub(super) type Queue = Arc<OwnedFd>;

/// What is watched.
#[derive(Default)]
pub(super) struct Watch {
    queue: Option<Queue>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    generation: u64,
    folders: HashMap<i32, Folder>,
    uses: u64,
    /// Surveys under way: their folders are watched already and not yet known here.
    surveys: usize,
    /// Watches that ended meanwhile.
    ended: Vec<i32>,
}

#[derive(Default)]
struct Folder {
    /// The names that were looked at; `None` for all of them.
    names: Option<HashSet<OsString>>,
    used: u64,
}

/// What a survey found out about one path.
pub(super) struct Survey {
    /// The watch that tells of a change, and the name that it has to tell of.
    watch: Option<(i32, OsString)>,
    /// Whether a look at the file cannot take long, so that it may be done anywhere.
    pub(super) local: bool,
    /// The first part of the way that does not exist: what has to come first.
    pub(super) missing: Option<PathBuf>,
}

impl Survey {
    /// Nothing is known.
    pub(super) const UNKNOWN: Self = Self {
        watch: None,
        local: false,
        missing: None,
    };
}

impl Watch {
    /// Begins to watch; where the system has no queue left, nothing is ever watched.
    pub(super) fn new() -> Self {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
        Self {
            queue: queue.map(Arc::new),
            state: RefCell::default(),
        }
    }

    /// What changes whenever something happens to a name that was looked at.
    pub(super) fn generation(&self) -> u64 {
        self.state.borrow().generation
    }

    /// How many folders are watched.
    #[cfg(test)]
    pub(super) fn folders(&self) -> usize {
        self.state.borrow().folders.len()
    }

    /// Whether this watch is still kept; it counts as used.
    pub(super) fn is_kept(&self, watch: i32) -> bool {
        let state = &mut *self.state.borrow_mut();
        state.uses += 1;
        match state.folders.get_mut(&watch) {
            Some(folder) => {
                folder.used = state.uses;
                true
            }
            None => false,
        }
    }

    /// Announces a survey: until it has ended, every event counts. The path has to be watched
    /// before the file is read, or a change in between would be seen by neither.
    pub(super) fn begin(&self) -> Surveying<'_> {
        self.state.borrow_mut().surveys += 1;
        Surveying(self)
    }

    /// Takes in what has happened; one system call where nothing has.
    pub(super) fn drain(&self) {
        let Some(queue) = &self.queue else {
            return;
        };
        let state = &mut *self.state.borrow_mut();
        let mut space = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(queue, &mut space);
        for _ in 0..EVENTS {
            // Any error means that there is nothing to take: the queue does not block.
            let Ok(event) = events.next() else {
                return;
            };
            let name = event.file_name().map(CStr::to_bytes);
            if state.take(event.wd(), event.events(), name) {
                // The watch goes with the folder to wherever it was moved; or nobody knows it.
                let _ = inotify::remove_watch(queue, event.wd());
            }
        }
        // Somebody writes there faster than this reads: what is left may be of any kind.
        state.generation += 1;
    }

    /// Returns when something may have happened since the last call.
    pub(super) async fn stirred(&self) {
        let ready = self.queue.clone().and_then(|queue| {
            #[expect(unsafe_code, reason = "the descriptor has to stay open meanwhile")]
            // SAFETY: the registration owns a share of the descriptor, and never lets it be closed.
            unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) }.ok()
        });
        match ready {
            Some(ready) => {
                // An error tells nothing, and counts as "may have".
                let _ = ready.readable().await;
            }
            None => std::future::pending().await,
        }
    }

    fn end(&self, survey: &Survey) -> Option<i32> {
        let state = &mut *self.state.borrow_mut();
        let (watch, name) = survey.watch.as_ref()?;
        if state.ended.contains(watch) {
            return None;
        }
        state.uses += 1;
        let folder = state.folders.entry(*watch).or_insert_with(|| Folder {
            names: Some(HashSet::new()),
            used: 0,
        });
        folder.used = state.uses;
        if let Some(names) = &mut folder.names
            && !names.contains(name)
        {
            if names.len() < NAMES {
                names.insert(name.clone());
            } else {
                folder.names = None;
            }
        }
        Some(*watch)
    }

    /// Gives up what is too much. Not while a survey may be about to rely on it.
    fn limit(&self) {
        let state = &mut *self.state.borrow_mut();
        if state.surveys > 0 {
            return;
        }
        state.ended.clear();
        while state.folders.len() > FOLDERS {
            let oldest = state.folders.iter().min_by_key(|(_, folder)| folder.used);
            let Some(watch) = oldest.map(|(watch, _)| *watch) else {
                return;
            };
            state.folders.remove(&watch);
            state.generation += 1;
            if let Some(queue) = &self.queue {
                let _ = inotify::remove_watch(queue, watch);
            }
        }
    }
}

/// A survey under way.
pub(super) struct Surveying<'a>(&'a Watch);

impl Surveying<'_> {
    /// For the thread that reads the file.
    pub(super) fn queue(&self) -> Option<Queue> {
        self.0.queue.clone()
    }

    /// Notes what was found; says which watch tells of a change.
    pub(super) fn end(self, survey: &Survey) -> Option<i32> {
        self.0.end(survey)
    }
}

impl Drop for Surveying<'_> {
    fn drop(&mut self) {
        self.0.state.borrow_mut().surveys -= 1;
        self.0.limit();
    }
}

impl State {
    /// Takes one event in; says whether its watch is to be removed.
    fn take(&mut self, watch: i32, what: ReadFlags, name: Option<&[u8]>) -> bool {
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            // Something has happened, to whom was lost.
            self.generation += 1;
            return false;
        }
        let over =
            ReadFlags::IGNORED | ReadFlags::UNMOUNT | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF;
        if what.intersects(over) {
            if self.surveys > 0 {
                self.ended.push(watch);
            }
            if self.folders.remove(&watch).is_some() || self.surveys > 0 {
                self.generation += 1;
            }
            return what.contains(ReadFlags::MOVE_SELF);
        }
        let counts = match self.folders.get(&watch) {
            // It was watched for someone who did not wait for it, or is about to be known.
            None if self.surveys == 0 => return true,
            None => true,
            Some(folder) => {
                let looked_at = match (&folder.names, name) {
                    (Some(names), Some(name)) => names.contains(OsStr::from_bytes(name)),
                    // The folder itself: who may read it has changed.
                    _ => true,
                };
                looked_at || self.surveys > 0
            }
        };
        if counts {
            self.generation += 1;
        }
        false
    }
}

/// Watches for what may happen to a path, as far as that can be done. Blocks: not for the main
/// thread.
pub(super) fn survey(queue: Option<&OwnedFd>, path: &Path) -> Survey {
    let Some((folder, name)) = plan(path) else {
        return Survey {
            watch: None,
            local: is_local(path),
            missing: None,
        };
    };
    if !is_local(&folder) {
        return Survey::UNKNOWN;
    }
    let missing = (path.parent() != Some(&*folder)).then(|| folder.join(&name));
    let watch = queue.and_then(|queue| {
        let what = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        let watch = inotify::add_watch(queue, &folder, what).ok()?;
        // What was missing may have come just before the watch: then it is the wrong one.
        (plan(path).as_ref() == Some(&(folder, name.clone()))).then_some((watch, name))
    });
    Survey {
        watch,
        local: true,
        missing,
    }
}

/// The folder to watch and the name to wait for in it: the file's own, or those of the first
/// folder on the way that does not exist yet. `None` where a link is on the way: what it leads to
/// may change somewhere else.
fn plan(path: &Path) -> Option<(PathBuf, OsString)> {
    let mut folder = PathBuf::from("/");
    let mut parts = path.strip_prefix("/").ok()?.components().peekable();
    while let Some(Component::Normal(name)) = parts.next() {
        let next = folder.join(name);
        match std::fs::symlink_metadata(&next) {
            Ok(meta) if meta.is_symlink() => return None,
            Ok(meta) if meta.is_dir() && parts.peek().is_some() => folder = next,
            Ok(_) => return Some((folder, name.to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Some((folder, name.to_owned()));
            }
            Err(_) => return None,
        }
    }
    None
}

/// Whether the file system is one whose every change this kernel sees, and which always answers.
/// The numbers are those of `statfs(2)` and the kernel's `magic.h`; what is not listed (NFS, SMB,
/// FUSE, 9p and all that is yet to come) counts as remote.
fn is_local(path: &Path) -> bool {
    const LOCAL: [u32; 13] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // xfs
        0x9123_683e, // btrfs
        0x0102_1994, // tmpfs
        0x8584_58f6, // ramfs
        0xf2f5_2010, // f2fs
        0x2fc1_2fc1, // zfs
        0x794c_7630, // overlayfs
        0xca45_1a4e, // bcachefs
        0x7371_7368, // squashfs
        0x3153_464a, // jfs
        0x5265_4973, // reiserfs
        0xf15f,      // ecryptfs
    ];
    rustix::fs::statfs(path)
        .is_ok_and(|found| u32::try_from(found.f_type).is_ok_and(|kind| LOCAL.contains(&kind)))
}
