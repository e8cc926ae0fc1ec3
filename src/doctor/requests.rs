//! The requests themselves, a few at a time, and what their answers mean.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use credential_helper_protocol::{Credential, ErrorCode, Failure, Question, Scheme};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use super::super::configuration::Configuration;
use super::super::{Check, Options, Outcome, Source};
use super::{Step, Target, line};
use crate::domain::credential::TOKEN_USERNAME;
use crate::domain::text::{shell_word, shown};
use crate::http::{ACCEPT_SIMPLE, Authorization, Client, Proxies, Reply, TlsPolicy};
use crate::provider::poetry::{CertValue, certificates};

/// Requests at once: a person's repositories often stand on one server.
const AT_ONCE: usize = 4;

/// What was sent: whose credential, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sent {
    username: Option<String>,
    from: Option<String>,
}

struct Request {
    target: Target,
    client: Rc<Client>,
    header: Option<Authorization>,
    sent: Sent,
}

/// Asks every repository for which that was decided; one line each, in their order.
pub(super) fn send(
    options: &Options,
    agent: &mut dyn Source,
    found: &Configuration,
    steps: Vec<(&Target, Question, Step)>,
    runtime: &tokio::runtime::Runtime,
) -> Vec<Check> {
    let mut clients = HashMap::new();
    let mut checks: Vec<Option<Check>> = Vec::new();
    let mut extra = Vec::new();
    let mut requests = Vec::new();
    for (target, question, step) in steps {
        let place = checks.len();
        checks.push(None);
        if let Step::Not(check) = step {
            checks[place] = Some(*check);
            continue;
        }
        let asked = matches!(step, Step::WithCredential).then(|| agent.get(&question));
        let made = credential(asked).and_then(|(header, sent)| {
            let mut policy = runtime.block_on(policy(options, found, target))?;
            if !target.bound {
                policy = policy.unbound();
            }
            if policy.unchecked && target.url.origin().to_string().starts_with("https:") {
                extra.push(unchecked(target));
            }
            let client = client(&mut clients, options, &policy)?;
            Ok(Request {
                target: target.clone(),
                client,
                header,
                sent,
            })
        });
        match made {
            Ok(request) => requests.push((place, request)),
            Err(failure) => {
                let check = Check::failed("repository", &failure);
                checks[place] = Some(check.about(target.name.to_string()));
            }
        }
    }
    for (place, check) in LocalSet::new().block_on(runtime, all(requests)) {
        checks[place] = Some(check);
    }
    checks.into_iter().flatten().chain(extra).collect()
}

async fn all(requests: Vec<(usize, Request)>) -> Vec<(usize, Check)> {
    let room = Rc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (place, request) in requests {
        let room = room.clone();
        tasks.spawn_local(async move {
            // Never closed; a request without a permit would only be early.
            let _permit = room.acquire().await.ok();
            let url = &request.target.url;
            let reply = request
                .client
                .get(url, ACCEPT_SIMPLE, request.header.as_ref())
                .await;
            (place, judged(&request.target, &request.sent, &reply))
        });
    }
    tasks.join_all().await
}

/// The header for what the agent gave; none where there is none.
fn credential(
    asked: Option<Result<Credential, Failure>>,
) -> Result<(Option<Authorization>, Sent), Failure> {
    let credential = match asked {
        None => return Ok((None, Sent::default())),
        // Gone since it was explained.
        Some(Err(failure)) if failure.code == ErrorCode::NotFound => {
            return Ok((None, Sent::default()));
        }
        Some(Err(failure)) => return Err(failure),
        Some(Ok(credential)) => credential,
    };
    let Some(secret) = &credential.password else {
        return Ok((None, Sent::default()));
    };
    let username = credential.username.unwrap_or_default();
    let header = Authorization::new(credential.scheme, &username, secret)?;
    let from = match credential.location.as_str() {
        "" => credential.provider,
        location => format!("{} ({})", credential.provider, shown(location)),
    };
    let sent = Sent {
        username: (credential.scheme == Scheme::Basic).then_some(username),
        from: Some(from),
    };
    Ok((Some(header), sent))
}

/// The certificates of a repository, as the user's own files of Poetry name them.
async fn policy(
    options: &Options,
    found: &Configuration,
    target: &Target,
) -> Result<TlsPolicy, Failure> {
    let stored = certificates(&found.call, &target.name).await?;
    // Poetry takes relative paths from its working folder.
    let folder = options.context.folder.as_deref().map(Path::new);
    let absolute = |path: PathBuf| folder.map_or_else(|| path.clone(), |folder| folder.join(&path));
    Ok(TlsPolicy {
        authorities: match &stored.cert {
            Some(CertValue::Path(path)) => Some(absolute(path.clone())),
            _ => None,
        },
        unchecked: stored.cert == Some(CertValue::Verify(false)),
        client: stored.client_cert.map(absolute),
    })
}

fn client(
    clients: &mut HashMap<TlsPolicy, Rc<Client>>,
    options: &Options,
    policy: &TlsPolicy,
) -> Result<Rc<Client>, Failure> {
    if let Some(client) = clients.get(policy) {
        return Ok(client.clone());
    }
    let proxies = if options.proxies {
        Proxies::Environment
    } else {
        Proxies::No
    };
    let client = Rc::new(Client::new(policy, proxies, options.time)?);
    clients.insert(policy.clone(), client.clone());
    Ok(client)
}

fn unchecked(target: &Target) -> Check {
    let name = target.name.as_str();
    Check::new(
        "certificate",
        Outcome::Warning,
        "certificates.NAME.cert is false: whoever stands between can read the secret",
    )
    .about(target.name.to_string())
    .fix(format!(
        "helper config {} /path/to/authority.pem",
        shell_word(&format!("certificates.{name}.cert"))
    ))
}

/// What an answer means, and what to do about it.
fn judged(target: &Target, sent: &Sent, reply: &Reply) -> Check {
    let name = shell_word(target.name.as_str());
    let check = |result, message: &str| line(target, result, message);
    let from = sent.from.as_deref();
    let account = match sent.username.as_deref() {
        Some(TOKEN_USERNAME) => " --token".to_owned(),
        None => " USERNAME".to_owned(),
        Some("") => String::new(),
        Some(username) => format!(" {}", shell_word(username)),
    };
    match (reply, from) {
        (Reply::Ok(_), Some(from)) => {
            check(Outcome::Ok, &format!("accepted the credential from {from}"))
        }
        (Reply::Ok(_), None) => check(Outcome::Ok, "answers without a credential"),
        (Reply::Unauthorized, Some(from)) => check(
            Outcome::Problem,
            &format!("refused the credential from {from} (401)"),
        )
        .fix(format!("store the right one: helper set {name}{account}")),
        (Reply::Unauthorized, None) => check(
            Outcome::Problem,
            "wants a credential, and there is none (401)",
        )
        .fix(format!("helper set {name} USERNAME")),
        (Reply::Forbidden, Some(from)) => check(
            Outcome::Problem,
            &format!("forbids it to the credential from {from} (403)"),
        )
        .fix(format!(
            "see what this account may read there, or store another: helper set {name} USERNAME"
        )),
        (Reply::Forbidden, None) => {
            check(Outcome::Problem, "forbids it without a credential (403)")
                .fix(format!("helper set {name} USERNAME"))
        }
        // Some indexes have no list of projects; others say so to those who may not see it.
        (Reply::NotFound, Some(_)) => check(
            Outcome::Warning,
            "there is no page at this URL (404): the index has no list of projects, the URL is \
             wrong, or this account may not see it",
        )
        .fix("compare the URL with that of the index's own documentation"),
        (Reply::NotFound, None) => check(
            Outcome::Warning,
            "there is no page at this URL (404); some indexes answer so without a credential",
        )
        .fix(format!("check the URL, or helper set {name} USERNAME")),
        (Reply::Status(407), _) => check(Outcome::Problem, "the proxy wants a credential (407)")
            .fix("put it into HTTPS_PROXY, or name the host in NO_PROXY"),
        (Reply::Status(status), _) => {
            check(Outcome::Warning, &format!("answers with status {status}"))
                .fix("try again later, or ask who runs it")
        }
        (Reply::Redirect(origin), _) => check(
            Outcome::Warning,
            &format!("leads to {origin}; the credential was not sent there"),
        )
        .fix(format!(
            "if that is its new place: helper trust {name} URL, and use that URL"
        )),
        (Reply::Tls(why), _) => check(Outcome::Problem, why).fix(tls_fix(target, why)),
        (Reply::Connect(why), _) => check(Outcome::Problem, why)
            .fix("check the URL, the network, and HTTPS_PROXY and NO_PROXY"),
        (Reply::TimedOut, _) => check(Outcome::Problem, "no answer in time")
            .fix("check the network, and HTTPS_PROXY and NO_PROXY"),
    }
}

fn tls_fix(target: &Target, why: &str) -> String {
    let key = |what: &str| shell_word(&format!("certificates.{}.{what}", target.name.as_str()));
    if why.contains("client certificate") {
        format!("helper config {} /path/to/own.pem", key("client-cert"))
    } else {
        format!(
            "for an authority of your own: helper config {} /path/to/authority.pem",
            key("cert")
        )
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
