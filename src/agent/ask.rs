//! Asks the providers that a resolution names, each within its own time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use credential_helper_protocol::Question;

use super::drive::Drive;
use super::registry::Providers;
use crate::domain::credential::{Answer, ProviderId, Why};
use crate::domain::resolution::{Ended, Resolution};
use crate::domain::text::{has_control, shown};
use crate::provider::Call;
use crate::provider::files::FILE_TIME;

impl Drive<'_> {
    pub(super) async fn ask_all(
        &self,
        mut resolution: Resolution,
        call: &mut Call,
        question: &Question,
        providers: &Providers,
    ) -> (Ended, bool) {
        let explicit = question.context.timeout_ms.map(Duration::from_millis);
        let total = explicit.unwrap_or(providers.timeout);
        let begun = Instant::now();
        // Time of commands does not count against the others, unless the client said how long.
        let mut outside = Duration::ZERO;
        let mut spent: HashMap<ProviderId, Duration> = HashMap::new();
        let mut given_up: HashMap<ProviderId, Why> = HashMap::new();
        let mut asked_keyring = false;
        while let Some(request) = resolution.next_request() {
            let id = request.provider;
            let Some(provider) = providers.get(id) else {
                resolution.answer(Answer::Skipped("not on this platform".to_owned()), 0);
                continue;
            };
            asked_keyring |= id.is_keyring();
            if let Some(why) = given_up.get(&id) {
                let answer = Answer::failed(*why, "not asked again in this request");
                resolution.answer(answer, 0);
                continue;
            }
            if let Some(rest) = self.breakers.open(id) {
                let detail = format!("not asked: it timed out before, next try in {rest} s");
                resolution.answer(Answer::failed(Why::TimedOut, detail), 0);
                continue;
            }
            let left = (total + outside).saturating_sub(begun.elapsed());
            let own = providers.own_time(id, question.context.prompt);
            let limit = match (own, explicit) {
                (Some(own), Some(_)) => own.min(left),
                (Some(own), None) => own,
                (None, _) => left,
            };
            let used = spent.get(&id).copied().unwrap_or_default();
            let limit = if id == ProviderId::SYSTEM_KEYRING {
                limit.saturating_sub(used)
            } else {
                limit
            };
            let limit = if id == ProviderId::SYSTEM_KEYRING && !question.context.prompt {
                limit.min(left)
            } else {
                limit
            };
            if limit.is_zero() {
                // It was others who took the time: nothing is known of this one.
                given_up.insert(id, Why::TimedOut);
                let answer = Answer::failed(Why::TimedOut, "no time was left for it");
                resolution.answer(answer, 0);
                continue;
            }
            let start = Instant::now();
            call.time = limit;
            let answer = tokio::time::timeout(limit, provider.find(&request.key, call))
                .await
                .unwrap_or_else(|_| {
                    Answer::failed(Why::TimedOut, format!("no answer within {limit:.1?}"))
                });
            let took = start.elapsed();
            *spent.entry(id).or_default() += took;
            if own.is_some() && explicit.is_none() && id != ProviderId::SYSTEM_KEYRING {
                outside += took;
            }
            match &answer {
                Answer::Failed(Why::TimedOut, _) => {
                    // Of one that was cut short, by a client in a hurry or by slow others, that
                    // says nothing; other clients may still want to ask it.
                    if used + took >= own.unwrap_or(FILE_TIME).min(providers.timeout) {
                        self.breakers.timed_out(id);
                    }
                    given_up.insert(id, Why::TimedOut);
                }
                Answer::Failed(Why::Unavailable, _) if id.is_keyring() => {
                    given_up.insert(id, Why::Unavailable);
                }
                // Who said no to a window is not shown the next one.
                Answer::Failed(Why::Locked, _) => call.prompt = false,
                Answer::Failed(..) | Answer::Skipped(_) => {}
                Answer::Found(_) | Answer::NotFound => self.breakers.answered(id),
            }
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            resolution.answer(checked(answer), ms);
        }
        (resolution.finish(), asked_keyring)
    }
}

/// No provider may pass on a control character: line-based protocols would read it as their own.
fn checked(answer: Answer) -> Answer {
    match answer {
        Answer::Found(halves)
            if halves.username.as_deref().is_some_and(has_control)
                || halves
                    .secret
                    .as_ref()
                    .is_some_and(|secret| has_control(secret.expose())) =>
        {
            let detail = format!("{}: it holds a control character", shown(&halves.location));
            Answer::failed(Why::Malformed, detail)
        }
        other => other,
    }
}
