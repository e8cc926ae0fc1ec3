//! Questions in other tools' words: what is kept for them, and what comes again.

use std::cell::Cell;

use credential_helper_protocol::{Context, ErrorCode, Explanation, Failure, Question};

use super::Agent;
use super::answers::Bytes;
use super::askers::Given;
use super::question::{self, Parsed};
use super::rejected::Who;
use crate::domain::service::Form;
use crate::domain::url::Origin;

impl Agent {
    /// `Get` of a service.
    ///
    /// # Errors
    /// Where there is no credential.
    pub(super) async fn get_service(
        &self,
        question: &Question,
        message: &[u8],
        who: Who,
        provider: &Cell<&'static str>,
    ) -> Result<Bytes, Failure> {
        self.not_locked()?;
        let parsed = question::parse(question)?;
        if parsed.is_nothing() {
            return Err(Failure::new(
                ErrorCode::NotFound,
                "nothing is ever stored under this service",
            ));
        }
        let Some(parent) = question.context.parent else {
            return self.get_kept(question, message, who, provider).await;
        };
        let again = self.askers.visit(parent, &parsed);
        let key = self.shared_key(question, &parsed);
        let key = key.as_deref().unwrap_or(message);
        if let Some(again) = again {
            self.answers.drop_one(key);
            if let Some(name) = again.name {
                self.registry.renew(&name);
            }
        }
        let result = self.get_kept(question, key, who, provider).await;
        if result.is_err() {
            self.askers.ended(parent, &parsed, &Given::Nothing);
        } else if let Some(given) = self.answers.given(key) {
            // A kept answer does not come by where answers are noted.
            self.askers.ended(parent, &parsed, &given);
        }
        result
    }

    /// Notes that a search of a process has led to a credential, for what it asks next.
    pub(super) fn note_answer(&self, question: &Question, name: Option<String>) {
        if let Some(parent) = question.context.parent
            && question.service.is_some()
            && let Ok(parsed) = question::parse(question)
        {
            let given = Given::Secret(name);
            self.askers.ended(parent, &parsed, &given);
        }
    }

    /// Under what the answer is kept for all processes that ask the same: the message has each
    /// one's own number in it. What else depends on who asks is a part of it. None where nothing
    /// is kept.
    fn shared_key(&self, question: &Question, parsed: &Parsed) -> Option<Vec<u8>> {
        let context = &question.context;
        let parent = context.parent?;
        if !context.variables.is_empty() {
            return None;
        }
        let shared = Question {
            context: Context {
                parent: None,
                ..context.clone()
            },
            ..question.clone()
        };
        // No message begins like this.
        let mut key = vec![0];
        serde_json::to_writer(&mut key, &shared).ok()?;
        let at = |wanted: &Origin| {
            let name = self.askers.answered(parent, |origin| origin == wanted);
            name.unwrap_or_default()
        };
        match &parsed.service.as_ref()?.form {
            Form::Host(host) => {
                let plain = self.askers.asked_http(parent, host);
                let name = self.askers.answered(parent, |origin| host.is_at(origin));
                key.extend([0, u8::from(plain)]);
                key.extend(name.unwrap_or_default().bytes());
            }
            Form::Url { url, .. } if url.segments().is_empty() => {
                key.push(0);
                key.extend(at(url.origin()).bytes());
            }
            _ => {}
        }
        Some(key)
    }
}

/// What is explained of a service that nobody ever stores anything under.
pub(super) fn no_search() -> Explanation {
    Explanation {
        result: "not-found".to_owned(),
        warnings: vec!["nothing is ever stored under this service: no place was asked".to_owned()],
        ..Explanation::default()
    }
}
