//! What settings, the record and declarations say, in the words of the rules: bindings and known
//! repositories.

use credential_helper_protocol::Operation;

use crate::domain::binding::{Binding, BoundBy};
use crate::domain::known::{DeclaredBy, KnownRepository};
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;
use crate::provider::poetry::Declared;
use crate::provider::settings::RepositorySetting;
use crate::provider::trust_file::TrustRecord;

pub(super) fn settings_bindings(setting: &RepositorySetting) -> Vec<Binding> {
    operations(setting)
        .into_iter()
        .map(|(url, operation)| Binding {
            name: setting.name.as_str().to_owned(),
            operation,
            url: url.clone(),
            by: BoundBy::Settings,
            allow_http: setting.allow_http,
            since: None,
        })
        .chain(setting.also.iter().map(|url| Binding {
            name: setting.name.as_str().to_owned(),
            operation: Some(Operation::Read),
            url: url.clone(),
            by: BoundBy::Settings,
            allow_http: setting.allow_http,
            since: None,
        }))
        .collect()
}

/// `url` is for reading, `publish-url` for uploads, each for both where the other is missing.
fn operations(setting: &RepositorySetting) -> Vec<(&RepositoryUrl, Option<Operation>)> {
    match (&setting.url, &setting.publish_url) {
        (Some(url), Some(publish)) => {
            vec![
                (url, Some(Operation::Read)),
                (publish, Some(Operation::Upload)),
            ]
        }
        (Some(url), None) | (None, Some(url)) => vec![(url, None)],
        (None, None) => Vec::new(),
    }
}

pub(super) fn settings_repositories(setting: &RepositorySetting) -> Vec<KnownRepository> {
    operations(setting)
        .into_iter()
        .map(|(url, operation)| {
            let mut known =
                KnownRepository::new(setting.name.clone(), url.clone(), DeclaredBy::Settings);
            known.operation = operation;
            known.username.clone_from(&setting.username);
            // Extra scopes are taken as they are: a person wrote them.
            known
                .scopes
                .extend(setting.also.iter().map(RepositoryUrl::scope));
            known
        })
        .collect()
}

pub(super) fn recorded(
    record: &TrustRecord,
    which: impl Fn(BoundBy) -> bool,
    by: DeclaredBy,
) -> Vec<KnownRepository> {
    record
        .bindings
        .iter()
        .filter(|binding| which(binding.by))
        .filter_map(|binding| {
            let name = RepositoryName::parse(&binding.name).ok()?;
            let mut known = KnownRepository::new(name, binding.url.clone(), by);
            known.operation = binding.operation;
            Some(known)
        })
        .collect()
}

pub(super) fn known(declared: &Declared, by: DeclaredBy) -> KnownRepository {
    let mut known = KnownRepository::new(declared.name.clone(), declared.url.clone(), by);
    known.operation = declared.operation;
    known.username = declared
        .userinfo
        .as_ref()
        .map(|userinfo| userinfo.username.clone())
        .filter(|username| !username.is_empty());
    known.userinfo.clone_from(&declared.userinfo);
    known
}
