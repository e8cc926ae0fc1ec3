//! cargo's credential provider: `cargo-credential-helper --cargo-plugin`.
//!
//! Source: the Cargo Book, "Credential Provider Protocol". The provider speaks first, then each
//! side says one line of JSON at a time, until cargo closes its end.

use std::ffi::OsString;

use credential_helper_protocol::render::{self, Format};
use credential_helper_protocol::text::{has_control, shown};
use credential_helper_protocol::{
    Credential, Delete, ErrorCode, Failure, Operation, Question, Scheme, Set, TOKEN_USERNAME,
    Upload,
};
use zeroize::Zeroizing;

use super::answer::{Answer, ask};
use super::{Bridge, Outside, Said, Trouble, origin, time};
use wire::{HELLO, Registry, Request, reply};

mod wire;

/// One line of the table of bridges.
pub(super) const BRIDGE: Bridge = Bridge {
    name: "cargo-credential-helper",
    turns: true,
    next: false,
    project: false,
    about: "cargo's credential provider",
    run,
};

/// What was done.
enum Yes {
    Get {
        token: Zeroizing<Vec<u8>>,
        ends: Option<i64>,
    },
    Login,
    Logout,
}

/// Why nothing was.
enum No {
    UrlNotSupported,
    NotFound,
    OperationNotSupported,
    Other(Failure),
}

impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl From<Trouble> for No {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failed(failure) | Trouble::NoAgent(failure) => failure.into(),
            // The program that takes turns is the last one.
            Trouble::Elsewhere => wrong("another program would have to answer").into(),
        }
    }
}

fn run(arguments: &[OsString], outside: &mut dyn Outside) -> Result<Said, Trouble> {
    if arguments
        .first()
        .is_none_or(|first| first != "--cargo-plugin")
    {
        let failure = wrong("it is started by cargo, with `--cargo-plugin`")
            .hint("name it in cargo's config.toml under registry.global-credential-providers");
        return Ok(Said::failed(&failure, 2));
    }
    // What is for people is said at the end: cargo shows it as it comes.
    let mut err = String::new();
    let mut text = Zeroizing::new(HELLO.to_vec());
    while let Some(line) = outside.turn(&text)? {
        text = reply(&handle(line.expose(), outside, &mut err));
    }
    Ok(Said {
        err,
        ..Said::default()
    })
}

fn wrong(reason: &str) -> Failure {
    Failure::new(
        ErrorCode::Usage,
        format!("could not answer cargo's credential provider protocol: {reason}"),
    )
}

/// Does what one line asks for.
fn handle(line: &str, outside: &mut dyn Outside, err: &mut String) -> Result<Yes, No> {
    // The parser's own words would quote what it read.
    let request: Request = serde_json::from_str(line)
        .map_err(|_| wrong("the line that cargo sent cannot be understood"))?;
    if request.v != 1 {
        return Err(wrong("cargo speaks a version that was not offered").into());
    }
    if !["get", "login", "logout"].contains(&request.kind.as_str()) {
        return Err(No::OperationNotSupported);
    }
    let index = Index::of(&request.registry)?;
    match request.kind.as_str() {
        "login" => login(&index, request, outside, err),
        "logout" => logout(&index, outside),
        _ => get(&index, request, outside, err),
    }
}

/// The URL of an index.
struct Index {
    service: String,
    scheme: String,
    authority: String,
    /// As cargo's settings call it, or its URL.
    shown: String,
}

impl Index {
    /// # Errors
    /// For what is not reached over http: an index in git by ssh has no token.
    fn of(registry: &Registry) -> Result<Self, No> {
        let text = &registry.index_url;
        // A backslash is a slash to some readers of URLs: the host would be another one.
        if has_control(text) || text.contains('\\') {
            return Err(
                wrong("the URL of the index holds a control character or a backslash").into(),
            );
        }
        let url = text.strip_prefix("sparse+").unwrap_or(text);
        let (scheme, rest) = url.split_once("://").ok_or(No::UrlNotSupported)?;
        let scheme = scheme.to_ascii_lowercase();
        if !["http", "https"].contains(&scheme.as_str()) {
            return Err(No::UrlNotSupported);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // What stands before a host may be a secret: it is not shown.
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let named = registry.name.as_deref();
        Ok(Self {
            service: text.clone(),
            authority: authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host)
                .to_owned(),
            shown: named.map_or_else(|| format!("{scheme}://{place}"), str::to_owned),
            scheme,
        })
    }

    fn fits(&self, credential: &Credential) -> bool {
        credential
            .origin
            .as_deref()
            .is_some_and(|origin| origin::is_at(origin, Some(&self.scheme), &self.authority))
    }
}

fn get(
    index: &Index,
    request: Request,
    outside: &mut dyn Outside,
    err: &mut String,
) -> Result<Yes, No> {
    let operation = match request.operation.as_deref() {
        Some("read") => Operation::Read,
        Some("publish" | "yank" | "unyank" | "owners") => Operation::Upload,
        _ => return Err(No::OperationNotSupported),
    };
    let upload = (operation == Operation::Upload).then_some(Upload {
        project: request.name,
        version: request.vers,
        sha256: request.cksum,
        attenuate: None,
    });
    let mut question = Question {
        service: Some(index.service.clone()),
        operation: Some(operation),
        upload,
        ..Question::default()
    };
    let mut credential = asked(index, question.clone(), outside, err)?;
    if credential.name.is_none() {
        question.username = Some(TOKEN_USERNAME.to_owned());
        credential = asked(index, question, outside, err)?;
        if !is_own(index, &credential, outside)? {
            return Err(No::NotFound);
        }
    }
    if credential.password.is_none() {
        return Err(No::NotFound);
    }
    // The token is the whole header. Registries of cargo take it bare; an account makes it Basic.
    let token = credential
        .username
        .as_deref()
        .is_none_or(|own| own == TOKEN_USERNAME);
    let bare = token && credential.scheme == Scheme::Basic;
    let format = if bare {
        Format::Password
    } else {
        Format::Header
    };
    let mut token = render::credential(&credential, format)?;
    // The last byte is the end of the line.
    token.pop();
    Ok(Yes::Get {
        token,
        ends: credential.expires.as_deref().and_then(time::unix),
    })
}

fn asked(
    index: &Index,
    question: Question,
    outside: &mut dyn Outside,
    err: &mut String,
) -> Result<Credential, No> {
    let credential = match ask(outside, question)? {
        Answer::Found(credential) => credential,
        Answer::Miss(said) => {
            err.push_str(&said);
            return Err(No::NotFound);
        }
        Answer::Failed(failure) => return Err(failure.into()),
    };
    err.push_str(&render::warnings(&credential.warnings));
    if index.fits(&credential) {
        return Ok(credential);
    }
    let (provider, index) = (shown(&credential.provider), shown(&index.shown));
    let message = format!("the credential from {provider} is not one of {index}");
    Err(Failure::new(ErrorCode::Policy, message).into())
}

/// Whether this is a repository's, or a token that is stored under the index itself. An index names
/// the hosts that cargo sends its token to, crates.io's own is called by a URL at github.com: what
/// is there for the whole host, such as an account of git's, is not for those.
fn is_own(
    index: &Index,
    credential: &Credential,
    outside: &mut dyn Outside,
) -> Result<bool, Trouble> {
    if credential.name.is_some() {
        return Ok(true);
    }
    if credential.username.as_deref() != Some(TOKEN_USERNAME) {
        return Ok(false);
    }
    let plain = |url: &str| {
        let url = url.strip_prefix("sparse+").unwrap_or(url);
        url.trim_end_matches('/').to_owned()
    };
    let wanted = plain(&index.service);
    Ok(outside.list()?.credentials.iter().any(|listed| {
        listed.username.as_deref() == Some(TOKEN_USERNAME)
            && listed
                .url
                .as_deref()
                .is_some_and(|url| plain(url) == wanted)
    }))
}

fn login(
    index: &Index,
    request: Request,
    outside: &mut dyn Outside,
    err: &mut String,
) -> Result<Yes, No> {
    let token = if let Some(token) = request.token {
        token
    } else {
        let see = request.login_url.as_deref();
        let see = see.map_or_else(String::new, |url| format!(" (see {url})"));
        outside.secret(&format!("token for {}{see}", index.shown))?
    };
    if token.is_empty() {
        return Err(Failure::new(
            ErrorCode::Usage,
            format!("the token for {} is empty", shown(&index.shown)),
        )
        .into());
    }
    let changed = outside.set(Set {
        service: Some(index.service.clone()),
        username: Some(TOKEN_USERNAME.to_owned()),
        secret: Some(token),
        ..Set::default()
    })?;
    err.push_str(&render::warnings(&changed.warnings));
    Ok(Yes::Login)
}

/// Takes back what login stored, and nothing else.
fn logout(index: &Index, outside: &mut dyn Outside) -> Result<Yes, No> {
    let removed = outside.delete(Delete {
        service: Some(index.service.clone()),
        username: Some(TOKEN_USERNAME.to_owned()),
        ..Delete::default()
    });
    match removed {
        Ok(_) => Ok(Yes::Logout),
        Err(Trouble::Failed(failure)) if failure.code == ErrorCode::NotFound => Err(No::NotFound),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests;
