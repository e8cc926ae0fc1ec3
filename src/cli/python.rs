//! The Python that packages are for: what the options say, else the interpreter here.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{ErrorCode, Failure};
use sha2::{Digest as _, Sha256};

use super::args_index::PythonOptions;
use crate::build::Builder;
use crate::package::environment::{ASK, Environment};

/// How long an interpreter may take to say what it is: it starts on a cold disk, and may be an
/// emulated one.
const TIME: Duration = Duration::from_secs(10);
/// How long that is believed: a system is updated under its interpreter.
const AGE: Duration = Duration::from_hours(24);
/// More than an interpreter says.
const LONGEST: u64 = 64 * 1024;

/// The environment that a resolution is for, and what should be said of it.
///
/// # Errors
/// `usage`, where an option cannot be understood.
pub(super) async fn environment(
    options: &PythonOptions,
    around: &Surroundings,
    cache: Option<&Path>,
) -> Result<(Environment, Option<String>), Failure> {
    let known = options.python_version.is_some() && options.python_platform.is_some();
    let (mut environment, mut warning) = (None, None);
    if !known && let Some(program) = interpreter(around) {
        match asked(&program, cache).await {
            Ok(said) => environment = Some(said),
            Err(why) => {
                warning = Some(format!(
                    "{} could not be asked what it is ({why}): packages are chosen for a recent \
                     CPython on this platform",
                    program.display()
                ));
            }
        }
    }
    let environment = environment.map_or_else(fallback, Ok)?;
    Ok((as_written(environment, options, around)?, warning))
}

/// Whether the options can be understood: said before anything is asked.
///
/// # Errors
/// `usage`, where one cannot.
pub(super) fn check(options: &PythonOptions, around: &Surroundings) -> Result<(), Failure> {
    if options.python_version.is_some() || options.python_platform.is_some() {
        as_written(fallback()?, options, around)?;
    }
    Ok(())
}

fn fallback() -> Result<Environment, Failure> {
    Environment::fallback().map_err(|why| Failure::new(ErrorCode::Internal, why))
}

/// The environment with what the options say of it.
fn as_written(
    mut environment: Environment,
    options: &PythonOptions,
    around: &Surroundings,
) -> Result<Environment, Failure> {
    let wrong =
        |option: &str, why: String| Failure::new(ErrorCode::Usage, format!("{option}: {why}"));
    // The version first: the platform's tags depend on it.
    if let Some(text) = &options.python_version {
        environment = environment
            .with_python(text)
            .map_err(|why| wrong("--python-version", why))?;
    }
    if let Some(name) = &options.python_platform {
        environment = environment
            .with_platform(name, macos(around).as_deref())
            .map_err(|why| wrong("--python-platform", why))?;
    }
    Ok(environment)
}

/// The oldest macOS that packages built for it are for.
fn macos(around: &Surroundings) -> Option<String> {
    let value = around.set("MACOSX_DEPLOYMENT_TARGET")?;
    Some(value.to_string_lossy().into_owned())
}

/// Who builds here.
pub(super) fn builder(around: &Surroundings) -> Builder {
    let uv: &[&str] = match around.platform {
        Platform::Windows => &["uv.exe"],
        _ => &["uv"],
    };
    Builder::new(
        interpreter(around),
        program(around, uv),
        std::env::vars_os(),
    )
}

/// The interpreter here: of the active environment, else the first on the PATH.
fn interpreter(around: &Surroundings) -> Option<PathBuf> {
    let names: &[&str] = match around.platform {
        Platform::Windows => &["python.exe"],
        _ => &["python3", "python"],
    };
    program(around, names)
}

/// The first of these programs that is found, in the active environment and on the PATH.
fn program(around: &Surroundings, names: &[&str]) -> Option<PathBuf> {
    let below = match around.platform {
        Platform::Windows => "Scripts",
        _ => "bin",
    };
    let active = around
        .folder("VIRTUAL_ENV")
        .map(|folder| folder.join(below));
    let path = around.set("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = active
        .into_iter()
        .chain(std::env::split_paths(&path))
        // A relative folder would be one of the project.
        .filter(|folder| folder.is_absolute())
        .collect();
    names.iter().find_map(|name| {
        let mut programs = folders.iter().map(|folder| folder.join(name));
        programs.find(|program| program.is_file())
    })
}

/// What the interpreter says, or said lately.
async fn asked(program: &Path, cache: Option<&Path>) -> Result<Environment, String> {
    let kept = cache.and_then(|cache| kept(program, cache));
    let read = kept.as_deref().and_then(read);
    if let Some(environment) = read.and_then(|json| Environment::of_interpreter(&json).ok()) {
        return Ok(environment);
    }
    let mut command = tokio::process::Command::new(program);
    command
        .args(["-I", "-S", "-c", ASK])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = match tokio::time::timeout(TIME, command.output()).await {
        Err(_) => return Err("it does not end".to_owned()),
        Ok(Err(error)) => return Err(error.kind().to_string()),
        Ok(Ok(output)) if !output.status.success() => return Err("it fails".to_owned()),
        Ok(Ok(output)) => output.stdout,
    };
    let environment = Environment::of_interpreter(&output)?;
    if let Some(kept) = kept {
        // Without it the interpreter is asked again.
        let _ = keep(&kept, &output);
    }
    Ok(environment)
}

/// Where the words of this interpreter are kept; nowhere for a script (pyenv's programs are such),
/// which may start another interpreter each time.
fn kept(program: &Path, cache: &Path) -> Option<PathBuf> {
    let real = program.canonicalize().ok()?;
    let meta = real.metadata().ok()?;
    let changed = meta.modified().ok()?;
    let mut head = [0; 2];
    let mut file = std::fs::File::open(&real).ok()?;
    std::io::Read::read_exact(&mut file, &mut head).ok()?;
    if head == *b"#!" {
        return None;
    }
    let system = std::fs::read("/proc/version").unwrap_or_default();
    let since = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let mut digest = Sha256::new();
    for part in [
        program.as_os_str().as_encoded_bytes(),
        real.as_os_str().as_encoded_bytes(),
        &since.as_nanos().to_le_bytes(),
        &meta.len().to_le_bytes(),
        &system,
        ASK.as_bytes(),
    ] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let name = digest.finalize()[..16]
        .iter()
        .fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
    Some(cache.join("python").join(name).with_extension("json"))
}

/// What is kept there, unless it is too old.
fn read(kept: &Path) -> Option<Vec<u8>> {
    let meta = kept.symlink_metadata().ok()?;
    let young = meta.modified().ok()?.elapsed().is_ok_and(|age| age < AGE);
    (meta.is_file() && meta.len() <= LONGEST && young).then(|| std::fs::read(kept).ok())?
}

/// Keeps it: whole or not at all.
fn keep(kept: &Path, words: &[u8]) -> std::io::Result<()> {
    let folder = kept.parent().unwrap_or(kept);
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let temporary = kept.with_extension(std::process::id().to_string());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(&temporary)?, words)?;
    std::fs::rename(&temporary, kept)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::{Platform, Surroundings, asked, interpreter, keep, kept, read};
    use crate::test_programs::script;

    fn found(variables: &[(&str, &str)]) -> Option<PathBuf> {
        let variables = variables.iter().copied();
        interpreter(&Surroundings::given(variables, Platform::Xdg, 7, "host"))
    }

    #[test]
    fn the_active_environment_comes_first() {
        let root = TempDir::new().unwrap();
        let active = script(&root.path().join("venv/bin"), "python3", "");
        let first = script(&root.path().join("a"), "python3", "");
        let old = script(&root.path().join("b"), "python", "");
        let [venv, a, b] = ["venv", "a", "b"].map(|name| root.path().join(name));
        let [venv, a, b] = [&venv, &a, &b].map(|path| path.to_str().unwrap());
        let both = format!("relative:{b}:{a}");
        assert_eq!(found(&[("VIRTUAL_ENV", venv), ("PATH", a)]), Some(active));
        assert_eq!(found(&[("PATH", &both)]), Some(first.clone()));
        assert_eq!(found(&[("VIRTUAL_ENV", b), ("PATH", a)]), Some(first));
        assert_eq!(found(&[("PATH", b)]), Some(old));
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_script_is_asked_each_time() {
        let root = TempDir::new().unwrap();
        let shim = script(root.path(), "python3", "#!/bin/sh\n");
        assert_eq!(kept(&shim, root.path()), None);
        let own = std::env::current_exe().unwrap();
        let place = kept(&own, root.path()).unwrap();
        assert_eq!(kept(&own, root.path()), Some(place.clone()));
        assert_eq!(read(&place), None);
        keep(&place, b"words").unwrap();
        assert_eq!(read(&place).as_deref(), Some(&b"words"[..]));
        let old = std::time::SystemTime::now() - super::AGE;
        let file = std::fs::File::options().write(true).open(&place).unwrap();
        file.set_modified(old).unwrap();
        assert_eq!(read(&place), None);
    }

    #[tokio::test]
    async fn what_is_no_interpreter_is_told() {
        let root = TempDir::new().unwrap();
        for (text, why) in [
            ("#!/bin/sh\nexit 3\n", "it fails"),
            ("#!/bin/sh\necho '{}'\n", "not the answer of an interpreter"),
        ] {
            let program = script(root.path(), "python3", text);
            let told = asked(&program, None).await.unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert!(asked(&root.path().join("none"), None).await.is_err());
    }
}
