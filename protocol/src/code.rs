//! The closed list of errors, and what the other side does about each.

use serde::{Deserialize, Serialize};

/// Why there is no credential. The list is closed: a new kind needs a new interface name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The request itself is wrong; asking again will not help.
    Usage,
    /// Every place was asked and none has it. The only error after which a caller may go on to
    /// another source of credentials.
    NotFound,
    /// The agent or a keyring is locked.
    Locked,
    /// A provider, or the agent itself, could not be reached or is broken.
    Unavailable,
    /// A provider did not answer within its time.
    TimedOut,
    /// A file or an answer could not be understood.
    Malformed,
    /// The name is bound to another origin.
    OriginChanged,
    /// A rule of the user or of the product forbids it.
    Policy,
    /// The secret would travel over plain http.
    InsecureTransport,
    /// A server has just refused this very secret.
    Rejected,
    /// There is no set of packages that fulfils the requirements.
    Unsatisfiable,
    /// The client's settings or state folder is not the agent's: do the work without the agent.
    OtherSettings,
    /// A fault of ours.
    Internal,
}

/// Each code with the name of its Varlink error and its word in JSON.
const TABLE: [(ErrorCode, &str, &str); 13] = [
    (ErrorCode::Usage, "Usage", "usage"),
    (ErrorCode::NotFound, "NotFound", "not-found"),
    (ErrorCode::Locked, "Locked", "locked"),
    (ErrorCode::Unavailable, "Unavailable", "unavailable"),
    (ErrorCode::TimedOut, "TimedOut", "timed-out"),
    (ErrorCode::Malformed, "Malformed", "malformed"),
    (ErrorCode::OriginChanged, "OriginChanged", "origin-changed"),
    (ErrorCode::Policy, "Policy", "policy"),
    (
        ErrorCode::InsecureTransport,
        "InsecureTransport",
        "insecure-transport",
    ),
    (ErrorCode::Rejected, "Rejected", "rejected"),
    (ErrorCode::Unsatisfiable, "Unsatisfiable", "unsatisfiable"),
    (ErrorCode::OtherSettings, "OtherSettings", "other-settings"),
    (ErrorCode::Internal, "Internal", "internal"),
];

impl ErrorCode {
    /// The word that `--json` prints.
    pub fn word(self) -> &'static str {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or("internal", |row| row.2)
    }

    /// The last part of the Varlink error's name.
    pub fn varlink(self) -> &'static str {
        TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or("Internal", |row| row.1)
    }

    /// The code of a Varlink error, whole name or last part; `None` for a name not in the list.
    pub fn from_varlink(name: &str) -> Option<Self> {
        let last = name.rsplit('.').next()?;
        TABLE.iter().find(|row| row.1 == last).map(|row| row.0)
    }

    /// The exit status of a command that ends with this code.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::NotFound | Self::Unsatisfiable => 1,
            Self::Usage => 2,
            Self::OriginChanged | Self::Policy | Self::InsecureTransport => 4,
            Self::Rejected => 5,
            Self::Locked
            | Self::Unavailable
            | Self::TimedOut
            | Self::Malformed
            | Self::OtherSettings
            | Self::Internal => 3,
        }
    }
}

/// What one provider said, for the `providers` list of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderAnswer {
    /// The provider's name, one of the closed list of `SPECIFICATION.md`.
    pub name: String,
    /// Its answer: `not-found`, `locked`, `timed-out`, `unavailable`, `malformed`, `skipped`...
    pub answer: String,
}

/// An error as it travels and as it is shown: never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind; on the wire it is the error's name, so it is not part of the parameters.
    #[serde(skip, default = "internal")]
    pub code: ErrorCode,
    /// What we were doing, to which thing: lower case, no full stop.
    pub message: String,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Every provider that was asked, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderAnswer>,
}

fn internal() -> ErrorCode {
    ErrorCode::Internal
}

impl Failure {
    /// An error without a hint.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            providers: Vec::new(),
        }
    }

    /// The same error with what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, TABLE};

    #[test]
    fn names_lead_back_to_their_code() {
        for (code, varlink, word) in TABLE {
            assert_eq!(
                ErrorCode::from_varlink(&format!("a.b.{varlink}")),
                Some(code)
            );
            assert_eq!(code.word(), word);
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{word}\""));
        }
        assert_eq!(ErrorCode::from_varlink("a.b.Nothing"), None);
    }
}
