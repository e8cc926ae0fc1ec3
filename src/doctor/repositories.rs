//! One real request to each repository, with the credential that a tool would get.
//!
//! A check must not decide anything: a name that nothing binds would be bound by the answer, so it
//! is not asked for, and a URL that only a project names gets no variables.

use std::collections::BTreeSet;

use credential_helper_protocol::{BindingRecord, Explanation, Failure, Operation, Question};

use super::configuration::Configuration;
use super::names::bound;
use super::{Check, Options, Outcome, Source};
use crate::domain::credential::ProviderId;
use crate::domain::known::{DeclaredBy, KnownRepository};
use crate::domain::name::RepositoryName;
use crate::domain::text::shell_word;
use crate::domain::url::RepositoryUrl;

#[cfg(feature = "net")]
#[path = "requests.rs"]
mod requests;

/// A repository to ask.
#[derive(Clone, Debug)]
pub(super) struct Target {
    name: RepositoryName,
    url: RepositoryUrl,
    /// Whether only a project names this URL.
    project: bool,
    /// Whether the name is bound to the URL's origin.
    bound: bool,
}

/// The repositories with a URL for look-ups, each URL once. PyPI's own are left out where nobody
/// declares them: they need no credential.
pub(super) fn known(declared: &[KnownRepository], bindings: &[BindingRecord]) -> Vec<Target> {
    let of_bindings = bindings.iter().filter_map(|binding| {
        if binding.by == "built-in" || binding.operation == Some(Operation::Upload) {
            return None;
        }
        let name = RepositoryName::parse(&binding.name).ok()?;
        let url = RepositoryUrl::parse(binding.url.as_deref()?).ok()?.0;
        Some((name, url, false))
    });
    let of_files = declared
        .iter()
        .filter(|one| one.operation != Some(Operation::Upload))
        .map(|one| {
            (
                one.name.clone(),
                one.url.clone(),
                one.by == DeclaredBy::Project,
            )
        });
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for (name, url, project) in of_files.chain(of_bindings) {
        let [_, bare] = url.slash_forms();
        if !seen.insert((name.normalized(), bare)) {
            continue;
        }
        let origin = url.origin().to_string();
        let bound = bound(bindings, &name).any(|bound| bound == origin);
        targets.push(Target {
            name,
            url,
            project,
            bound,
        });
    }
    targets
}

/// What the search for a credential means for the request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The credential is asked for and sent.
    WithCredential,
    /// There is none.
    Without,
    /// No request is made, for this reason.
    Not(Box<Check>),
}

/// Decides what to send.
fn step(target: &Target, explanation: &Result<Explanation, Failure>) -> Step {
    let name = shell_word(target.name.as_str());
    let url = shell_word(target.url.as_str());
    let not = |result, message: &str, fix: String| {
        Step::Not(Box::new(line(target, result, message).fix(fix)))
    };
    let found = match explanation {
        Ok(found) => found,
        Err(failure) => {
            let check = Check::failed("repository", failure).about(target.name.to_string());
            return Step::Not(Box::new(check));
        }
    };
    let trust = format!("if this URL is right: helper trust {name} {url}");
    match (found.result.as_str(), found.origin.result.as_str()) {
        ("refused", "insecure") => not(
            Outcome::Problem,
            "its secret would travel in the clear",
            format!("use https, or allow it: helper trust {name} {url}"),
        ),
        ("refused", _) => not(
            Outcome::Skipped,
            "not asked: the name is bound to another origin",
            trust,
        ),
        ("unavailable", _) => {
            let step = found.steps.iter().find(|step| {
                !matches!(
                    &*step.answer,
                    "found" | "username-only" | "not-found" | "skipped"
                )
            });
            let why = step.map_or_else(String::new, |step| {
                let detail = step.detail.as_deref().unwrap_or(&step.answer);
                format!(" ({}: {detail})", step.provider)
            });
            not(
                Outcome::Problem,
                &format!("its credential could not be told{why}"),
                format!("helper explain {name}"),
            )
        }
        ("found", "unbound") if found.has_secret => not(
            Outcome::Skipped,
            "not asked: the name is bound to no origin, and this check binds none",
            trust,
        ),
        ("found", _) if found.has_secret => {
            let variables = [ProviderId::ENVIRONMENT, ProviderId::AGENT_ENVIRONMENT];
            let provider = found.provider.as_deref().unwrap_or_default();
            if target.project && !target.bound && variables.iter().any(|one| one.word() == provider)
            {
                return not(
                    Outcome::Skipped,
                    "not asked: only the project names this URL, and variables would go to it",
                    trust,
                );
            }
            Step::WithCredential
        }
        _ => Step::Without,
    }
}

fn line(target: &Target, result: Outcome, message: &str) -> Check {
    Check::new("repository", result, format!("{}: {message}", target.url))
        .about(target.name.to_string())
}

/// Asks for the credential of each repository, then asks each repository.
pub(super) fn checks(
    options: &Options,
    agent: &mut dyn Source,
    found: &Configuration,
    targets: &[Target],
    runtime: &tokio::runtime::Runtime,
) -> Vec<Check> {
    let mut checks = Vec::new();
    // Every search tells what is wrong with the settings in general: said once.
    let mut said: BTreeSet<String> = found
        .checks()
        .into_iter()
        .map(|check| check.message)
        .collect();
    let mut steps = Vec::new();
    for target in targets {
        let question = question(options, target);
        let explanation = agent.explain(&question);
        for warning in explanation.iter().flat_map(|found| &found.warnings) {
            if said.insert(warning.clone()) {
                let check = Check::new("lookup", Outcome::Warning, warning.clone());
                let name = shell_word(target.name.as_str());
                checks.push(
                    check
                        .about(target.name.to_string())
                        .fix(format!("helper explain {name}")),
                );
            }
        }
        steps.push((target, question, step(target, &explanation)));
    }
    if options.offline || cfg!(not(feature = "net")) {
        let why = if options.offline {
            "not asked: --offline"
        } else {
            "not asked: this build has no network (feature `net`)"
        };
        checks.extend(steps.into_iter().map(|(target, _, step)| match step {
            Step::Not(check) if check.result == Outcome::Problem => *check,
            _ => line(target, Outcome::Skipped, why),
        }));
        return checks;
    }
    #[cfg(feature = "net")]
    checks.extend(requests::send(options, agent, found, steps, runtime));
    #[cfg(not(feature = "net"))]
    let _ = runtime;
    checks
}

fn question(options: &Options, target: &Target) -> Question {
    Question {
        name: Some(target.name.as_str().to_owned()),
        url: Some(target.url.as_str().to_owned()),
        operation: Some(Operation::Read),
        context: options.context.clone(),
        ..Question::default()
    }
}

#[cfg(test)]
#[path = "repositories_tests.rs"]
mod tests;
