//! The spellings in which a secret may come out of a program: as it is, percent-encoded in a URL,
//! base64 in a header, escaped in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use credential_helper_protocol::{Credential, Secret};
use zeroize::Zeroizing;

/// The digits that nearly everybody writes.
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

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
        percent(secret, is_unreserved, UPPER),
        Zeroizing::new(STANDARD.encode(&*pair(username, secret))),
    ];
    once_each(&mut all);
    all
}

fn spellings(username: &str, secret: &str) -> Vec<Spelling> {
    let pair = pair(username, secret);
    let mut all = vec![copied(secret)];
    for digits in [UPPER, b"0123456789abcdef"] {
        all.push(percent(secret, is_unreserved, digits));
        all.push(percent(secret, is_userinfo, digits));
    }
    all.push(percent(secret, is_quoted, UPPER));
    all.push(percent(secret, is_component, UPPER));
    for stays in [is_form, is_unreserved] {
        all.push(plus(secret, stays));
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

/// RFC 3986, 2.3; what `urllib.parse.quote(safe="")` leaves alone.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What a URL parser (WHATWG, 4.1) leaves alone in userinfo, and RFC 3986 allows there.
fn is_userinfo(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'%'
        )
}

/// What Python's `urllib.parse.quote` leaves alone where nobody says otherwise.
fn is_quoted(byte: u8) -> bool {
    is_unreserved(byte) || byte == b'/'
}

/// What JavaScript's `encodeURIComponent` leaves alone (ECMA-262, 19.2.6).
fn is_component(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'!' | b'*' | b'\'' | b'(' | b')')
}

/// What a form leaves alone (URL standard, 5.2); Python's `quote_plus` keeps to RFC 3986.
fn is_form(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'-' | b'.' | b'_')
}

/// As in a form: percent-encoded, with a plus for each space.
fn plus(text: &str, stays: impl Fn(u8) -> bool) -> Spelling {
    let encoded = percent(text, |byte| byte == b' ' || stays(byte), UPPER);
    let mut out = Zeroizing::new(String::with_capacity(encoded.len()));
    out.extend(encoded.chars().map(|c| if c == ' ' { '+' } else { c }));
    out
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
    percent(text, is_unreserved, UPPER)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use credential_helper_protocol::{Credential, Secret};
    use proptest::prelude::*;
    use url::Url;

    use super::super::mask::{Mask, Stream};
    use super::{for_masks, of, userinfo};

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
            // Python's `quote` and `quote_plus`, and JavaScript's.
            "a/b%22%2B%C3%A9",
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
    fn what_each_encoder_leaves_alone() {
        let all = of(&credential(None, "/ !*'()~+&"));
        let all: Vec<&str> = all.iter().map(|one| one.as_str()).collect();
        for (who, one) in [
            ("quote", "/%20%21%2A%27%28%29~%2B%26"),
            ("quote, safe=''", "%2F%20%21%2A%27%28%29~%2B%26"),
            ("quote_plus", "%2F+%21%2A%27%28%29~%2B%26"),
            ("encodeURIComponent", "%2F%20!*'()~%2B%26"),
            ("URLSearchParams", "%2F+%21*%27%28%29%7E%2B%26"),
            ("a URL's userinfo", "%2F%20!*'()~+&"),
        ] {
            assert!(all.contains(&one), "{who}: {one} of {all:?}");
        }
    }

    proptest! {
        /// Whoever writes it into a URL, a header, a form or JSON: it does not come through.
        #[test]
        fn encoded_by_others_it_is_masked(
            username in "[a-z_ \u{e9}]{0,8}",
            secret in "[ -)+-~\u{e9}\u{20ac}]{1,24}",
            around in "[ -)+-~]{0,12}",
            chunk in 1_usize..40,
        ) {
            let mut url = Url::parse("https://h.example/").unwrap();
            url.set_password(Some(&secret)).unwrap();
            let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let json = serde_json::to_string(&secret).unwrap();
            let pair = format!("{username}:{secret}");
            let encoded = [
                secret.clone(),
                url.password().unwrap().to_owned(),
                form,
                json[1..json.len() - 1].to_owned(),
                STANDARD.encode(&pair),
                STANDARD.encode(&secret),
                URL_SAFE_NO_PAD.encode(&pair),
            ];
            let mask = Mask::new(of(&credential(Some(&username), &secret))).unwrap();
            for one in &encoded {
                let text = format!("{around}{one}{around}");
                let mut stream = Stream::new(&mask, chunk);
                let mut out = Vec::new();
                let mut write = |bytes: &[u8]| -> Result<(), Infallible> {
                    out.extend_from_slice(bytes);
                    Ok(())
                };
                for part in text.as_bytes().chunks(chunk) {
                    stream.space()[..part.len()].copy_from_slice(part);
                    stream.took(part.len(), &mut write).unwrap();
                }
                stream.end(&mut write).unwrap();
                let out = String::from_utf8(out).unwrap();
                for one in &encoded {
                    prop_assert!(!out.contains(one.as_str()), "{one:?} in {out:?}");
                }
            }
        }
    }

    #[test]
    fn what_stands_before_the_host_of_a_url() {
        let url = format!("https://{}:x@h.example/", userinfo("a b@c:/~%").as_str());
        let url = Url::parse(&url).unwrap();
        assert_eq!(url.username(), "a%20b%40c%3A%2F~%25");
        assert_eq!(url.host_str(), Some("h.example"));
    }

    #[test]
    fn what_a_ci_system_masks() {
        let masks = for_masks(&credential(Some("u"), "p%w"));
        let masks: Vec<&str> = masks.iter().map(|one| one.as_str()).collect();
        assert_eq!(masks, ["p%w", "p%25w", "dTpwJXc="]);
    }
}
