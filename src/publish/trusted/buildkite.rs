//! Buildkite: its agent's own program asks for the job.

use std::path::PathBuf;

use credential_helper_protocol::{ErrorCode, Failure, Secret};

use super::{Identity, Later, Variables, program};

const PROGRAM: &str = "buildkite-agent";

pub(super) struct Buildkite(PathBuf);

/// Whether this is a job of Buildkite's.
pub(super) fn found(variables: Variables<'_>) -> Option<Result<Box<dyn Identity>, Failure>> {
    if !variables.says("BUILDKITE") {
        return None;
    }
    let path = variables.get("PATH").unwrap_or_default();
    let program = program::find(PROGRAM, &path).ok_or_else(|| {
        let message =
            "this job of Buildkite's has no identity token: buildkite-agent is not on PATH";
        let hint = "in a container, mount the agent's program and its job socket";
        Failure::new(ErrorCode::NotFound, message).hint(hint)
    });
    Some(program.map(|program| -> Box<dyn Identity> { Box::new(Buildkite(program)) }))
}

impl Identity for Buildkite {
    fn word(&self) -> &'static str {
        "buildkite"
    }

    fn name(&self) -> &'static str {
        "Buildkite"
    }

    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>> {
        Box::pin(async move {
            let arguments = ["oidc", "request-token", "--audience", audience];
            program::token(&self.0, &arguments).await
        })
    }
}
