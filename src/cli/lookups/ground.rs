//! What lookups start from: the sources, the cache, and what the user says of connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{Asked, ErrorCode, Failure, SettingsReply};

use super::{Desk, Tools};
use crate::cli::Session;
use crate::cli::args_index::SourceOptions;
use crate::cli::publish::whither;
use crate::cli::python;
use crate::domain::name::same_stored_name;
use crate::http::TlsPolicy;
use crate::index::cache::Cache;
use crate::index::fetch::{Plan, Requester, Setup};
use crate::index::ladder::Build;
use crate::index::lookup::Lookups;
use crate::index::source::{Options, Sources};
use crate::package::PackageName;
use crate::resolve::input::{Around, Asked as Requirements, Chosen, Disk};

/// What lookups start from.
pub(crate) struct Ground {
    /// Where the command works; absolute.
    pub(crate) folder: PathBuf,
    /// The environment.
    pub(crate) around: Surroundings,
    /// Where packages come from.
    pub(crate) sources: Sources,
    /// The folder of the cache; none where it is not used.
    pub(crate) cache: Option<PathBuf>,
    plan: Plan,
    tls: Vec<(String, TlsPolicy)>,
    /// Who builds what only a build can tell, where the user allowed it.
    builder: Option<Arc<dyn Build>>,
}

/// The folder that a command works in.
///
/// # Errors
/// Where it cannot be told.
pub(crate) fn folder(session: &Session<'_>) -> Result<PathBuf, Failure> {
    let given = session.global.directory.as_deref();
    std::path::absolute(given.unwrap_or(Path::new("."))).map_err(|error| {
        let message = format!("cannot tell the working folder: {}", error.kind());
        Failure::new(ErrorCode::Unavailable, message)
    })
}

impl Ground {
    /// Finds it; `given` is what stands on the command line and in requirements files.
    ///
    /// # Errors
    /// Where a file that says where packages come from cannot be read, or the agent cannot tell
    /// what the user says of connections.
    pub(crate) fn find(
        session: &mut Session<'_>,
        desk: &mut Desk,
        given: &Options,
        options: &SourceOptions,
    ) -> Result<Self, Failure> {
        let folder = folder(session)?;
        let around = session.outside.surroundings();
        let sources = Sources::of(&folder, given, &around)?;
        for warning in &sources.warnings {
            session.out.warning(warning);
        }
        let tls = tls(session, desk, &sources, &folder)?;
        let cache = around.cache_folder().filter(|_| !options.no_cache);
        Ok(Self {
            plan: Plan {
                silence: whither::times(session)[0],
                offline: options.offline,
                ..Plan::default()
            },
            builder: options
                .build_sdist
                .then(|| Arc::new(python::builder(&around)) as Arc<dyn Build>),
            folder,
            around,
            sources,
            cache,
            tls,
        })
    }

    /// The source that the project takes a package from alone, where its files say so.
    pub(crate) fn pin(&self, project: &PackageName) -> Option<String> {
        if let Some(pin) = self.sources.pins_of(project).next() {
            return Some(pin.source.clone());
        }
        let mut asked = Requirements::default();
        let read = asked.project(
            Path::new("pyproject.toml"),
            &Chosen::everything(),
            &Around {
                files: &Disk,
                variable: &|_| None,
                folder: &self.folder,
            },
        );
        // What is wrong there is told when it is resolved.
        read.ok()?;
        let mut all = asked.requirements.into_iter();
        all.find_map(|wanted| {
            wanted
                .source
                .filter(|_| wanted.requirement.name == *project)
        })
    }

    /// The lookups themselves.
    pub(crate) fn lookups<T>(&self, tools: &Tools<T>) -> Lookups {
        // Without a folder for it the work is done without a cache.
        let cache = self
            .cache
            .as_deref()
            .and_then(|folder| Cache::open(folder).ok());
        let requester = Requester::new(Setup {
            plan: self.plan.clone(),
            asker: Some(tools.asker.clone()),
            sources: self.sources.all.clone(),
            tls: self.tls.clone(),
            watch: tools.watch.clone(),
            salt: cache
                .as_ref()
                .map(|cache| cache.salt().to_vec())
                .unwrap_or_default(),
        });
        let lookups = Lookups::new(self.sources.clone(), requester, cache);
        match &self.builder {
            Some(builder) => lookups.building(builder.clone()),
            None => lookups,
        }
    }
}

/// What stands on the command line.
pub(crate) fn given(options: &SourceOptions) -> Options {
    Options {
        index_url: options.index_url.clone(),
        extra_index_urls: options.extra_index_url.clone(),
        find_links: options.find_links.clone(),
        no_index: options.no_index,
    }
}

/// Whose certificates are believed, by source: the user's own settings say so (Poetry's
/// `certificates.NAME`), never a project's.
fn tls(
    session: &mut Session<'_>,
    desk: &mut Desk,
    sources: &Sources,
    folder: &Path,
) -> Result<Vec<(String, TlsPolicy)>, Failure> {
    let names = sources
        .all
        .iter()
        .filter_map(|source| source.credential_name());
    let names: Vec<&str> = names
        .filter(|name| !name.eq_ignore_ascii_case("pypi"))
        .collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let own = settings(session, desk)?;
    let mut found = Vec::new();
    for name in names {
        let setting = |key: &str| {
            let mut all = own.settings.iter();
            all.find_map(|(setting, value)| {
                let own = setting.strip_prefix("certificates.")?.strip_suffix(key)?;
                same_stored_name(own, name).then_some(value)
            })
        };
        let cert = setting(".cert");
        let path = |value: Option<&serde_json::Value>| Some(folder.join(value?.as_str()?));
        let policy = TlsPolicy {
            authorities: path(cert),
            unchecked: cert.and_then(serde_json::Value::as_bool) == Some(false),
            client: path(setting(".client-cert")),
        };
        if policy.unchecked {
            session.out.warning(&format!(
                "where {name} is bound, its certificate is not checked (certificates.{name}.cert is \
                 false): whoever stands between can read the credential"
            ));
        }
        if policy != TlsPolicy::default() {
            found.push((name.to_owned(), policy));
        }
    }
    Ok(found)
}

/// The user's own settings. A restricted socket tells nothing of them.
fn settings(session: &mut Session<'_>, desk: &mut Desk) -> Result<SettingsReply, Failure> {
    let (agent, context) = desk.agent(session)?;
    let mut context = context.clone();
    context.folder = None;
    match agent.settings(&Asked { context }) {
        Err(failure) if failure.code == ErrorCode::Policy => Ok(SettingsReply::default()),
        settings => settings,
    }
}
