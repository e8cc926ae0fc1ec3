//! Why the Secret Service could not be asked, and how that is told.

use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure};
use zbus::zvariant::OwnedObjectPath;

use crate::domain::credential::{Answer, Why};
use crate::provider::value::seconds;

/// Why an operation failed. Only the names of D-Bus errors are looked at: their texts are other
/// people's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// This object, a collection or an item, is locked.
    Locked(OwnedObjectPath),
    /// The connection, the session or the service went away: worth a second try on a new one.
    Lost,
    /// An object went away between two calls: worth a second try.
    Gone,
    /// There is no keyring here.
    Absent(String),
    /// There is a keyring, which shows nothing: not what it will show once it has started or a
    /// database is open in it.
    Empty,
    /// Something is there that we do not trust.
    Refused(String),
    /// The two ends of the session have not the same key: worth a second try in a new session.
    ///
    /// `KWallet` 5.103 leaves out the leading zeros of the shared key (one session in 256), and
    /// takes no public key that begins with one (another).
    Garbled,
    /// An answer could not be understood.
    Malformed(String),
    /// Something else is wrong.
    Broken(String),
    /// No answer within this time.
    TimedOut(Duration),
}

impl Trouble {
    /// Whether a second try on a new connection, with a new session, may do better.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Lost | Self::Gone | Self::Garbled)
    }

    /// What a failed call to an object means.
    pub(super) fn of_call(error: &zbus::Error, object: &OwnedObjectPath, method: &str) -> Self {
        use zbus::Error;
        let name = match error {
            Error::MethodError(name, ..) => name.as_str(),
            Error::InputOutput(_) | Error::Handshake(_) | Error::Connection(..) => {
                return Self::Lost;
            }
            Error::Variant(_) | Error::InvalidReply | Error::InvalidField | Error::ExcessData => {
                return Self::unclear(method);
            }
            _ => return Self::Broken(format!("the call of {method} failed")),
        };
        match name {
            "org.freedesktop.Secret.Error.IsLocked" => Self::Locked(object.clone()),
            "org.freedesktop.Secret.Error.NoSession"
            | "org.freedesktop.DBus.Error.ServiceUnknown"
            | "org.freedesktop.DBus.Error.NameHasNoOwner"
            | "org.freedesktop.DBus.Error.NoReply"
            | "org.freedesktop.DBus.Error.Disconnected" => Self::Lost,
            "org.freedesktop.Secret.Error.NoSuchObject"
            | "org.freedesktop.DBus.Error.UnknownObject"
            | "org.freedesktop.DBus.Error.UnknownInterface"
            | "org.freedesktop.DBus.Error.UnknownMethod" => Self::Gone,
            "org.freedesktop.DBus.Error.InvalidArgs" if method == "OpenSession" => Self::Garbled,
            name => Self::Broken(format!("the keyring answered {method} with {name}")),
        }
    }

    /// What a failed call of `secret_service` to an object means.
    pub(super) fn of_session(
        error: &secret_service::Error,
        object: &OwnedObjectPath,
        method: &str,
    ) -> Self {
        use secret_service::Error;
        match error {
            Error::Zbus(error) => Self::of_call(error, object, method),
            Error::Crypto(_) => Self::Garbled,
            Error::Zvariant(_) => Self::unclear(method),
            Error::Locked => Self::Locked(object.clone()),
            Error::Prompt => Self::Broken(format!(
                "the keyring's question about {method} was dismissed"
            )),
            Error::PromptDisconnected | Error::Unavailable => Self::Lost,
            _ => Self::Broken(format!("the call of {method} failed")),
        }
    }

    /// An answer that has not the form it should have.
    pub(super) fn unclear(method: &str) -> Self {
        Self::Malformed(format!(
            "the keyring's answer to {method} cannot be understood"
        ))
    }

    fn why(&self) -> Why {
        match self {
            Self::Locked(_) => Why::Locked,
            Self::TimedOut(_) => Why::TimedOut,
            Self::Malformed(_) | Self::Garbled => Why::Malformed,
            Self::Lost
            | Self::Gone
            | Self::Absent(_)
            | Self::Empty
            | Self::Refused(_)
            | Self::Broken(_) => Why::Unavailable,
        }
    }

    /// For people, in our own words.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Locked(object) => format!("{} is locked", super::items::place(object)),
            Self::Lost => "the keyring went away while it was asked".to_owned(),
            Self::Gone => "the keyring's entries changed while they were read".to_owned(),
            Self::Garbled => "the keyring's answer cannot be decrypted".to_owned(),
            Self::Empty => {
                "the keyring shows no collection: it is starting, or has no database open"
                    .to_owned()
            }
            Self::TimedOut(time) => {
                format!("the keyring did not answer within {} s", seconds(*time))
            }
            Self::Absent(detail)
            | Self::Refused(detail)
            | Self::Malformed(detail)
            | Self::Broken(detail) => detail.clone(),
        }
    }

    /// As an answer.
    pub(super) fn answer(&self) -> Answer {
        Answer::failed(self.why(), self.detail())
    }

    /// As an error of what we were doing (`cannot ...`).
    pub(super) fn failure(&self, doing: &str) -> Failure {
        let code: ErrorCode = self.why().code();
        let failure = Failure::new(code, format!("{doing}: {}", self.detail()));
        match self {
            Self::Locked(_) => failure.hint("run `helper agent unlock`"),
            Self::TimedOut(_) => failure.hint(
                "look for a window of the keyring that waits for an answer, or restart the keyring",
            ),
            Self::Lost | Self::Gone | Self::Garbled => failure.hint("try again"),
            Self::Absent(_) => failure.hint(
                "start a keyring (gnome-keyring, KWallet, KeePassXC), or switch it off with `helper config keyring.enabled false`",
            ),
            Self::Empty => failure.hint(
                "try again, or open a database in the keyring, or switch it off with `helper config keyring.enabled false`",
            ),
            Self::Refused(_) | Self::Malformed(_) | Self::Broken(_) => {
                failure.hint("run `helper doctor`")
            }
        }
    }
}

/// Why nothing came of what was asked for.
pub(super) enum Refusal {
    /// It could not be done.
    Trouble(Trouble),
    /// The keyring's own window was not answered as it must be.
    Prompt(Failure),
}

impl Refusal {
    /// As an error of what we were doing (`cannot ...`).
    pub(super) fn failure(self, doing: &str) -> Failure {
        match self {
            Self::Trouble(trouble) => trouble.failure(doing),
            Self::Prompt(failure) => failure,
        }
    }
}
