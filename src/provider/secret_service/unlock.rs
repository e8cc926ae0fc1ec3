//! Unlocking: by the keyring's own window, or with a password.
//!
//! Both use a connection of their own: a window may stand open for minutes, and nobody who reads
//! meanwhile may wait for it. gnome-keyring drops a prompt whose client leaves, so an unlock that
//! is given up leaves no window behind.

use std::time::Duration;

use credential_helper_protocol::Secret;
use futures_util::StreamExt as _;
use tokio::time::timeout;
use zbus::MessageStream;
use zbus::message::Type;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

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
///
/// The password crosses the user's own bus once, in a plain session and to nobody but the owner
/// that was checked: the key of the encrypted session is not to be had for another interface.
/// Programs of the same user that watch the bus could ask for the secrets themselves once the
/// keyring is open (`docs/threat-model.md`).
pub(super) async fn with_password(link: &Link, password: &Secret) -> Result<(), Trouble> {
    let Some(collection) = link.default_collection().await? else {
        return Err(no_default());
    };
    if !link.locked(&collection, COLLECTION).await? {
        return Ok(());
    }
    // A service that cannot use it is not told the password.
    let described: String = link
        .call(
            &root(),
            "org.freedesktop.DBus.Introspectable",
            "Introspect",
            &(),
        )
        .await?;
    if !described.contains(INTERNAL) {
        return Err(Trouble::Broken(
            "this keyring cannot be unlocked with a password from here (only gnome-keyring can)"
                .to_owned(),
        ));
    }
    let plain = ("plain", Value::from(""));
    let (_, session): (OwnedValue, OwnedObjectPath) =
        link.call(&root(), SERVICE, "OpenSession", &plain).await?;
    let parameters: &[u8] = &[];
    let secret = (
        session,
        parameters,
        password.expose().as_bytes(),
        "text/plain",
    );
    let body = (&collection, secret);
    let answer: Result<(), Trouble> = link
        .call(&root(), INTERNAL, "UnlockWithMasterPassword", &body)
        .await;
    match answer {
        // The interface has no error of its own for a wrong password: what counts is the lock.
        Ok(()) => {}
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
    /// The user said yes, or did not have to be asked.
    Accepted,
    /// The user said no, or no window could be shown.
    Dismissed,
    /// Nobody answered.
    Unanswered,
}

/// Asks the user to open a collection or an item; without one the default collection.
pub(super) async fn by_prompt(
    link: &Link,
    object: Option<&OwnedObjectPath>,
    time: Duration,
) -> Result<Asked, Trouble> {
    let object = match object {
        Some(object) => object.clone(),
        None => link.default_collection().await?.ok_or_else(no_default)?,
    };
    let interface = interface(&object);
    if !link.locked(&object, interface).await? {
        return Ok(Asked::Accepted);
    }
    let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = link
        .call(&root(), SERVICE, "Unlock", &(vec![&object],))
        .await?;
    match ask(link, &prompt, time).await? {
        Asked::Accepted if link.locked(&object, interface).await? => Err(Trouble::Locked(object)),
        asked => Ok(asked),
    }
}

/// Runs a prompt; there is none where the path is `/`. After this time it is closed.
pub(super) async fn ask(
    link: &Link,
    prompt: &OwnedObjectPath,
    time: Duration,
) -> Result<Asked, Trouble> {
    if prompt.as_str() == "/" {
        return Ok(Asked::Accepted);
    }
    match timeout(time, show(link, prompt)).await {
        Ok(Ok(false)) => Ok(Asked::Accepted),
        Ok(Ok(true)) => Ok(Asked::Dismissed),
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => {
            let dismiss = link.call::<_, ()>(prompt, PROMPT, "Dismiss", &());
            // The window may stay: nobody waits for it any longer.
            let _ = timeout(DISMISS_TIME, dismiss).await;
            Ok(Asked::Unanswered)
        }
    }
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
