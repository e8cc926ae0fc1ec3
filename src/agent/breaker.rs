//! Circuit breakers: a provider that timed out twice in a row is left alone for a while, so that
//! it does not slow the others.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use super::clock::{Clock, Moment};
use crate::domain::credential::ProviderId;

/// Time-outs in a row that open a breaker.
const TIME_OUTS: u32 = 2;
/// The first rest; each further time-out doubles it.
const FIRST_REST: Duration = Duration::from_secs(5);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// The breakers of all providers.
pub struct Breakers {
    clock: Clock,
    state: RefCell<HashMap<ProviderId, State>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    in_a_row: u32,
    until: Option<Moment>,
}

impl Breakers {
    /// All closed.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: RefCell::default(),
        }
    }

    /// For how many more seconds the provider is left alone; `None` where it may be asked.
    pub fn open(&self, id: ProviderId) -> Option<u64> {
        let until = self.state.borrow().get(&id)?.until?;
        let left = until.since(self.clock.now());
        (!left.is_zero()).then(|| left.as_secs() + 1)
    }

    /// The provider did not answer in time.
    pub fn timed_out(&self, id: ProviderId) {
        let mut states = self.state.borrow_mut();
        let state = states.entry(id).or_default();
        state.in_a_row += 1;
        if let Some(over) = state.in_a_row.checked_sub(TIME_OUTS) {
            let rest = FIRST_REST
                .saturating_mul(1 << over.min(6))
                .min(LONGEST_REST);
            state.until = Some(self.clock.now() + rest);
        }
    }

    /// The provider answered, or is known to be a new one.
    pub fn answered(&self, id: ProviderId) {
        self.state.borrow_mut().remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Breakers;
    use crate::agent::clock::Clock;
    use crate::domain::credential::ProviderId;

    #[test]
    fn rests_double_up_to_a_minute_and_end_with_an_answer() {
        let (clock, hand) = Clock::manual();
        let breakers = Breakers::new(clock);
        let id = ProviderId::SYSTEM_KEYRING;
        breakers.timed_out(id);
        assert_eq!(breakers.open(id), None);
        let mut rests = Vec::new();
        for _ in 0..6 {
            breakers.timed_out(id);
            let mut rest = 0;
            while breakers.open(id).is_some() {
                hand.set(hand.get() + Duration::from_secs(1));
                rest += 1;
            }
            rests.push(rest);
        }
        assert_eq!(rests, [5, 10, 20, 40, 60, 60]);
        breakers.timed_out(id);
        assert!(breakers.open(id).is_some());
        breakers.answered(id);
        assert_eq!(breakers.open(id), None);
    }
}
