//! The keyring of the user's session: whether it is there and answers without asking anybody. Only
//! on request is something of ours written into it, and removed again.

use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{Secret, variable};
use tokio::time::timeout;

use super::{Check, Options};
use crate::domain::credential::{Answer, Key};
use crate::provider::files::Files;
use crate::provider::secret_service::{Places, Presence, SecretService};
use crate::provider::{Call, Folders, Provider as _};

const ID: &str = "keyring";
/// The name under which something is stored.
const SERVICE: &str = "credential-helper-selftest";
/// A locked one is seen at once (design 5.1), and the whole may take twice the time of one call.
const TIME: Duration = Duration::from_secs(2);

pub(super) async fn check(options: &Options) -> Check {
    let around = Surroundings::of_process();
    let bus = around.set(variable::BUS);
    let bus = bus.and_then(|value| value.into_string().ok());
    let runtime: Option<PathBuf> = around.folder("XDG_RUNTIME_DIR");
    let call = Call {
        variables: std::collections::BTreeMap::new(),
        folders: Folders::default(),
        files: Files::default().view(),
        bus: bus.clone(),
        prompt: false,
        time: TIME,
    };
    let service = SecretService::new(Places { own: bus, runtime });
    let begun = Instant::now();
    let Ok(state) = timeout(TIME * 2, service.state(&call)).await else {
        return Check::failed(ID, "it was not given up in time");
    };
    let took = begun.elapsed().as_millis();
    let detail = state.detail.unwrap_or_default();
    let ask = "(`--keyring` also writes, reads and removes an entry)";
    match state.state.as_str() {
        "ready" if options.keyring => round(&service, &call).await,
        "ready" => Check::ok(ID, format!("open, in {took} ms, without a question {ask}")),
        "locked" => Check::ok(ID, format!("locked, told in {took} ms, without a question")),
        _ => match service.presence(&call).await {
            Presence::Absent(why) => Check::not_here(ID, why),
            Presence::Present | Presence::Unknown(_) => {
                Check::failed(ID, format!("it cannot be used: {detail}"))
            }
        },
    }
}

/// Stores an entry of ours, reads it, removes it, and looks whether it is gone.
async fn round(service: &SecretService, call: &Call) -> Check {
    let random = [0_u8, 1].map(|part| format!("{:016x}", RandomState::new().hash_one(part)));
    let [account, secret] = random;
    let secret = Secret::new(secret);
    let key = Key::Service {
        service: SERVICE.to_owned(),
        username: Some(account),
    };
    let stored = service.store(&key, &secret, call).await;
    let read = service.find(&key, call).await;
    // Whatever came before: nothing of ours stays there.
    let removed = service.erase(&key, call).await;
    let after = service.find(&key, call).await;
    let is_same = match &read {
        Answer::Found(halves) => halves.secret.as_ref().is_some_and(|s| s.same(&secret)),
        _ => false,
    };
    let is_gone = matches!(after, Answer::NotFound);
    match (stored, removed) {
        (Err(failure), _) => Check::failed(ID, format!("storing: {}", failure.message)),
        (_, Err(failure)) => Check::failed(ID, format!("removing: {}", failure.message)),
        (Ok(place), Ok(removed)) if is_same && is_gone && removed.len() == 1 => Check::ok(
            ID,
            format!("an entry {SERVICE} was written ({place}), read and removed"),
        ),
        _ => Check::failed(
            ID,
            format!("the entry {SERVICE} was not as it was written, or stayed"),
        ),
    }
}
