//! Where packages come from: the sources that a project, its user and the command line name.
//!
//! Pure reading, one file for each form: text in, sources out. `gather` alone opens files. The
//! semantics follow where the configuration came from: Poetry's pool for a project of Poetry, the
//! first index that has a project for everything else.
//!
//! - `poetry`: `[[tool.poetry.source]]`; `uv`: `[[tool.uv.index]]` and what surrounds it;
//!   `pip`: `pip.conf`; `given`: variables and the command line
//! - `change`: edits the files of a project
//! - `cutoff`: limits to the age of files
//! - `address`: what is written as a URL or a path; `mirror`: what stands in for another source

pub mod address;
pub mod change;
mod cutoff;
mod gather;
pub mod given;
pub mod mirror;
pub mod pip;
pub mod poetry;
pub mod uv;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

use self::address::bare;
pub use self::cutoff::{Cutoff, cutoff};
pub use self::gather::places;
pub use self::given::Options;
pub use self::mirror::Canonical;
pub use self::uv::Pin;
use super::offers::Rule;
use crate::domain::text::shown;
use crate::domain::url::Userinfo;
use crate::package::PackageName;

/// The index of PyPI.
pub const PYPI: &str = "https://pypi.org/simple/";

/// When a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// For every project.
    Primary,
    /// For every project, after all others (uv's default index).
    Default,
    /// For what the sources before it do not have (Poetry).
    Supplemental,
    /// For the projects that are pinned to it.
    Explicit,
}

impl Priority {
    /// The word used in files and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Default => "default",
            Self::Supplemental => "supplemental",
            Self::Explicit => "explicit",
        }
    }
}

/// What is at the URL of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An index: one page for each project (PEP 503).
    Index,
    /// One page with the files of all projects.
    Flat,
    /// A folder with the files of all projects, or an HTML page on disk.
    Local(PathBuf),
    /// A folder that is laid out as an index: one folder for each project.
    LocalIndex(PathBuf),
}

/// When a credential is sent (uv's `authenticate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authenticate {
    /// Where one is known.
    #[default]
    Auto,
    /// Nothing is asked without one.
    Always,
    /// None is ever sent.
    Never,
}

/// In whose words a source was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `[[tool.poetry.source]]`.
    Poetry,
    /// `[tool.uv]` or `uv.toml`.
    Uv,
    /// `pip.conf`.
    Pip,
    /// An option, or a line of a requirements file.
    CommandLine,
    /// A variable.
    Environment,
    /// Nowhere: PyPI where nothing else says otherwise.
    BuiltIn,
}

impl Form {
    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Poetry => "poetry",
            Self::Uv => "uv",
            Self::Pip => "pip",
            Self::CommandLine => "command-line",
            Self::Environment => "environment",
            Self::BuiltIn => "built-in",
        }
    }
}

/// A package source.
#[derive(Clone)]
pub struct Source {
    /// Its name, exactly as written.
    pub name: Option<String>,
    /// What is asked: its own URL, or that of a mirror. Never with userinfo.
    pub url: Url,
    /// What every output says instead.
    pub canonical: Url,
    /// What stood in the URL before the host.
    pub userinfo: Option<Userinfo>,
    /// When it is asked.
    pub priority: Priority,
    /// What is there.
    pub kind: Kind,
    /// When a credential is sent.
    pub authenticate: Authenticate,
    /// The status codes that mean "not here", besides 404 and 410.
    pub ignore_errors: Vec<u16>,
    /// Its own limit to the age of files.
    pub exclude_newer: Option<Cutoff>,
    /// Whether what it has counts beside whichever index is chosen (find-links).
    pub always: bool,
    /// In whose words it was written.
    pub form: Form,
    /// Where it was written: file and line, variable or option.
    pub place: String,
}

impl Source {
    /// What a person knows it by: its name, else its canonical URL.
    pub fn label(&self) -> &str {
        self.name
            .as_deref()
            .unwrap_or_else(|| self.canonical.as_str())
    }

    /// The name under which its credential is looked up. A mirror's is found by its URL alone:
    /// what is stored for the name of the mirrored source must not go there.
    pub fn credential_name(&self) -> Option<&str> {
        self.name.as_deref().filter(|_| !self.is_mirrored())
    }

    /// Whether something else is asked in its place.
    pub fn is_mirrored(&self) -> bool {
        self.url != self.canonical
    }

    /// Whether both are the same index: servers and files write its URL with a slash or without.
    fn is_same_place(&self, other: &Self) -> bool {
        self.kind == other.kind && bare(&self.canonical) == bare(&other.canonical)
    }

    /// PyPI, as it is where nobody lists it.
    fn pypi(name: &str, priority: Priority) -> Result<Self, Failure> {
        let mut source = address::Address::parse(PYPI, None)
            .map_err(|why| Failure::new(ErrorCode::Internal, why))?
            .index(Form::BuiltIn, "built in".to_owned());
        source.name = Some(name.to_owned());
        source.priority = priority;
        Ok(source)
    }
}

/// Without the userinfo.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("url", &self.url.as_str())
            .field("canonical", &self.canonical.as_str())
            .field("priority", &self.priority)
            .field("kind", &self.kind)
            .field("form", &self.form)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// The sources of a project.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Which rule decides among them.
    pub rule: Rule,
    /// All of them, in the order in which they are asked; the explicit ones last.
    pub all: Vec<Arc<Source>>,
    /// The projects that `[tool.uv.sources]` pins to a source.
    pub pins: Vec<Pin>,
    /// What was accepted although it should be written otherwise, and what has no effect.
    pub warnings: Vec<String>,
}

impl Sources {
    /// The sources for a project, the likelier first. The sources of a tier are asked alike; a tier
    /// behind is asked only where those before it have no candidate.
    ///
    /// Under index priority there is one tier: what is [`Source::always`] first, then the indexes
    /// in order, of which the first that has the project is the last that is asked.
    ///
    /// # Errors
    /// `usage`, where no source has the name of `pin`.
    pub fn tiers(
        &self,
        project: &PackageName,
        pin: Option<&str>,
    ) -> Result<Vec<Vec<Arc<Source>>>, Failure> {
        if let Some(pin) = pin {
            let source = self.named(pin).ok_or_else(|| {
                let pin = shown(pin);
                Failure::new(
                    ErrorCode::Usage,
                    format!("{project} is pinned to the source \"{pin}\", which is not declared"),
                )
                .hint(format!("declare it with `helper source add {pin} URL`"))
            })?;
            return Ok(vec![vec![Arc::clone(source)]]);
        }
        let mut tiers: Vec<Vec<Arc<Source>>> = vec![Vec::new()];
        for source in &self.all {
            // One index under two names is asked once.
            if tiers
                .iter()
                .flatten()
                .any(|other| other.is_same_place(source))
            {
                continue;
            }
            match source.priority {
                Priority::Explicit => {}
                Priority::Supplemental => tiers.push(vec![Arc::clone(source)]),
                Priority::Primary | Priority::Default => tiers[0].push(Arc::clone(source)),
            }
        }
        Ok(tiers)
    }

    /// The source of a name: as it is written, else in any case (Poetry's pool knows no case).
    pub fn named(&self, name: &str) -> Option<&Arc<Source>> {
        let find = |same: &dyn Fn(&str) -> bool| {
            let mut all = self.all.iter();
            all.find(|source| source.name.as_deref().is_some_and(same))
        };
        find(&|own| own == name).or_else(|| find(&|own| own.eq_ignore_ascii_case(name)))
    }

    /// What `[tool.uv.sources]` says of a project; several only with different markers.
    pub fn pins_of(&self, project: &PackageName) -> impl Iterator<Item = &Pin> {
        self.pins.iter().filter(move |pin| pin.project == *project)
    }

    /// What the outputs say instead of mirrors.
    pub fn canonical(&self) -> Canonical {
        Canonical::of(&self.all)
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "poetry_itself_tests.rs"]
mod poetry_itself;

#[cfg(test)]
#[path = "uv_itself_tests.rs"]
mod uv_itself;
