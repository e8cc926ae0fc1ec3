//! Drives a resolution: asks the providers that [`crate::domain::resolution`] names, each within
//! its own time.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Operation, Question, limits};

use super::askers::Askers;
use super::breaker::Breakers;
use super::checked::{Checked, by_url, check_all};
use super::known::{self, Known, Own};
use super::question::{Parsed, parse};
use super::registry::Registry;
use super::told;
use super::trust::FirstAnswer;
use crate::domain::binding::Verdict;
use crate::domain::credential::ProviderId;
use crate::domain::known::{best_match, declared_by_project};
use crate::domain::log::Log;
use crate::domain::name::RepositoryName;
use crate::domain::resolution::{Ended, Found, Outcome, Resolution, Setup, TraceStep};
use crate::domain::service::Service;
use crate::domain::url::{RepositoryUrl, Userinfo};
use crate::provider::Call;

/// How long the system keyring may take within one request.
pub const KEYRING_TIME: Duration = Duration::from_secs(2);

/// A search that has ended, and what it was about.
pub struct Resolved {
    /// How it ended.
    pub ended: Ended,
    /// What it is for.
    pub operation: Option<Operation>,
    /// What another tool calls the place, as it may be shown.
    pub service: Option<String>,
    /// The repository.
    pub name: Option<RepositoryName>,
    /// The URL that the secret is for.
    pub request: Option<RepositoryUrl>,
    /// The scope that matched.
    pub scope: Option<String>,
    /// The check of the origin for what is stored, and for variables.
    pub verdicts: Option<(Verdict, Verdict)>,
    /// What was known.
    pub known: Known,
    /// Whether a keyring was asked: such an answer is soon old.
    pub asked_keyring: bool,
    /// Whether a first use was recorded: such an answer says so, once.
    pub bound_now: bool,
}

/// The parts of the agent that a search needs.
pub struct Drive<'a> {
    /// Where the agent's own files are.
    pub own: &'a Own,
    /// The providers.
    pub registry: &'a Registry,
    /// Which of them are given a rest.
    pub breakers: &'a Breakers,
    /// Who asked for which services before.
    pub askers: &'a Askers,
    /// Where it tells who was asked.
    pub log: &'a Log,
}

impl Drive<'_> {
    /// Searches for the credential of a question.
    ///
    /// # Errors
    /// For a question that cannot be read, and for settings or bindings that cannot be read but
    /// are needed.
    pub async fn resolve(
        &self,
        question: &Question,
        call: &mut Call,
        whole: bool,
    ) -> Result<Resolved, Failure> {
        let mut parsed = parse(question)?;
        if parsed.service.is_some() {
            Box::pin(self.place(&mut parsed, question, call)).await?;
        }
        // Of two first uses at the same moment one is first; the other is checked against it.
        for _ in 0..2 {
            if let Some(resolved) = self.search(question, &parsed, call, whole).await? {
                return Ok(resolved);
            }
        }
        Err(Failure::new(
            ErrorCode::Internal,
            "the record of bindings changes all the time",
        ))
    }

    /// Reads what is known for a question, within its time.
    pub(super) async fn gather(
        &self,
        question: &Question,
        call: &mut Call,
    ) -> Result<Known, Failure> {
        let context = &question.context;
        let keyring_variable = context.keyring_enabled.as_deref();
        let folder = context.folder.as_deref();
        let total = context
            .timeout_ms
            .map_or(limits::REQUEST_TIME, Duration::from_millis);
        let gather = known::gather(self.own, call, folder, keyring_variable);
        tokio::time::timeout(total, gather)
            .await
            .unwrap_or_else(|_| {
                Err(Failure::new(
                    ErrorCode::TimedOut,
                    "the files that say what is known of the repository could not be read in time",
                )
                .hint("see `helper doctor`: one of them may be on a disk that does not answer"))
            })
    }

    pub(super) async fn search(
        &self,
        question: &Question,
        parsed: &Parsed,
        call: &mut Call,
        whole: bool,
    ) -> Result<Option<Resolved>, Failure> {
        let mut known = self.gather(question, call).await?;
        let total = question
            .context
            .timeout_ms
            .map_or(limits::REQUEST_TIME, Duration::from_millis);
        let providers = self.registry.for_settings(&known.settings);
        if let (Some(url), None, Some(_)) = (&parsed.url, &parsed.name, &parsed.username) {
            let learn = known.learn_usernames(call, &providers.all, url);
            // What is not learned in time is asked for below, where a slow file is named.
            let _ = tokio::time::timeout(total, learn).await;
        }
        let mut setup = Setup {
            username: parsed.username.clone(),
            operation: parsed.operation,
            called: parsed.called(),
            token_may_go: true,
            keyring_off: known.keyring_off.clone(),
            places: providers.ids(),
            whole,
            ..Setup::default()
        };
        let mut scope = None;
        let mut notes = Vec::new();
        let mut declared = Vec::new();
        match (&parsed.name, &parsed.url) {
            (Some(name), url) => {
                setup.name = Some(name.clone());
                setup.request.clone_from(url);
                if url.is_none() {
                    if !whole {
                        known.need_project(name)?;
                    }
                    let own = declared_by_project(&known.repositories, name, parsed.operation);
                    declared.extend(own.iter().map(|own| own.url.clone()));
                }
            }
            (None, Some(url)) => {
                setup.request = Some(url.clone());
                let username = parsed.account();
                let found = best_match(&known.repositories, url, username, parsed.operation);
                if let Some(found) = found.filter(|_| !parsed.alone) {
                    setup.name = Some(found.repository.name.clone());
                    scope = Some(found.scope.to_string());
                    if !found.others.is_empty() {
                        let names: Vec<String> =
                            found.others.iter().map(ToString::to_string).collect();
                        notes.push(format!(
                            "{} matches as well as {}",
                            names.join(", "),
                            found.repository.name
                        ));
                    }
                }
            }
            (None, None) => {}
        }
        let verdicts = Self::prepare(&mut setup, &known, &declared)?;
        let direct = userinfo_answer(parsed.userinfo.as_ref(), setup.by_url);
        let (name, request) = (setup.name.clone(), setup.request.clone());
        let (mut ended, asked_keyring) = match direct {
            Some(ended) => (ended, false),
            None => {
                self.ask_all(Resolution::new(setup), call, question, &providers)
                    .await
            }
        };
        told::steps(self.log, &ended.steps);
        // Worth a line beside an answer only where variables had a part in it.
        let from_variables = |step: &TraceStep| {
            step.provider.is_variables() && matches!(step.answer, "found" | "username-only")
        };
        if let Some(name) = &name
            && (whole || ended.steps.iter().any(from_variables))
        {
            let others = known.collisions(name);
            if !others.is_empty() {
                notes.push(format!(
                    "{name} and {} read the same environment variables",
                    others.join(", ")
                ));
            }
        }
        ended.warnings.splice(0..0, notes);
        let mut bound_now = false;
        if let Outcome::Found(found) = &ended.outcome
            && found.binds
            && !whole
            && let (Some(name), Some(url)) = (&name, &request)
        {
            bound_now = true;
            match super::trust::first_use(&self.own.state, name, url).await {
                FirstAnswer::Said(line) => ended.warnings.push(line),
                FirstAnswer::Again => return Ok(None),
            }
        }
        Ok(Some(Resolved {
            ended,
            operation: parsed.operation,
            service: parsed.service.as_ref().map(Service::shown),
            name,
            request,
            scope,
            verdicts,
            known,
            asked_keyring,
            bound_now,
        }))
    }

    /// Checks the origin and fills in what the repository's name tells. Who asks by name alone may
    /// use any of the URLs that the project declares for it.
    fn prepare(
        setup: &mut Setup,
        known: &Known,
        declared: &[RepositoryUrl],
    ) -> Result<Option<(Verdict, Verdict)>, Failure> {
        let Some(name) = setup.name.clone() else {
            setup.by_url = setup.request.as_ref().map(|url| by_url(known, url));
            return Ok(None);
        };
        if let Some(setting) = known.setting(&name) {
            setup.settings = known::settings_provider(setting);
            setup.settings_username.clone_from(&setting.username);
        }
        let key = name.normalized();
        let own = known
            .repositories
            .iter()
            .filter(|known| known.name.normalized() == key)
            .filter(|known| {
                setup
                    .operation
                    .is_none_or(|op| known.operation.is_none_or(|own| own == op))
            });
        let urls = match &setup.request {
            Some(url) => std::slice::from_ref(url),
            None => declared,
        };
        let Some(checked) = check_all(known, &name, urls, setup.operation) else {
            let mut urls = Vec::new();
            for known_repository in own {
                let url = &known_repository.url;
                if by_url(known, url).allows() && !urls.contains(url) {
                    urls.push(url.clone());
                }
                setup.userinfo = setup
                    .userinfo
                    .take()
                    .or_else(|| known_repository.userinfo.clone());
            }
            setup.urls = urls;
            return Ok(None);
        };
        known.need_record()?;
        let Checked {
            request,
            stored,
            variables,
            ..
        } = checked;
        setup.variables = Some(variables);
        setup.stored = Some(stored);
        setup.by_url = Some(checked.by_url);
        setup.token_may_go = checked.token_may_go;
        setup.request = Some(request.clone());
        if stored.allows() {
            for known_repository in own {
                let url = &known_repository.url;
                if url.origin() == request.origin() {
                    if !setup.urls.contains(url) {
                        setup.urls.push(url.clone());
                    }
                    setup.userinfo = setup
                        .userinfo
                        .take()
                        .or_else(|| known_repository.userinfo.clone());
                }
            }
        }
        Ok(Some((stored, variables)))
    }
}

/// Userinfo with a password in the question's own URL is the answer; no place is asked.
fn userinfo_answer(userinfo: Option<&Userinfo>, by_url: Option<Verdict>) -> Option<Ended> {
    let userinfo = userinfo.filter(|userinfo| userinfo.password.is_some())?;
    let outcome = match by_url {
        Some(verdict) if !verdict.allows() => Outcome::Refused(verdict),
        _ => Outcome::Found(Found {
            username: Some(userinfo.username.clone()).filter(|username| !username.is_empty()),
            secret: userinfo.password.clone(),
            provider: ProviderId::URL,
            location: "the URL itself".to_owned(),
            scheme: credential_helper_protocol::Scheme::Basic,
            expires: None,
            binds: false,
        }),
    };
    Some(Ended {
        outcome,
        steps: Vec::new(),
        warnings: Vec::new(),
    })
}
