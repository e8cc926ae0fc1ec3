//! Google Cloud: the metadata server of the machine, else `gcloud`.

use std::path::PathBuf;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Secret};

use super::ask::{ANSWER, Asked, ask};
use super::{Identity, Later, Variables, identity_token, program};
use crate::http::{Call, Client, Endpoint, Proxies, TlsPolicy};

/// Variables by which a machine of Google's says that it is one; nothing is asked to find out.
const SIGNS: [&str; 4] = [HOST, "K_SERVICE", "CLOUD_RUN_JOB", ACCOUNT];
/// Where the metadata server is, for Google's own libraries.
const HOST: &str = "GCE_METADATA_HOST";
/// The account that `gcloud` uses.
const ACCOUNT: &str = "CLOUDSDK_CORE_ACCOUNT";
/// The addresses of the metadata server: they lead out of no machine, so that plain http is right.
const HOSTS: [&str; 3] = [
    "metadata.google.internal",
    "169.254.169.254",
    "[fd20:ce::254]",
];
const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";
/// How long it may take: it answers in milliseconds where it is.
const TIME: Duration = Duration::from_secs(5);

pub(super) struct Google {
    metadata: Option<String>,
    gcloud: Option<PathBuf>,
}

/// Whether this is a machine of Google's.
pub(super) fn found(variables: Variables<'_>) -> Option<Box<dyn Identity>> {
    if !SIGNS.iter().any(|name| variables.get(name).is_some()) {
        return None;
    }
    let path = variables.get("PATH").unwrap_or_default();
    let gcloud = program::find("gcloud", &path);
    let host = variables.get(HOST);
    // Where an account is named it may be another than the machine's.
    let by_account = host.is_none() && variables.get(ACCOUNT).is_some() && gcloud.is_some();
    let metadata = (!by_account).then(|| host.unwrap_or_else(|| HOSTS[0].to_owned()));
    Some(Box::new(Google { metadata, gcloud }))
}

/// The metadata server at a host, which is one of its own or this machine.
fn endpoint(host: &str) -> Result<Endpoint, Failure> {
    let url = Endpoint::in_the_clear(&format!("http://{host}{PATH}"))?;
    let origin = url.origin();
    if origin.is_loopback() || HOSTS.contains(&&*origin.host_port()) {
        return Ok(url);
    }
    let message =
        format!("asking Google's metadata server was refused: {HOST} is none of its addresses");
    let hint = format!("take {HOST} out, or set it to {}", HOSTS[1]);
    Err(Failure::new(ErrorCode::Policy, message).hint(hint))
}

impl Google {
    async fn ask(&self, audience: &str) -> Result<Secret, Failure> {
        let mut trouble = None;
        if let Some(host) = &self.metadata {
            match metadata(host, audience).await {
                Ok(token) => return Ok(token),
                Err(failure) if failure.code == ErrorCode::Policy => return Err(failure),
                Err(failure) => trouble = Some(failure),
            }
        }
        if let Some(gcloud) = &self.gcloud {
            let audiences = format!("--audiences={audience}");
            return program::token(gcloud, &["auth", "print-identity-token", &audiences]).await;
        }
        Err(trouble.unwrap_or_else(|| {
            let message = "there is no identity token of Google's: gcloud is not on PATH";
            Failure::new(ErrorCode::NotFound, message)
        }))
    }
}

async fn metadata(host: &str, audience: &str) -> Result<Secret, Failure> {
    let doing = "asking Google's metadata server for an identity token";
    let url = endpoint(host)?
        .with("audience", audience)
        .with("format", "full");
    // It is on this machine's own network: a proxy would be somebody else.
    let client = Client::new(&TlsPolicy::default(), Proxies::No, TIME)?;
    let call = || Call {
        url: &url,
        accept: "*/*",
        authorization: None,
        header: Some(("metadata-flavor", "Google")),
        json: None,
        limit: ANSWER,
    };
    match ask(&client, doing, url.origin(), call).await? {
        Asked::Said(content) => identity_token(&content, "Google's metadata server"),
        Asked::No(status, _) => {
            let message = format!("{doing} failed: it answered {status}");
            let hint = "the machine needs a service account";
            Err(Failure::new(ErrorCode::Unavailable, message).hint(hint))
        }
    }
}

impl Identity for Google {
    fn word(&self) -> &'static str {
        "google"
    }

    fn name(&self) -> &'static str {
        "Google Cloud"
    }

    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>> {
        Box::pin(self.ask(audience))
    }
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::ErrorCode;

    use super::{HOSTS, endpoint};

    #[test]
    fn only_its_own_addresses_are_asked_in_the_clear() {
        for host in HOSTS.iter().chain(&["127.0.0.1:8", "localhost:8"]) {
            assert!(endpoint(host).is_ok(), "{host}");
        }
        for host in [
            "evil.example",
            "169.254.169.254:81",
            "169.254.169.254@evil",
            "metadata",
        ] {
            let code = endpoint(host).err().map(|failure| failure.code);
            assert!(
                matches!(code, Some(ErrorCode::Policy | ErrorCode::Usage)),
                "{host}"
            );
        }
    }
}
