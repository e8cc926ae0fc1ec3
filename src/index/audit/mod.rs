//! Dependency confusion: could somebody else's package take the place of this one?
//!
//! Pure: what every source said about a name goes in, findings come out. Who asks (`ask`) keeps the
//! names that a private source serves from the public indexes.
//!
//! - `subject`: what is audited; `picks`: what pip, Poetry and uv would each take
//! - `rules`: what is a finding; `bytes`: whether files are the same; `fix`: the lines that end it; `report`: JSON and SARIF

pub mod ask;
mod bytes;
mod fix;
mod picks;
pub mod report;
mod rules;
mod subject;

use std::sync::Arc;

use credential_helper_protocol::Failure;

use super::project::Project;
use super::source::Source;

pub use self::fix::Tool;
pub use self::picks::{Pick, Picks};
pub use self::report::{Finding, Report, Skipped};
pub use self::rules::{Kind, judge};
pub use self::subject::Subject;

/// Hosts whose indexes everybody can put packages on: a name that is asked for there is told to the
/// world, and one that nobody has there can be taken by anybody.
const PUBLIC: [&str; 2] = ["pypi.org", "test.pypi.org"];

/// What one source said about one name.
#[derive(Clone, Debug)]
pub struct Said {
    /// The source.
    pub source: Arc<Source>,
    /// Its answer.
    pub answer: Answer,
}

/// An answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It has the project.
    Served(Arc<Project>),
    /// It does not have it.
    Absent,
    /// It could not be asked, or refused.
    Failed(Failure),
    /// It was not asked, so as not to tell it the name.
    Kept,
}

impl Said {
    /// What the source has.
    fn project(&self) -> Option<&Arc<Project>> {
        match &self.answer {
            Answer::Served(project) => Some(project),
            _ => None,
        }
    }
}

/// Whether anybody may put packages on this source. That of a mirror is as public as what it mirrors.
pub fn is_public(source: &Source) -> bool {
    source
        .canonical
        .host_str()
        .is_some_and(|host| PUBLIC.contains(&host.trim_end_matches('.')))
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
