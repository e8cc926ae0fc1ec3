//! What the service says of its own accord: something changed.
//!
//! gnome-keyring sends nothing when a secret is replaced by `SetSecret`, so a copy may be kept
//! only for a moment without asking again; what the signals add is that everything else is known
//! at once.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::{Message, MessageStream};

use super::link::{BUS, BUS_PATH, NAME, ROOT};
use super::trouble::Trouble;

/// Counts what was heard. An answer is as old as the count at which it was read.
#[derive(Clone, Default)]
pub(super) struct Generation {
    changes: Rc<Cell<u64>>,
    owners: Rc<Cell<u64>>,
}

impl Generation {
    /// Something may have changed.
    pub(super) fn bump(&self) {
        self.changes.set(self.changes.get().wrapping_add(1));
    }

    /// Whoever was asked is gone: the next one is another, and everything may have changed.
    fn end(&self) {
        self.owners.set(self.owners.get().wrapping_add(1));
        self.bump();
    }

    /// The counter of changes.
    pub(super) fn counter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.changes)
    }

    /// The counter of those who went away.
    pub(super) fn owners(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.owners)
    }
}

/// A task that listens as long as it is held.
pub(super) struct Watch {
    task: JoinHandle<()>,
    alive: Rc<Cell<bool>>,
    generation: Generation,
}

impl Watch {
    /// Listens to everything below the service's object (items, collections, their properties)
    /// and to the changes of its owner. When the owner changes or the bus ends, the connection
    /// counts as dead.
    pub(super) fn start(
        mut messages: MessageStream,
        owner: &OwnedUniqueName,
        generation: Generation,
    ) -> Self {
        let alive = Rc::new(Cell::new(true));
        // What happened before is unknown.
        generation.bump();
        let (count, living) = (generation.clone(), Rc::clone(&alive));
        let owner = owner.clone();
        let task = tokio::task::spawn_local(async move {
            while let Some(Ok(message)) = messages.next().await {
                match meaning(&message, &owner) {
                    Heard::Nothing => {}
                    Heard::Change => count.bump(),
                    Heard::End => break,
                }
            }
            living.set(false);
            count.end();
        });
        Self {
            task,
            alive,
            generation,
        }
    }

    /// Whether the owner is still the same, and the bus there.
    pub(super) fn alive(&self) -> bool {
        self.alive.get()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        // From now on nothing is heard.
        self.generation.bump();
    }
}

/// Everything that arrives. To be called before the owner is asked for, so that no change of it is
/// missed.
///
/// The rules are set by hand: a stream with a rule of its own takes the rule back when it is
/// dropped, and zbus panics if that happens outside the runtime, as at the end of the process.
pub(super) async fn listen(bus: &zbus::Connection) -> Result<MessageStream, Trouble> {
    let messages = MessageStream::from(bus);
    for rule in [
        format!("type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{NAME}'"),
        format!("type='signal',path_namespace='{ROOT}'"),
    ] {
        bus.call_method(Some(BUS), BUS_PATH, Some(BUS), "AddMatch", &(rule,))
            .await
            .map_err(|_| Trouble::Lost)?;
    }
    Ok(messages)
}

enum Heard {
    Nothing,
    Change,
    End,
}

fn meaning(message: &Message, owner: &OwnedUniqueName) -> Heard {
    let header = message.header();
    if header.message_type() != Type::Signal {
        return Heard::Nothing;
    }
    let sender = header.sender().map(zbus::names::UniqueName::as_str);
    if sender == Some(owner.as_str()) {
        return Heard::Change;
    }
    let changed = header
        .member()
        .is_some_and(|member| member == "NameOwnerChanged");
    if sender != Some(BUS) || !changed {
        return Heard::Nothing;
    }
    match message.body().deserialize::<(&str, &str, &str)>() {
        // The news of the start that we asked for ourselves names the owner that we know.
        Ok((NAME, _, new)) if new != owner.as_str() => Heard::End,
        _ => Heard::Nothing,
    }
}
