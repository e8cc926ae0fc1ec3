//! Reading a file that may be anything: never a FIFO or device, never without an end.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::line_of;

/// The largest file that is read: the longest lock files of real projects have some MiB.
pub(super) const FILE_SIZE: u64 = 4 * 1024 * 1024;

/// A file's text; wiped when it is dropped.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) path: PathBuf,
    pub(super) text: Zeroizing<String>,
}

impl Text {
    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// Why it cannot be read, in our words.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let file = match open(path) {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(format!("cannot open it: {}", error.kind())),
            Ok(file) => file,
        };
        let meta = file
            .metadata()
            .map_err(|error| format!("cannot look at it: {}", error.kind()))?;
        if !meta.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        let too_large = || "it is larger than 4 MiB".to_owned();
        if meta.len() > FILE_SIZE {
            return Err(too_large());
        }
        let room = usize::try_from(meta.len()).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
        file.take(FILE_SIZE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot read it: {}", error.kind()))?;
        if bytes.len() as u64 > FILE_SIZE {
            return Err(too_large());
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(Self {
                path: path.to_owned(),
                text: Zeroizing::new(text.to_owned()),
            })),
            Err(error) => {
                let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                let line = line_of(&good, good.len());
                Err(format!("line {line} is not UTF-8 text"))
            }
        }
    }
}

/// Opens without waiting for a writer, and without taking a terminal.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}
