//! Standard input, past the standard library's buffer, which is never wiped.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

use zeroize::Zeroizing;

use crate::code::{ErrorCode, Failure};
use crate::secret::Secret;

/// What a tool may say to a bridge at once, in bytes: as long as a request to the agent.
pub const INPUT: usize = crate::limits::REQUEST_MESSAGE;

/// Standard input as a file of its own.
///
/// # Errors
/// Where it is closed.
pub fn file() -> io::Result<File> {
    #[expect(
        clippy::disallowed_methods,
        reason = "only the descriptor is duplicated, nothing is read through the handle"
    )]
    let stdin = io::stdin();
    #[cfg(unix)]
    let owned = std::os::fd::AsFd::as_fd(&stdin).try_clone_to_owned()?;
    #[cfg(windows)]
    let owned = std::os::windows::io::AsHandle::as_handle(&stdin).try_clone_to_owned()?;
    Ok(File::from(owned))
}

/// All of standard input as text of at most [`INPUT`] bytes.
///
/// # Errors
/// `unavailable` where it cannot be read, `usage` where it is too long or not UTF-8; what was read
/// is not repeated.
pub fn all() -> Result<Secret, Failure> {
    all_of(&mut file().map_err(|error| unreadable(&error))?)
}

fn all_of(from: &mut impl Read) -> Result<Secret, Failure> {
    // One byte more tells what is too long; the buffer never moves.
    let mut bytes = Zeroizing::new(Vec::with_capacity(INPUT + 1));
    from.take(INPUT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() > INPUT {
        return Err(wrong(&format!("is longer than {INPUT} bytes")));
    }
    text(bytes)
}

/// One line, without its line feed, read byte by byte so that nothing after it is taken; `None` at
/// the end of the input.
///
/// # Errors
/// As [`all`].
pub fn line(from: &mut impl Read) -> Result<Option<Secret>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(INPUT + 1));
    let mut byte = Zeroizing::new([0]);
    loop {
        match from.read(&mut *byte) {
            Ok(0) if bytes.is_empty() => return Ok(None),
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if bytes.len() == INPUT => {
                return Err(wrong(&format!("holds a line of more than {INPUT} bytes")));
            }
            Ok(_) => bytes.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
    text(bytes).map(Some)
}

fn text(mut bytes: Zeroizing<Vec<u8>>) -> Result<Secret, Failure> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Secret::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(wrong("is not UTF-8"))
        }
    }
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!("could not read standard input: {}", error.kind()),
    )
}

fn wrong(reason: &str) -> Failure {
    Failure::new(ErrorCode::Usage, format!("standard input {reason}"))
}

#[cfg(test)]
mod tests {
    use super::{INPUT, all_of, line};

    #[test]
    fn all_up_to_the_limit() {
        let read = |mut bytes: &[u8]| all_of(&mut bytes).map(|text| text.expose().to_owned());
        assert_eq!(read(b"a\nb\n").unwrap(), "a\nb\n");
        assert_eq!(read(b"").unwrap(), "");
        assert!(read(&vec![b'x'; INPUT]).is_ok());
        for bytes in [&vec![b'x'; INPUT + 1][..], b"hunter2\xff"] {
            let message = read(bytes).unwrap_err().message;
            assert!(!message.contains("hunter2") && message.starts_with("standard input "));
        }
    }

    #[test]
    fn one_line_and_no_byte_more() {
        let mut input = &b"one\n\ntwo"[..];
        let mut next = || {
            line(&mut input)
                .unwrap()
                .map(|text| text.expose().to_owned())
        };
        assert_eq!(next().as_deref(), Some("one"));
        assert_eq!(next().as_deref(), Some(""));
        assert_eq!(next().as_deref(), Some("two"));
        assert_eq!(next(), None);
        assert!(line(&mut &vec![b'x'; INPUT + 1][..]).is_err());
        assert!(line(&mut &b"\xff\n"[..]).is_err());
    }
}
