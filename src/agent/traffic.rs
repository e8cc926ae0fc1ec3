//! How much goes on at the agent's sockets: for the limit of connections and for idleness.

use std::cell::Cell;

use tokio::sync::Notify;

use super::clock::{Clock, Moment};

/// What goes on at all sockets of this agent together.
#[derive(Default)]
pub struct Traffic {
    clock: Clock,
    last: Cell<Moment>,
    serial: Cell<u64>,
    open: Cell<usize>,
    busy: Cell<usize>,
    freed: Notify,
}

impl Traffic {
    /// Nothing yet.
    pub fn new(clock: Clock) -> Self {
        let last = Cell::new(clock.now());
        Self {
            clock,
            last,
            ..Self::default()
        }
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.get()
    }

    /// Requests that are being worked on now.
    pub fn busy(&self) -> usize {
        self.busy.get()
    }

    /// When a connection or message came last.
    pub fn last(&self) -> Moment {
        self.last.get()
    }

    /// A number for a new connection.
    pub(super) fn next_serial(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }

    /// A message has come.
    pub(super) fn touch(&self) {
        self.last.set(self.clock.now());
    }

    /// A connection was opened.
    pub(super) fn opened(&self) {
        self.open.set(self.open.get() + 1);
        self.touch();
    }

    /// A connection was closed.
    pub(super) fn closed(&self) {
        self.open.set(self.open.get() - 1);
        self.touch();
        self.freed.notify_waiters();
    }

    /// Waits until a connection is closed or a request is done.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }
}

/// One request that is being worked on.
pub(super) struct Work<'a>(&'a Traffic);

impl<'a> Work<'a> {
    pub(super) fn begin(traffic: &'a Traffic) -> Self {
        traffic.busy.set(traffic.busy.get() + 1);
        Self(traffic)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
        self.0.touch();
        self.0.freed.notify_waiters();
    }
}
