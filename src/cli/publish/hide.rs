//! Tells the CI system which tokens it has to take out of its log.

use credential_helper_protocol::{Credential, Secret};

use crate::ci::format::{Format, Surroundings, hand_over};
use crate::ci::spellings;
use crate::ci::variables::Plan;
use crate::cli::env::redact;
use crate::cli::output::Output;
use crate::domain::credential::TOKEN_USERNAME;

/// The systems that can be told while a job runs, by the variable that says it is theirs.
const SYSTEMS: [(&str, Format); 3] = [
    ("GITHUB_ACTIONS", Format::Github),
    ("BUILDKITE", Format::Buildkite),
    ("TF_BUILD", Format::Azure),
];

/// On standard error, which these systems read as they do standard output: that is data. Elsewhere
/// nothing is written.
pub(super) fn hide(out: &mut Output, tokens: Vec<Secret>) {
    let is_here =
        |name: &str| std::env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let Some((_, format)) = SYSTEMS.iter().find(|(name, _)| is_here(name)) else {
        return;
    };
    let credential = |token| Credential {
        username: Some(TOKEN_USERNAME.to_owned()),
        password: Some(token),
        ..Credential::default()
    };
    let masks: Vec<_> = tokens
        .into_iter()
        .map(credential)
        .flat_map(|one| spellings::for_masks(&one))
        .collect();
    let around = Surroundings {
        masks: &masks,
        stale: &[],
        random: "",
    };
    let Ok(handed) = hand_over(*format, &Plan::default(), &around) else {
        return;
    };
    if let Ok(text) = std::str::from_utf8(&handed.stdout)
        && handed.redactions.is_none()
    {
        out.people(text);
    }
    if let Some(redactions) = &handed.redactions
        && let Err(failure) = redact(redactions)
    {
        out.warning(&failure.message);
    }
}
