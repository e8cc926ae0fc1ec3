//! `Lock`, `Unlock` and `Reload`: what is kept is forgotten.

use credential_helper_protocol::{Context, Failure, Nothing, Unlock};

use super::{Agent, drive};
use crate::domain::credential::ProviderId;
use crate::provider::Call;
use crate::provider::presence::Presence;

impl Agent {
    /// `Lock`: forgets every secret and answers no question until `Unlock`.
    pub fn lock(&self) -> Nothing {
        self.locked.set(true);
        self.hold(true);
        #[cfg(unix)]
        if let Some(store) = &self.store {
            store.remove();
        }
        self.locking.notify_waiters();
        self.answers.forget();
        self.rejected.forget();
        self.askers.forget();
        self.registry.forget();
        self.files.forget();
        Nothing {}
    }

    /// `Unlock`: lifts that, and asks the keyring to unlock where it is locked.
    ///
    /// # Errors
    /// Where the keyring stays locked.
    pub async fn unlock(&self, unlock: &Unlock) -> Result<Nothing, Failure> {
        let call = self.call(&unlock.context)?;
        self.locked.set(false);
        self.hold(false);
        self.answers.forget();
        self.breakers.answered(ProviderId::SYSTEM_KEYRING);
        if unlock.password.is_none() && !self.uses_keyring(&call, &unlock.context).await {
            return Ok(Nothing {});
        }
        // A `lock` while the user is being asked holds, whatever the user then says.
        let keyring = &self.registry.keyring;
        self.unless_locked(keyring.unlock(&call, unlock.password.as_ref()))
            .await?;
        Ok(Nothing {})
    }

    /// Whether there is a keyring that is asked, or may be one: where there is none, none is locked.
    async fn uses_keyring(&self, call: &Call, context: &Context) -> bool {
        let switch = context.keyring_enabled.as_deref();
        if let Ok(false) = crate::provider::poetry::keyring_enabled(call, switch, false).await {
            return false;
        }
        let presence = self.registry.keyring.presence(call);
        !matches!(
            tokio::time::timeout(drive::KEYRING_TIME, presence).await,
            Ok(Presence::Absent(_))
        )
    }

    /// `Reload`: settings and bindings are read anew at every question; this drops what is kept.
    pub fn reload(&self) -> Nothing {
        self.answers.forget();
        self.registry.forget();
        self.files.forget();
        Nothing {}
    }
}
