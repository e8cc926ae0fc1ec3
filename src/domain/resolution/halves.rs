//! Halves that belong together, and halves that hardly do.

use credential_helper_protocol::Secret;

use super::plan::Pass;
use super::{Leaf, Resolution};
use crate::domain::credential::ProviderId;

impl Resolution {
    /// Halves that come from variables and a file, or from two files, are Poetry's answer, but
    /// hardly what the user meant.
    pub(super) fn warn_of_halves(&mut self, secret: &Leaf<Secret>) {
        let Some(username) = &self.username else {
            return;
        };
        if self.pass != Some(Pass::Basic) || self.setup.username.is_some() {
            return;
        }
        let kind = |provider: ProviderId| (provider.is_variables(), provider.is_named_file());
        let mixed = match (kind(username.provider), kind(secret.provider)) {
            ((true, _), (_, true)) | ((_, true), (true, _)) => true,
            ((_, true), (_, true)) => username.provider != secret.provider,
            _ => false,
        };
        if mixed {
            self.warnings.push(format!(
                "the username comes from {} and the secret from {}: they may belong to different accounts",
                username.location, secret.location
            ));
        }
    }
}
