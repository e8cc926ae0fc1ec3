//! The log of an agent in the foreground.
//!
//! It is written by a thread of its own: who reads the agent's standard error may be stopped (a
//! terminal after ^S, a full pipe), and the agent must not be.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, SystemTime};

use crate::domain::log::{Level, Log};

/// Lines that may wait for the reader; beyond, they are left out.
const WAITING: usize = 1024;
/// How long the end waits for the last lines to be written.
const END_TIME: Duration = Duration::from_millis(100);

enum Order {
    Line(String),
    /// Whoever waits for the other end of this sees it close.
    Finish(#[expect(dead_code, reason = "it is dropped")] SyncSender<()>),
}

/// Writes lines to standard error, each with its time.
pub(super) struct Writer {
    level: Level,
    thread: Rc<OnceCell<Option<SyncSender<Order>>>>,
}

impl Writer {
    /// One that has not begun: the agent starts as a single thread, and makes use of that.
    pub(super) fn new(level: Level) -> Self {
        Self {
            level,
            thread: Rc::default(),
        }
    }

    /// The log that it writes.
    pub(super) fn log(&self) -> Log {
        let thread = self.thread.clone();
        Log::new(self.level, move |level, line| {
            let time = humantime::format_rfc3339_millis(SystemTime::now());
            let line = format!("{time} {}: {line}\n", level.word());
            if let Some(orders) = thread.get_or_init(start) {
                // A reader that is too slow misses lines.
                let _ = orders.try_send(Order::Line(line));
            }
        })
    }

    /// Waits for the last lines, but not for long.
    pub(super) fn finish(&self) {
        let (sender, finished) = mpsc::sync_channel(0);
        if let Some(Some(orders)) = self.thread.get()
            && orders.try_send(Order::Finish(sender)).is_ok()
        {
            let _ = finished.recv_timeout(END_TIME);
        }
    }
}

fn start() -> Option<SyncSender<Order>> {
    let stderr = stderr().ok()?;
    let (sender, orders) = mpsc::sync_channel(WAITING);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write(stderr, &orders))
        .ok()?;
    Some(sender)
}

fn write(mut stderr: File, orders: &Receiver<Order>) {
    while let Ok(Order::Line(line)) = orders.recv() {
        // There is no place left to complain to.
        let _ = stderr.write_all(line.as_bytes());
    }
}

#[cfg(unix)]
fn stderr() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stderr().as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn stderr() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stderr().as_handle().try_clone_to_owned()?))
}
