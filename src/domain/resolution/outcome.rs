//! How a search ends, and the way there.

use credential_helper_protocol::{Scheme, Secret};

use crate::domain::binding::Verdict;
use crate::domain::credential::{Key, ProviderId, Why};

/// One provider that was asked, or passed over.
#[derive(Clone)]
pub struct TraceStep {
    /// Whom.
    pub provider: ProviderId,
    /// Under which key.
    pub key: Key,
    /// The word of its answer.
    pub answer: &'static str,
    /// Where it was found.
    pub location: Option<String>,
    /// More, in our own words.
    pub detail: Option<String>,
    /// Whose answer hides this one.
    pub shadowed_by: Option<ProviderId>,
    /// How long it took, in milliseconds; set by the caller.
    pub ms: u64,
}

/// A credential, or a username alone.
#[derive(Clone)]
pub struct Found {
    /// The account.
    pub username: Option<String>,
    /// The secret; unset for a username alone.
    pub secret: Option<Secret>,
    /// Who had the secret, or the username where there is none.
    pub provider: ProviderId,
    /// Where.
    pub location: String,
    /// How to send it.
    pub scheme: Scheme,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
    /// Whether this answer binds the name to the request's origin.
    pub binds: bool,
}

/// How the search ended.
pub enum Outcome {
    /// With a credential.
    Found(Found),
    /// Every place was asked, none has it.
    NotFound,
    /// Somewhere it may be could not be asked.
    CouldNot(Why),
    /// The check of the origin forbids it.
    Refused(Verdict),
}

/// The outcome with the way there.
pub struct Ended {
    /// How the search ended.
    pub outcome: Outcome,
    /// Every step, in order.
    pub steps: Vec<TraceStep>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// The providers that could not be asked before the one that has answered: what they hold would
/// have come first. A keyring that is not there at all holds nothing.
pub(super) fn passed_over(steps: &[TraceStep], found: &Found) -> Vec<String> {
    let answered = |step: &&TraceStep| step.provider == found.provider && step.answer == "found";
    let mut named = Vec::new();
    let mut lines = Vec::new();
    for step in steps.iter().take_while(|step| !answered(step)) {
        let broken = matches!(step.answer, "malformed" | "locked" | "timed-out")
            || (step.answer == "unavailable" && !step.provider.is_keyring());
        if broken && !named.contains(&step.provider) {
            named.push(step.provider);
            let detail = step.detail.as_deref().unwrap_or(step.answer);
            lines.push(format!("{} was passed over: {detail}", step.provider));
        }
    }
    lines
}

/// The failure that the outcome is named after: a locked keyring before a slow or a missing one,
/// since it is the one that the user can do something about.
pub(super) fn first_failure(failed: &[Why]) -> Option<Why> {
    [Why::Locked, Why::TimedOut, Why::Malformed, Why::Unavailable]
        .into_iter()
        .find(|why| failed.contains(why))
}
