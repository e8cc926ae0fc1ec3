//! What a token says about itself, without asking anybody: PyPI's are macaroons, others are often
//! JSON Web Tokens. Nothing of it is verified: only the server can.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use credential_helper_protocol::{Secret, limits};
use serde_json::Value;
use zeroize::Zeroizing;

use super::caveat::Caveat;
use super::macaroon::Macaroon;
use super::name::normalize;
use super::url::RepositoryUrl;

/// What PyPI writes before its macaroons (`warehouse/macaroons/services.py`).
const PREFIX: &str = "pypi-";
/// Projects of one token that are read.
const PROJECTS: usize = 1024;
/// The end of the year 9999, in seconds since 1970: no later time can be written down.
pub(super) const LAST: u64 = 253_402_300_799;
/// As PyPI's own library reads them: with or without padding, whatever the unused bits are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What kind of secret it is, by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A macaroon in PyPI's wrapping.
    Pypi,
    /// A JSON Web Token (RFC 7519), signed.
    Jwt,
    /// Anything else, passwords among it.
    Opaque,
}

impl Kind {
    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }
}

/// The two indexes that the Python Software Foundation runs, each with tokens of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// pypi.org.
    Pypi,
    /// test.pypi.org.
    TestPypi,
}

impl Index {
    /// The index that a host belongs to. A token says under which of its names the index made it.
    pub fn of_host(host: &str) -> Option<Self> {
        match host {
            "pypi.org" | "www.pypi.org" | "upload.pypi.org" => Some(Self::Pypi),
            "test.pypi.org" => Some(Self::TestPypi),
            _ => None,
        }
    }

    /// The index whose tokens are stored under this name: they go nowhere else.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = normalize(name);
        [Self::Pypi, Self::TestPypi]
            .into_iter()
            .find(|index| index.name() == name)
    }

    /// Its host.
    pub fn host(self) -> &'static str {
        match self {
            Self::Pypi => "pypi.org",
            Self::TestPypi => "test.pypi.org",
        }
    }

    /// Its name as a repository.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::TestPypi => "testpypi",
        }
    }
}

/// A secret that was looked at. What it shows is no secret; the macaroon in it is.
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The server that made it; for a JSON Web Token its issuer.
    pub host: Option<String>,
    /// Whether it is good for every project of its account; unset where it does not say.
    pub user_wide: Option<bool>,
    /// When it ends, in seconds since 1970.
    pub expires: Option<u64>,
    /// When it begins to be good.
    pub begins: u64,
    names: Option<BTreeSet<String>>,
    ids: Option<BTreeSet<String>>,
    macaroon: Option<Macaroon>,
    is_prefixed: bool,
}

impl Token {
    /// Looks at a secret; every text is one of the three kinds.
    pub fn read(secret: &Secret) -> Self {
        // Read, not kept: what is told of it are hosts, projects and times.
        let text = secret.expose();
        if text.len() > limits::SECRET {
            return Self::new(Kind::Opaque);
        }
        if let Some(inner) = text.strip_prefix(PREFIX) {
            let macaroon = decoded(inner).and_then(Macaroon::read);
            let read = macaroon.map(Self::of_macaroon);
            return Self {
                is_prefixed: true,
                ..read.unwrap_or_else(|| Self::new(Kind::Opaque))
            };
        }
        web_token(text).unwrap_or_else(|| Self::new(Kind::Opaque))
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            host: None,
            user_wide: None,
            expires: None,
            begins: 0,
            names: None,
            ids: None,
            macaroon: None,
            is_prefixed: false,
        }
    }

    fn of_macaroon(macaroon: Macaroon) -> Self {
        let mut token = Self::new(Kind::Pypi);
        token.host = macaroon.location().and_then(host);
        let (mut is_limited, mut unknown) = (false, false);
        for predicate in macaroon.caveats() {
            // Every condition has to hold: what is left is what all of them allow.
            match predicate.map_or(Caveat::Unknown, Caveat::read) {
                Caveat::Time { ends, begins } => {
                    token.expires = Some(token.expires.map_or(ends, |known| known.min(ends)));
                    token.begins = token.begins.max(begins);
                }
                Caveat::Names(names) => narrow(&mut token.names, names),
                Caveat::Ids(ids) => narrow(&mut token.ids, ids),
                Caveat::User => {}
                Caveat::Publisher => is_limited = true,
                Caveat::Unknown => unknown = true,
            }
        }
        is_limited |= token.names.is_some() || token.ids.is_some();
        token.user_wide = (is_limited || !unknown).then_some(!is_limited);
        token.macaroon = Some(macaroon);
        token
    }

    /// The projects that it is limited to, by name, or by PyPI's number where it has no names.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        let limits = self.names.as_ref().or(self.ids.as_ref());
        limits.into_iter().flatten().map(String::as_str)
    }

    /// Whether the names in it allow this project, by its normalised name.
    pub fn allows(&self, project: &str) -> bool {
        self.names
            .as_ref()
            .is_none_or(|names| names.contains(project))
    }

    /// The index that made it.
    pub fn index(&self) -> Option<Index> {
        Index::of_host(self.host.as_deref()?).filter(|_| self.kind == Kind::Pypi)
    }

    /// Whether it looks like a token of PyPI's and cannot be read.
    pub fn is_broken(&self) -> bool {
        self.is_prefixed && self.kind == Kind::Opaque
    }

    /// A token that is good for one project (by its normalised name) and until then, as far as this
    /// one is. `None` for what is no macaroon, and for one that would be too long.
    pub fn child(&self, project: &str, until: u64) -> Option<Secret> {
        let conditions = [Caveat::project(project), Caveat::until(until)];
        let bytes = self.macaroon.as_ref()?.with(&conditions)?;
        // Of its whole size at once: a buffer that grows would leave pieces behind.
        let mut text = String::with_capacity(PREFIX.len() + bytes.len().div_ceil(3) * 4);
        text.push_str(PREFIX);
        BASE64.encode_string(&*bytes, &mut text);
        let child = Secret::new(text);
        (child.expose().len() <= limits::SECRET).then_some(child)
    }
}

fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Zeroizing::new(vec![0; text.len().div_ceil(4) * 3]);
    let length = BASE64.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// A host as it may be shown: what a token calls its server is any text.
fn host(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    let is_host = !text.is_empty() && text.len() <= limits::NAME && text.chars().all(plain);
    is_host.then(|| text.to_ascii_lowercase())
}

/// Whether a text is a project's name or PyPI's number of one.
fn is_project(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !text.is_empty() && text.len() <= limits::NAME && text.chars().all(plain)
}

/// Leaves what both allow. What is no project allows nothing.
fn narrow(limits: &mut Option<BTreeSet<String>>, allowed: Vec<String>) {
    let allowed: BTreeSet<String> = allowed
        .into_iter()
        .filter(|one| is_project(one))
        .take(PROJECTS)
        .collect();
    *limits = Some(match limits.take() {
        None => allowed,
        Some(known) => known.intersection(&allowed).cloned().collect(),
    });
}

/// Three parts of base64, of which the first two are JSON objects (RFC 7515, section 7.1).
fn web_token(text: &str) -> Option<Token> {
    // The common first letters of every JSON object in base64: most passwords end here.
    if !text.starts_with("ey") {
        return None;
    }
    let mut parts = text.split('.');
    let (head, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || signature.is_empty() {
        return None;
    }
    let object = |part: &str| match serde_json::from_slice::<Value>(&decoded(part)?) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    };
    object(head)?.get("alg")?.as_str()?;
    let claims = object(claims)?;
    let mut token = Token::new(Kind::Jwt);
    let issuer = claims.get("iss").and_then(Value::as_str);
    token.host = issuer.and_then(|issuer| {
        let url = RepositoryUrl::bare(issuer);
        url.map_or_else(|| host(issuer), |url| Some(url.origin().host_port()))
            .filter(|host| host.contains('.'))
    });
    let time = |claim: &str| claims.get(claim).and_then(seconds);
    token.expires = time("exp");
    token.begins = time("nbf").unwrap_or_default();
    Some(token)
}

/// A time that may have a fraction (RFC 7519, section 2, `NumericDate`).
fn seconds(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion saturates; a time before 1970 has passed as well"
    )]
    let rounded = |time: f64| time as u64;
    let whole = value.as_u64().or_else(|| value.as_f64().map(rounded))?;
    Some(whole.min(LAST))
}

#[cfg(test)]
#[path = "token_tests.rs"]
pub(crate) mod tests;
