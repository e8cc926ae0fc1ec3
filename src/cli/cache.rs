//! `helper cache`: what indexes answered, kept for the next time.

use std::collections::BTreeMap;
use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Serialize;

use super::Session;
use super::args_cache::CacheCommand;
use super::table::{Cell, table};
use crate::agent::clock;
use crate::domain::text::shown;
use crate::index::cache::{Cache, Kept, Kind};

/// The largest time that can be written as RFC 3339: what holds for good ends there.
const FOR_GOOD: u64 = 253_402_300_799;

#[derive(Serialize)]
struct Listed {
    folder: String,
    entries: Vec<Entry>,
    bytes: u64,
}

#[derive(Serialize)]
struct Entry {
    kind: &'static str,
    source: String,
    url: String,
    bytes: u64,
    stored: String,
    expires: Option<String>,
}

#[derive(Serialize)]
struct Cleared {
    folder: String,
    removed: u64,
    bytes: u64,
}

/// Runs a command about the cache.
pub(crate) fn run(session: &mut Session<'_>, command: CacheCommand) -> Result<u8, Failure> {
    let folder = session.outside.surroundings().cache_folder();
    let folder = folder.ok_or_else(|| {
        let message = "cannot tell where the cache is: there is no home folder";
        Failure::new(ErrorCode::Unavailable, message).hint("set HOME, or XDG_CACHE_HOME")
    })?;
    match command {
        CacheCommand::List => list(session, &folder),
        CacheCommand::Clear => clear(session, &folder),
    }
}

fn list(session: &mut Session<'_>, folder: &Path) -> Result<u8, Failure> {
    let kept = Cache::list(folder)?;
    let bytes = kept.iter().map(|kept| kept.bytes).sum();
    if session.out.is_json() {
        session.out.object(&Listed {
            folder: folder.to_string_lossy().into_owned(),
            entries: kept.into_iter().map(Entry::of).collect(),
            bytes,
        })?;
        return Ok(0);
    }
    let mut sources = BTreeMap::<&str, (u64, u64, u64)>::new();
    for kept in &kept {
        let sums = sources.entry(&kept.head.source).or_default();
        match kept.head.kind {
            Kind::Page => sums.0 += 1,
            Kind::Metadata => sums.1 += 1,
        }
        sums.2 += kept.bytes;
    }
    if sources.is_empty() {
        session.out.note("the cache is empty");
        return Ok(0);
    }
    let rows: Vec<Vec<Cell>> = sources
        .iter()
        .map(|(source, (pages, metadata, bytes))| {
            vec![
                Cell::new(source),
                Cell::new(&pages.to_string()),
                Cell::new(&metadata.to_string()),
                Cell::new(&size(*bytes)),
            ]
        })
        .collect();
    let headings = ["SOURCE", "PAGES", "METADATA", "SIZE"];
    session
        .out
        .text(&table(&headings, &rows, session.out.colours()))?;
    Ok(0)
}

fn clear(session: &mut Session<'_>, folder: &Path) -> Result<u8, Failure> {
    let removed = Cache::clear(folder)?;
    let folder = folder.to_string_lossy().into_owned();
    if session.out.is_json() {
        session.out.object(&Cleared {
            folder,
            removed: removed.entries,
            bytes: removed.bytes,
        })?;
    } else {
        session.out.note(&format!(
            "removed {} answers of indexes ({}) from {}",
            removed.entries,
            size(removed.bytes),
            shown(&folder)
        ));
    }
    Ok(0)
}

impl Entry {
    fn of(kept: Kept) -> Self {
        let head = kept.head;
        Self {
            kind: head.kind.word(),
            source: head.source,
            url: head.url,
            bytes: kept.bytes,
            stored: clock::rfc3339(head.stored.min(FOR_GOOD)),
            expires: (head.fresh < FOR_GOOD).then(|| clock::rfc3339(head.fresh)),
        }
    }
}

/// A number of bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1024 * 1024)),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1025, "2 KiB"),
            (5 * 1024 * 1024, "5 MiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
