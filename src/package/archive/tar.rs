//! Source archives (`.tar.gz`): read once from beginning to end, for one file.
//!
//! Only what names files is understood: ustar, pax and GNU long names. Nothing is unpacked.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::directory::is_inside;

/// Entries of an archive.
const ENTRIES: usize = 200_000;
/// A long name, and a set of pax records.
const RECORDS: u64 = 1024 * 1024;
/// Below this size nothing is said about ratios (PyPI's own line).
const SMALL: u64 = 64 * 1024 * 1024;
/// More than this is no source code: 1:1032 is the most that deflate can do.
const RATIO: u64 = 200;
const BLOCK: usize = 512;

/// What was found in an archive.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// The paths of all files, without links and folders.
    pub(crate) files: Vec<String>,
    /// The wanted file.
    pub(crate) wanted: Option<Vec<u8>>,
    /// The size of the archive when unpacked.
    pub(crate) unpacked: u64,
    /// Whether a file is sparse, which PyPI refuses.
    pub(crate) sparse: bool,
}

/// The most that an archive unpacks to while it is streamed: its own size is not known then.
const STREAMED: u64 = 512 * 1024 * 1024;

/// Reads an archive up to the first file that `wanted` tells, at most `limit` bytes of it.
pub(crate) fn first(
    source: impl Read,
    wanted: fn(&str) -> bool,
    limit: u64,
) -> Result<Option<Vec<u8>>, String> {
    let mut source = Counted {
        inner: GzDecoder::new(BufReader::with_capacity(64 * 1024, source)),
        read: 0,
        most: STREAMED,
    };
    let mut contents = Contents::default();
    walk(&mut source, wanted, limit, true, &mut contents).map_err(|error| words(&error))?;
    Ok(contents.wanted)
}

/// Reads an archive to its end; keeps the content of the file that `wanted` tells, at most `limit`
/// bytes of it.
pub(crate) fn read(file: File, wanted: fn(&str) -> bool, limit: u64) -> Result<Contents, String> {
    let packed = file.metadata().map_or(0, |meta| meta.len());
    let mut source = Counted {
        inner: GzDecoder::new(BufReader::with_capacity(128 * 1024, file)),
        read: 0,
        most: SMALL.max(packed.saturating_mul(RATIO)),
    };
    let mut contents = Contents::default();
    walk(&mut source, wanted, limit, false, &mut contents).map_err(|error| words(&error))?;
    rest_is_empty(&mut source).map_err(|error| words(&error))?;
    contents.unpacked = source.read;
    // The gzip member has ended; another one, or anything else, is unpacked by some tools only.
    let mut behind = source.inner.into_inner();
    if behind.fill_buf().is_ok_and(|bytes| !bytes.is_empty()) {
        return Err("the archive has bytes after its end".to_owned());
    }
    Ok(contents)
}

fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the archive is cut off".to_owned(),
        // Ours, see `wrong`.
        std::io::ErrorKind::Other => error.to_string(),
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
            "it is no gzip file, or a damaged one".to_owned()
        }
        kind => format!("reading it failed ({kind})"),
    }
}

fn wrong(text: &str) -> std::io::Error {
    std::io::Error::other(text.to_owned())
}

struct Counted<R> {
    inner: R,
    read: u64,
    most: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(to)?;
        self.read += count as u64;
        if self.read > self.most {
            return Err(wrong(
                "the archive unpacks to far more than any source code",
            ));
        }
        Ok(count)
    }
}

fn walk(
    source: &mut impl Read,
    wanted: fn(&str) -> bool,
    limit: u64,
    only_first: bool,
    contents: &mut Contents,
) -> std::io::Result<()> {
    let mut long_name = None;
    let mut entries = 0;
    loop {
        let mut head = [0; BLOCK];
        source.read_exact(&mut head)?;
        if head.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if !checksum_holds(&head) {
            return Err(wrong("it is no tar archive, or a damaged one"));
        }
        entries += 1;
        if entries > ENTRIES {
            return Err(wrong("the archive has too many entries"));
        }
        let size = number(&head[124..136]).ok_or_else(|| wrong("a size in it is no number"))?;
        match head[156] {
            b'L' => {
                let bytes = small(source, size)?;
                let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
                long_name = Some(text(name)?);
                continue;
            }
            b'x' => {
                let records = small(source, size)?;
                let pax = Pax::read(&records).ok_or_else(|| wrong("a pax header is damaged"))?;
                contents.sparse |= pax.sparse;
                if pax.resized {
                    return Err(wrong("a file in it has two sizes"));
                }
                long_name = pax.path.or(long_name);
                continue;
            }
            b'g' | b'K' => {
                small(source, size)?;
                continue;
            }
            _ => {}
        }
        let name = match long_name.take() {
            Some(name) => name,
            None => name(&head)?,
        };
        let name = name.trim_start_matches("./").to_owned();
        if !is_inside(&name) {
            return Err(wrong(&format!(
                "{name} would be unpacked outside of its folder"
            )));
        }
        contents.sparse |= head[156] == b'S';
        let is_file = matches!(head[156], 0 | b'0' | b'7');
        if is_file && wanted(&name) {
            if contents.wanted.is_some() {
                return Err(wrong(&format!(
                    "{name} is not the only one of its kind in it"
                )));
            }
            if size > limit {
                return Err(wrong(&format!("{name} is larger than {limit} bytes")));
            }
            let mut bytes = Vec::new();
            source.take(size).read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < size {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            contents.wanted = Some(bytes);
            if only_first {
                return Ok(());
            }
            skip(source, padding(size))?;
        } else {
            // Links and folders have no bytes, whatever their headers say (as Python's tarfile).
            let has_bytes = !matches!(head[156], b'1'..=b'6');
            skip(source, if has_bytes { size + padding(size) } else { 0 })?;
        }
        if is_file {
            contents.files.push(name);
        }
    }
}

/// After the block of zeros only zeros may follow.
fn rest_is_empty(source: &mut impl Read) -> std::io::Result<()> {
    let mut chunk = [0; 8192];
    loop {
        let count = source.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        if chunk[..count].iter().any(|byte| *byte != 0) {
            return Err(wrong("the archive has bytes after its end"));
        }
    }
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

fn skip(source: &mut impl Read, count: u64) -> std::io::Result<()> {
    let skipped = std::io::copy(&mut source.take(count), &mut std::io::sink())?;
    if skipped < count {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn small(source: &mut impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    if size > RECORDS {
        return Err(wrong("a header of it is too long"));
    }
    let mut bytes = Vec::new();
    source.take(size).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < size {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    skip(source, padding(size))?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> std::io::Result<String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| wrong("a file in it has a name that is not UTF-8"))?;
    if text.chars().any(char::is_control) {
        return Err(wrong("a file in it has a name with control characters"));
    }
    Ok(text.to_owned())
}

fn name(head: &[u8; BLOCK]) -> std::io::Result<String> {
    let field = |from: usize, to: usize| {
        let field = &head[from..to];
        field.split(|byte| *byte == 0).next().unwrap_or_default()
    };
    let own = text(field(0, 100))?;
    // GNU archives have other things where ustar has the prefix.
    let is_ustar = &head[257..263] == b"ustar\0";
    Ok(match text(field(345, 500))? {
        prefix if is_ustar && !prefix.is_empty() => format!("{prefix}/{own}"),
        _ => own,
    })
}

fn checksum_holds(head: &[u8; BLOCK]) -> bool {
    let sum: u64 = head
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    number(&head[148..156]) == Some(sum)
}

/// An octal number, or a binary one where the first bit is set (GNU).
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let low = field.get(field.len() - 8..)?;
        // A field of 8 bytes, the sum of a header, has no room for one.
        let high = field.get(1..field.len() - 8)?;
        if field[0] != 0x80 || high.iter().any(|byte| *byte != 0) {
            return None;
        }
        return Some(u64::from_be_bytes(low.try_into().ok()?)).filter(|size| *size < 1 << 60);
    }
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches(['\0', ' ']);
    if digits.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(digits, 8).ok()
}

/// What a pax header says that matters here.
#[derive(Default)]
struct Pax {
    path: Option<String>,
    sparse: bool,
    resized: bool,
}

impl Pax {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
            let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => found.path = Some(text(value).ok()?),
                // Files above 8 GiB: no source archive has one, and two sizes are two readings.
                b"size" => found.resized = true,
                key if key.starts_with(b"GNU.sparse") => found.sparse = true,
                _ => {}
            }
            bytes = &bytes[length..];
        }
        Some(found)
    }
}

#[cfg(test)]
#[path = "tar_tests.rs"]
mod tests;
