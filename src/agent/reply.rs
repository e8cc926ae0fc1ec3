//! Turns a search that has ended into the reply of `Get` or `Explain`.

use credential_helper_protocol::{
    Credential, ErrorCode, Explanation, Failure, OriginCheck, ProviderAnswer, Step,
};

use super::checked::by_url;
use super::clock;
use super::drive::Resolved;
use crate::domain::binding::{FirstUse, Verdict, token_may_go};
use crate::domain::credential::{ProviderId, Why};
use crate::domain::known::{DeclaredBy, KnownRepository};
use crate::domain::name::normalize;
use crate::domain::resolution::{Outcome, TraceStep};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;

impl Resolved {
    /// What it was about, for messages: the name, else the URL.
    fn subject(&self) -> String {
        match (&self.name, &self.request) {
            (Some(name), _) => format!("\"{name}\""),
            (None, Some(url)) => shown(url.as_str()),
            (None, None) => {
                let service = self.service.as_deref().unwrap_or_default();
                format!("\"{}\"", shown(service))
            }
        }
    }

    fn bound(&self) -> Vec<String> {
        let Some(name) = &self.name else {
            return Vec::new();
        };
        let key = name.normalized();
        let mut origins: Vec<String> = Vec::new();
        for binding in &self.known.bindings {
            let origin = binding.url.origin().to_string();
            if normalize(&binding.name) == key && !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }

    /// Whether tokens of the name may not go where this request goes.
    fn keeps_tokens(&self) -> bool {
        let parts = self.name.as_ref().zip(self.request.as_ref());
        parts.is_some_and(|(name, url)| !token_may_go(name, url.origin()))
    }

    /// Where the secret of a typed name belongs: the URL of its bindings, where they agree on an
    /// origin that secrets may travel to.
    fn bound_url(&self) -> Option<RepositoryUrl> {
        let key = self.name.as_ref()?.normalized();
        let fits = |known: &&KnownRepository| {
            let wanted = self.operation;
            // What a project or uv.toml declares binds nothing.
            !matches!(known.by, DeclaredBy::Project | DeclaredBy::UvToml)
                && known.name.normalized() == key
                && wanted.is_none_or(|wanted| known.operation.is_none_or(|own| own == wanted))
        };
        let mut urls = self
            .known
            .repositories
            .iter()
            .filter(fits)
            .map(|known| &known.url);
        let first = urls.next()?;
        let agree = urls.all(|url| url.origin() == first.origin());
        (agree && by_url(&self.known, first).allows()).then(|| first.clone())
    }

    /// The reply of `Get`.
    ///
    /// # Errors
    /// Where there is no credential, or none that may be given.
    pub fn into_credential(self) -> Result<Credential, Failure> {
        let failure = match &self.ended.outcome {
            Outcome::Found(_) => None,
            Outcome::NotFound => Some(self.not_found()),
            Outcome::CouldNot(why) => Some(self.could_not(*why)),
            Outcome::Refused(verdict) => Some(self.refused(*verdict)),
        };
        if let Some(failure) = failure {
            return Err(Failure {
                providers: self.answers(),
                ..failure
            });
        }
        let warnings = self.shown_warnings();
        let url = self.request.clone().or_else(|| self.bound_url());
        let Outcome::Found(found) = self.ended.outcome else {
            return Err(Failure::new(
                ErrorCode::Internal,
                "the search ended without a reason",
            ));
        };
        Ok(Credential {
            name: self.name.as_ref().map(|name| name.as_str().to_owned()),
            url: url.as_ref().map(|url| url.as_str().to_owned()),
            username: found.username,
            password: found.secret,
            scheme: found.scheme,
            provider: found.provider.word().to_owned(),
            location: found.location,
            origin: url.as_ref().map(|url| url.origin().to_string()),
            operation: self.operation,
            expires: found.expires.map(clock::rfc3339),
            warnings,
        })
    }

    /// The reply of `Explain`.
    pub fn into_explanation(self) -> Explanation {
        let (result, found) = match &self.ended.outcome {
            Outcome::Found(found) => ("found", Some(found)),
            Outcome::NotFound
                if self.known.unread.is_empty()
                    && (self.name.is_some() || self.known.undeclared.is_empty()) =>
            {
                ("not-found", None)
            }
            Outcome::NotFound | Outcome::CouldNot(_) => ("unavailable", None),
            Outcome::Refused(_) => ("refused", None),
        };
        let verdict = self.verdicts.map(|(stored, variables)| match found {
            Some(found) if found.provider == ProviderId::ENVIRONMENT => variables,
            _ => stored,
        });
        let mut warnings = self.known.warnings.clone();
        warnings.extend(
            self.known
                .unread
                .iter()
                .map(|failure| failure.detail.clone()),
        );
        warnings.extend(self.ended.warnings.iter().cloned());
        Explanation {
            name: self.name.as_ref().map(|name| name.as_str().to_owned()),
            url: self.request.as_ref().map(|url| url.as_str().to_owned()),
            operation: self.operation,
            scope: self.scope.clone(),
            result: result.to_owned(),
            provider: found.map(|found| found.provider.word().to_owned()),
            username: found.and_then(|found| found.username.clone()),
            has_secret: found.is_some_and(|found| found.secret.is_some()),
            origin: OriginCheck {
                wanted: self.request.as_ref().map(|url| url.origin().to_string()),
                bound: self.bound(),
                result: verdict.unwrap_or(Verdict::Allowed).word().to_owned(),
            },
            steps: self
                .ended
                .steps
                .iter()
                .map(|step| Step {
                    provider: step.provider.word().to_owned(),
                    location: step.location.clone(),
                    key: step.key.to_string(),
                    answer: step.answer.to_owned(),
                    detail: step.detail.clone(),
                    ms: step.ms,
                    shadowed_by: step.shadowed_by.map(|id| id.word().to_owned()),
                })
                .collect(),
            warnings,
        }
    }

    /// What is worth a line beside an answer: not what belongs to settings in general.
    fn shown_warnings(&self) -> Vec<String> {
        self.ended.warnings.clone()
    }

    fn answers(&self) -> Vec<ProviderAnswer> {
        let mut answers: Vec<ProviderAnswer> = Vec::new();
        for step in &self.ended.steps {
            let answer = ProviderAnswer {
                name: step.provider.word().into(),
                answer: step.answer.into(),
            };
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
        answers
    }

    fn not_found(&self) -> Failure {
        // A URL whose repository may be declared in a file that could not be read.
        let undeclared = self.known.undeclared.iter();
        let undeclared = undeclared.filter(|_| self.name.is_none());
        if let Some(failure) = self.known.unread.iter().chain(undeclared).next() {
            return Failure::new(failure.why.code(), failure.detail.clone())
                .hint("correct the file: what was asked for may stand in it");
        }
        let failure = Failure::new(
            ErrorCode::NotFound,
            format!("no credential for {}", self.subject()),
        );
        match &self.name {
            Some(name) => failure.hint(format!(
                "store one with `helper set {name} USERNAME`, or see where it was looked for with `helper explain {name}`"
            )),
            None if self.request.is_none() => failure,
            None => failure.hint("see where it was looked for with `helper explain URL`"),
        }
    }

    fn could_not(&self, why: Why) -> Failure {
        let step = self
            .ended
            .steps
            .iter()
            .find(|step| step.answer == why.word());
        let reason = step
            .map(|step| {
                let detail = step.detail.as_deref().unwrap_or(step.answer);
                format!("{}: {detail}", step.provider)
            })
            .unwrap_or_default();
        let message = format!("cannot tell the credential of {}: {reason}", self.subject());
        // A variable is a field of the question itself: the question is what is wrong.
        let by_variable = |step: &TraceStep| step.provider == ProviderId::ENVIRONMENT;
        if why == Why::Malformed && step.is_some_and(by_variable) {
            return Failure::new(ErrorCode::Usage, message)
                .hint("set the variable anew, or unset it");
        }
        let hint = match why {
            Why::Locked => "unlock the keyring with `helper agent unlock`",
            Why::TimedOut => {
                "see how long each provider takes with `helper explain`, and why with `helper doctor`"
            }
            Why::Malformed => "correct the file that is named",
            Why::Unavailable => "see `helper doctor`",
        };
        Failure::new(why.code(), message).hint(hint)
    }

    fn refused(&self, verdict: Verdict) -> Failure {
        if let Some(failure) = self.known.unread.first()
            && verdict == Verdict::Unbound
        {
            return Failure::new(failure.why.code(), failure.detail.clone())
                .hint("what the name is bound to may stand in this file: correct it");
        }
        let url = self
            .request
            .as_ref()
            .map(RepositoryUrl::as_str)
            .unwrap_or_default();
        let origin = self
            .request
            .as_ref()
            .map(|url| url.origin().to_string())
            .unwrap_or_default();
        let name = self
            .name
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        match verdict {
            Verdict::Insecure => Failure::new(
                ErrorCode::InsecureTransport,
                format!("a secret would travel in the clear to {origin}"),
            )
            .hint(if name.is_empty() {
                "use https, or allow this origin with `helper trust NAME URL`".to_owned()
            } else {
                format!("use https, or allow this origin with `helper trust {name} {url}`")
            }),
            Verdict::Unbound if self.known.settings.first_use == FirstUse::Bind => Failure::new(
                ErrorCode::Policy,
                format!(
                    "{} is bound to no origin, and the project declares it for several",
                    self.subject()
                ),
            )
            .hint(format!(
                "bind it to each that is right, for example: helper trust {name} {url}"
            )),
            Verdict::Unbound => Failure::new(
                ErrorCode::Policy,
                format!(
                    "{} is bound to no origin, and first-use is \"refuse\"",
                    self.subject()
                ),
            )
            .hint(format!("if {origin} is right: helper trust {name} {url}")),
            // Bound it is: what may not go there is the token.
            _ if self.bound().contains(&origin) && self.keeps_tokens() => Failure::new(
                ErrorCode::OriginChanged,
                format!(
                    "an API token of {} goes to PyPI only, but {origin} was asked for",
                    self.subject()
                ),
            )
            .hint("give that server's own credential another name with `helper set NAME`"),
            _ => Failure::new(
                ErrorCode::OriginChanged,
                format!(
                    "{} is bound to {}, but {origin} was asked for",
                    self.subject(),
                    self.bound().join(", ")
                ),
            )
            .hint(format!("if {origin} is right: helper trust {name} {url}")),
        }
    }
}
