//! `Set` and `Delete` in other tools' words: names are stored as Poetry does, everything else in the
//! keyring under exactly the text that came, as Python keyring would, so that the tool finds it
//! again with us or without us.

use credential_helper_protocol::{
    Changed, Context, Delete, ErrorCode, Failure, Question, Secret, Set,
};

use super::change::{check_secret, keyring_time, place};
use super::{Agent, drive, question};
use crate::domain::credential::{EMPTY_USERNAME, Key, ProviderId};
use crate::domain::service::{Form, POETRY, Service};
use crate::domain::text::shown;
use crate::provider::presence::Presence;
use crate::provider::{Call, Provider};

impl Agent {
    /// `Set` of a service.
    ///
    /// # Errors
    /// Where it cannot be stored; without a keyring nothing is: plain text is for Poetry's own files.
    pub(super) async fn set_service(&self, set: &Set, text: &str) -> Result<Changed, Failure> {
        self.not_locked()?;
        let service = alone(&set.name, text)?;
        if let Form::Name(name, _) = &service.form {
            let named = Set {
                name: name.as_str().to_owned(),
                service: None,
                username: set.username.clone().map(without_sentinel),
                ..set.clone()
            };
            return self.set(&named).await;
        }
        let username = account(set.username.as_deref())?;
        let secret = set
            .secret
            .as_ref()
            .ok_or_else(|| Failure::new(ErrorCode::Usage, "no secret to store"))?;
        check_secret(secret)?;
        if set.url.is_some() {
            return Err(Failure::new(
                ErrorCode::Usage,
                "only a repository's name is bound to a URL, a service is not",
            ));
        }
        if matches!(service.form, Form::Nothing) {
            return Err(Failure::new(
                ErrorCode::Usage,
                "nothing can be stored under this service",
            ));
        }
        let (mut call, _) = self.keyring_call(&set.context, true).await?;
        self.store_exactly(&service, username, secret, &mut call, &set.context)
            .await
    }

    async fn store_exactly(
        &self,
        service: &Service,
        username: &str,
        secret: &Secret,
        call: &mut Call,
        context: &Context,
    ) -> Result<Changed, Failure> {
        let key = Key::Service {
            service: service.text.clone(),
            username: Some(username.to_owned()),
        };
        call.time = Self::time_for_keyring(context);
        let location = keyring_time(call, self.registry.keyring.store(&key, secret, call)).await?;
        self.changed();
        let mut changed = Changed {
            username: Some(username.to_owned()),
            stored: vec![place(ProviderId::SYSTEM_KEYRING, &location)],
            ..Changed::default()
        };
        self.say_what_is_before(service, username, &key, context, &mut changed)
            .await;
        Ok(changed)
    }

    /// Says which places answer before the entry that was just written.
    async fn say_what_is_before(
        &self,
        service: &Service,
        username: &str,
        key: &Key,
        context: &Context,
        changed: &mut Changed,
    ) {
        let Ok(mut call) = self.call(context) else {
            return;
        };
        let question = Question {
            service: Some(service.text.clone()),
            username: Some(username.to_owned()),
            context: context.clone(),
            ..Question::default()
        };
        let Ok(resolved) = self.drive().resolve(&question, &mut call, true).await else {
            return;
        };
        let steps = resolved.ended.steps.into_iter();
        let before = steps.take_while(|step| step.key != *key);
        for step in before.filter(|step| step.answer == "found") {
            let location = step.location.unwrap_or_default();
            changed.left.push(place(step.provider, &location));
        }
    }

    /// `Delete` of a service: exactly one account of it.
    ///
    /// # Errors
    /// `not-found` where there was none; where a store is locked or cannot be changed.
    pub(super) async fn delete_service(
        &self,
        delete: &Delete,
        text: &str,
    ) -> Result<Changed, Failure> {
        self.not_locked()?;
        let service = alone(&delete.name, text)?;
        let username = account(delete.username.as_deref())?;
        let missing = || {
            Failure::new(
                ErrorCode::NotFound,
                format!(
                    "nothing is stored for \"{}\" under this username",
                    shown(&service.shown())
                ),
            )
        };
        if matches!(service.form, Form::Nothing) {
            return Err(missing());
        }
        let mut changed = Changed {
            username: Some(username.to_owned()),
            ..Changed::default()
        };
        let mut exact = true;
        if let Form::Name(name, _) = &service.form {
            let own = without_sentinel(username.to_owned());
            let (call, known) = self.known(&delete.context).await?;
            changed = self
                .remove(name, Some(&own), &delete.context, call, &known, false)
                .await?;
            exact = service.text.strip_prefix(POETRY) != Some(name.as_str());
        }
        if exact {
            let named = matches!(service.form, Form::Name(..));
            let (mut call, keyring) = self.keyring_call(&delete.context, !named).await?;
            call.time = Self::time_for_keyring(&delete.context);
            let key = Key::Service {
                service: service.text.clone(),
                username: Some(username.to_owned()),
            };
            if keyring {
                let erase = self.registry.keyring.erase(&key, &call);
                for location in keyring_time(&call, erase).await? {
                    changed
                        .removed
                        .push(place(ProviderId::SYSTEM_KEYRING, &location));
                }
            }
            self.changed();
        }
        if changed.removed.is_empty() {
            return Err(missing());
        }
        Ok(changed)
    }

    /// A call for which the keyring is the only place; whether there is one.
    async fn keyring_call(&self, context: &Context, needed: bool) -> Result<(Call, bool), Failure> {
        let (mut call, known) = self.known(context).await?;
        let missing = |why: &str| {
            Failure::new(
                ErrorCode::Unavailable,
                format!("there is no keyring to change this in: {why}"),
            )
            .hint("only what is stored for a repository's name can stand in a file: `helper set NAME`")
        };
        if let Some(why) = &known.keyring_off {
            return if needed {
                Err(missing(why))
            } else {
                Ok((call, false))
            };
        }
        call.time = drive::KEYRING_TIME;
        let presence = self.registry.keyring.presence(&call);
        match tokio::time::timeout(call.time, presence).await {
            // What is locked or slow says so itself.
            Ok(Presence::Present | Presence::Unknown(_)) | Err(_) => Ok((call, true)),
            Ok(Presence::Absent(_)) if !needed => Ok((call, false)),
            Ok(Presence::Absent(why)) => Err(missing(&why)),
        }
    }
}

/// The service of a change that names no repository as well.
fn alone(name: &str, text: &str) -> Result<Service, Failure> {
    if name.is_empty() {
        return Service::parse(text);
    }
    Err(Failure::new(
        ErrorCode::Usage,
        "the call names a service and a repository",
    ))
}

/// The account, which a keyring needs.
fn account(username: Option<&str>) -> Result<&str, Failure> {
    let Some(username) = username else {
        return Err(
            Failure::new(ErrorCode::Usage, "no username is given for this service")
                .hint("a service may have several accounts: name the one that is meant"),
        );
    };
    question::check_username(username)?;
    Ok(username)
}

/// Poetry's spelling of an empty username, as the rest of the agent has it.
fn without_sentinel(username: String) -> String {
    if username == EMPTY_USERNAME {
        String::new()
    } else {
        username
    }
}
