//! Under what a finding is stored: so that its tool is answered, and nothing else is replaced.

use std::path::Path;

use credential_helper_protocol::{
    Credential, ErrorCode, Failure, Operation, Question, TOKEN_USERNAME,
};

use super::finding::{Finding, Target};
use super::import::{Import, KEYRINGS};
use super::places::Place;
use crate::domain::text::shown;
use crate::domain::text::shown_path;

/// Under what a secret is stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Destination {
    /// The repository.
    pub(super) name: Option<String>,
    /// What another tool calls the place.
    pub(super) service: Option<String>,
    /// Binds the name.
    pub(super) url: Option<String>,
    /// The keyring has it already.
    pub(super) is_there: bool,
}

/// Why a finding stays where it is.
pub(super) enum Stop {
    /// It is left alone: why, and what to do.
    Left(String, String),
    /// It could not be done.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Import<'_> {
    /// Where the secret goes: to the repository that is known for the URL, else to the URL itself.
    pub(super) fn destination(
        &mut self,
        place: &Place,
        finding: &Finding,
        to: &Target,
    ) -> Result<Destination, Stop> {
        let named = |name: &str| Destination {
            name: Some(name.to_owned()),
            ..Destination::default()
        };
        let service = |text: &str| Destination {
            service: Some(text.to_owned()),
            ..Destination::default()
        };
        let destination = match to {
            Target::Name(name) => named(name),
            Target::Service(text) => {
                if finding.tool == "netrc"
                    && !place.named
                    && self.name_of(None, Some(text), None)?.is_none()
                {
                    return Err(Stop::Left(
                        format!(
                            "{} is no repository's host that the helper knows, and other programs read this file",
                            shown(text)
                        ),
                        format!(
                            "to move it all the same: helper import {}",
                            shown_path(&place.path)
                        ),
                    ));
                }
                service(text)
            }
            Target::Scope(url) => {
                let Some(name) = self.name_of(Some(url), None, None)? else {
                    let origin = finding.origin.as_deref().unwrap_or("the URL");
                    return Err(Stop::Left(
                        "it is for everything below its URL, which no repository that the helper knows has".to_owned(),
                        format!("give {} a name with `helper trust NAME URL`, then run the same again", shown(origin)),
                    ));
                };
                named(&name)
            }
            Target::Url {
                url,
                operation,
                section,
            } => {
                match self.name_of(Some(url), None, *operation)? {
                    // Another account of that repository stays what it is.
                    Some(name) if self.fits(finding, &named(&name))?.is_some() => named(&name),
                    Some(_) => service(url),
                    None => match section {
                        Some(section) if place.own && self.is_free(section)? => Destination {
                            url: Some(url.clone()),
                            ..named(section)
                        },
                        _ => service(url),
                    },
                }
            }
        };
        let Some(is_there) = self.fits(finding, &destination)? else {
            let place = destination
                .name
                .as_deref()
                .or(destination.service.as_deref())
                .unwrap_or_default();
            return Err(Stop::Left(
                format!("another credential is stored for {}", shown(place)),
                "see `helper explain` for it; remove one of both by hand".to_owned(),
            ));
        };
        Ok(Destination {
            is_there,
            ..destination
        })
    }

    /// The repository that is known at a URL or for a service.
    fn name_of(
        &mut self,
        url: Option<&str>,
        service: Option<&str>,
        operation: Option<Operation>,
    ) -> Result<Option<String>, Failure> {
        let question = Question {
            url: url.map(str::to_owned),
            service: service.map(str::to_owned),
            operation,
            context: self.context.clone(),
            ..Question::default()
        };
        Ok(self.store.explain(&question)?.name)
    }

    /// Whether nothing at all is known of a name: it may be bound to this URL then.
    fn is_free(&mut self, name: &str) -> Result<bool, Failure> {
        if name.contains("://") || name.is_empty() {
            return Ok(false);
        }
        let question = Question {
            name: Some(name.to_owned()),
            context: self.context.clone(),
            ..Question::default()
        };
        match self.store.explain(&question) {
            Ok(known) => Ok(known.result == "not-found"
                && known.origin.bound.is_empty()
                && known.url.is_none()),
            Err(failure) if failure.code == ErrorCode::Usage => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the secret can go there without taking another one's place, and whether it is there.
    fn fits(
        &mut self,
        finding: &Finding,
        destination: &Destination,
    ) -> Result<Option<bool>, Failure> {
        let mut question = self.question(finding, destination);
        if destination.name.is_some() && finding.found.username.as_deref() != Some(TOKEN_USERNAME) {
            // A name has one account.
            question.username = None;
        }
        let stored = match self.store.get(&question) {
            Ok(stored) => stored,
            Err(failure) if failure.code == ErrorCode::NotFound => return Ok(Some(false)),
            Err(failure) => return Err(failure),
        };
        let is_same = is_secret_of(&stored, finding)
            && stored.username.as_deref().unwrap_or_default()
                == finding.found.username.as_deref().unwrap_or_default();
        let in_keyring = KEYRINGS.contains(&stored.provider.as_str());
        if is_same || Path::new(&stored.location) == finding.path || stored.password.is_none() {
            return Ok(Some(is_same && in_keyring));
        }
        Ok(None)
    }

    /// What the tool will ask, put as a question.
    pub(super) fn question(&self, finding: &Finding, destination: &Destination) -> Question {
        let username = finding
            .found
            .username
            .clone()
            .filter(|name| !name.is_empty());
        let operation = destination.name.is_some().then(|| {
            if username.as_deref() == Some(TOKEN_USERNAME) {
                Operation::Upload
            } else {
                Operation::Read
            }
        });
        Question {
            name: destination.name.clone(),
            service: destination.service.clone(),
            username,
            operation,
            context: self.context.clone(),
            ..Question::default()
        }
    }
}

/// Whether this is the finding's secret.
pub(super) fn is_secret_of(stored: &Credential, finding: &Finding) -> bool {
    stored
        .password
        .as_ref()
        .is_some_and(|secret| secret.same(&finding.found.secret))
}
