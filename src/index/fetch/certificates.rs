//! Which of the user's settings for TLS a request has.
//!
//! They are kept by name, and a project declares where a name leads. Whose certificates are believed
//! follows the name; that none is checked, and a certificate of ours, only to where it is bound (design:
//! a project's files cannot lower TLS).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use credential_helper_protocol::Failure;
use url::Url;

use super::asking::Asker;
use crate::domain::name::{normalize, same_stored_name};
use crate::domain::text::shown;
use crate::domain::url::RepositoryUrl;
use crate::http::{TlsPolicy, origin};
use crate::index::source::Source;

/// The settings, and what is known of their names.
pub(super) struct Certificates {
    all: Vec<(String, TlsPolicy)>,
    /// Whether a name is bound to an origin.
    bound: Mutex<HashMap<(String, String), bool>>,
}

/// The TLS of one request.
pub(super) struct Tls {
    pub(super) policy: TlsPolicy,
    /// What to try where the request fails: something of the settings was not used.
    pub(super) hint: Option<String>,
}

impl Certificates {
    pub(super) fn new(all: Vec<(String, TlsPolicy)>) -> Self {
        Self {
            all,
            bound: Mutex::default(),
        }
    }

    /// The TLS of a request for a source, after its credential was asked for: that may have bound
    /// the name.
    ///
    /// # Errors
    /// Where the bindings cannot be told.
    pub(super) async fn of(
        &self,
        source: &Source,
        url: &Url,
        asker: Option<&Asker>,
    ) -> Result<Tls, Failure> {
        let found = source.credential_name().and_then(|name| {
            let mut all = self.all.iter();
            let (_, policy) = all.find(|(own, _)| same_stored_name(own, name))?;
            Some((name, policy))
        });
        let Some((name, policy)) = found else {
            return Ok(Tls {
                policy: TlsPolicy::default(),
                hint: None,
            });
        };
        if !policy.needs_binding() || self.is_bound(name, url, asker).await? {
            return Ok(Tls {
                policy: policy.clone(),
                hint: None,
            });
        }
        let at = origin(url).map_or_else(String::new, |origin| origin.to_string());
        let name = shown(name);
        Ok(Tls {
            policy: policy.unbound(),
            hint: Some(format!(
                "what certificates.{name} allows holds where {name} is bound: if {at} is right, \
                 helper trust {name} {}",
                if origin(url) == origin(&source.url) {
                    source.canonical.as_str()
                } else {
                    &at
                }
            )),
        })
    }

    async fn is_bound(
        &self,
        name: &str,
        url: &Url,
        asker: Option<&Asker>,
    ) -> Result<bool, Failure> {
        let (Some(wanted), Some(asker)) = (origin(url), asker) else {
            return Ok(false);
        };
        let key = (normalize(name), wanted.to_string());
        let known = || self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bound) = known().get(&key) {
            return Ok(*bound);
        }
        let all = asker.bound().await?;
        let bound = all.iter().any(|one| {
            normalize(&one.name) == key.0
                && RepositoryUrl::parse(&one.url).is_ok_and(|(url, _)| *url.origin() == wanted)
        });
        known().insert(key, bound);
        Ok(bound)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use credential_helper_protocol::ErrorCode;
    use url::Url;

    use super::super::Bound;
    use super::super::test_sources::{agent, failure, run, source};
    use super::{Certificates, TlsPolicy};

    /// What is left of a policy for a request, by letters: authorities, belief without a check, a
    /// certificate of ours; and the hint.
    fn left(policy: &TlsPolicy, source: (&str, &str), url: &str, bound: &[(&str, &str)]) -> String {
        let all = Certificates::new(vec![("Corp".to_owned(), policy.clone())]);
        let bound = bound.iter().map(|(name, url)| Bound {
            name: (*name).to_owned(),
            url: (*url).to_owned(),
            extra: false,
        });
        let (asker, _) = agent(bound.collect(), |_, _| {
            Err(failure(ErrorCode::NotFound, "none"))
        });
        let (source, url) = (self::source(source.0, source.1), url.parse());
        let url: Url = url.unwrap();
        let tls = run(all.of(&source, &url, Some(&asker))).unwrap();
        let again = run(all.of(&source, &url, Some(&asker))).unwrap();
        assert!(again.policy == tls.policy && again.hint == tls.hint);
        let letters = [
            (tls.policy.authorities.is_some(), "a"),
            (tls.policy.unchecked, "u"),
            (tls.policy.client.is_some(), "c"),
        ];
        let letters = letters
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, letter)| *letter);
        letters.collect::<String>() + &tls.hint.map_or_else(String::new, |hint| format!(" {hint}"))
    }

    #[test]
    fn what_is_allowed_holds_where_the_name_is_bound() {
        let loose = TlsPolicy {
            unchecked: true,
            ..TlsPolicy::default()
        };
        let named = TlsPolicy {
            authorities: Some(PathBuf::from("/ca.pem")),
            client: Some(PathBuf::from("/me.pem")),
            ..TlsPolicy::default()
        };
        let believed = named.unbound();
        let (corp, url) = (
            ("Corp", "https://corp.example/simple/"),
            "https://corp.example/x",
        );
        let at = [("corp", "https://corp.example/other/")];
        let elsewhere = [
            ("corp", "https://a.example/"),
            ("foo", "https://corp.example/"),
        ];
        let hint = " what certificates.Corp allows holds where Corp is bound: if \
                    https://corp.example is right, helper trust Corp https://corp.example/simple/";
        for (policy, bound, expected) in [
            (&loose, &at[..], "u".to_owned()),
            (&loose, &[], hint.to_owned()),
            (&loose, &elsewhere, hint.to_owned()),
            (&named, &at, "ac".to_owned()),
            (&named, &[], format!("a{hint}")),
            (&named, &elsewhere, format!("a{hint}")),
            // Whose certificates are believed lowers nothing.
            (&believed, &[], "a".to_owned()),
        ] {
            assert_eq!(
                left(policy, corp, url, bound),
                expected,
                "{policy:?} {bound:?}"
            );
        }
        // A page's files are on the index's own origin, or on one that is bound too.
        let files = "https://files.example/x";
        assert!(left(&loose, corp, files, &at).contains("helper trust Corp https://files.example"));
        let both = [at[0], ("corp", "https://files.example/x/")];
        assert_eq!(left(&loose, corp, files, &both), "u");
        // Another name has nothing of it.
        assert_eq!(left(&loose, ("other", corp.1), url, &at), "");
    }

    #[test]
    fn nobody_can_tell() {
        let loose = TlsPolicy {
            unchecked: true,
            ..TlsPolicy::default()
        };
        let all = Certificates::new(vec![("corp".to_owned(), loose)]);
        let corp = source("corp", "https://corp.example/simple/");
        let tls = run(all.of(&corp, &corp.url, None)).unwrap();
        assert!(!tls.policy.unchecked && tls.hint.is_some());
    }
}
