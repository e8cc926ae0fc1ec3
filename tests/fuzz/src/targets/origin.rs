//! URLs, origins, scopes, and what other tools call a place.

use credential_helper_protocol::Secret;
use url::Url;

use crate::domain::service::{Form, Service, told};
use crate::domain::text::has_control;
use crate::domain::url::RepositoryUrl;

/// Two URLs, a line each.
pub fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (one, other) = text.split_once('\n').unwrap_or((text, ""));
    let one = checked(one);
    let other = checked(other);
    if let (Some(one), Some(other)) = (one, other) {
        for (from, to) in [(&one, &other), (&other, &one)] {
            for scope in from.scopes() {
                if scope.covers(to) {
                    assert_eq!(from.origin(), to.origin(), "a scope reaches another origin");
                }
            }
        }
    }
}

fn checked(text: &str) -> Option<RepositoryUrl> {
    let (url, userinfo) = match RepositoryUrl::parse(text) {
        Ok(read) => read,
        Err(failure) => {
            assert!(!has_control(&failure.message));
            return None;
        }
    };
    let shown = url.as_str();
    assert!(!has_control(shown) && !shown.contains(['?', '#']));
    assert!(!authority(shown).contains('@'));
    // Read again it is the same, and nothing is left to take out.
    let (again, none) = RepositoryUrl::parse(shown).expect("what is shown can be read");
    assert!(none.is_none());
    assert_eq!(again, url);
    assert_eq!(again.origin(), url.origin());
    // Where a client would go with the text as it came.
    let sent = Url::parse(text).expect("one parser");
    let host = sent.host_str().unwrap_or_default();
    assert_eq!(host.strip_suffix('.').unwrap_or(host), url.origin().host());
    let port = sent.port().map_or(String::new(), |port| format!(":{port}"));
    let origin = format!("{}://{}{port}", sent.scheme(), url.origin().host());
    assert_eq!(url.origin().to_string(), origin);
    // An origin is one for itself.
    let (bare, _) = RepositoryUrl::parse(&origin).expect("an origin is a URL");
    assert_eq!(bare.origin(), url.origin());
    assert_eq!(url.origin().is_http(), sent.scheme() == "http");
    for form in url.slash_forms() {
        let (form, _) = RepositoryUrl::parse(&form).expect("with and without the last slash");
        assert_eq!(form.origin(), url.origin());
        assert_eq!(form.segments(), url.segments());
    }
    assert!(url.segments().iter().all(|segment| !has_control(segment)));
    assert!(
        url.scope().covers(&url),
        "a URL is outside of its own scope"
    );
    if let Some(userinfo) = userinfo {
        assert!(!has_control(&userinfo.username));
        let secret = userinfo.password.as_ref().map(Secret::expose);
        assert!(secret.is_none_or(|secret| !has_control(secret)));
    }
    Some(url)
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// What a tool calls a place.
pub fn service(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let told = told(text);
    let Ok(service) = Service::parse(text) else {
        return;
    };
    let shown = service.shown();
    assert!(!has_control(&shown));
    for key in service.keys() {
        assert!(!has_control(&key));
    }
    if let Form::Url { url, userinfo, .. } = &service.form {
        let secret = userinfo.as_ref().and_then(|own| own.password.as_ref());
        let secret = secret.map_or("", Secret::expose);
        // A short one may stand in the rest by chance.
        if secret.len() > 5 && text.matches(secret).count() == 1 && !url.as_str().contains(secret) {
            assert!(!shown.contains(secret) && !told.contains(secret));
            let keys = service.keys();
            assert!(
                keys.iter().all(|key| !key.contains(secret)),
                "a key holds the secret"
            );
        }
    }
}
