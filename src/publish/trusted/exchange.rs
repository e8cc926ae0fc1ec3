//! The exchange of identity tokens for upload tokens, from the audience to the end of the last one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use credential_helper_protocol::{ErrorCode, Failure, Scheme, Secret, TOKEN_USERNAME};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::Identity;
use super::ask::{ANSWER, Asked, ask};
use super::audience::is_own;
use super::claims::Claims;
use super::discover::{Endpoints, discover};
use super::refusal::refusal;
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::http::{Authorization, Call, Client, Endpoint};
use crate::publish::answers::words;

/// How long before its end a token is not used any more.
const MARGIN: Duration = Duration::from_mins(1);
/// How long a token lives whose end is not told, or cannot be right (PEP 807, "Token Minting").
const LIFE: Duration = Duration::from_mins(15);
/// The longest life that an index may give one (the same).
const LONGEST: Duration = Duration::from_hours(6);
/// How long giving a token back may take: it ends by itself.
const BURN: Duration = Duration::from_secs(5);
/// The longest audience: it stands in the name of a variable, and in a program's arguments.
const AUDIENCE: usize = 255;

/// Whether an index has trusted publishing.
pub enum Begun<'a> {
    /// It has, for this audience.
    Offered(Box<Exchange<'a>>),
    /// It says that it has not.
    NotOffered(Failure),
}

/// How giving a token back ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Burned {
    /// There was none, or the index has no word for it.
    Nothing,
    /// It is no good any more.
    Done,
    /// It is good until its end.
    Failed(String),
}

/// The tokens of one run.
pub struct Exchange<'a> {
    client: &'a Client,
    upload: &'a RepositoryUrl,
    /// The project that errors name.
    project: String,
    identity: Box<dyn Identity>,
    endpoints: Endpoints,
    audience: String,
    minted: Option<Minted>,
    /// The last identity token that was exchanged.
    spent: Option<Secret>,
    /// Tokens that a CI system has not been told to hide.
    fresh: Vec<Secret>,
}

struct Minted {
    token: Secret,
    authorization: Authorization,
    /// When it ends, by the two clocks: one may be set, the other stands still while the machine
    /// sleeps.
    wall: u64,
    until: Instant,
}

#[derive(Serialize)]
struct Wish<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<[&'a str; 1]>,
}

impl<'a> Exchange<'a> {
    /// Asks the index whether it has trusted publishing, and for whom identity tokens have to be.
    /// No token is asked for yet. `audiences` are those that the user allows beside the index's own.
    ///
    /// # Errors
    /// Where that could not be told, or the index may not be trusted with a token.
    pub async fn begin(
        client: &'a Client,
        upload: &'a RepositoryUrl,
        project: &str,
        identity: Box<dyn Identity>,
        audiences: &[String],
    ) -> Result<Begun<'a>, Failure> {
        let endpoints = discover(client, upload).await?;
        let doing = "asking for the audience of trusted publishing";
        let origin = endpoints.audience.origin();
        let not_offered = |why: &str| {
            let message = format!("{} has no trusted publishing: {why}", upload.origin());
            Ok(Begun::NotOffered(
                Failure::new(ErrorCode::NotFound, message).hint(
                    "store a token with `helper set NAME --token`, or ask whoever runs the index",
                ),
            ))
        };
        let call = || get(&endpoints.audience, endpoints.accept);
        let content = match ask(client, doing, origin, call).await? {
            Asked::Said(content) => content,
            Asked::No(status @ (408 | 425 | 429 | 500..), _) => {
                let message = format!("{doing} failed: {origin} answered {status}");
                return Err(
                    Failure::new(ErrorCode::Unavailable, message).hint("try it again later")
                );
            }
            Asked::No(status, answer) => {
                let said = words(&answer);
                let html = answer.content_type.contains("html");
                let why = if html || said.is_empty() {
                    String::new()
                } else {
                    format!(": {said}")
                };
                return not_offered(&format!("it answered {status}{why}"));
            }
        };
        let value = serde_json::from_slice::<Value>(&content).unwrap_or_default();
        let Some(audience) = value.get("audience").and_then(Value::as_str) else {
            return not_offered("it named no audience");
        };
        if !is_plain(audience) {
            let message = format!("the audience that {origin} named cannot be used");
            return Err(
                Failure::new(ErrorCode::Malformed, message).hint("tell whoever runs the index")
            );
        }
        if !is_own(audience, upload.origin(), audiences) {
            let message = format!(
                "trusted publishing was refused: {} wants an identity token for {}, which is not \
                 its own",
                upload.origin(),
                shown(audience)
            );
            return Err(Failure::new(ErrorCode::Policy, message).hint(
                "with such a token it could act as this job there; if that is right, add it to \
                 identity-audiences in the settings",
            ));
        }
        Ok(Begun::Offered(Box::new(Self {
            client,
            upload,
            project: project.to_owned(),
            audience: audience.to_owned(),
            identity,
            endpoints,
            minted: None,
            spent: None,
            fresh: Vec::new(),
        })))
    }

    /// Whose identity tokens are exchanged.
    pub fn identity(&self) -> &dyn Identity {
        &*self.identity
    }

    /// For whom they are.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// When the token in use ends, in seconds since 1970.
    pub fn expires(&self) -> Option<u64> {
        self.minted.as_ref().map(|minted| minted.wall)
    }

    /// The tokens that came since this was asked last: a CI system is told to hide them.
    pub fn take_fresh(&mut self) -> Vec<Secret> {
        std::mem::take(&mut self.fresh)
    }

    /// Whether the token in use has to be replaced.
    pub(in crate::publish) fn is_due(&self) -> bool {
        self.minted.as_ref().is_none_or(Minted::is_due)
    }

    /// What the next upload is sent with: the token in use, or a new one.
    ///
    /// # Errors
    /// Where there is no identity token, or the index gives nothing for it.
    pub(in crate::publish) async fn authorization(&mut self) -> Result<Authorization, Failure> {
        if let Some(minted) = &self.minted
            && !self.endpoints.single_use
            && !minted.is_due()
        {
            return Ok(minted.authorization.clone());
        }
        self.mint().await
    }

    async fn mint(&mut self) -> Result<Authorization, Failure> {
        let name = self.identity.name();
        let token = self.identity.token(&self.audience).await?;
        if let Some(spent) = &self.spent
            && spent.same(&token)
        {
            let message = format!(
                "there is no further token for uploads: the identity token of {name} was exchanged already"
            );
            return Err(Failure::new(ErrorCode::Rejected, message)
                .hint("start the job again: what is uploaded already is left out"));
        }
        self.fresh.push(token.clone());
        if !Claims::read(&token).is_for(&self.audience) {
            let message = format!(
                "the identity token of {name} was not sent: it is not for {} alone",
                shown(&self.audience)
            );
            let hint = format!("make one whose only audience is {}", shown(&self.audience));
            return Err(Failure::new(ErrorCode::Policy, message).hint(hint));
        }
        let wish = Wish {
            token: token.expose(),
            features: self.endpoints.feature.map(|feature| [feature]),
        };
        let json = sent(&wish, token.expose().len())?;
        let (url, doing) = (&self.endpoints.mint, "exchanging the identity token");
        let call = || Call {
            json: Some(json.clone()),
            ..get(url, self.endpoints.accept)
        };
        let content = match ask(self.client, doing, url.origin(), call).await? {
            Asked::Said(content) => content,
            Asked::No(_, answer) => {
                return Err(refusal(self.upload, &self.project, &answer, &token));
            }
        };
        let minted = Minted::read(&content).ok_or_else(|| {
            let message = format!(
                "{doing} failed: {} gave no token that can be used",
                url.origin()
            );
            Failure::new(ErrorCode::Malformed, message).hint("tell whoever runs the index")
        })?;
        self.spent = Some(token);
        self.fresh.push(minted.token.clone());
        let authorization = minted.authorization.clone();
        self.minted = Some(minted);
        Ok(authorization)
    }

    /// Gives the token in use back, so that nobody can use it any more. It is gone from here in any
    /// case.
    pub async fn burn(&mut self) -> Burned {
        self.spent = None;
        let (Some(minted), Some(url)) = (self.minted.take(), &self.endpoints.burn) else {
            return Burned::Nothing;
        };
        let wish = Wish {
            token: minted.token.expose(),
            features: None,
        };
        let Ok(json) = sent(&wish, minted.token.expose().len()) else {
            return Burned::Nothing;
        };
        let call = Call {
            json: Some(json),
            ..get(url, self.endpoints.accept)
        };
        let why = match tokio::time::timeout(BURN, self.client.call(call)).await {
            Ok(Ok(answer)) if (200..300).contains(&answer.status) => return Burned::Done,
            // Older indexes have no such thing.
            Ok(Ok(answer)) if matches!(answer.status, 404 | 405 | 410) => return Burned::Nothing,
            Ok(Ok(answer)) => format!("it answered {}", answer.status),
            Ok(Err(reply)) => crate::publish::compare::why(&reply),
            Err(_) => "there was no answer in time".to_owned(),
        };
        Burned::Failed(format!("{}: {why}", url.origin()))
    }
}

impl Minted {
    fn read(content: &[u8]) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Reply {
            token: Zeroizing<String>,
            expires: Option<u64>,
        }
        let mut reply: Reply = serde_json::from_slice(content).ok()?;
        let token = Secret::new(std::mem::take(&mut *reply.token));
        if token.is_empty() {
            return None;
        }
        let authorization = Authorization::new(Scheme::Basic, TOKEN_USERNAME, &token).ok()?;
        let now = now();
        let told = reply.expires.and_then(|end| end.checked_sub(now));
        // An end that has passed, or one too far away, says that one of the clocks is wrong.
        let life = told
            .map(Duration::from_secs)
            .filter(|life| !life.is_zero() && *life <= LONGEST)
            .unwrap_or(LIFE);
        Some(Self {
            token,
            authorization,
            wall: now + life.as_secs(),
            until: Instant::now() + life,
        })
    }

    fn is_due(&self) -> bool {
        now() + MARGIN.as_secs() >= self.wall || Instant::now() + MARGIN >= self.until
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn get<'a>(url: &'a Endpoint, accept: &'static str) -> Call<'a> {
    Call {
        url,
        accept,
        authorization: None,
        header: None,
        json: None,
        limit: ANSWER,
    }
}

/// An object with a token, in a buffer that never moves: one that grows leaves pieces behind.
fn sent(wish: &Wish<'_>, length: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut json = Zeroizing::new(Vec::with_capacity(2 * length + 256));
    serde_json::to_writer(&mut *json, wish)
        .map_err(|_| Failure::new(ErrorCode::Internal, "a token cannot be written as JSON"))?;
    Ok(json)
}

impl std::fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Exchange({}, {})",
            self.identity.word(),
            shown(&self.audience)
        )
    }
}

/// Whether an audience may be passed on. It comes from a server, and goes into URLs, names of variables
/// and arguments of commands, of which one may be a script: no character of it means anything to a
/// shell, and it begins no option and no name of a file with arguments.
fn is_plain(audience: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@+=-".contains(&byte);
    let first = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/');
    audience.len() <= AUDIENCE
        && audience.as_bytes().first().is_some_and(first)
        && audience.bytes().all(is_safe)
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
pub(in crate::publish) mod tests;
