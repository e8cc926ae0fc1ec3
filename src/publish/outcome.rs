//! How the upload of each file ended.

use credential_helper_protocol::Failure;
use serde::Serialize;

use super::distribution::Distribution;

/// In a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It is there now.
    Uploaded,
    /// The same bytes were there.
    AlreadyThere,
    /// A file of this name was there, and `--skip-existing` was given.
    Skipped,
    /// It must not be sent, or the server did not take it.
    Failed,
    /// It was not its turn.
    NotSent,
}

impl Ended {
    /// The word used in JSON and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::AlreadyThere => "already-there",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::NotSent => "not-sent",
        }
    }
}

/// Of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub filename: String,
    /// Its digest; unset where it could not be read.
    pub sha256: Option<String>,
    /// How it ended.
    pub result: Ended,
    /// What the server answered last.
    pub status: Option<u16>,
    /// More, for people.
    pub message: Option<String>,
    /// Why it failed.
    #[serde(skip)]
    pub failure: Option<Failure>,
}

impl Outcome {
    /// Of a file that was read.
    pub fn new(one: &Distribution, result: Ended) -> Self {
        Self {
            filename: one.filename.clone(),
            sha256: Some(one.digests.sha256.clone()),
            result,
            status: None,
            message: None,
            failure: None,
        }
    }

    /// The same with more to say.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same with the server's answer.
    #[must_use]
    pub fn status(mut self, status: Option<u16>) -> Self {
        self.status = status;
        self
    }

    /// Of a file that failed.
    pub fn failed(one: &Distribution, failure: Failure) -> Self {
        Self {
            message: Some(failure.message.clone()),
            failure: Some(failure),
            ..Self::new(one, Ended::Failed)
        }
    }
}
