//! What a resolution asks the sources for.

use std::future::Future;
use std::sync::Arc;

use credential_helper_protocol::Failure;
use url::Url;

use super::project::{File, Project};
use super::source::Cutoff;
use crate::package::PackageName;
use crate::package::metadata::Metadata;

/// One project as one source has it.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The name of the source; its canonical URL where it has none.
    pub source: Arc<str>,
    /// The canonical URL of the source: never that of a mirror, never with userinfo.
    pub index: Arc<Url>,
    /// Its own limit to the age of files.
    pub cutoff: Option<Cutoff>,
    /// What it has.
    pub project: Arc<Project>,
}

/// Which rule decided among the sources (PEP 766).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// All sources are one pool; the version decides.
    VersionPriority,
    /// The first source that has the project provides all of its versions.
    IndexPriority,
}

impl Rule {
    /// The rule in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::VersionPriority => "version priority",
            Self::IndexPriority => "index priority",
        }
    }
}

/// What the sources of a project offer.
pub trait Offers: Send + Sync {
    /// Which rule holds.
    fn rule(&self) -> Rule;

    /// The listings of a tier, the likelier first: all that count alike. `pin` is the source that a
    /// requirement names (`source =`, `[tool.uv.sources]`). Tier 0 always answers, maybe with
    /// nothing; `None` once there are no more. A tier behind is asked only where those before it
    /// have no candidate that is allowed (Poetry's supplemental sources). Under index priority
    /// there is tier 0 alone.
    ///
    /// # Errors
    /// Where a source did not say "not here" but could not be asked, or refused: never a miss.
    fn tier(
        &self,
        project: &PackageName,
        pin: Option<&str>,
        tier: usize,
    ) -> impl Future<Output = Result<Option<Arc<[Listing]>>, Failure>> + Send;

    /// The metadata of a file on a listing. All files of a version are taken to have the same: the
    /// caller chooses which one is asked (a wheel before an sdist).
    ///
    /// # Errors
    /// Where the file has none that can be read without a build, or could not be had.
    fn metadata(
        &self,
        listing: &Listing,
        file: &File,
    ) -> impl Future<Output = Result<Arc<Metadata>, Failure>> + Send;

    /// The metadata of what a direct URL leads to: a wheel or sdist, by http(s) or `file:`, or
    /// `git+...` at a commit.
    ///
    /// # Errors
    /// As with a file.
    fn direct(
        &self,
        project: &PackageName,
        url: &Url,
    ) -> impl Future<Output = Result<Arc<Metadata>, Failure>> + Send;
}
