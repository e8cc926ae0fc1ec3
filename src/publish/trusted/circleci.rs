//! `CircleCI`: a token for the organisation stands in a variable; one for another audience is had from
//! its program.

use std::path::PathBuf;

use credential_helper_protocol::{ErrorCode, Failure, Secret};
use serde_json::json;

use super::claims::Claims;
use super::{Identity, Later, Variables, program};

const PROGRAM: &str = "circleci";

pub(super) struct Circleci {
    token: Option<Secret>,
    program: Option<PathBuf>,
}

/// Whether this is a job of `CircleCI`'s.
pub(super) fn found(variables: Variables<'_>) -> Option<Box<dyn Identity>> {
    if !variables.says("CIRCLECI") {
        return None;
    }
    let path = variables.get("PATH").unwrap_or_default();
    Some(Box::new(Circleci {
        token: variables.get("CIRCLE_OIDC_TOKEN_V2").map(Secret::new),
        program: program::find(PROGRAM, &path),
    }))
}

impl Circleci {
    async fn ask(&self, audience: &str) -> Result<Secret, Failure> {
        let own = self.token.as_ref();
        if let Some(own) = own.filter(|own| Claims::read(own).is_for(audience)) {
            return Ok(own.clone());
        }
        let Some(program) = &self.program else {
            let message = format!(
                "this job of CircleCI's has no identity token for {audience}: circleci is not on PATH"
            );
            let hint = "CIRCLE_OIDC_TOKEN_V2 is for the organisation only";
            return Err(Failure::new(ErrorCode::NotFound, message).hint(hint));
        };
        let claims = json!({ "aud": audience }).to_string();
        let arguments = ["run", "oidc", "get", "--root-issuer", "--claims", &claims];
        program::token(program, &arguments).await
    }
}

impl Identity for Circleci {
    fn word(&self) -> &'static str {
        "circleci"
    }

    fn name(&self) -> &'static str {
        "CircleCI"
    }

    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>> {
        Box::pin(self.ask(audience))
    }
}
