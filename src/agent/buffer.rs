//! The bytes of a connection: frames out of a stream, through one buffer that is used again and
//! wiped behind each message.

use std::ffi::CStr;
use std::io;

use credential_helper_protocol::limits;
use zeroize::{Zeroize, Zeroizing};

/// What nearly every request fits into, and all that a connection at rest holds. Small enough for
/// every allocator to have it at hand: musl's asks the system for a mapping from 4 KiB on, which
/// costs more than all the rest of a short connection.
const SMALL: usize = 1024;
/// The largest message and its NUL.
const LARGEST: usize = limits::REQUEST_MESSAGE + 1;

/// Bytes that were read and not yet consumed: `bytes[start..end]`.
pub(super) struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    /// Up to here there is no NUL.
    searched: usize,
    /// The length of the message at the start, once it is known to be whole.
    message: usize,
}

/// Where to read to.
pub(super) struct Room<'a> {
    /// The free bytes; never none.
    pub(super) bytes: &'a mut [u8],
    /// Whether part of a message is there already.
    pub(super) begun: bool,
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self {
            bytes: Zeroizing::new(vec![0; SMALL]),
            start: 0,
            end: 0,
            searched: 0,
            message: 0,
        }
    }

    /// The next whole message without its NUL; [`Buffer::consume`] it before asking for another.
    pub(super) fn message(&mut self) -> Option<&[u8]> {
        let new = self.bytes.get(self.searched..self.end)?;
        // The only search for a byte in std that goes by words.
        let Ok(found) = CStr::from_bytes_until_nul(new) else {
            self.searched = self.end;
            return None;
        };
        self.message = self.searched - self.start + found.count_bytes();
        self.bytes.get(self.start..self.start + self.message)
    }

    /// Wipes the message and goes on behind its NUL.
    pub(super) fn consume(&mut self) {
        let after = (self.start + self.message + 1).min(self.end);
        self.bytes[self.start..after].zeroize();
        self.start = after;
        self.searched = after;
        self.message = 0;
        if self.start == self.end {
            (self.start, self.end, self.searched) = (0, 0, 0);
            if self.bytes.len() > SMALL {
                self.bytes = Zeroizing::new(vec![0; SMALL]);
            }
        }
    }

    /// Makes room for more.
    ///
    /// # Errors
    /// `InvalidData` for a message that is longer than a request may be, `OutOfMemory`.
    pub(super) fn room(&mut self) -> io::Result<Room<'_>> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            let held = self.end - self.start;
            self.bytes[held..self.end].zeroize();
            (self.start, self.end, self.searched) = (0, held, self.searched - self.start);
        }
        if self.end == self.bytes.len() {
            if self.end >= LARGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            // Not `resize` of the old one: it may move the bytes and leave them behind.
            let wanted = (self.end * 4).min(LARGEST);
            let mut larger = Zeroizing::new(Vec::new());
            // Where memory ends, this connection ends, not the agent.
            larger
                .try_reserve_exact(wanted)
                .map_err(|_| io::ErrorKind::OutOfMemory)?;
            larger.extend_from_slice(&self.bytes);
            larger.resize(wanted, 0);
            self.bytes = larger;
        }
        Ok(Room {
            begun: self.end > 0,
            bytes: &mut self.bytes[self.end..],
        })
    }

    /// So many bytes were read into the room.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }
}

#[cfg(test)]
mod tests {
    use super::{Buffer, LARGEST, SMALL};

    fn put(buffer: &mut Buffer, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = buffer.room().unwrap();
            let count = room.bytes.len().min(bytes.len());
            room.bytes[..count].copy_from_slice(&bytes[..count]);
            buffer.filled(count);
            bytes = &bytes[count..];
        }
    }

    fn take(buffer: &mut Buffer) -> Option<Vec<u8>> {
        let message = buffer.message().map(<[u8]>::to_vec);
        if message.is_some() {
            buffer.consume();
        }
        message
    }

    #[test]
    fn several_messages_in_one_read() {
        let mut buffer = Buffer::new();
        put(&mut buffer, b"one\0two\0\0thr");
        assert_eq!(take(&mut buffer).unwrap(), b"one");
        assert_eq!(take(&mut buffer).unwrap(), b"two");
        assert_eq!(take(&mut buffer).unwrap(), b"");
        assert_eq!(take(&mut buffer), None);
        assert!(buffer.room().unwrap().begun);
        put(&mut buffer, b"ee\0");
        assert_eq!(take(&mut buffer).unwrap(), b"three");
        assert!(!buffer.room().unwrap().begun);
    }

    #[test]
    fn a_message_may_be_as_long_as_the_limit_and_no_longer() {
        let mut buffer = Buffer::new();
        let mut message = vec![b'x'; LARGEST - 1];
        message.push(0);
        put(&mut buffer, &message);
        assert_eq!(take(&mut buffer).unwrap().len(), LARGEST - 1);
        assert_eq!(buffer.bytes.len(), SMALL);
        put(&mut buffer, &vec![b'x'; LARGEST]);
        assert_eq!(take(&mut buffer), None);
        assert!(buffer.room().is_err());
    }

    #[test]
    fn nothing_is_left_behind() {
        let mut buffer = Buffer::new();
        put(&mut buffer, b"secret one\0secret two\0sec");
        take(&mut buffer);
        take(&mut buffer);
        buffer.room().unwrap();
        assert_eq!(&buffer.bytes[..3], b"sec");
        assert!(buffer.bytes[3..].iter().all(|byte| *byte == 0));
        put(&mut buffer, b"\0");
        take(&mut buffer);
        assert!(buffer.bytes.iter().all(|byte| *byte == 0));
    }
}
