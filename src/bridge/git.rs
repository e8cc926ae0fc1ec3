//! git's credential helper: `git-credential-helper get|store|erase|capability`.
//!
//! Source: git's manuals `git-credential` and `gitcredentials`. Lines of `key=value` come in and go
//! out; a helper that has nothing says nothing, and git goes on to the next one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;

use credential_helper_protocol::text::{has_control, shown};
use credential_helper_protocol::{
    Credential, ErrorCode, Failure, Question, Report, Scheme, Secret, Set, render,
};
use zeroize::Zeroizing;

use super::answer::{Answer, ask, is_made};
use super::{Bridge, Outside, Said, Trouble, origin, time};

/// One line of the table of bridges.
pub(super) const BRIDGE: Bridge = Bridge {
    name: "git-credential-helper",
    turns: false,
    next: false,
    project: false,
    about: "git's credential helper",
    run,
};

/// The longest line, as in git's manual.
const LINE: usize = 65_535;

fn run(arguments: &[OsString], outside: &mut dyn Outside) -> Result<Said, Trouble> {
    // git puts the operation behind the arguments that the user has configured.
    let operation = arguments.last().and_then(|operation| operation.to_str());
    let done = match operation {
        None => Err(wrong("it is used as `git-credential-helper get`").into()),
        Some("capability") => Ok(Said::out(Zeroizing::new(
            b"version 0\ncapability authtype\n".to_vec(),
        ))),
        Some("get") => about(outside, get),
        Some("store") => about(outside, store),
        Some("erase") => about(outside, erase),
        // The manual: an operation that is yet to come is passed over.
        Some(_) => Ok(Said::nothing(0)),
    };
    match done {
        Err(Trouble::Failed(failure)) => Ok(Said::failed(&failure, failure.code.exit_status())),
        other => other,
    }
}

/// Does what is asked for the place that stands on standard input.
fn about(
    outside: &mut dyn Outside,
    act: fn(&Described<'_>, &mut dyn Outside) -> Result<Said, Trouble>,
) -> Result<Said, Trouble> {
    let input = outside.input()?;
    match Described::read(input.expose())? {
        Some(described) => act(&described, outside),
        None => Ok(Said::nothing(0)),
    }
}

/// What git says about a credential.
struct Described<'a> {
    scheme: &'a str,
    authority: &'a str,
    /// The place as a URL.
    url: String,
    username: Option<&'a str>,
    password: Option<&'a str>,
    /// There is an end, or a form of its own: nothing that could be kept.
    passing: bool,
    /// The caller understands other schemes than Basic.
    authtype: bool,
}

impl<'a> Described<'a> {
    /// Reads the lines; `None` where they are about nothing that is reached over http.
    ///
    /// # Errors
    /// `usage` for what git would never say; no value is repeated.
    fn read(text: &'a str) -> Result<Option<Self>, Failure> {
        let mut fields = BTreeMap::new();
        let mut authtype = false;
        for line in text.split('\n').take_while(|line| !line.is_empty()) {
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| wrong("a line without \"=\" stands on standard input"))?;
            if line.len() > LINE {
                return Err(wrong("a line on standard input is longer than 65535 bytes"));
            }
            match key {
                // A server's words, not used here; a header may hold tabs (RFC 9110, 5.5).
                "wwwauth[]" => continue,
                // An empty value begins the list anew.
                "capability[]" => authtype = !value.is_empty() && (authtype || value == "authtype"),
                _ => {}
            }
            // What comes behind a line break would be another line for whoever reads us.
            if has_control(line) {
                return Err(wrong("a line on standard input holds a control character"));
            }
            // A second host would be one that somebody has smuggled into a value.
            if fields.insert(key, value).is_some() && !key.ends_with("[]") {
                return Err(wrong("a key stands twice on standard input"));
            }
        }
        let field = |key: &str| fields.get(key).copied();
        let (Some(scheme), Some(authority)) = (field("protocol"), field("host")) else {
            return Ok(None);
        };
        if !["http", "https"].contains(&scheme) {
            return Ok(None);
        }
        // git decodes the host of a URL: `%2f` in it comes here as a slash.
        if !origin::is_authority(authority) {
            return Err(wrong("the host is none"));
        }
        let path = field("path").unwrap_or_default();
        let slash = if path.is_empty() { "" } else { "/" };
        let given = |key: &str| field(key).filter(|value| !value.is_empty());
        Ok(Some(Self {
            scheme,
            authority,
            url: format!("{scheme}://{authority}{slash}{}", encoded(path)),
            username: given("username"),
            password: field("password"),
            passing: ["password_expiry_utc", "authtype", "credential", "ephemeral"]
                .iter()
                .any(|key| given(key).is_some()),
            authtype,
        }))
    }

    fn question(&self) -> Question {
        Question {
            service: Some(self.url.clone()),
            username: self.username.map(str::to_owned),
            ..Question::default()
        }
    }

    /// Whether this is the credential of the place, and of the account where git names one.
    fn fits(&self, credential: &Credential) -> bool {
        let here = credential
            .origin
            .as_deref()
            .is_some_and(|origin| origin::is_at(origin, Some(self.scheme), self.authority));
        let own = credential.username.as_deref();
        here && self
            .username
            .is_none_or(|asked| own.is_none_or(|own| own == asked))
    }
}

fn wrong(reason: &str) -> Failure {
    Failure::new(
        ErrorCode::Usage,
        format!("could not answer git's credential protocol: {reason}"),
    )
}

/// git decodes the path of a URL; in a URL it stands encoded (RFC 3986, 3.3).
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn get(described: &Described<'_>, outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let credential = match ask(outside, described.question())? {
        Answer::Found(credential) => credential,
        Answer::Miss(err) => {
            return Ok(Said {
                err,
                ..Said::default()
            });
        }
        Answer::Failed(failure) => return Err(failure.into()),
    };
    if !described.fits(&credential) {
        return Err(Failure::new(
            ErrorCode::Policy,
            format!(
                "the credential from {} is not one of {}",
                shown(&credential.provider),
                shown(&described.url)
            ),
        )
        .hint("write the host as it stands in the URL of the repository; see `helper explain URL`")
        .into());
    }
    Ok(Said {
        out: lines(described, &credential)?,
        err: render::warnings(&credential.warnings),
        status: 0,
    })
}

/// What git is told of a credential; nothing where it could make nothing of it.
fn lines(
    described: &Described<'_>,
    credential: &Credential,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let secret = credential.password.as_ref().map(Secret::expose);
    let ends = credential.expires.as_deref().and_then(time::unix);
    let mut out = Lines::with_room_for(credential);
    match (credential.scheme, secret) {
        (Scheme::Bearer, Some(token)) if described.authtype => {
            out.line("capability[]", "authtype")?;
            out.line("authtype", "Bearer")?;
            out.line("credential", token)?;
            if ends.is_some() {
                // Another helper is not to keep it.
                out.line("ephemeral", "1")?;
            }
        }
        // Without the capability there is no way to say it.
        (Scheme::Bearer, _) => return Ok(Zeroizing::default()),
        (Scheme::Basic, secret) => {
            // Both have to be there for git; Poetry's empty username is one.
            let own = credential.username.as_deref().or(described.username);
            if let Some(username) = own.or(secret.and(Some(""))) {
                out.line("username", username)?;
            }
            if let Some(secret) = secret {
                out.line("password", secret)?;
            }
        }
    }
    if let (Some(_), Some(ends)) = (secret, ends) {
        out.line("password_expiry_utc", &ends.to_string())?;
    }
    Ok(out.0)
}

/// Lines in a buffer that is wiped and never moves.
struct Lines(Zeroizing<Vec<u8>>);

impl Lines {
    fn with_room_for(credential: &Credential) -> Self {
        let username = credential.username.as_deref().map_or(0, str::len);
        let secret = credential.password.as_ref();
        let secret = secret.map_or(0, |secret| secret.expose().len());
        // The account may be the one that git named.
        let room = username + secret + LINE + 256;
        Self(Zeroizing::new(Vec::with_capacity(room)))
    }

    fn line(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        if has_control(value) || key.len() + value.len() >= LINE {
            return Err(Failure::new(
                ErrorCode::Malformed,
                format!("the {key} for git holds a control character, or is too long"),
            )
            .hint("store the credential again"));
        }
        for part in [key, "=", value, "\n"] {
            self.0.extend_from_slice(part.as_bytes());
        }
        Ok(())
    }
}

/// git says this of every credential that a server took, also of those that it got here.
fn store(described: &Described<'_>, outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let (Some(username), Some(password)) = (described.username, described.password) else {
        return Ok(Said::nothing(0));
    };
    // The keyring does not know when a secret ends: kept, it would be in the way later.
    if described.passing || password.is_empty() {
        return Ok(Said::nothing(0));
    }
    let secret = Secret::from(password);
    // What is given here already, from wherever, needs no second place.
    if let Answer::Found(credential) = ask(outside, described.question())?
        && described.fits(&credential)
        && (is_made(&credential)
            || credential
                .password
                .as_ref()
                .is_some_and(|own| own.same(&secret)))
    {
        return Ok(Said::nothing(0));
    }
    let changed = outside.set(Set {
        service: Some(described.url.clone()),
        username: Some(username.to_owned()),
        secret: Some(secret),
        ..Set::default()
    })?;
    Ok(Said {
        err: render::warnings(&changed.warnings),
        ..Said::default()
    })
}

/// git says this of every credential that a server refused, also of those from elsewhere. Nothing
/// that is stored is removed: the user may have more use for it than one server on a bad day.
fn erase(described: &Described<'_>, outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let question = described.question();
    let credential = match ask(outside, question.clone())? {
        Answer::Found(credential) if described.fits(&credential) => credential,
        // Held back already, or never ours.
        _ => return Ok(Said::nothing(0)),
    };
    let same = credential.password.as_ref().zip(described.password);
    if same.is_some_and(|(own, refused)| !own.same(&Secret::from(refused))) {
        return Ok(Said::nothing(0));
    }
    outside.report(Report {
        question,
        outcome: "unauthorized".to_owned(),
    })?;
    let own = credential.username.as_deref().unwrap_or_default();
    let refused = Failure::new(
        ErrorCode::Rejected,
        format!(
            "{} refused the credential of \"{}\" from {} ({})",
            shown(&described.url),
            shown(own),
            shown(&credential.provider),
            shown(&credential.location)
        ),
    );
    let right = match &credential.name {
        Some(name) => format!("helper set {name} {own}"),
        None => format!("helper bridge keyring set {} {own}", described.url),
    };
    let hint = format!("store the right one with `{}`", right.trim_end());
    Ok(Said::failed(&refused.hint(hint), 0))
}

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;
