//! In place of uv's store that an agent keeps, where there is no agent of its own.

use std::path::PathBuf;

use super::Agent;

#[expect(
    clippy::unused_self,
    clippy::unused_async,
    reason = "the same signatures as where a store is kept"
)]
impl Agent {
    pub(super) async fn refresh_store(&self) {}

    pub(super) fn uv_store(&self, folder: Option<PathBuf>) -> Option<PathBuf> {
        folder
    }
}
