//! How a credential is found: a state machine without I/O.
//!
//! Given the question and what is known of the repository, [`Resolution::next_request`] says which provider
//! to ask under which key, [`Resolution::answer`] takes what it said, and [`Resolution::finish`]
//! gives the outcome and the trace. `get` stops at the first answer; `explain` goes on to the end.
//! The order is that of `plan.rs`; the meaning of halves and empty texts is Poetry's
//! (`poetry/utils/password_manager.py`, `poetry/config/config.py`).

use credential_helper_protocol::{Scheme, Secret};

use super::binding::Verdict;
use super::credential::{Answer, EMPTY_USERNAME, Halves, ProviderId, TOKEN_USERNAME, Why};

mod asking;
mod halves;
mod outcome;
mod plan;
mod setup;

use self::outcome::first_failure;
use self::outcome::passed_over;
pub use self::outcome::{Ended, Found, Outcome, TraceStep};
use self::plan::{Ask, Pass, plan};
pub use self::setup::{Called, CalledKind, Request, Setup};

#[derive(Clone)]
struct Leaf<T> {
    value: T,
    provider: ProviderId,
    location: String,
}

/// The search for one credential.
pub struct Resolution {
    setup: Setup,
    plan: Vec<(Pass, Ask)>,
    at: usize,
    pass: Option<Pass>,
    username: Option<Leaf<String>>,
    secret: Option<Leaf<Secret>>,
    scheme: Scheme,
    expires: Option<u64>,
    /// The account without a secret that a finished pass leaves.
    half: Option<Found>,
    found: Option<Found>,
    failed: Vec<Why>,
    refused: Option<Verdict>,
    steps: Vec<TraceStep>,
    warnings: Vec<String>,
}

impl Resolution {
    /// Begins a search.
    pub fn new(setup: Setup) -> Self {
        let plan = plan(&setup);
        Self {
            setup,
            plan,
            at: 0,
            pass: None,
            username: None,
            secret: None,
            scheme: Scheme::Basic,
            expires: None,
            half: None,
            found: None,
            failed: Vec::new(),
            refused: None,
            steps: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Whom to ask next; `None` at the end. After each request, [`Self::answer`] is called once.
    pub fn next_request(&mut self) -> Option<Request> {
        loop {
            if self.found.is_some() && !self.setup.whole {
                return None;
            }
            let Some((pass, ask)) = self.plan.get(self.at).cloned() else {
                self.end_pass();
                return None;
            };
            if self.pass != Some(pass) {
                self.end_pass();
                self.pass = Some(pass);
                if self.found.is_some() && !self.setup.whole {
                    return None;
                }
            }
            if !matches!(ask, Ask::ByName(_) | Ask::Settings(_)) {
                // The places by name are all known now: does what they have answer?
                self.settle();
                if self.found.is_some() && !self.setup.whole {
                    return None;
                }
            }
            let request = self.request(pass, &ask);
            if let Some(why) = self.passed_over(pass, &ask) {
                self.note(&request, "skipped", None, Some(why));
                self.at += 1;
                continue;
            }
            match ask {
                Ask::Userinfo => {
                    self.at += 1;
                    self.take_userinfo(&request);
                }
                // An empty token hides those of the files, not that of the keyring (Poetry
                // `get_pypi_token`).
                Ask::KeyringByName(..) if pass == Pass::Token => {
                    self.secret.take_if(|leaf| leaf.value.is_empty());
                    return Some(request);
                }
                // A secret that is set, even to an empty text, is not looked for by name any more.
                Ask::KeyringByName(..) if self.found.is_none() && self.secret.is_some() => {
                    let detail = Some("an empty secret is set before it".to_owned());
                    self.note(&request, "skipped", None, detail);
                    self.at += 1;
                }
                _ => return Some(request),
            }
        }
    }

    /// Takes the answer to the last request, and how long it took in milliseconds.
    pub fn answer(&mut self, answer: Answer, ms: u64) {
        let Some((pass, ask)) = self.plan.get(self.at).cloned() else {
            return;
        };
        let request = self.request(pass, &ask);
        self.at += 1;
        let word = answer.word();
        match answer {
            Answer::NotFound => self.note(&request, word, None, None),
            Answer::Skipped(why) => self.note(&request, word, None, Some(why)),
            Answer::Failed(why, detail) => {
                if self.found.is_none() {
                    self.failed.push(why);
                }
                self.note(&request, word, None, Some(detail));
            }
            Answer::Found(halves) => {
                self.note(&request, word, Some(halves.location.clone()), None);
                self.warnings.extend(halves.notes.iter().cloned());
                self.take(&request, &ask, halves);
            }
        }
        if let Some(step) = self.steps.last_mut() {
            step.ms = ms;
        }
    }

    /// The outcome.
    pub fn finish(mut self) -> Ended {
        self.end_pass();
        let outcome = match (self.found, self.half) {
            (Some(found), _) => Outcome::Found(found),
            (None, half) => match (first_failure(&self.failed), half, self.refused) {
                // A place that could hold the secret was not asked.
                (Some(why), ..) => Outcome::CouldNot(why),
                (None, Some(half), _) => Outcome::Found(half),
                (None, None, Some(verdict)) => Outcome::Refused(verdict),
                (None, None, None) => Outcome::NotFound,
            },
        };
        if let Outcome::Found(found) = &outcome {
            self.warnings.extend(passed_over(&self.steps, found));
        }
        Ended {
            outcome,
            steps: self.steps,
            warnings: self.warnings,
        }
    }

    fn take(&mut self, request: &Request, ask: &Ask, halves: Halves) {
        let Halves {
            username,
            secret,
            scheme,
            location,
            expires,
            ..
        } = halves;
        if self.found.is_some() {
            return;
        }
        let leaf_of = |location: &String| (request.provider, location.clone());
        let whole_entry = matches!(
            ask,
            Ask::KeyringUnderName(..) | Ask::KeyringByUrl(..) | Ask::ByUrl(..)
        );
        if whole_entry {
            let asked = self.setup.username.as_deref();
            if username.is_some() && asked.is_some() && username.as_deref() != asked {
                return;
            }
            // One entry with its own account: it replaces what was left of the places by name.
            let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
                return;
            };
            let username = username.or_else(|| self.account());
            let (provider, location) = leaf_of(&location);
            self.found = Some(Found {
                username: username.filter(|username| !is_nobody(username)),
                secret: Some(secret),
                provider,
                location,
                scheme,
                expires,
                binds: false,
            });
            return;
        }
        if matches!(ask, Ask::Userinfo)
            && self.secret.is_none()
            && secret.as_ref().is_some_and(|secret| !secret.is_empty())
        {
            // One pair, written together: its secret is not for an account from elsewhere.
            self.username = None;
        }
        if self.username.is_none()
            && let Some(value) = username
            // An entry of a keyring is named by the account that is known already.
            && !matches!(ask, Ask::KeyringByName(..))
        {
            let (provider, location) = leaf_of(&location);
            self.username = Some(Leaf {
                value,
                provider,
                location,
            });
        }
        if self.secret.is_none()
            && let Some(value) = secret
        {
            let (provider, location) = leaf_of(&location);
            self.scheme = scheme;
            self.expires = expires;
            self.secret = Some(Leaf {
                value,
                provider,
                location,
            });
        }
        let complete = match self.pass {
            Some(Pass::Token) => self.secret.is_some(),
            _ => {
                matches!(ask, Ask::KeyringByName(..))
                    || (self.secret.is_some() && self.username.is_some())
            }
        };
        if complete {
            self.settle();
        }
    }

    /// Decides whether what the places by name have is an answer.
    fn settle(&mut self) {
        if self.found.is_some() {
            return;
        }
        self.drop_other_account();
        let Some(secret) = self.secret.clone().filter(|leaf| !leaf.value.is_empty()) else {
            return;
        };
        let username = match self.pass {
            Some(Pass::Token) => Some(TOKEN_USERNAME.to_owned()),
            _ => self.account().filter(|username| !is_nobody(username)),
        };
        if !self.setup.token_may_go
            && secret.provider != ProviderId::URL
            && is_pypi_token(username.as_deref(), &secret.value)
        {
            // However it is stored: many write it as the password of `__token__`.
            self.secret = None;
            self.refused.get_or_insert(Verdict::Changed);
            return;
        }
        self.warn_of_halves(&secret);
        let stored = !secret.provider.is_variables() && secret.provider != ProviderId::URL;
        self.found = Some(Found {
            username,
            secret: Some(secret.value),
            provider: secret.provider,
            location: secret.location,
            scheme: self.scheme,
            expires: self.expires,
            binds: stored && self.setup.stored == Some(Verdict::Binds),
        });
    }

    fn take_userinfo(&mut self, request: &Request) {
        let Some(userinfo) = &self.setup.userinfo else {
            return;
        };
        let halves = Halves {
            username: Some(userinfo.username.clone()),
            secret: userinfo.password.clone(),
            location: "userinfo of the repository's URL".to_owned(),
            ..Halves::default()
        };
        let word = Answer::Found(halves.clone()).word();
        self.note(request, word, Some(halves.location.clone()), None);
        self.take(request, &Ask::Userinfo, halves);
    }

    fn end_pass(&mut self) {
        self.settle();
        if self.found.is_none()
            && self.pass == Some(Pass::Basic)
            // Without the token that was held back, its account is no answer either.
            && (self.setup.token_may_go || self.refused.is_none())
            && let Some(leaf) = self.username.take().filter(|leaf| !leaf.value.is_empty())
            && self
                .setup
                .username
                .as_ref()
                .is_none_or(|asked| *asked == leaf.value)
        {
            self.half = Some(Found {
                username: Some(leaf.value),
                secret: None,
                provider: leaf.provider,
                location: leaf.location,
                scheme: Scheme::Basic,
                expires: None,
                binds: false,
            });
        }
        (self.username, self.secret) = (None, None);
    }

    fn note(
        &mut self,
        request: &Request,
        answer: &'static str,
        location: Option<String>,
        detail: Option<String>,
    ) {
        let shadowed_by = match answer {
            "found" | "username-only" => self
                .found
                .as_ref()
                .map(|found| found.provider)
                .or_else(|| self.secret.as_ref().map(|leaf| leaf.provider)),
            _ => None,
        };
        let (provider, key) = (request.provider, request.key.clone());
        self.steps.push(TraceStep {
            provider,
            key,
            answer,
            location,
            detail,
            shadowed_by,
            ms: 0,
        });
    }
}

/// Whether an account is how Poetry spells that there is none.
fn is_nobody(username: &str) -> bool {
    username.is_empty() || username == EMPTY_USERNAME
}

/// Whether a secret is an API token of PyPI's: by its account, or by the beginning that all of them
/// have (warehouse, `macaroons/services.py`).
fn is_pypi_token(username: Option<&str>, secret: &Secret) -> bool {
    username == Some(TOKEN_USERNAME) || secret.expose().starts_with("pypi-")
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace_tests;
