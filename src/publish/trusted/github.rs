//! GitHub Actions, and Forgejo's and Gitea's, which speak the same: the runner names a URL and a
//! token for it.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Scheme, Secret};
use serde_json::Value;

use super::ask::{Asked, ask};
use super::{Identity, Later, Variables, identity_token};
use crate::http::{Authorization, Call, Client, Endpoint, Proxies, TlsPolicy};
use zeroize::Zeroizing;

/// What a job has to say to get one.
pub(super) const HINT: &str = "give the job `permissions: id-token: write`; a pull request from a \
     fork gets none";
const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

pub(super) struct Github {
    url: String,
    token: Secret,
    proxies: Proxies,
    time: Duration,
}

/// Whether this is such a job, and whether it may have identity tokens.
pub(super) fn found(
    variables: Variables<'_>,
    proxies: Proxies,
    time: Duration,
) -> Option<Result<Box<dyn Identity>, Failure>> {
    let pair = (variables.get(URL), variables.get(TOKEN));
    if let (Some(url), Some(token)) = pair {
        return Some(Ok(Box::new(Github {
            url,
            token: Secret::new(token),
            proxies,
            time,
        })));
    }
    variables.says("GITHUB_ACTIONS").then(|| {
        let message = "this job of GitHub Actions may not have an identity token";
        Err(Failure::new(ErrorCode::NotFound, message).hint(HINT))
    })
}

impl Github {
    async fn ask(&self, audience: &str) -> Result<Secret, Failure> {
        let doing = "asking GitHub Actions for an identity token";
        let url = Endpoint::parse(&self.url).map_err(|failure| Failure {
            message: format!("{doing} failed: {URL}: {}", failure.message),
            ..failure
        })?;
        let url = url.with("audience", audience);
        // The certificates of a repository are not the runner's.
        let client = Client::new(&TlsPolicy::default(), self.proxies, self.time)?;
        let authorization = Authorization::new(Scheme::Bearer, "", &self.token)?;
        let call = || Call {
            url: &url,
            accept: "application/json",
            authorization: Some(&authorization),
            header: None,
            json: None,
            limit: super::ask::ANSWER,
        };
        match ask(&client, doing, url.origin(), call).await? {
            Asked::Said(content) => {
                let value = serde_json::from_slice::<Value>(&content);
                let Ok(Value::Object(mut object)) = value else {
                    return identity_token(&Zeroizing::new(Vec::new()), "GitHub Actions");
                };
                let token = match object.remove("value") {
                    Some(Value::String(text)) => Zeroizing::new(text.into_bytes()),
                    _ => Zeroizing::new(Vec::new()),
                };
                identity_token(&token, "GitHub Actions")
            }
            Asked::No(status, _) => {
                let message = format!("{doing} failed: it answered {status}");
                Err(Failure::new(ErrorCode::Unavailable, message).hint(HINT))
            }
        }
    }
}

impl Identity for Github {
    fn word(&self) -> &'static str {
        "github"
    }

    fn name(&self) -> &'static str {
        "GitHub Actions"
    }

    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>> {
        Box::pin(self.ask(audience))
    }
}
