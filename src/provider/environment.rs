//! Environment variables: those that came with the request, and those of an agent that a person
//! started.
//!
//! Poetry's variables come before uv's, each half on its own (`poetry/config/config.py`: the
//! environment is read leaf by leaf); a variable that is set to nothing counts as set.

use std::collections::{BTreeMap, BTreeSet};

use credential_helper_protocol::{Failure, Secret, Variable, limits, variable};

use super::{Call, Entry, Later, Provider};
use crate::domain::credential::{Answer, Halves, Key, ProviderId, TOKEN_USERNAME, Why};
use crate::domain::text::{has_control, shown};

/// The variables that the client sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

/// The variables that the agent itself was started with.
#[derive(Default)]
pub struct AgentEnvironment {
    own: BTreeMap<String, Variable>,
}

impl AgentEnvironment {
    /// With these variables; see [`take_own`].
    pub fn new(own: BTreeMap<String, Variable>) -> Self {
        Self { own }
    }
}

/// This process's variables of the allow-list, for an agent that is started by hand. A variable
/// that is not UTF-8 cannot be sent in a request either and is left out.
pub fn take_own() -> BTreeMap<String, Variable> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            variable::repository_part(&name)?;
            Some((name, Variable(Secret::new(value.into_string().ok()?))))
        })
        .collect()
}

impl Provider for Environment {
    fn id(&self) -> ProviderId {
        ProviderId::ENVIRONMENT
    }

    fn find<'a>(&'a self, key: &'a Key, call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async { find(&call.variables, key) })
    }

    fn list<'a>(&'a self, call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async { Ok(list(&call.variables)) })
    }
}

impl Provider for AgentEnvironment {
    fn id(&self) -> ProviderId {
        ProviderId::AGENT_ENVIRONMENT
    }

    fn find<'a>(&'a self, key: &'a Key, _call: &'a Call) -> Later<'a, Answer> {
        Box::pin(async { find(&self.own, key) })
    }

    fn list<'a>(&'a self, _call: &'a Call) -> Later<'a, Result<Vec<Entry>, Failure>> {
        Box::pin(async { Ok(list(&self.own)) })
    }
}

fn find(variables: &BTreeMap<String, Variable>, key: &Key) -> Answer {
    match key {
        Key::HttpBasic(names) => http_basic(variables, &spellings(names)),
        Key::Token(names) => token(variables, &spellings(names)),
        _ => return Answer::NotFound,
    }
    .unwrap_or_else(|detail| Answer::failed(Why::Malformed, detail))
}

/// The spellings in variables of all spellings of a name, each once.
fn spellings(names: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for spelling in names.iter().flat_map(|name| variable::spellings(name)) {
        if !all.contains(&spelling) {
            all.push(spelling);
        }
    }
    all
}

fn http_basic(
    variables: &BTreeMap<String, Variable>,
    spellings: &[String],
) -> Result<Answer, String> {
    let leaf = |end: &str| {
        let families = ["POETRY_HTTP_BASIC_", "UV_INDEX_"];
        let names = families.iter().flat_map(|family| {
            let name = move |spelling: &String| format!("{family}{spelling}_{end}");
            spellings.iter().map(name)
        });
        first(variables, names)
    };
    let username = leaf("USERNAME")?;
    let password = leaf("PASSWORD")?;
    let location: Vec<&str> = [&username, &password]
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    if location.is_empty() {
        return Ok(Answer::NotFound);
    }
    Ok(Answer::Found(Halves {
        location: location.join(", "),
        // An account is no secret.
        username: username.map(|(_, value)| value.expose().to_owned()),
        secret: password.map(|(_, value)| value.clone()),
        ..Halves::default()
    }))
}

fn token(variables: &BTreeMap<String, Variable>, spellings: &[String]) -> Result<Answer, String> {
    let names = spellings
        .iter()
        .map(|spelling| format!("POETRY_PYPI_TOKEN_{spelling}"));
    Ok(match first(variables, names)? {
        None => Answer::NotFound,
        Some((location, value)) => Answer::Found(Halves {
            location,
            username: Some(TOKEN_USERNAME.to_owned()),
            secret: Some(value.clone()),
            ..Halves::default()
        }),
    })
}

/// The first of the variables that is set.
fn first(
    variables: &BTreeMap<String, Variable>,
    mut names: impl Iterator<Item = String>,
) -> Result<Option<(String, &Secret)>, String> {
    let Some((name, Variable(value))) =
        names.find_map(|name| variables.get(&name).map(|value| (name, value)))
    else {
        return Ok(None);
    };
    // Looked at, not shown.
    let text = value.expose();
    if has_control(text) {
        let end = if text
            .trim_end_matches(['\r', '\n'])
            .chars()
            .any(char::is_control)
        {
            ""
        } else {
            ": a line break at its end"
        };
        return Err(format!("{} holds a control character{end}", shown(&name)));
    }
    if text.len() > limits::SECRET {
        return Err(format!(
            "{} is longer than {} bytes",
            shown(&name),
            limits::SECRET
        ));
    }
    Ok(Some((name, value)))
}

fn list(variables: &BTreeMap<String, Variable>) -> Vec<Entry> {
    let parts: BTreeSet<&str> = variables
        .keys()
        .filter_map(|name| variable::repository_part(name))
        .collect();
    let mut entries = Vec::new();
    for part in parts {
        let names = [part.to_owned()];
        for key in [Key::HttpBasic(names.to_vec()), Key::Token(names.to_vec())] {
            let is_token = matches!(key, Key::Token(_));
            let entry = |location: String| Entry {
                // Variables do not tell the case of a name; repositories are mostly lower case.
                name: Some(part.to_lowercase()),
                is_token,
                location,
                ..Entry::default()
            };
            match find(variables, &key) {
                Answer::Found(halves) => entries.push(Entry {
                    username: halves.username,
                    has_secret: halves.secret.is_some_and(|secret| !secret.is_empty()),
                    ..entry(halves.location)
                }),
                // It is there, although it cannot be used.
                Answer::Failed(_, detail) => entries.push(entry(detail)),
                Answer::NotFound | Answer::Skipped(_) => {}
            }
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use credential_helper_protocol::{Secret, Variable};

    use super::{find, list};
    use crate::domain::credential::{Answer, Key};

    fn variables(list: &[(&str, &str)]) -> BTreeMap<String, Variable> {
        let one =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Variable(Secret::from(*value)));
        list.iter().map(one).collect()
    }

    fn told(answer: Answer) -> String {
        let half = |text: Option<&str>| text.unwrap_or("None").to_owned();
        match answer {
            Answer::Found(found) => format!(
                "{}/{} {}",
                half(found.username.as_deref()),
                half(found.secret.as_ref().map(Secret::expose)),
                found.location
            ),
            Answer::Failed(why, detail) => format!("{} {detail}", why.word()),
            other => other.word().to_owned(),
        }
    }

    fn basic(name: &str) -> Key {
        Key::HttpBasic(vec![name.to_owned()])
    }

    const P: &str = "POETRY_HTTP_BASIC_";

    #[test]
    fn halves_are_read_one_by_one() {
        for (set, name, expected) in [
            (
                vec![
                    ("POETRY_HTTP_BASIC_FOO_USERNAME", "eu"),
                    ("POETRY_HTTP_BASIC_FOO_PASSWORD", "ep"),
                ],
                "foo",
                "eu/ep P:FOO_USERNAME, P:FOO_PASSWORD",
            ),
            (
                vec![("POETRY_HTTP_BASIC_FOO_USERNAME", "eu")],
                "Foo",
                "eu/None P:FOO_USERNAME",
            ),
            (
                vec![("POETRY_HTTP_BASIC_FOO_PASSWORD", "")],
                "foo",
                "None/ P:FOO_PASSWORD",
            ),
            (
                vec![("POETRY_HTTP_BASIC_MY_REPO_USERNAME", "eu")],
                "my-repo",
                "eu/None P:MY_REPO_USERNAME",
            ),
            // Poetry's own spelling of a dotted name comes before the one of a shell.
            (
                vec![
                    ("POETRY_HTTP_BASIC_MY.REPO_USERNAME", "a"),
                    ("POETRY_HTTP_BASIC_MY_REPO_USERNAME", "b"),
                    ("POETRY_HTTP_BASIC_MY_REPO_PASSWORD", "c"),
                ],
                "my.repo",
                "a/c P:MY.REPO_USERNAME, P:MY_REPO_PASSWORD",
            ),
            (
                vec![
                    ("POETRY_HTTP_BASIC_FOO_USERNAME", "eu"),
                    ("UV_INDEX_FOO_USERNAME", "uu"),
                    ("UV_INDEX_FOO_PASSWORD", "up"),
                ],
                "foo",
                "eu/up P:FOO_USERNAME, UV_INDEX_FOO_PASSWORD",
            ),
            (
                vec![("POETRY_HTTP_BASIC_FOO_USERNAME", "eu")],
                "fo",
                "not-found",
            ),
            (
                vec![("POETRY_HTTP_BASIC_FOO_PASSWORD", "hunter2\n")],
                "foo",
                "malformed P:FOO_PASSWORD holds a control character: a line break at its end",
            ),
            (
                vec![("POETRY_HTTP_BASIC_FOO_PASSWORD", "hun\u{1b}ter2")],
                "foo",
                "malformed P:FOO_PASSWORD holds a control character",
            ),
        ] {
            let answer = told(find(&variables(&set), &basic(name)));
            assert_eq!(answer, expected.replace("P:", P), "{set:?}");
        }
    }

    #[test]
    fn tokens() {
        let set = variables(&[
            ("POETRY_PYPI_TOKEN_PYPI", "pypi-x"),
            ("POETRY_PYPI_TOKEN_E", ""),
        ]);
        let token = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            told(find(&set, &Key::Token(names)))
        };
        assert_eq!(
            token(&["pypi", "PyPI"]),
            "__token__/pypi-x POETRY_PYPI_TOKEN_PYPI"
        );
        assert_eq!(token(&["e"]), "__token__/ POETRY_PYPI_TOKEN_E");
        assert_eq!(token(&["x"]), "not-found");
        let other = Key::Repository("pypi".to_owned());
        assert_eq!(told(find(&set, &other)), "not-found");
    }

    #[test]
    fn a_listing_holds_no_secret() {
        let set = variables(&[
            ("POETRY_HTTP_BASIC_FOO_USERNAME", "eu"),
            ("POETRY_HTTP_BASIC_FOO_PASSWORD", "hunter2"),
            ("POETRY_PYPI_TOKEN_FOO", "hunter2"),
            ("UV_INDEX_BAR_PASSWORD", "hunter2\n"),
            ("POETRY_REPOSITORIES_BAZ_URL", "https://u:hunter2@h/"),
        ]);
        let entries = list(&set);
        assert!(!format!("{entries:?}").contains("hunter2"));
        let short: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry.name.as_deref().unwrap_or(""),
                    entry.is_token,
                    entry.has_secret,
                )
            })
            .collect();
        assert_eq!(
            short,
            [
                ("bar", false, false),
                ("foo", false, true),
                ("foo", true, true)
            ]
        );
    }
}
