//! Names of repositories: what they are bound to, and which of them read the same variables.

use std::collections::BTreeSet;

use credential_helper_protocol::{BindingList, BindingRecord, Failure, Listing, Operation};

use super::{Check, Outcome};
use crate::domain::credential::ProviderId;
use crate::domain::known::{DeclaredBy, KnownRepository};
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::text::shell_word;

/// What could not be asked: the checks of names say less then.
pub(super) fn unavailable(
    listing: &Result<Listing, Failure>,
    bindings: &Result<BindingList, Failure>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    match listing {
        Err(failure) => checks.push(Check::failed("list", failure)),
        Ok(listing) => checks.extend(listing.skipped.iter().map(|skipped| {
            let message = format!("not listed: {}", skipped.reason);
            Check::new("list", Outcome::Skipped, message).about(&*skipped.provider)
        })),
    }
    checks.extend(
        bindings
            .as_ref()
            .err()
            .map(|failure| Check::failed("bindings", failure)),
    );
    checks
}

/// Judges the names that are declared or stored.
pub(super) fn checks(
    declared: &[KnownRepository],
    listing: &Listing,
    bindings: &[BindingRecord],
) -> Vec<Check> {
    let mut checks = collisions(declared, listing);
    checks.extend(unbound(declared, listing, bindings));
    checks.extend(elsewhere(declared, bindings));
    checks.extend(tokens(listing));
    checks
}

/// Tokens that may do too much, or not for long any more.
fn tokens(listing: &Listing) -> Vec<Check> {
    let mut checks = Vec::new();
    for stored in &listing.credentials {
        let subject = stored.name.as_deref().or(stored.url.as_deref());
        let subject = subject.unwrap_or(&stored.location);
        for warning in &stored.warnings {
            checks.push(
                Check::new("token", Outcome::Warning, warning.clone())
                    .about(subject)
                    .fix(format!(
                        "make another token where its account is, then: helper set {} --token",
                        shell_word(stored.name.as_deref().unwrap_or("NAME"))
                    )),
            );
        }
    }
    checks
}

/// Two names that a variable cannot tell apart. Names that only variables tell are left out: how
/// they are spelled is a guess; so are those of our own settings, which hold for every spelling.
fn collisions(declared: &[KnownRepository], listing: &Listing) -> Vec<Check> {
    let variables = [ProviderId::ENVIRONMENT, ProviderId::AGENT_ENVIRONMENT].map(ProviderId::word);
    let stored = listing
        .credentials
        .iter()
        .filter(|one| !variables.contains(&&*one.provider))
        .filter_map(|one| one.name.as_deref());
    let stored = stored.filter_map(|name| RepositoryName::parse(name).ok());
    let names: BTreeSet<RepositoryName> = declared
        .iter()
        .filter(|one| one.by != DeclaredBy::Settings)
        .map(|one| one.name.clone())
        .chain(stored)
        .collect();
    let mut checks = Vec::new();
    for (at, one) in names.iter().enumerate() {
        for other in names
            .iter()
            .skip(at + 1)
            .filter(|other| one.collides_with(other))
        {
            let shared = one.variable_spellings();
            let shared = shared
                .iter()
                .find(|part| other.variable_spellings().contains(part));
            let message = format!(
                "{one} and {other} read the same variables (POETRY_HTTP_BASIC_{}_...)",
                shared.map(String::as_str).unwrap_or_default()
            );
            checks.push(
                Check::new("names", Outcome::Warning, message)
                    .about(one.to_string())
                    .fix("rename one of them, or set no variables for them"),
            );
        }
    }
    checks
}

/// Names with a stored secret that nothing binds: the first project that declares one decides where
/// the secret goes. Variables make and obey no such binding.
fn unbound(
    declared: &[KnownRepository],
    listing: &Listing,
    bindings: &[BindingRecord],
) -> Vec<Check> {
    let variables = [ProviderId::ENVIRONMENT, ProviderId::AGENT_ENVIRONMENT].map(ProviderId::word);
    let mut seen = BTreeSet::new();
    let mut checks = Vec::new();
    for stored in &listing.credentials {
        let Some(name) = &stored.name else { continue };
        let key = normalize(name);
        if variables.contains(&&*stored.provider)
            || bindings
                .iter()
                .any(|binding| normalize(&binding.name) == key)
            || !seen.insert(key.clone())
        {
            continue;
        }
        let known = declared.iter().find(|one| one.name.normalized() == key);
        let line = match known {
            Some(one) => format!(
                "helper trust {} {} (if that is its URL)",
                shell_word(name),
                shell_word(one.url.as_str())
            ),
            None => format!("helper trust {} URL", shell_word(name)),
        };
        let message = "it has a secret and is bound to no origin: the first project that \
                       declares the name decides where it goes";
        checks.push(
            Check::new("binding", Outcome::Warning, message)
                .about(name.clone())
                .fix(line),
        );
    }
    checks
}

/// The origins that a name is bound to for look-ups.
pub(super) fn bound<'a>(
    bindings: &'a [BindingRecord],
    name: &RepositoryName,
) -> impl Iterator<Item = &'a str> {
    let key = name.normalized();
    bindings
        .iter()
        .filter(move |binding| {
            normalize(&binding.name) == key && binding.operation != Some(Operation::Upload)
        })
        .map(|binding| binding.origin.as_str())
}

/// Sources of the project that use a bound name for another origin.
fn elsewhere(declared: &[KnownRepository], bindings: &[BindingRecord]) -> Vec<Check> {
    let mut checks = Vec::new();
    let sources = declared.iter().filter(|one| one.by == DeclaredBy::Project);
    for source in sources.filter(|one| one.operation != Some(Operation::Upload)) {
        let origin = source.url.origin().to_string();
        let mut origins: Vec<&str> = bound(bindings, &source.name).collect();
        origins.dedup();
        if origins.is_empty() || origins.contains(&&*origin) {
            continue;
        }
        let message = format!(
            "the project declares it at {origin}, but it is bound to {}: it gets nothing there",
            origins.join(", ")
        );
        checks.push(
            Check::new("binding", Outcome::Problem, message)
                .about(source.name.to_string())
                .fix(format!(
                    "if the project is right: helper trust {} {}",
                    shell_word(source.name.as_str()),
                    shell_word(source.url.as_str())
                )),
        );
    }
    checks
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{
        BindingList, BindingRecord, ErrorCode, Failure, Listed, Listing, Operation, Skipped,
    };

    use super::super::{Check, Outcome};
    use super::{checks, unavailable};
    use crate::domain::known::{DeclaredBy, KnownRepository};
    use crate::domain::name::RepositoryName;
    use crate::domain::url::RepositoryUrl;

    fn source(name: &str, url: &str, by: DeclaredBy) -> KnownRepository {
        let url = RepositoryUrl::parse(url).unwrap().0;
        KnownRepository::new(RepositoryName::parse(name).unwrap(), url, by)
    }

    fn stored(name: &str, provider: &str) -> Listing {
        Listing {
            credentials: vec![Listed {
                name: Some(name.into()),
                provider: provider.into(),
                ..Listed::default()
            }],
            skipped: Vec::new(),
        }
    }

    fn binding(name: &str, origin: &str, operation: Option<Operation>) -> BindingRecord {
        BindingRecord {
            name: name.into(),
            origin: origin.into(),
            operation,
            ..BindingRecord::default()
        }
    }

    fn told(found: &[Check]) -> Vec<String> {
        let one = |check: &Check| {
            format!(
                "{} {}",
                check.subject.clone().unwrap(),
                check.fix.clone().unwrap()
            )
        };
        found.iter().map(one).collect()
    }

    #[test]
    fn names_that_variables_cannot_tell_apart() {
        let declared = [
            source("a.b", "https://a/", DeclaredBy::Poetry),
            source("a!b", "https://b/", DeclaredBy::Project),
            source("a-b", "https://c/", DeclaredBy::Project),
        ];
        let found = checks(&declared, &Listing::default(), &[]);
        let pairs: Vec<&str> = found.iter().map(|check| check.message.as_str()).collect();
        assert_eq!(pairs.len(), 3, "{pairs:?}");
        assert!(pairs.iter().all(|text| text.contains("A_B")));
        let found = checks(&declared[..1], &stored("a!b", "auth.toml"), &[]);
        assert!(found.iter().any(|check| check.id == "names"));
        let guessed = checks(&declared[..1], &stored("a-b", "environment"), &[]);
        assert!(guessed.iter().all(|check| check.id != "names"));
    }

    #[test]
    fn secrets_without_a_binding() {
        let project = [source(
            "Foo",
            "https://a.example/simple/",
            DeclaredBy::Project,
        )];
        let bound = [binding("foo", "https://a.example", None)];
        for (listing, declared, bindings, wanted) in [
            (
                stored("foo", "secret-service"),
                &project[..0],
                &bound[..0],
                "foo helper trust foo URL",
            ),
            (
                stored("foo", "auth.toml"),
                &project[..],
                &bound[..0],
                "Foo rename one of them, or set no variables for them\n\
                 foo helper trust foo https://a.example/simple/ (if that is its URL)",
            ),
            (stored("Foo", "auth.toml"), &project[..], &bound[..], ""),
            (stored("Foo", "environment"), &project[..], &bound[..0], ""),
        ] {
            assert_eq!(
                told(&checks(declared, &listing, bindings)).join("\n"),
                wanted
            );
        }
    }

    #[test]
    fn tokens_that_should_be_replaced() {
        let mut listing = stored("foo", "auth.toml");
        let bound = [binding("foo", "https://a.example", None)];
        assert!(checks(&[], &listing, &bound).is_empty());
        listing.credentials[0].warnings = vec!["the token of foo has expired".to_owned()];
        let found = checks(&[], &listing, &bound);
        assert_eq!(found[0].result, Outcome::Warning);
        assert_eq!(found[0].message, "the token of foo has expired");
        let fix = "foo make another token where its account is, then: helper set foo --token";
        assert_eq!(told(&found), [fix]);
    }

    #[test]
    fn a_project_that_uses_a_name_for_another_origin() {
        let declared = |by| [source("foo", "https://evil.example/simple/", by)];
        let empty = Listing::default();
        let read = binding("foo", "https://a.example", None);
        let upload = binding("foo", "https://a.example", Some(Operation::Upload));
        for (by, bound, wanted) in [
            (DeclaredBy::Project, read.clone(), Some(Outcome::Problem)),
            (DeclaredBy::UvToml, read, None),
            (DeclaredBy::Project, upload, None),
            (
                DeclaredBy::Project,
                binding("foo", "https://evil.example", None),
                None,
            ),
            (
                DeclaredBy::Project,
                binding("bar", "https://a.example", None),
                None,
            ),
        ] {
            let found = checks(&declared(by), &empty, &[bound]);
            assert_eq!(found.first().map(|check| check.result), wanted);
        }
    }

    #[test]
    fn what_could_not_be_asked_is_said() {
        let failure = || Failure::new(ErrorCode::Locked, "locked").hint("unlock");
        let found = unavailable(&Err(failure()), &Err(failure()));
        assert_eq!(told(&found[..0]).len() + found.len(), 2);
        let skipped = Listing {
            skipped: vec![Skipped {
                provider: "uv-store".into(),
                reason: "slow".into(),
            }],
            ..Listing::default()
        };
        let found = unavailable(&Ok(skipped), &Ok(BindingList::default()));
        assert_eq!(found[0].result, Outcome::Skipped);
        assert_eq!(found.len(), 1);
    }
}
