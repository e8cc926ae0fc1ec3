//! Reads a file that may be anything: never a FIFO or device, never without an end.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use crate::domain::text::{line_at, shown};

/// The largest file that is read or written: the longest real `auth.toml` known is a few KiB, the
/// longest lock files of real projects have some MiB.
pub const FILE_SIZE: u64 = 4 * 1024 * 1024;

/// Why a file has no text.
#[derive(Debug)]
pub enum Unread {
    /// The system said so, while this was done.
    Io(&'static str, io::Error),
    /// What it holds is no text that is read here.
    Malformed(String),
}

impl Unread {
    /// In our words, without the file's name.
    fn reason(&self) -> String {
        match self {
            Self::Io(doing, error) => format!("{doing}: {}", error.kind()),
            Self::Malformed(why) => why.clone(),
        }
    }
}

/// Opens without waiting for a writer, and without taking a terminal.
///
/// # Errors
/// The system's.
#[cfg(unix)]
pub fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    File::options().read(true).custom_flags(flags).open(path)
}

/// Opens for reading.
///
/// # Errors
/// The system's.
#[cfg(not(unix))]
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether it means that there is no such file; a file where a folder should be does.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The text of a file that is only read, as it is there; `None` where there is no such file.
///
/// # Errors
/// Why there is no text, without the file's name.
pub fn present(path: &Path) -> Result<Option<Zeroizing<String>>, String> {
    let file = match open(path) {
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(Unread::Io("cannot open it", error).reason()),
        Ok(file) => file,
    };
    let (_, text) = text(file, |_| Ok(()), |unread| unread.reason())?;
    Ok(Some(text))
}

/// The same for those who give up without it, by name and without a byte order mark.
///
/// # Errors
/// `unavailable`: it is there and has no text.
pub fn named(path: &Path) -> Result<Option<Zeroizing<String>>, Failure> {
    let text = present(path).map_err(|why| {
        let path = shown(&path.to_string_lossy());
        Failure::new(ErrorCode::Unavailable, format!("cannot read {path}: {why}"))
    })?;
    Ok(text.map(|text| match text.strip_prefix('\u{feff}') {
        Some(rest) => Zeroizing::new(rest.to_owned()),
        None => text,
    }))
}

/// All of a file, in one buffer of which no smaller copies stay behind.
///
/// # Errors
/// The system's; `FileTooLarge` beyond [`FILE_SIZE`].
pub fn whole(file: File, meta: &Metadata) -> io::Result<Zeroizing<Vec<u8>>> {
    if meta.len() > FILE_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let room = usize::try_from(meta.len()).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    file.take(FILE_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_SIZE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The text of a file that was opened without waiting. `look` sees what it is before anything is
/// read; `unread` tells in the words of the caller why there is no text.
///
/// # Errors
/// Those of `look` and `unread`.
pub fn text<E>(
    file: File,
    look: impl FnOnce(&Metadata) -> Result<(), E>,
    unread: impl Fn(Unread) -> E,
) -> Result<(Metadata, Zeroizing<String>), E> {
    let malformed = |why: &str| unread(Unread::Malformed(why.to_owned()));
    let meta = file
        .metadata()
        .map_err(|error| unread(Unread::Io("cannot look at it", error)))?;
    if !meta.is_file() {
        return Err(malformed("it is not a regular file"));
    }
    look(&meta)?;
    let bytes = whole(file, &meta).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => malformed("it is larger than 4 MiB"),
        _ => unread(Unread::Io("cannot read it", error)),
    });
    let mut bytes = bytes?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok((meta, Zeroizing::new(text))),
        Err(error) => {
            let line = line_at(error.as_bytes(), error.utf8_error().valid_up_to());
            drop(Zeroizing::new(error.into_bytes()));
            Err(malformed(&format!("line {line} is not UTF-8 text")))
        }
    }
}
