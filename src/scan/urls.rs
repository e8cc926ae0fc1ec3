//! URLs with a username and a password in them, in any text.

use std::ops::Range;

use credential_helper_protocol::{Operation, Secret};
use zeroize::Zeroizing;

use super::finding::{Edit, Found, Kind, Target, Way};
use super::value::{is_reference, is_token};
use crate::domain::url::RepositoryUrl;

/// A URL with userinfo.
pub(super) struct Hit {
    /// Where the URL begins in the text.
    pub(super) start: usize,
    /// What stands before the host, without the `@`.
    userinfo: Range<usize>,
    /// The part that is or may be secret.
    pub(super) secret_at: Range<usize>,
    /// The URL without userinfo; unset where the host is no plain one.
    pub(super) url: Option<RepositoryUrl>,
    /// `https`, `git+https` and the like.
    pub(super) scheme: String,
    pub(super) username: Option<String>,
    pub(super) secret: Secret,
    /// Whether the secret is the password, and the username is one.
    pub(super) is_pair: bool,
}

/// What a tool uses a URL for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// An index: the tool asks for the credential of this URL.
    Index(Option<Operation>),
    /// One file: the tool asks for the credential of its host.
    File,
    /// Something that a person has to look at.
    Other(&'static str),
}

/// Every URL with a secret in a part of the text.
pub(super) fn hits(text: &str, within: Range<usize>) -> Vec<Hit> {
    let mut found = Vec::new();
    let part = &text[within.clone()];
    for (at, _) in part.match_indices("://") {
        found.extend(hit(text, within.start + at, within.end));
    }
    found
}

fn hit(text: &str, colon: usize, limit: usize) -> Option<Hit> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-');
    let before = &text[..colon];
    let scheme = &before[before.trim_end_matches(word).len()..];
    let last = scheme.rsplit('+').next()?.to_ascii_lowercase();
    if last != "http" && last != "https" {
        return None;
    }
    let start = colon - scheme.len();
    let rest = &text[colon + 3..limit];
    let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c);
    let authority = &rest[..rest
        .find(|c| ends(c) || "/?#".contains(c))
        .unwrap_or(rest.len())];
    let (userinfo, host) = authority.rsplit_once('@')?;
    let ends = |c: char| ends(c) || ",;)]}|".contains(c);
    // Prose and Markdown go on right behind a URL; an address of IPv6 has brackets of its own.
    let plain = host.split([',', ';', ')', '}', '|']).next().unwrap_or(host);
    let path = &rest[userinfo.len() + 1 + plain.len()..];
    let path = &path[..path.find(ends).unwrap_or(path.len())];
    let from = colon + 3;
    let (user, password) = match userinfo.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };
    // One parser decides what the parts mean.
    let decoded = RepositoryUrl::parse(&Zeroizing::new(format!("https://{userinfo}@h/")));
    let (name, secret) = match decoded {
        Ok((_, Some(info))) => (info.username, info.password),
        _ => (user.to_owned(), password.map(Secret::from)),
    };
    let secret = secret.filter(|secret| !is_reference(secret.expose()));
    let password_at = from + userinfo.len() - password.map_or(0, str::len)..from + userinfo.len();
    let is_pair = secret.is_some() && !is_token(&name);
    let (secret, secret_at, username) = match secret {
        Some(secret) if is_pair => (secret, password_at, Some(name)),
        // Both may be secret.
        Some(secret) => (secret, from..from + userinfo.len(), None),
        None if is_token(&name) => (Secret::new(name), from..from + user.len(), None),
        None => return None,
    };
    let address = format!("{last}://{plain}{path}");
    Some(Hit {
        start,
        userinfo: from..from + userinfo.len(),
        secret_at,
        url: RepositoryUrl::parse(&address)
            .ok()
            .map(|(url, _)| url)
            .filter(|_| !host.contains(['$', '{', '}'])),
        scheme: scheme.to_ascii_lowercase(),
        username: username.filter(|name| !name.is_empty() && !is_reference(name)),
        secret,
        is_pair,
    })
}

impl Hit {
    /// The finding, where the tool uses the URL for this.
    pub(super) fn found(self, what: Use) -> Found {
        let origin = self.url.as_ref().map(|url| url.origin().to_string());
        let way = self.way(what);
        Found {
            kind: Kind::Url,
            spans: vec![self.secret_at],
            secret: self.secret,
            username: self.username,
            origin,
            way,
        }
    }

    fn way(&self, what: Use) -> Way {
        let by_hand = match what {
            Use::Other(fix) => fix,
            _ if self.scheme.starts_with("git+") => {
                "take the userinfo out of the URL; git asks its own credential helper"
            }
            _ if !self.is_pair || self.username.is_none() => {
                "store the token with `helper set NAME --token`, then take it out of the URL"
            }
            _ => "store it with `helper set NAME USERNAME`, then take it out of the URL",
        };
        let (Some(url), Some(_), true) = (&self.url, &self.username, self.is_pair) else {
            return Way::ByHand(by_hand);
        };
        let to = match what {
            Use::Other(_) => return Way::ByHand(by_hand),
            _ if self.scheme != "http" && self.scheme != "https" => return Way::ByHand(by_hand),
            Use::Index(operation) => Target::Url {
                url: url.as_str().to_owned(),
                operation,
                section: None,
            },
            Use::File => Target::Service(url.origin().host_port()),
        };
        // The username stays: tools ask for the password of this account.
        let password = self.secret_at.start - 1..self.userinfo.end;
        Way::Move {
            to,
            edits: vec![Edit::cut(password)],
        }
    }
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::Secret;

    use super::hits;

    #[test]
    fn urls_in_texts() {
        for (text, user, secret, origin) in [
            (
                "index-url = https://u:p%40w@h.example:8443/simple/",
                Some("u"),
                "p@w",
                Some("https://h.example:8443"),
            ),
            (
                "a \"https://u:p@H.example/x\", b",
                Some("u"),
                "p",
                Some("https://h.example"),
            ),
            (
                "x @ git+https://u:tok@h.example/x.git@v1",
                Some("u"),
                "tok",
                Some("https://h.example"),
            ),
            (
                "https://ghp_0123456789abcdef01@h.example/x",
                None,
                "ghp_0123456789abcdef01",
                Some("https://h.example"),
            ),
            (
                "[x](https://u:p@h.example), y",
                Some("u"),
                "p",
                Some("https://h.example"),
            ),
            (
                "-i http://u:p@[::1]:8080/simple/",
                Some("u"),
                "p",
                Some("http://[::1]:8080"),
            ),
            (
                "https://u:literal@${{ vars.HOST }}/x",
                Some("u"),
                "literal",
                None,
            ),
            (
                "https://:pw@h.example/",
                None,
                "pw",
                Some("https://h.example"),
            ),
            (
                "http://u:a@b:c@h.example",
                Some("u"),
                "a@b:c",
                Some("http://h.example"),
            ),
        ] {
            let found = hits(text, 0..text.len());
            assert_eq!(found.len(), 1, "{text}");
            let hit = &found[0];
            assert_eq!(hit.username.as_deref(), user, "{text}");
            assert!(hit.secret.same(&Secret::from(secret)), "{text}");
            let seen = hit.url.as_ref().map(|url| url.origin().to_string());
            assert_eq!(seen.as_deref(), origin, "{text}");
        }
        let text = "-i http://u:p@[::1]:8080/simple/";
        let url = hits(text, 0..text.len()).remove(0).url.unwrap();
        assert_eq!(url.as_str(), "http://[::1]:8080/simple/");
        for text in [
            "https://h.example/a@b",
            "https://u@h.example/",
            "https://u:${TOKEN}@h.example/",
            "https://u:${{ secrets.TOKEN }}@h.example/",
            "https://${U}:${P}@h.example/",
            "postgres://u:p@h/db",
            "mail a@b https://h.example",
            "ssh://git@h.example/x",
        ] {
            assert!(hits(text, 0..text.len()).is_empty(), "{text}");
        }
    }
}
