//! What is asked for: text in, requirements out.
//!
//! Reading files is behind [`Files`]; the rest is pure. What is read here was written by people and
//! by strangers: an error gives the file, the line or the key, and words of our own, never the text
//! itself, which may hold a URL with a password.
//!
//! - `requirements`: requirements files, constraints, overrides, and what is typed
//! - `project`: `pyproject.toml`; `groups`, `uv`, `workspace`: parts of it
//! - `pins`: what was chosen earlier; `subjects`: what an audit is about
//! - `local`: projects in folders, as a resolution meets them
//! - `poetry`: Poetry's language; `direct`: URLs and paths in place of versions

mod direct;
mod files;
mod groups;
#[cfg(test)]
mod held;
mod local;
mod pins;
mod poetry;
mod project;
mod requirements;
mod subjects;
mod uv;
mod workspace;

use std::collections::BTreeMap;
use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure, Secret};
use url::Url;
use zeroize::Zeroizing;

pub use self::files::{Disk, Files};
pub use self::local::Local;
pub use self::pins::{pin, pins};
pub use self::project::Chosen;
pub use self::subjects::Subjects;

use crate::package::{ExtraName, MarkerTree, PackageName, Requirement, VersionSpecifiers};

/// All that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The project itself, where one was read.
    pub project: Option<PackageName>,
    /// What has to be there.
    pub requirements: Vec<Wanted>,
    /// What holds only for packages that something else asks for.
    pub constraints: Vec<Requirement>,
    /// What replaces every other requirement on its name.
    pub overrides: Vec<Requirement>,
    /// Digests of constraints and overrides (`--hash`), with what they are about.
    pub digests: Vec<(Requirement, Vec<String>)>,
    /// Where each constraint and override stands, for messages.
    pub origins: BTreeMap<PackageName, String>,
    /// `requires-python` of the project.
    pub requires_python: Option<VersionSpecifiers>,
    /// The environments that a universal resolution is for; empty: all.
    pub environments: Vec<MarkerTree>,
    /// Where packages come from, as far as requirements files say.
    pub indexes: IndexOptions,
    /// Choices that a file makes for the command line.
    pub choices: Choices,
    /// The extras that were chosen.
    pub extras: Vec<ExtraName>,
    /// The groups that were chosen, by their normalised names.
    pub groups: Vec<String>,
    /// Secrets that stood in URLs, taken out of them.
    pub userinfo: Vec<Userinfo>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// One requirement, with what the language of PEP 508 has no words for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The requirement. A direct URL has no userinfo but the account of an `ssh` URL.
    pub requirement: Requirement,
    /// The source that it must come from (`source =` of Poetry, `index =` of `[tool.uv.sources]`).
    pub source: Option<String>,
    /// Where Poetry's `||` was used: the version must also be in one of these, which PEP 508 has no
    /// words for. The requirement holds the bounds of all.
    pub any_of: Vec<VersionSpecifiers>,
    /// Where it stands: a file and line, or a key.
    pub from: String,
    /// The line of that file; 0 where it is typed.
    pub line: usize,
    /// Whether the first party asks for it; those of a dependency of the project's path are not.
    pub direct: bool,
    /// Whether pre-releases are allowed for it (`allow-prereleases` of Poetry).
    pub prereleases: bool,
    /// `--hash` of a requirements file: `sha256:...`, one of which a file must have.
    pub hashes: Vec<String>,
}

/// The index options that stood in requirements files.
#[derive(Clone, Debug, Default)]
pub struct IndexOptions {
    /// `--index-url`; the last one holds.
    pub index_url: Option<Place>,
    /// `--extra-index-url`, in their order.
    pub extra_index_urls: Vec<Place>,
    /// `--find-links`, in their order.
    pub find_links: Vec<Place>,
    /// `--no-index`.
    pub no_index: bool,
}

/// A URL or path as it was written, which may have a password in it.
#[derive(Clone)]
pub struct Place {
    /// What was written; a relative path has the folder of its file before it.
    pub text: Zeroizing<String>,
    /// Where it stands: a file and line.
    pub from: String,
}

/// Choices that a file makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// `--pre`, or `prerelease` of `[tool.uv]`, in uv's words.
    pub prerelease: Option<String>,
    /// `resolution` of `[tool.uv]`, in uv's words.
    pub resolution: Option<String>,
    /// `exclude-newer` of `[tool.uv]`, as it was written.
    pub exclude_newer: Option<String>,
    /// `--require-hashes`.
    pub require_hashes: bool,
}

/// An account and password that stood in a URL.
#[derive(Clone, Debug)]
pub struct Userinfo {
    /// The URL without them.
    pub url: Url,
    /// The account.
    pub username: String,
    /// The password, where there was one.
    pub secret: Option<Secret>,
}

/// What reading may look at besides the text itself.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Files that a text refers to.
    pub files: &'a dyn Files,
    /// The value of a variable, for `${NAME}` in requirements files.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The folder that relative paths of the text start from; absolute.
    pub folder: &'a Path,
}

impl Around<'_> {
    fn of<'b>(&'b self, folder: &'b Path) -> Around<'b> {
        Around { folder, ..*self }
    }
}

/// What the requirements of a text are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// They have to be there.
    Requirements,
    /// They hold for what something else asks for.
    Constraints,
    /// They replace what others say.
    Overrides,
}

impl Asked {
    /// Reads a file by its name: a `pyproject.toml`, else a requirements file.
    ///
    /// # Errors
    /// As [`Self::project`] and [`Self::requirements_file`].
    pub fn file(
        &mut self,
        path: &Path,
        role: Role,
        chosen: &Chosen,
        around: &Around<'_>,
    ) -> Result<(), Failure> {
        if path
            .file_name()
            .is_some_and(|name| name == "pyproject.toml")
        {
            if role == Role::Requirements {
                return self.project(path, chosen, around);
            }
            let place = crate::domain::text::shown(&path.to_string_lossy());
            return Err(wrong(
                &place,
                "a project is no list of constraints or overrides",
            ));
        }
        self.requirements_file(path, role, around)
    }

    /// Takes one requirement over, by its role.
    fn take(&mut self, wanted: Wanted, role: Role) {
        let list = match role {
            Role::Requirements => {
                self.requirements.push(wanted);
                return;
            }
            Role::Constraints => &mut self.constraints,
            Role::Overrides => &mut self.overrides,
        };
        if !wanted.hashes.is_empty() {
            let about = wanted.requirement.clone();
            self.digests.push((about, wanted.hashes));
        }
        let name = wanted.requirement.name.clone();
        self.origins.entry(name).or_insert(wanted.from);
        list.push(wanted.requirement);
    }
}

impl Wanted {
    /// A requirement without anything besides.
    pub fn new(requirement: Requirement, from: impl Into<String>) -> Self {
        Self {
            requirement,
            source: None,
            any_of: Vec::new(),
            from: from.into(),
            line: 0,
            direct: true,
            prereleases: false,
            hashes: Vec::new(),
        }
    }
}

/// What is wrong at a place of a text.
fn wrong(place: &str, what: &str) -> Failure {
    Failure::new(ErrorCode::Malformed, format!("{place}: {what}"))
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
