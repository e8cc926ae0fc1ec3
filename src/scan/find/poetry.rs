//! Poetry's `auth.toml`, `config.toml` and a project's `poetry.toml` (`poetry/config/config.py`,
//! `poetry/utils/password_manager.py`).

use credential_helper_protocol::{Secret, TOKEN_USERNAME};
use toml::de::DeTable;

use crate::scan::find::pyproject;
use crate::scan::finding::{Found, Kind, Target, Way};
use crate::scan::read::Text;
use crate::scan::tables::{Pair, at, get, pairs, parse, text as text_of};
use crate::scan::value::{is_reference, is_token};

/// # Errors
/// Where it is no TOML.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let root = parse(&text.text)?;
    let mut found = pyproject::found(text);
    if let Some(table) = at(&root, &["http-basic"]) {
        http_basic(text, table, "", &mut found);
    }
    if let Some(table) = at(&root, &["pypi-token"]) {
        tokens(text, table, "", &mut found);
    }
    Ok(found)
}

/// Names with dots are quoted keys, or, as older Poetry wrote them, tables in tables.
fn http_basic(text: &Text, table: &DeTable<'_>, above: &str, found: &mut Vec<Found>) {
    for pair in pairs(table) {
        let Some(inner) = pair.table() else {
            continue;
        };
        let name = format!("{above}{}", pair.name);
        let username = text_of(inner, "username");
        if let Some(secret) = get(inner, "password") {
            let username = username.filter(|name| !is_reference(name));
            found.extend(moved(
                text,
                &secret,
                &name,
                username.unwrap_or_default(),
                Kind::HttpBasic,
            ));
        }
        found.extend(token_as_username(text, inner));
        http_basic(text, inner, &format!("{name}."), found);
    }
}

/// Some servers take a token as the username, with an empty password.
fn token_as_username(text: &Text, table: &DeTable<'_>) -> Option<Found> {
    let pair = get(table, "username")?;
    let token = pair.text().filter(|name| is_token(name))?;
    Some(Found {
        kind: Kind::Token,
        spans: vec![pair.inner(&text.text)],
        secret: Secret::from(token),
        username: None,
        origin: None,
        way: Way::ByHand(
            "store it with `helper set NAME --token`, or as the password of an account",
        ),
    })
}

fn tokens(text: &Text, table: &DeTable<'_>, above: &str, found: &mut Vec<Found>) {
    for pair in pairs(table) {
        let name = format!("{above}{}", pair.name);
        match pair.table() {
            Some(inner) => tokens(text, inner, &format!("{name}."), found),
            None => found.extend(moved(text, &pair, &name, TOKEN_USERNAME, Kind::Token)),
        }
    }
}

fn moved(text: &Text, pair: &Pair<'_>, name: &str, username: &str, kind: Kind) -> Option<Found> {
    let secret = pair.text().filter(|value| !is_reference(value))?;
    Some(Found {
        kind,
        spans: vec![pair.inner(&text.text)],
        secret: Secret::from(secret),
        username: Some(username.to_owned()),
        origin: None,
        way: Way::Move {
            to: Target::Name(name.to_owned()),
            edits: vec![pair.cut(&text.text)],
        },
    })
}
