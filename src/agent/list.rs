//! `List`: what is stored or set, and what hides what.

use std::collections::HashMap;

use credential_helper_protocol::{Context, Failure, Listed, Listing, Skipped};

use super::{Agent, clock, drive, known, token};
use crate::domain::credential::ProviderId;
use crate::domain::name::normalize;
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
        let mut entries: Vec<Held> = Vec::new();
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
                    let told = token::look_into(provider.as_ref(), list, &call).await;
                    entries.extend(told.into_iter().map(|(entry, warnings)| Held {
                        id,
                        entry,
                        warnings,
                    }));
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

/// What a provider lists.
struct Held {
    id: ProviderId,
    entry: Entry,
    /// What its token says of itself.
    warnings: Vec<String>,
}

/// Sorts entries by repository and says which of them answers.
fn arranged(entries: &[Held], known: &known::Known) -> Vec<Listed> {
    let subject = |entry: &Entry| {
        let subject = entry.name.as_deref().map(normalize).or(entry.url.clone());
        (subject, entry.is_token)
    };
    let with_secret = |entry: &Entry| entry.has_secret || entry.locked;
    // By subject, so that a project's file with thousands of entries does not keep the agent busy.
    let mut secrets: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, Held { entry, .. }) in entries.iter().enumerate() {
        if with_secret(entry) {
            secrets.entry(subject(entry)).or_default().push(at);
        }
    }
    let mut origins = HashMap::new();
    for binding in &known.bindings {
        let origin = binding.url.origin().to_string();
        origins.entry(normalize(&binding.name)).or_insert(origin);
    }
    let mut urls = HashMap::new();
    for repository in &known.repositories {
        let url = repository.url.as_str();
        urls.entry(repository.name.normalized()).or_insert(url);
    }
    let mut listed: Vec<Listed> = Vec::new();
    for (
        at,
        Held {
            id,
            entry,
            warnings,
        },
    ) in entries.iter().enumerate()
    {
        let same = secrets.get(&subject(entry));
        if !with_secret(entry) && same.is_some() {
            // The username of an entry whose secret is kept elsewhere.
            continue;
        }
        let mut earlier = same.into_iter().flatten().take_while(|other| **other < at);
        let before = earlier.find_map(|other| {
            let Held {
                id, entry: other, ..
            } = &entries[*other];
            let hides = !other.locked && (other.name.is_some() || other.username == entry.username);
            hides.then_some(id)
        });
        let key = entry.name.as_deref().map(normalize);
        let url = entry.url.clone().or_else(|| {
            let url = urls.get(key.as_ref()?)?;
            Some((*url).to_owned())
        });
        let origin = match &key {
            Some(key) => origins.get(key).cloned(),
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
            shadowed_by: before.map(|id| id.word().to_owned()),
            expires: entry.expires.map(clock::rfc3339),
            warnings: warnings.clone(),
        });
    }
    listed.sort_by(|a, b| (&a.name, &a.url).cmp(&(&b.name, &b.url)));
    listed
}
