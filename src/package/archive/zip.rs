//! Zip archives: the directory at the end, held against what stands before each file.
//!
//! Installers read the directory at the end; others read a zip from its beginning. A file in which
//! the two differ can show one content to a scanner and another to an installer, so such a file is
//! refused here, as PyPI does (APPNOTE.TXT, sections 4.3.7 to 4.3.16).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;

use super::directory::{self, LOCAL, broken, is_start, long, short, why, widen};
pub(crate) use super::directory::{DIRECTORY, Entry, Why};

/// An archive whose framing is sound.
pub(crate) struct Zip<R = File> {
    file: BufReader<R>,
    /// Its files, in the order of the directory.
    pub(crate) entries: Vec<Entry>,
    /// Where the directory begins.
    directory: u64,
}

impl Zip {
    /// Reads the directory and holds it against the whole file.
    pub(crate) fn open(file: File) -> Result<Self, Why> {
        let size = file.metadata().map_err(|error| broken(&error))?.len();
        let mut start = [0; 4];
        (&file)
            .read_exact(&mut start)
            .map_err(|_| why("it is no zip archive"))?;
        if !is_start(&start) {
            return Err(why("it is no zip archive: it does not begin as one"));
        }
        let mut zip = Self::of_parts(file, size)?;
        zip.hold_against_locals()?;
        Ok(zip)
    }
}

impl<R: Read + Seek> Zip<R> {
    /// Reads the directory alone. Of an archive on a server only parts are fetched, so a file is held
    /// against the directory when it is read.
    pub(crate) fn of_parts(file: R, size: u64) -> Result<Self, Why> {
        let mut file = BufReader::new(file);
        let (entries, directory) = directory::read(&mut file, size)?;
        Ok(Self {
            file,
            entries,
            directory,
        })
    }

    /// Where a file stands with all that belongs to it: from its own beginning to that of the next.
    pub(crate) fn span(&self, entry: &Entry) -> (u64, u64) {
        let offsets = self.entries.iter().map(|other| other.offset);
        let next = offsets.filter(|offset| *offset > entry.offset).min();
        (entry.offset, next.unwrap_or(self.directory))
    }
    /// The content of a file, at most `limit` bytes of it.
    pub(crate) fn read(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, Why> {
        let name = &entry.name;
        if entry.size > limit {
            return Err(format!("{name} is larger than {limit} bytes"));
        }
        let local = self.local(entry).map_err(|error| broken(&error))?;
        if !local.agrees {
            return Err(two_things(name));
        }
        let seek = self.file.seek(SeekFrom::Start(local.data));
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
    fn hold_against_locals(&mut self) -> Result<(), Why> {
        let directory = self.directory;
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
                return Err(two_things(name));
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

fn two_things(name: &str) -> Why {
    format!(
        "the zip archive says two things about {name}: its directory, and what stands before the file"
    )
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

#[cfg(test)]
#[path = "zip_tests.rs"]
mod tests;
