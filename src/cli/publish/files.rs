//! Which files are meant: names, patterns, or what was built.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use credential_helper_protocol::{ErrorCode, Failure};

use crate::domain::text::shown;
use crate::publish::filename::ENDINGS;

/// What stands beside distributions and is none.
const BESIDE: [&str; 2] = [".asc", ".attestation"];
const BUILT: &str = "dist/*";

/// The files, wheels first: whoever installs while a release goes up gets a wheel.
///
/// # Errors
/// Where a pattern fits nothing.
pub(super) fn chosen(given: &[PathBuf], folder: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let default = [PathBuf::from(BUILT)];
    let patterns = if given.is_empty() { &default } else { given };
    let mut files = Vec::new();
    for pattern in patterns {
        let path = folder.map_or_else(|| pattern.clone(), |folder| folder.join(pattern));
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let is_pattern = name.contains(['*', '?']);
        if BESIDE.iter().any(|end| name.ends_with(end)) && !is_pattern {
            continue;
        }
        // The shell leaves a pattern as it is where it fits nothing, or was quoted.
        if !is_pattern || path.exists() {
            files.push(path);
            continue;
        }
        let found = fitting(&path, name);
        if found.is_empty() {
            let what = shown(&pattern.to_string_lossy());
            let message = format!("nothing to upload: no wheel or source archive fits {what}");
            return Err(Failure::new(ErrorCode::NotFound, message)
                .hint("build the project first, or name the files"));
        }
        files.extend(found);
    }
    if files.is_empty() {
        return Err(Failure::new(
            ErrorCode::NotFound,
            "nothing to upload: no file was named",
        ));
    }
    in_order(&mut files);
    Ok(files)
}

/// Wheels first, each file once.
pub(super) fn in_order(files: &mut Vec<PathBuf>) {
    files.sort_by_key(|path| {
        let wheel = path.extension().is_some_and(|end| end == "whl");
        (!wheel, path.clone())
    });
    files.dedup();
}

/// What `read` makes of each file, in the order of the files. Digests cost more than reading does:
/// each processor has a file of its own.
pub(super) fn side_by_side<T: Send>(files: &[PathBuf], read: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(at) else {
                return done;
            };
            done.push((at, read(path)));
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut all = std::thread::scope(|scope| {
        let others = 1..processors.min(files.len());
        let others: Vec<_> = others.map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, done)| done).collect()
}

fn fitting(path: &Path, pattern: &str) -> Vec<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_one = ENDINGS.iter().any(|end| name.ends_with(end));
            (is_one && fits(pattern.as_bytes(), name.as_bytes()) && !name.starts_with('.'))
                .then(|| path.with_file_name(name))
        })
        .collect()
}

/// `*` for anything, `?` for one character.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some(b'*'), _) => {
            fits(&pattern[1..], name) || !name.is_empty() && fits(pattern, &name[1..])
        }
        (Some(b'?'), Some(_)) => fits(&pattern[1..], &name[1..]),
        (Some(one), Some(other)) => one == other && fits(&pattern[1..], &name[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{chosen, side_by_side};

    #[test]
    fn each_file_once_and_in_order() {
        for count in [0, 1, 2, 100] {
            let files: Vec<PathBuf> = (0..count).map(|at| format!("{at}").into()).collect();
            assert_eq!(side_by_side(&files, std::path::Path::to_path_buf), files);
        }
    }

    #[test]
    fn names_and_patterns() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("dist").join(name);
        let names = |given: &[&str]| {
            let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
            let files = chosen(&given, Some(folder.path()))?;
            Ok::<_, credential_helper_protocol::Failure>(
                files
                    .iter()
                    .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert!(names(&[]).unwrap_err().message.contains("fits dist/*"));
        std::fs::create_dir(folder.path().join("dist")).unwrap();
        for name in [
            "a-1.tar.gz",
            "b-1-py3-none-any.whl",
            "a-1.tar.gz.asc",
            ".gitignore",
            "x.txt",
        ] {
            std::fs::write(path(name), "").unwrap();
        }
        assert_eq!(names(&[]).unwrap(), ["b-1-py3-none-any.whl", "a-1.tar.gz"]);
        assert_eq!(
            names(&["dist/a*", "dist/a-1.tar.gz"]).unwrap(),
            ["a-1.tar.gz"]
        );
        assert_eq!(
            names(&["dist/?-1.tar.g?", "dist/a-1.tar.gz.asc"]).unwrap(),
            ["a-1.tar.gz"]
        );
        assert_eq!(names(&["dist/x.txt"]).unwrap(), ["x.txt"]);
        assert!(names(&["dist/c*"]).is_err() && names(&["dist/a-1.tar.gz.asc"]).is_err());
    }
}
