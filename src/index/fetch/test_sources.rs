//! Sources, and somebody in the agent's place.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use credential_helper_protocol::{Credential, ErrorCode, Failure, Secret};
use url::Url;

use super::{Asker, Bound, Demand, Inquiry, Outcome, Plan, Requester, Seen, Setup, Watch, desk};
use crate::http::Proxies;
use crate::index::source::{Authenticate, Form, Kind, Priority, Source};

/// A source with this name and URL.
pub(crate) fn source(name: &str, url: &str) -> Source {
    let url = Url::parse(url).unwrap();
    Source {
        name: (!name.is_empty()).then(|| name.to_owned()),
        canonical: url.clone(),
        url,
        userinfo: None,
        priority: Priority::Primary,
        kind: Kind::Index,
        authenticate: Authenticate::Auto,
        ignore_errors: Vec::new(),
        exclude_newer: None,
        always: false,
        form: Form::Uv,
        place: "a test".to_owned(),
    }
}

/// A credential of an account named as the repository, with this secret.
pub(crate) fn credential(inquiry: &Inquiry, secret: &str) -> Credential {
    Credential {
        username: Some(inquiry.name.clone().unwrap_or_else(|| "url".to_owned())),
        password: Some(Secret::from(secret)),
        provider: "auth.toml".to_owned(),
        ..Credential::default()
    }
}

pub(crate) fn failure(code: ErrorCode, words: &str) -> Failure {
    Failure::new(code, words)
}

/// What was asked of the agent, in words.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Told {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    fn add(&self, words: String) {
        self.0.0.lock().unwrap().push(words);
        self.0.1.notify_all();
    }
}

/// Somebody in the agent's place; `get` is told how often it was asked before.
pub(crate) fn agent(
    bound: Vec<Bound>,
    get: impl Fn(&Inquiry, usize) -> Result<Credential, Failure> + Send + 'static,
) -> (Asker, Told) {
    let (asker, mut desk) = desk();
    let told = Told::default();
    let record = told.clone();
    thread::spawn(move || {
        let mut before = 0;
        while let Some(demand) = desk.blocking_recv() {
            match demand {
                Demand::Get(inquiry, answer) => {
                    record.add(format!(
                        "get {} {}",
                        inquiry.name.as_deref().unwrap_or("-"),
                        inquiry.url
                    ));
                    let _ = answer.send(get(&inquiry, before));
                    before += 1;
                }
                Demand::Report(inquiry, outcome) => {
                    let name = inquiry.name.unwrap_or_default();
                    record.add(format!("report {name} {}", outcome.word()));
                }
                Demand::Bound(answer) => {
                    record.add("bound".to_owned());
                    let _ = answer.send(Ok(bound.clone()));
                }
            }
        }
    });
    (asker, told)
}

/// What was told of each request, in words.
#[derive(Default)]
pub(crate) struct Log(pub(crate) Mutex<Vec<String>>);

impl Watch for Log {
    fn seen(&self, seen: &Seen<'_>) {
        let status = seen.status.map(|status| status.to_string());
        let status = status.or_else(|| seen.trouble.clone()).unwrap_or_default();
        let words = [
            seen.method,
            seen.url.as_str(),
            &status,
            seen.cache.word(),
            seen.source,
            seen.provider.unwrap_or("-"),
        ];
        self.0.lock().unwrap().push(words.join(" "));
    }
}

/// A requester that does not wait long.
pub(crate) fn requester(
    sources: &[Arc<Source>],
    asker: Option<Asker>,
    watch: Arc<dyn Watch>,
) -> Requester {
    Requester::new(Setup {
        plan: Plan {
            silence: Duration::from_secs(20),
            retries: 2,
            pause: Duration::from_millis(1),
            proxies: Proxies::No,
            offline: false,
        },
        asker,
        sources: sources.to_vec(),
        tls: Vec::new(),
        watch,
        salt: b"salt".to_vec(),
    })
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// How often this outcome was reported. Nobody waits for a report, so this does: until there are as
/// many as expected.
pub(crate) fn reports(told: &Told, outcome: Outcome, expected: usize) -> usize {
    let word = outcome.word();
    let count = |all: &[String]| {
        let about = |words: &&String| words.starts_with("report ") && words.ends_with(word);
        all.iter().filter(about).count()
    };
    let (all, added) = &*told.0;
    let too_few = |all: &mut Vec<String>| count(all) < expected;
    let all = all.lock().unwrap();
    let (all, _) = added
        .wait_timeout_while(all, Duration::from_secs(20), too_few)
        .unwrap();
    count(&all)
}

/// One that may ask nothing.
pub(crate) fn offline(sources: &[Arc<Source>]) -> Requester {
    Requester::new(Setup {
        plan: Plan {
            offline: true,
            ..Plan::default()
        },
        asker: None,
        sources: sources.to_vec(),
        tls: Vec::new(),
        watch: Arc::new(()),
        salt: Vec::new(),
    })
}
