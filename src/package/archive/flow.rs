//! A zip archive that comes in order, from a server that cannot send parts: read up to one file.
//!
//! What stands before each file is all there is to go by: the directory comes last. A file found so
//! is what a reader from the beginning sees; `zip` compares both where it has the whole file.

use std::io::{BufReader, Read};

use flate2::bufread::DeflateDecoder;

use super::directory::{CENTRAL, LOCAL, is_inside, long, short, widen};

/// Files that are skipped.
const ENTRIES: usize = 200_000;
/// The most that is unpacked only to find where a file ends.
const UNPACKED: u64 = 2 * 1024 * 1024 * 1024;

/// Reads an archive up to the first file that `wanted` tells, at most `limit` bytes of it; `None`
/// where it has none.
pub(crate) fn first(
    source: impl Read,
    wanted: impl Fn(&str) -> bool,
    limit: u64,
) -> Result<Option<Vec<u8>>, String> {
    let mut source = BufReader::with_capacity(64 * 1024, source);
    let mut head = [0; 30];
    read(&mut source, &mut head)?;
    let mut unpacked = 0;
    for _ in 0..ENTRIES {
        if !head.starts_with(LOCAL) {
            if head.starts_with(CENTRAL) {
                return Ok(None);
            }
            return Err("it is no zip archive, or a damaged one".to_owned());
        }
        let mut name = vec![0; usize::from(short(&head, 26))];
        read(&mut source, &mut name)?;
        let mut extra = vec![0; usize::from(short(&head, 28))];
        read(&mut source, &mut extra)?;
        let name = String::from_utf8(name)
            .map_err(|_| "a file of the zip archive has a name that is not UTF-8")?;
        if !is_inside(&name) || name.chars().any(char::is_control) {
            return Err("a file of the zip archive has a name that leads out of it".to_owned());
        }
        let mut sizes = [u64::from(long(&head, 22)), u64::from(long(&head, 18))];
        widen(&extra, &mut sizes).ok_or("the zip archive is damaged")?;
        let [size, packed] = sizes;
        let (flags, method, crc) = (short(&head, 6), short(&head, 8), long(&head, 14));
        let described = flags & 8 != 0 && packed == 0;
        if flags & 1 != 0 || method != 0 && method != 8 || described && method == 0 {
            return Err(format!(
                "{name} is packed in a way that cannot be read in order"
            ));
        }
        if wanted(&name) {
            return content(
                &mut source,
                &name,
                method,
                described,
                packed,
                size,
                crc,
                limit,
            )
            .map(Some);
        }
        if described {
            let mut data = DeflateDecoder::new(&mut source).take(UNPACKED - unpacked);
            unpacked += std::io::copy(&mut data, &mut std::io::sink())
                .map_err(|_| format!("{name} cannot be unpacked"))?;
            if unpacked == UNPACKED {
                return Err("the zip archive unpacks to far too much".to_owned());
            }
            behind_descriptor(&mut source, &mut head)?;
        } else {
            let mut data = (&mut source).take(packed);
            let skipped = std::io::copy(&mut data, &mut std::io::sink());
            if skipped.map_err(|error| words(&error))? < packed {
                return Err(cut());
            }
            if flags & 8 != 0 {
                behind_descriptor(&mut source, &mut head)?;
            } else {
                read(&mut source, &mut head)?;
            }
        }
    }
    Err("the zip archive has too many entries".to_owned())
}

#[expect(clippy::too_many_arguments, reason = "all that stands before a file")]
fn content(
    source: &mut BufReader<impl Read>,
    name: &str,
    method: u16,
    described: bool,
    packed: u64,
    size: u64,
    crc: u32,
    limit: u64,
) -> Result<Vec<u8>, String> {
    if !described && size > limit {
        return Err(format!("{name} is larger than {limit} bytes"));
    }
    let mut bytes = Vec::new();
    let unpacked = match (method, described) {
        (0, _) => source.take(packed).take(limit + 1).read_to_end(&mut bytes),
        (_, true) => DeflateDecoder::new(source)
            .take(limit + 1)
            .read_to_end(&mut bytes),
        (_, false) => DeflateDecoder::new(source.take(packed))
            .take(limit + 1)
            .read_to_end(&mut bytes),
    };
    unpacked.map_err(|_| format!("{name} cannot be unpacked"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("{name} is larger than {limit} bytes"));
    }
    let mut sum = flate2::Crc::new();
    sum.update(&bytes);
    if !described && (bytes.len() as u64 != size || sum.sum() != crc) {
        return Err(format!("{name} is damaged"));
    }
    Ok(bytes)
}

/// Reads past a data descriptor, which is 12, 16, 20 or 24 bytes long: what follows it tells. Then
/// the head of the next file is read.
fn behind_descriptor(source: &mut impl Read, head: &mut [u8; 30]) -> Result<(), String> {
    let mut bytes = vec![0; 28];
    read(source, &mut bytes)?;
    let is_next = |at: &usize| {
        let rest = &bytes[*at..];
        rest.starts_with(LOCAL) || rest.starts_with(CENTRAL)
    };
    let at = [16, 12, 24, 20].into_iter().find(is_next);
    let at = at.ok_or("it is no zip archive, or a damaged one")?;
    let begun = bytes.len() - at;
    head[..begun].copy_from_slice(&bytes[at..]);
    if head.starts_with(CENTRAL) {
        return Ok(());
    }
    read(source, &mut head[begun..])
}

fn read(source: &mut impl Read, to: &mut [u8]) -> Result<(), String> {
    source.read_exact(to).map_err(|error| words(&error))
}

fn cut() -> String {
    "the zip archive is cut off".to_owned()
}

fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => cut(),
        // Ours: what the source said of itself.
        std::io::ErrorKind::Other => error.to_string(),
        kind => format!("reading it failed ({kind})"),
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
