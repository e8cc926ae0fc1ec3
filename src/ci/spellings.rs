//! The spellings in which a secret may come out of a program: as it is, percent-encoded in a URL,
//! base64 in a header, escaped in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use credential_helper_protocol::{Credential, Secret};
use zeroize::Zeroizing;

/// A spelling, in a buffer that is wiped.
pub type Spelling = Zeroizing<String>;

/// Every spelling of a credential's secret, the plain one first; none for one without a secret.
pub fn of(credential: &Credential) -> Vec<Spelling> {
    let username = credential.username.as_deref().unwrap_or_default();
    match &credential.password {
        Some(secret) if !secret.is_empty() => spellings(username, secret.expose()),
        _ => Vec::new(),
    }
}

/// The three that a CI system is told to mask: as it is, percent-encoded, and in a header.
pub fn for_masks(credential: &Credential) -> Vec<Spelling> {
    let username = credential.username.as_deref().unwrap_or_default();
    let Some(secret) = credential.password.as_ref().map(Secret::expose) else {
        return Vec::new();
    };
    if secret.is_empty() {
        return Vec::new();
    }
    let mut all = vec![
        copied(secret),
        percent(secret, is_unreserved, b"0123456789ABCDEF"),
        Zeroizing::new(STANDARD.encode(&*pair(username, secret))),
    ];
    once_each(&mut all);
    all
}

fn spellings(username: &str, secret: &str) -> Vec<Spelling> {
    let pair = pair(username, secret);
    let mut all = vec![copied(secret)];
    for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
        all.push(percent(secret, is_unreserved, digits));
        all.push(percent(secret, is_userinfo, digits));
    }
    for plain in [pair.as_bytes(), secret.as_bytes()] {
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            all.push(Zeroizing::new(engine.encode(plain)));
        }
    }
    if let Ok(json) = serde_json::to_string(secret) {
        let json = Zeroizing::new(json);
        // Without its quotes.
        all.push(copied(json.get(1..json.len() - 1).unwrap_or_default()));
    }
    once_each(&mut all);
    all
}

fn once_each(all: &mut Vec<Spelling>) {
    let mut kept: Vec<Spelling> = Vec::new();
    for one in all.drain(..) {
        if !one.is_empty() && !kept.contains(&one) {
            kept.push(one);
        }
    }
    *all = kept;
}

fn copied(text: &str) -> Spelling {
    Zeroizing::new(text.to_owned())
}

fn pair(username: &str, secret: &str) -> Spelling {
    let mut pair = Zeroizing::new(String::with_capacity(username.len() + secret.len() + 1));
    pair.push_str(username);
    pair.push(':');
    pair.push_str(secret);
    pair
}

/// RFC 3986, 2.3; what `urllib.parse.quote(safe="")` and `encodeURIComponent` nearly agree on.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What a URL parser (WHATWG, 4.1) leaves alone in userinfo, and RFC 3986 allows there.
fn is_userinfo(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'(' | b')' | b'*' | b'+' | b',' | b'%'
        )
}

/// Percent-encoded, all but what `stays` says.
pub fn percent(text: &str, stays: impl Fn(u8) -> bool, digits: &[u8; 16]) -> Spelling {
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        if byte.is_ascii() && stays(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(digits[usize::from(byte >> 4)]));
            out.push(char::from(digits[usize::from(byte & 15)]));
        }
    }
    out
}

/// Percent-encoded for the userinfo of a URL.
pub fn userinfo(text: &str) -> Spelling {
    percent(text, is_unreserved, b"0123456789ABCDEF")
}

#[cfg(test)]
mod tests {
    use super::{for_masks, of};
    use credential_helper_protocol::{Credential, Secret};

    fn credential(username: Option<&str>, secret: &str) -> Credential {
        Credential {
            username: username.map(str::to_owned),
            password: Some(Secret::from(secret)),
            ..Credential::default()
        }
    }

    #[test]
    fn all_spellings() {
        let all = of(&credential(Some("u"), "a/b\"+é"));
        let all: Vec<&str> = all.iter().map(|one| one.as_str()).collect();
        for one in [
            "a/b\"+é",
            "a%2Fb%22%2B%C3%A9",
            "a%2fb%22%2b%c3%a9",
            "a%2Fb%22+%C3%A9",
            "dTphL2IiK8Op",
            "YS9iIivDqQ==",
            "YS9iIivDqQ",
            "a/b\\\"+é",
        ] {
            assert!(all.contains(&one), "{one}: {all:?}");
        }
        // A plain secret has few.
        assert_eq!(of(&credential(None, "secret")).len(), 4);
        assert!(of(&credential(Some("u"), "")).is_empty());
    }

    #[test]
    fn what_a_ci_system_masks() {
        let masks = for_masks(&credential(Some("u"), "p%w"));
        let masks: Vec<&str> = masks.iter().map(|one| one.as_str()).collect();
        assert_eq!(masks, ["p%w", "p%25w", "dTpwJXc="]);
    }
}
