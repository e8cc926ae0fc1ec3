//! What the sources have of a project, as far as it is asked.

use std::sync::Arc;

use credential_helper_protocol::{ErrorCode, Failure};

use crate::domain::text::shown;
use crate::index::fetch::Word;
use crate::index::lookup::Lookups;
use crate::index::offers::Listing;
use crate::index::source::Source;
use crate::package::PackageName;

/// A listing, and why it does not count, if so.
pub(super) struct Found {
    pub(super) listing: Listing,
    pub(super) hidden: Option<String>,
}

/// What was found, and what was not looked for.
pub(super) struct Search {
    pub(super) found: Vec<Found>,
    /// In words for a person.
    pub(super) notes: Vec<String>,
}

/// Asks the sources as a resolution would; with `all` also those that do not count for the project,
/// but no public index: it would learn a name that may be internal.
///
/// # Errors
/// Where a source that counts could not be asked, or none has the project.
pub(super) async fn search(
    lookups: &Lookups,
    project: &PackageName,
    pin: Option<&str>,
    all: bool,
) -> Result<Search, Failure> {
    let mut search = Search {
        found: Vec::new(),
        notes: Vec::new(),
    };
    for (source, answered) in lookups.explained(project, pin).await? {
        if let Some(failure) = &answered.failure {
            return Err(failure.clone());
        }
        if let Some(listing) = &answered.listing {
            search.found.push(Found {
                listing: listing.clone(),
                hidden: None,
            });
        }
        if answered.word != Word::Skipped || !all {
            continue;
        }
        let label = shown(source.label());
        if is_public(&source) {
            search
                .notes
                .push(format!("{label} is public and was not asked"));
            continue;
        }
        let why = answered.detail.as_deref().unwrap_or_default();
        let why = why.trim_start_matches("not asked: ").to_owned();
        let other = lookups.ask(&source, project).await;
        if let Some(failure) = &other.failure {
            search.notes.push(failure.message.clone());
        }
        if let Some(listing) = &other.listing {
            search.found.push(Found {
                listing: listing.clone(),
                hidden: Some(format!("priority: {why}")),
            });
        }
    }
    if search.found.is_empty() {
        return Err(nowhere(project, pin));
    }
    Ok(search)
}

/// No source has the project.
pub(super) fn nowhere(project: &PackageName, pin: Option<&str>) -> Failure {
    let message = match pin {
        Some(pin) => format!("{} has no {project}", shown(pin)),
        None => format!("no source has {project}"),
    };
    Failure::new(ErrorCode::NotFound, message).hint(format!("helper index explain {project}"))
}

/// Whether everybody may read there: PyPI and its test instance, also behind a mirror.
pub(super) fn is_public(source: &Arc<Source>) -> bool {
    let host = source.canonical.host_str();
    host.is_some_and(|host| matches!(host, "pypi.org" | "test.pypi.org"))
}
