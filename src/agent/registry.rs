//! The providers of this agent: those that every agent has ([`always`]), and those that it was
//! started with or its settings switch on.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::{Variable, limits};

use super::drive::KEYRING_TIME;
use crate::domain::credential::{Key, ProviderId};
use crate::domain::log::Log;
use crate::provider::child::CommandSpec;
use crate::provider::command::{CommandEntry, CommandProtocol, CommandProvider};
use crate::provider::environment::{AgentEnvironment, Environment};
use crate::provider::file::{CredentialFile, FileEntry, FileUsername};
use crate::provider::keyring_command::KeyringCommand;
use crate::provider::netrc::Netrc;
use crate::provider::settings::{self, CommandSetting, SecretSetting, Settings};
use crate::provider::{Provider, always};

#[cfg(any(target_os = "macos", windows))]
use crate::provider::keyring::SystemKeyring;
#[cfg(all(unix, not(target_os = "macos")))]
use crate::provider::secret_service::{Places, SecretService as SystemKeyring};

/// All providers, and what the settings switch on.
pub struct Registry {
    /// The system keyring; `set` and `unlock` speak to it by name.
    pub keyring: Rc<SystemKeyring>,
    fixed: Vec<Rc<dyn Provider>>,
    only_fixed: bool,
    by_settings: RefCell<Option<(Rc<Settings>, Rc<Providers>)>>,
}

/// The providers under certain settings.
pub struct Providers {
    /// All of them, in the order of the rules.
    pub all: Vec<Rc<dyn Provider>>,
    /// How long a request may take.
    pub timeout: Duration,
    command_times: HashMap<ProviderId, Duration>,
}

impl Registry {
    /// The providers of an agent; `own` are the variables that it was started with by hand.
    pub fn new(own: Option<BTreeMap<String, Variable>>) -> Self {
        #[cfg(all(unix, not(target_os = "macos")))]
        let keyring = Rc::new(SystemKeyring::new(Places::of_process()));
        #[cfg(any(target_os = "macos", windows))]
        let keyring = Rc::new(SystemKeyring::new());
        let mut fixed = always();
        fixed.push(keyring.clone());
        if let Some(own) = own {
            fixed.push(Rc::new(AgentEnvironment::new(own)));
        }
        Self {
            keyring,
            fixed,
            only_fixed: false,
            by_settings: RefCell::default(),
        }
    }

    /// The variables of a question, and nothing else.
    pub fn only_variables() -> Self {
        let mut registry = Self::new(None);
        registry.fixed = vec![Rc::new(Environment)];
        registry.only_fixed = true;
        registry
    }

    /// Tells there what the providers do.
    pub fn log_to(&self, log: &Log) {
        #[cfg(all(unix, not(target_os = "macos")))]
        self.keyring.log_to(log);
        // The other keyrings have no connection to tell of.
        #[cfg(any(target_os = "macos", windows))]
        let _ = log;
    }

    /// The providers under these settings.
    pub fn for_settings(&self, settings: &Rc<Settings>) -> Rc<Providers> {
        if let Some((known, providers)) = &*self.by_settings.borrow()
            && Rc::ptr_eq(known, settings)
        {
            return providers.clone();
        }
        let mut all = self.fixed.clone();
        let mut command_times = HashMap::new();
        if !self.only_fixed {
            Self::switched_on(settings, &mut all, &mut command_times);
        }
        // Of one kind they keep their order.
        all.sort_by_key(|provider| provider.id().kind());
        let providers = Rc::new(Providers {
            all,
            timeout: settings.timeout,
            command_times,
        });
        *self.by_settings.borrow_mut() = Some((settings.clone(), providers.clone()));
        providers
    }

    /// Files, commands and netrc that the settings name.
    fn switched_on(
        settings: &Settings,
        all: &mut Vec<Rc<dyn Provider>>,
        command_times: &mut HashMap<ProviderId, Duration>,
    ) {
        all.push(Rc::new(CredentialFile::new(files(settings))));
        let commands = commands(settings);
        if let Some(longest) = commands.iter().map(|entry| entry.command.timeout).max() {
            command_times.insert(ProviderId::COMMAND, longest);
        }
        all.push(Rc::new(CommandProvider::new(commands)));
        if let Some(command) = &settings.keyring_command {
            command_times.insert(ProviderId::KEYRING_COMMAND, command.timeout);
            all.push(Rc::new(KeyringCommand::new(spec(command))));
        }
        if let Some(path) = &settings.netrc {
            all.push(Rc::new(Netrc::new(path.clone())));
        }
    }

    /// Forgets what was minted for a repository.
    pub fn renew(&self, name: &str) {
        if let Some((_, providers)) = &*self.by_settings.borrow()
            && let Some(commands) = providers.get(ProviderId::COMMAND)
        {
            commands.renew(&Key::Repository(name.to_owned()));
        }
    }

    /// Forgets every secret that a provider keeps, and those that stand in the settings.
    pub fn forget(&self) {
        self.fixed.iter().for_each(|provider| provider.forget());
        if let Some((_, providers)) = self.by_settings.take() {
            providers.all.iter().for_each(|provider| provider.forget());
        }
        settings::forget();
    }
}

impl Providers {
    /// The names of all of them.
    pub fn ids(&self) -> Vec<ProviderId> {
        self.all.iter().map(|provider| provider.id()).collect()
    }

    /// The provider of this kind.
    pub fn get(&self, id: ProviderId) -> Option<&Rc<dyn Provider>> {
        self.all.iter().find(|provider| provider.id() == id)
    }

    /// The time that a provider has of its own within a request, apart from what is left of it.
    pub fn own_time(&self, id: ProviderId, prompt: bool) -> Option<Duration> {
        if id == ProviderId::SYSTEM_KEYRING {
            return Some(if prompt {
                limits::PROMPT_TIME
            } else {
                KEYRING_TIME
            });
        }
        self.command_times.get(&id).copied()
    }
}

/// The files that the settings name.
fn files(settings: &Settings) -> Vec<FileEntry> {
    let entry = |setting: &settings::RepositorySetting| match &setting.secret {
        Some(SecretSetting::File { secret, username }) => Some(FileEntry {
            name: setting.name.as_str().to_owned(),
            secret: secret.clone(),
            username: match (username, &setting.username) {
                (Some(file), _) => Some(FileUsername::File(file.clone())),
                (None, Some(text)) => Some(FileUsername::Text(text.clone())),
                (None, None) => None,
            },
        }),
        _ => None,
    };
    settings.repositories.iter().filter_map(entry).collect()
}

/// The commands that the settings name.
fn commands(settings: &Settings) -> Vec<CommandEntry> {
    let entry = |setting: &settings::RepositorySetting| match &setting.secret {
        Some(SecretSetting::Command(command)) => Some(CommandEntry {
            name: setting.name.as_str().to_owned(),
            command: spec(command),
            protocol: match command.protocol {
                settings::CommandProtocol::Plain => CommandProtocol::Plain,
                settings::CommandProtocol::CredentialHelper => CommandProtocol::CredentialHelper,
            },
            ttl: command.ttl,
            url: setting
                .url
                .as_ref()
                .or(setting.publish_url.as_ref())
                .map(ToString::to_string),
            username: setting.username.clone(),
        }),
        _ => None,
    };
    settings.repositories.iter().filter_map(entry).collect()
}

/// A command of the settings, as it is run.
pub fn spec(setting: &CommandSetting) -> CommandSpec {
    let env = setting
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.expose().to_owned()));
    CommandSpec {
        command: setting.command.clone(),
        env: env.collect(),
        pass_env: setting.pass_env.clone(),
        timeout: setting.timeout,
    }
}
