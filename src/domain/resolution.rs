//! How a credential is found: a state machine without I/O.
//!
//! Given the question and what is known of the repository, [`Resolution::next`] says which provider
//! to ask under which key, [`Resolution::answer`] takes what it said, and [`Resolution::finish`]
//! gives the outcome and the trace. `get` stops at the first answer; `explain` goes on to the end.
//! The order is that of [`plan`]; the meaning of halves and empty texts is Poetry's
//! (`poetry/utils/password_manager.py`, `poetry/config/config.py`).

use credential_helper_protocol::{Operation, Scheme, Secret};

use super::binding::Verdict;
use super::credential::{Answer, EMPTY_USERNAME, Halves, Key, ProviderId, TOKEN_USERNAME, Why};
use super::name::RepositoryName;
use super::url::{RepositoryUrl, Userinfo};

/// What is known before the first provider is asked.
#[derive(Default)]
pub struct Setup {
    /// The repository, by its name or matched by the URL.
    pub name: Option<RepositoryName>,
    /// URLs of the repository, without userinfo: keyrings are asked under them.
    pub urls: Vec<RepositoryUrl>,
    /// The URL that the secret is for: of the request, or declared by the project.
    pub request: Option<RepositoryUrl>,
    /// Userinfo of the repository's own URL.
    pub userinfo: Option<Userinfo>,
    /// The account that is asked for.
    pub username: Option<String>,
    /// What it is for.
    pub operation: Option<Operation>,
    /// Whether what the variables hold may go to the request's origin.
    pub variables: Option<Verdict>,
    /// Whether what is stored under the name may go there.
    pub stored: Option<Verdict>,
    /// Whether what is stored under the URL may go there: only refused for plain http.
    pub by_url: Option<Verdict>,
    /// Whether a token stored under the name may go there.
    pub token_may_go: bool,
    /// The provider that the settings name for the repository: a file or a command.
    pub settings: Option<ProviderId>,
    /// The account that the settings name.
    pub settings_username: Option<String>,
    /// Why keyrings are not asked, where they are switched off.
    pub keyring_off: Option<String>,
    /// Providers that are switched on only by the user.
    pub optional: Vec<ProviderId>,
    /// Go on after the first answer.
    pub whole: bool,
}

/// What to ask next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom.
    pub provider: ProviderId,
    /// Under which key.
    pub key: Key,
}

/// One provider that was asked, or passed over.
#[derive(Clone)]
pub struct TraceStep {
    /// Whom.
    pub provider: ProviderId,
    /// Under which key.
    pub key: Key,
    /// The word of its answer.
    pub answer: &'static str,
    /// Where it was found.
    pub location: Option<String>,
    /// More, in our own words.
    pub detail: Option<String>,
    /// Whose answer hides this one.
    pub shadowed_by: Option<ProviderId>,
    /// How long it took, in milliseconds; set by the caller.
    pub ms: u64,
}

/// A credential, or a username alone.
#[derive(Clone)]
pub struct Found {
    /// The account.
    pub username: Option<String>,
    /// The secret; unset for a username alone.
    pub secret: Option<Secret>,
    /// Who had the secret, or the username where there is none.
    pub provider: ProviderId,
    /// Where.
    pub location: String,
    /// How to send it.
    pub scheme: Scheme,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
    /// Whether this answer binds the name to the request's origin.
    pub binds: bool,
}

/// How the search ended.
pub enum Outcome {
    /// With a credential.
    Found(Found),
    /// Every place was asked, none has it.
    NotFound,
    /// Somewhere it may be could not be asked.
    CouldNot(Why),
    /// The check of the origin forbids it.
    Refused(Verdict),
}

/// The outcome with the way there.
pub struct Ended {
    /// How the search ended.
    pub outcome: Outcome,
    /// Every step, in order.
    pub steps: Vec<TraceStep>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Token,
    Basic,
}

#[derive(Clone)]
enum Ask {
    /// `[http-basic]` or `[pypi-token]` by name.
    ByName(ProviderId),
    /// The settings' file or command.
    Settings(ProviderId),
    /// Userinfo of the repository's URL.
    Userinfo,
    /// A keyring under this service, by name.
    KeyringByName(ProviderId, String),
    /// A keyring under a URL or host.
    KeyringByUrl(ProviderId, String),
    /// uv's store or netrc.
    ByUrl(ProviderId, RepositoryUrl),
}

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
    pub fn next(&mut self) -> Option<Request> {
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
        Ended {
            outcome,
            steps: self.steps,
            warnings: self.warnings,
        }
    }

    fn request(&self, pass: Pass, ask: &Ask) -> Request {
        let names = || {
            self.setup
                .name
                .as_ref()
                .map(RepositoryName::stored_spellings)
                .unwrap_or_default()
        };
        match ask {
            Ask::ByName(provider) => Request {
                provider: *provider,
                key: match pass {
                    Pass::Basic => Key::HttpBasic(names()),
                    Pass::Token => Key::Token(names()),
                },
            },
            Ask::Settings(provider) => {
                let name = names().swap_remove(0);
                Request {
                    provider: *provider,
                    key: Key::Repository(name),
                }
            }
            Ask::Userinfo => Request {
                provider: ProviderId::Url,
                key: Key::Repository(names().into_iter().next().unwrap_or_default()),
            },
            Ask::KeyringByName(provider, service) => {
                let username = Some(match pass {
                    Pass::Token => TOKEN_USERNAME.to_owned(),
                    Pass::Basic => self.account().unwrap_or_else(|| EMPTY_USERNAME.to_owned()),
                });
                Request {
                    provider: *provider,
                    key: Key::Service {
                        service: service.clone(),
                        username,
                    },
                }
            }
            Ask::KeyringByUrl(provider, service) => Request {
                provider: *provider,
                key: Key::Service {
                    service: service.clone(),
                    username: self.account(),
                },
            },
            Ask::ByUrl(provider, url) => Request {
                provider: *provider,
                key: Key::Url {
                    url: url.clone(),
                    username: self.account(),
                },
            },
        }
    }

    /// The account to look for: the one that was asked for, else the one that was found.
    fn account(&self) -> Option<String> {
        let asked = self.setup.username.clone();
        asked
            .or_else(|| self.username.as_ref().map(|leaf| leaf.value.clone()))
            .or_else(|| self.setup.settings_username.clone())
            .filter(|username| !username.is_empty())
    }

    /// Why a place is not asked at all: the check of the origin, or a switch.
    fn passed_over(&mut self, pass: Pass, ask: &Ask) -> Option<String> {
        let (provider, verdict) = match ask {
            Ask::ByName(provider) if provider.is_variables() => (*provider, self.setup.variables),
            Ask::ByName(provider) | Ask::Settings(provider) | Ask::KeyringByName(provider, _) => {
                (*provider, self.setup.stored)
            }
            Ask::Userinfo => (ProviderId::Url, None),
            Ask::KeyringByUrl(provider, _) | Ask::ByUrl(provider, _) => {
                (*provider, self.setup.by_url)
            }
        };
        let verdict = match verdict {
            Some(verdict)
                if verdict.allows() && pass == Pass::Token && !self.setup.token_may_go =>
            {
                Some(Verdict::Changed)
            }
            other => other,
        };
        if let Some(verdict) = verdict.filter(|verdict| !verdict.allows()) {
            self.refused.get_or_insert(verdict);
            return Some(format!("not asked: origin {}", verdict.word()));
        }
        if provider.is_keyring()
            && let Some(why) = &self.setup.keyring_off
        {
            return Some(why.clone());
        }
        None
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
        let whole_entry = matches!(ask, Ask::KeyringByUrl(..) | Ask::ByUrl(..));
        if whole_entry {
            // One entry with its own account: it replaces what was left of the places by name.
            let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
                return;
            };
            let username = username.or_else(|| self.account());
            let (provider, location) = leaf_of(&location);
            self.found = Some(Found {
                username: username.filter(|username| !username.is_empty()),
                secret: Some(secret),
                provider,
                location,
                scheme,
                expires,
                binds: false,
            });
            return;
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
        if let Some(asked) = self
            .setup
            .username
            .clone()
            .filter(|asked| !asked.is_empty())
            && self.pass == Some(Pass::Basic)
            && self
                .username
                .as_ref()
                .is_some_and(|leaf| leaf.value != asked)
            && self
                .secret
                .as_ref()
                .is_some_and(|leaf| !leaf.provider.is_keyring())
        {
            // The account that is configured is another one: its secret is not the answer.
            self.secret = None;
        }
        let Some(secret) = self.secret.clone().filter(|leaf| !leaf.value.is_empty()) else {
            return;
        };
        let username = match self.pass {
            Some(Pass::Token) => Some(TOKEN_USERNAME.to_owned()),
            _ => self.account(),
        };
        self.warn_of_halves(&secret);
        let stored = !secret.provider.is_variables() && secret.provider != ProviderId::Url;
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

    /// Halves that come from variables and a file, or from two files, are Poetry's answer, but
    /// hardly what the user meant.
    fn warn_of_halves(&mut self, secret: &Leaf<Secret>) {
        let Some(username) = &self.username else {
            return;
        };
        if self.pass != Some(Pass::Basic) || self.setup.username.is_some() {
            return;
        }
        let kind = |provider: ProviderId| (provider.is_variables(), provider.is_poetry_file());
        let mixed = match (kind(username.provider), kind(secret.provider)) {
            ((true, _), (_, true)) | ((_, true), (true, _)) => true,
            ((_, true), (_, true)) => username.provider != secret.provider,
            _ => false,
        };
        if mixed {
            self.warnings.push(format!(
                "the username comes from {} and the secret from {}: they may belong to different accounts",
                username.location, secret.location
            ));
        }
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

/// The failure that the outcome is named after: a locked keyring before a slow or a missing one,
/// since it is the one that the user can do something about.
fn first_failure(failed: &[Why]) -> Option<Why> {
    [Why::Locked, Why::TimedOut, Why::Malformed, Why::Unavailable]
        .into_iter()
        .find(|why| failed.contains(why))
}

/// Which places are asked, in order.
fn plan(setup: &Setup) -> Vec<(Pass, Ask)> {
    let token_asked = setup.username.as_deref() == Some(TOKEN_USERNAME);
    let passes: &[Pass] = match (setup.operation, &setup.username) {
        // Another account than a token's is asked for.
        (_, Some(_)) if !token_asked => &[Pass::Basic],
        (Some(Operation::Read), _) => &[Pass::Basic],
        (Some(Operation::Upload), _) => &[Pass::Token, Pass::Basic],
        (None, _) if token_asked => &[Pass::Token, Pass::Basic],
        (None, _) => &[Pass::Basic, Pass::Token],
    };
    passes
        .iter()
        .flat_map(|pass| plan_pass(setup, *pass).into_iter().map(|ask| (*pass, ask)))
        .collect()
}

fn plan_pass(setup: &Setup, pass: Pass) -> Vec<Ask> {
    use ProviderId as P;
    let mut plan = Vec::new();
    let keyrings: Vec<P> = [P::SYSTEM_KEYRING, P::KeyringCommand]
        .into_iter()
        .filter(|id| *id != P::KeyringCommand || setup.optional.contains(id))
        .collect();
    if let Some(name) = &setup.name {
        // (a), (b) variables
        plan.push(Ask::ByName(P::Environment));
        if setup.optional.contains(&P::AgentEnvironment) {
            plan.push(Ask::ByName(P::AgentEnvironment));
        }
        // (c) what the settings name
        let settings_token = setup.settings_username.as_deref() == Some(TOKEN_USERNAME);
        if let Some(provider) = setup.settings
            && (pass == Pass::Basic) != settings_token
        {
            plan.push(Ask::Settings(provider));
        }
        // (d) Poetry's files
        plan.extend([P::PoetryToml, P::AuthToml, P::ConfigToml].map(Ask::ByName));
        if pass == Pass::Basic && setup.userinfo.is_some() {
            plan.push(Ask::Userinfo);
        }
        // (e) keyrings by name
        for keyring in &keyrings {
            for spelling in name.stored_spellings() {
                let service = format!("poetry-repository-{spelling}");
                plan.push(Ask::KeyringByName(*keyring, service));
            }
        }
    }
    if pass == Pass::Token {
        return plan;
    }
    // (f) keyrings by URL, then host
    let mut services: Vec<String> = Vec::new();
    let mut urls: Vec<&RepositoryUrl> = setup.urls.iter().collect();
    if urls.is_empty() {
        urls.extend(&setup.request);
    }
    let forms = urls.iter().flat_map(|url| url.slash_forms());
    let hosts = urls.iter().map(|url| url.origin().host_port());
    for service in forms.chain(hosts) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    for keyring in &keyrings {
        plan.extend(
            services
                .iter()
                .map(|s| Ask::KeyringByUrl(*keyring, s.clone())),
        );
    }
    // (g) uv's store, (h) netrc: by the URL of the request
    let mut places: Vec<&RepositoryUrl> = setup.request.iter().collect();
    if places.is_empty() {
        places.extend(&setup.urls);
    }
    plan.extend(
        places
            .iter()
            .map(|url| Ask::ByUrl(P::UvStore, (*url).clone())),
    );
    if setup.optional.contains(&P::Netrc) {
        plan.extend(
            places
                .iter()
                .map(|url| Ask::ByUrl(P::Netrc, (*url).clone())),
        );
    }
    plan
}

#[cfg(test)]
#[path = "resolution_tests.rs"]
mod tests;
