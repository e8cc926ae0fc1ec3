//! The keys of the helper's `config.toml`, one function for each table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use credential_helper_protocol::{Secret, limits};

use super::files::FileFailure;
use super::settings::{
    COMMAND_TIME, CacheTimes, CommandProtocol, CommandSetting, IdentitySetting, IdleExit,
    RepositorySetting, SecretSetting, Settings, duration,
};
use crate::domain::binding::FirstUse;
use crate::domain::name::RepositoryName;
use crate::domain::text::shown;
use crate::domain::toml_text::{Document, Item};
use crate::domain::url::RepositoryUrl;

/// What the readers share.
struct Reader<'a> {
    home: &'a Path,
    warnings: Vec<String>,
}

/// Reads the whole file.
pub(super) fn read(document: &Document, home: &Path) -> Result<Settings, FileFailure> {
    let mut reader = Reader {
        home,
        warnings: Vec::new(),
    };
    let mut settings = Settings::default();
    for (key, item) in document.root().entries()? {
        match key {
            "timeout" => settings.timeout = seconds(&item)?,
            "idle-exit" => settings.idle_exit = Some(idle_exit(&item)?),
            "first-use" => {
                settings.first_use = one_of(
                    &item,
                    &[("bind", FirstUse::Bind), ("refuse", FirstUse::Refuse)],
                )?;
            }
            "cache" => reader.cache(&item, &mut settings.cache)?,
            "keyring-command" => settings.keyring_command = Some(reader.keyring_command(&item)?),
            "identity-token" => settings.identity_token = Some(reader.identity_token(&item)?),
            "identity-audiences" => settings.identity_audiences = texts(&item)?,
            "netrc" => settings.netrc = Some(reader.path(&item)?),
            "uv-store" => settings.uv_store = names(&item)?,
            "repositories" => {
                for (name, item) in item.entries()? {
                    settings.repositories.push(reader.repository(name, &item)?);
                }
            }
            "mirrors" => {
                for (mirrored, item) in item.entries()? {
                    // Both are URLs, in which somebody may have left a password.
                    let item = item.called("mirrors entry");
                    let pair = (
                        reader.url(&item, mirrored)?,
                        reader.url(&item, item.text()?)?,
                    );
                    settings.mirrors.push(pair);
                }
            }
            _ => reader.unknown(&item),
        }
    }
    settings.warnings = reader.warnings;
    Ok(settings)
}

impl Reader<'_> {
    fn unknown(&mut self, item: &Item<'_>) {
        self.warnings
            .push(item.says("is not a setting that is known here: it has no effect"));
    }

    fn cache(&mut self, table: &Item<'_>, times: &mut CacheTimes) -> Result<(), FileFailure> {
        for (key, item) in table.entries()? {
            match key {
                "idle" => times.idle = time(&item)?,
                "absolute" => times.absolute = time(&item)?,
                "not-found" => times.not_found = time(&item)?,
                _ => self.unknown(&item),
            }
        }
        Ok(())
    }

    fn identity_token(&mut self, table: &Item<'_>) -> Result<IdentitySetting, FileFailure> {
        if let Some(item) = table.get("file")? {
            if table.get("command")?.is_some() {
                return Err(table.fails("has a file and a command: one of them is enough"));
            }
            return Ok(IdentitySetting::File(self.path(&item)?));
        }
        self.keyring_command(table).map(IdentitySetting::Command)
    }

    fn keyring_command(&mut self, table: &Item<'_>) -> Result<CommandSetting, FileFailure> {
        let Some(item) = table.get("command")? else {
            return Err(table.fails("has no command"));
        };
        let mut setting = new_command(&item)?;
        for (key, item) in table.entries()? {
            match key {
                "command" => {}
                "env" => setting.env = env(&item)?,
                "pass-env" => setting.pass_env = pass_env(&item)?,
                "timeout" => setting.timeout = seconds(&item)?,
                _ => self.unknown(&item),
            }
        }
        Ok(setting)
    }

    fn repository(
        &mut self,
        name: &str,
        table: &Item<'_>,
    ) -> Result<RepositorySetting, FileFailure> {
        let parsed = RepositoryName::parse(name)
            .map_err(|failure| table.fails(&format!("cannot be used: {failure}")))?;
        let mut setting = RepositorySetting {
            name: parsed,
            url: None,
            publish_url: None,
            also: Vec::new(),
            allow_http: false,
            username: None,
            secret: None,
        };
        let file = table.get("file")?;
        let mut command = table
            .get("command")?
            .map(|item| new_command(&item))
            .transpose()?;
        if file.is_some() && command.is_some() {
            return Err(table.fails("has a file and a command: one of them is enough"));
        }
        for (key, item) in table.entries()? {
            match (key, &mut command) {
                ("url", _) => setting.url = Some(self.url(&item, item.text()?)?),
                ("publish-url", _) => setting.publish_url = Some(self.url(&item, item.text()?)?),
                ("also", _) => {
                    for item in item.elements()? {
                        setting.also.push(self.url(&item, item.text()?)?);
                    }
                }
                ("allow-http", _) => setting.allow_http = item.boolean()?,
                ("username", _) => setting.username = Some(username(&item)?),
                ("file", _) => setting.secret = Some(self.file(&item)?),
                ("command", _) => {}
                ("env", Some(command)) => command.env = env(&item)?,
                ("pass-env", Some(command)) => command.pass_env = pass_env(&item)?,
                ("timeout", Some(command)) => command.timeout = seconds(&item)?,
                ("ttl", Some(command)) => command.ttl = Some(time(&item)?),
                ("protocol", Some(command)) => command.protocol = protocol(&item)?,
                ("env" | "pass-env" | "timeout" | "ttl" | "protocol", None) => self
                    .warnings
                    .push(item.says("has no effect without a command")),
                _ => self.unknown(&item),
            }
        }
        if let Some(command) = command {
            setting.secret = Some(SecretSetting::Command(command));
        }
        Ok(setting)
    }

    fn file(&mut self, item: &Item<'_>) -> Result<SecretSetting, FileFailure> {
        if !item.is_table() {
            if !item.is_text() {
                return Err(
                    item.must_be("a path in quotes, or { username = PATH, password = PATH }")
                );
            }
            return Ok(SecretSetting::File {
                secret: self.path(item)?,
                username: None,
            });
        }
        let (mut secret, mut account) = (None, None);
        for (key, item) in item.entries()? {
            match key {
                "password" => secret = Some(self.path(&item)?),
                "username" => account = Some(self.path(&item)?),
                _ => self.unknown(&item),
            }
        }
        match secret {
            Some(secret) => Ok(SecretSetting::File {
                secret,
                username: account,
            }),
            None => Err(item.fails("has no password")),
        }
    }

    /// An absolute path, or one in the home folder: the agent's own working folder says nothing.
    fn path(&self, item: &Item<'_>) -> Result<PathBuf, FileFailure> {
        let text = item.text()?;
        let path = match text.strip_prefix('~') {
            Some("") => self.home.to_owned(),
            Some(rest) if rest.starts_with(std::path::is_separator) => self.home.join(&rest[1..]),
            _ => PathBuf::from(text),
        };
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(item.must_be("an absolute path, or one that begins with ~/"))
        }
    }

    /// A URL. A secret in it is not used: this file is no place for one.
    fn url(&mut self, item: &Item<'_>, text: &str) -> Result<RepositoryUrl, FileFailure> {
        let (url, userinfo) = RepositoryUrl::parse(text)
            .map_err(|failure| item.fails(&format!("cannot be used: {failure}")))?;
        if userinfo.is_some() {
            self.warnings.push(item.says(
                "has an account in its URL, which is not used: store it with `helper set NAME`",
            ));
        }
        Ok(url)
    }
}

fn username(item: &Item<'_>) -> Result<String, FileFailure> {
    let text = item.text()?;
    if text.len() > limits::USERNAME {
        return Err(item.fails(&format!("is longer than {} bytes", limits::USERNAME)));
    }
    Ok(text.to_owned())
}

fn new_command(item: &Item<'_>) -> Result<CommandSetting, FileFailure> {
    let command = texts(item)?;
    match command.first() {
        None => return Err(item.fails("names no program")),
        // Never looked for on PATH, which others may have written.
        Some(program) if !Path::new(program).is_absolute() => {
            return Err(item.must_be("a list that begins with the program's absolute path"));
        }
        Some(_) => {}
    }
    Ok(CommandSetting {
        command,
        env: BTreeMap::new(),
        pass_env: Vec::new(),
        protocol: CommandProtocol::default(),
        ttl: None,
        timeout: COMMAND_TIME,
    })
}

fn texts(item: &Item<'_>) -> Result<Vec<String>, FileFailure> {
    item.elements()?
        .iter()
        .map(|item| item.text().map(str::to_owned))
        .collect()
}

fn names(list: &Item<'_>) -> Result<Vec<RepositoryName>, FileFailure> {
    let name = |item: &Item<'_>| {
        RepositoryName::parse(item.text()?)
            .map_err(|failure| item.fails(&format!("cannot be used: {failure}")))
    };
    list.elements()?.iter().map(name).collect()
}

fn env(item: &Item<'_>) -> Result<BTreeMap<String, Secret>, FileFailure> {
    let mut all = BTreeMap::new();
    for (name, value) in item.entries()? {
        if !is_variable(name) {
            return Err(value.fails("is not the name of a variable"));
        }
        all.insert(name.to_owned(), Secret::from(value.text()?));
    }
    Ok(all)
}

fn pass_env(item: &Item<'_>) -> Result<Vec<String>, FileFailure> {
    let names = texts(item)?;
    match names.iter().find(|name| !is_variable(name)) {
        Some(name) => Err(item.fails(&format!(
            "\"{}\" is not the name of a variable",
            shown(name)
        ))),
        None => Ok(names),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains('=') && !name.chars().any(char::is_control)
}

fn protocol(item: &Item<'_>) -> Result<CommandProtocol, FileFailure> {
    let words = [
        ("plain", CommandProtocol::Plain),
        ("credential-helper", CommandProtocol::CredentialHelper),
    ];
    one_of(item, &words)
}

fn one_of<T: Copy>(item: &Item<'_>, words: &[(&str, T)]) -> Result<T, FileFailure> {
    let text = item.text()?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let quoted: Vec<String> = words
        .iter()
        .map(|(word, _)| format!("\"{word}\""))
        .collect();
    Err(item.must_be(&quoted.join(" or ")))
}

/// A number of seconds, within the limits of `--timeout`.
fn seconds(item: &Item<'_>) -> Result<Duration, FileFailure> {
    let time = Duration::try_from_secs_f64(item.number()?).ok();
    let allowed = |time: &Duration| {
        u64::try_from(time.as_millis()).is_ok_and(|ms| limits::TIMEOUT_MS.contains(&ms))
    };
    time.filter(allowed)
        .ok_or_else(|| item.must_be("a number of seconds from 0.1 to 600"))
}

fn time(item: &Item<'_>) -> Result<Duration, FileFailure> {
    let wrong = || item.must_be("a duration such as \"90s\", \"15m\" or \"1h\"");
    if !item.is_text() {
        return Err(wrong());
    }
    duration(item.text()?).ok_or_else(wrong)
}

fn idle_exit(item: &Item<'_>) -> Result<IdleExit, FileFailure> {
    if item.is_text() {
        let text = item.text()?;
        if text == "never" {
            return Ok(IdleExit::Never);
        }
        if let Some(time) = duration(text) {
            return Ok(IdleExit::After(time));
        }
    }
    Err(item.must_be("a duration such as \"1h\", or \"never\""))
}
