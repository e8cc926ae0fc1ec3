//! Work that may be given up at any moment, also when the runtime no longer runs.
//!
//! `secret_service` listens for the end of a prompt with a match rule of its own. zbus takes such a
//! rule back in a new task when the stream is dropped, and panics where it cannot start one: at the
//! end of the process, when what is under way is dropped from outside the runtime.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::provider::Later;

/// A future that is dropped inside the runtime in which it was made.
pub(super) struct Guarded<'a, T> {
    runtime: Option<Handle>,
    work: Option<Later<'a, T>>,
}

/// The same work, guarded.
pub(super) fn guarded<'a, T>(work: impl Future<Output = T> + 'a) -> Guarded<'a, T> {
    Guarded {
        runtime: Handle::try_current().ok(),
        work: Some(Box::pin(work)),
    }
}

impl<T> Future for Guarded<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut self.work {
            Some(work) => work.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Guarded<'_, T> {
    fn drop(&mut self) {
        // A runtime that has ended drops the task at once.
        let _inside = self.runtime.as_ref().map(Handle::enter);
        self.work = None;
    }
}
