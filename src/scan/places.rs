//! Where tools keep credentials, and which files of a folder are looked at.

use std::collections::BTreeSet;
use std::fs::FileType;
use std::path::{Path, PathBuf};

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{ErrorCode, Failure};

use super::Skipped;
use super::forms::Form;
use crate::domain::text::shown_path;

/// How deep a folder is looked into.
const DEPTH: usize = 16;
/// How many entries of folders are looked at.
const ENTRIES: usize = 200_000;
/// Folders of other programs: version control, environments, caches.
const NOT_OURS: [&str; 11] = [
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    "__pycache__",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    "target",
    "site-packages",
];

/// One file.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub(super) form: &'static Form,
    /// Whether it was named on the command line.
    pub(super) named: bool,
    /// Whether it is the user's own, and not a project's.
    pub(super) own: bool,
}

/// What is looked at.
#[derive(Debug, Default)]
pub struct Places {
    /// Files, each once.
    pub files: Vec<Place>,
    /// What is not looked at although it was to be.
    pub skipped: Vec<Skipped>,
    seen: BTreeSet<PathBuf>,
    entries: usize,
}

impl Places {
    /// The user's own files, and those of the project in this folder.
    pub fn of_user(around: &Surroundings, folder: Option<&Path>) -> Self {
        let mut places = Self::default();
        for (tool, path) in own_files(around, folder) {
            if let Some(form) = form_of(&path, tool) {
                places.add(path, form, false, true);
            }
        }
        if let Some(folder) = folder {
            let (root, depth) = project(folder, around.home.as_deref());
            places.walk(&root, depth);
        }
        places
    }

    /// These files and folders.
    ///
    /// # Errors
    /// `usage` where one is not there.
    pub fn named(
        paths: &[PathBuf],
        folder: Option<&Path>,
        around: &Surroundings,
    ) -> Result<Self, Failure> {
        let mut places = Self::default();
        let own: Vec<PathBuf> = own_files(around, folder)
            .into_iter()
            .map(|(_, path)| real(&path))
            .collect();
        for path in paths {
            let path = folder.map_or_else(|| path.clone(), |folder| folder.join(path));
            let meta = std::fs::metadata(&path).map_err(|error| {
                let path = shown_path(&path);
                Failure::new(
                    ErrorCode::Usage,
                    format!("cannot look at {path}: {}", error.kind()),
                )
                .hint("name files or folders that are there")
            })?;
            if meta.is_dir() {
                places.walk(&path, DEPTH);
            } else {
                let known = own_files(around, folder)
                    .into_iter()
                    .find(|(_, own)| real(own) == real(&path));
                let form = match known {
                    Some((tool, _)) => form_of(&path, tool),
                    None => Form::of(&path).or_else(|| Form::for_tool("text")),
                };
                let is_own = own.contains(&real(&path));
                if let Some(form) = form {
                    places.add(path, form, true, is_own);
                }
            }
        }
        Ok(places)
    }

    fn add(&mut self, path: PathBuf, form: &'static Form, named: bool, own: bool) {
        if self.seen.insert(real(&path)) {
            self.files.push(Place {
                path,
                form,
                named,
                own,
            });
        }
    }

    /// Looks into a folder; no link is followed.
    fn walk(&mut self, folder: &Path, depth: usize) {
        let mut entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries
                .filter_map(|entry| {
                    let entry = entry.ok()?;
                    Some((entry.path(), entry.file_type().ok()?))
                })
                .collect::<Vec<(PathBuf, FileType)>>(),
            Err(error) => {
                let reason = format!("cannot look into it: {}", error.kind());
                return self.skip(folder, reason);
            }
        };
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        for (path, kind) in entries {
            self.entries += 1;
            if self.entries > ENTRIES {
                if self.entries == ENTRIES + 1 {
                    self.skip(
                        folder,
                        format!("more than {ENTRIES} files and folders: the rest was left out"),
                    );
                }
                return;
            }
            if kind.is_file() {
                if let Some(form) = Form::of(&path) {
                    self.add(path, form, false, false);
                }
            } else if kind.is_dir() && depth > 0 && !is_not_ours(&path) {
                self.walk(&path, depth - 1);
            }
        }
    }

    fn skip(&mut self, path: &Path, reason: String) {
        self.skipped.push(Skipped {
            path: path.to_owned(),
            reason,
        });
    }
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The form of one of the user's files: by its name, where that is one of its tool's.
fn form_of(path: &Path, tool: &str) -> Option<&'static Form> {
    Form::of(path)
        .filter(|form| form.tool == tool)
        .or_else(|| Form::for_tool(tool))
}

fn is_not_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| NOT_OURS.contains(&name)) || path.join("pyvenv.cfg").exists()
}

/// The project that a folder belongs to. Outside of a project, and in the home, only what lies
/// directly in the folder is looked at.
fn project(folder: &Path, home: Option<&Path>) -> (PathBuf, usize) {
    const MARKS: [&str; 4] = ["pyproject.toml", "Pipfile", "setup.py", ".git"];
    for above in folder.ancestors() {
        if Some(above) == home {
            break;
        }
        if MARKS.iter().any(|mark| above.join(mark).exists()) {
            return (above.to_owned(), DEPTH);
        }
    }
    (folder.to_owned(), 0)
}

/// The files of the tools that are the user's or the machine's, with the tool of each.
fn own_files(around: &Surroundings, from: Option<&Path>) -> Vec<(&'static str, PathBuf)> {
    let mut files: Vec<(&'static str, PathBuf)> = Vec::new();
    let mut add = |tool, path: Option<PathBuf>| files.extend(path.map(|path| (tool, path)));
    let home = |below: &str| Some(around.home.as_ref()?.join(below));
    let variable = |name: &str| {
        let path = PathBuf::from(around.set(name)?);
        Some(from.map_or_else(|| path.clone(), |from| from.join(&path)))
    };
    add("twine", home(".pypirc"));
    add("netrc", variable("NETRC"));
    add("netrc", home(".netrc"));
    add("netrc", home("_netrc"));
    let settings = settings_folder(around);
    let below = |path: &str| settings.as_ref().map(|folder| folder.join(path));
    if around.platform == Platform::Windows {
        add("pip", below("pip/pip.ini"));
        add("pip", home("pip/pip.ini"));
    } else {
        add("pip", Some(PathBuf::from("/etc/pip.conf")));
        add("pip", Some(PathBuf::from("/etc/xdg/pip/pip.conf")));
        add("pip", home(".pip/pip.conf"));
        add("pip", home(".config/pip/pip.conf"));
        add("pip", below("pip/pip.conf"));
        add("uv", Some(PathBuf::from("/etc/uv/uv.toml")));
    }
    add(
        "pip",
        variable("VIRTUAL_ENV").map(|path| path.join("pip.conf")),
    );
    add(
        "pip",
        variable("PIP_CONFIG_FILE").filter(|path| path != Path::new("/dev/null")),
    );
    add("uv", around.uv_folder().map(|path| path.join("uv.toml")));
    add(
        "uv",
        around
            .uv_store_folder(from)
            .map(|path| path.join("credentials.toml")),
    );
    let poetry = around.poetry_folder(from);
    add("poetry", poetry.as_ref().map(|path| path.join("auth.toml")));
    add("poetry", poetry.map(|path| path.join("config.toml")));
    add(
        "pdm",
        variable("PDM_CONFIG_FILE").or_else(|| below("pdm/config.toml")),
    );
    add(
        "hatch",
        variable("HATCH_CONFIG").or_else(|| below("hatch/config.toml")),
    );
    files
}

/// Where pip, PDM and Hatch keep their settings (platformdirs `user_config_dir`).
fn settings_folder(around: &Surroundings) -> Option<PathBuf> {
    let home = around.home.as_ref();
    match around.platform {
        Platform::Xdg => around
            .folder("XDG_CONFIG_HOME")
            .or_else(|| Some(home?.join(".config"))),
        Platform::MacOs => Some(home?.join("Library/Application Support")),
        Platform::Windows => around.folder("APPDATA"),
    }
}
