//! Services: what other tools call the place of a credential.
//!
//! Poetry and PDM name repositories (`poetry-repository-foo`), pip, uv, twine and others name URLs
//! and hosts, each in its own spelling. What is none of their forms belongs to another program and
//! is only ever an entry of the keyring.

use std::borrow::Cow;

use credential_helper_protocol::{ErrorCode, Failure, Operation, limits};

use super::credential::{EMPTY_USERNAME, TOKEN_USERNAME};
use super::name::RepositoryName;
use super::text::has_control;
use super::url::{Origin, RepositoryUrl, Userinfo};

/// What Poetry asks a keyring for, to see whether there is one (`poetry/utils/password_manager.py`).
const POETRY_CHECK: &str = "python-poetry-check";
/// The prefix of Poetry's services (`poetry/utils/password_manager.py`).
pub const POETRY: &str = "poetry-repository-";
/// The prefix of PDM's services for indexes (`pdm/models/auth.py`).
const PDM_INDEX: &str = "pdm-pypi-";
/// The prefix of PDM's services for uploads (`pdm/cli/commands/publish`).
const PDM_UPLOAD: &str = "pdm-repository-";
/// The name that PDM gives to a URL without one.
const PDM_UNKNOWN: &str = "__unknown__";
/// What uv's native store and pip put before a URL or host.
const PREFIXES: [&str; 2] = ["uv:", "pip:"];
/// What cargo puts before the URL of an index.
const SPARSE: &str = "sparse+";
/// The account under which flit keeps tokens of one project or user (`flit/upload.py`).
const FLIT_TOKEN: &str = "pypi_token:";

/// A service as it came, and what it means.
#[derive(Clone)]
pub struct Service {
    /// The text as it came, without userinfo: the exact key of a keyring.
    pub text: String,
    /// What it means.
    pub form: Form,
}

/// What a service means.
#[derive(Clone)]
pub enum Form {
    /// A repository by its name; PDM says what for.
    Name(RepositoryName, Option<Operation>),
    /// A URL.
    Url {
        /// The URL.
        url: RepositoryUrl,
        /// What stood before its host.
        userinfo: Option<Userinfo>,
        /// The project that is uploaded: users of twine store `URL?PROJECT`.
        project: Option<String>,
    },
    /// A host without a scheme.
    Host(Host),
    /// None of our forms: an entry of the keyring under exactly this text, or nothing.
    Other,
    /// What nobody ever stores anything under.
    Nothing,
}

/// A host without a scheme, with or without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    https: RepositoryUrl,
    http: RepositoryUrl,
    certain: bool,
}

impl Service {
    /// Reads a service.
    ///
    /// # Errors
    /// `usage` for control characters and over-long texts; the text is never repeated.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::new(ErrorCode::Usage, format!("the service {why}"));
        if has_control(text) {
            return Err(wrong("holds a control character"));
        }
        if text.len() > limits::URL {
            return Err(wrong(&format!("is longer than {} bytes", limits::URL)));
        }
        let form = form(text);
        let text = match &form {
            Form::Url {
                userinfo: Some(_), ..
            } => without_userinfo(text),
            _ => text.to_owned(),
        };
        Ok(Self { text, form })
    }

    /// The texts under which the keyring may have it besides a repository's own: the exact one first.
    pub fn keys(&self) -> Vec<String> {
        let mut keys = vec![self.text.clone()];
        let mut add = |key: String| {
            if !keys.contains(&key) {
                keys.push(key);
            }
        };
        match &self.form {
            Form::Url { url, project, .. } => {
                if let Some(project) = project {
                    url.slash_forms()
                        .iter()
                        .for_each(|form| add(format!("{form}?{project}")));
                }
                url.slash_forms().into_iter().for_each(add);
            }
            Form::Host(host) => add(host.https.origin().host_port()),
            Form::Name(..) | Form::Other | Form::Nothing => {}
        }
        keys
    }

    /// Whether it is a host and can hardly be anything else.
    pub fn is_host(&self) -> bool {
        matches!(&self.form, Form::Host(host) if host.is_certain())
    }

    /// The text as it may be shown.
    pub fn shown(&self) -> String {
        told(&self.text).into_owned()
    }
}

impl Host {
    /// The host at this origin: what a URL without a path means.
    pub fn is_at(&self, origin: &Origin) -> bool {
        [&self.https, &self.http]
            .iter()
            .any(|url| url.origin() == origin)
    }

    /// Its URL with this scheme.
    pub fn url(&self, http: bool) -> &RepositoryUrl {
        if http { &self.http } else { &self.https }
    }

    /// Whether the text can hardly be anything but a host; a single word may be any program's
    /// service.
    pub fn is_certain(&self) -> bool {
        self.certain
    }

    fn parse(text: &str) -> Option<Self> {
        let strange = |c: char| c.is_whitespace() || "/?#@\\%\"'<>|^`{}".contains(c);
        if text.is_empty() || text.contains(strange) {
            return None;
        }
        let (host, port) = if text.starts_with('[') {
            let (host, rest) = text.split_at(text.find(']')? + 1);
            (
                host,
                rest.strip_prefix(':').or(rest.is_empty().then_some("")),
            )
        } else {
            let (host, port) = text.split_once(':').unwrap_or((text, ""));
            (host, Some(port))
        };
        let port = match port? {
            "" if text.ends_with(':') => return None,
            "" => None,
            port if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse::<u16>().ok().filter(|port| *port > 0)?)
            }
            _ => return None,
        };
        let at = |scheme: &str| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let (url, _) = RepositoryUrl::parse(&format!("{scheme}://{host}{port}/")).ok()?;
            Some(url)
        };
        let (https, http) = (at("https")?, at("http")?);
        let plain = https.origin().host();
        // The parser of URLs reads numbers as addresses; in a service they are just a word.
        let given = host.strip_suffix('.').unwrap_or(host);
        if given.is_ascii() && !given.starts_with('[') && !given.eq_ignore_ascii_case(plain) {
            return None;
        }
        let certain = port.is_some() || plain.contains(['.', '[']) || plain == "localhost";
        Some(Self {
            https,
            http,
            certain,
        })
    }
}

fn form(text: &str) -> Form {
    if text.is_empty() || text == POETRY_CHECK {
        return Form::Nothing;
    }
    for prefix in PREFIXES {
        // `uv:8080` is a host.
        if let Some(rest) = text
            .strip_prefix(prefix)
            .filter(|rest| !rest.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return plain_form(rest);
        }
    }
    plain_form(text)
}

fn plain_form(text: &str) -> Form {
    let named = |name: &str, operation| {
        RepositoryName::parse(name).map_or(Form::Other, |name| Form::Name(name, operation))
    };
    if let Some(name) = text.strip_prefix(POETRY) {
        return named(name, None);
    }
    if let Some(name) = text.strip_prefix(PDM_INDEX) {
        return named(name, Some(Operation::Read));
    }
    match text.strip_prefix(PDM_UPLOAD) {
        Some(PDM_UNKNOWN) => return Form::Nothing,
        Some(name) => return named(name, Some(Operation::Upload)),
        None => {}
    }
    let address = text.strip_prefix(SPARSE).unwrap_or(text);
    if let Ok((url, userinfo)) = RepositoryUrl::parse(address) {
        return Form::Url {
            url,
            userinfo,
            project: project(address).map(str::to_owned),
        };
    }
    Host::parse(text).map_or(Form::Other, Form::Host)
}

/// The project in the query of a URL. Nothing else is taken for one, so that a token in a query is
/// not.
fn project(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!query.is_empty() && query.len() <= 100 && query.chars().all(word)).then_some(query)
}

/// A URL's text without what stands before its host.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// A service as it may be shown: without userinfo, and without a query that is no project. What is
/// no proper URL is cut generously.
pub fn told(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else {
        // A netloc whole: account and secret before the host.
        return match text.rsplit_once('@') {
            Some((userinfo, host)) if userinfo.contains(':') => Cow::Borrowed(host),
            _ => Cow::Borrowed(text),
        };
    };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = match place.split_once(['?', '#']) {
        Some((bare, _)) if project(place).is_none() => bare,
        _ => place,
    };
    if place.len() == rest.len() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{scheme}://{place}"))
}

/// Whether a secret whose account is `own` may answer for the account that a tool asked for.
///
/// Some accounts are not people's but say what kind of secret is wanted, and the tool takes any
/// answer for one of that kind: flit sends what `pypi_token:project:NAME` gives as a token, Poetry
/// what [`EMPTY_USERNAME`] gives with an empty username. `configured` says that the secret comes
/// from a file or command that the user named for this repository.
pub fn may_answer(asked: &str, own: Option<&str>, configured: bool) -> bool {
    match asked {
        EMPTY_USERNAME => own.is_none_or(|own| own.is_empty() || own == EMPTY_USERNAME),
        TOKEN_USERNAME => own == Some(asked) || (own.is_none() && configured),
        _ if asked.starts_with(FLIT_TOKEN) => own == Some(asked),
        _ => own.is_none_or(|own| own == asked),
    }
}

/// Whether an account is a person's or a program's own, and not the word for a kind of secret.
pub fn is_account(username: &str) -> bool {
    !matches!(username, EMPTY_USERNAME | TOKEN_USERNAME) && !username.starts_with(FLIT_TOKEN)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
