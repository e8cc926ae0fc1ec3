//! PDM's `config.toml`, and `pdm.toml` or `.pdm.toml` of a project: `[pypi]`, `[pypi.NAME]` and
//! `[repository.NAME]` (`pdm/models/auth.py`, `pdm/cli/commands/publish`).

use credential_helper_protocol::Operation;
use toml::de::DeTable;

use super::account::Account;
use super::pyproject;
use crate::scan::finding::{Found, Target};
use crate::scan::read::Text;
use crate::scan::tables::{at, pairs, parse};

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
    let account = Account::read(table, "password", "username", None)?;
    // PDM asks for `pdm-pypi-NAME` or `pdm-repository-NAME`, which mean this name.
    let by_name = || Target::Name(name.to_owned());
    let to = account.by_url(operation).unwrap_or_else(by_name);
    let by_hand = "name the account with `username = ...`, then look again";
    Some(account.found(text, Some(to), by_hand))
}
