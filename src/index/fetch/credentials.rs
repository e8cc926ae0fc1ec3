//! Credentials of one run: each is asked for once, and once more after a server refused it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use credential_helper_protocol::{Credential, ErrorCode, Failure, Scheme, Secret};
use tokio::sync::OnceCell;
use url::Url;

use super::asking::{Asker, Bound, Inquiry, Outcome};
use super::place::{Owner, owner, same_place};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::http::{Authorization, origin};
use crate::index::source::{Authenticate, Source};

/// Indexes that anybody may read: nobody is asked for a credential, and none is sent.
const PUBLIC: [&str; 3] = ["pypi.org", "test.pypi.org", "files.pythonhosted.org"];

/// Who reads: what is cached for one is not for another. Holds no secret.
pub type Identity = Arc<str>;

/// Whoever reads without a credential.
pub const ANONYMOUS: &str = "anonymous";

/// A credential as it is sent.
pub(super) struct Held {
    pub(super) authorization: Authorization,
    /// The provider and the place in it.
    pub(super) provider: String,
    username: String,
    /// Whether it came from the agent, which is then told what came of it.
    inquiry: Option<Inquiry>,
    accepted: AtomicBool,
}

impl Held {
    fn new(
        scheme: Scheme,
        username: String,
        secret: &Secret,
        provider: String,
        inquiry: Option<Inquiry>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            authorization: Authorization::new(scheme, &username, secret)?,
            provider,
            username,
            inquiry,
            accepted: AtomicBool::new(false),
        })
    }

    /// For people: `of "ci" from secret-service (login)`.
    pub(super) fn told(&self) -> String {
        let of = match self.username.as_str() {
            "" => String::new(),
            name => format!("of \"{}\" ", shown(name)),
        };
        format!("{of}from {}", self.provider)
    }

    /// What cached answers are kept under.
    pub(super) fn identity(&self, url: &Url, salt: &[u8]) -> Identity {
        let origin = origin(url).map(|origin| origin.to_string());
        let who = [&*origin.unwrap_or_default(), "\n", &self.username].concat();
        self.authorization.identity(salt, &who).into()
    }
}

/// Found, or not there. Never a secret that was refused.
pub(super) type Answer = Result<Option<Arc<Held>>, Failure>;

#[derive(Default)]
struct Entry {
    first: OnceCell<Answer>,
    /// After a refusal.
    second: OnceCell<Answer>,
}

/// The credentials.
pub(super) struct Credentials {
    asker: Option<Asker>,
    all: Vec<Arc<Source>>,
    entries: Mutex<HashMap<Inquiry, Arc<Entry>>>,
    bound: OnceCell<Result<Vec<Bound>, Failure>>,
}

/// What is sent to a URL, and whether the URL is on foreign ground.
pub(super) struct Chosen {
    pub(super) held: Option<Arc<Held>>,
    pub(super) foreign: bool,
    /// Why a credential is not sent, where there may be one: told if the server wants one.
    pub(super) withheld: Option<Failure>,
    inquiry: Option<Inquiry>,
}

impl Credentials {
    pub(super) fn new(asker: Option<Asker>, all: Vec<Arc<Source>>) -> Self {
        Self {
            asker,
            all,
            entries: Mutex::default(),
            bound: OnceCell::new(),
        }
    }

    /// What goes to this URL; `page`, where it is one of the source itself and no link of a page.
    ///
    /// # Errors
    /// Where it could not be told, or may not go there.
    pub(super) async fn of(
        &self,
        source: &Source,
        url: &Url,
        page: bool,
    ) -> Result<Chosen, Failure> {
        let foreign = !same_place(&source.url, url) && origin(url) != origin(&source.url);
        let nothing = Chosen {
            held: None,
            foreign,
            withheld: None,
            inquiry: None,
        };
        if source.authenticate == Authenticate::Never {
            return Ok(nothing);
        }
        let given = source.userinfo.as_ref();
        let secret = given.is_some_and(|given| given.password.is_some());
        let always = source.authenticate == Authenticate::Always;
        if !always && !secret && is_public(&source.url) {
            return Ok(nothing);
        }
        let place = if page {
            Owner::Own(super::place::own(source))
        } else {
            owner(source, url, &self.all, self.bound().await?)
        };
        let (inquiry, own) = match place {
            Owner::Nobody => return Ok(nothing),
            Owner::Own(inquiry) => (inquiry, true),
            Owner::Other(inquiry) => (inquiry, false),
        };
        let entry = self.entry(&inquiry);
        let given = given.filter(|_| own);
        // Where nothing came in place of what was refused, that goes on being refused: without any,
        // the answer might be another one.
        let again = entry.second.get().cloned().unwrap_or(Ok(None));
        let held = if matches!(again, Ok(None)) {
            let first = entry.first.get_or_init(|| self.ask(&inquiry, given));
            first.await.clone()
        } else {
            again
        };
        let (held, withheld) = match held {
            // An open index on plain http needs none.
            Err(failure) if failure.code == ErrorCode::InsecureTransport && !always => {
                (None, Some(failure))
            }
            held => (held?, None),
        };
        if held.is_none() && always {
            let name = shown(source.label());
            return Err(Failure::new(
                ErrorCode::Rejected,
                format!("{name} is never asked without a credential, and there is none"),
            )
            .hint(format!("helper set {name} --url {}", source.canonical)));
        }
        Ok(Chosen {
            held,
            foreign,
            withheld,
            inquiry: Some(inquiry),
        })
    }

    /// What to send in place of a credential that was refused: the store is read again, once.
    ///
    /// # Errors
    /// What the agent says.
    pub(super) async fn again(&self, chosen: &Chosen) -> Answer {
        let (Some(held), Some(inquiry)) = (&chosen.held, &chosen.inquiry) else {
            return Ok(None);
        };
        let entry = self.entry(inquiry);
        let again = entry.second.get_or_init(|| async {
            self.report(held, Outcome::Unauthorized);
            match &held.inquiry {
                Some(inquiry) => match self.ask(inquiry, None).await {
                    // The store has nothing but what was refused.
                    Err(failure) if failure.code == ErrorCode::Rejected => Ok(None),
                    answer => answer,
                },
                None => Ok(None),
            }
        });
        let again = again.await.clone()?;
        // Somebody else may have been refused before, with what was read again since.
        Ok(again.filter(|again| !again.authorization.same(&held.authorization)))
    }

    /// Tells the agent what a server said.
    pub(super) fn report(&self, held: &Held, outcome: Outcome) {
        if outcome == Outcome::Accepted && held.accepted.swap(true, Ordering::Relaxed) {
            return;
        }
        if let (Some(asker), Some(inquiry)) = (&self.asker, &held.inquiry) {
            asker.report(inquiry.clone(), outcome);
        }
    }

    async fn bound(&self) -> Result<&[Bound], Failure> {
        let bound = self.bound.get_or_init(|| async {
            match &self.asker {
                Some(asker) => asker.bound().await,
                None => Ok(Vec::new()),
            }
        });
        bound.await.as_deref().map_err(Clone::clone)
    }

    fn entry(&self, inquiry: &Inquiry) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(inquiry.clone()).or_default())
    }

    async fn ask(&self, inquiry: &Inquiry, given: Option<&crate::domain::url::Userinfo>) -> Answer {
        let answer = match &self.asker {
            Some(asker) => asker.get(inquiry.clone()).await,
            None => Err(Failure::new(ErrorCode::NotFound, "")),
        };
        let found = match answer {
            Ok(credential) => held(credential, inquiry)?,
            Err(failure) if failure.code == ErrorCode::NotFound => None,
            Err(failure) => return Err(failure),
        };
        // What the source's URL holds itself: the agent may not know the file that it stands in.
        let given = match (&found, given) {
            (None, Some(given)) => given.password.as_ref().map(|secret| {
                let provider = "the URL of the source".to_owned();
                let username = given.username.clone();
                Held::new(Scheme::Basic, username, secret, provider, None)
            }),
            _ => None,
        };
        Ok(found.or(given.transpose()?).map(Arc::new))
    }
}

/// What the agent gave, as it is sent.
fn held(credential: Credential, inquiry: &Inquiry) -> Result<Option<Held>, Failure> {
    let wanted = RepositoryUrl::parse(&inquiry.url)?.0.origin().to_string();
    // The agent has checked it; this is the last moment to see that it did.
    if credential
        .origin
        .as_deref()
        .is_some_and(|own| own != wanted)
    {
        let message = format!("the credential is not for {wanted}");
        return Err(Failure::new(ErrorCode::OriginChanged, message));
    }
    let username = credential.username.unwrap_or_default();
    // An account alone, in Poetry's files, is a token with an empty password (Gemfury).
    let secret = match credential.password {
        Some(secret) => secret,
        None if !username.is_empty() => Secret::default(),
        None => return Ok(None),
    };
    let provider = match credential.location.as_str() {
        "" => credential.provider,
        location => format!("{} ({})", credential.provider, shown(location)),
    };
    let inquiry = Some(inquiry.clone());
    Held::new(credential.scheme, username, &secret, provider, inquiry).map(Some)
}

fn is_public(url: &Url) -> bool {
    url.scheme() == "https" && url.host_str().is_some_and(|host| PUBLIC.contains(&host))
}
