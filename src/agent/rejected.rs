//! Secrets that a server has just refused: the same one is not given again to the same run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use credential_helper_protocol::{Credential, Process, Secret};

use super::clock::{Clock, Moment};
use crate::domain::name::normalize;

/// How long a refused secret is held back.
const HOLD: Duration = Duration::from_secs(30);
/// Refusals remembered at once.
const REFUSALS: usize = 256;
/// Given secrets remembered at once.
const GIVEN: usize = 1024;

/// Who was refused: a connection, or through a bridge the process that started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A connection, by its serial number.
    Connection(u64),
    /// A process.
    Parent(Process),
}

/// Name and URL of a question.
pub type About = (Option<String>, Option<String>);

/// What a credential is for: the repository's name and the origin, so that a question that is put
/// in other words does not get what was refused.
pub type Subject = (Option<String>, Option<String>);

/// The subject of a credential.
pub fn subject(credential: &Credential) -> Subject {
    let name = credential.name.as_deref().map(normalize);
    (name, credential.origin.clone())
}

struct Refusal {
    who: Who,
    question: About,
    subject: Subject,
    secret: Secret,
    until: Moment,
}

/// A secret that went out, known again by its keyed hash alone.
struct Given {
    who: Who,
    question: About,
    hash: u64,
}

/// What was refused lately.
pub struct Rejected {
    clock: Clock,
    refusals: RefCell<Vec<Refusal>>,
    given: RefCell<VecDeque<Given>>,
    hasher: RandomState,
}

impl Rejected {
    /// Nothing yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            refusals: RefCell::default(),
            given: RefCell::default(),
            hasher: RandomState::new(),
        }
    }

    /// Whether nothing is held back: then a kept answer may be given without a further look.
    pub fn is_empty(&self) -> bool {
        let mut refusals = self.refusals.borrow_mut();
        if !refusals.is_empty() {
            let now = self.clock.now();
            refusals.retain(|refusal| !refusal.until.since(now).is_zero());
        }
        refusals.is_empty()
    }

    /// Notes that a secret was given, so that a report can tell it from the one that took its place.
    pub fn gave(&self, who: Who, question: &About, secret: &Secret) {
        let hash = self.hasher.hash_one(secret.expose());
        let mut given = self.given.borrow_mut();
        given.retain(|given| given.who != who || given.question != *question);
        if given.len() >= GIVEN {
            given.pop_front();
        }
        let question = question.clone();
        given.push_back(Given {
            who,
            question,
            hash,
        });
    }

    /// Whether this is the secret that was given last; unknown where nobody noted it.
    pub fn is_given(&self, who: Who, question: &About, secret: &Secret) -> Option<bool> {
        let given = self.given.borrow();
        let last = given
            .iter()
            .find(|given| given.who == who && given.question == *question)?;
        Some(last.hash == self.hasher.hash_one(secret.expose()))
    }

    /// Holds a secret back for a while.
    pub fn add(&self, who: Who, question: About, subject: Subject, secret: Secret) {
        let until = self.clock.now() + HOLD;
        let mut refusals = self.refusals.borrow_mut();
        if refusals.len() >= REFUSALS {
            refusals.remove(0);
        }
        refusals.push(Refusal {
            who,
            question,
            subject,
            secret,
            until,
        });
    }

    /// A server took a secret: nothing of this question is held back any more.
    pub fn accepted(&self, question: &About) {
        self.refusals
            .borrow_mut()
            .retain(|refusal| refusal.question != *question);
    }

    /// Whether this secret is held back from this run.
    pub fn holds(&self, who: Who, subject: &Subject, secret: &Secret) -> bool {
        let now = self.clock.now();
        let mut refusals = self.refusals.borrow_mut();
        refusals.retain(|refusal| !refusal.until.since(now).is_zero());
        refusals.iter().any(|refusal| {
            refusal.who == who && refusal.subject == *subject && refusal.secret.same(secret)
        })
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.refusals.borrow_mut().clear();
        self.given.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use credential_helper_protocol::Secret;

    use super::{Rejected, Who};
    use crate::agent::clock::Clock;

    #[test]
    fn the_same_run_waits_and_another_does_not() {
        let (clock, hand) = Clock::manual();
        let rejected = Rejected::new(clock);
        let question = (Some("foo".to_owned()), None);
        let old = Secret::from("old");
        let add = |who| rejected.add(who, question.clone(), question.clone(), old.clone());
        add(Who::Connection(1));
        assert!(rejected.holds(Who::Connection(1), &question, &old));
        assert!(!rejected.holds(Who::Connection(2), &question, &old));
        assert!(!rejected.holds(Who::Connection(1), &question, &Secret::from("new")));
        hand.set(hand.get() + Duration::from_secs(31));
        assert!(!rejected.holds(Who::Connection(1), &question, &old));
        assert!(rejected.is_empty());
    }
}
