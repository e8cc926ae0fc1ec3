//! The `Authorization` header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credential_helper_protocol::{ErrorCode, Failure, Scheme, Secret};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::HeaderValue;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::text::has_control;

/// The value of an `Authorization` header; shown nowhere.
#[derive(Clone)]
pub struct Authorization(HeaderValue);

impl Authorization {
    /// The header for a credential.
    ///
    /// # Errors
    /// `usage` for what cannot be sent: control characters, a colon in an account (RFC 7617,
    /// section 2), a bearer token that is not plain (RFC 6750, section 2.1).
    pub fn new(scheme: Scheme, username: &str, secret: &Secret) -> Result<Self, Failure> {
        let refused = |what: &str| {
            Failure::new(
                ErrorCode::Usage,
                format!("cannot send the credential: {what}"),
            )
            .hint("store it again with `helper set`")
        };
        // The one place where the secret goes into a header.
        let text = secret.expose();
        if has_control(text) || has_control(username) {
            return Err(refused("it holds a control character"));
        }
        let value = match scheme {
            Scheme::Basic if username.contains(':') => {
                return Err(refused("its username holds a colon"));
            }
            Scheme::Basic => {
                let pair = Zeroizing::new([username, ":", text].concat());
                let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
                Zeroizing::new(["Basic ", encoded.as_str()].concat())
            }
            Scheme::Bearer => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
                if text.is_empty() || !text.bytes().all(plain) {
                    return Err(refused("it is no bearer token"));
                }
                Zeroizing::new(["Bearer ", text].concat())
            }
        };
        let mut header = HeaderValue::from_str(&value)
            .map_err(|_| refused("it holds what no header may hold"))?;
        // Kept out of logs and out of the compression tables of HTTP/2.
        header.set_sensitive(true);
        Ok(Self(header))
    }

    /// Whether a secret looks like an API token of PyPI.
    pub fn is_pypi_token(secret: &Secret) -> bool {
        secret.expose().starts_with("pypi-")
    }

    /// Whether a server's words repeat the credential: such words are not shown.
    pub fn is_in(&self, words: &str) -> bool {
        let Ok(value) = self.0.to_str() else {
            return false;
        };
        let (_, sent) = value.split_once(' ').unwrap_or(("", value));
        let plain = STANDARD.decode(sent).map(Zeroizing::new);
        let secret = plain.as_ref().ok().and_then(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            Some(pair.split_once(':')?.1)
        });
        // An empty secret, or one of a few letters, is in any text.
        words.contains(sent)
            || secret.is_some_and(|secret| secret.len() > 3 && words.contains(secret))
    }

    /// Whether both send the same.
    pub fn same(&self, other: &Self) -> bool {
        let (left, right) = (self.0.as_bytes(), other.0.as_bytes());
        left.len() == right.len()
            && left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b)) == 0
    }

    /// Who sends this, as a text under which answers may be kept: it changes with the secret, and
    /// nobody can try out secrets on it. The secret itself adds 16 bits, which tell a new secret from
    /// the old one and leave each guess with as many others that fit as well.
    pub fn identity(&self, salt: &[u8], who: &str) -> String {
        let digest = |parts: [&[u8]; 2]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(salt).ok()?;
            for part in parts {
                mac.update(part);
            }
            Some(mac.finalize().into_bytes())
        };
        let secret = digest([
            b"secret
",
            self.0.as_bytes(),
        ])
        .unwrap_or_default();
        let whole = digest([who.as_bytes(), &secret[..2]]).unwrap_or_default();
        let digits = whole[..16].iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .filter_map(|digit| char::from_digit(u32::from(digit), 16))
            .collect()
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{Scheme, Secret};

    use super::Authorization;

    fn value(scheme: Scheme, username: &str, secret: &str) -> Option<String> {
        let made = Authorization::new(scheme, username, &Secret::from(secret)).ok()?;
        assert!(made.0.is_sensitive());
        Some(made.0.to_str().unwrap().to_owned())
    }

    #[test]
    fn values() {
        // The example of RFC 7617.
        assert_eq!(
            value(Scheme::Basic, "Aladdin", "open sesame").as_deref(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(value(Scheme::Basic, "", "x").as_deref(), Some("Basic Ong="));
        assert_eq!(
            value(Scheme::Bearer, "", "a.b-c").as_deref(),
            Some("Bearer a.b-c")
        );
    }

    #[test]
    fn identities_tell_apart_who_reads() {
        let of = |secret: &str, salt: &[u8], who: &str| {
            let header = Authorization::new(Scheme::Basic, "u", &Secret::from(secret)).unwrap();
            header.identity(salt, who)
        };
        let one = of("sentinel", b"salt", "https://h\nu");
        assert_eq!(one.len(), 32);
        assert_eq!(of("sentinel", b"salt", "https://h\nu"), one);
        for other in [
            of("another", b"salt", "https://h\nu"),
            of("sentinel", b"other", "https://h\nu"),
            of("sentinel", b"salt", "https://h\nv"),
        ] {
            assert_ne!(other, one);
        }
    }

    #[test]
    fn it_is_known_again() {
        let header = Authorization::new(Scheme::Basic, "user", &Secret::from("sentinel")).unwrap();
        assert!(header.is_in("you sent Basic dXNlcjpzZW50aW5lbA=="));
        assert!(header.is_in("no sentinel here") && !header.is_in("user is wrong"));
        let bearer = Authorization::new(Scheme::Bearer, "", &Secret::from("a.b-c")).unwrap();
        assert!(bearer.is_in("Bearer a.b-c") && !bearer.is_in("Bearer"));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_being_repeated() {
        for (scheme, username, secret) in [
            (Scheme::Basic, "u", "sentinel\r\nX: y"),
            (Scheme::Basic, "u\n", "sentinel"),
            (Scheme::Basic, "u:v", "sentinel"),
            (Scheme::Bearer, "", "sentinel x"),
            (Scheme::Bearer, "", ""),
        ] {
            let failure = Authorization::new(scheme, username, &Secret::from(secret))
                .err()
                .unwrap();
            assert!(!format!("{failure:?}").contains("sentinel"));
        }
    }
}
