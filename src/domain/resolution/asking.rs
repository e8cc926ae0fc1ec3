//! Under which key a place is asked, and when it is passed over.

use super::plan::{Ask, Pass};
use super::{Request, Resolution};
use crate::domain::binding::Verdict;
use crate::domain::credential::{EMPTY_USERNAME, Key, ProviderId, TOKEN_USERNAME};
use crate::domain::name::RepositoryName;
use crate::domain::service::may_answer;

impl Resolution {
    pub(super) fn request(&self, pass: Pass, ask: &Ask) -> Request {
        let names = || {
            self.setup
                .name
                .as_ref()
                .map(RepositoryName::stored_spellings)
                .unwrap_or_default()
        };
        match ask {
            Ask::ByName(provider) => Request {
                provider: *provider,
                key: match pass {
                    Pass::Basic => Key::HttpBasic(names()),
                    Pass::Token => Key::Token(names()),
                },
            },
            Ask::Settings(provider) => {
                let name = names().swap_remove(0);
                Request {
                    provider: *provider,
                    key: Key::Repository(name),
                }
            }
            Ask::Userinfo => Request {
                provider: ProviderId::URL,
                key: Key::Repository(names().into_iter().next().unwrap_or_default()),
            },
            Ask::KeyringByName(provider, service) => {
                let username = Some(match pass {
                    Pass::Token => TOKEN_USERNAME.to_owned(),
                    Pass::Basic => self.account().unwrap_or_else(|| EMPTY_USERNAME.to_owned()),
                });
                Request {
                    provider: *provider,
                    key: Key::Service {
                        service: service.clone(),
                        username,
                    },
                }
            }
            Ask::KeyringUnderName(provider, service) | Ask::KeyringByUrl(provider, service) => {
                Request {
                    provider: *provider,
                    key: Key::Service {
                        service: service.clone(),
                        username: self.account(),
                    },
                }
            }
            Ask::ByUrl(provider, url) => Request {
                provider: *provider,
                key: Key::Url {
                    url: url.clone(),
                    username: self.account(),
                },
            },
        }
    }

    /// The account to look for: the one that was asked for, else the one that was found.
    pub(super) fn account(&self) -> Option<String> {
        let asked = self.setup.username.clone();
        asked
            .or_else(|| self.username.as_ref().map(|leaf| leaf.value.clone()))
            .or_else(|| self.setup.settings_username.clone())
            .filter(|username| !username.is_empty())
    }

    /// Takes back a secret that belongs to another account than the one that was asked for.
    pub(super) fn drop_other_account(&mut self) {
        let Some(asked) = self
            .setup
            .username
            .as_deref()
            .filter(|asked| !asked.is_empty())
        else {
            return;
        };
        // An entry of a keyring was asked for by its account.
        let Some(secret) = self
            .secret
            .as_ref()
            .filter(|leaf| self.pass == Some(Pass::Basic) && !leaf.provider.is_keyring())
        else {
            return;
        };
        let own = self.username.as_ref().map(|leaf| leaf.value.as_str());
        let fits = if self.setup.called.is_some() {
            let configured = matches!(secret.provider, ProviderId::FILE | ProviderId::COMMAND);
            may_answer(asked, own, configured)
        } else {
            own.is_none_or(|own| own == asked)
        };
        if !fits {
            self.secret = None;
        }
    }

    /// Why a place is not asked at all: the check of the origin, or a switch.
    pub(super) fn passed_over(&mut self, pass: Pass, ask: &Ask) -> Option<String> {
        let (provider, verdict) = match ask {
            Ask::ByName(provider) if provider.is_variables() => (*provider, self.setup.variables),
            Ask::ByName(provider) | Ask::Settings(provider) | Ask::KeyringByName(provider, _) => {
                (*provider, self.setup.stored)
            }
            Ask::KeyringUnderName(provider, _) if !self.setup.token_may_go => {
                // It may be a token, and what kind it is does not show.
                (*provider, Some(Verdict::Changed))
            }
            Ask::KeyringUnderName(provider, _) => (*provider, self.setup.stored),
            Ask::Userinfo => (ProviderId::URL, None),
            Ask::KeyringByUrl(provider, _) | Ask::ByUrl(provider, _) => {
                (*provider, self.setup.by_url)
            }
        };
        let verdict = match verdict {
            Some(verdict)
                if verdict.allows() && pass == Pass::Token && !self.setup.token_may_go =>
            {
                Some(Verdict::Changed)
            }
            other => other,
        };
        // The token for uploads has its own pass. A tool that reads asks for that account because it
        // has found no other; it is one's own only where Poetry's files say so.
        if matches!(ask, Ask::KeyringByName(..))
            && pass == Pass::Basic
            && self.setup.called.is_some()
            && self.setup.username.as_deref() == Some(TOKEN_USERNAME)
            && self.username.as_ref().map(|leaf| leaf.value.as_str()) != Some(TOKEN_USERNAME)
        {
            return Some("not asked: a token is for uploads".to_owned());
        }
        if let Some(verdict) = verdict.filter(|verdict| !verdict.allows()) {
            self.refused.get_or_insert(verdict);
            return Some(format!("not asked: origin {}", verdict.word()));
        }
        if provider.is_keyring()
            && let Some(why) = &self.setup.keyring_off
        {
            return Some(why.clone());
        }
        None
    }
}
