//! Parts of an archive on a server: its end, where the directory is, and the one file that is wanted.

use credential_helper_protocol::Failure;
use url::Url;

use super::check::{Fault, read_all};
use super::{Fetch, Got};
use crate::package::archive::sparse::Parts;
use crate::package::archive::zip::{DIRECTORY, Zip};
use crate::package::filename::{info, is_pkg_info};
use crate::package::metadata::LARGEST;
use crate::package::{PackageName, Version};

/// How much of the end is asked for at first. The metadata of a wheel is written last, so that this
/// is nearly always all that is needed: one request instead of three.
const TAIL: u64 = 32 * 1024;
/// How often a part that is cut off on its way is asked for.
const ATTEMPTS: usize = 3;
/// How often more is asked for: the directory, the file, and once more for each.
const ROUNDS: usize = 6;
/// A single part is never larger: a directory, or metadata with what stands before it.
const PART: u64 = DIRECTORY;

/// How it ended.
pub(super) enum Ranged<B> {
    /// The content of the file.
    Found(Vec<u8>),
    /// The archive is broken, or does not have it.
    Broken(String),
    /// The archive is not there.
    Absent(u16),
    /// The server sends the whole archive instead.
    Whole(B),
    /// The server sends no parts.
    No,
}

/// Which of an archive's files is wanted.
pub(super) type Wanted<'a> = dyn Fn(&[&str]) -> Result<String, String> + Send + Sync + 'a;

/// The metadata of a wheel.
pub(super) fn of_wheel<'a>(
    project: &'a PackageName,
    version: &'a Version,
) -> impl Fn(&[&str]) -> Result<String, String> + Send + Sync + 'a {
    move |paths| {
        let folder = info(paths.iter().copied(), project, version)?;
        Ok(format!("{folder}/METADATA"))
    }
}

/// The metadata of a source archive.
pub(super) fn of_sdist() -> impl Fn(&[&str]) -> Result<String, String> + Send + Sync {
    |paths| {
        let mut found = paths.iter().filter(|path| is_pkg_info(path));
        match (found.next(), found.next()) {
            (Some(path), None) => Ok((*path).to_owned()),
            _ => Err("it has no NAME-VERSION/PKG-INFO, or two".to_owned()),
        }
    }
}

/// Reads one file of an archive.
pub(super) async fn read<F: Fetch>(
    fetch: &F,
    url: &Url,
    size: Option<u64>,
    wanted: &Wanted<'_>,
) -> Result<Ranged<F::Body>, Failure> {
    // A range from the end is not known to all servers, and not needed where the size is known.
    let first = match size {
        Some(size) if size > 0 => format!("bytes={}-{}", size.saturating_sub(TAIL), size - 1),
        _ => format!("bytes=-{TAIL}"),
    };
    let mut answer = part(fetch, url, &first).await?;
    if size.is_some() && matches!(answer, Part::No(416)) {
        // The page's size may be wrong: the server knows better.
        answer = part(fetch, url, &format!("bytes=-{TAIL}")).await?;
    }
    if let (Some(told), Part::Is(_, real, _)) = (size, &answer)
        && *real > told
    {
        // The page is wrong, and this is somewhere in the middle.
        let from = real.saturating_sub(TAIL);
        answer = part(fetch, url, &format!("bytes={from}-{}", real - 1)).await?;
    }
    let mut parts = match answer {
        Part::Is(from, size, bytes) => {
            let mut parts = Parts::new(size);
            parts.add(from, bytes);
            parts
        }
        Part::Cut(why) => return Ok(Ranged::Broken(why)),
        Part::Absent(status) => return Ok(Ranged::Absent(status)),
        Part::Whole(body) => return Ok(Ranged::Whole(body)),
        Part::No(_) => return Ok(Ranged::No),
    };
    for _ in 0..ROUNDS {
        let (from, to) = match attempt(&parts, wanted) {
            Attempt::Found(bytes) => return Ok(Ranged::Found(bytes)),
            Attempt::Broken(why) => return Ok(Ranged::Broken(why)),
            Attempt::Missing(from, to) => (from, to),
        };
        if to - from > PART {
            return Ok(Ranged::Broken(
                "the zip archive has too many entries".to_owned(),
            ));
        }
        match part(fetch, url, &format!("bytes={from}-{}", to - 1)).await? {
            Part::Is(at, size, bytes) if at == from && size == parts.size() => parts.add(at, bytes),
            Part::Is(..) => {
                return Ok(Ranged::Broken("it changed while it was read".to_owned()));
            }
            Part::Cut(why) => return Ok(Ranged::Broken(why)),
            Part::Absent(status) => return Ok(Ranged::Absent(status)),
            Part::Whole(body) => return Ok(Ranged::Whole(body)),
            Part::No(_) => return Ok(Ranged::No),
        }
    }
    Ok(Ranged::Broken(
        "its directory leads back and forth".to_owned(),
    ))
}

enum Attempt {
    Found(Vec<u8>),
    Broken(String),
    Missing(u64, u64),
}

/// Reads the file from what is there.
fn attempt(parts: &Parts, wanted: &Wanted<'_>) -> Attempt {
    let (reader, missing) = parts.reader();
    let gap = |at: u64| Attempt::Missing(at, parts.next(at));
    let mut zip = match Zip::of_parts(reader, parts.size()) {
        Ok(zip) => zip,
        Err(why) => return missing.place().map_or(Attempt::Broken(why), gap),
    };
    let paths: Vec<&str> = zip.entries.iter().map(|entry| &*entry.name).collect();
    let path = match wanted(&paths) {
        Ok(path) => path,
        Err(why) => return Attempt::Broken(why),
    };
    let Some(entry) = zip.entries.iter().find(|entry| entry.name == path).cloned() else {
        return Attempt::Broken(format!("it has no {path}"));
    };
    // One request for all that belongs to it, where that is known to be little.
    let (from, to) = zip.span(&entry);
    if to.saturating_sub(from) <= LARGEST as u64 && !parts.has(from, to) {
        let mut at = from;
        while at < to && parts.has(at, at + 1) {
            at += 1;
        }
        return Attempt::Missing(at, parts.next(at).min(to));
    }
    match zip.read(&entry, LARGEST as u64) {
        Ok(bytes) => Attempt::Found(bytes),
        Err(why) => missing.place().map_or(Attempt::Broken(why), |at| {
            Attempt::Missing(at, parts.next(at).min(at + LARGEST as u64))
        }),
    }
}

enum Part<B> {
    /// Where it begins, the size of the whole, and its bytes.
    Is(u64, u64, Vec<u8>),
    Cut(String),
    Absent(u16),
    Whole(B),
    No(u16),
}

/// Asks for a part; again where it is cut off on its way.
async fn part<F: Fetch>(fetch: &F, url: &Url, range: &str) -> Result<Part<F::Body>, Failure> {
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        let (told, body) = match fetch.get(url, Some(range.to_owned())).await? {
            Got::Served {
                part: Some(told),
                body,
            } => (told, body),
            Got::Served { part: None, body } => return Ok(Part::Whole(body)),
            Got::Absent(status) => return Ok(Part::Absent(status)),
            Got::Refused(status) => return Ok(Part::No(status)),
        };
        let Some((from, length, size)) = content_range(&told) else {
            return Ok(Part::No(206));
        };
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        match read_all(body, most, None).await {
            Ok(bytes) if bytes.len() == most => return Ok(Part::Is(from, size, bytes)),
            Ok(_) => "a part of it is shorter than it says".clone_into(&mut why),
            Err(Fault::Cut(cut)) => why = cut,
            Err(Fault::Bad(_)) => {
                return Ok(Part::Cut("a part of it is longer than it says".to_owned()));
            }
        }
    }
    Ok(Part::Cut(why))
}

/// Where a part begins, its length, and the size of the whole: `bytes 0-9/100`.
fn content_range(text: &str) -> Option<(u64, u64, u64)> {
    let rest = text.trim().strip_prefix("bytes")?.trim_start();
    let (range, size) = rest.split_once('/')?;
    let (from, last) = range.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (from, last, size) = (number(from)?, number(last)?, number(size)?);
    let length = last.checked_sub(from)?.checked_add(1)?;
    (last < size && length <= PART).then_some((from, length, size))
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn parts_as_servers_tell_them() {
        assert_eq!(content_range("bytes 0-9/100"), Some((0, 10, 100)));
        assert_eq!(content_range("bytes 90-99/100"), Some((90, 10, 100)));
        for text in [
            "",
            "bytes",
            "bytes */100",
            "bytes 0-9/*",
            "bytes 9-0/100",
            "bytes 0-100/100",
            "items 0-9/100",
            "bytes 0-18446744073709551615/18446744073709551615",
        ] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
