//! What only a build knows of a source: its core metadata, without building all of it where the
//! front end can do that.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Deserialize;

use super::run::Run;
use super::{Builder, Made, at, failed};
use crate::index::ladder::{Build, Later};
use crate::package::archive::zip::Zip;

/// The largest metadata that are read.
const LIMIT: u64 = 16 * 1024 * 1024;

/// pip's report of an installation that it did not make.
#[derive(Deserialize)]
struct Report {
    install: Vec<Planned>,
}

#[derive(Deserialize)]
struct Planned {
    metadata: Json,
}

/// Core metadata as JSON (PEP 566), as far as a resolution has to know.
#[derive(Deserialize)]
struct Json {
    name: String,
    version: String,
    requires_python: Option<String>,
    #[serde(default)]
    requires_dist: Vec<String>,
    #[serde(default)]
    provides_extra: Vec<String>,
}

impl Json {
    /// The same as headers, as a wheel has them.
    fn headers(&self) -> String {
        let mut text = format!(
            "Metadata-Version: 2.1\nName: {}\nVersion: {}\n",
            self.name, self.version
        );
        let python = self.requires_python.iter();
        let all = python
            .map(|value| ("Requires-Python", value))
            .chain(
                self.provides_extra
                    .iter()
                    .map(|value| ("Provides-Extra", value)),
            )
            .chain(
                self.requires_dist
                    .iter()
                    .map(|value| ("Requires-Dist", value)),
            );
        for (name, value) in all {
            text.extend([name, ": ", &value.replace(['\r', '\n'], " "), "\n"]);
        }
        text
    }
}

impl Builder {
    /// The core metadata of a source archive, or of a folder of sources.
    ///
    /// # Errors
    /// `unavailable` where nobody can build; `malformed` where the build fails.
    pub fn metadata(&self, source: &Path) -> Result<Vec<u8>, Failure> {
        let made = Made::new(&std::env::temp_dir())?;
        let source = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
        let doing = format!("cannot build the metadata of {}", at(&source));
        let python = self.python.as_ref();
        if let Some(python) = python.filter(|python| self.has_module(python, "pip")) {
            let run = Run {
                doing,
                program: python,
                environment: &self.environment,
                folder: &made.0,
            };
            return reported(&run, &source);
        }
        let Some(uv) = &self.uv else {
            let message = format!("{doing}: there is nobody to do it");
            return Err(Failure::new(ErrorCode::Unavailable, message)
                .hint("install pip for the Python here, or uv"));
        };
        let run = Run {
            doing,
            program: uv,
            environment: &self.environment,
            folder: &made.0,
        };
        let words = ["build", "--wheel", "--no-create-gitignore", "--out-dir"];
        let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
        words.extend([made.0.clone().into_os_string(), source.into_os_string()]);
        run.to_the_end(&words, &mut |_| {})?;
        of_wheel(&made)
    }

    /// The same, away from the thread that waits for the network.
    async fn later(
        &self,
        work: impl FnOnce(&Self) -> Result<Vec<u8>, Failure> + Send + 'static,
    ) -> Result<Vec<u8>, Failure> {
        let builder = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&builder)).await;
        done.unwrap_or_else(|_| {
            let message = "cannot build metadata: the build was given up";
            Err(Failure::new(ErrorCode::Internal, message))
        })
    }
}

/// Asks pip what it would install, without what that needs.
fn reported(run: &Run<'_>, source: &Path) -> Result<Vec<u8>, Failure> {
    let words = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--no-input",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--report",
        "-",
    ];
    let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
    words.push(source.into());
    let output = run.output(&words)?;
    let wrong = || {
        let message = format!("{}: pip does not say what it would install", run.doing);
        Failure::new(ErrorCode::Malformed, message).hint("update pip: 22.2 or newer can")
    };
    let report: Report = serde_json::from_slice(&output).map_err(|_| wrong())?;
    let [planned] = report.install.as_slice() else {
        return Err(wrong());
    };
    Ok(planned.metadata.headers().into_bytes())
}

/// The metadata of the wheel that was made.
fn of_wheel(made: &Made) -> Result<Vec<u8>, Failure> {
    let all = made.all()?;
    let path: PathBuf = all.into_iter().next().unwrap_or_default();
    let wrong = |why: &str| {
        let message = format!("cannot read the wheel that was built: {why}");
        Failure::new(ErrorCode::Malformed, message)
    };
    let file = std::fs::File::open(&path).map_err(|error| failed(&path, "cannot open", &error))?;
    let mut zip = Zip::open(file).map_err(|why| wrong(&why))?;
    let is_metadata = |name: &str| {
        let folder = name.strip_suffix("/METADATA");
        folder.is_some_and(|folder| folder.ends_with(".dist-info") && !folder.contains('/'))
    };
    let entry = zip.entries.iter().find(|entry| is_metadata(&entry.name));
    let entry = entry.cloned().ok_or_else(|| wrong("it has no METADATA"))?;
    zip.read(&entry, LIMIT).map_err(|why| wrong(&why))
}

impl Build for Builder {
    fn archive<'a>(
        &'a self,
        filename: &'a str,
        bytes: Vec<u8>,
    ) -> Later<'a, Result<Vec<u8>, Failure>> {
        let filename = filename.to_owned();
        Box::pin(self.later(move |builder| {
            let made = Made::new(&std::env::temp_dir())?;
            // The name is one of a page: of a path in it nothing counts but its end.
            let name = Path::new(&filename).file_name().unwrap_or_default();
            let path = made.0.join(name);
            std::fs::write(&path, bytes).map_err(|error| failed(&path, "cannot write", &error))?;
            builder.metadata(&path)
        }))
    }

    fn tree<'a>(&'a self, folder: &'a Path) -> Later<'a, Result<Vec<u8>, Failure>> {
        let folder = folder.to_owned();
        Box::pin(self.later(move |builder| builder.metadata(&folder)))
    }
}
