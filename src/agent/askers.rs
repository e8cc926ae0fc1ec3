//! What a process has asked for in other tools' words: hosts that were asked for by URL before, and
//! questions that come again. The table is bounded, and what is old is forgotten.

use std::cell::RefCell;
use std::time::Duration;

use credential_helper_protocol::Process;

use super::clock::{Clock, Moment};
use super::question::Parsed;
use crate::domain::service::{Form, Host};
use crate::domain::url::Origin;

/// How long a bare host is taken for the URL that the same process asked for before.
const MEMORY: Duration = Duration::from_mins(5);
/// Within this time after an answer, the same question means that the answer was of no use.
const AGAIN: Duration = Duration::from_secs(10);
/// Entries of each kind.
const ENTRIES: usize = 256;

/// A URL's origin that a process asked for.
struct Asked {
    parent: Process,
    origin: Origin,
    /// The repository that was answered for the last URL there.
    name: Option<String>,
    at: Moment,
}

/// A question of a process.
struct Visit {
    parent: Process,
    place: String,
    text: String,
    username: Option<String>,
    /// When it was answered, and with what repository's secret.
    answered: Option<(Moment, Option<String>)>,
    /// When the store was read anew for it.
    renewed: Option<Moment>,
}

/// What a question was answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// The secret of this repository, or of none.
    Secret(Option<String>),
    /// No secret.
    Nothing,
}

/// A question that comes again.
#[derive(Debug, PartialEq, Eq)]
pub struct Again {
    /// The repository whose secret was of no use.
    pub name: Option<String>,
}

/// What processes have asked for.
pub struct Askers {
    clock: Clock,
    asked: RefCell<Vec<Asked>>,
    visits: RefCell<Vec<Visit>>,
}

impl Askers {
    /// Nothing yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            asked: RefCell::default(),
            visits: RefCell::default(),
        }
    }

    /// Notes a question. It comes again where the same process was given an answer to it within the
    /// last seconds and has asked for nothing else of that host in between: then a server has most
    /// likely refused that answer, which only few tools can say. That is said once within these
    /// seconds, so that a loop in a shell does not mint a token for each turn.
    pub(super) fn visit(&self, parent: Process, parsed: &Parsed) -> Option<Again> {
        let (place, text) = place(parsed)?;
        let now = self.clock.now();
        if let Some(origin) = url_origin(parsed) {
            self.remember(parent, origin, now);
        }
        let mut visits = self.visits.borrow_mut();
        visits.retain(|visit| visit.parent != parent || visit.place != place || visit.text == text);
        let old = |visit: &Visit| {
            let since = |moment: Moment| now.since(moment) >= AGAIN;
            visit.answered.as_ref().is_some_and(|(at, _)| since(*at))
                && visit.renewed.is_none_or(since)
        };
        visits.retain(|visit| !old(visit));
        let same = |visit: &&mut Visit| {
            visit.parent == parent && visit.text == text && visit.username == parsed.username
        };
        if let Some(visit) = visits.iter_mut().find(same) {
            let (at, name) = visit.answered.take()?;
            let soon = |moment: Moment| now.since(moment) < AGAIN;
            if soon(at) && !visit.renewed.is_some_and(soon) {
                visit.renewed = Some(now);
                return Some(Again { name });
            }
            return None;
        }
        if visits.len() >= ENTRIES {
            visits.remove(0);
        }
        visits.push(Visit {
            parent,
            place,
            text,
            username: parsed.username.clone(),
            answered: None,
            renewed: None,
        });
        None
    }

    /// Notes how a question ended.
    pub(super) fn ended(&self, parent: Process, parsed: &Parsed, given: &Given) {
        let Some((_, text)) = place(parsed) else {
            return;
        };
        let now = self.clock.now();
        if let Some(origin) = url_origin(parsed) {
            let mut asked = self.asked.borrow_mut();
            let same = |asked: &&mut Asked| asked.parent == parent && asked.origin == *origin;
            if let Some(asked) = asked.iter_mut().find(same) {
                asked.name = match given {
                    Given::Secret(name) => name.clone(),
                    Given::Nothing => None,
                };
                asked.at = now;
            }
        }
        let mut visits = self.visits.borrow_mut();
        let same = |visit: &&mut Visit| {
            visit.parent == parent && visit.text == text && visit.username == parsed.username
        };
        if let Some(visit) = visits.iter_mut().find(same) {
            visit.answered = match given {
                Given::Secret(name) => Some((now, name.clone())),
                Given::Nothing => None,
            };
        }
    }

    /// Whether the process has asked for a URL of this host over plain http.
    pub(super) fn asked_http(&self, parent: Process, host: &Host) -> bool {
        self.lately(parent, |asked| {
            (asked.origin.is_http() && host.is_at(&asked.origin)).then_some(())
        })
        .is_some()
    }

    /// The repository that the process was last given the secret of, for a URL of such an origin.
    pub(super) fn answered(
        &self,
        parent: Process,
        is_at: impl Fn(&Origin) -> bool,
    ) -> Option<String> {
        self.lately(parent, |asked| {
            is_at(&asked.origin).then(|| asked.name.clone()).flatten()
        })
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.asked.borrow_mut().clear();
        self.visits.borrow_mut().clear();
    }

    fn lately<T>(&self, parent: Process, what: impl Fn(&Asked) -> Option<T>) -> Option<T> {
        let now = self.clock.now();
        let asked = self.asked.borrow();
        asked
            .iter()
            .rev()
            .filter(|asked| asked.parent == parent && now.since(asked.at) < MEMORY)
            .find_map(what)
    }

    fn remember(&self, parent: Process, origin: &Origin, now: Moment) {
        let mut asked = self.asked.borrow_mut();
        asked.retain(|asked| now.since(asked.at) < MEMORY);
        let known = asked
            .iter()
            .position(|asked| asked.parent == parent && asked.origin == *origin);
        // The last one stands at the end.
        let mut entry = match known {
            Some(at) => asked.remove(at),
            None => Asked {
                parent,
                origin: origin.clone(),
                name: None,
                at: now,
            },
        };
        entry.at = now;
        if asked.len() >= ENTRIES {
            asked.remove(0);
        }
        asked.push(entry);
    }
}

/// The host of a question, or the text where there is none; and the text.
fn place(parsed: &Parsed) -> Option<(String, String)> {
    let service = parsed.service.as_ref()?;
    let place = match &service.form {
        Form::Url { url, .. } => url.origin().host_port(),
        Form::Host(host) => host.url(false).origin().host_port(),
        Form::Name(..) | Form::Other | Form::Nothing => service.text.clone(),
    };
    Some((place, service.text.clone()))
}

/// The origin of a URL with a path; one without is itself a question about a host.
fn url_origin(parsed: &Parsed) -> Option<&Origin> {
    match &parsed.service.as_ref()?.form {
        Form::Url { url, .. } => Some(url.origin()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use credential_helper_protocol::{Process, Question};

    use super::{Again, Askers, Form, Given};
    use crate::agent::clock::Clock;
    use crate::agent::question::{Parsed, parse};

    const PIP: Process = Process { pid: 7, start: 1 };
    const OTHER: Process = Process { pid: 7, start: 2 };

    fn asked(service: &str, username: &str) -> Parsed {
        let question = Question {
            service: Some(service.to_owned()),
            username: Some(username.to_owned()),
            ..Question::default()
        };
        parse(&question).unwrap()
    }

    fn found(askers: &Askers, parent: Process, parsed: &Parsed, name: &str) -> Option<Again> {
        let again = askers.visit(parent, parsed);
        askers.ended(parent, parsed, &Given::Secret(Some(name.to_owned())));
        again
    }

    #[test]
    fn the_same_question_of_the_same_process_comes_again() {
        let (clock, hand) = Clock::manual();
        let askers = Askers::new(clock);
        let later = |seconds| hand.set(hand.get() + Duration::from_secs(seconds));
        let a = asked("https://h.example/a/simple/", "alice");
        let b = asked("https://h.example/b/simple/", "alice");
        let elsewhere = asked("https://other.example/", "alice");
        let again = Some(Again {
            name: Some("a".to_owned()),
        });
        assert_eq!(found(&askers, PIP, &a, "a"), None);
        assert_eq!(found(&askers, OTHER, &a, "a"), None);
        assert_eq!(found(&askers, PIP, &elsewhere, "o"), None);
        assert_eq!(found(&askers, PIP, &a, "a"), again);
        // Once within ten seconds.
        assert_eq!(found(&askers, PIP, &a, "a"), None);
        later(10);
        assert_eq!(found(&askers, PIP, &a, "a"), None);
        later(1);
        assert_eq!(found(&askers, PIP, &b, "b"), None);
        assert_eq!(found(&askers, PIP, &a, "a"), None);
        // Another account is another question.
        assert_eq!(
            found(
                &askers,
                PIP,
                &asked("https://h.example/a/simple/", "bob"),
                "a"
            ),
            None
        );
        later(11);
        assert_eq!(found(&askers, PIP, &a, "a"), None);
        // What was not found is looked for anyway.
        askers.visit(PIP, &a);
        askers.ended(PIP, &a, &Given::Nothing);
        assert_eq!(askers.visit(PIP, &a), None);
    }

    #[test]
    fn hosts_are_known_by_the_last_url() {
        let (clock, hand) = Clock::manual();
        let askers = Askers::new(clock);
        let host = asked("h.example", "");
        let Form::Host(host) = host.service.unwrap().form else {
            panic!("no host");
        };
        let name = |parent| askers.answered(parent, |origin| host.is_at(origin));
        found(&askers, PIP, &asked("https://h.example/a/", ""), "a");
        assert_eq!(name(PIP).as_deref(), Some("a"));
        assert_eq!(name(OTHER), None);
        assert!(!askers.asked_http(PIP, &host));
        let b = asked("https://h.example/b/", "");
        askers.visit(PIP, &b);
        askers.ended(PIP, &b, &Given::Nothing);
        assert_eq!(name(PIP), None);
        found(&askers, PIP, &asked("https://h.example/a/", ""), "a");
        let plain = asked("http://h.example/a/", "");
        askers.visit(PIP, &plain);
        assert!(askers.asked_http(PIP, &host));
        hand.set(Duration::from_mins(6));
        assert_eq!(name(PIP), None);
        assert!(!askers.asked_http(PIP, &host));
        for at in 0..1000 {
            found(
                &askers,
                PIP,
                &asked(&format!("https://h{at}.example/"), ""),
                "a",
            );
        }
        assert!(askers.asked.borrow().len() <= super::ENTRIES);
        assert!(askers.visits.borrow().len() <= super::ENTRIES);
        askers.forget();
        assert!(askers.asked.borrow().is_empty());
    }
}
