//! What is known for a question: repositories, bindings, switches. Everything is read through the
//! request's view, so that the answer is kept just as long as all of it stays the same.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use credential_helper_protocol::{ErrorCode, Failure, Operation};

use super::declared::{declared, recorded, settings_bindings, settings_repositories};
use crate::domain::binding::{self, Binding, BoundBy, Class, Verdict};
use crate::domain::credential::{Key, ProviderId};
use crate::domain::known::{DeclaredBy, KnownRepository};
use crate::domain::name::{RepositoryName, normalize};
use crate::domain::url::RepositoryUrl;
use crate::provider::files::FileFailure;
use crate::provider::poetry::{self, Declared};
use crate::provider::project::{self, Project};
use crate::provider::settings::{RepositorySetting, Settings};
use crate::provider::trust_file::{self, TrustRecord};
use crate::provider::{Call, Provider};

/// Everything that is known before the first provider is asked.
pub struct Known {
    /// The helper's settings.
    pub settings: Rc<Settings>,
    /// The record of bindings, or why it cannot be read.
    pub record: Result<TrustRecord, FileFailure>,
    /// Repositories with their URLs, in the order in which they are preferred.
    pub repositories: Vec<KnownRepository>,
    /// What each name is bound to.
    pub bindings: Vec<Binding>,
    /// The project in the client's folder.
    pub project: Option<Project>,
    /// Files of Poetry's that could not be read: a binding may stand in them.
    pub unread: Vec<FileFailure>,
    /// Other files that could not be read: the repository of a URL may be declared in them.
    pub undeclared: Vec<FileFailure>,
    /// Why it is not known what the project declares, if so.
    pub project_unread: Option<FileFailure>,
    /// Why keyrings are not asked, where they are switched off.
    pub keyring_off: Option<String>,
    /// For people: one line each.
    pub warnings: Vec<String>,
}

/// Where the agent's own files are.
#[derive(Clone, Debug)]
pub struct Own {
    /// The folder of `config.toml`.
    pub settings: PathBuf,
    /// The folder of `trust.toml`.
    pub state: PathBuf,
    /// The user's home, for `~` in settings.
    pub home: PathBuf,
}

/// Finds the project first: the providers of the request need its folder.
///
/// # Errors
/// Where it is there and cannot be read.
pub async fn find_project(
    call: &mut Call,
    working: Option<&str>,
) -> Result<Option<Project>, FileFailure> {
    let Some(working) = working.map(Path::new) else {
        return Ok(None);
    };
    let project = project::find(&call.files, working).await?;
    call.folders.project = project.as_ref().map(|project| project.folder.clone());
    Ok(project)
}

/// Reads settings, bindings, Poetry's repositories and the project's sources.
///
/// # Errors
/// Where the helper's own settings cannot be read: they may restrict what is asked.
pub async fn gather(
    own: &Own,
    call: &mut Call,
    working: Option<&str>,
    keyring_variable: Option<&str>,
) -> Result<Known, Failure> {
    let settings = settings(own, call).await?;
    let mut warnings = Vec::new();
    let (project, mut project_unread) = match find_project(call, working).await {
        Ok(project) => (project, None),
        Err(failure) => (None, Some(failure)),
    };
    if let Some(failure) = &project_unread {
        warnings.push(failure.detail.clone());
    }
    if let Some(project) = &project {
        warnings.extend(project.warnings.iter().cloned());
        project_unread.clone_from(&project.unread);
    }
    let mut undeclared: Vec<FileFailure> = project_unread.iter().cloned().collect();
    warnings.extend(settings.warnings.iter().cloned());
    let record = trust_file::load(&call.files, &own.state).await;
    let (poetry, unread) = poetry::repositories(call).await;
    let user_uv = match &call.folders.uv {
        Some(folder) => match project::user_uv(&call.files, folder).await {
            Ok((declared, notes)) => {
                warnings.extend(notes);
                declared
            }
            Err(failure) => {
                warnings.push(failure.detail.clone());
                undeclared.push(failure);
                Vec::new()
            }
        },
        None => Vec::new(),
    };
    if let Err(failure) = &record {
        undeclared.push(failure.clone());
    }
    let trusted = match (&record, &project) {
        (Ok(record), Some(project)) => record
            .is_project_trusted(&call.files, &project.folder)
            .await
            .unwrap_or(false),
        _ => false,
    };
    let keyring_off = match poetry::keyring_enabled(call, keyring_variable, trusted).await {
        Ok(true) => None,
        Ok(false) => Some("keyring.enabled is false".to_owned()),
        Err(failure) => {
            warnings.push(failure.detail);
            None
        }
    };
    let mut bindings = binding::built_in();
    bindings.extend(settings.repositories.iter().flat_map(settings_bindings));
    if let Ok(record) = &record {
        bindings.extend(record.bindings.iter().cloned());
    }
    bindings.extend(poetry.iter().map(|declared| Binding {
        name: declared.name.as_str().to_owned(),
        operation: declared.operation,
        url: declared.url.clone(),
        by: BoundBy::Poetry,
        allow_http: false,
        since: None,
    }));
    if trusted {
        // The user vouches for these files: what they declare counts as bound by hand. Those of a
        // workspace above are no part of it: nobody notices when they change.
        bindings.extend(
            project
                .iter()
                .flat_map(|project| {
                    let own = |declared: &&Declared| {
                        Path::new(&declared.location).parent() == Some(project.folder.as_path())
                    };
                    project.sources.iter().filter(own)
                })
                .map(|declared| Binding {
                    name: declared.name.as_str().to_owned(),
                    operation: declared.operation,
                    url: declared.url.clone(),
                    by: BoundBy::Trust,
                    allow_http: false,
                    since: None,
                }),
        );
    }
    let mut repositories: Vec<KnownRepository> = settings
        .repositories
        .iter()
        .flat_map(settings_repositories)
        .collect();
    if let Ok(record) = &record {
        repositories.extend(recorded(
            record,
            |by| by != BoundBy::FirstUse,
            DeclaredBy::Bound,
        ));
    }
    repositories.extend(poetry.iter().map(|one| declared(one, DeclaredBy::Poetry)));
    let sources = project.iter().flat_map(|project| &project.sources);
    repositories.extend(sources.map(|one| declared(one, DeclaredBy::Project)));
    repositories.extend(user_uv.iter().map(|one| declared(one, DeclaredBy::UvToml)));
    if let Ok(record) = &record {
        repositories.extend(recorded(
            record,
            |by| by == BoundBy::FirstUse,
            DeclaredBy::FirstUse,
        ));
    }
    repositories.extend(binding::built_in().into_iter().filter_map(|binding| {
        let name = RepositoryName::parse(&binding.name).ok()?;
        Some(KnownRepository::new(name, binding.url, DeclaredBy::BuiltIn))
    }));
    Ok(Known {
        settings,
        record,
        repositories,
        bindings,
        project,
        unread,
        undeclared,
        project_unread,
        keyring_off,
        warnings,
    })
}

/// The helper's settings, through the request's view.
///
/// # Errors
/// Where they cannot be read.
pub async fn settings(own: &Own, call: &Call) -> Result<Rc<Settings>, Failure> {
    crate::provider::settings::load(&call.files, &own.settings, &own.home)
        .await
        .map_err(|failure| {
            Failure::new(failure.why.code(), failure.detail)
                .hint("correct the file: nothing is answered while it may forbid something")
        })
}

impl Known {
    /// The setting of a repository.
    pub fn setting(&self, name: &RepositoryName) -> Option<&RepositorySetting> {
        let key = name.normalized();
        self.settings
            .repositories
            .iter()
            .find(|setting| setting.name.normalized() == key)
    }

    /// Whether a secret of this class that belongs to the name may go to the URL.
    pub fn check(
        &self,
        name: &RepositoryName,
        url: &RepositoryUrl,
        operation: Option<Operation>,
        class: Class,
    ) -> Verdict {
        let first_use = self.settings.first_use;
        binding::check(
            &self.bindings,
            name,
            url.origin(),
            operation,
            class,
            first_use,
        )
    }

    /// Whether it is known where the project, if any, would send the secret of a name. Poetry and uv
    /// may be able to read what we cannot.
    ///
    /// # Errors
    /// Where it is not.
    pub fn need_project(&self, name: &RepositoryName) -> Result<(), Failure> {
        let key = name.normalized();
        let unusable = self.project.iter().flat_map(|project| &project.unusable);
        let failure = self.project_unread.as_ref().or_else(|| {
            let mut own = unusable.filter(|(other, _)| normalize(other) == key);
            own.next().map(|(_, failure)| failure)
        });
        match failure {
            None => Ok(()),
            Some(failure) => Err(Failure::new(failure.why.code(), failure.detail.clone()).hint(
                "the origin that this project declares for the name cannot be checked: correct the file, or ask from another folder",
            )),
        }
    }

    /// Why the bindings cannot be told, where they are needed.
    ///
    /// # Errors
    /// Where `trust.toml` cannot be read.
    pub fn need_record(&self) -> Result<(), Failure> {
        match &self.record {
            Ok(_) => Ok(()),
            Err(failure) => Err(Failure::new(failure.why.code(), failure.detail.clone()).hint(
                "without it the origin of the request cannot be checked: correct or remove the file",
            )),
        }
    }

    /// Other known names that read the same variables as this one. Only Poetry and uv tell names
    /// apart that are normalised alike; our own settings and bindings mean the same by them.
    pub fn collisions(&self, name: &RepositoryName) -> Vec<String> {
        let exact = |by| {
            matches!(
                by,
                DeclaredBy::Poetry | DeclaredBy::Project | DeclaredBy::UvToml
            )
        };
        let mut names: Vec<String> = self
            .repositories
            .iter()
            .filter(|known| known.name.collides_with(name))
            .filter(|known| exact(known.by) || known.name.normalized() != name.normalized())
            .map(|known| known.name.to_string())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Fills in the accounts that the URL's repositories are known to have by variables and Poetry's
    /// files.
    pub async fn learn_usernames(
        &mut self,
        call: &Call,
        providers: &[Rc<dyn Provider>],
        url: &RepositoryUrl,
    ) {
        let own = |known: &&mut KnownRepository| known.scopes.iter().any(|scope| scope.covers(url));
        for known in self.repositories.iter_mut().filter(own) {
            let key = Key::HttpBasic(known.name.stored_spellings());
            for provider in providers {
                let id = provider.id();
                if known.username.is_some() || !(id.is_variables() || id.is_named_file()) {
                    continue;
                }
                if let crate::domain::credential::Answer::Found(halves) =
                    provider.find(&key, call).await
                {
                    known.username = halves.username.filter(|username| !username.is_empty());
                }
            }
        }
    }
}

/// The failure of a request that asks an agent with other settings.
pub fn other_settings() -> Failure {
    Failure::new(
        ErrorCode::OtherSettings,
        "the running agent has other settings or state folders than this client",
    )
    .hint("the work is done as with --no-agent; set CREDENTIAL_HELPER_SOCKET to run a second agent")
}

/// The provider that the settings name for a repository.
pub fn settings_provider(setting: &RepositorySetting) -> Option<ProviderId> {
    use crate::provider::settings::SecretSetting;
    setting.secret.as_ref().map(|secret| match secret {
        SecretSetting::File { .. } => ProviderId::FILE,
        SecretSetting::Command(_) => ProviderId::COMMAND,
    })
}
