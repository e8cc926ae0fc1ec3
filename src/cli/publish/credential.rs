//! What an upload is sent with: what was given, or what the agent has for this very upload.

use std::collections::BTreeSet;

use credential_helper_protocol::{
    Context, ErrorCode, Failure, Operation, Question, Scheme, Secret, Upload,
};

use crate::connect::Agent;
use crate::domain::credential::TOKEN_USERNAME;
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::http::Authorization;
use crate::publish::distribution::Distribution;
use crate::publish::index;
use crate::publish::place::Place;

/// What the command line says.
pub(super) struct Given {
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) anonymous: bool,
}

/// A credential as it is sent, and whose it is.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) authorization: Option<Authorization>,
    /// For people: `ci, from secret-service (login)`.
    pub(super) from: String,
    /// The question that the agent answered.
    pub(super) question: Option<Question>,
}

/// Asks the agent, where anything is to be asked.
pub(super) struct Asker<'a> {
    pub(super) agent: &'a mut dyn Agent,
    pub(super) place: &'a Place,
    /// The URL as it was given: with its userinfo, which the agent takes out.
    pub(super) url: &'a str,
    pub(super) context: &'a Context,
    /// Whether the stored token itself may go out, where a child of it would do.
    pub(super) whole_token: bool,
    pub(super) warnings: BTreeSet<String>,
}

impl Asker<'_> {
    /// The credential for each file.
    ///
    /// # Errors
    /// As for one.
    pub(super) fn all(
        &mut self,
        given: &Given,
        ready: &[Distribution],
    ) -> Result<Vec<Chosen>, Failure> {
        ready.iter().map(|one| self.upload(given, one)).collect()
    }

    /// The credential for the upload of one file.
    ///
    /// # Errors
    /// Where there is none, it could not be told, or it may not go there.
    pub(super) fn upload(&mut self, given: &Given, one: &Distribution) -> Result<Chosen, Failure> {
        if given.anonymous {
            return Ok(Chosen {
                authorization: None,
                from: "without a credential".to_owned(),
                question: None,
            });
        }
        let username = given
            .username
            .clone()
            .or_else(|| self.place.username.clone());
        if let Some(password) = &given.password {
            let username = match username {
                Some(username) => username,
                None => self.account(one, password)?,
            };
            self.may_be_sent()?;
            return Ok(Chosen {
                authorization: Some(Authorization::new(Scheme::Basic, &username, password)?),
                from: format!("as {}, with the password that was given", told(&username)),
                question: None,
            });
        }
        let question = self.question(username, Some(one));
        let credential = self
            .agent
            .get(&question)
            .map_err(|failure| self.missing(failure))?;
        self.warnings.extend(credential.warnings);
        // The agent has checked it; this is the last moment to see that it did.
        let origin = self.place.url.origin().to_string();
        if credential
            .origin
            .as_deref()
            .is_some_and(|own| own != origin)
        {
            let message = format!("the credential is not for {origin}");
            return Err(Failure::new(ErrorCode::OriginChanged, message));
        }
        let username = credential.username.unwrap_or_default();
        // An account alone, in Poetry's files, is a token with an empty password (Gemfury).
        let secret = match credential.password {
            Some(secret) => secret,
            None if given.username.is_none() && !username.is_empty() => Secret::default(),
            None => return Err(self.missing(Failure::new(ErrorCode::NotFound, ""))),
        };
        let from = match credential.location.as_str() {
            "" => credential.provider,
            location => format!("{} ({})", credential.provider, shown(location)),
        };
        Ok(Chosen {
            authorization: Some(Authorization::new(credential.scheme, &username, &secret)?),
            from: format!("as {}, from {from}", told(&username)),
            question: Some(question),
        })
    }

    /// The credential for reading an index; none where there is none: the index may be open.
    pub(super) fn read(&mut self, index: &RepositoryUrl, given: &Given) -> Option<Authorization> {
        if index::is_public(index) || given.anonymous {
            return None;
        }
        let question = Question {
            name: self.place.name.clone(),
            url: Some(index.as_str().to_owned()),
            operation: Some(Operation::Read),
            context: self.context.clone(),
            ..Question::default()
        };
        if let Ok(credential) = self.agent.get(&question)
            && let Some(secret) = &credential.password
        {
            let username = credential.username.as_deref().unwrap_or_default();
            return Authorization::new(credential.scheme, username, secret).ok();
        }
        // What was given for this server, unless it is a token, which only uploads.
        let (username, password) = (given.username.as_ref()?, given.password.as_ref()?);
        let own = index.origin() == self.place.url.origin() && username != TOKEN_USERNAME;
        own.then(|| Authorization::new(Scheme::Basic, username, password).ok())?
    }

    fn question(&self, username: Option<String>, one: Option<&Distribution>) -> Question {
        Question {
            name: self.place.name.clone(),
            url: Some(self.url.to_owned()),
            service: None,
            username,
            operation: Some(Operation::Upload),
            upload: one.map(|one| Upload {
                project: Some(one.project.clone()),
                version: Some(one.version.to_string()),
                sha256: Some(one.digests.sha256.clone()),
                attenuate: self.whole_token.then_some(false),
            }),
            context: self.context.clone(),
        }
    }

    /// Whose password it is that came alone: PyPI's and tokens by their look, else the account that
    /// the search for the credential would come to.
    fn account(&mut self, one: &Distribution, password: &Secret) -> Result<String, Failure> {
        let is_token = Authorization::is_pypi_token(password);
        if index::is_public(&self.place.url) || is_token {
            return Ok(TOKEN_USERNAME.to_owned());
        }
        let found = self.agent.explain(&self.question(None, Some(one)))?;
        Ok(found.username.unwrap_or_default())
    }

    /// What is typed is held to the same rule as what is stored: not in the clear.
    fn may_be_sent(&self) -> Result<(), Failure> {
        let origin = self.place.url.origin();
        if origin.is_http() && !origin.is_loopback() {
            let message = format!("the password would go to {origin} in the clear");
            return Err(Failure::new(ErrorCode::InsecureTransport, message).hint(
                "use https, or store the password with `helper set` and allow the origin with \
                 `helper trust`",
            ));
        }
        Ok(())
    }

    fn missing(&self, failure: Failure) -> Failure {
        if failure.code != ErrorCode::NotFound {
            return failure;
        }
        let what = self
            .place
            .name
            .as_deref()
            .unwrap_or(self.place.url.as_str());
        let name = self.place.name.as_deref().unwrap_or("NAME");
        let message = format!("there is no credential for uploads to {what}, and nothing was sent");
        Failure {
            providers: failure.providers,
            ..Failure::new(ErrorCode::NotFound, message).hint(format!(
                "helper set {name} --token, or --username and --password; --anonymous uploads \
                 without"
            ))
        }
    }
}

fn told(username: &str) -> String {
    if username.is_empty() {
        "nobody".to_owned()
    } else {
        shown(username)
    }
}
