//! Asynchronous work of a command, on its own thread.

use credential_helper_protocol::{ErrorCode, Failure};
use tokio::runtime::{Builder, Runtime};

/// What runs it.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let message = format!("cannot start the work: {}", error.kind());
            Failure::new(ErrorCode::Internal, message)
        })
}
