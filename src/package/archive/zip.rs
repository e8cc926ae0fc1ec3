//! Zip archives: the directory at the end, held against what stands before each file.
//!
//! Installers read the directory at the end; others read a zip from its beginning. A file in which
//! the two differ can show one content to a scanner and another to an installer, so such a file is
//! refused here, as PyPI does (APPNOTE.TXT, sections 4.3.7 to 4.3.16).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;

/// Entries of an archive: the largest wheels have some ten thousand.
const ENTRIES: u64 = 200_000;
/// The directory, in bytes.
const DIRECTORY: u64 = 64 * 1024 * 1024;
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
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
    packed: u64,
    method: u16,
    flags: u16,
    crc: u32,
    offset: u64,
}

impl Entry {
    /// Whether its sizes stand behind its bytes, which PyPI refuses.
    pub(crate) fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }
}

/// An archive whose framing is sound.
pub(crate) struct Zip {
    file: BufReader<File>,
    /// Its files, in the order of the directory.
    pub(crate) entries: Vec<Entry>,
}

/// Why a file is no archive that may be uploaded.
pub(crate) type Why = String;

fn why(text: &str) -> Why {
    text.to_owned()
}

fn broken(error: &std::io::Error) -> Why {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => why("the zip archive is cut off"),
        kind => format!("reading it failed ({kind})"),
    }
}

impl Zip {
    /// Reads the directory and holds it against the whole file.
    pub(crate) fn open(file: File) -> Result<Self, Why> {
        let size = file.metadata().map_err(|error| broken(&error))?.len();
        let mut file = BufReader::new(file);
        let mut start = [0; 4];
        file.read_exact(&mut start)
            .map_err(|_| why("it is no zip archive"))?;
        if start != LOCAL && start != END {
            return Err(why("it is no zip archive: it does not begin as one"));
        }
        let end = find_end(&mut file, size)?;
        if end.count > ENTRIES || end.size > DIRECTORY {
            return Err(why("the zip archive has too many entries"));
        }
        let entries = directory(&mut file, &end)?;
        let mut zip = Self { file, entries };
        zip.hold_against_locals(end.offset)?;
        Ok(zip)
    }

    /// The content of a file, at most `limit` bytes of it.
    pub(crate) fn read(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, Why> {
        let name = &entry.name;
        if entry.size > limit {
            return Err(format!("{name} is larger than {limit} bytes"));
        }
        let data = self.local(entry).map_err(|error| broken(&error))?.data;
        let seek = self.file.seek(SeekFrom::Start(data));
        seek.map_err(|error| broken(&error))?;
        let packed = (&mut self.file).take(entry.packed);
        let mut bytes = Vec::new();
        let read = match entry.method {
            0 => packed.take(limit + 1).read_to_end(&mut bytes),
            _ => DeflateDecoder::new(packed)
                .take(limit + 1)
                .read_to_end(&mut bytes),
        };
        read.map_err(|_| format!("{name} cannot be unpacked"))?;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != entry.size || crc.sum() != entry.crc {
            return Err(format!("{name} is damaged"));
        }
        Ok(bytes)
    }

    /// Walks the file from its beginning: every byte belongs to a file of the directory, and what
    /// stands before each file says what the directory says.
    fn hold_against_locals(&mut self, directory: u64) -> Result<(), Why> {
        let mut seen = BTreeSet::new();
        let mut order = self.entries.clone();
        order.sort_by_key(|entry| entry.offset);
        let (mut at, mut descriptor) = (0, false);
        for entry in &order {
            let name = &entry.name;
            if !seen.insert(name) {
                return Err(format!("{name} is in the zip archive twice"));
            }
            if !follows(at, entry.offset, descriptor) {
                return Err(format!(
                    "the zip archive has bytes before {name} that belong to no file of it"
                ));
            }
            let local = self.local(entry).map_err(|error| broken(&error))?;
            if !local.agrees {
                return Err(format!(
                    "the zip archive says two things about {name}: its directory, and what stands \
                     before the file"
                ));
            }
            at = local.data.saturating_add(entry.packed);
            descriptor = entry.has_descriptor();
            if at > directory {
                return Err(format!(
                    "{name} overlaps what follows it in the zip archive"
                ));
            }
        }
        if !follows(at, directory, descriptor) {
            return Err(why(
                "the zip archive has bytes before its directory that belong to no file of it",
            ));
        }
        Ok(())
    }

    /// What stands before a file.
    fn local(&mut self, entry: &Entry) -> std::io::Result<Local> {
        self.file.seek(SeekFrom::Start(entry.offset))?;
        let mut head = [0; 30];
        self.file.read_exact(&mut head)?;
        let mut name = vec![0; usize::from(short(&head, 26))];
        self.file.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(short(&head, 28))];
        self.file.read_exact(&mut extra)?;
        let mut sizes = [u64::from(long(&head, 22)), u64::from(long(&head, 18))];
        let extra_is_sound = widen(&extra, &mut sizes).is_some();
        // With a descriptor the sizes stand behind the file and are zero here.
        let sizes_agree = sizes == [entry.size, entry.packed] && long(&head, 14) == entry.crc;
        let left_out = entry.has_descriptor() && long(&head, 14) == 0;
        Ok(Local {
            data: entry.offset + 30 + name.len() as u64 + extra.len() as u64,
            agrees: head.starts_with(LOCAL)
                && extra_is_sound
                && name == entry.name.as_bytes()
                && short(&head, 6) == entry.flags
                && short(&head, 8) == entry.method
                && (sizes_agree || left_out),
        })
    }
}

struct Local {
    data: u64,
    agrees: bool,
}

/// Whether `next` is where something may begin after what ended `at`: there, or behind a data
/// descriptor (with or without its signature, with sizes of 4 or 8 bytes).
fn follows(at: u64, next: u64, descriptor: bool) -> bool {
    let gap = next.checked_sub(at);
    gap.is_some_and(|gap| gap == 0 && !descriptor || descriptor && matches!(gap, 12 | 16 | 20 | 24))
}

/// Where the directory is, as the end of the file says.
struct End {
    count: u64,
    size: u64,
    offset: u64,
}

fn find_end(file: &mut (impl Read + Seek), size: u64) -> Result<End, Why> {
    let cut = || why("the zip archive is cut off: it has no directory at its end");
    // A comment could be as long as 64 KiB; it is refused, so it is only looked for to say so.
    let from = size.saturating_sub(END_SIZE + 0xffff);
    file.seek(SeekFrom::Start(from))
        .map_err(|error| broken(&error))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)
        .map_err(|error| broken(&error))?;
    let at = (0..tail.len().saturating_sub(21))
        .rev()
        .find(|at| tail[*at..].starts_with(END))
        .ok_or_else(cut)?;
    let end = &tail[at..];
    if end.len() as u64 > END_SIZE {
        return Err(if usize::from(short(end, 20)) == end.len() - 22 {
            why("the zip archive has a comment at its end, which may hide another archive")
        } else {
            why("the zip archive has bytes after its end")
        });
    }
    if long(end, 4) != 0 || short(end, 8) != short(end, 10) || short(end, 20) != 0 {
        return Err(cut());
    }
    let mut found = End {
        count: u64::from(short(end, 10)),
        size: u64::from(long(end, 12)),
        offset: u64::from(long(end, 16)),
    };
    let mut end_of_directory = from + at as u64;
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
fn widen(mut extra: &[u8], sizes: &mut [u64]) -> Option<()> {
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

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) | u32::from(short(bytes, at + 2)) << 16
}

fn wide(bytes: &[u8], at: usize) -> u64 {
    u64::from(long(bytes, at)) | u64::from(long(bytes, at + 4)) << 32
}

#[cfg(test)]
#[path = "zip_tests.rs"]
mod tests;
