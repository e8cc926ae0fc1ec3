//! What a service means here: a host's repository, where that is unambiguous, and uploads.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Operation, Question, Secret, limits};

use super::drive::Drive;
use super::question::Parsed;
use crate::domain::known::{best_match, is_upload, on_host};
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::resolution::Outcome;
use crate::domain::service::{Form, Service};
use crate::domain::text::shown;
use crate::domain::url::{Origin, RepositoryUrl};
use crate::provider::Call;

/// More repositories on one host than these are not compared: a project may declare thousands.
const COMPARED: usize = 8;

/// A repository that a host may stand for.
struct Candidate {
    name: RepositoryName,
    url: RepositoryUrl,
}

impl Drive<'_> {
    /// Puts what the service means here in place of what it says: the repository of a host, and the
    /// operation of a URL that has only one.
    pub(super) async fn place(
        &self,
        parsed: &mut Parsed,
        question: &Question,
        call: &mut Call,
    ) -> Result<(), Failure> {
        let Some(service) = &parsed.service else {
            return Ok(());
        };
        let (host, url) = match &service.form {
            Form::Host(host) => (Some(host.clone()), None),
            Form::Url { url, .. } => (None, Some(url.clone())),
            Form::Name(..) | Form::Other | Form::Nothing => return Ok(()),
        };
        let mut known = self.gather(question, call).await?;
        if let Some(url) = &url {
            if parsed.operation.is_none() && is_upload(&known.repositories, url) {
                parsed.operation = Some(Operation::Upload);
            }
            let username = parsed.account();
            let matched = best_match(&known.repositories, url, username, parsed.operation);
            if !url.segments().is_empty() || matched.is_some() || parsed.userinfo.is_some() {
                return Ok(());
            }
        }
        let parent = question.context.parent;
        // What belongs to https is not given to a program that goes there over http.
        let plain = host
            .as_ref()
            .is_some_and(|host| parent.is_some_and(|parent| self.askers.asked_http(parent, host)));
        let is_at = |origin: &Origin| match (&host, &url) {
            (Some(host), _) => host.is_at(origin) && (origin.is_http() || !plain),
            (None, Some(url)) => url.origin() == origin,
            (None, None) => false,
        };
        let providers = self.registry.for_settings(&known.settings);
        if parsed.username.is_some() {
            let mut urls: Vec<RepositoryUrl> = Vec::new();
            for own in on_host(&known.repositories, is_at, None, None) {
                urls.push(own.url.clone());
            }
            let learn = async {
                for url in urls.iter().take(COMPARED) {
                    known.learn_usernames(call, &providers.all, url).await;
                }
            };
            // What is not learned in time is asked for later, where a slow file is named.
            let _ = tokio::time::timeout(total(question), learn).await;
        }
        let account = parsed.account();
        let mut candidates: Vec<Candidate> =
            on_host(&known.repositories, is_at, account, parsed.operation)
                .into_iter()
                .map(|known| Candidate {
                    name: known.name.clone(),
                    url: known.url.clone(),
                })
                .collect();
        if candidates.len() > 1 {
            let before = parent.and_then(|parent| self.askers.answered(parent, is_at));
            let named = before.and_then(|name| {
                let key = normalize(&name);
                candidates
                    .iter()
                    .position(|candidate| candidate.name.normalized() == key)
            });
            let chosen = if named.is_some() {
                named
            } else {
                let agreeing = self.agreeing(&candidates, parsed, question, call);
                let all = tokio::time::timeout(total(question), agreeing).await;
                all.unwrap_or_else(|_| Err(too_slow(parsed)))?
            };
            candidates = chosen
                .map(|at| candidates.swap_remove(at))
                .into_iter()
                .collect();
        }
        if let Some(Candidate { name, url }) = candidates.pop() {
            parsed.name = Some(name);
            parsed.url = Some(url);
        } else if let Some(host) = &host {
            // What is no host for certain has no origin.
            parsed.url = host.is_certain().then(|| host.url(plain).clone());
            parsed.alone = true;
        }
        Ok(())
    }

    /// The repository to ask where all of them have the same account and secret.
    ///
    /// # Errors
    /// Where one of them could not be asked.
    async fn agreeing(
        &self,
        candidates: &[Candidate],
        parsed: &Parsed,
        question: &Question,
        call: &mut Call,
    ) -> Result<Option<usize>, Failure> {
        if candidates.len() > COMPARED {
            return Ok(None);
        }
        let mut first: Option<(Option<String>, Secret)> = None;
        let mut agree = true;
        for candidate in candidates {
            let asked = Parsed {
                name: Some(candidate.name.clone()),
                url: Some(candidate.url.clone()),
                ..parsed.clone()
            };
            // The whole search: it binds nothing by first use.
            let Some(resolved) = self.search(question, &asked, call, true).await? else {
                return Ok(None);
            };
            match resolved.ended.outcome {
                Outcome::CouldNot(_) => {
                    resolved.into_credential()?;
                    agree = false;
                }
                Outcome::Found(found) => match (found.secret, &first) {
                    (Some(secret), None) => first = Some((found.username, secret)),
                    (Some(secret), Some((username, other))) => {
                        agree &= *username == found.username && other.same(&secret);
                    }
                    (None, _) => agree = false,
                },
                Outcome::NotFound | Outcome::Refused(_) => agree = false,
            }
        }
        Ok((agree && first.is_some()).then_some(0))
    }
}

/// How long one step of a question may take.
fn total(question: &Question) -> Duration {
    question
        .context
        .timeout_ms
        .map_or(limits::REQUEST_TIME, Duration::from_millis)
}

fn too_slow(parsed: &Parsed) -> Failure {
    let service = parsed.service.as_ref().map(Service::shown);
    let service = shown(&service.unwrap_or_default());
    Failure::new(
        ErrorCode::TimedOut,
        format!(
            "cannot tell in time whether the repositories on \"{service}\" have the same credential"
        ),
    )
    .hint("ask by the URL or name of one of them")
}
