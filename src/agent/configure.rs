//! `Configure`: Poetry's settings, in Poetry's files and the keyring.

use std::path::PathBuf;

use credential_helper_protocol::{
    Changed, Configure, ErrorCode, Failure, Set, SettingsReply, Variable,
};

use super::change::{place_of, poetry_file};
use super::{Agent, known};
use crate::domain::credential::{Answer, Key, ProviderId, TOKEN_USERNAME};
use crate::domain::name::RepositoryName;
use crate::domain::text::shown;
use crate::provider::poetry_key::PoetryKey;
use crate::provider::{Call, Provider, poetry, poetry_edit};

impl Agent {
    /// `helper config KEY ...`.
    ///
    /// # Errors
    /// For an unknown key, wrong values, and where a file cannot be changed.
    pub async fn configure(&self, configure: &Configure) -> Result<SettingsReply, Failure> {
        let key = PoetryKey::parse(&configure.key)?;
        if configure.unset && !configure.values.is_empty() {
            return Err(Failure::new(
                ErrorCode::Usage,
                "a value cannot be combined with --unset",
            ));
        }
        let changed = match &key {
            PoetryKey::HttpBasic(name) | PoetryKey::PypiToken(name) => {
                let work = self.configure_secret(&key, name, configure);
                Some(self.unless_locked(work).await?)
            }
            _ if configure.unset => Some(self.unset_setting(&key, configure).await?),
            _ if configure.values.is_empty() => None,
            _ => Some(self.set_setting(&key, configure).await?),
        };
        if changed.is_some() {
            return Ok(SettingsReply {
                changed,
                ..SettingsReply::default()
            });
        }
        let mut call = self.call(&configure.context)?;
        known::find_project(&mut call, configure.context.folder.as_deref()).await?;
        let keyring = configure.context.keyring_enabled.as_deref();
        let settings = poetry::setting(&call, &configure.key, keyring).await?;
        Ok(SettingsReply {
            settings,
            changed: None,
        })
    }

    async fn configure_secret(
        &self,
        key: &PoetryKey,
        name: &RepositoryName,
        configure: &Configure,
    ) -> Result<Changed, Failure> {
        let token = matches!(key, PoetryKey::PypiToken(_));
        let mut changed = if configure.unset {
            let (call, known) = self.known(&configure.context).await?;
            let username = if token {
                TOKEN_USERNAME.to_owned()
            } else {
                // Of the files alone: a variable must not make us remove another account.
                self.stored_username(name, &call).await?.unwrap_or_default()
            };
            let context = &configure.context;
            let changed = self
                .remove(name, Some(&username), context, call, &known, false)
                .await?;
            if token && changed.removed.is_empty() {
                return Err(Failure::new(
                    ErrorCode::NotFound,
                    format!("no token is stored for \"{name}\""),
                ));
            }
            changed
        } else {
            let (username, secret) = match (token, configure.values.as_slice()) {
                (false, [username, secret]) => (username.0.expose().to_owned(), secret),
                (true, [secret]) => (TOKEN_USERNAME.to_owned(), secret),
                (false, values) => {
                    return Err(Failure::new(
                        ErrorCode::Usage,
                        format!(
                            "{key} takes a username and a password, got {} values",
                            values.len()
                        ),
                    ));
                }
                (true, values) => {
                    return Err(Failure::new(
                        ErrorCode::Usage,
                        format!("{key} takes one token, got {} values", values.len()),
                    ));
                }
            };
            let Variable(secret) = secret;
            self.set(&Set {
                name: name.as_str().to_owned(),
                service: None,
                username: Some(username),
                secret: Some(secret.clone()),
                url: None,
                operation: None,
                context: configure.context.clone(),
            })
            .await?
        };
        if configure.local {
            changed.warnings.push(
                "--local does not hold for credentials: they are never written into a project"
                    .to_owned(),
            );
        }
        Ok(changed)
    }

    async fn set_setting(
        &self,
        key: &PoetryKey,
        configure: &Configure,
    ) -> Result<Changed, Failure> {
        let [value] = configure.values.as_slice() else {
            let count = configure.values.len();
            let message = format!("{key} takes one value, got {count}");
            return Err(Failure::new(ErrorCode::Usage, message));
        };
        let (id, file, mut changed) = self.setting_file(key, configure).await?;
        poetry_edit::set_setting(&file, key, value.0.expose()).await?;
        changed.stored.push(place_of(id, &file));
        self.changed();
        Ok(changed)
    }

    async fn unset_setting(
        &self,
        key: &PoetryKey,
        configure: &Configure,
    ) -> Result<Changed, Failure> {
        let (id, file, mut changed) = self.setting_file(key, configure).await?;
        if !poetry_edit::unset_setting(&file, key).await? {
            let file = shown(&file.to_string_lossy());
            return Err(Failure::new(
                ErrorCode::NotFound,
                format!("{file} has no {key}"),
            ));
        }
        changed.removed.push(place_of(id, &file));
        self.changed();
        Ok(changed)
    }

    async fn setting_file(
        &self,
        key: &PoetryKey,
        configure: &Configure,
    ) -> Result<(ProviderId, PathBuf, Changed), Failure> {
        let mut call = self.call(&configure.context)?;
        let mut changed = Changed::default();
        if configure.local && key.may_be_local() {
            let folder = configure.context.folder.as_deref();
            known::find_project(&mut call, folder).await?;
            let folder = call.folders.project.clone().ok_or_else(|| {
                Failure::new(ErrorCode::Usage, "there is no pyproject.toml here or above")
                    .hint("--local writes the poetry.toml beside it")
            })?;
            return Ok((ProviderId::POETRY_TOML, folder.join("poetry.toml"), changed));
        }
        if configure.local {
            changed
                .warnings
                .push(format!("--local does not hold for {key}"));
        }
        let id = match key.file() {
            "auth.toml" => ProviderId::AUTH_TOML,
            _ => ProviderId::CONFIG_TOML,
        };
        let path = poetry_file(&call, key.file())?;
        Ok((id, path, changed))
    }

    /// The account that Poetry's files of the user have for a name.
    async fn stored_username(
        &self,
        name: &RepositoryName,
        call: &Call,
    ) -> Result<Option<String>, Failure> {
        let key = Key::HttpBasic(name.stored_spellings());
        for id in [ProviderId::AUTH_TOML, ProviderId::CONFIG_TOML] {
            match poetry::PoetryFile(id).find(&key, call).await {
                Answer::Found(halves) if halves.username.is_some() => return Ok(halves.username),
                Answer::Failed(why, detail) => return Err(Failure::new(why.code(), detail)),
                _ => {}
            }
        }
        Ok(None)
    }
}
