//! Looks at files, off the main thread, so that one disk that does not answer leaves threads for
//! the others: a read on a dead network share never comes back, and there are few threads.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::edit::thread::off_thread;

/// Looks at once into one folder; whoever comes later waits.
const AT_ONCE: usize = 2;

/// Why there is no result of a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// It took too long.
    TimedOut,
    /// The thread that did it ended badly, or there was none.
    Broken,
}

/// The looks that are under way, by folder.
#[derive(Default)]
pub(super) struct Looks(RefCell<HashMap<PathBuf, Arc<Semaphore>>>);

impl Looks {
    /// Does work that may wait for the disk of this path. It goes on where nobody waits for it any
    /// more, and counts until it has come back.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        path: &Path,
        time: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Late> {
        let folder = self.folder(path.parent().unwrap_or(path));
        let looked = async {
            let turn = folder.acquire_owned().await.map_err(|_| Late::Broken)?;
            let work = off_thread(move || {
                let _turn = turn;
                work()
            });
            work.await.map_err(|_| Late::Broken)
        };
        tokio::time::timeout(time, looked)
            .await
            .unwrap_or(Err(Late::TimedOut))
    }

    fn folder(&self, folder: &Path) -> Arc<Semaphore> {
        let mut all = self.0.borrow_mut();
        if let Some(known) = all.get(folder) {
            return known.clone();
        }
        // Who looks, or waits to, holds it as well.
        all.retain(|_, turns| Arc::strong_count(turns) > 1);
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        all.insert(folder.to_owned(), turns.clone());
        turns
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::{AT_ONCE, Late, Looks};

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(20);

    /// As many threads as it takes to be stopped by one dead folder, and one more.
    fn tell<T>(work: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let builder = builder.enable_all().max_blocking_threads(AT_ONCE + 1);
        builder.build().unwrap().block_on(work)
    }

    #[test]
    fn a_folder_that_does_not_answer_leaves_threads_for_the_others() {
        let looks = Looks::default();
        let begun = Arc::new(AtomicUsize::new(0));
        let mut ends = Vec::new();
        tell(async {
            for _ in 0..10 {
                let (end, wait) = mpsc::channel::<()>();
                ends.push(end);
                let begun = begun.clone();
                let stuck = move || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    let _ = wait.recv();
                };
                let given_up = looks.look(Path::new("/dead/file"), SHORT, stuck).await;
                assert_eq!(given_up, Err(Late::TimedOut));
            }
            assert_eq!(begun.load(Ordering::Relaxed), AT_ONCE);
            let other = looks.look(Path::new("/alive/file"), LONG, || 7).await;
            assert_eq!(other, Ok(7));
            // It is asked again as soon as it answers.
            ends.clear();
            let back = looks.look(Path::new("/dead/file"), LONG, || 8).await;
            assert_eq!(back, Ok(8));
            looks.folder(Path::new("/third"));
            assert!(!looks.0.borrow().contains_key(Path::new("/alive")));
        });
    }
}
