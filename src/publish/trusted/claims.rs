//! What an identity token says of the job. Nothing of it is verified: the index does that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credential_helper_protocol::Secret;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::domain::text::shown;

/// The claims that publishers are configured by: of all, of GitHub, GitLab, Buildkite, `CircleCI`,
/// Google. None of them is secret: builds print them in every log.
const TOLD: [&str; 15] = [
    "iss",
    "aud",
    "sub",
    "repository",
    "environment",
    "ref",
    "workflow_ref",
    "job_workflow_ref",
    "project_path",
    "ref_path",
    "ci_config_ref_uri",
    "organization_slug",
    "pipeline_slug",
    "oidc.circleci.com/project-id",
    "email",
];
/// How much of one is shown.
const SHOWN: usize = 200;

/// The claims of one token.
#[derive(Default)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the middle part (RFC 7519, section 3); none where it cannot be read.
    pub(super) fn read(token: &Secret) -> Self {
        // Read, not kept: the claims are no secret without the signature.
        let part = token.expose().split('.').nth(1).unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD
            .decode(part.trim_end_matches('='))
            .map(Zeroizing::new);
        let value = bytes.map(|bytes| serde_json::from_slice(&bytes));
        match value {
            Ok(Ok(Value::Object(claims))) => Self(claims),
            _ => Self::default(),
        }
    }

    /// A claim that is a text, made safe to show.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?;
        let short: String = text.chars().take(SHOWN).collect();
        Some(shown(&short)).filter(|text| !text.is_empty())
    }

    /// Whether it was made for this audience and no other.
    pub(super) fn is_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(own)) => own == audience,
            Some(Value::Array(all)) => all.len() == 1 && all[0] == audience,
            _ => false,
        }
    }

    /// The claims that matter, for people.
    pub(super) fn told(&self) -> String {
        let all = TOLD
            .iter()
            .filter_map(|name| Some(format!("{name} {}", self.get(name)?)));
        all.collect::<Vec<_>>().join(", ")
    }

    /// The file of the workflow, as publishers name it: `o/r/.github/workflows/FILE@refs/...`.
    pub(super) fn workflow(&self) -> Option<String> {
        let path = self
            .get("workflow_ref")
            .or_else(|| self.get("job_workflow_ref"))
            .or_else(|| self.get("ci_config_ref_uri"))?;
        let (path, _) = path.split_once('@')?;
        path.rsplit('/').next().map(str::to_owned)
    }
}
