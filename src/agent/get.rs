//! `Get` and `Report`: answers that are kept, looked up, and held back after a refusal.

use std::cell::Cell;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Got, Nothing, Question, Report};

use super::answers::{About, Bytes, Keep};
use super::rejected::{Who, subject};
use super::{Agent, connection, question, token};
use crate::domain::resolution::Outcome;

impl Agent {
    /// `Get`: the reply as it goes over the wire. Who had it is left in `provider`, for the log.
    ///
    /// # Errors
    /// Where there is no credential.
    pub async fn get(
        &self,
        question: &Question,
        message: &[u8],
        who: Who,
        provider: &Cell<&'static str>,
    ) -> Result<Bytes, Failure> {
        if question.service.is_some() {
            let get = self.get_service(question, message, who, provider);
            return Box::pin(get).await;
        }
        self.get_kept(question, message, who, provider).await
    }

    /// The same for a question that is kept under this key.
    pub(super) async fn get_kept(
        &self,
        question: &Question,
        message: &[u8],
        who: Who,
        provider: &Cell<&'static str>,
    ) -> Result<Bytes, Failure> {
        self.not_locked()?;
        provider.set("cache");
        if let Some(kept) = self.quick(message) {
            return Ok(kept);
        }
        if self.rejected.is_empty()
            && let Some(kept) = self.answers.find_by_a_look(message).await
        {
            self.not_locked()?;
            return Ok(kept);
        }
        self.answers.missed();
        let who = question.context.parent.map_or(who, Who::Parent);
        if !question.context.variables.is_empty() || !self.rejected.is_empty() {
            return self.look_up(question, message, who, provider).await;
        }
        let look_up = async || self.look_up(question, message, who, provider).await;
        let result = self.answers.once(message, look_up).await;
        // A flight that landed while we waited may be from before a `lock`.
        self.not_locked()?;
        result
    }

    async fn look_up(
        &self,
        question: &Question,
        message: &[u8],
        who: Who,
        provider: &Cell<&'static str>,
    ) -> Result<Bytes, Failure> {
        provider.set("");
        let begun = self.answers.begin();
        let mut call = self.call(&question.context)?;
        let view = call.files.clone();
        self.notice_keyring();
        let resolved = self.drive().resolve(question, &mut call, false).await?;
        self.not_locked()?;
        let settings = resolved.known.settings.clone();
        let (bound_now, keyring) = (resolved.bound_now, resolved.asked_keyring);
        if bound_now {
            self.answers.forget();
        }
        let about = question::about(question);
        if let Outcome::Found(found) = &resolved.ended.outcome {
            provider.set(found.provider.word());
        }
        let name = resolved.name.as_ref().map(|name| name.as_str().to_owned());
        let result = resolved.into_credential();
        let keep = |absolute: Duration| Keep {
            stamp: view.stamp(),
            keyring,
            idle: settings.cache.idle.min(absolute),
            absolute,
        };
        let cacheable = question.context.variables.is_empty() && !bound_now;
        match result {
            Ok(credential) => {
                if let Some(secret) = &credential.password
                    && self.rejected.holds(who, &subject(&credential), secret)
                {
                    return Err(Failure::new(
                        ErrorCode::Rejected,
                        format!(
                            "the server has just refused the credential of {}",
                            credential.provider
                        ),
                    )
                    .hint(match &credential.name {
                        Some(name) => {
                            format!("store the right one with `helper set {name} USERNAME`")
                        }
                        None => format!("correct it in {}", credential.location),
                    }));
                }
                self.note_answer(question, name.clone());
                // What ends by itself is kept by its provider; here just as long as others.
                let ends = credential.expires.is_some();
                // A refusal is told from what is stored, not from what was made of it.
                let secret = credential.password.clone();
                let token::Answer {
                    credential,
                    keep: life,
                } = token::answer(credential, question)?;
                if let Some(secret) = &secret {
                    self.rejected.gave(who, &about, secret);
                }
                let bytes = connection::encode_got(&Got { credential })?;
                let absolute = life.map_or(settings.cache.absolute, |life| {
                    settings.cache.absolute.min(life)
                });
                if cacheable && !ends && !absolute.is_zero() {
                    let keep = keep(absolute);
                    let about = About {
                        question: about,
                        name,
                        secret,
                    };
                    self.answers
                        .keep(message, bytes.clone(), keep, about, begun);
                }
                Ok(bytes)
            }
            Err(failure) => {
                if cacheable && failure.code == ErrorCode::NotFound {
                    let bytes = connection::encode_error(&failure)?;
                    let keep = keep(settings.cache.not_found);
                    let about = About {
                        question: about,
                        name: None,
                        secret: None,
                    };
                    self.answers.keep(message, bytes, keep, about, begun);
                }
                Err(failure)
            }
        }
    }

    /// `Report`: what a server said about a credential. Drops the copy and reads the store again,
    /// once; a secret that is still the same is held back for a while.
    ///
    /// # Errors
    /// For an unknown outcome.
    pub async fn report(&self, report: &Report, who: Who) -> Result<Nothing, Failure> {
        let question = &report.question;
        let who = question.context.parent.map_or(who, Who::Parent);
        let about = question::about(question);
        match report.outcome.as_str() {
            "accepted" => {
                self.rejected.accepted(&about);
                return Ok(Nothing {});
            }
            // A server that knows the account but forbids the thing: the secret is right.
            "forbidden" => {
                self.answers.drop_about(question);
                return Ok(Nothing {});
            }
            "unauthorized" => {}
            _ => {
                return Err(Failure::new(
                    ErrorCode::Usage,
                    "the outcome of a report is unknown",
                ));
            }
        }
        self.not_locked()?;
        let given = self.answers.drop_about(question);
        self.registry.forget();
        let mut call = self.call(&question.context)?;
        let resolved = self.drive().resolve(question, &mut call, false).await?;
        if let Ok(credential) = resolved.into_credential()
            && let subject = subject(&credential)
            && let Some(secret) = credential.password
        {
            // What has taken the refused one's place meanwhile is not held back.
            let was_given = self.rejected.is_given(who, &about, &secret);
            let was_kept = given.iter().any(|given| given.same(&secret));
            if was_given.unwrap_or(was_kept || given.is_empty()) {
                self.rejected.add(who, about, subject, secret);
            }
        }
        Ok(Nothing {})
    }
}
