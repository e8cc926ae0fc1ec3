//! An account in a TOML table: its secret, and beside it the username and the URL.

use credential_helper_protocol::{Operation, Secret};
use toml::de::DeTable;

use crate::domain::url::RepositoryUrl;
use crate::scan::finding::{Found, Kind, Target, Way};
use crate::scan::read::Text;
use crate::scan::tables::{Pair, get, text as text_of};
use crate::scan::value::is_reference;

/// What a table says of an account.
pub(super) struct Account<'a> {
    secret: Pair<'a>,
    value: &'a str,
    /// The username, unless it only stands for another value.
    pub(super) username: Option<&'a str>,
    /// The URL, without userinfo.
    pub(super) url: Option<RepositoryUrl>,
}

impl<'a> Account<'a> {
    /// Reads a table whose secret and username have these keys; `None` where no secret stands
    /// there. `known` is the URL where the table has none.
    pub(super) fn read(
        table: &'a DeTable<'a>,
        secret: &str,
        username: &str,
        known: Option<&str>,
    ) -> Option<Self> {
        let secret = get(table, secret)?;
        let value = secret.text().filter(|value| !is_reference(value))?;
        let url = text_of(table, "url").or(known);
        Some(Self {
            secret,
            value,
            username: text_of(table, username).filter(|name| !is_reference(name)),
            url: url.and_then(RepositoryUrl::bare),
        })
    }

    /// What the tool will ask for by the URL.
    pub(super) fn by_url(&self, operation: Operation) -> Option<Target> {
        Some(Target::Url {
            url: self.url.as_ref()?.as_str().to_owned(),
            operation: Some(operation),
            section: None,
        })
    }

    /// The finding: it goes `to` there where that is known, otherwise a person has to do this.
    pub(super) fn found(&self, text: &Text, to: Option<Target>, by_hand: &'static str) -> Found {
        let way = match (to, self.username) {
            (Some(to), Some(_)) => Way::Move {
                to,
                edits: vec![self.secret.cut(&text.text)],
            },
            _ => Way::ByHand(by_hand),
        };
        Found {
            kind: Kind::of(self.username),
            spans: vec![self.secret.inner(&text.text)],
            secret: Secret::from(self.value),
            username: self.username.map(str::to_owned),
            origin: self.url.as_ref().map(|url| url.origin().to_string()),
            way,
        }
    }
}
