//! What is asked for once a run, however many want it.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::OnceCell;

/// Answers by key: the first who asks does the work, the others wait for it.
pub(super) struct Once<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Once<K, V> {
    /// The answer for a key. Where whoever does the work goes away, the next one takes it over.
    pub(super) async fn get<F: Future<Output = V>>(&self, key: K, work: impl FnOnce() -> F) -> V {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key).or_default())
        };
        cell.get_or_init(work).await.clone()
    }
}

/// Does several things at once; their results in the order in which they were given.
pub(super) async fn together<T>(work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut parts: Vec<(Option<Pin<Box<_>>>, Option<T>)> = work
        .into_iter()
        .map(|part| (Some(Box::pin(part)), None))
        .collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (part, result) in &mut parts {
            let Some(future) = part else { continue };
            match future.as_mut().poll(context) {
                Poll::Ready(value) => {
                    *result = Some(value);
                    *part = None;
                }
                Poll::Pending => ready = false,
            }
        }
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    parts.into_iter().filter_map(|(_, result)| result).collect()
}
