//! Companion: builds, by the project's own backend (PEP 517).
//!
//! The work is that of a front end that is there: Python's `build`, uv, or pip; this module finds
//! it, gives it a clean environment, and takes what it made. A backend is a program of the project:
//! it gets none of the user's credentials, and whoever does not trust a project must not build it.
//!
//! - `environment`: what a build is not given
//! - `run`: one run of a front end
//! - `metadata`: what only a build knows of a source
//! - `ask`: a question to the interpreter

mod ask;
mod environment;
mod metadata;
mod run;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};

use self::run::Run;
use crate::domain::text::shown;

/// The endings of what a build makes.
const ENDINGS: [&str; 3] = [".whl", ".tar.gz", ".zip"];

/// Who builds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum FrontEnd {
    /// `python -m build`, the reference: a source archive, and a wheel from it.
    Build(PathBuf),
    /// `uv build`: the same.
    Uv(PathBuf),
    /// `python -m pip wheel`: a wheel alone.
    Pip(PathBuf),
}

/// Builds projects.
#[derive(Clone, Debug)]
pub struct Builder {
    python: Option<PathBuf>,
    uv: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
}

impl Builder {
    /// With this interpreter and this uv, where they are there, in this environment without what a
    /// build is not given.
    pub fn new(
        python: Option<PathBuf>,
        uv: Option<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let all = environment.into_iter();
        Self {
            python,
            uv,
            environment: all.filter(environment::is_given).collect(),
        }
    }

    /// Builds the project in `folder` and puts what was made into `out`, in place of older files of
    /// the same names. `say` is told each line that the build prints.
    ///
    /// # Errors
    /// `usage` where there is no project, `unavailable` where nobody can build, `malformed` where the
    /// build fails.
    pub fn project(
        &self,
        folder: &Path,
        out: &Path,
        say: &mut dyn FnMut(&str),
    ) -> Result<Vec<PathBuf>, Failure> {
        let named = |name| folder.join(name).is_file();
        if !named("pyproject.toml") && !named("setup.py") {
            let message = format!(
                "cannot build {}: there is no pyproject.toml and no setup.py",
                at(folder)
            );
            return Err(Failure::new(ErrorCode::Usage, message)
                .hint("run this in the folder of the project, or name it with --directory"));
        }
        let front = self.front_end().ok_or_else(|| {
            let message = format!("cannot build {}: there is nobody to do it", at(folder));
            Failure::new(ErrorCode::Unavailable, message)
                .hint("install `build` (pip install build), or uv")
        })?;
        let made = Made::new(out)?;
        let (program, words): (_, &[&str]) = match &front {
            FrontEnd::Build(python) => (python, &["-m", "build", "--outdir"]),
            FrontEnd::Uv(uv) => (uv, &["build", "--no-create-gitignore", "--out-dir"]),
            FrontEnd::Pip(python) => (
                python,
                &[
                    "-m",
                    "pip",
                    "wheel",
                    "--no-deps",
                    "--no-input",
                    "--disable-pip-version-check",
                    "--wheel-dir",
                ],
            ),
        };
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let run = Run {
            doing: format!("cannot build {}", at(&folder)),
            program,
            environment: &self.environment,
            // Not in the project: a file of it named `build.py` would be taken for the program.
            folder: &made.0,
        };
        let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
        words.extend([made.0.clone().into_os_string(), folder.into_os_string()]);
        run.to_the_end(&words, say)?;
        made.taken(out)
    }

    fn front_end(&self) -> Option<FrontEnd> {
        let has = |python: &Path, module| self.has_module(python, module);
        let python = self.python.as_ref();
        python
            .filter(|python| has(python, "build.__main__"))
            .map(|python| FrontEnd::Build(python.clone()))
            .or_else(|| self.uv.clone().map(FrontEnd::Uv))
            .or_else(|| {
                let pip = python.filter(|python| has(python, "pip"));
                pip.map(|python| FrontEnd::Pip(python.clone()))
            })
    }

    /// Whether an interpreter has a module.
    fn has_module(&self, python: &Path, module: &str) -> bool {
        // Without the working folder, where the project has what it likes (see `ask`).
        const ASK: &str = "import os, sys; sys.path[:] = filter(os.path.isabs, sys.path); \
                           from importlib.util import find_spec; \
                           sys.exit(find_spec(sys.argv[1]) is None)";
        let Ok(made) = Made::new(&std::env::temp_dir()) else {
            return false;
        };
        let quiet = std::process::Stdio::null;
        let status = run::command(python, &self.environment)
            .args(["-c", ASK, module])
            .env(ask::SAFE_PATH, "1")
            .current_dir(&made.0)
            .stdin(quiet())
            .stdout(quiet())
            .stderr(quiet())
            .status();
        status.is_ok_and(|status| status.success())
    }
}

/// Where a build puts what it makes: beside where it goes, removed at the end whatever happens.
struct Made(PathBuf);

impl Made {
    fn new(out: &Path) -> Result<Self, Failure> {
        use std::hash::{BuildHasher as _, RandomState};
        let random = RandomState::new().hash_one(std::process::id());
        let folder = out.join(format!(".build-{random:016x}"));
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        let made = builder.create(out).and_then(|()| {
            builder.recursive(false);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder)
        });
        made.map_err(|error| failed(out, "cannot make a folder in", &error))?;
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Ok(Self(folder))
    }

    /// The distributions in it.
    fn all(&self) -> Result<Vec<PathBuf>, Failure> {
        let read = std::fs::read_dir(&self.0)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut all: Vec<PathBuf> = read.map_err(|error| failed(&self.0, "cannot read", &error))?;
        all.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| ENDINGS.iter().any(|end| name.ends_with(end)))
        });
        all.sort();
        Ok(all)
    }

    /// Moves them to where they go.
    fn taken(self, out: &Path) -> Result<Vec<PathBuf>, Failure> {
        let all = self.all()?;
        if all.is_empty() {
            let message = format!(
                "the build made no wheel and no source archive for {}",
                at(out)
            );
            return Err(Failure::new(ErrorCode::Malformed, message));
        }
        let mut taken = Vec::new();
        for path in all {
            let to = out.join(path.file_name().unwrap_or_default());
            std::fs::rename(&path, &to).map_err(|error| failed(&to, "cannot write", &error))?;
            taken.push(to);
        }
        Ok(taken)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // What stays is in the way of nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn at(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

fn failed(path: &Path, doing: &str, error: &std::io::Error) -> Failure {
    let message = format!("{doing} {}: {}", at(path), error.kind());
    Failure::new(ErrorCode::Unavailable, message).hint("see who owns the folder, and its mode")
}

#[cfg(test)]
#[cfg(unix)]
#[path = "build_tests.rs"]
mod tests;
