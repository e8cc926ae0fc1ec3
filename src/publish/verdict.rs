//! A server's no, in words: what it means for the file, and what to try.

use credential_helper_protocol::{ErrorCode, Failure};

use super::answers::Meaning;
use super::compare::{Seen, why};
use super::distribution::Distribution;
use super::outcome::{Ended, Outcome};
use crate::domain::url::RepositoryUrl;
use crate::http::Reply;

/// The server did not take a file.
pub(super) fn refused(one: &Distribution, why: &str) -> Failure {
    let message = format!("{} was not uploaded: {why}", one.filename);
    Failure::new(ErrorCode::Rejected, message)
}

/// The index has these bytes.
pub(super) fn already_there(one: &Distribution) -> Outcome {
    Outcome::new(one, Ended::AlreadyThere)
}

/// The server has some bytes under this name, and that is enough.
pub(super) fn skipped(one: &Distribution) -> Outcome {
    Outcome::new(one, Ended::Skipped).saying("the server has a file of this name")
}

/// The index has other bytes under this name.
pub(super) fn different(one: &Distribution, skip_existing: bool) -> Outcome {
    let what = "the server has a file of this name with other bytes";
    if skip_existing {
        return skipped(one).saying(what);
    }
    let hint = "upload another version; --skip-existing leaves it out";
    Outcome::failed(one, refused(one, what).hint(hint))
}

/// A no that has the same reason whatever the index has.
pub(super) fn never(
    one: &Distribution,
    means: Meaning,
    told: &str,
    url: &RepositoryUrl,
    with_credential: bool,
) -> Outcome {
    let (what, hint) = match means {
        Meaning::Unauthorized if with_credential => (
            format!("the server refused the credential ({told})"),
            "`helper explain NAME --operation upload` tells where it came from",
        ),
        Meaning::Unauthorized => (
            format!("the server wants a credential ({told})"),
            "helper set NAME, or --username and --password",
        ),
        Meaning::NotForUploads => (
            format!("{url} takes no uploads ({told})"),
            "give the upload URL, which is not the index's: a slash may be missing at its end",
        ),
        _ => (
            format!("it is too large for the server ({told})"),
            "leave out what is not needed, or ask for more room",
        ),
    };
    Outcome::failed(one, refused(one, &what).hint(hint))
}

/// A no whose reason the index knows better.
pub(super) fn no(
    one: &Distribution,
    seen: Seen,
    means: Meaning,
    told: &str,
    skip_existing: bool,
) -> Outcome {
    let (what, hint) = match (seen, means) {
        (Seen::Same, _) => return already_there(one),
        (Seen::Different, _) => return different(one, skip_existing),
        (_, Meaning::There) if skip_existing => return skipped(one),
        (seen, Meaning::There) => {
            let why = match seen {
                Seen::Unknown(why) => why,
                Seen::Unhashed => "the index has no SHA-256 of it".to_owned(),
                _ => "the index does not show it".to_owned(),
            };
            let what = format!(
                "the server has a file of this name ({told}), and whether it is the same cannot \
                 be told: {why}"
            );
            (
                what,
                Some("--skip-existing leaves it out, whatever its bytes are"),
            )
        }
        (_, Meaning::Used) => (
            format!("a file of this name was deleted there ({told})"),
            Some("the name cannot be used again: upload another version"),
        ),
        (_, Meaning::Reserved) => (format!("its name is reserved ({told})"), None),
        (_, Meaning::Forbidden) => (
            format!("the server forbids it to this account, or its password is wrong ({told})"),
            Some("`helper explain NAME --operation upload` tells which account was used"),
        ),
        _ => (format!("the server refused it ({told})"), None),
    };
    let failure = refused(one, &what);
    let failure = match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    };
    Outcome::failed(one, failure)
}

/// Why no further attempt is made although there was no answer; `None` where one may help.
pub(super) fn unanswered(
    one: &Distribution,
    url: &RepositoryUrl,
    reply: &Reply,
) -> Option<Failure> {
    match reply {
        Reply::Redirect(origin) => {
            let message = format!(
                "{} was not uploaded: {url} sends on to {origin}, and the credential does not go \
                 there",
                one.filename
            );
            let hint = "if that is the right place, give its upload URL with -r";
            Some(Failure::new(ErrorCode::Policy, message).hint(hint))
        }
        Reply::Tls(_) => {
            let message = format!("cannot connect to {}: {}", url.origin(), why(reply));
            let hint = "name its authority with --cert, your own certificate with --client-cert";
            Some(Failure::new(ErrorCode::Unavailable, message).hint(hint))
        }
        _ => None,
    }
}
