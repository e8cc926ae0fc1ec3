//! A file with an identity token, as Kubernetes projects one into a container and renews it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure, Secret, limits};
use zeroize::Zeroizing;

use super::{Identity, Later, identity_token};
use crate::domain::text::shown;

/// A file that is read anew for each token.
pub struct File(pub PathBuf);

/// Reads it. It is looked at before it is opened: opening a FIFO would wait for its writer.
fn read(path: &Path) -> Result<Secret, Failure> {
    let name = shown(&path.to_string_lossy());
    let failed = |why: String| {
        let message = format!("reading the identity token in {name} failed: {why}");
        Failure::new(ErrorCode::Unavailable, message)
            .hint("it is named by the settings, or by CREDENTIAL_HELPER_ID_TOKEN_FILE")
    };
    let io = |error: std::io::Error| failed(error.kind().to_string());
    if !path.is_absolute() {
        return Err(failed("the path is not absolute".to_owned()));
    }
    let meta = std::fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        return Err(failed("it is not a regular file".to_owned()));
    }
    let most = limits::SECRET + 2;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(most as u64).read_to_end(&mut bytes).map_err(io)?;
    identity_token(&bytes, &name)
}

impl Identity for File {
    fn word(&self) -> &'static str {
        "file"
    }

    fn name(&self) -> &'static str {
        "a file"
    }

    fn token<'a>(&'a self, _: &'a str) -> Later<'a, Result<Secret, Failure>> {
        Box::pin(std::future::ready(read(&self.0)))
    }
}
