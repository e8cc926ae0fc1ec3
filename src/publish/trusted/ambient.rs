//! Whose identity token there is, told by variables alone: nothing is asked to find out.

use std::path::PathBuf;
use std::time::Duration;

use credential_helper_protocol::Failure;

pub use super::file::File;
use super::{Identity, Variables, buildkite, circleci, github, gitlab, google};
use crate::http::Proxies;

/// Names a file with an identity token.
pub const FILE: &str = "CREDENTIAL_HELPER_ID_TOKEN_FILE";

/// What was found.
pub struct Found {
    /// Where the tokens come from; or why a job that could have one has none.
    pub identity: Result<Box<dyn Identity>, Failure>,
    /// Whether this is a CI job, by its own words.
    pub is_ci: bool,
}

/// How CI systems that are servers are reached.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Whether proxies are used.
    pub proxies: Proxies,
    /// How long a request may take.
    pub time: Duration,
}

/// The first place that has identity tokens: what somebody named by hand, then the CI system that
/// says it runs this job, then the machine. `configured` is what the settings name; `names` are the
/// names of all variables.
pub fn detect(
    variables: Variables<'_>,
    names: &[String],
    configured: Option<Box<dyn Identity>>,
    reach: Reach,
) -> Option<Found> {
    let ci = |identity| Found {
        identity,
        is_ci: true,
    };
    // `CI=false` is what some tools are told.
    let in_ci = variables
        .get("CI")
        .is_some_and(|value| !value.eq_ignore_ascii_case("false") && value != "0");
    let here = |identity| Found {
        identity: Ok(identity),
        is_ci: in_ci,
    };
    let file = |path| -> Box<dyn Identity> { Box::new(File(PathBuf::from(path))) };
    variables
        .get(FILE)
        .map(file)
        .or(configured)
        .map(here)
        .or_else(|| github::found(variables, reach.proxies, reach.time).map(ci))
        .or_else(|| gitlab::found(variables, names).map(|one| ci(Ok(one))))
        .or_else(|| buildkite::found(variables).map(ci))
        .or_else(|| circleci::found(variables).map(|one| ci(Ok(one))))
        .or_else(|| google::found(variables).map(here))
}
