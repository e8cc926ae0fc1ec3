//! The check of the origin of a question, for the one URL that it is for, or for all of those that it
//! may be for.

use credential_helper_protocol::Operation;

use super::known::Known;
use crate::domain::binding::{self, Class, Verdict};
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;

/// What the check says.
pub(super) struct Checked {
    /// The URL that it is told of: of several, the one that may be given least.
    pub(super) request: RepositoryUrl,
    /// Whether what is stored under the name may go to all of them.
    pub(super) stored: Verdict,
    /// Whether variables may.
    pub(super) variables: Verdict,
    /// Whether what is stored under a URL may.
    pub(super) by_url: Verdict,
    /// Whether a token of the name may.
    pub(super) token_may_go: bool,
}

/// Checks every URL that the answer may be used for, each class by itself: a URL that variables may
/// not go to says nothing of where stored secrets may go. `None` without a URL.
pub(super) fn check_all(
    known: &Known,
    name: &RepositoryName,
    urls: &[RepositoryUrl],
    operation: Option<Operation>,
) -> Option<Checked> {
    let several = urls.len() > 1;
    let check = |url: &RepositoryUrl| {
        let mut stored = known.check(name, url, operation, Class::Stored);
        if stored == Verdict::Binds && (several || !known.unread.is_empty()) {
            // Nobody has said which of the origins it is; or a binding may stand in the file that
            // could not be read.
            stored = Verdict::Unbound;
        }
        Checked {
            request: url.clone(),
            stored,
            variables: known.check(name, url, operation, Class::Variables),
            by_url: by_url(known, url),
            token_may_go: binding::token_may_go(name, url.origin()),
        }
    };
    let mut all = urls.iter().map(check);
    let mut worst = all.next()?;
    for next in all {
        let rank = |one: &Checked| (one.stored, one.variables, one.by_url, !one.token_may_go);
        if rank(&next) > rank(&worst) {
            worst.request.clone_from(&next.request);
        }
        worst.stored = worst.stored.max(next.stored);
        worst.variables = worst.variables.max(next.variables);
        worst.by_url = worst.by_url.max(next.by_url);
        worst.token_may_go &= next.token_may_go;
    }
    if several && !worst.stored.allows() {
        // What is stored under one of the URLs belongs to its origin, and nobody has said that the
        // others may have it.
        worst.by_url = worst.by_url.max(worst.stored);
    }
    Some(worst)
}

/// Whether what is stored under a URL itself may go there.
pub(super) fn by_url(known: &Known, url: &RepositoryUrl) -> Verdict {
    let origin = url.origin();
    let allowed = known.bindings.iter().any(|binding| {
        binding.allow_http && binding.by.by_hand() && binding.url.origin() == origin
    });
    if !origin.is_http() || origin.is_loopback() || allowed {
        return Verdict::Allowed;
    }
    Verdict::Insecure
}
