//! The directory at the end of a zip archive, and the end that says where it is.

use std::io::{Read, Seek, SeekFrom};

/// Entries of an archive: the largest wheels have some ten thousand.
const ENTRIES: u64 = 200_000;
/// The directory, in bytes.
pub(crate) const DIRECTORY: u64 = 24 * 1024 * 1024;
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
pub(super) const CENTRAL: &[u8] = b"PK\x01\x02";
pub(super) const LOCAL: &[u8] = b"PK\x03\x04";
const END_SIZE: u64 = 22;
const END_64_SIZE: u64 = 56;
const LOCATOR_SIZE: u64 = 20;

/// One file of an archive, as the directory tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path.
    pub(crate) name: String,
    /// Its size when unpacked.
    pub(crate) size: u64,
    pub(super) packed: u64,
    pub(super) method: u16,
    pub(super) flags: u16,
    pub(super) crc: u32,
    pub(super) offset: u64,
}

impl Entry {
    /// Whether its sizes stand behind its bytes, which PyPI refuses.
    pub(crate) fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }
}

/// Why a file is no archive that may be used.
pub(crate) type Why = String;

pub(super) fn why(text: &str) -> Why {
    text.to_owned()
}

pub(super) fn broken(error: &std::io::Error) -> Why {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => why("the zip archive is cut off"),
        kind => format!("reading it failed ({kind})"),
    }
}

/// Whether an archive may begin like this.
pub(super) fn is_start(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL) || bytes.starts_with(END)
}

/// Reads the directory; its files, and where it begins.
pub(super) fn read(file: &mut (impl Read + Seek), size: u64) -> Result<(Vec<Entry>, u64), Why> {
    let end = find_end(file, size)?;
    if end.count > ENTRIES || end.size > DIRECTORY {
        return Err(why("the zip archive has too many entries"));
    }
    Ok((directory(file, &end)?, end.offset))
}

/// Where the directory is, as the end of the file says.
struct End {
    count: u64,
    size: u64,
    offset: u64,
}

fn find_end(file: &mut (impl Read + Seek), size: u64) -> Result<End, Why> {
    let cut = || why("the zip archive is cut off: it has no directory at its end");
    let mut end = [0; 22];
    let at = size.checked_sub(END_SIZE).ok_or_else(cut)?;
    let read = file
        .seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(&mut end));
    read.map_err(|error| broken(&error))?;
    if !end.starts_with(END) || short(&end, 20) != 0 {
        return Err(no_end(file, size)?);
    }
    if long(&end, 4) != 0 || short(&end, 8) != short(&end, 10) || short(&end, 20) != 0 {
        return Err(cut());
    }
    let mut found = End {
        count: u64::from(short(&end, 10)),
        size: u64::from(long(&end, 12)),
        offset: u64::from(long(&end, 16)),
    };
    let mut end_of_directory = at;
    if let Some(wide) = find_end_64(file, end_of_directory).map_err(|error| broken(&error))? {
        let (wide, begins) = wide?;
        let agrees = |narrow: u64, most: u64, wide: u64| narrow == wide || narrow == most;
        if !agrees(found.count, 0xffff, wide.count)
            || !agrees(found.size, 0xffff_ffff, wide.size)
            || !agrees(found.offset, 0xffff_ffff, wide.offset)
        {
            return Err(why("the zip archive has two ends that differ"));
        }
        end_of_directory = begins;
        found = wide;
    }
    if found.offset.checked_add(found.size) != Some(end_of_directory) {
        return Err(why(
            "the directory of the zip archive is not where its end says: bytes were added or lost",
        ));
    }
    Ok(found)
}

/// Why there is no end where it should be: a comment may be as long as 64 KiB.
fn no_end(file: &mut (impl Read + Seek), size: u64) -> Result<Why, Why> {
    let from = size.saturating_sub(END_SIZE + 0xffff);
    let mut tail = Vec::new();
    let read = file
        .seek(SeekFrom::Start(from))
        .and_then(|_| file.read_to_end(&mut tail));
    read.map_err(|error| broken(&error))?;
    let mut all = (0..tail.len().saturating_sub(21)).rev();
    let Some(at) = all.find(|at| tail[*at..].starts_with(END)) else {
        return Ok(why(
            "the zip archive is cut off: it has no directory at its end",
        ));
    };
    let end = &tail[at..];
    Ok(why(if usize::from(short(end, 20)) == end.len() - 22 {
        "the zip archive has a comment at its end, which may hide another archive"
    } else {
        "the zip archive has bytes after its end"
    }))
}

type Wide = Result<(End, u64), Why>;

/// The end of a large archive, and where it begins.
fn find_end_64(file: &mut (impl Read + Seek), end: u64) -> std::io::Result<Option<Wide>> {
    let Some(at) = end.checked_sub(LOCATOR_SIZE) else {
        return Ok(None);
    };
    let mut locator = [0; 20];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut locator)?;
    if !locator.starts_with(LOCATOR_64) {
        return Ok(None);
    }
    let begins = wide(&locator, 8);
    let mut record = [0; 56];
    if begins.checked_add(END_64_SIZE) != Some(at) {
        return Ok(Some(Err(why("the zip archive has an end of unknown form"))));
    }
    file.seek(SeekFrom::Start(begins))?;
    file.read_exact(&mut record)?;
    let sound = record.starts_with(END_64)
        && wide(&record, 4) == END_64_SIZE - 12
        && wide(&record, 24) == wide(&record, 32);
    if !sound {
        return Ok(Some(Err(why("the zip archive has an end of unknown form"))));
    }
    let found = End {
        count: wide(&record, 32),
        size: wide(&record, 40),
        offset: wide(&record, 48),
    };
    Ok(Some(Ok((found, begins))))
}

fn directory(file: &mut (impl Read + Seek), end: &End) -> Result<Vec<Entry>, Why> {
    file.seek(SeekFrom::Start(end.offset))
        .map_err(|error| broken(&error))?;
    let mut bytes = Vec::new();
    file.take(end.size)
        .read_to_end(&mut bytes)
        .map_err(|error| broken(&error))?;
    let mut rest = bytes.as_slice();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = central(rest)?;
        // Of an archive on a server, what stands before the next file is fetched.
        if entry.offset >= end.offset {
            return Err(format!("{} would begin behind the directory", entry.name));
        }
        entries.push(entry);
        rest = after;
    }
    if entries.len() as u64 != end.count {
        return Err(why(
            "the directory of the zip archive does not have the files that it counts",
        ));
    }
    Ok(entries)
}

fn central(bytes: &[u8]) -> Result<(Entry, &[u8]), Why> {
    let damaged = || why("the directory of the zip archive is damaged");
    if bytes.len() < 46 || !bytes.starts_with(CENTRAL) {
        return Err(damaged());
    }
    let name_end = 46 + usize::from(short(bytes, 28));
    let extra_end = name_end + usize::from(short(bytes, 30));
    if short(bytes, 32) != 0 {
        return Err(why("a file of the zip archive has a comment"));
    }
    let name = bytes.get(46..name_end).ok_or_else(damaged)?;
    let extra = bytes.get(name_end..extra_end).ok_or_else(damaged)?;
    let name = std::str::from_utf8(name)
        .map_err(|_| why("a file of the zip archive has a name that is not UTF-8"))?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(why(
            "a file of the zip archive has a name with control characters, or none",
        ));
    }
    if !is_inside(name) {
        return Err(format!("{name} would be unpacked outside of its folder"));
    }
    let mut sizes = [
        u64::from(long(bytes, 24)),
        u64::from(long(bytes, 20)),
        u64::from(long(bytes, 42)),
    ];
    widen(extra, &mut sizes).ok_or_else(damaged)?;
    let [size, packed, offset] = sizes;
    let (method, flags) = (short(bytes, 10), short(bytes, 8));
    if flags & 1 != 0 {
        return Err(format!("{name} is encrypted"));
    }
    // Anything else is refused by PyPI, and unknown to Python's own zipfile or slow to be known.
    if method != 0 && method != 8 {
        return Err(format!(
            "{name} is packed in a way that is neither stored nor deflate"
        ));
    }
    if method == 0 && size != packed {
        return Err(format!("{name} is stored with two sizes"));
    }
    let entry = Entry {
        name: name.to_owned(),
        size,
        packed,
        method,
        flags,
        crc: long(bytes, 16),
        offset,
    };
    Ok((entry, &bytes[extra_end..]))
}

/// Whether a path stays below the folder it is unpacked in.
pub(crate) fn is_inside(name: &str) -> bool {
    !name.starts_with('/')
        && !name.contains('\\')
        && name.get(1..2) != Some(":")
        && name.split('/').all(|part| part != "..")
}

/// Reads the 64-bit sizes from the extra fields for those that do not fit; `None` for fields that are
/// cut off, or given twice.
pub(super) fn widen(mut extra: &[u8], sizes: &mut [u64]) -> Option<()> {
    let mut seen = false;
    while !extra.is_empty() {
        let length = usize::from(short(extra.get(..4)?, 2));
        let field = extra.get(4..4 + length)?;
        if short(extra, 0) == 1 {
            if std::mem::replace(&mut seen, true) {
                return None;
            }
            let mut wide_values = field.chunks_exact(8);
            for size in sizes.iter_mut().filter(|size| **size == 0xffff_ffff) {
                *size = wide(wide_values.next()?, 0);
            }
        }
        extra = &extra[4 + length..];
    }
    Some(())
}

pub(super) fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}

pub(super) fn wide(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}
