//! PDM's `config.toml`, and `pdm.toml` or `.pdm.toml` of a project: `[pypi]`, `[pypi.NAME]` and
//! `[repository.NAME]` (`pdm/models/auth.py`, `pdm/cli/commands/publish`).

use credential_helper_protocol::{Operation, Secret};
use toml::de::DeTable;

use crate::domain::url::RepositoryUrl;
use crate::scan::find::pyproject;
use crate::scan::finding::{Found, Kind, Target, Way};
use crate::scan::read::Text;
use crate::scan::tables::{at, get, pairs, parse, text as text_of};
use crate::scan::value::is_reference;

/// # Errors
/// Where it is no TOML.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let root = parse(&text.text)?;
    let mut found = pyproject::found(text);
    for (kind, operation) in [("pypi", Operation::Read), ("repository", Operation::Upload)] {
        let Some(table) = at(&root, &[kind]) else {
            continue;
        };
        if operation == Operation::Read {
            found.extend(entry(text, table, "pypi", operation));
        }
        for pair in pairs(table) {
            let inner = pair.table();
            found.extend(inner.and_then(|inner| entry(text, inner, &pair.name, operation)));
        }
    }
    Ok(found)
}

fn entry(text: &Text, table: &DeTable<'_>, name: &str, operation: Operation) -> Option<Found> {
    let secret = get(table, "password")?;
    let value = secret.text().filter(|value| !is_reference(value))?;
    let url = text_of(table, "url").and_then(|url| RepositoryUrl::parse(url).ok());
    let username = text_of(table, "username").filter(|name| !is_reference(name));
    let to = match &url {
        Some((url, _)) => Target::Url {
            url: url.as_str().to_owned(),
            operation: Some(operation),
            section: None,
        },
        // PDM asks for `pdm-pypi-NAME` or `pdm-repository-NAME`, which mean this name.
        None => Target::Name(name.to_owned()),
    };
    let way = if username.is_some() {
        Way::Move {
            to,
            edits: vec![secret.cut(&text.text)],
        }
    } else {
        Way::ByHand("name the account with `username = ...`, then look again")
    };
    Some(Found {
        kind: if username == Some("__token__") {
            Kind::Token
        } else {
            Kind::HttpBasic
        },
        spans: vec![secret.inner(&text.text)],
        secret: Secret::from(value),
        username: username.map(str::to_owned),
        origin: url.map(|(url, _)| url.origin().to_string()),
        way,
    })
}
