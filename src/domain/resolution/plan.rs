//! Which places are asked, in order: the rules of `docs/resolution.md` as a list.

use credential_helper_protocol::Operation;

use super::setup::{CalledKind, Setup};
use crate::domain::credential::{Kind, ProviderId, TOKEN_USERNAME};
use crate::domain::url::RepositoryUrl;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Token,
    Basic,
}

#[derive(Clone)]
pub(super) enum Ask {
    /// `[http-basic]` or `[pypi-token]` by name.
    ByName(ProviderId),
    /// The settings' file or command.
    Settings(ProviderId),
    /// Userinfo of the repository's URL.
    Userinfo,
    /// A keyring under this service, by name.
    KeyringByName(ProviderId, String),
    /// A keyring under another tool's word for the name.
    KeyringUnderName(ProviderId, String),
    /// A keyring under a URL or host.
    KeyringByUrl(ProviderId, String),
    /// uv's store or netrc.
    ByUrl(ProviderId, RepositoryUrl),
}

/// Which places are asked, in order.
pub(super) fn plan(setup: &Setup) -> Vec<(Pass, Ask)> {
    if called(setup, CalledKind::Other).next().is_some() {
        // Some other program's entry: what Python keyring would have, and nothing else.
        return called(setup, CalledKind::Other)
            .map(|key| {
                let ask = Ask::KeyringByUrl(ProviderId::SYSTEM_KEYRING, key.clone());
                (Pass::Basic, ask)
            })
            .collect();
    }
    let token_asked = setup.username.as_deref() == Some(TOKEN_USERNAME);
    let passes: &[Pass] = match (setup.operation, &setup.username) {
        // Another account than a token's is asked for.
        (_, Some(_)) if !token_asked => &[Pass::Basic],
        (Some(Operation::Read), _) => &[Pass::Basic],
        (Some(Operation::Upload), _) => &[Pass::Token, Pass::Basic],
        (None, _) if token_asked => &[Pass::Token, Pass::Basic],
        (None, _) => &[Pass::Basic, Pass::Token],
    };
    passes
        .iter()
        .flat_map(|pass| plan_pass(setup, *pass).into_iter().map(|ask| (*pass, ask)))
        .collect()
}

/// What another tool calls the place, if it is of this kind.
fn called(setup: &Setup, kind: CalledKind) -> impl Iterator<Item = &String> {
    let called = setup
        .called
        .iter()
        .filter(move |called| called.kind == kind);
    called.flat_map(|called| &called.keys)
}

fn plan_pass(setup: &Setup, pass: Pass) -> Vec<Ask> {
    let mut plan = Vec::new();
    let of = |kind| {
        let places = setup.places.iter().copied();
        places.filter(move |id: &ProviderId| id.kind() == kind)
    };
    if let Some(name) = &setup.name {
        // (a), (b) variables
        plan.extend(of(Kind::Variables).map(Ask::ByName));
        // (c) what the settings name
        let settings_token = setup.settings_username.as_deref() == Some(TOKEN_USERNAME);
        if (pass == Pass::Basic) != settings_token {
            let named = of(Kind::Settings).filter(|id| setup.settings == Some(*id));
            plan.extend(named.map(Ask::Settings));
        }
        // (d) Poetry's files
        plan.extend(of(Kind::NamedFile).map(Ask::ByName));
        if pass == Pass::Basic && setup.userinfo.is_some() {
            plan.push(Ask::Userinfo);
        }
        // (e) keyrings by name
        for keyring in of(Kind::Keyring) {
            for spelling in name.stored_spellings() {
                let service = format!("poetry-repository-{spelling}");
                plan.push(Ask::KeyringByName(keyring, service));
            }
        }
    }
    if pass == Pass::Token {
        return plan;
    }
    for keyring in of(Kind::Keyring) {
        let keys = called(setup, CalledKind::Name);
        plan.extend(keys.map(|key| Ask::KeyringUnderName(keyring, key.clone())));
    }
    // (f) keyrings by URL, then host
    let mut services: Vec<String> = Vec::new();
    let mut urls: Vec<&RepositoryUrl> = setup.urls.iter().collect();
    if urls.is_empty() {
        urls.extend(&setup.request);
    }
    let forms = urls.iter().flat_map(|url| url.slash_forms());
    let hosts = urls.iter().map(|url| url.origin().host_port());
    let exact = called(setup, CalledKind::Url).cloned();
    let last = called(setup, CalledKind::Host).cloned();
    for service in exact.chain(forms).chain(hosts).chain(last) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    for keyring in of(Kind::Keyring) {
        let by_url = services.iter().cloned();
        plan.extend(by_url.map(|service| Ask::KeyringByUrl(keyring, service)));
    }
    // (g) uv's store, (h) netrc: by the URL of the request
    let mut places: Vec<&RepositoryUrl> = setup.request.iter().collect();
    if places.is_empty() {
        places.extend(&setup.urls);
    }
    for store in of(Kind::ByUrl) {
        plan.extend(places.iter().map(|url| Ask::ByUrl(store, (*url).clone())));
    }
    plan
}
