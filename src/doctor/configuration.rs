//! What is written in the files of this user and of the project, read once for all checks.

use std::path::PathBuf;
use std::rc::Rc;

use credential_helper_protocol::limits;

use super::files::FileFacts;
use super::{Check, Options, Outcome};
use crate::domain::credential::ProviderId;
use crate::domain::known::{DeclaredBy, KnownRepository};
use crate::provider::files::Files;
use crate::provider::poetry::{self, Declared};
use crate::provider::settings::{self, Settings};
use crate::provider::{Call, Folders, project};

/// What was read.
pub(super) struct Configuration {
    /// A request as this process would make it.
    #[cfg_attr(
        not(any(feature = "net", all(unix, not(target_os = "macos")))),
        expect(dead_code, reason = "for the bus, and for the requests of `net`")
    )]
    pub(super) call: Call,
    /// The helper's settings; unset where they cannot be read.
    pub(super) settings: Option<Rc<Settings>>,
    /// Where they are.
    pub(super) settings_path: Option<PathBuf>,
    /// Every file that may hold a secret, or decides where one goes.
    pub(super) files: Vec<FileFacts>,
    /// Repositories with their URLs, in the order in which they are preferred; bindings apart.
    pub(super) declared: Vec<KnownRepository>,
    /// Whether keyrings are asked.
    pub(super) keyring_on: bool,
    /// For people: one line each.
    warnings: Vec<String>,
}

/// Reads everything.
pub(super) async fn collect(options: &Options) -> Configuration {
    let context = &options.context;
    let folder = |text: &Option<String>| text.as_ref().map(PathBuf::from);
    let files = Files::default();
    let mut call = Call {
        variables: context.variables.clone(),
        folders: Folders {
            project: None,
            poetry: folder(&context.poetry),
            uv: folder(&context.uv),
            uv_store: folder(&context.uv_store),
        },
        files: files.view(),
        bus: context.bus.clone(),
        prompt: false,
        time: limits::REQUEST_TIME,
    };
    let mut warnings = Vec::new();
    let mut declared = Vec::new();
    let settings_folder = folder(&context.settings);
    let home = options.around.home.clone().unwrap_or_default();
    let settings = match &settings_folder {
        Some(folder) => settings::load(&call.files, folder, &home).await.ok(),
        None => None,
    };
    if let Some(settings) = &settings {
        warnings.extend(settings.warnings.iter().cloned());
        declared.extend(of_settings(settings));
    }
    let (of_user, _) = poetry::repositories(&call).await;
    declared.extend(of_user.iter().map(|one| known(one, DeclaredBy::Poetry)));
    if let Some(working) = folder(&context.folder) {
        match project::find(&call.files, &working).await {
            Ok(None) => {}
            Ok(Some(project)) => {
                let sources = project.sources.iter();
                declared.extend(sources.map(|one| known(one, DeclaredBy::Project)));
                warnings.extend(project.warnings);
                call.folders.project = Some(project.folder);
            }
            Err(failure) => warnings.push(failure.detail),
        }
    }
    if let Some(folder) = &call.folders.uv {
        match project::user_uv(&call.files, folder).await {
            Ok((indexes, said)) => {
                declared.extend(indexes.iter().map(|one| known(one, DeclaredBy::UvToml)));
                warnings.extend(said);
            }
            Err(failure) => warnings.push(failure.detail),
        }
    }
    let keyring = poetry::keyring_enabled(&call, context.keyring_enabled.as_deref(), false).await;
    let mut files = Vec::new();
    if let Some(folder) = &settings_folder {
        files.push(FileFacts::read_settings(folder, &home, &call).await);
    }
    if let Some(folder) = folder(&context.state) {
        files.push(FileFacts::read_trust(&folder, &call).await);
    }
    for id in [
        ProviderId::AUTH_TOML,
        ProviderId::CONFIG_TOML,
        ProviderId::POETRY_TOML,
    ] {
        files.extend(FileFacts::read_poetry(id, &call).await);
    }
    if let Some(folder) = &call.folders.uv_store {
        let (role, path) = (ProviderId::UV_STORE.word(), folder.join("credentials.toml"));
        files.push(FileFacts::read_toml(role, path, &call).await);
    }
    Configuration {
        settings_path: settings_folder.map(|folder| folder.join("config.toml")),
        keyring_on: keyring.unwrap_or(true),
        call,
        settings,
        files,
        declared,
        warnings,
    }
}

fn known(declared: &Declared, by: DeclaredBy) -> KnownRepository {
    KnownRepository {
        operation: declared.operation,
        ..KnownRepository::new(declared.name.clone(), declared.url.clone(), by)
    }
}

fn of_settings(settings: &Settings) -> impl Iterator<Item = KnownRepository> {
    settings.repositories.iter().filter_map(|one| {
        let url = one.url.clone()?;
        Some(KnownRepository::new(
            one.name.clone(),
            url,
            DeclaredBy::Settings,
        ))
    })
}

impl Configuration {
    /// Whether Python's keyring is asked.
    pub(super) fn keyring_command(&self) -> bool {
        let settings = self.settings.as_ref();
        settings.is_some_and(|settings| settings.keyring_command.is_some())
    }

    /// What could not be used of the files, line by line.
    pub(super) fn checks(&self) -> Vec<Check> {
        let warning = |text: &String| Check::new("settings", Outcome::Warning, text.clone());
        self.warnings.iter().map(warning).collect()
    }
}
