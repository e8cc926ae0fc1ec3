//! The command line of Python's keyring, 25.7: `keyring get SERVICE USERNAME` and its other forms.
//!
//! pip, uv, PDM, pipx, pipenv, pixi and Hatch start a program of this name, each in a dialect of
//! its own. For all of them nothing found is exit status 1 and not a word, because that is what
//! happens most of the time; only 0, 1 and 2 are known.

use std::ffi::OsString;

use credential_helper_protocol::text::shown;
use credential_helper_protocol::{
    Changed, Credential, Delete, EMPTY_USERNAME, ErrorCode, Failure, Place, Question, Set, limits,
    render,
};

use self::arguments::{Mode, Operation, Read, Wish};
use super::{Bridge, Outside, Said, Trouble};

mod arguments;
mod output;

/// One line of the table of bridges.
pub(super) const BRIDGE: Bridge = Bridge {
    name: "keyring",
    turns: false,
    next: true,
    project: true,
    about: "pip, uv, PDM and others that run Python's keyring",
    run,
};

/// The exit status of everything that is no usage error, found or not.
const MISS: u8 = 1;
/// The exit status of a usage error.
const USAGE: u8 = 2;

/// How Python's keyring tells of a backend: its name and how much it wants to be chosen.
const BACKENDS: &str = "credential_helper.bridge.Keyring (priority: 20)\n";

const SHORT_USAGE: &str = "\
usage: keyring [-h] [-p PATH] [-b BACKEND] [--list-backends] [--disable]
               [--mode {password,creds}] [--output {plain,json}]
               [--print-completion {bash,zsh,tcsh}]
               [{get,set,del,diagnose}] [service] [username]
";

const HELP: &str = "
Gives the credentials of helper to programs that ask Python's keyring.

commands:
  get SERVICE USERNAME      prints the password
  set SERVICE USERNAME      stores a password: from standard input, or asked for
  del SERVICE USERNAME      removes it
  diagnose                  where the settings of helper and its own data are

options:
  --mode password|creds     creds: username and password, USERNAME is optional
  --output plain|json       json: one object
  --list-backends           what answers
  -p, --keyring-path PATH, -b, --keyring-backend BACKEND
                            ignored: what answers is helper
  -h, --help                this text

SERVICE is a URL, a host, or poetry-repository-NAME. Nothing found: exit status 1.
";

fn run(arguments: &[OsString], outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let wish = match arguments::read(arguments) {
        Read::Wish(wish) => wish,
        Read::Help => return Ok(plain(&format!("{SHORT_USAGE}{HELP}"))),
        Read::Completion => {
            return Ok(failed(
                &Failure::new(
                    ErrorCode::Usage,
                    "could not print completions: there are none for the bridge keyring",
                )
                .hint("`helper completions` has those of helper"),
            ));
        }
        Read::Wrong(reason) => return Ok(usage(&reason)),
    };
    if wish.list_backends {
        return Ok(plain(BACKENDS));
    }
    if wish.disable {
        return Ok(failed(
            &Failure::new(
                ErrorCode::Policy,
                "could not disable the keyring: this is the bridge of helper, which has no such setting",
            )
            .hint("take its folder out of PATH, or run `poetry config keyring.enabled false` for the system keyring"),
        ));
    }
    let operation = match wish.operation {
        Some(Operation::Diagnose) => return diagnose(outside),
        Some(operation) => operation,
        None => return Ok(usage("say what to do: get, set, del, diagnose")),
    };
    let by_service = operation == Operation::Get && wish.mode == Mode::Creds;
    let (service, username) = match (wish.service, wish.username) {
        (Some(service), Some(username)) => (service, Some(username)),
        (Some(service), None) if by_service => (service, None),
        _ => {
            let wanted = if by_service {
                "a service"
            } else {
                "a service and a username"
            };
            return Ok(usage(&format!("{} wants {wanted}", operation.word())));
        }
    };
    let text = |what: &str, value: &OsString, limit: usize| match value.to_str() {
        Some(text) if text.len() <= limit => Ok(text.to_owned()),
        Some(_) => Err(refused(
            operation,
            what,
            &format!("is longer than {limit} bytes"),
        )),
        None => Err(refused(operation, what, "is not UTF-8")),
    };
    let place = text("service", service, limits::URL).and_then(|service| {
        let username = username.map(|name| text("username", name, limits::USERNAME));
        Ok((service, username.transpose()?))
    });
    let (service, username) = match place {
        Ok(place) => place,
        Err(failure) => return Ok(failed(&failure)),
    };
    let said = match operation {
        Operation::Set => set(outside, service, username.unwrap_or_default()),
        Operation::Del => delete(outside, service, username),
        _ => get(outside, &wish, service, username.as_deref()),
    };
    match said {
        Err(Trouble::Failed(failure)) => Ok(failed(&failure)),
        other => other,
    }
}

/// Nothing is told of what is not there: the tool goes on to its next place.
fn get(
    outside: &mut dyn Outside,
    wish: &Wish<'_>,
    service: String,
    username: Option<&str>,
) -> Result<Said, Trouble> {
    // PDM says an empty username where it knows none (`unearth/auth.py`).
    let account = username.filter(|name| !name.is_empty());
    let question = Question {
        service: Some(service),
        username: account.map(str::to_owned),
        ..Question::default()
    };
    let credential = match outside.get(question) {
        Ok(credential) => credential,
        Err(Trouble::Failed(failure)) if failure.code == ErrorCode::NotFound => {
            return Ok(Said::nothing(MISS));
        }
        Err(other) => return Err(other),
    };
    // A username alone is not what was asked for, and another account's secret never is.
    if credential.password.is_none() || !is_of(&credential, account) {
        return Ok(Said::nothing(MISS));
    }
    let form = output::Form {
        mode: wish.mode,
        json: wish.json,
        both_lines: username.is_some() && account.is_none(),
    };
    let out = output::text(&credential, form)?;
    Ok(Said {
        err: render::warnings(&credential.warnings),
        ..Said::out(out)
    })
}

/// Whether a credential is the asked account's.
fn is_of(credential: &Credential, asked: Option<&str>) -> bool {
    let found = credential.username.as_deref().unwrap_or_default();
    match asked {
        None => true,
        Some(EMPTY_USERNAME) => found.is_empty() || found == EMPTY_USERNAME,
        Some(asked) => found == asked,
    }
}

fn set(outside: &mut dyn Outside, service: String, username: String) -> Result<Said, Trouble> {
    // Named as Python's keyring names it.
    let secret = outside.secret(&format!("Password for '{username}' in '{service}'"))?;
    if secret.is_empty() {
        // Far more often an unset variable than an empty password; Python's refuses it as well.
        let failure = refused(Operation::Set, "password", "is empty");
        return Err(failure
            .hint("`helper set NAME USERNAME` stores an empty one")
            .into());
    }
    let changed = outside.set(Set {
        service: Some(service),
        username: Some(username),
        secret: Some(secret),
        ..Set::default()
    })?;
    Ok(done(&changed))
}

fn delete(
    outside: &mut dyn Outside,
    service: String,
    username: Option<String>,
) -> Result<Said, Trouble> {
    let absent = refused(Operation::Del, "service", "holds no such account");
    let changed = outside.delete(Delete {
        service: Some(service),
        username,
        ..Delete::default()
    })?;
    if changed.removed.is_empty() {
        return Err(absent.into());
    }
    Ok(done(&changed))
}

/// A change is silent, but for what stays in its way.
fn done(changed: &Changed) -> Said {
    let left = changed.left.iter().map(|place| {
        let Place { provider, location } = place;
        format!("{provider} ({location}) still answers and was left alone")
    });
    let warnings: Vec<String> = left.chain(changed.warnings.iter().cloned()).collect();
    Said {
        err: render::warnings(&warnings),
        ..Said::default()
    }
}

fn diagnose(outside: &mut dyn Outside) -> Result<Said, Trouble> {
    let places = match outside.places() {
        Err(Trouble::Failed(failure)) => return Ok(failed(&failure)),
        other => other?,
    };
    let absent = if places.settings_exist {
        ""
    } else {
        " (absent)"
    };
    let told = |path: std::path::PathBuf| shown(&path.to_string_lossy());
    Ok(plain(&format!(
        "config path: {}{absent}\ndata root: {}\n",
        told(places.settings),
        told(places.state)
    )))
}

/// Text without a secret.
fn plain(text: &str) -> Said {
    Said::out(text.as_bytes().to_vec().into())
}

/// For people one line and what to try; for the tool it is as if nothing were there.
fn failed(failure: &Failure) -> Said {
    Said::failed(failure, MISS)
}

fn refused(operation: Operation, what: &str, why: &str) -> Failure {
    let doing = match operation {
        Operation::Set => "store",
        Operation::Del => "remove",
        Operation::Get | Operation::Diagnose => "look up",
    };
    let message = format!("could not {doing} a password: the {what} {why}");
    Failure::new(ErrorCode::Usage, message)
}

/// In Python's form, but without what was given: it may be a password.
fn usage(reason: &str) -> Said {
    Said {
        err: format!("{SHORT_USAGE}keyring: error: {reason}\n"),
        ..Said::nothing(USAGE)
    }
}

#[cfg(test)]
mod tests;
