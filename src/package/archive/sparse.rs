//! A file of which only parts are there: what is missing is told, fetched, and read again.

use std::io::{Error, ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// No place is missing.
const NONE: u64 = u64::MAX;

/// Parts of a file.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    size: u64,
    all: Arc<Vec<(u64, Vec<u8>)>>,
}

impl Parts {
    /// Of a file of this size, none yet.
    pub(crate) fn new(size: u64) -> Self {
        Self {
            size,
            all: Arc::default(),
        }
    }

    /// The size of the whole file.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a part.
    pub(crate) fn add(&mut self, from: u64, bytes: Vec<u8>) {
        let all = Arc::make_mut(&mut self.all);
        all.push((from, bytes));
        all.sort_by_key(|(from, _)| *from);
    }

    /// Whether all of a span is there.
    pub(crate) fn has(&self, from: u64, to: u64) -> bool {
        let mut at = from;
        while at < to {
            match self.at(at) {
                Some(bytes) => at += bytes.len() as u64,
                None => return false,
            }
        }
        true
    }

    /// Where the first part behind a place begins; the end of the file where there is none.
    pub(crate) fn next(&self, at: u64) -> u64 {
        let starts = self.all.iter().map(|(from, _)| *from);
        starts.filter(|from| *from > at).min().unwrap_or(self.size)
    }

    /// What is there from a place on; `None` for nothing.
    fn at(&self, at: u64) -> Option<&[u8]> {
        self.all.iter().find_map(|(from, bytes)| {
            let skip = usize::try_from(at.checked_sub(*from)?).ok()?;
            bytes.get(skip..).filter(|rest| !rest.is_empty())
        })
    }

    /// A reader of them.
    pub(crate) fn reader(&self) -> (Sparse, Missing) {
        let missing = Missing(Arc::new(AtomicU64::new(NONE)));
        let reader = Sparse {
            parts: self.clone(),
            at: 0,
            missing: missing.clone(),
        };
        (reader, missing)
    }
}

/// Where a reader found nothing.
#[derive(Clone, Debug)]
pub(crate) struct Missing(Arc<AtomicU64>);

impl Missing {
    /// The place; `None` where nothing was missing.
    pub(crate) fn place(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|at| *at != NONE)
    }
}

/// A reader of parts.
#[derive(Debug)]
pub(crate) struct Sparse {
    parts: Parts,
    at: u64,
    missing: Missing,
}

impl Read for Sparse {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.parts.size || to.is_empty() {
            return Ok(0);
        }
        let Some(bytes) = self.parts.at(self.at) else {
            self.missing.0.store(self.at, Ordering::Relaxed);
            return Err(ErrorKind::WouldBlock.into());
        };
        let count = bytes.len().min(to.len());
        to[..count].copy_from_slice(&bytes[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.parts.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, SeekFrom};

    use super::Parts;

    #[test]
    fn what_is_there_and_what_is_missing() {
        let mut parts = Parts::new(10);
        parts.add(6, b"6789".to_vec());
        let (mut reader, missing) = parts.reader();
        let mut bytes = Vec::new();
        reader.seek(SeekFrom::End(-3)).unwrap();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!((bytes.as_slice(), missing.place()), (&b"789"[..], None));
        reader.seek(SeekFrom::Start(2)).unwrap();
        assert!(reader.read(&mut [0; 4]).is_err());
        assert_eq!((missing.place(), parts.next(2)), (Some(2), 6));
        parts.add(2, b"2345".to_vec());
        assert!(parts.has(2, 10) && !parts.has(1, 3));
        let (mut reader, _) = parts.reader();
        reader.seek(SeekFrom::Start(2)).unwrap();
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"23456789");
    }
}
