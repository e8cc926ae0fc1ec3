//! Whose certificates are believed, and which one is shown.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use reqwest::{Certificate, ClientBuilder, Identity};
use zeroize::Zeroizing;

use crate::domain::text::shown;

/// The TLS of one repository. Each policy gets a client of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsPolicy {
    /// A PEM file: the only authorities that are believed, in place of the system's (as the
    /// `verify` of requests, to which Poetry hands it).
    pub authorities: Option<PathBuf>,
    /// Believes every certificate. Whoever sets it tells the user.
    pub unchecked: bool,
    /// A PEM file with our certificate and its key.
    pub client: Option<PathBuf>,
}

impl TlsPolicy {
    /// Whether there is more in it than whose certificates are believed: belief without a check, or
    /// a certificate of ours. That is for origins which the repository's name is bound to; a project
    /// that declares the name elsewhere must not take it there.
    pub fn needs_binding(&self) -> bool {
        self.unchecked || self.client.is_some()
    }

    /// What of it holds wherever the name leads.
    #[must_use]
    pub fn unbound(&self) -> Self {
        Self {
            authorities: self.authorities.clone(),
            ..Self::default()
        }
    }

    /// Builds the policy into a client; reads its files.
    pub(super) fn apply(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
        builder = backend(builder);
        if self.unchecked {
            builder = builder.tls_danger_accept_invalid_certs(true);
        } else if let Some(all) = self.believed()? {
            builder = builder.tls_certs_only(all);
        }
        if let Some(path) = &self.client {
            let doing = "the client certificate";
            let pem = read(path, doing)?;
            let own = Identity::from_pem(&pem)
                .map_err(|_| unusable(path, doing, "it must hold a PEM certificate and its key"))?;
            builder = builder.identity(own);
        }
        Ok(builder)
    }

    /// Builds into a client what of the policy holds for servers that are not the repository's: a
    /// company's authority signs its other servers too, and public ones stay reachable.
    pub(super) fn apply_elsewhere(&self, builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
        let builder = backend(builder);
        Ok(match self.believed()? {
            Some(all) if !self.unchecked => builder.tls_certs_merge(all),
            _ => builder,
        })
    }

    fn believed(&self) -> Result<Option<Vec<Certificate>>, Failure> {
        let Some(path) = &self.authorities else {
            return Ok(None);
        };
        let doing = "the certificates of authorities";
        let pem = read(path, doing)?;
        Certificate::from_pem_bundle(&pem)
            .ok()
            .filter(|all| !all.is_empty())
            .map(Some)
            .ok_or_else(|| unusable(path, doing, "there is no PEM certificate in it"))
    }
}

/// A client that believes nobody: it is for plain http.
pub(super) fn nobody(builder: ClientBuilder) -> ClientBuilder {
    backend(builder).tls_certs_only([])
}

fn backend(builder: ClientBuilder) -> ClientBuilder {
    // Other code of this process may have chosen already: then its choice holds.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder.tls_backend_rustls()
}

/// The largest file of certificates: the system's whole bundle is a quarter of it.
const SIZE: u64 = 1024 * 1024;

fn read(path: &Path, doing: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    use std::io::Read as _;
    let failed = |error: &std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            kind => kind.to_string(),
        };
        unusable(path, doing, &why)
    };
    // Looked at before it is opened: opening a FIFO would wait for its writer.
    let meta = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !meta.is_file() {
        return Err(unusable(path, doing, "it is not a regular file"));
    }
    if meta.len() > SIZE {
        return Err(unusable(path, doing, "it is larger than 1 MiB"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0)));
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    file.take(SIZE)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    Ok(bytes)
}

fn unusable(path: &Path, doing: &str, why: &str) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!(
            "cannot use {doing} in {}: {why}",
            shown(&path.to_string_lossy())
        ),
    )
    .hint("correct it with `helper config certificates.NAME.cert PATH` or `.client-cert PATH`")
}
