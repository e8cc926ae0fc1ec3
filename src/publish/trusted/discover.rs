//! Where an index exchanges identity tokens: as it says itself (PEP 807), else at PyPI's own paths.

use credential_helper_protocol::{ErrorCode, Failure};
use serde_json::Value;

use super::ask::{ANSWER, Asked, ask};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::http::{Call, Client, Endpoint};

/// What PEP 807 asks for ("Constraints"): a server may refuse anything else.
const ACCEPT: &str = "application/vnd.pypi.pytp.v1+json";
/// What PyPI answers with.
const PLAIN: &str = "application/json";

/// The paths of PyPI (`warehouse/oidc/__init__.py`).
const AUDIENCE: &str = "/_/oidc/audience";
const MINT: &str = "/_/oidc/mint-token";
/// The last segments of PyPI's paths. PEP 807 has no word for giving a token back, so an index that
/// mints as PyPI does is asked as PyPI is.
const MINTS: &str = "/mint-token";
const BURNS: &str = "/burn-token";

/// Features of PEP 807.
const MULTI: &str = "multi-use-token";
const SINGLE: &str = "single-use-token";

/// Where it does what.
pub(super) struct Endpoints {
    pub(super) audience: Endpoint,
    pub(super) mint: Endpoint,
    pub(super) burn: Option<Endpoint>,
    /// Whether a minted token is good for one upload only.
    pub(super) single_use: bool,
    /// The feature to ask for when minting.
    pub(super) feature: Option<&'static str>,
    /// What is wanted back.
    pub(super) accept: &'static str,
}

/// Asks the upload URL's own server.
pub(super) async fn discover(
    client: &Client,
    upload: &RepositoryUrl,
) -> Result<Endpoints, Failure> {
    let origin = upload.origin();
    let text = origin.to_string();
    let path = upload.as_str().strip_prefix(&text).unwrap_or_default();
    let url = Endpoint::parse(&format!("{text}/.well-known/pytp"))?.with("discover", path);
    let call = || Call {
        url: &url,
        accept: ACCEPT,
        authorization: None,
        header: None,
        json: None,
        limit: ANSWER,
    };
    let doing = "asking for trusted publishing";
    let said = match ask(client, doing, origin, call).await {
        Ok(Asked::Said(content)) => serde_json::from_slice(&content).unwrap_or_default(),
        Ok(Asked::No(..)) => Value::Null,
        // A server that sends whatever it does not know to its home page is none that discovers.
        Err(failure) if failure.code == ErrorCode::Policy => Value::Null,
        Err(failure) => return Err(failure),
    };
    if said.get("audience-endpoint").is_none() && said.get("token-mint-endpoint").is_none() {
        let at = |path: &str| Endpoint::parse(&format!("{text}{path}"));
        let mint = at(MINT)?;
        return Ok(Endpoints {
            audience: at(AUDIENCE)?,
            burn: burn(&mint),
            mint,
            single_use: false,
            feature: None,
            accept: PLAIN,
        });
    }
    let named = |key: &str| named(&said, key, upload);
    let mint = named("token-mint-endpoint")?;
    let has = |key: &str, feature: &str| {
        let all = said.get(key).and_then(Value::as_array);
        all.is_some_and(|all| all.iter().any(|one| one == feature))
    };
    // Without a word of its own an index mints tokens for many uploads ("Discovery", step 6).
    let single = has("default-features", SINGLE) && !has("default-features", MULTI);
    let offers = has("features", MULTI);
    Ok(Endpoints {
        audience: named("audience-endpoint")?,
        burn: burn(&mint),
        mint,
        single_use: single && !offers,
        feature: (single && offers).then_some(MULTI),
        accept: ACCEPT,
    })
}

fn burn(mint: &Endpoint) -> Option<Endpoint> {
    let base = mint.base().as_str().strip_suffix(MINTS)?;
    Endpoint::parse(&format!("{base}{BURNS}")).ok()
}

/// A URL that the server names: of the same host, https or this machine ("Constraints").
fn named(said: &Value, key: &str, upload: &RepositoryUrl) -> Result<Endpoint, Failure> {
    let origin = upload.origin();
    let wrong = |code, why: String| {
        let message = format!("trusted publishing of {origin} cannot be used: its {key} {why}");
        Failure::new(code, message).hint("tell whoever runs the index")
    };
    let text = said.get(key).and_then(Value::as_str);
    let text = text.ok_or_else(|| wrong(ErrorCode::Malformed, "is missing".to_owned()))?;
    let url = Endpoint::parse(text).map_err(|failure| {
        let why = format!("cannot be used: {}", failure.message);
        wrong(failure.code, why)
    })?;
    let host = url.origin().host();
    if host != origin.host() {
        let why = format!("leads to another host, {}", shown(host));
        return Err(wrong(ErrorCode::Policy, why));
    }
    Ok(url)
}
