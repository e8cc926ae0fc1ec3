//! `Set`: what is stored where, and in which order, so that a kill in
//! between leaves the old or the new credential, never a name without its secret.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{
    Changed, Context, ErrorCode, Failure, Place, Question, Secret, Set, limits,
};

use super::{Agent, drive, known, question};
use crate::domain::binding::{BoundBy, Class};
use crate::domain::credential::{EMPTY_USERNAME, Key, ProviderId, TOKEN_USERNAME};
use crate::domain::name::RepositoryName;
use crate::domain::text::{has_control, shown};
use crate::domain::url::RepositoryUrl;
use crate::provider::presence::Presence;
use crate::provider::{Call, Provider, poetry_edit};

impl Agent {
    /// Stores a credential as Poetry does.
    ///
    /// # Errors
    /// Where it cannot be stored; a locked or slow keyring never leads to plain text.
    pub async fn set(&self, set: &Set) -> Result<Changed, Failure> {
        if let Some(service) = &set.service {
            return Box::pin(self.set_service(set, service)).await;
        }
        self.not_locked()?;
        let name = RepositoryName::parse(&set.name)?;
        let username = set.username.clone().unwrap_or_default();
        question::check_username(&username)?;
        let secret = set.secret.as_ref().ok_or_else(|| {
            Failure::new(
                ErrorCode::Usage,
                format!("no secret to store for \"{name}\""),
            )
        })?;
        check_secret(secret)?;
        let url = set
            .url
            .as_deref()
            .map(RepositoryUrl::parse)
            .transpose()?
            .map(|(url, _)| url);
        let (mut call, known) = self.known(&set.context).await?;
        // Plain http is the user's to allow, by hand.
        if let Some(url) = &url
            && url.origin().is_http()
            && !url.origin().is_loopback()
            && !known
                .check(&name, url, set.operation, Class::Stored)
                .allows()
        {
            return Err(Failure::new(
                ErrorCode::InsecureTransport,
                format!(
                    "\"{name}\" would be bound to {}, in the clear",
                    url.origin()
                ),
            )
            .hint(format!(
                "use https, or allow this origin with `helper trust {name} {url}`"
            )));
        }
        let auth = poetry_file(&call, "auth.toml")?;
        let mut changed = Changed {
            name: Some(name.as_str().to_owned()),
            username: Some(username.clone()),
            ..Changed::default()
        };
        let in_keyring = self
            .may_use_keyring(&mut call, &known, &mut changed, &auth)
            .await?;
        // Bound first: a first use by somebody else cannot come in between.
        if let Some(url) = &url {
            self.add_binding(&name, url, set.operation, BoundBy::Set)
                .await?;
        }
        let token = username == TOKEN_USERNAME;
        if in_keyring {
            let key = Key::Service {
                service: format!("poetry-repository-{}", name.as_str()),
                username: Some(if username.is_empty() {
                    EMPTY_USERNAME.to_owned()
                } else {
                    username.clone()
                }),
            };
            call.time = Self::time_for_keyring(&set.context);
            let keyring = &self.registry.keyring;
            let location = keyring_time(&call, keyring.store(&key, secret, &call)).await?;
            changed
                .stored
                .push(place(ProviderId::SYSTEM_KEYRING, &location));
            if token {
                let gone = poetry_edit::drop_token(&auth, &name).await?;
                note_removed(&mut changed, gone, ProviderId::AUTH_TOML, &auth);
            } else {
                let stored = poetry_edit::store_http_basic(&auth, &name, &username, None).await?;
                changed.stored.push(place_of(ProviderId::AUTH_TOML, &auth));
                let gone = stored.plain_text_removed;
                note_removed(&mut changed, gone, ProviderId::AUTH_TOML, &auth);
            }
        } else if token {
            poetry_edit::store_token(&auth, &name, secret).await?;
            changed.stored.push(place_of(ProviderId::AUTH_TOML, &auth));
        } else {
            poetry_edit::store_http_basic(&auth, &name, &username, Some(secret)).await?;
            changed.stored.push(place_of(ProviderId::AUTH_TOML, &auth));
        }
        // An older plain-text secret in Poetry's other file goes last.
        let config = poetry_file(&call, "config.toml")?;
        let gone = if token {
            poetry_edit::drop_token(&config, &name).await?
        } else {
            poetry_edit::drop_password(&config, &name).await?
        };
        note_removed(&mut changed, gone, ProviderId::CONFIG_TOML, &config);
        self.changed();
        self.say_what_hides(&name, token, &set.context, &mut changed)
            .await;
        Ok(changed)
    }

    /// Whether the secret goes to the keyring; only "there is no keyring here" leads to plain text.
    async fn may_use_keyring(
        &self,
        call: &mut Call,
        known: &known::Known,
        changed: &mut Changed,
        auth: &Path,
    ) -> Result<bool, Failure> {
        let plain = |why: &str| {
            format!(
                "{why}: the secret is stored as plain text in {}",
                shown(&auth.to_string_lossy())
            )
        };
        if let Some(why) = &known.keyring_off {
            changed.warnings.push(plain(why));
            return Ok(false);
        }
        call.time = drive::KEYRING_TIME;
        let presence = self.registry.keyring.presence(call);
        match tokio::time::timeout(call.time, presence).await {
            Ok(Presence::Present) => Ok(true),
            Ok(Presence::Absent(why)) => {
                let own = std::env::var("DBUS_SESSION_BUS_ADDRESS").ok();
                if call.bus.is_some() && own.is_some() && call.bus != own {
                    return Err(Failure::new(
                        ErrorCode::Unavailable,
                        "the agent's session bus has no keyring, and yours is another one",
                    )
                    .hint("restart the agent here: `helper agent stop`, then the same again"));
                }
                changed.warnings.push(plain(&why));
                Ok(false)
            }
            Ok(Presence::Unknown(why)) => Err(Failure::new(
                ErrorCode::Unavailable,
                format!("cannot tell whether there is a keyring: {why}"),
            )
            .hint("see `helper doctor`; `helper config keyring.enabled false` stores in auth.toml instead")),
            Err(_) => Err(Failure::new(ErrorCode::TimedOut, "the keyring does not answer")
                .hint("see `helper doctor`")),
        }
    }

    pub(super) async fn known(&self, context: &Context) -> Result<(Call, known::Known), Failure> {
        let mut call = self.call(context)?;
        let keyring = context.keyring_enabled.as_deref();
        let known =
            known::gather(self.own(), &mut call, context.folder.as_deref(), keyring).await?;
        Ok((call, known))
    }

    pub(super) fn time_for_keyring(context: &Context) -> std::time::Duration {
        if context.prompt {
            return limits::PROMPT_TIME;
        }
        let asked = context.timeout_ms.map(std::time::Duration::from_millis);
        asked
            .unwrap_or(limits::REQUEST_TIME)
            .min(limits::REQUEST_TIME)
    }

    /// Says which places answer before the one that was just written.
    async fn say_what_hides(
        &self,
        name: &RepositoryName,
        token: bool,
        context: &Context,
        changed: &mut Changed,
    ) {
        let username = token.then(|| TOKEN_USERNAME.to_owned());
        for (provider, location) in self.answering(name, username.as_deref(), context).await {
            let ours = matches!(provider, ProviderId::AUTH_TOML | ProviderId::CONFIG_TOML)
                || provider.is_keyring();
            if ours {
                break;
            }
            changed.left.push(place(provider, &location));
        }
    }

    /// The places that have a secret for the name, in the order in which they are asked.
    pub(super) async fn answering(
        &self,
        name: &RepositoryName,
        username: Option<&str>,
        context: &Context,
    ) -> Vec<(ProviderId, String)> {
        let Ok(mut call) = self.call(context) else {
            return Vec::new();
        };
        let question = Question {
            name: Some(name.as_str().to_owned()),
            username: username
                .filter(|username| !username.is_empty())
                .map(str::to_owned),
            context: context.clone(),
            ..Question::default()
        };
        let Ok(resolved) = self.drive().resolve(&question, &mut call, true).await else {
            return Vec::new();
        };
        let steps = resolved
            .ended
            .steps
            .into_iter()
            .filter(|step| step.answer == "found");
        steps
            .filter_map(|step| Some((step.provider, step.location?)))
            .collect()
    }
}

/// # Errors
/// `usage` for control characters and over-long secrets.
pub(super) fn check_secret(secret: &Secret) -> Result<(), Failure> {
    if secret.expose().len() > limits::SECRET {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the secret is longer than 32 KiB",
        ));
    }
    if has_control(secret.expose()) {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the secret holds a control character",
        ));
    }
    Ok(())
}

pub(super) fn poetry_file(call: &Call, file: &str) -> Result<PathBuf, Failure> {
    call.folders
        .poetry
        .as_ref()
        .map(|folder| folder.join(file))
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::Usage,
                "the request names no folder of Poetry's files",
            )
        })
}

pub(super) async fn keyring_time<T>(
    call: &Call,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(call.time, work)
        .await
        .unwrap_or_else(|_| {
            Err(
                Failure::new(ErrorCode::TimedOut, "the keyring did not answer in time")
                    .hint("nothing was written in plain text; see `helper doctor`"),
            )
        })
}

pub(super) fn place(provider: ProviderId, location: &str) -> Place {
    Place {
        provider: provider.word().to_owned(),
        location: location.to_owned(),
    }
}

pub(super) fn place_of(provider: ProviderId, path: &Path) -> Place {
    place(provider, &path.to_string_lossy())
}

pub(super) fn note_removed(changed: &mut Changed, gone: bool, provider: ProviderId, path: &Path) {
    if gone {
        changed.removed.push(place_of(provider, path));
    }
}
