//! `helper config`: Poetry's settings.

use std::collections::BTreeMap;

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{
    Asked, Configure, ErrorCode, Failure, Place, Secret, SettingsReply, Variable,
};
use serde::Serialize;
use serde_json::Value;

use super::args::ConfigArgs;
use super::{Session, set};
use crate::domain::text::shown;

#[derive(Serialize)]
struct Settings<'a> {
    settings: &'a BTreeMap<String, Value>,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: Option<&'a str>,
    username: Option<&'a str>,
    stored: &'a [Place],
    removed: &'a [Place],
}

/// The families of Poetry's keys that speak of repositories, and the most values each takes.
const FAMILIES: [(&str, usize); 4] = [
    ("http-basic", 2),
    ("pypi-token", 1),
    ("repositories", 1),
    ("certificates", 1),
];

/// Reads, writes or removes a key, or lists all.
pub(crate) fn run(session: &mut Session<'_>, args: ConfigArgs) -> Result<u8, Failure> {
    let Some(key) = args.key else {
        let asked = Asked {
            context: session.context(About::All)?,
        };
        let reply = session.agent()?.settings(&asked)?;
        return list(session, &reply);
    };
    let family = key.split('.').next().unwrap_or_default().to_owned();
    let most = FAMILIES
        .iter()
        .find(|known| known.0 == family)
        .map_or(1, |known| known.1);
    if args.values.len() > most {
        return Err(Failure::new(
            ErrorCode::Usage,
            format!(
                "{key} takes at most {most} value{}",
                if most == 1 { "" } else { "s" }
            ),
        )
        .hint("run `helper config --help`"));
    }
    let repository = repository(&key).map(str::to_owned);
    let context = match &repository {
        Some(name) => session.context(About::Name(name))?,
        None => session.context_alone(session.global.prompt)?,
    };
    let reads = args.values.is_empty() && !args.unset;
    let mut values: Vec<Variable> = args
        .values
        .into_iter()
        .map(|value| Variable(Secret::new(value)))
        .collect();
    match (family.as_str(), values.as_slice()) {
        ("http-basic", [username]) => {
            let label = set::label(
                repository.as_deref().unwrap_or(&key),
                Some(username.0.expose()),
            );
            let secret = session.outside.secret(&label, session.may_ask())?;
            values.push(Variable(secret));
        }
        ("http-basic", [_, _]) | ("pypi-token", [_]) => session.out.warning(
            "a secret in the arguments can be seen by other programs and stays in the shell's \
             history; `helper set` asks for it, or reads standard input",
        ),
        _ => {}
    }
    let reply = session.agent()?.configure(&Configure {
        key: key.clone(),
        values,
        unset: args.unset,
        local: args.local,
        context,
    })?;
    if reads {
        return read(session, &key, &reply);
    }
    let changed = reply.changed.unwrap_or_default();
    if session.out.is_json() {
        session.out.object(&Answer {
            name: changed.name.as_deref(),
            username: changed.username.as_deref(),
            stored: &changed.stored,
            removed: &changed.removed,
        })?;
    }
    set::tell(session, &changed);
    Ok(0)
}

/// The repository that a key speaks of: what stands behind the family, without the last word of
/// `repositories.NAME.url` and `certificates.NAME.cert`. Names may have dots.
fn repository(key: &str) -> Option<&str> {
    let (family, name) = key.split_once('.')?;
    let ends: &[&str] = match family {
        "http-basic" | "pypi-token" => &[],
        "repositories" => &[".url"],
        "certificates" => &[".cert", ".client-cert"],
        _ => return None,
    };
    let name = ends
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    (!name.is_empty()).then_some(name)
}

/// Prints one key as Poetry does: its value alone, or the keys below it.
fn read(session: &mut Session<'_>, key: &str, reply: &SettingsReply) -> Result<u8, Failure> {
    if reply.settings.is_empty() {
        return Err(
            Failure::new(ErrorCode::NotFound, format!("{key} is not set"))
                .hint("run `helper config --list`"),
        );
    }
    match reply.settings.get(key) {
        Some(value) if reply.settings.len() == 1 && !session.out.is_json() => {
            let text = match value {
                Value::String(text) => shown(text),
                other => shown(&other.to_string()),
            };
            session.out.text(&format!("{text}\n"))?;
            Ok(0)
        }
        _ => list(session, reply),
    }
}

fn list(session: &mut Session<'_>, reply: &SettingsReply) -> Result<u8, Failure> {
    if session.out.is_json() {
        session.out.object(&Settings {
            settings: &reply.settings,
        })?;
        return Ok(0);
    }
    let text: String = reply
        .settings
        .iter()
        .map(|(key, value)| shown(&format!("{key} = {value}")) + "\n")
        .collect();
    session.out.text(&text)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn keys_name_repositories() {
        for (key, name) in [
            ("http-basic.foo", Some("foo")),
            ("http-basic.my.repo", Some("my.repo")),
            ("pypi-token.foo", Some("foo")),
            ("repositories.foo", Some("foo")),
            ("repositories.my.repo.url", Some("my.repo")),
            ("certificates.foo.cert", Some("foo")),
            ("certificates.my.repo.client-cert", Some("my.repo")),
            ("keyring.enabled", None),
            ("http-basic", None),
            ("http-basic.", None),
        ] {
            assert_eq!(repository(key), name, "{key}");
        }
    }
}
