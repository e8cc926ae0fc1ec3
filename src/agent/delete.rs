//! `Delete`: from Poetry's files first, then from the keyring, so that a kill in between never
//! leaves a name without its secret.

use credential_helper_protocol::{Changed, Context, Delete, ErrorCode, Failure};

use super::change::{keyring_time, note_removed, place, poetry_file};
use super::{Agent, known, question};
use crate::domain::credential::{Answer, EMPTY_USERNAME, Key, ProviderId, Why};
use crate::domain::known::DeclaredBy;
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::url::RepositoryUrl;
use crate::provider::presence::Presence;
use crate::provider::{Call, Provider, poetry_edit};

impl Agent {
    /// Removes a credential from Poetry's files and from the keyring, under its name and its URLs.
    ///
    /// # Errors
    /// `not-found` where there was none; where a store is locked or cannot be changed.
    pub async fn delete(&self, delete: &Delete) -> Result<Changed, Failure> {
        if let Some(service) = &delete.service {
            return Box::pin(self.delete_service(delete, service)).await;
        }
        self.not_locked()?;
        let name = RepositoryName::parse(&delete.name)?;
        let username = delete.username.as_deref();
        if let Some(username) = username {
            question::check_username(username)?;
        }
        let (call, known) = self.known(&delete.context).await?;
        let changed = self
            .remove(&name, username, &delete.context, call, &known, true)
            .await?;
        if changed.removed.is_empty() {
            let mut failure = Failure::new(
                ErrorCode::NotFound,
                format!("nothing is stored for \"{name}\""),
            );
            if let Some(left) = changed.left.first() {
                failure = failure.hint(format!(
                    "what answers is {} ({}), which is changed in its own place",
                    left.provider, left.location
                ));
            }
            return Err(failure);
        }
        Ok(changed)
    }

    pub(super) async fn remove(
        &self,
        name: &RepositoryName,
        username: Option<&str>,
        context: &Context,
        mut call: Call,
        known: &known::Known,
        by_url: bool,
    ) -> Result<Changed, Failure> {
        let mut changed = Changed {
            name: Some(name.as_str().to_owned()),
            username: username.map(str::to_owned),
            ..Changed::default()
        };
        let account = username.map(|user| {
            if user.is_empty() {
                EMPTY_USERNAME
            } else {
                user
            }
        });
        let services = if by_url {
            services(name, known)
        } else {
            by_name(name)
        };
        call.time = Self::time_for_keyring(context);
        let keyring = &self.registry.keyring;
        let use_keyring = known.keyring_off.is_none()
            && matches!(
                tokio::time::timeout(call.time, keyring.presence(&call)).await,
                Ok(Presence::Present | Presence::Unknown(_)) | Err(_)
            );
        if use_keyring {
            // Nothing is changed in the files while the keyring cannot be changed too.
            let key = Key::Service {
                service: services[0].clone(),
                username: None,
            };
            let asked = tokio::time::timeout(call.time, keyring.find(&key, &call)).await;
            match asked.unwrap_or_else(|_| Answer::failed(Why::TimedOut, "no answer in time")) {
                Answer::Failed(why, detail) => {
                    let message = format!("cannot remove \"{name}\" from the keyring: {detail}");
                    return Err(Failure::new(why.code(), message)
                        .hint("unlock it with `helper agent unlock`; nothing was changed"));
                }
                Answer::Found(_) | Answer::NotFound | Answer::Skipped(_) => {}
            }
        }
        for (id, file) in [
            (ProviderId::AUTH_TOML, "auth.toml"),
            (ProviderId::CONFIG_TOML, "config.toml"),
        ] {
            let path = poetry_file(&call, file)?;
            let gone = poetry_edit::remove_credentials(&path, name, username)
                .await?
                .any();
            note_removed(&mut changed, gone, id, &path);
        }
        if use_keyring {
            for service in services {
                let key = Key::Service {
                    service,
                    username: account.map(str::to_owned),
                };
                for location in keyring_time(&call, keyring.erase(&key, &call)).await? {
                    changed
                        .removed
                        .push(place(ProviderId::SYSTEM_KEYRING, &location));
                }
            }
        }
        self.changed();
        self.say_what_is_left(name, username, context, &mut changed)
            .await;
        Ok(changed)
    }

    /// Says which places still answer after a removal.
    async fn say_what_is_left(
        &self,
        name: &RepositoryName,
        username: Option<&str>,
        context: &Context,
        changed: &mut Changed,
    ) {
        for (provider, location) in self.answering(name, username, context).await {
            changed.left.push(place(provider, &location));
        }
    }
}

/// What the keyring calls the entries of a name.
fn by_name(name: &RepositoryName) -> Vec<String> {
    let services = name.stored_spellings().into_iter();
    services
        .map(|name| format!("poetry-repository-{name}"))
        .collect()
}

/// The same, and its URLs. A project may name any URL, and what is stored there may be another
/// repository's: its URLs count where the name is bound to their origin.
pub(super) fn services(name: &RepositoryName, known: &known::Known) -> Vec<String> {
    let key = name.normalized();
    let bound = |url: &RepositoryUrl| {
        known
            .bindings
            .iter()
            .any(|binding| normalize(&binding.name) == key && binding.url.origin() == url.origin())
    };
    let own = known
        .repositories
        .iter()
        .filter(|known| known.name.normalized() == key)
        .filter(|known| known.by != DeclaredBy::Project || bound(&known.url));
    let mut services = by_name(name);
    for service in own.flat_map(|known| known.url.slash_forms()) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}
