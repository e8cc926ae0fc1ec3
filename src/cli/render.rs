//! What `get` prints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credential_helper_protocol::{Credential, ErrorCode, Failure, Scheme, Secret};
use zeroize::Zeroizing;

use super::args::Format;

// SEAM: `credential_helper_protocol::render::credential` replaces this file.
/// The credential in one of the formats.
pub(crate) fn credential(
    credential: &Credential,
    format: Format,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let username = credential.username.as_deref().unwrap_or_default();
    let password = credential.password.as_ref().map_or("", Secret::expose);
    let mut out = Zeroizing::new(Vec::with_capacity(4096 + 2 * password.len()));
    match format {
        Format::Lines => {
            if let Some(username) = &credential.username {
                out.extend_from_slice(format!("username={username}\n").as_bytes());
            }
            if credential.password.is_some() {
                for part in ["password=", password, "\n"] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
        }
        Format::Json => {
            serde_json::to_writer(&mut *out, credential).map_err(|_| {
                Failure::new(ErrorCode::Internal, "writing the credential as JSON failed")
            })?;
            out.push(b'\n');
        }
        Format::Header if credential.scheme == Scheme::Bearer => {
            for part in ["Bearer ", password, "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        Format::Header => {
            let pair = Zeroizing::new([username, ":", password].concat());
            let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
            for part in ["Basic ", &encoded, "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        Format::Netrc => {
            let host = credential
                .url
                .as_deref()
                .and_then(|url| crate::domain::url::RepositoryUrl::parse(url).ok())
                .map(|(url, _)| url.origin().host().to_owned())
                .ok_or_else(|| {
                    Failure::new(
                        ErrorCode::Usage,
                        "printing a netrc entry: the repository's URL is not known",
                    )
                    .hint("ask with the URL")
                })?;
            let head = format!("machine {host}\nlogin {username}\npassword ");
            for part in [&head, password, "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        Format::Password => {
            for part in [password, "\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    Ok(out)
}
