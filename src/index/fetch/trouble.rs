//! Why a source has not answered: what it said, and the error that a command ends with.

use std::path::Path;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

use super::credentials::Held;
use super::seen::plain;
use crate::domain::text::shown;
use crate::http::{Broken, Reply, origin};
use crate::index::source::Source;

/// What a source said, in the words of `index explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It has the project.
    Served,
    /// It does not have it: 404, or 410.
    Absent,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// Anything else.
    Error,
    /// It was not asked.
    Skipped,
}

impl Word {
    /// The word used in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Absent => "absent",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// A source that could not be asked, or refused. Never a miss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it said.
    pub word: Word,
    /// The status, where there was an answer.
    pub status: Option<u16>,
    /// The provider of the credential that was sent.
    pub provider: Option<String>,
    /// The error, which names the source.
    pub failure: Failure,
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        trouble.failure
    }
}

impl Trouble {
    /// The credential could not be had.
    pub(super) fn asking(source: &Source, failure: Failure) -> Self {
        let message = format!(
            "cannot ask the source {}: {}",
            shown(source.label()),
            failure.message
        );
        Self {
            word: Word::Error,
            status: None,
            provider: None,
            failure: Failure { message, ..failure },
        }
    }

    /// There was no answer that can be used.
    pub(super) fn broken(source: &Source, url: &Url, broken: &Broken) -> Self {
        let code = match broken {
            Broken::Reply(Reply::TimedOut) => ErrorCode::TimedOut,
            _ => ErrorCode::Unavailable,
        };
        let hint = match broken {
            Broken::Reply(Reply::TimedOut) => "try again, or with a longer --timeout",
            Broken::Reply(Reply::Tls(_)) => {
                "helper config certificates.NAME.cert PATH names the authority of a company's server"
            }
            _ => "check the URL with `helper source show`, and the network with `helper doctor`",
        };
        Self {
            word: Word::Error,
            status: None,
            provider: None,
            failure: Failure::new(
                code,
                format!(
                    "cannot read {} from the source {}: {}",
                    plain(url),
                    shown(source.label()),
                    broken.words()
                ),
            )
            .hint(hint),
        }
    }

    /// The request was made without a part of the user's settings for TLS, which this may be for
    /// want of: a certificate that is not believed, or a server that wants to see one of ours.
    pub(super) fn without(mut self, hint: Option<String>) -> Self {
        if matches!(self.status, None | Some(400 | 401 | 403)) {
            self.failure.hint = hint.or(self.failure.hint);
        }
        self
    }

    /// The answer is not what it should be.
    pub(in crate::index) fn malformed(source: &Source, url: &Url, why: &str) -> Self {
        let label = shown(source.label());
        let what = plain(url);
        // Where the page came from says more than where it was asked for.
        let hint = if origin(url) == origin(&source.url) {
            "check that the URL is that of a simple index, and the credential"
        } else {
            "a redirect led there: it may be a login page; check the source's credential"
        };
        Self {
            word: Word::Error,
            status: Some(200),
            provider: None,
            failure: Failure::new(
                ErrorCode::Malformed,
                format!("cannot use what the source {label} answers at {what}: {why}"),
            )
            .hint(hint),
        }
    }

    /// A folder, or a page on disk, cannot be read.
    pub(in crate::index) fn local(source: &Source, path: &Path, why: &str) -> Self {
        let message = format!(
            "cannot read the source {} at {}: {why}",
            shown(source.label()),
            shown(&path.to_string_lossy())
        );
        Self {
            word: Word::Error,
            status: None,
            provider: None,
            failure: Failure::new(ErrorCode::Unavailable, message)
                .hint("check the path with `helper source show`"),
        }
    }

    /// A status that is no answer.
    pub(super) fn status(
        source: &Source,
        url: &Url,
        status: u16,
        held: Option<&Held>,
        foreign: bool,
    ) -> Self {
        let label = shown(source.label());
        let name = source.credential_name().map(shown);
        let what = plain(url);
        let (code, word, message) = match (status, held) {
            (401 | 403, Some(held)) => (
                ErrorCode::Rejected,
                refused(status),
                format!(
                    "the source {label} refused the credential {} with {status} for {what}",
                    held.told()
                ),
            ),
            (401 | 403, None) => (
                ErrorCode::Rejected,
                refused(status),
                format!(
                    "the source {label} answers {status} for {what}: no credential was sent, \
                     because there is none for this place"
                ),
            ),
            _ => (
                ErrorCode::Unavailable,
                Word::Error,
                format!("the source {label} answers {status} for {what}"),
            ),
        };
        let named = name.as_deref().unwrap_or("NAME");
        let hint = match (word, held, foreign.then(|| origin(url)).flatten()) {
            (Word::Error, ..) => {
                "try again later; `helper index explain` shows what each source says".to_owned()
            }
            (_, None, Some(origin)) => format!(
                "if its files are there, add to [repositories.{named}] in config.toml: \
                 also = [\"{origin}/\"]"
            ),
            (_, None, None) if name.is_none() => {
                format!("helper set NAME --url {}", plain(&source.url))
            }
            (_, None, None) => format!("helper set {named} --url {}", plain(&source.url)),
            (_, Some(_), _) => format!(
                "store the right one with `helper set {named}`; `helper explain {}` shows where it \
                 comes from",
                name.clone().unwrap_or_else(|| plain(&source.url))
            ),
        };
        Self {
            word,
            status: Some(status),
            provider: held.map(|held| held.provider.clone()),
            failure: Failure::new(code, message).hint(hint),
        }
    }
}

fn refused(status: u16) -> Word {
    if status == 401 {
        Word::Unauthorized
    } else {
        Word::Forbidden
    }
}
