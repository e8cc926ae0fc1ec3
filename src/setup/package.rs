//! The backend in a Python environment: files of ours, and never those of another installer.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};

use super::apply::{Look, Undone};
use super::backend::{INSTALLER, MODULE, description, hash, information, module};
use super::change::Made;

/// Files larger than this are none of ours.
const SIZE: u64 = 1024 * 1024;

fn fail(path: &Path, why: &str) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!("cannot install the backend in {}: {why}", path.display()),
    )
}

fn io_fail(path: &Path, error: &io::Error) -> Failure {
    fail(path, &error.kind().to_string())
}

/// The folders `credential_helper-*.dist-info`.
fn installed(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| io_fail(folder, &error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix("credential_helper-")
                .is_some_and(|rest| rest.ends_with(".dist-info"))
        })
        .collect();
    found.sort();
    Ok(found)
}

fn text(path: &Path) -> Option<String> {
    let meta = std::fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() > SIZE {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

fn is_ours(information: &Path) -> bool {
    text(&information.join("INSTALLER")).is_some_and(|installer| installer.trim() == INSTALLER)
}

pub(super) fn look(folder: &Path) -> Result<Look, Failure> {
    let installed = installed(folder)?;
    if installed.iter().any(|one| !is_ours(one)) {
        // By pip, say: it is there, and not ours to replace.
        return Ok(Look::Already);
    }
    let same =
        |(path, wanted): &(String, String)| text(&folder.join(path)).as_ref() == Some(wanted);
    if installed.len() == 1 && module().iter().chain(&description()).all(same) {
        return Ok(Look::Already);
    }
    if installed.is_empty() && folder.join(MODULE).exists() {
        // Ours, where a run was killed.
        let ours = text(&folder.join(MODULE).join("__init__.py"))
            .is_some_and(|text| module().iter().any(|(_, wanted)| *wanted == text));
        if !ours {
            let what = format!("a module {MODULE} of somebody else");
            return Ok(Look::Taken(what));
        }
    }
    Ok(Look::Needed(Made::default()))
}

/// What describes the distribution comes last: until then nobody looks at the module.
pub(super) fn make(folder: &Path) -> Result<(), Failure> {
    take(folder)?;
    for files in [module(), description()] {
        for (path, text) in files {
            let path = folder.join(path);
            write(&path, text.as_bytes()).map_err(|error| io_fail(&path, &error))?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = PathBuf::from(temporary);
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}

/// Removes the files that our own lists name and that are as they were written.
pub(super) fn take(folder: &Path) -> Result<Undone, Failure> {
    let mut undone = Undone::Gone;
    let installed = installed(folder)?;
    for one in installed.iter().filter(|one| is_ours(one)) {
        undone = Undone::Taken;
        let record = text(&one.join("RECORD")).unwrap_or_default();
        let mut left = false;
        for line in record.lines() {
            let mut parts = line.rsplitn(3, ',');
            let (_, wanted, path) = (parts.next(), parts.next(), parts.next());
            let (Some(wanted), Some(path)) = (wanted, path) else {
                continue;
            };
            left |= !remove(folder, path, wanted)?;
        }
        remove_file(&one.join("RECORD"))?;
        // Whatever else is in it is not ours.
        let _ = std::fs::remove_dir(one);
        if left {
            undone = Undone::Left;
        }
    }
    if installed.is_empty() && folder.join(MODULE).exists() {
        // A run was killed before the list was written.
        let folder_of = information();
        for (path, text) in module().iter().chain(&description()) {
            let known = remove(folder, path, &format!("sha256={}", hash(text.as_bytes())))?;
            if known {
                undone = Undone::Taken;
            }
            remove_file(&folder.join(format!("{path}.part")))?;
        }
        let _ = std::fs::remove_dir(folder.join(folder_of));
    }
    let module = folder.join(MODULE);
    if undone == Undone::Taken && module.is_dir() {
        remove_compiled(&module);
        let _ = std::fs::remove_dir(&module);
    }
    Ok(undone)
}

/// Whether the file was removed, or gone before; not where it was changed.
fn remove(folder: &Path, path: &str, wanted: &str) -> Result<bool, Failure> {
    let inside = !Path::new(path).is_absolute() && !path.split('/').any(|part| part == "..");
    let Some(wanted) = wanted.strip_prefix("sha256=").filter(|_| inside) else {
        return Ok(true);
    };
    let path = folder.join(path);
    match text(&path) {
        Some(text) if hash(text.as_bytes()) == wanted => remove_file(&path).map(|()| true),
        Some(_) => Ok(false),
        None => Ok(true),
    }
}

fn remove_file(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_fail(path, &error)),
        _ => Ok(()),
    }
}

/// What Python itself wrote beside our modules.
fn remove_compiled(module: &Path) {
    let folder = module.join("__pycache__");
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|end| end == "pyc") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let _ = std::fs::remove_dir(&folder);
}

#[cfg(test)]
mod tests {
    use super::{Look, MODULE, Made, Undone, information, look, make, take};

    #[test]
    fn goes_in_and_out() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        let needed = Look::Needed(Made::default());
        assert_eq!(look(folder).unwrap(), needed);
        make(folder).unwrap();
        assert_eq!(look(folder).unwrap(), Look::Already);
        let cache = folder.join(MODULE).join("__pycache__");
        std::fs::create_dir(&cache).unwrap();
        std::fs::write(cache.join("client.cpython-311.pyc"), "x").unwrap();
        assert_eq!(take(folder).unwrap(), Undone::Taken);
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
        assert_eq!(take(folder).unwrap(), Undone::Gone);
    }

    #[test]
    fn what_was_killed_is_finished_or_removed() {
        for finish in [true, false] {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path();
            make(folder).unwrap();
            std::fs::remove_dir_all(folder.join(information())).unwrap();
            std::fs::write(folder.join(MODULE).join("client.py.part"), "x").unwrap();
            assert_eq!(look(folder).unwrap(), Look::Needed(Made::default()));
            if finish {
                make(folder).unwrap();
                assert_eq!(look(folder).unwrap(), Look::Already);
            }
            assert_eq!(take(folder).unwrap(), Undone::Taken);
            assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_others_installed_or_changed_stays() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        make(folder).unwrap();
        let client = folder.join(MODULE).join("client.py");
        std::fs::write(&client, "# mine\n").unwrap();
        assert_eq!(take(folder).unwrap(), Undone::Left);
        assert!(client.exists());
        std::fs::remove_file(client).unwrap();
        std::fs::remove_dir(folder.join(MODULE)).unwrap();
        make(folder).unwrap();
        std::fs::write(folder.join(information()).join("INSTALLER"), "pip\n").unwrap();
        assert_eq!(look(folder).unwrap(), Look::Already);
        assert_eq!(take(folder).unwrap(), Undone::Gone);
        std::fs::remove_dir_all(folder.join(information())).unwrap();
        std::fs::write(folder.join(MODULE).join("__init__.py"), "# other\n").unwrap();
        assert!(matches!(look(folder).unwrap(), Look::Taken(_)));
    }
}
