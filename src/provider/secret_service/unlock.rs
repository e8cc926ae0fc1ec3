//! Unlocking: by the keyring's own window, or with a password.
//!
//! Both use a connection of their own: a window may stand open for minutes, and nobody who reads
//! meanwhile may wait for it. gnome-keyring drops a prompt whose client leaves, so an unlock that
//! is given up leaves no window behind.

use std::time::Duration;

use credential_helper_protocol::{Secret, limits};
use futures_util::StreamExt as _;
use tokio::time::timeout;
use zbus::MessageStream;
use zbus::message::Type;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::items::{interface, no_default};
use super::link::{COLLECTION, Link, SERVICE, root};
use super::trouble::Trouble;

/// gnome-keyring's own interface, which its PAM module and the tests of gcr use; the only way to
/// open a keyring where no window can be shown.
const INTERNAL: &str = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
/// How long the service may take to close the window.
const DISMISS_TIME: Duration = Duration::from_secs(1);

/// Opens the default collection with its password.
pub(super) async fn with_password(link: &Link, password: &Secret) -> Result<(), Trouble> {
    let Some(collection) = link.default_collection().await? else {
        return Err(no_default());
    };
    if !link.locked(&collection, COLLECTION).await? {
        return Ok(());
    }
    let sealed = link.session().await?.seal(password.expose())?;
    let body = (&collection, sealed);
    let answer: Result<(), Trouble> = link
        .call(&root(), INTERNAL, "UnlockWithMasterPassword", &body)
        .await;
    match answer {
        // The interface has no error of its own for a wrong password: what counts is the lock.
        Ok(()) => {}
        Err(Trouble::Gone) => {
            return Err(Trouble::Broken(
                "this keyring cannot be unlocked with a password from here (only gnome-keyring can)"
                    .to_owned(),
            ));
        }
        Err(Trouble::Broken(_)) => return Err(Trouble::Locked(collection)),
        Err(other) => return Err(other),
    }
    if link.locked(&collection, COLLECTION).await? {
        return Err(Trouble::Locked(collection));
    }
    Ok(())
}

/// How a prompt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It is open.
    Unlocked,
    /// The user said no, or no window could be shown.
    Dismissed,
    /// Nobody answered.
    Unanswered,
}

/// Asks the user to open a collection or an item; without one the default collection.
pub(super) async fn by_prompt(
    link: &Link,
    object: Option<&OwnedObjectPath>,
) -> Result<Asked, Trouble> {
    let object = match object {
        Some(object) => object.clone(),
        None => link.default_collection().await?.ok_or_else(no_default)?,
    };
    let interface = interface(&object);
    if !link.locked(&object, interface).await? {
        return Ok(Asked::Unlocked);
    }
    let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = link
        .call(&root(), SERVICE, "Unlock", &(vec![&object],))
        .await?;
    if prompt.as_str() != "/" {
        let Ok(dismissed) = timeout(limits::PROMPT_TIME, show(link, &prompt)).await else {
            let dismiss = link.call::<_, ()>(&prompt, PROMPT, "Dismiss", &());
            // The window may stay: the connection ends with this anyway.
            let _ = timeout(DISMISS_TIME, dismiss).await;
            return Ok(Asked::Unanswered);
        };
        if dismissed? {
            return Ok(Asked::Dismissed);
        }
    }
    if link.locked(&object, interface).await? {
        return Err(Trouble::Locked(object));
    }
    Ok(Asked::Unlocked)
}

/// Shows the window and waits for it; whether it was dismissed.
async fn show(link: &Link, prompt: &OwnedObjectPath) -> Result<bool, Trouble> {
    let (bus, owner) = link.bus();
    // The rule that lets the signal through is one of the connection's own (`signals::listen`).
    let mut messages = MessageStream::from(bus);
    let () = link.call(prompt, PROMPT, "Prompt", &("",)).await?;
    while let Some(Ok(message)) = messages.next().await {
        let header = message.header();
        let completed = header.message_type() == Type::Signal
            && header.sender().is_some_and(|sender| sender == owner)
            && header.path().is_some_and(|path| path == &**prompt)
            && header.member().is_some_and(|member| member == "Completed");
        if completed {
            let (dismissed, _): (bool, OwnedValue) = message
                .body()
                .deserialize()
                .map_err(|_| Trouble::unclear("Prompt"))?;
            return Ok(dismissed);
        }
    }
    Err(Trouble::Lost)
}
