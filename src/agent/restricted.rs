//! A restricted socket, for a container: reads the credentials of some repositories, and nothing else
//! (design rule: it takes the repository, the account and the operation of a question; who asks, from
//! where and with which variables is nobody's word but the agent's).

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;

use credential_helper_protocol::frame::{decode_reply, encode_call, encode_reply};
use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{
    Ask, Context, ErrorCode, Failure, Got, INTERFACE_NAME, Operation, Question, Status, Upload,
    VERSION,
};
use zeroize::Zeroizing;

use super::Agent;
use super::call::head;
use super::clock::{Clock, Moment};
use super::connection::{self, Caller, encode_error};
use super::peer::Peer;
use super::question::parse;
use super::rejected::Who;
use super::server::{Bytes, Handler, Reply, Then};
use super::told::Told;
use crate::domain::credential::TOKEN_USERNAME;
use crate::domain::known::is_upload;
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::service::{Form, Service};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;

/// What a restricted socket gives to whom.
#[derive(Clone)]
pub(super) struct Terms {
    /// The repositories, normalised.
    pub(super) names: Vec<String>,
    /// What the credentials are for.
    pub(super) operation: Operation,
    /// When it stops giving anything.
    pub(super) until: Option<Moment>,
    /// Where the agent itself would look: nothing of it comes from who asks.
    pub(super) own: Context,
}

/// The folders that hold for the agent's own process.
pub(super) fn own_context() -> Context {
    let around = Surroundings::of_process();
    let text =
        |path: Option<PathBuf>| path.and_then(|path| path.into_os_string().into_string().ok());
    Context {
        poetry: text(around.poetry_folder(None)),
        uv: text(around.uv_folder()),
        uv_store: text(around.uv_store_folder(None)),
        ..Context::default()
    }
}

impl Terms {
    /// Reads the names.
    ///
    /// # Errors
    /// `usage` where there is none, or one is no name.
    pub(super) fn names(names: &[String]) -> Result<Vec<String>, Failure> {
        if names.is_empty() {
            return Err(Failure::new(
                ErrorCode::Usage,
                "a restricted socket needs the names of repositories",
            ));
        }
        names
            .iter()
            .map(|name| Ok(normalize(RepositoryName::parse(name)?.as_str())))
            .collect()
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(&normalize(name))
    }

    /// # Errors
    /// `policy` for another operation than its own.
    fn only(&self, operation: Operation) -> Result<(), Failure> {
        if operation == self.operation {
            return Ok(());
        }
        let only = self.operation.word();
        Err(policy(&format!("it gives credentials for {only} only")))
    }

    /// The question as this socket passes it on.
    ///
    /// # Errors
    /// `policy` for what it does not give.
    fn question(&self, question: &Question, clock: &Clock) -> Result<Question, Failure> {
        let now = clock.now();
        // Neither a set-back clock nor suspend makes it longer.
        if self.until.is_some_and(|until| until <= now) {
            return Err(policy("its time is over"));
        }
        if let Some(operation) = question.operation {
            self.only(operation)?;
        }
        if let Some(name) = &question.name
            && !self.has(name)
        {
            return Err(policy(&format!("{} is not one of its names", shown(name))));
        }
        // With a URL beside it a name could be bound by first use: the URL alone has to lead to it.
        let by_url = question.url.is_some();
        // A keyring has the token for uploads under this very account: for reading it is given only
        // where it is what a question without an account finds.
        let reads = self.operation == Operation::Read;
        let username = question.username.clone();
        let username = username.filter(|username| !(reads && username == TOKEN_USERNAME));
        let (url, service) = (question.url.clone(), question.service.clone());
        Ok(Question {
            name: question.name.clone().filter(|_| !by_url),
            url: url.map(|url| if reads { without_token(url) } else { url }),
            service: service.map(|text| if reads { without_token(text) } else { text }),
            username,
            operation: Some(self.operation),
            // What is uploaded makes a token smaller; that it shall not is for nobody here to say.
            upload: question.upload.clone().map(|upload| Upload {
                attenuate: None,
                ..upload
            }),
            context: Context {
                version: question.context.version.clone(),
                timeout_ms: question.context.timeout_ms,
                ..self.own.clone()
            },
        })
    }

    /// Whether the answer to `asked` may go out. What belongs to no name of these is not there, so
    /// that nobody learns what else is stored.
    ///
    /// # Errors
    /// `not-found`.
    fn check(&self, asked: &Question, got: &Got) -> Result<(), Failure> {
        let found = got.credential.name.as_deref();
        let wanted = asked.name.as_deref();
        let account = asked.username.as_deref().filter(|asked| !asked.is_empty());
        let same = account.is_none_or(|asked| got.credential.username.as_deref() == Some(asked));
        let allowed = same
            && found.is_some_and(|found| {
                self.has(found) && wanted.is_none_or(|wanted| normalize(wanted) == normalize(found))
            });
        if allowed { Ok(()) } else { Err(not_here()) }
    }
}

/// Where a question leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leads {
    /// To none of the names.
    Elsewhere,
    /// To nothing but one of them.
    Here,
    /// To one of them, or to another that is at the same place.
    Unclear,
}

/// A URL without the account of a token before its host.
fn without_token(text: String) -> String {
    let Ok(Service {
        form: Form::Url { userinfo, .. },
        text: bare,
    }) = Service::parse(&text)
    else {
        return text;
    };
    let token = userinfo.is_some_and(|userinfo| userinfo.username == TOKEN_USERNAME);
    if token { bare } else { text }
}

/// What is said of everything that is another's, and of what is not there at all.
fn not_here() -> Failure {
    Failure::new(ErrorCode::NotFound, "no credential for this on this socket")
}

/// An error of a search that may have been for another name: it tells nothing of that.
fn untold(failure: &Failure) -> Failure {
    match failure.code {
        ErrorCode::Usage
        | ErrorCode::Locked
        | ErrorCode::Unavailable
        | ErrorCode::TimedOut
        | ErrorCode::Malformed
        | ErrorCode::Internal => Failure::new(failure.code, "cannot tell the credential for this")
            .hint("ask by the name of the repository, or see `helper explain`, outside"),
        _ => not_here(),
    }
}

fn policy(reason: &str) -> Failure {
    Failure::new(
        ErrorCode::Policy,
        format!("this socket refuses that: {reason}"),
    )
    .hint("see `helper agent socket --help`, outside")
}

/// The agent behind a restricted socket.
pub(super) struct Restricted {
    /// The agent.
    pub(super) agent: Rc<Agent>,
    /// What it gives.
    pub(super) terms: Terms,
}

impl Restricted {
    async fn answer(&self, message: &[u8], caller: Caller) -> Reply {
        let Some(head) = head(message) else {
            return Reply {
                bytes: None,
                then: Then::Close,
            };
        };
        let told = Told::begin(self.agent.log(), &head.method, caller.pid);
        let result = match head.method.strip_prefix(INTERFACE_NAME) {
            Some(".Get") => self.get(head.parameters(), caller.who, &told).await,
            Some(".Status") => self.status(),
            Some(_) => Err(policy("it reads credentials, and nothing else")),
            None => Ok(connection::standard_service(&head, &told)),
        };
        told.ended(&result);
        told.end();
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(failure) => encode_error(&failure).ok(),
        };
        Reply {
            bytes: bytes.filter(|_| !head.oneway),
            then: Then::Continue,
        }
    }

    async fn get(
        &self,
        parameters: &str,
        who: Who,
        told: &Told<'_>,
    ) -> Result<Option<Bytes>, Failure> {
        let Ok(ask) = serde_json::from_str::<Ask>(parameters) else {
            return Ok(connection::standard(
                "InvalidParameter",
                "parameter",
                "question",
            ));
        };
        told.about(&ask);
        let asked = ask.question;
        let question = self.terms.question(&asked, &self.agent.parts.clock)?;
        let internal = |_| Failure::new(ErrorCode::Internal, "the question cannot be encoded");
        // As the same question would come over the agent's own socket: the cache's key.
        let message = encode_call(
            "Get",
            Ask {
                question: question.clone(),
            },
        )
        .map_err(internal)?;
        let message = message.strip_suffix(b"\0").unwrap_or(&message);
        let leads = self.leads(&question).await?;
        if leads == Leads::Elsewhere {
            return Err(not_here());
        }
        let get = self.agent.get(&question, message, who, &told.provider);
        // A kept answer may be an error.
        let got = self.agent.unless_locked(get).await.and_then(|bytes| {
            let got: Got = decode_reply(bytes.strip_suffix(b"\0").unwrap_or(&bytes))?;
            Ok((bytes, got))
        });
        let (bytes, got) = match got {
            Err(failure) if leads == Leads::Unclear => return Err(untold(&failure)),
            other => other?,
        };
        self.terms.check(&asked, &got)?;
        Ok(Some(bytes))
    }

    /// Where the question leads to. For other names no store is asked and no command is run, so that
    /// neither the answer nor its time tells whether there is something.
    async fn leads(&self, question: &Question) -> Result<Leads, Failure> {
        let parsed = parse(question)?;
        let here = |here| if here { Leads::Here } else { Leads::Elsewhere };
        let form = parsed.service.as_ref().map(|service| &service.form);
        if let Some(name) = &parsed.name {
            let has = self.terms.has(name.as_str());
            return match form {
                Some(Form::Name(_, Some(operation))) if has => self.terms.only(*operation),
                _ => Ok(()),
            }
            .map(|()| here(has));
        }
        let host = match form {
            Some(Form::Host(host)) => Some(host),
            Some(Form::Url {
                project: Some(_), ..
            }) => {
                self.terms.only(Operation::Upload)?;
                None
            }
            Some(Form::Other | Form::Nothing) => return Ok(Leads::Elsewhere),
            _ => None,
        };
        let mut call = self.agent.call(&question.context)?;
        let known = self.agent.drive().gather(question, &mut call).await?;
        let names = known.repositories.iter().filter(|known| {
            let is_at = |url: &RepositoryUrl| {
                known.scopes.iter().any(|scope| scope.covers(url))
                    || (url.segments().is_empty() && known.url.origin() == url.origin())
            };
            host.is_some_and(|host| host.is_at(known.url.origin()))
                || parsed.url.as_ref().is_some_and(is_at)
        });
        let (own, others): (Vec<_>, Vec<_>) =
            names.partition(|known| self.terms.has(known.name.as_str()));
        if let Some(url) = &parsed.url
            && !own.is_empty()
            && is_upload(&known.repositories, url)
        {
            self.terms.only(Operation::Upload)?;
        }
        Ok(match (own.is_empty(), others.is_empty()) {
            (true, _) => Leads::Elsewhere,
            (false, true) => Leads::Here,
            (false, false) => Leads::Unclear,
        })
    }

    /// What a client has to know of the agent, and nothing of where it lives.
    fn status(&self) -> Result<Option<Bytes>, Failure> {
        let status = Status {
            version: VERSION.to_owned(),
            protocol: INTERFACE_NAME.to_owned(),
            locked: self.agent.locked.get(),
            ..Status::default()
        };
        encode_reply(status)
            .map(|bytes| Some(Rc::new(bytes)))
            .map_err(|_| Failure::new(ErrorCode::Internal, "the status cannot be encoded"))
    }
}

/// The same, as the server sees it.
#[derive(Clone)]
pub(super) struct Behind(pub(super) Rc<Restricted>);

impl Handler for Behind {
    /// Questions are rewritten first: none is answered as it came.
    fn quick(&self, _: &[u8], _: &Peer) -> Option<Bytes> {
        None
    }

    fn handle<'a>(
        &'a self,
        message: &'a [u8],
        peer: &'a Peer,
    ) -> Pin<Box<dyn Future<Output = Reply> + 'a>> {
        let (restricted, message) = (self.0.clone(), Zeroizing::new(message.to_vec()));
        let caller = Caller {
            who: Who::Connection(peer.connection),
            pid: peer.pid,
        };
        let task =
            tokio::task::spawn_local(async move { restricted.answer(&message, caller).await });
        Box::pin(async move {
            task.await.unwrap_or(Reply {
                bytes: None,
                then: Then::Close,
            })
        })
    }

    fn disconnected(&self, _: &Peer) {
        self.0.agent.sweep();
    }
}
