//! Secrets that a server has just refused: the same one is not given again to the same run.

use std::cell::RefCell;
use std::time::Duration;

use credential_helper_protocol::{Process, Secret};

use super::clock::{Clock, Moment};

/// How long a refused secret is held back.
const HOLD: Duration = Duration::from_secs(30);
/// Refusals remembered at once.
const REFUSALS: usize = 256;

/// Who was refused: a connection, or through a bridge the process that started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A connection, by its serial number.
    Connection(u64),
    /// A process.
    Parent(Process),
}

struct Refusal {
    who: Who,
    question: (Option<String>, Option<String>),
    secret: Secret,
    until: Moment,
}

/// What was refused lately.
pub struct Rejected {
    clock: Clock,
    refusals: RefCell<Vec<Refusal>>,
}

impl Rejected {
    /// Nothing yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            refusals: RefCell::default(),
        }
    }

    /// Whether nothing is held back: then a kept answer may be given without a further look.
    pub fn is_empty(&self) -> bool {
        self.refusals.borrow().is_empty()
    }

    /// Holds a secret back for a while.
    pub fn add(&self, who: Who, question: (Option<String>, Option<String>), secret: Secret) {
        let until = self.clock.now() + HOLD;
        let mut refusals = self.refusals.borrow_mut();
        if refusals.len() >= REFUSALS {
            refusals.remove(0);
        }
        refusals.push(Refusal {
            who,
            question,
            secret,
            until,
        });
    }

    /// A server took a secret: nothing of this question is held back any more.
    pub fn accepted(&self, question: &(Option<String>, Option<String>)) {
        self.refusals
            .borrow_mut()
            .retain(|refusal| refusal.question != *question);
    }

    /// Whether this secret is held back from this run.
    pub fn holds(
        &self,
        who: Who,
        question: &(Option<String>, Option<String>),
        secret: &Secret,
    ) -> bool {
        let now = self.clock.now();
        let mut refusals = self.refusals.borrow_mut();
        refusals.retain(|refusal| !refusal.until.since(now).is_zero());
        refusals.iter().any(|refusal| {
            refusal.who == who && refusal.question == *question && refusal.secret.same(secret)
        })
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.refusals.borrow_mut().clear();
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
        rejected.add(Who::Connection(1), question.clone(), old.clone());
        assert!(rejected.holds(Who::Connection(1), &question, &old));
        assert!(!rejected.holds(Who::Connection(2), &question, &old));
        assert!(!rejected.holds(Who::Connection(1), &question, &Secret::from("new")));
        hand.set(hand.get() + Duration::from_secs(31));
        assert!(!rejected.holds(Who::Connection(1), &question, &old));
        assert!(rejected.is_empty());
    }
}
