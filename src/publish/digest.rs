//! What a file's bytes add up to: read once, in pieces.

use std::fs::File;
use std::io::Read;

use blake2::Blake2b;
use blake2::digest::consts::U32;
use sha2::{Digest as _, Sha256};

/// The digests of the upload form. MD5 is left out, as twine does: no server needs it, and some
/// systems no longer have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// `BLAKE2b` with 256 bits, hexadecimal.
    pub blake2: String,
    /// The size of the file.
    pub size: u64,
}

/// Reads a file from beginning to end.
///
/// # Errors
/// Those of reading.
pub fn of(mut file: &File) -> std::io::Result<Digests> {
    let (mut sha256, mut blake2) = (Sha256::new(), Blake2b::<U32>::new());
    let mut chunk = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(Digests {
                sha256: hex(&sha256.finalize()),
                blake2: hex(&blake2.finalize()),
                size,
            });
        }
        size += count as u64;
        sha256.update(&chunk[..count]);
        blake2.update(&chunk[..count]);
    }
}

/// The bytes in lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    #[test]
    fn known_digests() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        file.rewind().unwrap();
        let found = super::of(&file).unwrap();
        // FIPS 180-4; `b2sum -l 256`.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let blake2 = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
        assert_eq!(
            (&*found.sha256, &*found.blake2, found.size),
            (sha256, blake2, 3)
        );
    }
}
