//! Work that may wait for a disk, on a thread of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::spawn_blocking;

/// The thread ended badly, or the system has none left.
#[derive(Debug)]
pub struct NoThread;

/// Does it, and comes back with the result. It goes on where nobody waits for it any more; where
/// no thread could be started it is never done.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoThread> {
    let work = Arc::new(Mutex::new(Some(work)));
    let theirs = work.clone();
    let take = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    // tokio panics where the system refuses the first thread of all (a limit on processes or on
    // memory): that is a failure of this work, not of whoever asked for it.
    let begun = catch_unwind(AssertUnwindSafe(|| {
        spawn_blocking(move || take(&theirs).map(|work| work()))
    }));
    let Ok(begun) = begun else {
        // It stands in tokio's queue until there is a thread, with all that it holds.
        drop(take(&work));
        return Err(NoThread);
    };
    begun.await.ok().flatten().ok_or(NoThread)
}
