//! `List`: what is stored or set, and what hides what.

use credential_helper_protocol::{Context, Failure, Listed, Listing, Skipped};

use super::{Agent, clock, drive, known};
use crate::domain::credential::ProviderId;
use crate::domain::name::{RepositoryName, normalize};
use crate::provider::Entry;

impl Agent {
    /// Every credential that the providers hold, without secrets.
    ///
    /// # Errors
    /// While locked, and where the helper's own files cannot be read.
    pub async fn list(&self, context: &Context) -> Result<Listing, Failure> {
        self.not_locked()?;
        let mut call = self.call(context)?;
        let keyring = context.keyring_enabled.as_deref();
        let known =
            known::gather(self.own(), &mut call, context.folder.as_deref(), keyring).await?;
        let providers = self.registry.for_settings(&known.settings);
        let mut entries: Vec<(ProviderId, Entry)> = Vec::new();
        let mut skipped = Vec::new();
        let limit = context.timeout_ms.map(std::time::Duration::from_millis);
        for provider in &providers.all {
            let id = provider.id();
            if id.is_keyring()
                && let Some(why) = &known.keyring_off
            {
                skipped.push(Skipped {
                    provider: id.word().to_owned(),
                    reason: why.clone(),
                });
                continue;
            }
            let own = providers
                .own_time(id, context.prompt)
                .unwrap_or(drive::KEYRING_TIME);
            call.time = limit.map_or(own, |limit| limit.min(own));
            let listed = tokio::time::timeout(call.time, provider.list(&call)).await;
            let reason = match listed {
                Ok(Ok(list)) => {
                    entries.extend(list.into_iter().map(|entry| (id, entry)));
                    continue;
                }
                Ok(Err(failure)) => failure.message,
                Err(_) => format!("no answer within {:.1?}", call.time),
            };
            skipped.push(Skipped {
                provider: id.word().to_owned(),
                reason,
            });
        }
        self.not_locked()?;
        Ok(Listing {
            credentials: arranged(&entries, &known),
            skipped,
        })
    }
}

/// Sorts entries by repository and says which of them answers.
fn arranged(entries: &[(ProviderId, Entry)], known: &known::Known) -> Vec<Listed> {
    let subject = |entry: &Entry| entry.name.as_deref().map(normalize).or(entry.url.clone());
    let with_secret = |entry: &Entry| entry.has_secret || entry.locked;
    let mut listed: Vec<Listed> = Vec::new();
    for (at, (id, entry)) in entries.iter().enumerate() {
        let same_subject =
            |other: &Entry| subject(other) == subject(entry) && other.is_token == entry.is_token;
        if !with_secret(entry)
            && entries
                .iter()
                .any(|(_, other)| same_subject(other) && with_secret(other))
        {
            // The username of an entry whose secret is kept elsewhere.
            continue;
        }
        let before = entries[..at].iter().find(|(_, other)| {
            same_subject(other)
                && with_secret(other)
                && !other.locked
                && (other.name.is_some() || other.username == entry.username)
        });
        let url = entry.url.clone().or_else(|| {
            let key = normalize(entry.name.as_deref()?);
            let known = known
                .repositories
                .iter()
                .find(|known| known.name.normalized() == key)?;
            Some(known.url.as_str().to_owned())
        });
        let origin = match &entry.name {
            Some(name) => bound_origin(known, name),
            None => entry.url.clone(),
        };
        let state = match (entry.locked, before) {
            (true, _) => "locked",
            (false, Some(_)) => "shadowed",
            (false, None) => "active",
        };
        listed.push(Listed {
            name: entry.name.clone(),
            url,
            origin,
            username: entry.username.clone(),
            kind: if entry.is_token {
                "token"
            } else {
                "http-basic"
            }
            .to_owned(),
            provider: id.word().to_owned(),
            location: entry.location.clone(),
            state: state.to_owned(),
            shadowed_by: before.map(|(id, _)| id.word().to_owned()),
            expires: entry.expires.map(clock::rfc3339),
        });
    }
    listed.sort_by(|a, b| (&a.name, &a.url).cmp(&(&b.name, &b.url)));
    listed
}

fn bound_origin(known: &known::Known, name: &str) -> Option<String> {
    let name = RepositoryName::parse(name).ok()?;
    let key = name.normalized();
    let binding = known
        .bindings
        .iter()
        .find(|binding| normalize(&binding.name) == key)?;
    Some(binding.url.origin().to_string())
}
