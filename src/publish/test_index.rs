//! An index with trusted publishing on loopback: it discovers, mints, takes uploads and burns, as
//! PyPI does, and records all of it. And the place that identity tokens come from.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::test_server::{Act, Request, Server, say};

/// What every token of these tests has in it, so that one that came out is seen.
pub(crate) const SENTINEL: &str = "sentinel";

/// An identity token for this audience. Its signature is the sentinel: the rest of it may be shown.
pub(crate) fn identity_token(audience: &str, number: usize) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "aud": audience,
        "jti": number,
        "sub": "repo:o/r:environment:release",
        "repository": "o/r",
        "environment": "release",
        "ref": "refs/tags/v1",
        "workflow_ref": "o/r/.github/workflows/release.yml@refs/tags/v1",
        "job_workflow_ref": "o/r/.github/workflows/build.yml@refs/tags/v1",
    });
    let head = part(&json!({ "alg": "RS256", "typ": "JWT" }));
    format!("{head}.{}.{SENTINEL}", part(&claims))
}

/// The server of GitHub's runner: a new identity token for each request.
pub(crate) fn identity_server() -> Server {
    let count = Mutex::new(0);
    Server::start(move |request| {
        let audience = request.line.split("audience=").nth(1).unwrap();
        let audience = audience.split(' ').next().unwrap();
        let mut count = count.lock().unwrap();
        *count += 1;
        let token = identity_token(audience, *count);
        say(200, &json!({ "count": 1, "value": token }).to_string())
    })
}

#[derive(Default)]
struct State {
    spent: Vec<String>,
    minted: Vec<String>,
    burned: Vec<String>,
}

pub(crate) struct Index {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

impl Index {
    /// One that behaves.
    pub(crate) fn new() -> Self {
        Self::start(&[], |_| None)
    }

    /// `lives` are the seconds that its tokens live, 900 after the last; `before` may act instead.
    pub(crate) fn start(
        lives: &'static [i64],
        before: impl Fn(&Request) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let own = state.clone();
        let server = Server::start(move |request| {
            before(request).unwrap_or_else(|| {
                let mut state = own.lock().unwrap();
                match path(request) {
                    "/_/oidc/audience" => say(200, "{\"audience\":\"pypi\"}"),
                    "/_/oidc/mint-token" | "/mint" => state.mint(request, lives),
                    "/_/oidc/burn-token" => {
                        state.burned.push(token(request));
                        say(202, "{}")
                    }
                    "/legacy/" => state.upload(request),
                    _ => say(404, "not here"),
                }
            })
        });
        Self { server, state }
    }

    pub(crate) fn minted(&self) -> Vec<String> {
        self.state.lock().unwrap().minted.clone()
    }

    pub(crate) fn burned(&self) -> Vec<String> {
        self.state.lock().unwrap().burned.clone()
    }

    /// Methods and paths, in their order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let all = self.server.requests();
        all.iter()
            .map(|one| one.line.trim_end_matches(" HTTP/1.1").to_owned())
            .collect()
    }

    /// The tokens that uploads came with.
    pub(crate) fn used(&self) -> Vec<String> {
        let all = self.server.requests();
        let uploads = all.iter().filter(|one| path(one) == "/legacy/");
        uploads.map(|one| sent(one).unwrap_or_default()).collect()
    }
}

impl State {
    fn mint(&mut self, request: &Request, lives: &[i64]) -> Act {
        let identity = token(request);
        if self.spent.contains(&identity) {
            return refusal("invalid-reuse-token", "invalid token: already used");
        }
        self.spent.push(identity);
        let number = self.minted.len();
        let token = format!("pypi-{SENTINEL}-{number}");
        self.minted.push(token.clone());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let life = lives.get(number).copied().unwrap_or(900);
        let expires = i64::try_from(now.as_secs()).unwrap() + life;
        let reply = json!({ "success": true, "token": token, "expires": expires });
        say(200, &reply.to_string())
    }

    fn upload(&self, request: &Request) -> Act {
        let good = sent(request)
            .is_some_and(|token| self.minted.contains(&token) && !self.burned.contains(&token));
        if good {
            say(200, "")
        } else {
            say(403, "Invalid or non-existent authentication information.")
        }
    }
}

/// PyPI's refusal.
pub(crate) fn refusal(code: &str, description: &str) -> Act {
    let errors = json!([{ "code": code, "description": description }]);
    let reply = json!({ "message": "Token request failed", "errors": errors });
    Act::Say(
        422,
        "content-type: application/json\r\n".to_owned(),
        reply.to_string(),
    )
}

pub(crate) fn path(request: &Request) -> &str {
    let path = request.line.split(' ').nth(1).unwrap();
    path.split('?').next().unwrap()
}

/// The token in a request's object.
pub(crate) fn token(request: &Request) -> String {
    let value: Value = serde_json::from_slice(&request.body).unwrap();
    value["token"].as_str().unwrap().to_owned()
}

/// The token in a request's header.
fn sent(request: &Request) -> Option<String> {
    let pair = request.header("authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap();
    Some(pair.strip_prefix("__token__:")?.to_owned())
}
