//! A request's body that is larger than memory: bytes, a file, and bytes behind it.

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// How much of a file is handed on at once.
const PIECE: u64 = 128 * 1024;

/// How far a body has been handed on.
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    changed: AtomicBool,
}

impl Sent {
    /// The bytes that are on their way.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Whether the file was not what it was when the body was made.
    pub fn file_changed(&self) -> bool {
        self.0.changed.load(Ordering::Relaxed)
    }
}

/// The body: its length is known before it is sent, because several servers take no chunks.
pub struct Body {
    before: Bytes,
    file: Option<File>,
    file_left: u64,
    behind: Bytes,
    sent: Sent,
}

impl Body {
    /// `size` bytes of a file, with these bytes before and behind them.
    pub fn new(before: Vec<u8>, file: File, size: u64, behind: Vec<u8>) -> Self {
        Self {
            before: before.into(),
            file: Some(file),
            file_left: size,
            behind: behind.into(),
            sent: Sent::default(),
        }
    }

    /// Nothing at all.
    pub fn empty() -> Self {
        Self {
            before: Bytes::new(),
            file: None,
            file_left: 0,
            behind: Bytes::new(),
            sent: Sent::default(),
        }
    }

    /// Its length.
    pub fn length(&self) -> u64 {
        self.before.len() as u64 + self.file_left + self.behind.len() as u64
    }

    /// Tells how far it is, also after the body itself has been given away.
    pub fn sent(&self) -> Sent {
        self.sent.clone()
    }

    fn piece(&mut self) -> Result<Bytes, Error> {
        if !self.before.is_empty() {
            return Ok(std::mem::take(&mut self.before));
        }
        if self.file_left == 0 {
            return Ok(std::mem::take(&mut self.behind));
        }
        let wanted = self.file_left.min(PIECE);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
        // A regular file, opened before: reading it waits for the disk at most.
        if let Some(file) = &mut self.file {
            file.take(wanted).read_to_end(&mut bytes)?;
        }
        if (bytes.len() as u64) < wanted {
            self.sent.0.changed.store(true, Ordering::Relaxed);
            return Err(ErrorKind::InvalidData.into());
        }
        self.file_left -= wanted;
        Ok(bytes.into())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(match self.piece() {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => {
                let count = bytes.len() as u64;
                self.sent.0.bytes.fetch_add(count, Ordering::Relaxed);
                Some(Ok(Frame::data(bytes)))
            }
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}
